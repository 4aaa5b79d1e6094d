"""The callbacks of Write nodes: they record renders, and never raise, wait or send.

An exception in a callback would end the render, and Nuke does not document on which thread it calls them. Source:
Foundry's Python guide, "Callbacks".
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable

import nuke

from . import WINDOW_VARIABLE

if TYPE_CHECKING:
    from ft_dcc.renders.log import RenderLogWriter


@dataclasses.dataclass
class ActiveRender:
    """A render that is running: its log, and the states of its files before the current frame."""

    log: RenderLogWriter
    node: nuke.Node
    views: tuple[str, ...]
    # The number in the name of a frame's file, minus the frame.
    file_shift: int
    file_states: dict[str, tuple[int, int] | None] = dataclasses.field(default_factory=dict)

    def files(self) -> Mapping[str, str]:
        """Return the file of the current frame for each view."""
        from ft_dcc_nuke.node_info import node_files

        return node_files(self.node, self.views, self.file_shift)


_active_renders: dict[str, ActiveRender] = {}
_logged: set[str] = set()
_ignored_nodes: set[str] = set()


def install() -> None:
    """Register the callbacks; Nuke keeps one registration of each."""
    if nuke.GUI:
        # As early as possible: workers of the Frame Server may start before menu.py runs.
        os.environ[WINDOW_VARIABLE] = _id_of_this_window()
    nuke.addBeforeRender(before_render)
    nuke.addBeforeFrameRender(before_frame)
    nuke.addAfterFrameRender(after_frame)
    nuke.addAfterRender(after_render)


def uninstall() -> None:
    """Remove the callbacks, and stop the thread that publishes."""
    nuke.removeBeforeRender(before_render)
    nuke.removeBeforeFrameRender(before_frame)
    nuke.removeAfterFrameRender(after_frame)
    nuke.removeAfterRender(after_render)
    if nuke.GUI:
        from ft_dcc_nuke import tab

        nuke.removeOnUserCreate(tab.add_to_new_write, nodeClass="Write")
        nuke.removeBeforeBackgroundRender(before_background_render)
        # The first render imports it, and there may have been none.
        render_watcher = sys.modules.get(f"{__package__}.render_watcher")
        if render_watcher is not None:
            render_watcher.stop()


def enable_window_publishing() -> None:
    """Publish what is rendered from now on, here or in a child process, while this window is open."""
    from ft_dcc_nuke import tab

    os.environ[WINDOW_VARIABLE] = _id_of_this_window()
    nuke.addOnUserCreate(tab.add_to_new_write, nodeClass="Write")
    nuke.addBeforeBackgroundRender(before_background_render)


@functools.lru_cache(maxsize=1)
def _id_of_this_window() -> str:
    # Not the id in the environment: this Nuke may be the child of another window.
    return secrets.token_hex(8)


def log_exceptions(callback: Callable[..., None]) -> Callable[..., None]:
    """Return the callback with every exception printed instead of raised; the same text is printed once."""

    @functools.wraps(callback)
    def guarded(*arguments: Any) -> None:
        try:
            callback(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an exception here ends the artist's render
            message = f"ft-dcc cannot record the render: {type(error).__name__}: {error}"
            # The same failure may occur on each of a thousand frames.
            if message not in _logged:
                _logged.add(message)
                with contextlib.suppress(OSError, ValueError):
                    # Not write(): a program without a console has no stream at all.
                    print(message, file=sys.stderr)  # noqa: T201

    return guarded


@contextlib.contextmanager
def ignored(name: str) -> Iterator[None]:
    """Record no render of the node with this full name, which belongs to a capture."""
    _ignored_nodes.add(name)
    try:
        yield
    finally:
        _ignored_nodes.discard(name)


@log_exceptions
def before_render() -> None:
    """Start a log of the render if the node's tab asks for it."""
    from ft_dcc_nuke import tab

    node = nuke.thisNode()
    name = node.fullName()
    _active_renders.pop(name, None)
    if name in _ignored_nodes:
        return
    owner = tab.find_owner(node)
    if owner is None or tab.read_options(owner)[tab.PUBLISH] not in (tab.ASK, tab.ALWAYS):
        return
    from ft_dcc.renders.log import WINDOW_PREFIX, RenderLogWriter
    from ft_dcc_nuke.node_info import describe_execution
    from ft_dcc_nuke.sources import suffix_of_write

    window = os.environ.get(WINDOW_VARIABLE, "")
    # Without a window the script decides about the render: what earlier ones have written counts by its files.
    render = f"{WINDOW_PREFIX}{secrets.token_hex(8)}" if nuke.GUI else None
    execution = describe_execution(node, owner, render, window, suffix_of_write(node))
    _active_renders[name] = ActiveRender(RenderLogWriter.start(execution), node, execution.views, execution.file_shift)


@log_exceptions
def before_frame() -> None:
    """Record the states of the frame's files before they are written."""
    active = _active_renders.get(nuke.thisNode().fullName())
    if active is not None:
        active.file_states = {path: _file_state(path) for path in active.files().values()}


@log_exceptions
def after_frame() -> None:
    """Log the frame with the files that were written for it.

    Whether Nuke calls once for a frame or once for each of its views is not documented: a view counts if it is the
    current one, or if its file has changed.
    """
    active = _active_renders.get(nuke.thisNode().fullName())
    if active is None:
        return
    files, view = active.files(), nuke.thisView()
    if len(files) > 1:
        own, before = files.get(view), active.file_states
        files = {name: path for name, path in files.items() if path == own or _file_state(path) != before.get(path)}
    active.log.add(int(nuke.frame()), files)


@log_exceptions
def after_render() -> None:
    """End the log; in a window, let the watcher publish the render."""
    active = _active_renders.pop(nuke.thisNode().fullName(), None)
    if active is None:
        return
    active.log.end()
    if nuke.GUI:
        from . import render_watcher

        render_watcher.wake()


@log_exceptions
def before_background_render(_context: Mapping[str, Any] | None = None) -> None:
    """Let the watcher poll, because it gets no callback from a render in another process."""
    from . import render_watcher

    render_watcher.wake(poll=True)


def _file_state(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - called twice per frame and view
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
