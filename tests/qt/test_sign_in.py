from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ft_dcc.credentials import last_signed_in, recall
from ft_dcc.sign_in import find_account


@pytest.fixture
def signed_out(monkeypatch, tmp_path):
    """Nobody is known, and there is no studio of one's own that could be started."""
    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("ft_dcc.local_studio._PARTS", ("no_such_part",))
    monkeypatch.setattr("ft_dcc.local_studio.shutil.which", lambda name: None)


def test_a_wrong_key_is_refused_in_a_sentence_and_the_right_one_is_kept(signed_out, open_dialog, press, live, account):
    from Qt import QtCore, QtTest

    dialog = open_dialog(is_signed_in=False)
    live(lambda: not dialog.desk.is_busy)
    page = dialog.sign_in_page
    live(page.isVisible)
    page.server.setText(account.server)
    page.user.setText(account.user)
    page.key.setText("wrong")
    press(page.sign_in)
    live(page.error.isVisible)
    assert "key" in page.error.text() and "wrong" not in page.error.text()
    assert recall(account.server, account.user) is None
    page.key.setText(account.key)
    page.key.setFocus()
    QtTest.QTest.keyClick(page.key, QtCore.Qt.Key.Key_Return)
    live(dialog.sign_out.isEnabled)
    assert dialog.who.text() == f"{account.user} on {account.server.partition('://')[2]}"
    assert page.key.text() == ""
    assert find_account() == account


def test_signing_out_forgets_the_key_and_shows_the_page(signed_out, open_dialog, press, live, account):
    dialog = open_dialog(is_signed_in=False)
    live(lambda: not dialog.desk.is_busy)
    page = dialog.sign_in_page
    for field, text in ((page.server, account.server), (page.user, account.user), (page.key, account.key)):
        field.setText(text)
    press(page.sign_in)
    live(dialog.sign_out.isEnabled)
    assert last_signed_in() == (account.server, account.user)
    press(dialog.sign_out)
    live(page.isVisible)
    live(lambda: dialog.desk.lookups.wait(0))
    assert (recall(account.server, account.user), last_signed_in()) == (None, None)


def test_what_is_lacking_is_said_before_anybody_is_asked(signed_out, open_dialog, press, live):
    dialog = open_dialog(is_signed_in=False)
    live(lambda: not dialog.desk.is_busy)
    press(dialog.sign_in_page.sign_in)
    assert dialog.sign_in_page.error.text().startswith("Server, user and API key are needed.")
    press(dialog.sign_in_page.browser)
    assert dialog.sign_in_page.error.text() == "Write the server’s address first."


def test_the_browser_brings_user_and_key_back(signed_out, open_dialog, press, live, account, monkeypatch):
    opened = []
    monkeypatch.setattr("ft_dcc_qt.sign_in_page.open_link", opened.append)
    dialog = open_dialog(is_signed_in=False)
    live(lambda: not dialog.desk.is_busy)
    dialog.sign_in_page.server.setText(account.server)
    press(dialog.sign_in_page.browser)
    back = parse_qs(urlsplit(opened[0]).query)["redirect_url"][0]
    assert requests.get(f"{back}?api_user={account.user}&api_key={account.key}", timeout=10).status_code == 200
    live(dialog.sign_out.isEnabled)
    assert recall(account.server, account.user) == account


def test_a_server_that_does_not_answer_can_be_tried_again(open_dialog, press, live, account, monkeypatch):
    monkeypatch.setenv("FTRACK_SERVER", "http://127.0.0.1:9")
    dialog = open_dialog(is_signed_in=False)
    live(dialog.sign_in_page.error.isVisible)
    assert "http://127.0.0.1:9" in dialog.sign_in_page.error.text()
    monkeypatch.setenv("FTRACK_SERVER", account.server)
    press(dialog.sign_in_page.again)
    live(dialog.sign_out.isEnabled)
