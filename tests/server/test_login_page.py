"""The sign-in page over plain HTTP: where it sends a browser, and what it refuses."""

import io
import re
from contextlib import redirect_stdout
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from doubles.http_session import HttpSession
from run_options import TIMEOUT_SECONDS

from ft_dcc.cli.main import run
from ft_dcc.server.admin.service import open_admin

BACK = "http://localhost:49152/word"


@pytest.fixture(scope="module")
def server(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("sign-in") / "data")


@pytest.fixture
def browser():
    with HttpSession() as browser:
        yield browser


def ask(browser, server, back=BACK, **more):
    return browser.get(f"{server.url}/user/api_credentials", params={"redirect_url": back, **more})


def token_in(page):
    (token,) = re.findall(r'name="token" value="([^"]+)"', page.text)
    return str(token)


def send(browser, page, headers=None, **fields):
    form = {"token": token_in(page), **fields}
    return browser.post(page.url, data=form, headers=headers, allow_redirects=False)


def sign_in(browser, server, **more):
    """Return the key that the program gets."""
    known = server.credentials
    answer = send(browser, ask(browser, server, **more), user=known.api_user, key=known.api_key)
    assert answer.status_code == 303, answer.text
    return key_in(answer)


def key_in(answer):
    parameters = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert parameters["api_user"] == ["admin"]
    return parameters["api_key"][0]


def is_good(server, key):
    headers = {"ftrack-user": "admin", "ftrack-api-key": key}
    body = [{"action": "query", "expression": "User"}]
    answer = requests.post(f"{server.url}/api", json=body, headers=headers, timeout=TIMEOUT_SECONDS)
    return isinstance(answer.json(), list)


def test_login_with_name_and_key_issues_a_new_key_to_the_program(browser, server):
    answer = send(browser, ask(browser, server), user="admin", key=server.credentials.api_key)
    assert answer.headers["Location"].startswith(f"{BACK}?api_user=admin&api_key=")
    assert answer.headers["Cache-Control"] == "no-store"
    key = key_in(answer)
    assert key != server.credentials.api_key
    assert is_good(server, key)


def test_browser_login_is_valid_until_a_key_of_the_user_is_revoked(browser, server):
    sign_in(browser, server)
    page = ask(browser, server, identifier="ft-dcc Maya@ws12")
    assert "Sign in as admin?" in page.text
    assert "ft-dcc Maya@ws12 on this computer, at localhost:49152" in page.text
    first = key_in(send(browser, page))
    second = key_in(send(browser, ask(browser, server, identifier="ft-dcc Maya@ws12")))
    assert (is_good(server, first), is_good(server, second)) == (False, True)
    with open_admin(server.data) as owner:
        (known,) = (found for found in owner.run("keys")["keys"] if found["label"] == "ft-dcc Maya@ws12")
        page = ask(browser, server)
        owner.run("revoke", user="admin", key=known["id"])
    assert "User name" in ask(browser, server).text
    assert "Your session expired. Sign in again." in send(browser, page).text


@pytest.mark.parametrize(
    "back",
    [
        *("", "https://localhost:1/", "http://localhost/", "http://studio.example:49152/"),
        *("http://localhost:49152@studio.example/", "http://user@localhost:49152/", "http://localhost:port/"),
        *("javascript://localhost:1/%0aalert(1)", "http://localhost:49152\\@studio.example/"),
        "http://localhost:49152/#fragment",
        *("http://localhost:49152/\r\nSet-Cookie: a=b", "http://[::ffff:8.8.8.8]:49152/"),
    ],
)
def test_login_redirects_only_to_this_computer(browser, server, back):
    page = ask(browser, server, back)
    assert (page.status_code, "This sign-in cannot be completed" in page.text) == (400, True)
    sent = browser.post(page.url, data={"token": "t", "user": "admin"}, allow_redirects=False)
    assert (sent.status_code, "Location" in sent.headers) == (400, False)


def test_form_without_the_token_of_the_page_is_rejected(browser, server):
    sign_in(browser, server)
    page = ask(browser, server)
    assert send(browser, page, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    # The token of a stranger's form, which says who somebody else is.
    stranger = ask(HttpSession(), server)
    form = {"token": token_in(stranger)}
    answer = browser.post(page.url, data=form, allow_redirects=False)
    assert answer.status_code == 401
    other = ask(browser, server, "http://localhost:49153/word")
    answer = browser.post(other.url, data={"token": token_in(page)}, allow_redirects=False)
    assert (answer.status_code, "made for another program" in answer.text) == (400, True)


def test_wrong_key_is_reported_on_the_page_and_throttled(browser, start_server, stopped_limits):
    page = ask(browser, start_server(change=stopped_limits))
    answers = [send(browser, page, user="nobody", key="wrong") for _ in range(22)]
    assert answers[0].status_code == 401
    assert "does not know this user and API key" in answers[0].text
    assert (answers[-1].status_code, "Retry-After" in answers[-1].headers) == (429, True)


def test_login_page_has_security_headers(browser, server):
    policy = ask(browser, server).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("form-action 'self' http://localhost:49152")
    assert ask(browser, server).headers["X-Frame-Options"] == "DENY"
    assert "<script" not in ask(browser, server, identifier="<script>").text


def test_login_url_is_valid_once(browser, server):
    output = io.StringIO()
    with redirect_stdout(output):
        assert run(["studio", "sign-in", "--data", str(server.data)]) == 0
    page = browser.get(output.getvalue().strip())
    assert "Sign in as admin?" in page.text
    answer = send(browser, page)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert is_good(server, key_in(send(browser, ask(browser, server))))
    assert send(HttpSession(), page).status_code == 404
    assert requests.get(page.url, timeout=TIMEOUT_SECONDS).status_code == 404
