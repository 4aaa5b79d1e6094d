from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts.browser_login import find_account
from ft_dcc.accounts.credentials import last_login, load_credentials


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
    monkeypatch.setattr("ft_dcc_qt.sign_in_page.open_link", opened.append)
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
