"""The dialog that Maya, Nuke and the desktop share.

Importing this package does nothing, and needs no Qt. ``show`` opens the dialog in a program that has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ft_dcc.host import Host

PAGES = ("publish", "reviews", "queue", "settings", "about")


def show(host: Host | None = None, page: str = "publish", parent: Any = None, files: Iterable[Path] = ()) -> Any:
    """The dialog is open on one of ``PAGES``, and is returned; a program has one, however often this is called.

    Without a host it publishes files. ``parent`` is the widget that it stays before. Main thread only; raises
    ExtraMissing where there is no Qt.
    """
    try:
        import Qt  # noqa: F401 - whether there is a binding is known only by trying
    except ImportError as error:
        from ft_dcc.errors import ExtraMissing

        raise ExtraMissing("ui", "The dialog") from error
    from .dialog import show_dialog

    return show_dialog(host, page, parent, files)
