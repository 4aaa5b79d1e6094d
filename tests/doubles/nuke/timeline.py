"""A small Nuke Studio in memory: the modules ``hiero.core`` and ``hiero.ui`` with one timeline.

It has only what the adapter uses, and any other name is recorded as misuse. The docstring of each method names its
source: "Studio" is Python code that Foundry installs with Nuke Studio, by its path below the package ``hiero``;
"ayon-hiero" is the public integration of that name, by its path below ``client/ayon_hiero``. ``with studio(nuke)``
makes ``import hiero.core`` work.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable

from doubles.nuke.knobs import require_type

if TYPE_CHECKING:
    from doubles.nuke.program import Nuke


class _Strict:
    """An object of the program: its methods are for the main thread, and an unknown one is a misuse."""

    _nuke: Nuke

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            object.__getattribute__(self, "_nuke").guard(f"{type(self).__name__}.{name}")
        return object.__getattribute__(self, name)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            self._nuke.misuses.append(f"{type(self).__name__}.{name} is not modelled; model it before you use it")
        raise AttributeError(name)


class TimeBase(_Strict):
    """A frame rate."""

    def __init__(self, nuke: Nuke, numerator: int, denominator: int) -> None:
        self._nuke, self._rate = nuke, (numerator, denominator)

    def isValid(self) -> bool:  # noqa: N802 - the program's own names
        """Source: Studio, exporters/FnNukeShotExporter.py."""
        return self._rate[0] > 0

    def toRational(self) -> tuple[int, int]:  # noqa: N802
        """Source: ayon-hiero, api/otio/utils.py."""
        return self._rate


class FileInfo(_Strict):
    """The files of a media source."""

    def __init__(self, nuke: Nuke, pattern: str) -> None:
        self._nuke, self._pattern = nuke, pattern

    def filename(self) -> str:
        """Source: Studio, core/FnExporterBase.py."""
        return self._pattern


class MediaSource(_Strict):
    """The media of a clip."""

    def __init__(self, nuke: Nuke, pattern: str) -> None:
        self._nuke, self._pattern = nuke, pattern

    def fileinfos(self) -> list[FileInfo]:
        """Source: Studio, core/FnExporterBase.py."""
        return [FileInfo(self._nuke, self._pattern)]


class Clip(_Strict):
    """A clip of the bin. Its frames are counted from 0; ``first`` is the number of the first file, 0 of a movie."""

    def __init__(self, nuke: Nuke, pattern: str, first: int, duration: int, colour: str = "default") -> None:
        self._nuke, self._pattern, self._first, self._duration, self._colour = nuke, pattern, first, duration, colour

    def mediaSource(self) -> MediaSource:  # noqa: N802
        """Source: Studio, core/FnExporterBase.py."""
        return MediaSource(self._nuke, self._pattern)

    def sourceIn(self) -> int:  # noqa: N802
        """Source: Studio, core/FnNukeHelpers.py: "First frame of an image sequence. Zero if quicktime/r3d"."""
        return self._first

    def duration(self) -> int:
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._duration

    def sourceMediaColourTransform(self) -> str:  # noqa: N802
        """Source: ayon-hiero, api/otio/hiero_export.py."""
        return self._colour


class SequenceOfTracks(_Strict):
    """A sequence: ``hiero.core.Sequence``."""

    def __init__(self, nuke: Nuke, name: str, rate: tuple[int, int]) -> None:
        self._nuke, self._name, self._rate = nuke, name, rate

    def name(self) -> str:
        """Source: Studio, examples/spreadsheet_csv_export.py."""
        return self._name

    def framerate(self) -> TimeBase:
        """Source: Studio, examples/spreadsheet_csv_export.py."""
        return TimeBase(self._nuke, *self._rate)


class _Track(_Strict):
    def __init__(self, nuke: Nuke, name: str, sequence: SequenceOfTracks) -> None:
        self._nuke, self._name, self._sequence = nuke, name, sequence
        self._layers: tuple[tuple[EffectTrackItem, ...], ...] = ()

    def name(self) -> str:
        """Source: Studio, examples/spreadsheet_csv_export.py."""
        return self._name

    def parent(self) -> SequenceOfTracks:
        """Source: Studio, core/FnExporterBase.py."""
        return self._sequence

    def subTrackItems(self) -> tuple[tuple[EffectTrackItem, ...], ...]:  # noqa: N802
        """Source: Studio, core/FnEffectHelpers.py."""
        return self._layers


class VideoTrack(_Track):
    """A track of images."""


class AudioTrack(_Track):
    """A track of sound."""


class EffectNode(_Strict):
    """The node of an effect."""

    def __init__(self, nuke: Nuke, kind: str) -> None:
        self._nuke, self._kind = nuke, kind

    def Class(self) -> str:  # noqa: N802
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._kind


class EffectTrackItem(_Strict):
    """A soft effect over a part of a track, linked to items or to none."""

    def __init__(self, nuke: Nuke, kind: str, span: tuple[int, int], linked: Sequence[TrackItem] = ()) -> None:
        self._nuke, self._kind, self._span, self._linked = nuke, kind, span, linked
        self._is_enabled = True

    def isEnabled(self) -> bool:  # noqa: N802
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._is_enabled

    def node(self) -> EffectNode:
        """Source: Studio, core/FnNukeHelpers.py."""
        return EffectNode(self._nuke, self._kind)

    def linkedItems(self) -> tuple[TrackItem, ...]:  # noqa: N802
        """Source: Studio, core/__init__.py; ayon-hiero, api/otio/hiero_export.py."""
        return tuple(self._linked)

    def timelineIn(self) -> int:  # noqa: N802
        """Source: Studio, core/FnEffectHelpers.py."""
        return self._span[0]

    def timelineOut(self) -> int:  # noqa: N802
        """Source: Studio, core/FnEffectHelpers.py."""
        return self._span[1]


class MediaType(enum.Enum):
    """The kinds of items. Source: Studio, core/__init__.py."""

    kVideo = 1  # noqa: N815
    kAudio = 2  # noqa: N815


class TrackItem(_Strict):
    """An item of a track: a part of a clip at a place of the timeline."""

    MediaType = MediaType

    def __init__(self, nuke: Nuke, name: str, track: _Track, clip: Any, shown: tuple[float, float], at: int) -> None:
        self._nuke, self._name, self._track, self._clip = nuke, name, track, clip
        self._shown, self._at = shown, at
        self._speed = 1.0
        self._is_enabled = self._is_present = self._exists = True
        self._duration = round(abs(shown[1] - shown[0])) + 1

    def __bool__(self) -> bool:
        """Source: Studio, core/FnExporterBase.py: an item without an object of the program is false."""
        return self._exists

    def name(self) -> str:
        """Source: Studio, examples/spreadsheet_csv_export.py."""
        return self._name

    def parent(self) -> Any:
        """Source: Studio, core/FnExporterBase.py."""
        return self._track

    def source(self) -> Any:
        """Source: Studio, core/FnExporterBase.py: a clip, or a nested sequence."""
        return self._clip

    def mediaType(self) -> MediaType:  # noqa: N802
        """Source: Studio, core/__init__.py."""
        return MediaType.kAudio if isinstance(self._track, AudioTrack) else MediaType.kVideo

    def sourceIn(self) -> float:  # noqa: N802
        """Source: Studio, core/FnExporterBase.py: from the start of the clip, and larger than sourceOut if reversed."""
        return float(self._shown[0])

    def sourceOut(self) -> float:  # noqa: N802
        """Source: Studio, core/FnNukeHelpers.py: it may be a fraction."""
        return float(self._shown[1])

    def timelineIn(self) -> int:  # noqa: N802
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._at

    def timelineOut(self) -> int:  # noqa: N802
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._at + self._duration - 1

    def duration(self) -> int:
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._duration

    def playbackSpeed(self) -> float:  # noqa: N802
        """Source: Studio, core/FnExporterBase.py: negative if reversed, 0.0 for a freeze frame."""
        return self._speed

    def isEnabled(self) -> bool:  # noqa: N802
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._is_enabled

    def isMediaPresent(self) -> bool:  # noqa: N802
        """Source: Studio, exporters/FnShotProcessor.py."""
        return self._is_present


class View(_Strict):
    """A timeline editor, or another view that has a selection."""

    def __init__(self, studio: NukeStudio) -> None:
        self._nuke, self._studio = studio.nuke, studio

    def selection(self) -> tuple[Any, ...]:
        """Source: Studio, ui/CopyCuts.py; a tuple."""
        return tuple(self._studio.selected)

    def setSelection(self, items: list[Any]) -> None:  # noqa: N802
        """Source: ayon-hiero, api/lib.py."""
        require_type(items, list, "setSelection")
        self._studio.selected = list(items)


class Action:
    """A command of a menu, as Qt's QAction."""

    def __init__(self, text: str, method: Callable[..., object]) -> None:
        self.text, self.is_enabled, self._method = text, True, method

    def setEnabled(self, is_enabled: bool) -> None:  # noqa: N802
        require_type(is_enabled, bool, "setEnabled")
        self.is_enabled = is_enabled

    def trigger(self) -> None:
        # The signal of Qt has an argument.
        self._method(False)


class ContextMenu:
    """The menu of a right click, as Qt's QMenu."""

    def __init__(self) -> None:
        self.actions: list[Action] = []

    def addAction(self, action: Action) -> None:  # noqa: N802
        require_type(action, Action, "addAction")
        self.actions.append(action)


class ContextEvent:
    """The event of a right click. Source: Foundry's Hiero Python guide, "Events"."""

    def __init__(self, sender: Any, menu: ContextMenu) -> None:
        self.sender, self.menu = sender, menu


class NukeStudio:
    """The timeline "cut_v3" with the video track V1, at 23.976 frames per second."""

    def __init__(self, nuke: Nuke) -> None:
        self.nuke = nuke
        self.sequence = SequenceOfTracks(nuke, "cut_v3", (24000, 1001))
        self.track, self.sound = VideoTrack(nuke, "V1", self.sequence), AudioTrack(nuke, "A1", self.sequence)
        self.selected: list[Any] = []
        # What is used: None is a view without a selection, such as the Viewer.
        self.view: Any = View(self)
        self.has_active_sequence = True
        # The folders in which scripts are searched, at the start of the program.
        self.plugin_paths: list[str] = []
        self.handlers: dict[tuple[str, str], list[Callable[[Any], object]]] = {}

    def add(self, name: str, clip: Any, shown: tuple[float, float], at: int = 0, track: Any = None) -> TrackItem:
        """Add an item, and select it too."""
        item = TrackItem(self.nuke, name, self.track if track is None else track, clip, shown, at)
        self.selected.append(item)
        return item

    def clip(self, pattern: str, first: int = 0, duration: int = 100, colour: str = "default") -> Clip:
        """Return a clip of these files."""
        return Clip(self.nuke, pattern, first, duration, colour)

    def right_click(self, subtype: str = "kTimeline", sender: Any = None) -> ContextMenu:
        """Return the menu that a right click shows; an error in a handler is printed only, so it is a misuse."""
        menu = ContextMenu()
        for handler in self.handlers.get(("kShowContextMenu", subtype), []):
            try:
                handler(ContextEvent(self.view if sender is None else sender, menu))
            except Exception as error:  # noqa: BLE001 - as in core/events.py
                self.nuke.misuses.append(f"an event handler raised {type(error).__name__}: {error}")
        return menu


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.__dict__["_misuses"].append(f"{self.__name__}.{name} is not modelled; model it before you use it")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def _module(studio: NukeStudio, name: str, **values: Any) -> ModuleType:
    module = _Module(name)
    module.__dict__.update(_misuses=studio.nuke.misuses, **values)
    return module


def _events(studio: NukeStudio) -> dict[str, Any]:
    """Source: Studio, core/events.py."""

    def handlers_of(event: str) -> list[Callable[[Any], object]]:
        studio.nuke.guard("hiero.core.events")
        kind, separator, subtype = event.partition("/")
        if not separator or (kind, subtype) not in [
            ("kShowContextMenu", each) for each in ("kTimeline", "kSpreadsheet", "kBin", "kViewer")
        ]:
            raise RuntimeError(f"event type {event!r} must be of the form 'type/subtype'")
        return studio.handlers.setdefault((kind, subtype), [])

    def register(type: str, callback: Callable[[Any], object]) -> None:
        handlers_of(type).append(callback)

    def unregister(type: str, callback: Callable[[Any], object]) -> None:
        known = handlers_of(type)
        known[:] = [each for each in known if each != callback]

    return {"registerInterest": register, "unregisterInterest": unregister}


def _ui(studio: NukeStudio) -> dict[str, Any]:
    """Source: Studio, ui/__init__.py and ui/CopyCuts.py; ayon-hiero, api/lib.py."""

    def create_action(name: str, method: Callable[..., object]) -> Action:
        studio.nuke.guard("createMenuAction")
        return Action(name, method)

    def timeline_editor(sequence: SequenceOfTracks) -> View:
        studio.nuke.guard("getTimelineEditor")
        require_type(sequence, SequenceOfTracks, "getTimelineEditor")
        return View(studio)

    return {
        "createMenuAction": create_action,
        "activeView": lambda: studio.view,
        "activeSequence": lambda: studio.sequence if studio.has_active_sequence else None,
        "getTimelineEditor": timeline_editor,
    }


@contextmanager
def modules_of(program: NukeStudio) -> Iterator[dict[str, ModuleType]]:
    """Make the modules ``hiero.core`` and ``hiero.ui`` of this program importable, and yield all of them."""
    kinds = (Clip, VideoTrack, AudioTrack, TrackItem, EffectTrackItem, MediaSource, TimeBase)
    events = _module(program, "hiero.core.events", **_events(program))
    classes = {kind.__name__: kind for kind in kinds}
    core = _module(program, "hiero.core", events=events, Sequence=SequenceOfTracks, **classes)
    # Source: Foundry's page on Python scripts during the start-up of Hiero.
    core.__dict__["addPluginPath"] = program.plugin_paths.append
    ui = _module(program, "hiero.ui", **_ui(program))
    modules = {
        "hiero": _module(program, "hiero", core=core, ui=ui),
        "hiero.core": core,
        "hiero.core.events": events,
        "hiero.ui": ui,
    }
    sys.modules.update(modules)
    try:
        yield modules
    finally:
        for name in modules:
            sys.modules.pop(name, None)


@contextmanager
def studio(nuke: Nuke) -> Iterator[NukeStudio]:
    """Make this program a Nuke Studio, with ``hiero.core`` and ``hiero.ui``."""
    program = NukeStudio(nuke)
    with modules_of(program):
        nuke.env["studio"] = True
        try:
            yield program
        finally:
            del nuke.env["studio"]
