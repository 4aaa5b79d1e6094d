"""Stored keys of an account, and the sign-in of a program through the browser."""

import os
import socket
import stat
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts import credentials
from ft_dcc.accounts.browser_login import start_browser_login
from ft_dcc.accounts.credentials import Account, delete_credentials, load_credentials, save_credentials
from ft_dcc.errors import Cancelled, ServerUnreachable, StorageError

ADA = Account("https://studio.example", "ada", "s3cret")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    return tmp_path / "settings"


def test_a_stored_key_is_loaded_by_server_and_user(folder):
    assert save_credentials(ADA) == str(folder / "keys.json")
    assert load_credentials("https://studio.example/", "ada") == ADA
    assert load_credentials("https://studio.example", "bob") is None
    assert load_credentials("https://other.example", "ada") is None


def test_a_key_that_was_not_stored_is_none():
    assert load_credentials("https://studio.example", "ada") is None


def test_delete_credentials_keeps_other_keys():
    bob = Account("https://studio.example", "bob", "other")
    save_credentials(ADA)
    save_credentials(bob)
    delete_credentials("https://studio.example", "ada")
    delete_credentials("https://studio.example", "ada")
    assert (load_credentials(ADA.server, "ada"), load_credentials(bob.server, "bob")) == (None, bob)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_reads_the_file():
    assert stat.S_IMODE(Path(save_credentials(ADA)).stat().st_mode) == 0o600


def test_the_repr_of_an_account_has_no_key():
    assert repr(ADA) == "Account(server='https://studio.example', user='ada')"


def test_a_damaged_keys_file_is_named(folder):
    folder.mkdir()
    (folder / "keys.json").write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match=r"keys\.json cannot be read"):
        load_credentials("https://studio.example", "ada")


def test_an_unwritable_settings_folder_is_named(folder):
    folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cannot be (saved|read)"):
        save_credentials(ADA)


def test_a_browser_login_returns_an_account(studio_server):
    site = studio_server.server_url
    address, wait = start_browser_login(site, "Maya")
    back = parse_qs(urlsplit(address).query)["redirect_url"][0]
    assert address.startswith(f"{site}/user/api_credentials?redirect_url=http%3A%2F%2Flocalhost%3A")
    accounts = []
    thread = threading.Thread(target=lambda: accounts.append(wait(lambda: False)))
    thread.start()
    strange = back.rpartition("/")[0] + "/guessed?api_user=eve&api_key=e"
    assert requests.get(strange, timeout=TIMEOUT_SECONDS).status_code == 404
    answer = requests.get(f"{back}?api_user=ada&api_key=k3y", timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200 and "Go back to Maya" in answer.text
    thread.join(TIMEOUT_SECONDS)
    assert accounts == [Account(site, "ada", "k3y")]


def test_idle_connections_delay_neither_the_login_nor_a_cancel(studio_server):
    site = studio_server.server_url
    address, wait = start_browser_login(site, "Maya")
    back = parse_qs(urlsplit(address).query)["redirect_url"][0]
    port, results, is_cancelled = urlsplit(back).port, [], threading.Event()
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    idle[0].sendall(b"GET /half-a-request")
    thread = threading.Thread(target=lambda: results.append(wait(lambda: False)))
    thread.start()
    assert requests.get(f"{back}?api_user=ada&api_key=k3y", timeout=TIMEOUT_SECONDS).status_code == 200
    thread.join(TIMEOUT_SECONDS)
    assert results == [Account(site, "ada", "k3y")]

    address, wait = start_browser_login(site, "Maya")
    port = urlsplit(parse_qs(urlsplit(address).query)["redirect_url"][0]).port
    idle.append(socket.create_connection(("127.0.0.1", port)))

    def cancelled():
        with pytest.raises(Cancelled):
            wait(is_cancelled.is_set)
        results.append("cancelled")

    thread = threading.Thread(target=cancelled)
    thread.start()
    is_cancelled.set()
    thread.join(TIMEOUT_SECONDS)
    assert results[1:] == ["cancelled"]
    for connection in idle:
        connection.close()


def test_a_login_at_an_address_without_a_server_ends_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        _, wait = start_browser_login(f"http://127.0.0.1:{free.getsockname()[1]}", "Maya")
        with pytest.raises(ServerUnreachable, match=r"cannot be reached\. Check the address"):
            wait(lambda: False)
