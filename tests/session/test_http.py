from __future__ import annotations

import gzip
import json
import socket
import threading
from contextlib import suppress

import pytest
import requests

import ft_dcc.session
from ft_dcc.errors import (
    ApiError,
    AuthenticationError,
    ConnectionClosedError,
    PermissionDeniedError,
    ServerCompatibilityError,
    ServerError,
    ServerUnreachable,
)
from ft_dcc.session.transport import http
from ft_dcc.session.transport.http import SessionAuthentication, Transport

QUESTION = [{"action": "query", "expression": "Task"}]
CHANGE = [{"action": "update", "entity_type": "Task", "entity_key": ["1"], "entity_data": {"name": "a"}}]
GOOD = (200, {}, b'[{"data": []}]')
LOST = (0, {}, b"")


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    waited = []
    monkeypatch.setattr(http.time, "sleep", waited.append)
    return waited


@pytest.fixture
def line(scripted):
    made = Transport(scripted.url, "secret-key", "kim", headers={"x-studio": "a"}, cookies={"c": "d"})
    yield made
    made.close()


def refused(error_class, content, code=None, status=200):
    body = json.dumps({"exception": error_class, "content": content, "error_code": code}).encode()
    return (status, {"Content-Type": "application/json"}, body)


def test_every_request_has_credentials(scripted, line):
    scripted.answers = [GOOD]
    assert line.post(QUESTION) == b'[{"data": []}]'
    _, headers, body = scripted.requests[0]
    assert json.loads(body) == QUESTION
    assert headers["ftrack-user"] == "kim"
    assert headers["ftrack-api-key"] == "secret-key"
    assert headers["ftrack-strict-api"] == "false"
    assert headers["x-studio"] == "a"
    assert headers["Cookie"] == "c=d"


def test_session_authentication_works_with_requests():
    request = requests.Request("POST", "http://localhost", auth=SessionAuthentication("k", "u")).prepare()
    assert (request.headers["ftrack-api-key"], request.headers["ftrack-user"]) == ("k", "u")
    assert issubclass(ft_dcc.session.SessionAuthentication, requests.auth.AuthBase)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused("ValidationError", "no"), ServerError),
        (refused("ValidationError", "no", status=422), ServerError),
        (refused("PermissionError", "no"), PermissionDeniedError),
        (refused("ServerError", "Invalid action u'fly'"), ServerCompatibilityError),
        (refused("InvalidCredentialsError", "no", "api_credentials_invalid", status=401), AuthenticationError),
        ((401, {}, b"<html>"), AuthenticationError),
        ((404, {}, b"nothing here"), ServerUnreachable),
        ((403, {}, b"<html>a filter</html>"), ServerUnreachable),
    ],
)
def test_server_errors_map_to_error_classes(scripted, line, answer, kind):
    scripted.answers = [answer]
    with pytest.raises(ApiError) as caught:
        line.post(CHANGE)
    assert type(caught.value) is kind
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>a login page</html>"),
        (200, {}, b""),
        (200, {}, b'[{"data": ['),
        (204, {}, b""),
        (200, {"ft-dcc-request": "that of another request"}, b'[{"data": []}]'),
        (500, {}, b"<html>"),
        (502, {}, b""),
        (503, {}, b'{"error": "no backend"}'),
        refused("Busy", "Send it again later.", status=503),
        refused("TooManyRequests", "Too many.", status=429),
    ],
)
def test_answer_of_a_proxy_is_retried_and_then_means_unreachable(scripted, line, pauses, answer):
    scripted.answers = [answer] * 9
    with pytest.raises(ServerUnreachable):
        line.post(QUESTION)
    assert len(scripted.requests) == 5


def test_error_contains_the_server_report(scripted, line):
    scripted.answers = [refused("ValidationError", "bid must be a {number}", "bad_value")]
    with pytest.raises(ServerError) as caught:
        line.post(CHANGE)
    assert str(caught.value) == "Server reported error: ValidationError(bid must be a {number})"
    assert caught.value.error_class == "ValidationError"
    assert caught.value.error_code == "bad_value"
    assert caught.value.operation == CHANGE[0]


def test_redirect_is_reported_with_its_target(scripted, line):
    scripted.answers = [(301, {"Location": "https://new.example.com/api?token=secret"}, b"")]
    with pytest.raises(ServerUnreachable, match=r"to https://new\.example\.com\. Use that") as caught:
        line.post(QUESTION)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("bad", [LOST, (503, {}, b"busy"), (502, {}, b""), (504, {}, b""), (429, {}, b"")])
def test_query_is_retried(scripted, line, bad, pauses):
    scripted.answers = [bad, bad, GOOD]
    assert line.post(QUESTION) == b'[{"data": []}]'
    assert len(scripted.requests) == 3
    assert 0.25 <= pauses[0] <= 0.375
    assert 0.5 <= pauses[1] <= 0.75


def test_retry_after_is_respected(scripted, line, pauses):
    scripted.answers = [(429, {"Retry-After": "7"}, b""), (503, {"Retry-After": "86400"}, b""), GOOD]
    line.post(QUESTION)
    assert pauses == [7, 30]


def test_request_fails_after_five_attempts(scripted, line):
    scripted.answers = [LOST]
    with pytest.raises(ServerUnreachable, match="cannot be reached"):
        line.post(QUESTION)
    assert len(scripted.requests) == 5


def test_change_is_not_retried_if_it_may_have_arrived(scripted, line):
    scripted.answers = [LOST, GOOD]
    with pytest.raises(ServerUnreachable):
        line.post([{"action": "send_user_invite", "user_id": "1"}], recover=lambda: None)
    assert len(scripted.requests) == 1


def test_upload_address_request_is_retried(scripted, line):
    scripted.answers = [LOST, GOOD]
    assert line.post([{"action": "get_upload_metadata", "component_id": "1"}]) == b'[{"data": []}]'


def test_any_request_is_retried_after_429(scripted, line):
    scripted.answers = [(429, {}, b""), GOOD]
    assert line.post([{"action": "send_user_invite", "user_id": "1"}]) == b'[{"data": []}]'


def test_change_that_did_not_arrive_is_sent_again(scripted, line):
    scripted.answers = [LOST, GOOD]
    assert line.post(CHANGE, recover=lambda: None) == b'[{"data": []}]'
    assert len(scripted.requests) == 2


def test_change_that_arrived_is_not_sent_again(scripted, line):
    scripted.answers = [LOST, GOOD]
    assert line.post(CHANGE, recover=lambda: b"[1]") == b"[1]"
    assert len(scripted.requests) == 1


def test_late_change_is_no_error_at_the_second_attempt(scripted, line):
    scripted.answers = [LOST, refused("DuplicateEntryError", "it is there")]
    arrivals = iter([None, b"[1]"])
    assert line.post(CHANGE, recover=lambda: next(arrivals)) == b"[1]"


def test_unresponsive_server_raises_after_the_timeout(monkeypatch):
    monkeypatch.setattr(http, "_RETRY_DELAYS_SECONDS", ())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = Transport(f"http://127.0.0.1:{silent.getsockname()[1]}", "k", "u", timeout=0.2)
        with pytest.raises(ServerUnreachable, match="did not respond in time"):
            line.post(QUESTION)
        line.close()


def test_slow_response_ends_after_its_deadline(monkeypatch):
    monkeypatch.setattr(http, "_RETRY_DELAYS_SECONDS", ())
    monkeypatch.setattr(http, "_MAX_TIMEOUTS_PER_RESPONSE", 0)
    pause = threading.Event()

    def drip(listener):
        with suppress(OSError), listener.accept()[0] as client:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not pause.wait(0.02):
                client.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        line = Transport(f"http://127.0.0.1:{listener.getsockname()[1]}", "k", "u", timeout=5)
        with pytest.raises(ServerUnreachable, match="did not respond in time"):
            line.post(QUESTION)
        pause.set()
        thread.join()
        line.close()


def test_truncated_response_is_retried(scripted, line):
    scripted.answers = [(200, {"Content-Length": "100"}, b'[{"da'), GOOD]
    assert line.post(QUESTION) == b'[{"data": []}]'


def test_compressed_response_is_read(scripted, line):
    scripted.answers = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b'[{"data": [7]}]'))]
    assert line.post(QUESTION) == b'[{"data": [7]}]'


@pytest.mark.parametrize(
    ("content", "error", "culprit"),
    [
        ("there is a Task 11111111-1111-1111-1111-111111111111 already", None, 1),
        ("something else", {"operation": 0}, 0),
        ("something else", None, None),
    ],
)
def test_failed_operation_is_found(scripted, line, content, error, culprit):
    batch = [
        *CHANGE,
        {"action": "delete", "entity_type": "Task", "entity_key": ["11111111-1111-1111-1111-111111111111"]},
    ]
    body = json.dumps({"exception": "ValidationError", "content": content, "error_code": None, "error": error}).encode()
    scripted.answers = [(200, {}, body)]
    with pytest.raises(ServerError) as caught:
        line.post(batch)
    assert caught.value.operation == (None if culprit is None else batch[culprit])


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no-scheme.example.com", "http://"])
def test_unreachable_address_is_named(url):
    line = Transport(url, "secret-key", "u")
    with pytest.raises(ServerUnreachable) as caught:
        line.post(QUESTION)
    assert url in str(caught.value)
    line.close()


def test_closed_transport_raises(line):
    line.close()
    line.close()
    with pytest.raises(ConnectionClosedError, match="is closed"):
        line.post(QUESTION)


def test_http_on_an_https_address_is_not_called_an_untrusted_certificate(scripted):
    address = scripted.url.replace("http://", "https://")
    transport = Transport(address, "secret-key", "kim")
    with pytest.raises(ServerUnreachable) as raised:
        transport.post(QUESTION)
    transport.close()
    assert f"{address} does not answer with HTTPS." in str(raised.value)
    assert f"its address is {scripted.url}." in str(raised.value)


def test_an_untrusted_certificate_is_named_as_such():
    error = requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    assert "is not trusted. Set REQUESTS_CA_BUNDLE" in str(http.unreachable("https://studio.example.com", error))
