from __future__ import annotations

import threading
from urllib.parse import parse_qs, urlsplit

import requests

from ft_dcc.credentials import Account
from ft_dcc.sign_in import begin_in_browser


def test_a_sign_in_on_the_servers_page_comes_back_with_an_account():
    address, wait = begin_in_browser("https://studio.example", "Maya")
    back = parse_qs(urlsplit(address).query)["redirect_url"][0]
    assert address.startswith("https://studio.example/user/api_credentials?redirect_url=http%3A%2F%2Flocalhost%3A")
    accounts = []
    thread = threading.Thread(target=lambda: accounts.append(wait(lambda: False)))
    thread.start()
    strange = back.rpartition("/")[0] + "/guessed?api_user=eve&api_key=e"
    assert requests.get(strange, timeout=10).status_code == 404
    answer = requests.get(f"{back}?api_user=ada&api_key=k3y", timeout=10)
    assert answer.status_code == 200 and "Go back to Maya" in answer.text
    thread.join(10)
    assert accounts == [Account("https://studio.example", "ada", "k3y")]
