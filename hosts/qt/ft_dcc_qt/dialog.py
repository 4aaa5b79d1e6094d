"""The dialog: pages, the account that is signed in, and notifications of worker threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from Qt import QtCompat, QtCore, QtGui, QtWidgets

from ft_dcc.host import Host, records_renders
from ft_dcc.ui.publish_controller import PublishController

from . import layouts, notes_page, queue_page, sign_in_page, style
from .publish.publish_page import PublishPage
from .settings_page import AboutPage, SettingsPage
from .tasks_page import ReviewsPage, TasksPage

if TYPE_CHECKING:
    from ft_dcc.accounts.credentials import Account

_SIZE = QtCore.QSize(940, 660)
_HEAD_SPACING = 10
# Pages that need no server.
_OFFLINE = ("queue", "settings", "about")
# About the rate that the eye can follow.
_NOTIFICATION_INTERVAL_MILLISECONDS = 40


class ChangeSignal(QtCore.QObject):
    """Emit ``changed`` in the main thread after ``notify`` was called in any thread, at a limited rate."""

    changed = QtCore.Signal()
    _notified = QtCore.Signal()

    def __init__(self, window: QtWidgets.QWidget) -> None:
        super().__init__(window)
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_NOTIFICATION_INTERVAL_MILLISECONDS)
        self._timer.timeout.connect(self._emit_changed)
        self._notified.connect(lambda: self._timer.start(), QtCore.Qt.ConnectionType.QueuedConnection)
        self._is_pending = False
        # Workers outlive their window: without the lock, it could be destroyed while one of them emits a signal.
        self._lock, self._is_open = threading.Lock(), True
        window.destroyed.connect(self._close)

    def notify(self) -> None:
        """Report a change; any thread may call this, also while the program closes its windows."""
        with self._lock:
            if self._is_pending or not self._is_open:
                return
            self._is_pending = True
            self._notified.emit()

    def _emit_changed(self) -> None:
        self._is_pending = False
        self.changed.emit()

    def _close(self) -> None:
        with self._lock:
            self._is_open = False


class Dialog(QtWidgets.QDialog):
    """The window with all pages; it shows the state of the controller and calls it.

    A publish continues after the window was closed, and opens it again when it has finished. ``closed`` is emitted
    when the window is closed and nothing will open it again.
    """

    closed = QtCore.Signal()
    # Before the constructor has made the window, it gets events.
    _is_docked = False

    def __init__(self, host: Host | None, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.host = host
        self._changes = ChangeSignal(self)
        self.controller = PublishController(on_change=self._changes.notify)
        self._changes.changed.connect(self.refresh)
        self._page = "publish"
        self._opens_when_finished = False
        # Whether a panel has to open the page when it is shown for the first time.
        self._opens_when_shown = False
        self._finished = 0
        self._was_signed_in = False
        self.publish_page = PublishPage(self.controller, host)
        self.sign_in_page = sign_in_page.SignInPage(self.controller, "the desktop" if host is None else host.name)
        self.queue_page = queue_page.QueuePage(self.controller, host)
        self.reviews_page, self.settings_page = ReviewsPage(self.controller), SettingsPage(self.controller)
        self.about_page = AboutPage(self.controller, host)
        self.tasks_page, self.notes_page = TasksPage(self.controller), notes_page.NotesPage(self.controller, host)
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
            self._pages["renders"] = queue_page.RendersPage(self.controller, host)
        self._lay_out()
        self.setWindowTitle("ft-dcc" if host is None else f"ft-dcc in {host.name}")
        # Only this window, not the program's other ones.
        self.setStyleSheet(style.style_sheet(is_light=style.is_light()))
        self.resize(_initial_size(self))

    def open_page(self, page: str) -> None:
        """Show the page, and fetch its data again."""
        self._page = page
        self.tabs[page].setChecked(True)
        queries = self.controller.queries
        queries.read_settings()
        queries.read_jobs()
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
        needs_sign_in = not is_signed_in and self._page not in _OFFLINE
        page = self.sign_in_page if needs_sign_in else self._pages[self._page]
        has_changed = self.stack.currentWidget() is not page
        self.stack.setCurrentWidget(page)
        page.refresh()
        if has_changed and self._main is not None:
            self._main.setFocus()
        self.account_label.setText(
            f"{controller.user} on {controller.server.partition('://')[2]}" if is_signed_in else "Not signed in"
        )
        self.sign_out.setVisible(is_signed_in)
        self.sign_out.setEnabled(is_signed_in and not controller.is_busy)
        self._show_badge()
        style.show_text(self.error_label, controller.queries.error)
        if self._finished != controller.completed_count and not controller.is_busy:
            self._finished = controller.completed_count
            self._finish_activity()

    def _finish_activity(self) -> None:
        """Read again what the finished activity has changed, and open the window that was closed meanwhile."""
        controller = self.controller
        controller.queries.read_jobs()
        if controller.published:
            controller.refresh_reviews()
        if controller.activity == "repair":
            controller.queries.read_scene(self.host)
        if self._opens_when_finished:
            self._opens_when_finished = False
            # Do not take the focus from another window.
            self.setAttribute(QtCore.Qt.WidgetAttribute.WA_ShowWithoutActivating, True)
            self.show()
            self.setAttribute(QtCore.Qt.WidgetAttribute.WA_ShowWithoutActivating, False)

    def event(self, event: QtCore.QEvent) -> bool:
        """Keep keys typed here from triggering shortcuts of the host; those with Alt are shortcuts of this window."""
        if isinstance(event, QtGui.QKeyEvent) and event.type() == QtCore.QEvent.Type.ShortcutOverride:
            if not event.modifiers() & QtCore.Qt.KeyboardModifier.AltModifier:
                event.accept()
            return True
        # The window of a host with a panel stays the active one, so the pointer tells that the artist comes back.
        back = QtCore.QEvent.Type.Enter if self._is_docked else QtCore.QEvent.Type.WindowActivate
        if event.type() == back:
            self.publish_page.check_again()
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
        """Become a part of a panel, which shows and deletes it; nothing is read before it is shown."""
        # A panel that the host restores at its start may be hidden behind another.
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
        main: QtWidgets.QPushButton | None = getattr(self.stack.currentWidget(), "main", None)
        return main

    def _lay_out(self) -> None:
        self._tab_row, group = QtWidgets.QWidget(), QtWidgets.QButtonGroup(self)
        tabs = layouts.WrappingRow(spacing=0)
        self._tab_row.setLayout(tabs)
        self.tabs: dict[str, QtWidgets.QPushButton] = {}
        # In place of the tabs where they do not fit; its entries have the keys in any width.
        self.pages = style.button("")
        menu = QtWidgets.QMenu(self.pages)
        self.pages.setMenu(menu)
        for number, page in enumerate(self._pages, start=1):
            tab, entry = style.button(page.capitalize(), "page"), menu.addAction(page.capitalize())
            tab.setCheckable(True)
            style.set_tool_tip(tab, f"Alt+{number}")
            entry.setShortcut(QtGui.QKeySequence(f"Alt+{number}"))
            # Only with the focus here: a panel is in the window of the host, which has shortcuts of its own.
            entry.setShortcutContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self.addAction(entry)
            for signal in (tab.clicked, entry.triggered):
                signal.connect(lambda *_, page=page: self.open_page(page))
            group.addButton(tab)
            tabs.addWidget(tab)
            self.tabs[page] = tab
        self.account_label, self.sign_out = style.text_label(tone="dim"), style.button("Sign out")
        self.account_label.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.sign_out.clicked.connect(self._sign_out)
        head = QtWidgets.QHBoxLayout()
        for widget in (self._tab_row, self.pages, self.account_label, self.sign_out):
            head.addWidget(widget, 1 if widget is self.account_label else 0)
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
        text = f"Notes ({count} new)" if count else "Notes"
        self.tabs["notes"].setText(text)
        self.pages.menu().actions()[list(self.tabs).index("notes")].setText(text)
        self._fit_head()
        style.show_text(self.news_label, "" if is_open else feedback.message)

    def _fit_head(self) -> None:
        """Show a menu of the pages where their tabs do not fit beside the account."""
        account = self.account_label.fontMetrics().horizontalAdvance(self.account_label.text())
        needed = self._tab_row.sizeHint().width() + account + self.sign_out.sizeHint().width() + 4 * _HEAD_SPACING
        self._tab_row.setVisible(needed <= self.width())
        self.pages.setVisible(needed > self.width())
        self.pages.setText(self.tabs[self._page].text())

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Show the pages as tabs or as a menu."""
        super().resizeEvent(event)
        self._fit_head()

    def _take_task(self, task_id: str) -> None:
        self.open_page("publish")
        self.publish_page.choose_task(task_id)

    def _open_notes(self, task_id: str) -> None:
        if self.controller.session is not None:
            self.controller.feedback.read(self.controller.session, task_id)
        self.open_page("notes")

    def _sign_out(self) -> None:
        server, user = self.controller.server, self.controller.user

        def forget() -> None:
            from ft_dcc.accounts.credentials import delete_credentials

            delete_credentials(server, user)

        self.controller.close()
        self.controller.queries.run("Signing out", forget)
        self.refresh()


def _find_account(is_cancelled: Callable[[], bool]) -> Account | None:
    # Imported by the worker, so that opening the window does not wait for the disk.
    from ft_dcc.accounts.browser_login import find_account

    return find_account()


_dialog: Dialog | None = None


def the_dialog(host: Host | None, parent: QtWidgets.QWidget | None = None) -> Dialog:
    """Return the one dialog of this program; make it if there is none or its parent has deleted it."""
    global _dialog
    if _dialog is None or not QtCompat.isValid(_dialog):
        _dialog = Dialog(host, parent)
    return _dialog


def _initial_size(window: QtWidgets.QWidget) -> QtCore.QSize:
    scale = max(1.0, window.fontMetrics().height() / 17)
    screen = (window.parentWidget() or window).screen().availableGeometry()
    return QtCore.QSize(
        min(round(_SIZE.width() * scale), screen.width() - 40), min(round(_SIZE.height() * scale), screen.height() - 60)
    )
