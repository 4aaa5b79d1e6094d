"""The menu "ft-dcc" of Nuke and of its Node Graph, its commands, and the panel; no command waits for a server."""

from __future__ import annotations

import functools
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

import nuke
from nukescripts import panels

from . import tab

if TYPE_CHECKING:
    from ft_dcc.renders.publish import CurrentRender
    from ft_dcc.renders.renders import Render
    from ft_dcc.ui.menu_commands import MenuCommands

TITLE = "ft-dcc"
# The panel is a part of saved workspaces by this name.
_PANEL = "ft_dcc.dialog"
# Nuke evaluates the text when it shows the panel, perhaps at the start, with a saved workspace.
_MAKE_PANEL = "__import__('ft_dcc_nuke.commands', fromlist=['make_panel']).make_panel"


def report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with all of its errors shown in a dialog, also when the core cannot be loaded."""

    @functools.wraps(command)
    def call(*arguments: Any) -> None:
        try:
            from ft_dcc.ui.menu_commands import run_command
        except (Exception, SystemExit) as error:  # noqa: BLE001 - Nuke goes on whatever is wrong with us
            show_load_error(error)
        else:
            run_command(partial(command, *arguments), show_message, show_load_error)

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


def _shared_command(name: str) -> Callable[..., None]:
    """Return the command that is this method of ``MenuCommands``."""
    return report_errors(lambda *arguments: getattr(_commands(), name)(*arguments))


use_work_files, show_drawings = _shared_command("use_work_files"), _shared_command("show_drawings")
hide_drawings = _shared_command("hide_drawings")


@report_errors
def publish_again() -> None:
    """Publish the script's last publish again in the background; open the dialog if there is none."""
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
        publish_renders_of(*nodes)


@report_errors
def publish_renders_of(*nodes: nuke.Node) -> None:
    """Publish the last renders of these nodes; the button of a tab does so for its node."""
    from .node_info import script_name

    # Reading all logs of a share takes seconds.
    _commands().run_in_background(partial(_publish_recorded, [node.fullName() for node in nodes], script_name()))


def _selected_writes(advice: str) -> list[nuke.Node]:
    selected = [
        node
        for node in nuke.selectedNodes()
        if node.Class() == "Write"
        or (isinstance(node, nuke.Group) and nuke.allNodes("Write", group=node, recurseGroups=True))
    ]
    if not selected:
        show_message(advice)
    return selected


def _publish_recorded(names: list[str], script: str) -> str:
    """Publish what nodes with these full names, or Writes inside of them, have rendered; return a sentence for each."""
    from ft_dcc.errors import Error
    from ft_dcc.renders.publish import current_renders
    from ft_dcc.renders.renders import read_renders

    found = current_renders(read_renders(script=script))
    # With a dot behind each name: "Group1" is not the beginning of "Group12".
    starts = tuple(f"{name}." for name in names)
    renders = [each for each in found if f"{each.render.execution.node}.".startswith(starts)]
    if not renders:
        return "No render of these nodes was recorded. Publish their files: Publish for review…"
    sentences = []
    for each in renders:
        try:
            if _is_confirmed(each):
                sentences.append(_publish_render(each.render))
        except Error as error:
            # The other renders are independent.
            sentences.append(str(error))
    return "\n".join(sentences)


def _is_confirmed(current: CurrentRender) -> bool:
    """Ask about what a version would lack, and about one without a new frame."""
    from ft_dcc.renders.publish import range_of

    from .maintained import run_in_main_thread

    render = current.render
    if render.is_complete and current.new:
        return True
    reason = render.shortfall or "no frame is new since its last version"
    question = f"{render.source}: {reason}. Publish {range_of(render)} as it is?"
    return run_in_main_thread(lambda: bool(nuke.ask(question)), timeout=None)


@report_errors
def show_page(page: str) -> None:
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


publish_for_review = partial(show_page, "publish")


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


_show_renders = partial(show_page, "renders")
# The menu, from top to bottom.
ITEMS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("Publish for review…", publish_for_review),
    ("Publish again", publish_again),
    ("Publish renders of selected Writes", publish_renders),
    ("Add the tab to selected Writes", add_tab),
    ("Remove the tab from selected Writes", remove_tab),
    ("Renders", _show_renders),
    ("Open or make the work file", partial(use_work_files, "take")),
    ("Save next version", partial(use_work_files, "save_next")),
    ("My tasks", partial(show_page, "tasks")),
    ("Notes", partial(show_page, "notes")),
    ("Show drawings", show_drawings),
    ("Hide drawings", hide_drawings),
    ("Review sessions", partial(show_page, "reviews")),
    ("Queue", partial(show_page, "queue")),
    ("Settings", partial(show_page, "settings")),
    ("About", partial(show_page, "about")),
)
# What concerns the selected nodes is in the menu of the Node Graph, too.
_NODE_COMMANDS = (publish_for_review, publish_renders, add_tab, remove_tab, _show_renders)


def install() -> None:
    """Add the menus, once."""
    uninstall()
    for parent in ("Nuke", "Node Graph"):
        menu = nuke.menu(parent).addMenu(TITLE)
        for label, command in ITEMS:
            if parent == "Nuke" or command in _NODE_COMMANDS:
                menu.addCommand(label, command)
    panels.registerWidgetAsPanel(_MAKE_PANEL, TITLE, _PANEL)


def uninstall() -> None:
    """Remove the menus."""
    for parent in ("Nuke", "Node Graph"):
        bar = nuke.menu(parent)
        if bar.findItem(TITLE) is not None:
            bar.removeItem(TITLE)
    pane = nuke.menu("Pane")
    if pane.findItem(TITLE) is not None:
        pane.removeItem(TITLE)
        panels.unregisterPanel(_PANEL, None)
