"""The Nuke implementation of ``ft_dcc.host.Host``."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import nuke

from ft_dcc.errors import CameraMissing, CaptureFailed, FramesMissing, SceneUnreadable, StorageError, UserFixableError
from ft_dcc.files.sequences import is_sequence
from ft_dcc.frames import FrameRange, Frames, Resolution, find_frames
from ft_dcc.host import ComparedMovie, Footage, OnFrame, PlayblastRequest, Scene
from ft_dcc.host_support.main_thread import entered_on_main_thread
from ft_dcc.host_support.scene_files import read_start, require_known_version, require_openable
from ft_dcc.review.drawings import Drawing

from . import capture, feedback, node_info, sources
from .maintained import run_in_main_thread

T = TypeVar("T")

_VERSION = re.compile(rb"^version (\d+)\.", re.MULTILINE)

_SELECTION_ONLY = (
    "Only the selected Reads and Writes are listed: in this edition of Nuke, Python reaches ten nodes of a script."
)

# Source: Foundry's Python developer's guide, "Callbacks": knobs of a script and of its nodes hold them. A script is
# itself a program in Tcl, and Tcl in brackets is evaluated wherever a knob has it.
_CALLBACKS = rb"onScript\w+|on(?:User)?Create|onDestroy|knobChanged|updateUI|autolabel|(?:before|after)\w*Render"
# Those that only read values, such as [value size], are not here.
_COMMANDS = (
    rb"python|pyexec|exec|eval|source|load|open|socket|proc|subst|apply|uplevel|interp|package|rename|after|namespace"
    rb"|trace|file\s+(?:delete|rename|copy|mkdir|attributes)"
)
_CODE = (
    # A knob with a value.
    re.compile(rb"^[ \t]*(" + _CALLBACKS + rb')[ \t]+(?!(?:\{\s*\}|"")\s*$)\S', re.MULTILINE),
    re.compile(rb"(?:^|[;{}\[])[ \t]*(" + _COMMANDS + rb")\b(?![ \t]*\})", re.MULTILINE),
    # A command whose name is computed.
    re.compile(rb"(\[\s*(?:\[\s*[a-z]|\$))"),
)


class NukeHost:
    """The Nuke process that this code runs in, and its open script, whose sources are Reads and Writes."""

    name = "Nuke"
    # Such as "15.1v3".
    version = str(nuke.NUKE_VERSION_STRING)
    # The checks that only Nuke can make.
    plugins = Path(__file__).with_name("checks")
    scene_suffixes = (".nk",)
    clear_feedback = staticmethod(feedback.clear)
    clear_movie = staticmethod(feedback.clear_movie)
    render_script = staticmethod(node_info.script_name)
    run_in_main_thread = staticmethod(run_in_main_thread)

    def scene(self) -> Scene:
        """Return the state of the open script."""
        root, path = nuke.root(), node_info.script_name()
        nodes = {name: sources.find_node(name) for name in sources.find_sources()}
        files = {name: str(node["file"].value() or "") for name, node in nodes.items()}
        size = root.format()
        return Scene(
            path=Path(path) if path else None,
            is_modified=bool(root.modified()),
            frame_range=FrameRange(int(root.firstFrame()), int(root.lastFrame())),
            fps=node_info.script_frame_rate(),
            resolution=Resolution(int(size.width()), int(size.height())),
            sources=tuple(nodes),
            task_id=node_info.saved_task_id(),
            # As the artist has entered them: nothing is evaluated.
            labels={name: path.replace("\\", "/").rpartition("/")[2] for name, path in files.items()},
            pixel_aspect=node_info.script_pixel_aspect(),
            groups={name: f"{node.Class()}s" for name, node in nodes.items()},
            asset_suffixes=sources.asset_suffixes(),
            sources_note=_SELECTION_ONLY if node_info.is_limited() else "",
        )

    def footage(self, source: str) -> Footage | None:
        """Return the files that the Read reads or the Write has written, or None if there are none."""
        try:
            node, view = sources.find_view(source)
        except CameraMissing:
            # Not a node: a path, or an unknown name, which the publish reports.
            return None
        pattern = node_info.node_pattern(node, view)
        if pattern is None or not _has_files(pattern):
            return None
        is_numbered = is_sequence(pattern)
        whole, shift = (node_info.node_frame_range(node), node_info.file_shift(node)) if is_numbered else (None, 0)
        space, config = node_info.colour_space_of(node), node_info.ocio_config_path()
        return Footage(pattern, whole, space, config, shift)

    def playblast(self, request: PlayblastRequest, on_frame: OnFrame) -> Frames:
        """Write what flows through the node, as ``Host.playblast`` says; raises also Cancelled."""
        frames = run_in_main_thread(partial(capture.output_frames, request))
        with entered_on_main_thread(capture.capture_setup(request, frames), run_in_main_thread) as draw_frame:
            for frame in request.frame_range.with_handles:
                run_in_main_thread(partial(draw_frame, frame))
                on_frame(frame)
        return frames

    def save(self, path: Path | None = None) -> Path:
        """Save the script, or under another name; raise UserFixableError if it has none, StorageError if that fails."""
        if path is None and not node_info.script_name():
            raise UserFixableError("The script has never been saved. Save it under a name first.")
        try:
            if path is None:
                nuke.scriptSave(node_info.script_name())
            else:
                # Nuke writes paths with slashes on every system.
                nuke.scriptSaveAs(path.as_posix(), 1)
        except RuntimeError as error:
            raise StorageError(f"Nuke cannot save the script: {str(error).strip()} Save it elsewhere.") from error
        return Path(node_info.script_name())

    def configure(self, frame_range: FrameRange, fps: Fraction, resolution: Resolution) -> None:
        """Set the shot's range with its handles, its exact rate and its size, as one undo step."""
        root, whole = nuke.root(), frame_range.with_handles
        nuke.Undo.begin("ft-dcc: shot settings")
        try:
            root["first_frame"].setValue(whole.start)
            root["last_frame"].setValue(whole.end)
            root["fps"].setValue(float(fps))
            root["format"].setValue(_format_name(resolution))
        finally:
            nuke.Undo.end()

    def remember_task(self, task_id: str) -> None:
        """Store the task in the script."""
        root = nuke.root()
        knob = root.knob(node_info.TASK_KNOB)
        if knob is None:
            knob = nuke.String_Knob(node_info.TASK_KNOB, "")
            knob.setFlag(nuke.INVISIBLE)
            root.addKnob(knob)
        knob.setValue(node_info.with_task_id(task_id))
        root.setModified(True)

    def select(self, source: str) -> None:
        """Select only this node; raise CameraMissing."""
        wanted = sources.find_node(source)
        for node in nuke.selectedNodes():
            node.setSelected(False)
        wanted.setSelected(True)

    def show_feedback(self, drawings: Sequence[Drawing], source: str | None = None) -> list[str]:
        """Show the drawings in a group beside the source; raise CameraMissing, or CaptureFailed in a gizmo."""
        return feedback.show(drawings, source or next(iter(sources.find_sources()), ""))

    def current_frame(self) -> int:
        """Return the frame of the script."""
        return int(nuke.frame())

    def go_to_frame(self, frame: int) -> None:
        """Set the frame of the script."""
        nuke.frame(frame)

    def show_movie(self, movie: ComparedMovie, source: str | None = None) -> list[str]:
        """Show the movie in a Read beside the source; raise CameraMissing, or CaptureFailed in a gizmo."""
        return feedback.show_movie(movie, source or next(iter(sources.find_sources()), ""))

    def load_frames(self, pattern: str, frame_range: FrameRange, source: str = "") -> str:
        """Load the frames with a new Read, which is selected; raise CaptureFailed for a path that Nuke would run."""
        name = Path(pattern).as_posix()
        if node_info.without_tcl(name) != name:
            raise CaptureFailed(f"Nuke evaluates [, $ and \\ in {name}. Rename the folder or the files.")
        for node in nuke.selectedNodes():
            node.setSelected(False)
        nuke.Undo.begin("ft-dcc: load frames")
        try:
            # As artists make one: with the studio's defaults and callbacks. A selected node would become its input.
            read: Any = nuke.createNode("Read", inpanel=False)
            # It also reads the format, and leaves the colour space to Nuke.
            read["file"].fromUserText(f"{name} {frame_range.start}-{frame_range.end}")
            for knob in ("first", "origfirst"):
                read[knob].setValue(frame_range.start)
            for knob in ("last", "origlast"):
                read[knob].setValue(frame_range.end)
            read.setSelected(True)
        finally:
            nuke.Undo.end()
        return f"The frames are in the node {read.fullName()}."

    def open_scene_file(self, path: Path, *, discard_changes: bool = False) -> None:
        """Open another script; raise UnsavedChanges, or SceneUnreadable, also if its code is not to run."""
        scene = self.scene()
        require_openable(path, scene, program="Nuke", suffixes=self.scene_suffixes, discard_changes=discard_changes)
        written_by = _VERSION.search(read_start(path))
        own = int(str(nuke.NUKE_VERSION_STRING).partition(".")[0])
        require_known_version(path, None if written_by is None else (int(written_by[1]),), (own,), "Nuke")
        _require_consent(path)
        # They belong to the script that is closed.
        feedback.clear()
        feedback.clear_movie()
        try:
            _open(path)
        except RuntimeError as error:
            if scene.path is not None:
                # What it reports was reported when the artist opened it.
                with suppress(RuntimeError):
                    _open(scene.path)
            reason = str(error).strip()
            raise SceneUnreadable(f"Nuke cannot open {path}: {reason} The Script Editor has the details.") from error


def _has_files(pattern: str) -> bool:
    if not is_sequence(pattern):
        return Path(pattern).is_file()
    try:
        find_frames(pattern)
    except FramesMissing:
        return False
    return True


def _format_name(size: Resolution) -> str:
    """Return the name of a format of this size with square pixels; add one if there is none."""
    for known in nuke.formats():
        if (known.width(), known.height(), known.pixelAspect()) == (size.width, size.height, 1.0) and known.name():
            return str(known.name())
    name = f"ft_dcc_{size}"
    nuke.addFormat(f"{size.width} {size.height} {name}")
    return name


def _open(path: Path) -> None:
    # With another script in its window, Nuke would open this one in a new process.
    nuke.scriptClear()
    nuke.scriptOpen(path.as_posix())
    if not nuke.GUI:
        # Without an artist, only callbacks have changed it since then.
        nuke.root().setModified(False)


def find_code(text: bytes) -> list[str]:
    """Return the names of what runs when a script with this text is open."""
    found = {match[1] for pattern in _CODE for match in pattern.finditer(text)}
    return sorted("computed Tcl" if name.startswith(b"[") else name.decode() for name in found)


def _require_consent(path: Path) -> None:
    """Ask the artist whether to open a script with code, and raise SceneUnreadable if not; without a window open it."""
    names = ", ".join(find_code(path.read_bytes()) if nuke.GUI else [])
    question = "has code that runs while it is open, written by the person who saved it:"
    if names and not nuke.ask(f"{html.escape(path.name)} {question} {names}. Open it?"):
        raise SceneUnreadable(f"{path} was not opened, because it has code: {names}. Ask its author.")
