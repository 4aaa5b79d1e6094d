"""The log of renders: what the scene's output and the File Output nodes of its compositor have written.

Blender calls the handlers on the thread that renders, for each frame of an animation after the files of the frame. They
never wait or send. Source: Blender's Python API, "Application Handlers".
"""

from __future__ import annotations

import dataclasses
import glob
import os
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import bpy

from ft_dcc.errors import Error
from ft_dcc.host_support.main_thread import is_scene_captured
from ft_dcc.renders import log

from . import blender_compat, capture

# The property of a scene and of a File Output node that says whether its renders are published.
OPTION = "ft_dcc_publish_render"
# Of the renders of this process that a window has.
WINDOW = "" if bpy.app.background else secrets.token_hex(8)
# Set when a render has ended, until the window has looked at it.
ended = threading.Event()

FileStates = dict[str, tuple[int, int]]


@dataclasses.dataclass
class Output:
    """Something that a render writes: its files at a frame for each view, and its log once it has written one."""

    name: str
    when: str
    # What its asset is named after if the scene has several.
    label: str
    find: Callable[[], dict[str, list[str]]]
    is_movie: bool = False
    before: FileStates = dataclasses.field(default_factory=dict)
    log: log.RenderLogWriter | None = None

    def states(self) -> FileStates:
        """Return time and size of the existing files of the frame."""
        paths = [path for each in self.find().values() for path in each if os.path.exists(path)]  # noqa: PTH110
        return {path: (os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in paths}  # noqa: PTH116

    def written(self) -> dict[str, str]:
        """Return the file of each view that was written since ``before``; that of a movie is written when it ends."""
        states = self.states()
        new = {path for path, state in states.items() if state != self.before.get(path)}
        found = {view: [each for each in paths if self.is_movie or each in new] for view, paths in self.find().items()}
        return {view: max(paths, key=lambda path: states.get(path, (0, 0))) for view, paths in found.items() if paths}


_active: list[Output] = []
# The range of each scene when its file was opened or saved: of a farm's task or of frames to repair, it is a part.
_saved_ranges: dict[str, tuple[int, int]] = {}


def _scene_files(scene: Any) -> dict[str, list[str]]:
    path_of = partial(scene.render.frame_path, frame=scene.frame_current)
    return {view: [bpy.path.abspath(path_of(view=view))] for view in _views(scene, scene.render.image_settings)}


def _node_files(scene: Any, file_format: Any, path: str) -> dict[str, list[str]]:
    """Return the files whose names begin with the path and the number of the frame, which replaces the last "###"."""
    before, mark, after = bpy.path.abspath(path).rpartition("#")
    start = before.rstrip("#") if mark else after
    digits = len(before) - len(start) + 1 if mark else 4
    name = f"{start}{scene.frame_current:0{digits}d}{after if mark else ''}"
    suffixes = {view: scene.render.views[view].file_suffix if view else "" for view in _views(scene, file_format)}
    return {view: glob.glob(f"{glob.escape(name + suffix)}.*") for view, suffix in suffixes.items()}  # noqa: PTH207


def _views(scene: Any, file_format: Any) -> list[str]:
    has_each = scene.render.use_multiview and file_format.views_format == "INDIVIDUAL"
    return [view.name for view in scene.render.views if view.use] if has_each else [""]


def _outputs(scene: Any) -> Iterator[Output]:
    if (when := getattr(scene, OPTION)) != log.OFF:
        yield Output(scene.name, when, "", partial(_scene_files, scene), scene.render.is_movie_format)
    for node in blender_compat.file_output_nodes(scene):
        for path, file_format in blender_compat.written_files(node) if getattr(node, OPTION) != log.OFF else ():
            label = re.split(r"[\\/]", path)[-1].replace("#", "").strip("_.- ")
            find = partial(_node_files, scene, file_format, path)
            yield Output(f"{node.name} {label}", getattr(node, OPTION), label, find)


def _describe(scene: Any, output: Output) -> log.RenderExecution:
    choices, own = bpy.data.window_managers[0].ft_dcc, (scene.frame_start, scene.frame_end)
    starts, ends = zip(own, _saved_ranges.get(scene.name, own))
    texts = scene.get("ft_dcc_task_id") or "", choices.review.strip(), choices.comment.strip()
    window_render = f"{log.WINDOW_PREFIX}{secrets.token_hex(8)}"
    return log.RenderExecution(
        # Without a window the file decides about the render: what earlier ones have written counts by its files.
        render=window_render if WINDOW else log.derive_render_id(bpy.data.filepath),
        node=output.name,
        script=bpy.data.filepath,
        program=f"Blender {bpy.app.version_string}",
        options=log.RenderOptions(output.when, *texts),
        fps=str(capture.scene_rate(scene)),
        script_range=(min(starts), max(ends)),
        views=tuple(output.find()),
        is_proxy=scene.render.resolution_percentage != 100,
        window=WINDOW,
        has_unsaved_changes=bool(WINDOW) and bpy.data.is_dirty,
        requested=os.environ.get(log.FRAMES_VARIABLE, ""),
        asset_suffix=output.label if len(_active) > 1 else "",
    )


def _begin(scene: Any, *_: Any) -> None:
    # A capture without a window is a render.
    _active[:] = [] if is_scene_captured() else _outputs(scene)


def _begin_frame(*_: Any) -> None:
    for output in _active:
        output.before = output.states()


def _end_frame(scene: Any, *_: Any) -> None:
    try:
        for output in _active:
            if files := output.written():
                output.log = output.log or log.RenderLogWriter.start(_describe(scene, output))
                output.log.add(scene.frame_current, files)
    except Error as error:
        _active.clear()
        # Not write(): a program without a console has no stream at all.
        print(f"ft-dcc cannot record the render: {error}", file=sys.stderr)  # noqa: T201


def _end(*_: Any) -> None:
    for writer in filter(None, (output.log for output in _active)):
        writer.end()
        ended.set()


def _cancel(*_: Any) -> None:
    _active.clear()


def _read_ranges(*_: Any) -> None:
    _saved_ranges.clear()
    _saved_ranges.update({scene.name: (scene.frame_start, scene.frame_end) for scene in bpy.data.scenes})


_HANDLERS = {
    "render_init": _begin,
    "render_pre": _begin_frame,
    "render_write": _end_frame,
    "render_complete": _end,
    "render_cancel": _cancel,
    "load_post": _read_ranges,
    "save_post": _read_ranges,
}
_OWNERS = (bpy.types.Scene, bpy.types.CompositorNodeOutputFile)


def install() -> None:
    """Add the handlers, and the property that is saved with the scene and with the nodes."""
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).append(bpy.app.handlers.persistent(handler))
    for owner in _OWNERS:
        items = [(each, each.capitalize(), "") for each in (log.OFF, log.ASK, log.ALWAYS)]
        help = "Whether a render is published as a version once it is complete"
        setattr(owner, OPTION, bpy.props.EnumProperty(name="Publish after render", description=help, items=items))


def uninstall() -> None:
    """Remove the handlers and the property; its values stay in the file."""
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
    for owner in _OWNERS:
        delattr(owner, OPTION)
