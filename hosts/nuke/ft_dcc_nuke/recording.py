"""What Nuke calls when a Write renders. It is only written down here: nothing is raised, waited for or sent.

An exception in one of these calls would end the render, and Nuke does not say on which thread it makes them. Source:
Foundry's Python guide, "Callbacks".
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import secrets
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable

import nuke

if TYPE_CHECKING:
    from ft_dcc.render_records import Record

# Frame Server and background renders are processes that this one starts: they learn from it whose window it is.
WINDOW_VARIABLE = "FT_DCC_NUKE_WINDOW"


@dataclasses.dataclass
class Open:
    """An execution that goes on: its record, and what its files were before the frame."""

    record: Record
    node: nuke.Node
    views: tuple[str, ...]
    before: dict[str, tuple[int, int] | None] = dataclasses.field(default_factory=dict)


_open: dict[str, Open] = {}
_window_renders: dict[str, str] = {}


def install() -> None:
    """Nuke calls us, once for each event, however often this is called."""
    for add, call in _calls():
        add(call)


def uninstall() -> None:
    """Nuke calls us no more."""
    nuke.removeBeforeRender(begin)
    nuke.removeBeforeFrameRender(begin_frame)
    nuke.removeAfterFrameRender(end_frame)
    nuke.removeAfterRender(end)
    if nuke.GUI:
        from . import tab

        nuke.removeOnUserCreate(tab.add_to_new, nodeClass="Write")
        nuke.removeBeforeBackgroundRender(begin_background)
        # Loaded by the first render, which there may have been none of.
        watching = sys.modules.get(f"{__package__}.watching")
        if watching is not None:
            watching.stop()


def mark_window() -> None:
    """What is rendered from now on, here or in a process that this one starts, is published beside this window."""
    from . import tab

    os.environ[WINDOW_VARIABLE] = _window_of_this_process()
    nuke.addOnUserCreate(tab.add_to_new, nodeClass="Write")
    nuke.addBeforeBackgroundRender(begin_background)


@functools.lru_cache(maxsize=1)
def _window_of_this_process() -> str:
    # Not what is in the environment already: a window may have started this one.
    return secrets.token_hex(8)


def _calls() -> tuple[tuple[Callable[..., Any], Callable[[], None]], ...]:
    return (
        (nuke.addBeforeRender, begin),
        (nuke.addBeforeFrameRender, begin_frame),
        (nuke.addAfterFrameRender, end_frame),
        (nuke.addAfterRender, end),
    )


def never_raising(call: Callable[..., None]) -> Callable[..., None]:
    """Return the call so that the render goes on whatever happens in it; what it was, is said once a sentence."""

    @functools.wraps(call)
    def guarded(*arguments: Any) -> None:
        try:
            call(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an exception here ends the artist's render
            _say(f"ft-dcc cannot note the render: {type(error).__name__}: {error}")

    return guarded


_said: set[str] = set()


def _say(sentence: str) -> None:
    # A thousand frames have a thousand times the same trouble.
    if sentence not in _said:
        _said.add(sentence)
        with contextlib.suppress(OSError, ValueError):
            # Not write(): a program without a console has no stream at all.
            print(sentence, file=sys.stderr)  # noqa: T201


@never_raising
def begin() -> None:
    """A record of the execution exists, where the node's tab asks for one."""
    from . import tab

    node = nuke.thisNode()
    _open.pop(node.fullName(), None)
    owner = tab.find_owner(node)
    if owner is None or tab.read(owner)[tab.PUBLISH] not in (tab.ASK, tab.ALWAYS):
        return
    from ft_dcc.render_records import Record

    from .facts import execution_of

    name = node.fullName()
    execution = execution_of(node, owner, _render_of(name), _window())
    _open[name] = Open(Record.begin(execution), node, execution.views)


@never_raising
def begin_frame() -> None:
    """It is known what the frame's files are before they are written."""
    from .facts import files_of

    known = _open.get(nuke.thisNode().fullName())
    if known is not None:
        known.before = {path: _stamp(path) for path in files_of(known.node, known.views).values()}


@never_raising
def end_frame() -> None:
    """The frame is noted, with the files that were written for it.

    Whether Nuke calls once for a frame or once for each of its views is not documented: a view counts when it is this
    one, or when its file has changed.
    """
    from .facts import files_of

    known = _open.get(nuke.thisNode().fullName())
    if known is None:
        return
    files, view = files_of(known.node, known.views), nuke.thisView()
    if len(files) > 1:
        own = files.get(view)
        files = {name: path for name, path in files.items() if path == own or _stamp(path) != known.before.get(path)}
    known.record.add(int(nuke.frame()), files)


@never_raising
def end() -> None:
    """The record is closed; in a window, somebody looks whether it can be published."""
    known = _open.pop(nuke.thisNode().fullName(), None)
    if known is None:
        return
    known.record.end()
    if nuke.GUI:
        from . import watching

        watching.look()


@never_raising
def begin_background(_context: Mapping[str, Any] | None = None) -> None:
    """Somebody looks often: a process renders of which we do not hear."""
    from . import watching

    watching.look_often()


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - the path may be one of a sequence, and is no file yet
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _window() -> str:
    return os.environ.get(WINDOW_VARIABLE, "")


def _render_of(name: str) -> str | None:
    """The render that an execution in this window belongs to; None outside of it, where the script says it.

    One that was cancelled is gone on with; one that is complete, or published, is followed by another.
    """
    if not nuke.GUI:
        return None
    known = _window_renders.get(name)
    if known is None or _is_over(known, name):
        known = _window_renders[name] = f"window {secrets.token_hex(8)}"
    return known


def _is_over(render: str, name: str) -> bool:
    from ft_dcc.renders import find_renders

    return any(each.is_complete or each.mark.exists() for each in find_renders(render, name))
