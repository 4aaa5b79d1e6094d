"""The dialog: a row of pages, and who is signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from Qt import QtCompat, QtCore, QtGui, QtWidgets

from ft_dcc.desk import Desk
from ft_dcc.host import Host

from . import PAGES, looks
from .about_page import AboutPage
from .changes import Changes
from .publish_page import PublishPage
from .queue_page import QueuePage
from .reviews_page import ReviewsPage
from .settings_page import SettingsPage
from .sign_in_page import SignInPage

if TYPE_CHECKING:
    from ft_dcc.credentials import Account

_SIZE = QtCore.QSize(940, 660)
# What can be shown without a server.
_OFFLINE = ("queue", "settings", "about")


class Dialog(QtWidgets.QDialog):
    """Everything that an artist does with ft-dcc; it reads the desk, and has the desk do things.

    Closing it lets a publish go on: the window comes back by itself when that is through. ``left`` is emitted when it
    is closed and there is nothing to come back for.
    """

    left = QtCore.Signal()

    def __init__(self, host: Host | None, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.host = host
        self._changes = Changes(self)
        self.desk = Desk(on_begin=self._changes.tell, on_change=self._changes.tell)
        self._changes.seen.connect(self.refresh)
        self._page = "publish"
        self._is_away = False
        self._finished = 0
        self.publish_page = PublishPage(self.desk, host)
        self.sign_in_page = SignInPage(self.desk, "the desktop" if host is None else host.name)
        self.queue_page = QueuePage(self.desk, host)
        self.reviews_page, self.settings_page = ReviewsPage(self.desk), SettingsPage(self.desk)
        self.about_page = AboutPage(self.desk, host)
        self._pages: dict[str, Any] = {
            "publish": self.publish_page,
            "reviews": self.reviews_page,
            "queue": self.queue_page,
            "settings": self.settings_page,
            "about": self.about_page,
        }
        self._lay_out()
        self.setWindowTitle("ft-dcc" if host is None else f"ft-dcc in {host.name}")
        looks.dress(self)
        self.resize(_fitting(self))

    def open_page(self, page: str) -> None:
        """The page is seen, and what it shows is looked up anew."""
        self._page = page
        self.tabs[page].setChecked(True)
        lookups = self.desk.lookups
        lookups.read_settings()
        lookups.read_jobs()
        if self.host is not None:
            lookups.read_scene(self.host)
        if page == "reviews":
            self.desk.read_reviews()
        if self.desk.session is None and not self.desk.is_busy:
            self.desk.sign_in_later(_find_account, then=lambda account: None)
        self.refresh()

    def refresh(self) -> None:
        """Everything is seen as the desk has it."""
        desk = self.desk
        is_in = desk.session is not None
        needs_sign_in = not is_in and self._page not in _OFFLINE
        page = self.sign_in_page if needs_sign_in else self._pages[self._page]
        is_new = False
        if self.stack.currentWidget() is not page:
            self.stack.setCurrentWidget(page)
            is_new = True
        page.refresh()
        if is_new and self._main is not None:
            self._main.setFocus()
        self.who.setText(f"{desk.user} on {desk.server.partition('://')[2]}" if is_in else "Not signed in")
        self.sign_out.setVisible(is_in)
        self.sign_out.setEnabled(is_in and not desk.is_busy)
        self.note.setText(desk.lookups.error)
        self.note.setVisible(bool(desk.lookups.error))
        if self._finished != desk.finished and not desk.is_busy:
            self._finished = desk.finished
            desk.lookups.read_jobs()
            if desk.published:
                desk.read_reviews()
            if self.host is not None and desk.doing == "repair":
                desk.lookups.read_scene(self.host)
            self._come_back()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Enter does what the page is for; on a button it presses that, and in a list it is the list's alone."""
        if event.key() not in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter):
            super().keyPressEvent(event)
            return
        event.accept()
        focus = self.focusWidget()
        if isinstance(focus, QtWidgets.QAbstractItemView):
            return
        meant = focus if isinstance(focus, QtWidgets.QPushButton) else self._main
        if meant is not None and meant.isVisible():
            meant.click()

    def reject(self) -> None:
        """Escape closes the window; what is published goes on."""
        self.close()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """A publish goes on without the window, and brings it back at its end; signing in does not."""
        self._is_away = self.desk.is_publishing
        event.accept()
        if not self._is_away:
            self.desk.cancel()
            self.left.emit()

    @property
    def _main(self) -> QtWidgets.QPushButton | None:
        """The button that the page is for."""
        main: QtWidgets.QPushButton | None = getattr(self.stack.currentWidget(), "main", None)
        return main

    def _come_back(self) -> None:
        if not self._is_away:
            return
        self._is_away = False
        # Not in the way of whoever types into another window now.
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_ShowWithoutActivating, True)
        self.show()
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_ShowWithoutActivating, False)

    def _lay_out(self) -> None:
        head = QtWidgets.QHBoxLayout()
        group = QtWidgets.QButtonGroup(self)
        self.tabs: dict[str, QtWidgets.QPushButton] = {}
        for number, page in enumerate(PAGES, start=1):
            tab = looks.button(page.capitalize(), "page")
            tab.setCheckable(True)
            tab.setShortcut(QtGui.QKeySequence(f"Alt+{number}"))
            tab.setToolTip(f"Alt+{number}")
            tab.clicked.connect(lambda *_, page=page: self.open_page(page))
            group.addButton(tab)
            head.addWidget(tab)
            self.tabs[page] = tab
        self.who, self.sign_out = looks.said(tone="dim"), looks.button("Sign out")
        self.who.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.sign_out.clicked.connect(self._sign_out)
        head.addWidget(self.who, 1)
        head.addWidget(self.sign_out)
        self.stack = QtWidgets.QStackedWidget()
        for page in (self.sign_in_page, *self._pages.values()):
            self.stack.addWidget(page)
        self.note = looks.said(tone="error", is_selectable=True)
        column = QtWidgets.QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(self.stack, 1)
        column.addWidget(self.note)
        self.sign_in_page.again.clicked.connect(lambda: self.open_page(self._page))

    def _sign_out(self) -> None:
        server, user = self.desk.server, self.desk.user
        self.desk.close()
        self.desk.lookups.run("Signing out", lambda: _forget(server, user))
        self.refresh()


# Imported by the worker that needs them, so that the window opens without waiting for the disk.
def _find_account(is_cancelled: Callable[[], bool]) -> Account | None:
    from ft_dcc.sign_in import find_account

    return find_account()


def _forget(server: str, user: str) -> None:
    from ft_dcc.credentials import forget

    forget(server, user)


_dialog: Dialog | None = None


def show_dialog(host: Host | None, page: str, parent: QtWidgets.QWidget | None, files: Iterable[Path]) -> Dialog:
    """Return the one dialog of this program, open on the page and before the other windows."""
    global _dialog
    if _dialog is None or not QtCompat.isValid(_dialog):
        _dialog = Dialog(host, parent)
    _dialog.show()
    _dialog.raise_()
    _dialog.activateWindow()
    _dialog.publish_page.add_files(list(files))
    _dialog.open_page(page)
    return _dialog


def _fitting(window: QtWidgets.QWidget) -> QtCore.QSize:
    """As large as is comfortable, as the letters are, and never larger than the screen that it comes up on."""
    scale = max(1.0, window.fontMetrics().height() / 17)
    screen = (window.parentWidget() or window).screen().availableGeometry()
    return QtCore.QSize(
        min(round(_SIZE.width() * scale), screen.width() - 40), min(round(_SIZE.height() * scale), screen.height() - 60)
    )
