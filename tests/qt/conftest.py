import importlib.util
import inspect
import os
import sys
import threading
import uuid
from fractions import Fraction

import pytest
import run_options
from doubles.colour_bars import ColourBars, write_painted

from ft_dcc.accounts import credentials
from ft_dcc.accounts.credentials import Account
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task


@pytest.fixture(scope="session")
def app():
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # An installed Qt that cannot be imported is an error: a skip would hide it.
    if not any(map(importlib.util.find_spec, ("PySide6", "PySide2"))):
        pytest.skip("there is no Qt for this Python")
    widgets = importlib.import_module("Qt.QtWidgets")
    application = widgets.QApplication.instance() or widgets.QApplication(["ft-dcc"])
    application.setStyle("Fusion")
    # Closing a window must not end the event loop.
    application.setQuitOnLastWindowClosed(False)
    return application


@pytest.fixture(autouse=True)
def deleted_windows():
    """Delete the windows of a test after it.

    Otherwise a thread of a later test may collect one as garbage, and Qt crashes when a thread deletes a widget whose
    timer runs in the main thread.
    """
    yield
    if "Qt.QtWidgets" not in sys.modules:
        return
    from Qt import QtCore, QtWidgets

    for window in QtWidgets.QApplication.topLevelWidgets():
        if window.parent() is None:
            window.deleteLater()
    # Outside of an event loop, Qt deletes nothing by itself.
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch, signed_in):
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.setattr(credentials, "_key_store", lambda: None)
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setenv("FT_DCC_LOCAL_STUDIO", str(tmp_path / "own studio"))
    # No retries: the session's tests cover them.
    monkeypatch.setattr("ft_dcc.session.transport.http._RETRY_DELAYS_SECONDS", ())


@pytest.fixture
def account(studio_server):
    return Account(studio_server.server_url, studio_server.api_user, studio_server.api_key)


@pytest.fixture
def wait_until(app):
    def wait(condition, *hosts):
        def is_true():
            if condition():
                return True
            for host in hosts:
                host.idle()
            app.processEvents()
            return False

        is_written_here = inspect.isroutine(condition) and hasattr(condition, "__code__")
        what = inspect.getsource(condition).strip() if is_written_here else repr(condition)
        run_options.wait_until(is_true, what, _shown_texts, interval=0.002)
        app.processEvents()

    return wait


def _shown_texts():
    """Return the texts of the labels and buttons of all open windows."""
    from Qt import QtWidgets

    widgets = [each for each in QtWidgets.QApplication.allWidgets() if each.isVisible() and hasattr(each, "text")]
    return [text for text in (each.text() for each in widgets) if text]


def is_idle(controller):
    """Return whether no reader of the dialog works in the background."""
    readers = (
        controller.queries,
        controller.feedback,
        controller.my_tasks,
        controller.images,
        controller.renders,
        controller.version_files,
        controller.disk_files,
        controller.version_states,
        controller.checks,
    )
    return not controller.is_busy and all(each.wait(0) for each in readers)


@pytest.fixture
def settle(wait_until):
    """Return a function that waits until a dialog has read everything and no widget moves any more."""
    from Qt import QtWidgets

    def wait(dialog, *hosts):
        places = []

        def is_at_rest():
            shown = [(each.geometry(), each.isVisible()) for each in dialog.findChildren(QtWidgets.QWidget)]
            places.append(shown)
            return is_idle(dialog.controller) and not dialog._changes._is_pending and places[-3:] == [shown] * 3

        wait_until(is_at_rest, *hosts)

    return wait


@pytest.fixture
def close_dialog(wait_until):
    def close(dialog, *hosts):
        controller = dialog.controller
        controller.cancel()
        wait_until(lambda: is_idle(controller), *hosts)
        controller.close()
        dialog.close()
        # A notification that was still pending may have begun another query.
        wait_until(lambda: is_idle(controller), *hosts)

    return close


@pytest.fixture
def open_dialog(app, wait_until, close_dialog):
    """Return a function that opens a dialog: ``open_dialog(host, page="queue")``, signed in by default."""
    from ft_dcc_qt.dialog import Dialog

    made = []

    def make(host=None, page="publish", *, is_signed_in=True):
        dialog = Dialog(host)
        made.append((dialog, host))
        dialog.show()
        dialog.activateWindow()
        dialog.open_page(page)
        hosts = [] if host is None else [host]
        if is_signed_in:
            wait_until(lambda: dialog.controller.session is not None and not dialog.controller.is_busy, *hosts)
        wait_until(lambda: dialog.controller.queries.wait(0), *hosts)
        # The last notification of a worker may still be pending.
        dialog.refresh()
        return dialog

    yield make
    for dialog, host in made:
        close_dialog(dialog, *([] if host is None else [host]))
    app.processEvents()


@pytest.fixture
def task(session):
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Animation"
    return ensure_task(session, path, frame_range=FrameRange(1001, 1012), fps=Fraction(24))


@pytest.fixture
def task_path(task):
    return "/".join(part["name"] for part in task["link"])


@pytest.fixture
def render(tmp_path):
    folder = tmp_path / "render"
    folder.mkdir()
    write_painted(folder, range(1001, 1013), "sh010_light")
    return folder


@pytest.fixture
def choose(wait_until):
    """Return a function that chooses a task: it searches for it and selects it with Enter."""
    from Qt import QtCore, QtTest

    def pick(dialog, path, *hosts):
        field = dialog.publish_page.task
        field.setFocus()
        field.clear()
        QtTest.QTest.keyClicks(field, path.replace("/", " "))
        wait_until(lambda: path in [text for _, text in field.choices], *hosts)
        QtTest.QTest.keyClick(field, QtCore.Qt.Key.Key_Return)
        assert field.text() == path

    return pick


@pytest.fixture
def press(wait_until):
    from Qt import QtCore, QtTest

    def click(button):
        wait_until(lambda: button.isVisible() and button.isEnabled())
        QtTest.QTest.mouseClick(button, QtCore.Qt.MouseButton.LeftButton)

    return click


@pytest.fixture
def tick_only(app):
    from Qt import QtCore

    states = QtCore.Qt.CheckState

    def tick(sources, names):
        for row in range(sources.count()):
            item = sources.item(row)
            name = item.data(QtCore.Qt.ItemDataRole.UserRole)
            if name is not None:
                item.setCheckState(states.Checked if name in names else states.Unchecked)

    return tick


@pytest.fixture
def slow_bars():
    class HeldHost(ColourBars):
        def __init__(self):
            super().__init__()
            self.proceed, self.is_held = threading.Event(), threading.Event()

        def playblast(self, request, on_frame):
            def wait_before_last(frame):
                if frame == 1012:
                    self.is_held.set()
                    self.proceed.wait(run_options.TIMEOUT_SECONDS)
                on_frame(frame)

            # Only drawing needs the main thread, as in every program with a window.
            return self._paint(request, wait_before_last)

    return HeldHost()
