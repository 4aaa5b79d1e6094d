"""What the menu's commands do. None of them waits for a server."""

from __future__ import annotations

import functools
import sys
import traceback
from typing import TYPE_CHECKING, Any, Callable

import nuke

from . import tab

if TYPE_CHECKING:
    from ft_dcc.publish.records import PublishRequest
    from ft_dcc.renders import Render

    from .host import NukeHost


# Not the core's, though the other adapter has the same: it speaks also when the core cannot be imported.
def telling_errors(command: Callable[[], None]) -> Callable[[], None]:
    """Return the command so that whatever goes wrong is one sentence before the artist."""

    @functools.wraps(command)
    def call() -> None:
        try:
            command()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with us, Nuke goes on
            tell(error)

    return call


def tell(error: BaseException) -> None:
    """The artist reads what went wrong; the details of what is not one of ours are in the Script Editor."""
    nuke.message(str(error) if _is_ours(error) else _explain(error))


def _is_ours(error: BaseException) -> bool:
    try:
        from ft_dcc.errors import Error
    except (Exception, SystemExit):  # noqa: BLE001 - it is the core that is broken
        return False
    return isinstance(error, Error)


def _explain(error: BaseException) -> str:
    traceback.print_exception(type(error), error, error.__traceback__)
    what, advice = "ft-dcc failed", ""
    if isinstance(error, (ImportError, SyntaxError)) or "ft_dcc.errors" not in sys.modules:
        what, advice = "ft-dcc cannot be loaded", " Install it again: ft-dcc install nuke."
    return f"{what}: {type(error).__name__}: {error}.{advice} The Script Editor has the details."


@telling_errors
def publish_for_review() -> None:
    """The dialog is open, ready to publish; what is selected is offered first."""
    _show("publish")


@telling_errors
def show_reviews() -> None:
    """The dialog shows the review sessions."""
    _show("reviews")


@telling_errors
def show_queue() -> None:
    """The dialog shows the publishes in progress."""
    _show("queue")


@telling_errors
def show_settings() -> None:
    """The dialog shows the settings, and where each came from."""
    _show("settings")


@telling_errors
def show_about() -> None:
    """The dialog shows what is installed."""
    _show("about")


@telling_errors
def publish_again() -> None:
    """What was last published to this script's task from Nuke goes up again, while the artist works on.

    Where there is nothing to repeat, the dialog is open.
    """
    from ft_dcc.publish.queue import last_request

    from . import publishing
    from .host import NukeHost

    host = NukeHost()
    request = last_request(host.name, host.scene().task_id)
    if request is None:
        _show("publish")
        return
    publishing.begin(functools.partial(_published, request, host), nuke.message, tell)


@telling_errors
def add_tab() -> None:
    """Each selected Write, and each selected group with a Write in it, has the tab."""
    for node in _chosen("Select a Write, or a group with a Write in it."):
        if isinstance(node, nuke.Gizmo):
            nuke.message(f"{node.name()} is a gizmo, whose knobs are those of its file. Copy it to a group first.")
        else:
            tab.add(node)


@telling_errors
def remove_tab() -> None:
    """No selected node has the tab."""
    for node in _chosen("Select the nodes that are to lose the tab."):
        tab.remove(node)


@telling_errors
def publish_renders() -> None:
    """What the selected nodes have rendered last is published, also where the tab says off by now, or frames miss.

    What is missing is named first, and the artist says whether the rest is worth a version.
    """
    from . import publishing

    nodes = _chosen("Select the Writes whose renders are to be published.")
    chosen = [render for node in nodes for render in _of(node)]
    if nodes and not chosen:
        nuke.message("Nothing is noted of a render of these nodes. Publish their files: Publish for review…")
    for render in chosen:
        if _is_wanted(render):
            publishing.begin(functools.partial(_published_render, render), nuke.message, tell)


@telling_errors
def show_renders() -> None:
    """The artist reads what is noted of renders of this script, and what became of each."""
    from ft_dcc.frames import ranges
    from ft_dcc.publish.rendered import state_of
    from ft_dcc.renders import read_renders

    from .facts import script_name

    lines = []
    for render in read_renders():
        if render.execution.script == script_name():
            missing = f", missing {ranges(render.missing)}" if render.missing else render.problem
            lines.append(f"{render.execution.node}  {render.source}  {state_of(render)}{missing}")
    nuke.message("\n".join(lines) or "Nothing is noted of renders of this script.")


def _chosen(otherwise: str) -> list[nuke.Node]:
    """The selected nodes that write pictures, or hold one that does; where there is none, the artist is told."""
    chosen = [node for node in nuke.selectedNodes() if node.Class() == "Write" or _has_write(node)]
    if not chosen:
        nuke.message(otherwise)
    return chosen


def _has_write(node: nuke.Node) -> bool:
    return isinstance(node, nuke.Group) and bool(nuke.allNodes("Write", group=node, recurseGroups=True))


def _of(node: nuke.Node) -> list[Render]:
    """The newest render of each sequence that the node, or a Write in it, has written."""
    from ft_dcc.renders import read_renders

    from .facts import script_name

    newest = {}
    for render in read_renders():
        own, execution = node.fullName(), render.execution
        if execution.script == script_name() and (execution.node == own or execution.node.startswith(f"{own}.")):
            newest[execution.node, render.source] = render
    return list(newest.values())


def _is_wanted(render: Render) -> bool:
    from ft_dcc.frames import ranges
    from ft_dcc.publish.rendered import range_of

    if render.is_complete:
        return True
    missing = ranges(render.missing)
    question = f"Of {render.source} these frames are missing: {missing}. Publish {range_of(render)} as it is?"
    return bool(nuke.ask(question))


def _show(page: str) -> None:
    from ft_dcc.errors import Error

    try:
        from ft_dcc_qt import show
    except ImportError as error:
        raise Error("The dialog is not installed here. 'Publish renders' and the command line ft-dcc work.") from error

    from .host import NukeHost

    show(NukeHost(), page=page, parent=_main_window())


def _main_window() -> Any:
    """Nuke's own window as a widget, so that the dialog stays before it; None where there is none."""
    from Qt import QtWidgets

    application = QtWidgets.QApplication.instance()
    windows = application.topLevelWidgets() if application is not None else []
    found = (window for window in windows if window.metaObject().className() == "Foundry::UI::DockMainWindow")
    return next(found, None)


def _published(request: PublishRequest, host: NukeHost) -> str:
    from .publishing import connected

    with connected(host) as publisher:
        return publisher.publish(request).first.sentence


def _published_render(render: Render) -> str:
    from ft_dcc.publish.rendered import publish_render

    from .publishing import connected

    with connected() as publisher:
        published = publish_render(render, publisher, again=True)
    return published.first.sentence if published is not None else f"{render.execution.node} is published already."
