from __future__ import annotations

import os
import threading
import time
import uuid
from fractions import Fraction

import pytest
from doubles.colour_bars import ColourBars, painted

from ft_dcc import credentials
from ft_dcc.credentials import Account
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.tasks import ensure_task


@pytest.fixture(scope="session")
def app():
    """The one Qt application of this process, on a screen that nobody sees."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    widgets = pytest.importorskip("Qt.QtWidgets", reason="there is no Qt for this Python")
    application = widgets.QApplication.instance() or widgets.QApplication(["ft-dcc"])
    application.setStyle("Fusion")
    # Windows come and go here; the loop is never left by one of them.
    application.setQuitOnLastWindowClosed(False)
    return application


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch, signed_in):
    """Keys, jobs and settings of these tests are nobody else's; the settings name the shared studio."""
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.setattr(credentials, "_key_store", lambda: None)
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setenv("FT_DCC_LOCAL_STUDIO", str(tmp_path / "own studio"))
    # A server that is away is not asked five times, which is tested where it is done.
    monkeypatch.setattr("ft_dcc.session.wire._PAUSES", ())


@pytest.fixture
def account(studio_server):
    return Account(studio_server.server_url, studio_server.api_user, studio_server.api_key)


@pytest.fixture
def live(app):
    """Let the window live until something is true: ``live(lambda: …)``; hosts are served beside it."""

    def wait(condition, *hosts, seconds=90.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            for host in hosts:
                host.idle()
            app.processEvents()
            time.sleep(0.002)
        app.processEvents()

    return wait


@pytest.fixture
def open_dialog(app, live):
    """Open a dialog of one's own: ``open_dialog(host, page="queue")``, signed in unless one says otherwise."""
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
            live(lambda: dialog.desk.session is not None and not dialog.desk.is_busy, *hosts)
        live(lambda: dialog.desk.lookups.wait(0), *hosts)
        # The last word of a worker is passed on a moment later.
        dialog.refresh()
        return dialog

    yield make
    for dialog, host in made:
        dialog.desk.cancel()
        hosts = [] if host is None else [host]
        live(lambda dialog=dialog: not dialog.desk.is_busy and dialog.desk.lookups.wait(0), *hosts)
        dialog.desk.close()
        dialog.close()
        dialog.deleteLater()
    app.processEvents()


@pytest.fixture
def task(session):
    """A task of its own whose shot is frames 1001-1012 at 24 fps."""
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Animation"
    return ensure_task(session, path, frame_range=FrameRange(1001, 1012), fps=Fraction(24))


@pytest.fixture
def task_path(task):
    return "/".join(part["name"] for part in task["link"])


@pytest.fixture
def render(tmp_path):
    """Twelve frames on the disk, as a render leaves them: the folder."""
    folder = tmp_path / "render"
    folder.mkdir()
    for frame in range(1001, 1013):
        (folder / f"sh010_light.{frame}.png").write_bytes(painted(frame, Resolution(64, 36)))
    return folder


@pytest.fixture
def choose(live):
    """Choose a task as an artist does: search for it, and pick it with Enter."""
    from Qt import QtCore, QtTest

    def pick(dialog, path, *hosts):
        field = dialog.publish_page.task
        field.setFocus()
        field.clear()
        QtTest.QTest.keyClicks(field, path.replace("/", " "))
        live(lambda: path in [text for _, text in field.choices], *hosts)
        QtTest.QTest.keyClick(field, QtCore.Qt.Key.Key_Return)
        assert field.text() == path

    return pick


@pytest.fixture
def press(live):
    """Click a button with the mouse, as soon as it can be clicked."""
    from Qt import QtCore, QtTest

    def click(button):
        live(lambda: button.isVisible() and button.isEnabled(), seconds=20)
        QtTest.QTest.mouseClick(button, QtCore.Qt.MouseButton.LeftButton)

    return click


@pytest.fixture
def slow_bars():
    """A host that captures frame by frame, and waits before the last one until ``go`` is set."""

    class SlowBars(ColourBars):
        def __init__(self):
            super().__init__()
            self.go, self.is_waiting = threading.Event(), threading.Event()

        def playblast(self, request, on_frame):
            def pace(frame):
                if frame == 1012:
                    self.is_waiting.set()
                    self.go.wait(60)
                on_frame(frame)

            self.captures += 1
            # Only painting is for the main thread, as in every program with a window.
            return self._paint(request, pace)

    return SlowBars()
