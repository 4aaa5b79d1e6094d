"""The dialog: pages, and the account that is signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from Qt import QtCompat, QtCore, QtGui, QtWidgets

from ft_dcc.host import Host, records_renders
from ft_dcc.ui.publish_controller import PublishController

from . import style
from .about_page import AboutPage
from .feedback.notes_page import NotesPage
from .feedback.tasks_page import TasksPage
from .layouts import Columns, WrappingRow
from .publish.publish_page import PublishPage
from .queue_page import QueuePage
from .renders_page import RendersPage
from .reviews_page import ReviewsPage
from .settings_page import SettingsPage
from .sign_in_page import SignInPage
from .ui_notifier import ChangeSignal

if TYPE_CHECKING:
    from ft_dcc.accounts.credentials import Account

_SIZE = QtCore.QSize(940, 660)
# Pages that need no server.
_OFFLINE = ("queue", "settings", "about")


class Dialog(QtWidgets.QDialog):
    """The window with all pages; it shows the state of the controller and calls it.

    A publish continues after the window was closed, and opens it again when it has finished. ``closed`` is emitted
    when the window is closed and nothing will open it again.
    """

    closed = QtCore.Signal()

    def __init__(self, host: Host | None, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.host = host
        self._changes = ChangeSignal(self)
        self.controller = PublishController(on_start=self._changes.notify, on_change=self._changes.notify)
        self._changes.changed.connect(self.refresh)
        self._page = "publish"
        self._opens_when_finished = False
        self._is_docked = False
        # Whether a panel has to open the page when it is shown for the first time.
        self._opens_when_shown = False
        self._finished = 0
        self._was_signed_in = False
        self.publish_page = PublishPage(self.controller, host)
        self.sign_in_page = SignInPage(self.controller, "the desktop" if host is None else host.name)
        self.queue_page = QueuePage(self.controller, host)
        self.reviews_page, self.settings_page = ReviewsPage(self.controller), SettingsPage(self.controller)
        self.about_page = AboutPage(self.controller, host)
        self.tasks_page, self.notes_page = TasksPage(self.controller), NotesPage(self.controller, host)
        self.tasks_page.task_taken.connect(self._take_task)
        self.tasks_page.notes_wanted.connect(self._open_notes)
        self._pages: dict[str, Any] = {
            "publish": self.publish_page,
            "tasks": self.tasks_page,
            "notes": self.notes_page,
            "reviews": self.reviews_page,
            "queue": self.queue_page,
            "settings": self.settings_page,
            "about": self.about_page,
        }
        if records_renders(host):
            self._pages["renders"] = RendersPage(self.controller, host)
        self._lay_out()
        self.setWindowTitle("ft-dcc" if host is None else f"ft-dcc in {host.name}")
        style.apply_style(self)
        self.resize(_initial_size(self))

    def open_page(self, page: str) -> None:
        """Show the page, and fetch its data again."""
        self._page = page
        self.tabs[page].setChecked(True)
        queries = self.controller.queries
        queries.read_settings()
        queries.read_jobs()
        if self.host is not None:
            queries.read_scene(self.host)
        if page == "reviews":
            self.controller.refresh_reviews()
        if page == "renders":
            self._pages[page].read()
        self._read_feedback()
        if self.controller.session is None and not self.controller.is_busy:
            self.controller.sign_in_with(_find_account, then=lambda account: None)
        self.refresh()

    def refresh(self) -> None:
        """Show the state of the controller."""
        controller = self.controller
        is_signed_in = controller.session is not None
        if is_signed_in and not self._was_signed_in:
            self._read_feedback()
        self._was_signed_in = is_signed_in
        self.publish_page.read_notes()
        self._show_badge()
        self._show_page(is_signed_in=is_signed_in)
        self.account_label.setText(
            f"{controller.user} on {controller.server.partition('://')[2]}" if is_signed_in else "Not signed in"
        )
        self.sign_out.setVisible(is_signed_in)
        self.sign_out.setEnabled(is_signed_in and not controller.is_busy)
        self.error_label.setText(controller.queries.error)
        self.error_label.setVisible(bool(controller.queries.error))
        if self._finished != controller.completed_count and not controller.is_busy:
            self._finished = controller.completed_count
            self._read_changes()
            self._open_when_finished()

    def _show_page(self, *, is_signed_in: bool) -> None:
        needs_sign_in = not is_signed_in and self._page not in _OFFLINE
        page = self.sign_in_page if needs_sign_in else self._pages[self._page]
        has_changed = self.stack.currentWidget() is not page
        self.stack.setCurrentWidget(page)
        page.refresh()
        if has_changed and self._main is not None:
            self._main.setFocus()

    def _read_changes(self) -> None:
        """Read again what the finished activity has changed."""
        controller = self.controller
        controller.queries.read_jobs()
        if controller.published:
            controller.refresh_reviews()
        if self.host is not None and controller.activity == "repair":
            controller.queries.read_scene(self.host)

    def event(self, event: QtCore.QEvent) -> bool:
        """Keep the shortcuts of the host's main window from being triggered by keys typed here.

        Keys with Alt are shortcuts of this window.
        """
        if isinstance(event, QtGui.QKeyEvent) and event.type() == QtCore.QEvent.Type.ShortcutOverride:
            if not event.modifiers() & QtCore.Qt.KeyboardModifier.AltModifier:
                event.accept()
            return True
        handled: bool = super().event(event)
        return handled

    def keyReleaseEvent(self, event: QtGui.QKeyEvent) -> None:
        """Accept every key: an ignored one goes on to the host."""
        event.accept()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Press the focused button, or else the page's main button, on Enter, except in lists; accept every key."""
        if event.key() not in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter):
            super().keyPressEvent(event)
            event.accept()
            return
        event.accept()
        focus = self.focusWidget()
        if isinstance(focus, QtWidgets.QAbstractItemView):
            return
        button = focus if isinstance(focus, QtWidgets.QPushButton) else self._main
        if button is not None and button.isVisible():
            button.click()

    def dock(self) -> None:
        """Become a part of a panel, which shows and deletes it.

        A panel that the host restores at its start may be hidden behind another: nothing is read before it is shown.
        """
        if not self._is_docked:
            controller = self.controller
            # Not a method of this window, which does not exist any more then.
            self.destroyed.connect(lambda *_: controller.abandon())
        self._is_docked = self._opens_when_shown = True
        self.setWindowFlags(QtCore.Qt.WindowType.Widget)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        """Open the page of a panel that is shown for the first time."""
        super().showEvent(event)
        if self._opens_when_shown:
            self._opens_when_shown = False
            self.open_page(self._page)

    def reject(self) -> None:
        """Close the window on Escape; a publish continues. A panel stays open."""
        if not self._is_docked:
            self.close()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """Let a publish continue without the window, but cancel a login."""
        self._opens_when_finished = self.controller.is_publishing
        event.accept()
        if not self._opens_when_finished:
            self.controller.cancel()
            self.closed.emit()

    @property
    def _main(self) -> QtWidgets.QPushButton | None:
        """Return the main button of the page."""
        main: QtWidgets.QPushButton | None = getattr(self.stack.currentWidget(), "main", None)
        return main

    def _open_when_finished(self) -> None:
        if not self._opens_when_finished:
            return
        self._opens_when_finished = False
        # Do not take the focus from another window.
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_ShowWithoutActivating, True)
        self.show()
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_ShowWithoutActivating, False)

    def _lay_out(self) -> None:
        tabs = WrappingRow(spacing=0)
        group = QtWidgets.QButtonGroup(self)
        self.tabs: dict[str, QtWidgets.QPushButton] = {}
        for number, page in enumerate(self._pages, start=1):
            tab = style.button(page.capitalize(), "page")
            tab.setCheckable(True)
            tab.setShortcut(QtGui.QKeySequence(f"Alt+{number}"))
            tab.setToolTip(f"Alt+{number}")
            tab.clicked.connect(lambda *_, page=page: self.open_page(page))
            group.addButton(tab)
            tabs.addWidget(tab)
            self.tabs[page] = tab
        self.account_label, self.sign_out = style.text_label(tone="dim"), style.button("Sign out")
        self.account_label.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.sign_out.clicked.connect(self._sign_out)
        account = QtWidgets.QHBoxLayout()
        account.addWidget(self.account_label, 1)
        account.addWidget(self.sign_out)
        head = Columns(self.fontMetrics().lineSpacing())
        head.addLayout(tabs, 3)
        head.addLayout(account, 2)
        self.stack = QtWidgets.QStackedWidget()
        for page in (self.sign_in_page, *self._pages.values()):
            self.stack.addWidget(page)
        self.error_label = style.text_label(tone="error", is_selectable=True)
        self.news_label = style.text_label(tone="warning")
        column = QtWidgets.QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(self.stack, 1)
        column.addWidget(self.news_label)
        column.addWidget(self.error_label)
        self.sign_in_page.again.clicked.connect(lambda: self.open_page(self._page))

    def _read_feedback(self) -> None:
        """Read what the open page shows."""
        controller = self.controller
        if controller.session is None:
            return
        if self._page == "tasks":
            controller.read_my_tasks()
        if self._page == "notes":
            controller.feedback.mark_seen()
            task_id = controller.feedback.task_id or self.publish_page.task_id
            if task_id is not None:
                controller.feedback.read(controller.session, task_id)

    def _show_badge(self) -> None:
        """Show the number of new notes at the page's name, and the newest one in the error line's place."""
        feedback = self.controller.feedback
        is_open = self._page == "notes"
        count = 0 if is_open else feedback.unseen_count
        self.tabs["notes"].setText(f"Notes ({count} new)" if count else "Notes")
        self.news_label.setText("" if is_open else feedback.message)
        self.news_label.setVisible(bool(self.news_label.text()))

    def _take_task(self, task_id: str) -> None:
        """Choose the task for the publish."""
        self.open_page("publish")
        self.publish_page.choose_task(task_id)

    def _open_notes(self, task_id: str) -> None:
        if self.controller.session is not None:
            self.controller.feedback.read(self.controller.session, task_id)
        self.open_page("notes")

    def _sign_out(self) -> None:
        server, user = self.controller.server, self.controller.user
        self.controller.close()
        self.controller.queries.run("Signing out", lambda: _forget(server, user))
        self.refresh()


# Imported by the worker that needs them, so that opening the window does not wait for the disk.
def _find_account(is_cancelled: Callable[[], bool]) -> Account | None:
    from ft_dcc.accounts.browser_login import find_account

    return find_account()


def _forget(server: str, user: str) -> None:
    from ft_dcc.accounts.credentials import delete_credentials

    delete_credentials(server, user)


_dialog: Dialog | None = None


def show_dialog(
    host: Host | None,
    page: str,
    parent: QtWidgets.QWidget | None,
    files: Iterable[Path],
) -> Dialog:
    """Show the one dialog of this program on this page, in front of all windows, and return it."""
    global _dialog
    if _dialog is None or not QtCompat.isValid(_dialog):
        _dialog = Dialog(host, parent)
    _dialog.show()
    _dialog.raise_()
    _dialog.activateWindow()
    _dialog.publish_page.add_files(list(files))
    _dialog.open_page(page)
    return _dialog


def dock_dialog(host: Host) -> Dialog:
    """Return the one dialog of this program for a panel; its window is closed if it is open."""
    global _dialog
    if _dialog is None or not QtCompat.isValid(_dialog):
        _dialog = Dialog(host)
    _dialog.dock()
    return _dialog


def _initial_size(window: QtWidgets.QWidget) -> QtCore.QSize:
    """Return the default size, scaled with the font and limited by the screen."""
    scale = max(1.0, window.fontMetrics().height() / 17)
    screen = (window.parentWidget() or window).screen().availableGeometry()
    return QtCore.QSize(
        min(round(_SIZE.width() * scale), screen.width() - 40), min(round(_SIZE.height() * scale), screen.height() - 60)
    )
