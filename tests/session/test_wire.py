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
from ft_dcc.session import wire
from ft_dcc.session.wire import SessionAuthentication, Wire

QUESTION = [{"action": "query", "expression": "Task"}]
CHANGE = [{"action": "update", "entity_type": "Task", "entity_key": ["1"], "entity_data": {"name": "a"}}]
GOOD = (200, {}, b'[{"data": []}]')
LOST = (0, {}, b"")


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    waited = []
    monkeypatch.setattr(wire.time, "sleep", waited.append)
    return waited


@pytest.fixture
def line(scripted):
    made = Wire(scripted.url, "secret-key", "kim", headers={"x-studio": "a"}, cookies={"c": "d"})
    yield made
    made.close()


def refused(error_class, content, code=None, status=200):
    body = json.dumps({"exception": error_class, "content": content, "error_code": code}).encode()
    return (status, {"Content-Type": "application/json"}, body)


def test_every_request_says_who_sends_it(scripted, line):
    scripted.answers = [GOOD]
    assert line.post(QUESTION) == b'[{"data": []}]'
    _, headers, body = scripted.requests[0]
    assert json.loads(body) == QUESTION
    assert headers["ftrack-user"] == "kim"
    assert headers["ftrack-api-key"] == "secret-key"
    assert headers["ftrack-strict-api"] == "false"
    assert headers["x-studio"] == "a"
    assert headers["Cookie"] == "c=d"


def test_authentication_is_one_of_requests_own():
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
        ((200, {}, b"<html>a login page</html>"), ServerError),
        ((404, {}, b"nothing here"), ServerError),
    ],
)
def test_an_error_has_the_class_that_says_what_to_do(scripted, line, answer, kind):
    scripted.answers = [answer]
    with pytest.raises(ApiError) as caught:
        line.post(CHANGE)
    assert type(caught.value) is kind
    assert len(scripted.requests) == 1


def test_an_error_carries_what_the_server_said(scripted, line):
    scripted.answers = [refused("ValidationError", "bid must be a {number}", "bad_value")]
    with pytest.raises(ServerError) as caught:
        line.post(CHANGE)
    assert str(caught.value) == "Server reported error: ValidationError(bid must be a {number})"
    assert caught.value.error_class == "ValidationError"
    assert caught.value.error_code == "bad_value"
    assert caught.value.operation == CHANGE[0]


def test_a_server_that_has_moved_says_where_to(scripted, line):
    scripted.answers = [(301, {"Location": "https://new.example.com/api?token=secret"}, b"")]
    with pytest.raises(ServerError, match=r"to https://new\.example\.com\. Use that") as caught:
        line.post(QUESTION)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("bad", [LOST, (503, {}, b"busy"), (502, {}, b""), (504, {}, b""), (429, {}, b"")])
def test_a_question_is_asked_again(scripted, line, bad, pauses):
    scripted.answers = [bad, bad, GOOD]
    assert line.post(QUESTION) == b'[{"data": []}]'
    assert len(scripted.requests) == 3
    assert 0.25 <= pauses[0] <= 0.375
    assert 0.5 <= pauses[1] <= 0.75


def test_the_server_says_how_long_to_wait(scripted, line, pauses):
    scripted.answers = [(429, {"Retry-After": "7"}, b""), (503, {"Retry-After": "86400"}, b""), GOOD]
    line.post(QUESTION)
    assert pauses == [7, 30]


def test_it_gives_up_after_five_attempts(scripted, line):
    scripted.answers = [LOST]
    with pytest.raises(ServerUnreachable, match="Nobody answers at"):
        line.post(QUESTION)
    assert len(scripted.requests) == 5


def test_a_change_is_not_repeated_when_nobody_can_tell_whether_it_arrived(scripted, line):
    scripted.answers = [LOST, GOOD]
    with pytest.raises(ServerUnreachable):
        line.post([{"action": "send_user_invite", "user_id": "1"}], recover=lambda: None)
    assert len(scripted.requests) == 1


def test_an_address_to_upload_to_is_asked_for_again(scripted, line):
    scripted.answers = [LOST, GOOD]
    assert line.post([{"action": "get_upload_metadata", "component_id": "1"}]) == b'[{"data": []}]'


def test_anything_is_repeated_when_the_server_was_too_busy_to_look_at_it(scripted, line):
    scripted.answers = [(429, {}, b""), GOOD]
    assert line.post([{"action": "send_user_invite", "user_id": "1"}]) == b'[{"data": []}]'


def test_a_change_that_has_not_arrived_is_sent_again(scripted, line):
    scripted.answers = [LOST, GOOD]
    assert line.post(CHANGE, recover=lambda: None) == b'[{"data": []}]'
    assert len(scripted.requests) == 2


def test_a_change_that_has_arrived_is_not_sent_again(scripted, line):
    scripted.answers = [LOST, GOOD]
    assert line.post(CHANGE, recover=lambda: b"[1]") == b"[1]"
    assert len(scripted.requests) == 1


def test_a_change_that_arrives_late_is_no_error_the_second_time(scripted, line):
    scripted.answers = [LOST, refused("DuplicateEntryError", "it is there")]
    arrivals = iter([None, b"[1]"])
    assert line.post(CHANGE, recover=lambda: next(arrivals)) == b"[1]"


def test_a_server_that_never_answers_is_left_after_the_time_out(monkeypatch):
    monkeypatch.setattr(wire, "_PAUSES", ())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = Wire(f"http://127.0.0.1:{silent.getsockname()[1]}", "k", "u", timeout=0.2)
        with pytest.raises(ServerUnreachable, match="did not answer in time"):
            line.post(QUESTION)
        line.close()


def test_an_answer_that_drops_in_byte_by_byte_is_left_in_the_end(monkeypatch):
    monkeypatch.setattr(wire, "_PAUSES", ())
    monkeypatch.setattr(wire, "_PATIENCE", 0)
    pause = threading.Event()

    def drip(listener):
        with suppress(OSError), listener.accept()[0] as client:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not pause.wait(0.02):
                client.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        line = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}", "k", "u", timeout=5)
        with pytest.raises(ServerUnreachable, match="did not answer in time"):
            line.post(QUESTION)
        pause.set()
        thread.join()
        line.close()


def test_half_an_answer_is_no_answer(scripted, line):
    scripted.answers = [(200, {"Content-Length": "100"}, b'[{"da'), GOOD]
    assert line.post(QUESTION) == b'[{"data": []}]'


def test_a_compressed_answer_is_read(scripted, line):
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
def test_the_operation_that_caused_an_error_is_found(scripted, line, content, error, culprit):
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
def test_an_address_where_nobody_is_names_itself(url):
    line = Wire(url, "secret-key", "u")
    with pytest.raises(ServerUnreachable) as caught:
        line.post(QUESTION)
    assert url in str(caught.value)
    line.close()


def test_a_closed_line_says_so(line):
    line.close()
    line.close()
    with pytest.raises(ConnectionClosedError, match="was closed"):
        line.post(QUESTION)
