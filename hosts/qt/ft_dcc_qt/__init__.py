"""The dialog of Maya, Nuke and the desktop, which ``show`` opens; importing it does nothing and needs no Qt."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ft_dcc.host import Host


def show(host: Host | None = None, page: str = "publish", parent: Any = None, files: Iterable[Path] = ()) -> Any:
    """Open the dialog on the page of this name and return it; there is one dialog per program, "renders" only in Nuke.

    Without a host it publishes files. ``parent`` is the widget that the dialog stays in front of. Main thread only.
    Raises MissingExtra if Qt is not installed.
    """
    dialog = _dialog(host, parent)
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
    dialog.publish_page.add_files(list(files))
    dialog.open_page(page)
    return dialog


def dock(host: Host) -> Any:
    """Return the dialog of this program as a widget for a panel of the host, in place of its window.

    Main thread only. Raises MissingExtra if Qt is not installed.
    """
    dialog = _dialog(host)
    dialog.dock()
    return dialog


def _dialog(host: Host | None, parent: Any = None) -> Any:
    try:
        import Qt  # noqa: F401 - only an import shows whether there is a binding
    except ImportError as error:
        from ft_dcc.errors import MissingExtra

        raise MissingExtra("ui", "The dialog") from error
    from .dialog import the_dialog

    return the_dialog(host, parent)
