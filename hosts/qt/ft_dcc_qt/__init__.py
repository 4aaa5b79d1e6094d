"""The dialog that Maya, Nuke and the desktop share.

Importing this package does nothing and needs no Qt. ``show`` opens the dialog.
"""

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
    _require_qt()
    from .dialog import show_dialog

    return show_dialog(host, page, parent, files)


def dock(host: Host) -> Any:
    """Return the dialog of this program as a widget for a panel of the host, in place of its window.

    Main thread only. Raises MissingExtra if Qt is not installed.
    """
    _require_qt()
    from .dialog import dock_dialog

    return dock_dialog(host)


def _require_qt() -> None:
    try:
        import Qt  # noqa: F401 - only an import shows whether there is a binding
    except ImportError as error:
        from ft_dcc.errors import MissingExtra

        raise MissingExtra("ui", "The dialog") from error
