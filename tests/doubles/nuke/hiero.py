"""A small Hiero in memory: the double of Nuke without its nodes, with the timeline of the double of Nuke Studio.

``with hiero(nuke)`` makes ``import hiero.core`` and ``import nuke`` work as in Hiero; any function of ``nuke`` is a
misuse there. Sources: "Studio" and "ayon-hiero" as in ``doubles.nuke.timeline``, "reference" is Foundry's reference of
``hiero.core``, "tk-nuke" is the public engine of that name. ``load_plugins`` starts the scripts as Hiero does.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable

from doubles.nuke import timeline
from doubles.nuke.knobs import require_type
from doubles.nuke.timeline import Action, NukeStudio, SequenceOfTracks, _module, _Strict

if TYPE_CHECKING:
    from doubles.nuke.program import Nuke


class Project(_Strict):
    """The project "cut", which was never saved."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke = nuke
        self._path, self._is_modified = "", False
        self._config_name, self._config_path, self._has_environment_config = "nuke-default", "", False
        self._error = ""

    def path(self) -> str:
        """Source: reference; Studio, core/FnExporterBase.py."""
        return self._path

    def modifiedSinceLastSave(self) -> bool:  # noqa: N802 - the program's own names
        """Source: reference."""
        return self._is_modified

    def save(self) -> None:
        """Source: reference: it saves a project that was saved before."""
        if not self._path:
            self._nuke.refuse("Project.save was called for a project without a path")
        if self._error:
            raise RuntimeError(self._error)
        self._is_modified = False

    def ocioConfigName(self) -> str:  # noqa: N802
        """Source: reference: empty for a custom config."""
        return self._config_name

    def ocioConfigPath(self) -> str:  # noqa: N802
        """Source: reference; Studio, core/__init__.py."""
        return self._config_path

    def useOCIOEnvironmentOverride(self) -> bool:  # noqa: N802
        """Source: Studio, core/__init__.py."""
        return self._has_environment_config


class Format(_Strict):
    """The size of a sequence."""

    def __init__(self, nuke: Nuke, width: int, height: int) -> None:
        self._nuke, self._size = nuke, (width, height)

    def width(self) -> int:
        """Source: ayon-hiero, api/otio/hiero_export.py."""
        return self._size[0]

    def height(self) -> int:
        """Source: ayon-hiero, api/otio/hiero_export.py."""
        return self._size[1]


class Sequence(SequenceOfTracks):
    """A sequence with what only the host for Hiero reads of it."""

    def __init__(self, nuke: Nuke, name: str, rate: tuple[int, int]) -> None:
        super().__init__(nuke, name, rate)
        self._project, self._duration = Project(nuke), 200

    def project(self) -> Project:
        """Source: Studio, core/FnExporterBase.py."""
        return self._project

    def format(self) -> Format:
        """Source: ayon-hiero, api/otio/hiero_export.py."""
        return Format(self._nuke, 2048, 1080)

    def duration(self) -> int:
        """Source: Studio, core/FnNukeHelpers.py."""
        return self._duration


class Menu(_Strict):
    """A menu of the menu bar, as Qt's QMenu."""

    def __init__(self, nuke: Nuke, bar: MenuBar, title: str) -> None:
        self._nuke, self._bar, self._title = nuke, bar, title
        self._actions: list[Action] = []

    def addAction(self, action: Action) -> None:  # noqa: N802
        """Source: Qt, QWidget."""
        require_type(action, Action, "addAction")
        self._actions.append(action)

    def menuAction(self) -> Menu:  # noqa: N802
        """Source: Qt, QMenu."""
        return self

    def deleteLater(self) -> None:  # noqa: N802
        """Source: Qt, QObject."""
        if self in self._bar._menus:
            self._nuke.refuse("deleteLater was called for a menu that is in the menu bar")


class MenuBar(_Strict):
    """The menu bar, as Qt's QMenuBar; it adds a second menu of the same title like any other."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke = nuke
        self._menus: list[Menu] = []

    def addMenu(self, title: str) -> Menu:  # noqa: N802
        """Source: Qt, QMenuBar; tk-nuke, python/tk_nuke/menu_generation.py."""
        require_type(title, str, "addMenu")
        self._menus.append(Menu(self._nuke, self, title))
        return self._menus[-1]

    def removeAction(self, action: Menu) -> None:  # noqa: N802
        """Source: Qt, QWidget; tk-nuke, python/tk_nuke/menu_generation.py."""
        require_type(action, Menu, "removeAction")
        self._menus.remove(action)


class MessageBox:
    """Qt's QMessageBox, as in PySide2: the texts that were shown are messages of the program."""

    nuke: Nuke
    parents: list[Any]

    def __init__(self, parent: Any) -> None:
        self.parents.append(parent)

    def setWindowTitle(self, title: str) -> None:  # noqa: N802
        require_type(title, str, "setWindowTitle")

    def setTextFormat(self, kind: str) -> None:  # noqa: N802
        self._is_plain = kind == "plain"

    def setText(self, text: str) -> None:  # noqa: N802
        self._text = text

    def exec_(self) -> int:
        self.nuke.guard("QMessageBox.exec_")
        assert self._is_plain
        self.nuke.messages.append(self._text)
        return 0


class Hiero(NukeStudio):
    """Hiero with the timeline "cut_v3" and an empty menu bar. ``is_player`` is true in Hiero Player."""

    def __init__(self, nuke: Nuke) -> None:
        super().__init__(nuke)
        self.sequence: Any = Sequence(nuke, "cut_v3", (24000, 1001))
        self.track = timeline.VideoTrack(nuke, "V1", self.sequence)
        self.sound = timeline.AudioTrack(nuke, "A1", self.sequence)
        self.bar, self.window, self.is_player = MenuBar(nuke), object(), False

    @property
    def menus(self) -> dict[str, list[str]]:
        """Return the labels of each menu of the menu bar; two menus of one title are an error."""
        assert len({menu._title for menu in self.bar._menus}) == len(self.bar._menus)
        return {menu._title: [action.text for action in menu._actions] for menu in self.bar._menus}

    def press(self, label: str) -> None:
        """Press an item of the menu "ft-dcc"."""
        (menu,) = self.bar._menus
        next(action for action in menu._actions if action.text == label).trigger()


class _NukeModule(ModuleType):
    """The module ``nuke`` of Hiero: only its ``env`` is known to work."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.__dict__["_misuses"].append(f"nuke.{name} is not for Hiero")
        raise AttributeError(f"module 'nuke' has no attribute {name!r}")


def _core(program: Hiero) -> dict[str, Any]:
    def later(call: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Source: Studio, core/__init__.py."""
        program.nuke.later(call, args, kwargs)

    return {
        "executeInMainThread": later,
        # Source: Studio, examples/rename_shots.py.
        "isHieroPlayer": lambda: program.is_player,
    }


def _qt(program: Hiero) -> dict[str, ModuleType]:
    box = type("QMessageBox", (MessageBox,), {"nuke": program.nuke, "parents": []})
    plain = type("TextFormat", (), {"PlainText": "plain"})
    core = _module(program, "Qt.QtCore", Qt=type("Qt", (), {"TextFormat": plain}))
    widgets = _module(program, "Qt.QtWidgets", QMessageBox=box)
    return {"Qt": _module(program, "Qt", QtCore=core, QtWidgets=widgets), "Qt.QtCore": core, "Qt.QtWidgets": widgets}


@contextmanager
def hiero(nuke: Nuke, *, has_qt: bool = True) -> Iterator[Hiero]:
    """Make this program a Hiero; without ``has_qt`` the real Qt is used."""
    program = Hiero(nuke)
    module = _NukeModule("nuke")
    module.__dict__.update(_misuses=nuke.misuses, env=nuke.env)
    edition = {"hiero": True, "studio": False}
    with timeline.modules_of(program) as modules:
        modules["hiero.core"].__dict__.update(_core(program))
        modules["hiero.ui"].__dict__.update(menuBar=lambda: program.bar, mainWindow=lambda: program.window)
        replaced = {"nuke": module, **(_qt(program) if has_qt else {})}
        before = {name: sys.modules.get(name) for name in replaced}
        sys.modules.update(replaced)
        nuke.env.update(edition)
        try:
            yield program
        finally:
            for name in edition:
                del nuke.env[name]
            for name, known in before.items():
                sys.modules.pop(name, None)
                if known is not None:
                    sys.modules[name] = known


def load_plugins(program: NukeStudio, folders: list[Path]) -> list[str]:
    """Import the scripts of ``Python/Startup``, then of ``Python/StartupUI``; return the errors, which Hiero logs.

    A script may add a folder, which is then searched, too. Source: Studio, core/find_plugins.py.
    """
    program.plugin_paths[:] = [str(folder) for folder in folders]
    errors = []
    for part in ("Startup", "StartupUI"):
        loaded = 0
        while loaded < len(program.plugin_paths):
            folder = Path(program.plugin_paths[loaded], "Python", part)
            loaded += 1
            sys.path.append(str(folder))
            for path in sorted(folder.glob("*.py")):
                spec = importlib.util.spec_from_file_location(path.stem, path)
                assert spec is not None and spec.loader is not None
                try:
                    spec.loader.exec_module(importlib.util.module_from_spec(spec))
                except Exception as error:  # noqa: BLE001 - as Hiero
                    errors.append(f"{path.name}: {error}")
    return errors
