import socket
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.accounts.browser_login import start_browser_login
from ft_dcc.accounts.credentials import Account
from ft_dcc.errors import Cancelled, ServerUnreachable


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
