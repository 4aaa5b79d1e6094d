"""The commands of the menu. None of them waits for a server."""

from __future__ import annotations

import functools
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

import nuke

from . import tab

if TYPE_CHECKING:
    from ft_dcc.renders.renders import Render
    from ft_dcc.ui.menu_commands import MenuCommands


def report_errors(command: Callable[[], None]) -> Callable[[], None]:
    """Return the command with all of its errors shown in a dialog, also when the core cannot be loaded."""

    @functools.wraps(command)
    def call() -> None:
        try:
            from ft_dcc.ui.menu_commands import run_command
        except (Exception, SystemExit) as error:  # noqa: BLE001 - Nuke goes on whatever is wrong with us
            show_load_error(error)
        else:
            run_command(command, show_message, show_load_error)

    return call


def show_message(text: str) -> None:
    """Show the text to the artist, and wait until it was read."""
    nuke.message(text)


def show_load_error(error: BaseException) -> None:
    """Show why ft-dcc cannot be loaded, and print the traceback to the Script Editor."""
    traceback.print_exception(type(error), error, error.__traceback__)
    show_message(
        f"ft-dcc cannot be loaded: {type(error).__name__}: {error}. Install it again: ft-dcc install nuke. "
        "The Script Editor has the details."
    )


def _commands() -> MenuCommands:
    from ft_dcc.ui.menu_commands import MenuCommands

    from .host import NukeHost

    return MenuCommands(NukeHost(), nuke.executeInMainThread, show_message, show_load_error)


@report_errors
def show_drawings() -> None:
    """Show the drawings of the open notes on the newest version of this scene's task."""
    _commands().show_drawings()


@report_errors
def hide_drawings() -> None:
    """Remove the drawings from the scene."""
    from .host import NukeHost

    NukeHost().clear_feedback()


@report_errors
def publish_again() -> None:
    """Publish again what was last published to this script's task, while the artist works on.

    Open the dialog when there is nothing to repeat.
    """
    _commands().publish_again(publish_for_review)


@report_errors
def add_tab() -> None:
    """Add the tab to each selected Write, and to each selected group that contains a Write."""
    for node in _selected_writes("Select a Write, or a group with a Write in it."):
        if isinstance(node, nuke.Gizmo):
            show_message(f"{node.name()} is a gizmo, whose knobs are defined in its file. Copy it to a group first.")
        else:
            tab.add(node)


@report_errors
def remove_tab() -> None:
    """Remove the tab from each selected node."""
    for node in _selected_writes("Select the nodes to remove the tab from."):
        tab.remove(node)


@report_errors
def publish_renders() -> None:
    """Publish the last renders of the selected nodes, even if their tab is off now or frames are missing.

    The artist confirms each incomplete render.
    """
    nodes = _selected_writes("Select the Writes whose renders to publish.")
    if nodes:
        _publish_last_renders(nodes)


def publish_renders_of(node: nuke.Node) -> None:
    """Publish the last renders of this node: the button of its tab."""
    report_errors(partial(_publish_last_renders, [node]))()


def _publish_last_renders(nodes: list[nuke.Node]) -> None:
    from .node_info import script_name

    # Reading all logs of a share takes seconds.
    _commands().run_in_background(partial(_publish_recorded, [node.fullName() for node in nodes], script_name()))


def _selected_writes(advice: str) -> list[nuke.Node]:
    """Return the selected Writes and groups that contain one; show the advice if there are none."""
    selected = [node for node in nuke.selectedNodes() if node.Class() == "Write" or _contains_write(node)]
    if not selected:
        show_message(advice)
    return selected


def _contains_write(node: nuke.Node) -> bool:
    return isinstance(node, nuke.Group) and bool(nuke.allNodes("Write", group=node, recurseGroups=True))


def _publish_recorded(names: list[str], script: str) -> str:
    """Publish the last renders of the nodes with these full names, and return a sentence for each."""
    from ft_dcc.errors import Error

    renders = _last_renders(names, script)
    if not renders:
        return "No render of these nodes was recorded. Publish their files: Publish for review…"
    sentences = []
    for render in renders:
        try:
            if _is_confirmed(render):
                sentences.append(_publish_render(render))
        except Error as error:
            # The other renders are independent.
            sentences.append(str(error))
    return "\n".join(sentences)


def _last_renders(names: list[str], script: str) -> list[Render]:
    """Return the newest render of each sequence that the nodes, or Writes inside of them, have written."""
    from ft_dcc.renders.renders import read_renders

    newest = {}
    for render in read_renders(script=script):
        execution = render.execution
        if any(execution.node == name or execution.node.startswith(f"{name}.") for name in names):
            newest[execution.node, render.source] = render
    return list(newest.values())


def _is_confirmed(render: Render) -> bool:
    from ft_dcc.frames import format_ranges
    from ft_dcc.renders.publish import range_of

    from . import main_thread

    if render.is_complete:
        return True
    missing = format_ranges(render.missing)
    question = f"{render.source} lacks the frames {missing}. Publish {range_of(render)} as it is?"
    return main_thread.run(lambda: bool(nuke.ask(question)), timeout=None)


def _show(page: str) -> None:
    """Open the dialog on one of its pages."""
    from ft_dcc.errors import Error

    try:
        from ft_dcc_qt import show
    except ImportError as error:
        raise Error("The dialog is not installed here. 'Publish renders' and the command line ft-dcc work.") from error

    from .host import NukeHost

    show(NukeHost(), page=page, parent=_main_window())


def make_panel() -> Any:
    """Return the dialog as a widget for a panel of Nuke; an error is shown and raised, as Nuke needs a widget."""
    try:
        from ft_dcc_qt import dock

        from .host import NukeHost

        return dock(NukeHost())
    except (Exception, SystemExit) as error:
        show_load_error(error)
        raise


publish_for_review = report_errors(partial(_show, "publish"))
show_tasks = report_errors(partial(_show, "tasks"))
show_notes = report_errors(partial(_show, "notes"))
show_renders = report_errors(partial(_show, "renders"))
show_reviews = report_errors(partial(_show, "reviews"))
show_queue = report_errors(partial(_show, "queue"))
show_settings = report_errors(partial(_show, "settings"))
show_about = report_errors(partial(_show, "about"))


def _main_window() -> Any:
    """Return the main window as a widget, the parent of the dialog; None if there is none."""
    from Qt import QtWidgets

    application = QtWidgets.QApplication.instance()
    windows = application.topLevelWidgets() if application is not None else []
    found = (window for window in windows if window.metaObject().className() == "Foundry::UI::DockMainWindow")
    return next(found, None)


def _publish_render(render: Render) -> str:
    from ft_dcc.renders.publish import publish_render
    from ft_dcc.ui.menu_commands import open_publisher

    with open_publisher() as publisher:
        published = publish_render(render, publisher, again=True)
    return published.first.sentence if published is not None else f"{render.execution.node} is published already."
