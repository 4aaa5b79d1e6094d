"""The start of the dialog: ``ft-dcc ui`` where Qt cannot open a window, ``ft-dcc demo`` without Blender, sign in."""

import os
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from doubles.programs import run_process
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts.browser_login import find_account
from ft_dcc.accounts.credentials import last_login, load_credentials

CLI = (sys.executable, "-m", "ft_dcc.cli.main")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 has these libraries")


def ft_dcc(*arguments, code="", **environ):
    command = CLI if not code else (sys.executable, "-c", f"{code}\nfrom ft_dcc.cli.main import main\nmain()")
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    known = {name: value for name, value in os.environ.items() if name not in hidden}
    return run_process(*command, *arguments, env={**known, **environ})


@linux
def test_dialog_without_a_display_ends_with_one_sentence():
    pytest.importorskip("Qt.QtWidgets")
    done = ft_dcc("ui")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("There is no display: DISPLAY is not set.")


@linux
def test_display_that_does_not_answer_is_named():
    desktop = pytest.importorskip("ft_dcc_qt.desktop")
    done = run_process(
        *(sys.executable, "-c", "import ft_dcc_qt.desktop as desktop; desktop.check_display([])"),
        env={**os.environ, "DISPLAY": ":987", "QT_QPA_PLATFORM": "xcb"},
    )
    assert "DisplayMissing: The display :987 does not answer." in done.stderr
    assert desktop.missing_library("libfoo.so.1: cannot open").message.startswith(
        "The dialog needs the system library libfoo.so.1."
    )


@linux
def test_missing_system_library_is_named_with_its_package(monkeypatch):
    desktop = pytest.importorskip("ft_dcc_qt.desktop")
    from ft_dcc.errors import DisplayMissing

    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")

    def without_library(name):
        raise OSError("libxcb-cursor.so.0: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(desktop.ctypes, "CDLL", without_library)
    with pytest.raises(DisplayMissing) as caught:
        desktop.check_display([])
    assert str(caught.value) == (
        "The dialog needs the system library libxcb-cursor.so.0. Install it, on Debian and Ubuntu: "
        "sudo apt install libxcb-cursor0"
    )


def test_demo_without_blender_ends_with_one_sentence(tmp_path):
    done = ft_dcc("demo", "--data", str(tmp_path / "studio"), code="import sys; sys.modules['bpy'] = None")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert 'pip install "ft-dcc[blender]"' in done.stderr
    assert not (tmp_path / "studio").exists()


@pytest.fixture
def signed_out(monkeypatch, tmp_path):
    """Remove every account, and make the local studio server unavailable."""
    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("ft_dcc.accounts.local_server.SERVER_MODULES", ("no_such_part",))
    monkeypatch.setattr("ft_dcc.accounts.local_server.shutil.which", lambda name: None)


def test_a_wrong_key_is_reported_and_the_right_one_is_saved(signed_out, open_dialog, press, wait_until, account):
    from Qt import QtCore, QtTest

    dialog = open_dialog(is_signed_in=False)
    wait_until(lambda: not dialog.controller.is_busy)
    page = dialog.sign_in_page
    wait_until(page.isVisible)
    page.server.setText(account.server)
    page.user.setText(account.user)
    page.key.setText("wrong")
    press(page.sign_in)
    wait_until(page.error.isVisible)
    assert "key" in page.error.text() and "wrong" not in page.error.text()
    assert load_credentials(account.server, account.user) is None
    page.key.setText(account.key)
    page.key.setFocus()
    QtTest.QTest.keyClick(page.key, QtCore.Qt.Key.Key_Return)
    wait_until(dialog.sign_out.isEnabled)
    assert dialog.account_label.text() == f"{account.user} on {account.server.partition('://')[2]}"
    assert page.key.text() == ""
    assert find_account() == account


def test_signing_out_deletes_the_key_and_shows_the_sign_in_page(signed_out, open_dialog, press, wait_until, account):
    dialog = open_dialog(is_signed_in=False)
    wait_until(lambda: not dialog.controller.is_busy)
    page = dialog.sign_in_page
    for field, text in ((page.server, account.server), (page.user, account.user), (page.key, account.key)):
        field.setText(text)
    press(page.sign_in)
    wait_until(dialog.sign_out.isEnabled)
    assert last_login() == (account.server, account.user)
    press(dialog.sign_out)
    wait_until(page.isVisible)
    wait_until(lambda: dialog.controller.queries.wait(0))
    assert (load_credentials(account.server, account.user), last_login()) == (None, None)


def test_missing_fields_are_reported_before_a_request(signed_out, open_dialog, press, wait_until):
    dialog = open_dialog(is_signed_in=False)
    wait_until(lambda: not dialog.controller.is_busy)
    press(dialog.sign_in_page.sign_in)
    assert dialog.sign_in_page.error.text().startswith("Enter server, user and API key, or sign in")
    press(dialog.sign_in_page.browser)
    assert dialog.sign_in_page.error.text() == "Enter the server’s address first."


def test_a_browser_login_saves_user_and_key(signed_out, open_dialog, press, wait_until, account, monkeypatch):
    opened = []
    monkeypatch.setattr("ft_dcc_qt.tables.open_link", opened.append)
    dialog = open_dialog(is_signed_in=False)
    wait_until(lambda: not dialog.controller.is_busy)
    dialog.sign_in_page.server.setText(account.server)
    press(dialog.sign_in_page.browser)
    back = parse_qs(urlsplit(opened[0]).query)["redirect_url"][0]
    assert (
        requests.get(f"{back}?api_user={account.user}&api_key={account.key}", timeout=TIMEOUT_SECONDS).status_code
        == 200
    )
    wait_until(dialog.sign_out.isEnabled)
    assert load_credentials(account.server, account.user) == account


def test_try_again_connects_to_a_server_that_was_unreachable(open_dialog, press, wait_until, account, monkeypatch):
    monkeypatch.setenv("FTRACK_SERVER", "http://127.0.0.1:9")
    dialog = open_dialog(is_signed_in=False)
    wait_until(dialog.sign_in_page.error.isVisible)
    assert "http://127.0.0.1:9" in dialog.sign_in_page.error.text()
    monkeypatch.setenv("FTRACK_SERVER", account.server)
    press(dialog.sign_in_page.again)
    wait_until(dialog.sign_out.isEnabled)
