import datetime
import gzip
import json
import socket
import threading
import uuid
from contextlib import suppress

import pytest
import requests

import ft_dcc.session
from ft_dcc import errors
from ft_dcc.session.transport import codec, http
from ft_dcc.session.transport.codec import LazyDateTime, dumps
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
    headers = scripted.requests[0].headers
    assert json.loads(scripted.requests[0].body) == QUESTION
    own = {"ftrack-user": "kim", "ftrack-api-key": "secret-key", "ftrack-strict-api": "false"}
    wanted = {**own, "x-studio": "a", "Cookie": "c=d"}
    assert {name: headers[name] for name in wanted} == wanted


def test_session_authentication_works_with_requests():
    request = requests.Request("POST", "http://localhost", auth=SessionAuthentication("k", "u")).prepare()
    assert (request.headers["ftrack-api-key"], request.headers["ftrack-user"]) == ("k", "u")
    assert issubclass(ft_dcc.session.SessionAuthentication, requests.auth.AuthBase)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused("ValidationError", "no"), errors.ServerError),
        (refused("ValidationError", "no", status=422), errors.ServerError),
        (refused("PermissionError", "no"), errors.PermissionDeniedError),
        (refused("ServerError", "Invalid action u'fly'"), errors.ServerCompatibilityError),
        (refused("StorageFull", "no", status=507), errors.ServerFull),
        (refused("InvalidCredentialsError", "no", "api_credentials_invalid", status=401), errors.AuthenticationError),
        ((401, {}, b"<html>"), errors.AuthenticationError),
        ((404, {}, b"nothing here"), errors.ServerUnreachable),
        ((403, {}, b"<html>a filter</html>"), errors.ServerUnreachable),
    ],
)
def test_server_errors_map_to_error_classes(scripted, line, answer, kind):
    scripted.answers = [answer]
    with pytest.raises(errors.ApiError) as caught:
        line.post(CHANGE)
    assert type(caught.value) is kind
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        LOST,
        (200, {}, b"<html>a login page</html>"),
        (200, {}, b'[{"data": ['),
        (204, {}, b""),
        (200, {"ft-dcc-request": "that of another request"}, b'[{"data": []}]'),
        (500, {}, b"<html>"),
        (503, {}, b'{"error": "no backend"}'),
        refused("Busy", "Send it again later.", status=503),
        refused("TooManyRequests", "Too many.", status=429),
    ],
)
def test_answer_of_a_proxy_is_retried_and_then_means_unreachable(scripted, line, pauses, answer):
    scripted.answers = [answer] * 9
    with pytest.raises(errors.ServerUnreachable):
        line.post(QUESTION)
    assert len(scripted.requests) == 5


def test_error_contains_the_server_report(scripted, line):
    scripted.answers = [refused("ValidationError", "bid must be a {number}", "bad_value")]
    with pytest.raises(errors.ServerError) as caught:
        line.post(CHANGE)
    assert str(caught.value) == "Server reported error: ValidationError(bid must be a {number})"
    assert caught.value.error_class == "ValidationError"
    assert caught.value.error_code == "bad_value"
    assert caught.value.operation == CHANGE[0]


def test_redirect_is_reported_with_its_target(scripted, line):
    scripted.answers = [(301, {"Location": "https://new.example.com/api?token=secret"}, b"")]
    with pytest.raises(errors.ServerUnreachable, match=r"to https://new\.example\.com\. Use that") as caught:
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


def test_change_is_not_retried_if_it_may_have_arrived(scripted, line):
    scripted.answers = [LOST, GOOD]
    with pytest.raises(errors.ServerUnreachable):
        line.post([{"action": "send_user_invite", "user_id": "1"}], recover=lambda operations: None)
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("bad", "action", "found", "answer"),
    [
        (LOST, "get_upload_metadata", None, GOOD[2]),
        ((429, {}, b""), "send_user_invite", None, GOOD[2]),
        (LOST, "update", None, GOOD[2]),
        (LOST, "update", b"[1]", b"[1]"),
    ],
    ids=["no change", "refused change", "change that did not arrive", "change that arrived"],
)
def test_request_is_sent_again_if_it_cannot_be_repeated_by_that(scripted, line, bad, action, found, answer):
    scripted.answers = [bad, GOOD]
    assert line.post([{"action": action}], recover=lambda operations: found) == answer
    assert len(scripted.requests) == (2 if found is None else 1)


def test_late_change_is_no_error_at_the_second_attempt(scripted, line):
    scripted.answers = [LOST, refused("DuplicateEntryError", "it is there")]
    arrivals = iter([None, b"[1]"])
    assert line.post(CHANGE, recover=lambda operations: next(arrivals)) == b"[1]"


def test_unresponsive_server_raises_after_the_timeout(monkeypatch):
    monkeypatch.setattr(http, "_RETRY_DELAYS_SECONDS", ())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = Transport(f"http://127.0.0.1:{silent.getsockname()[1]}", "k", "u", timeout=0.2)
        with pytest.raises(errors.ServerUnreachable, match="did not respond in time"):
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
        with pytest.raises(errors.ServerUnreachable, match="did not respond in time"):
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
    gone = {"action": "delete", "entity_type": "Task", "entity_key": ["11111111-1111-1111-1111-111111111111"]}
    batch = [*CHANGE, gone]
    body = json.dumps({"exception": "ValidationError", "content": content, "error_code": None, "error": error}).encode()
    scripted.answers = [(200, {}, body)]
    with pytest.raises(errors.ServerError) as caught:
        line.post(batch)
    assert caught.value.operation == (None if culprit is None else batch[culprit])


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no-scheme.example.com", "http://"])
def test_unreachable_address_is_named(url):
    line = Transport(url, "secret-key", "u")
    with pytest.raises(errors.ServerUnreachable) as caught:
        line.post(QUESTION)
    assert url in str(caught.value)
    line.close()


def test_closed_transport_raises(line):
    line.close()
    line.close()
    with pytest.raises(errors.ConnectionClosedError, match="is closed"):
        line.post(QUESTION)


def test_http_on_an_https_address_is_not_called_an_untrusted_certificate(scripted):
    address = scripted.url.replace("http://", "https://")
    transport = Transport(address, "secret-key", "kim")
    with pytest.raises(errors.ServerUnreachable) as raised:
        transport.post(QUESTION)
    transport.close()
    assert f"{address} does not answer with HTTPS." in str(raised.value)
    assert f"its address is {scripted.url}." in str(raised.value)


def test_an_untrusted_certificate_is_named_as_such():
    error = requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    assert "is not trusted. Set REQUESTS_CA_BUNDLE" in str(http.unreachable("https://studio.example.com", error))


UTC = datetime.timezone.utc


def test_time_is_sent_with_zone_and_microseconds_and_a_date_as_a_time():
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    for value, text in ((moment, "2024-01-02T03:04:05.000678+00:00"), (datetime.date(2024, 1, 2), "2024-01-02")):
        assert json.loads(dumps(value)) == {"__type__": "datetime", "value": text}


@pytest.mark.parametrize("text", ["2022-10-10T10:12:09", "2022-10-10T10:12:09Z", "2022-10-10T12:12:09+02:00"])
def test_time_without_zone_is_utc(text):
    assert LazyDateTime(text).parsed() == datetime.datetime(2022, 10, 10, 10, 12, 9, tzinfo=UTC)


def test_date_is_read_as_midnight_and_an_unread_time_is_sent_unchanged():
    assert LazyDateTime("2022-10-10").parsed() == datetime.datetime(2022, 10, 10, tzinfo=UTC)
    assert LazyDateTime("2022-10-10T10:12:09").to_wire() == {"__type__": "datetime", "value": "2022-10-10T10:12:09"}


def test_ids_and_sets_are_sent_as_texts_and_lists():
    assert json.loads(dumps([uuid.UUID(int=1), {"x"}])) == ["00000000-0000-0000-0000-000000000001", ["x"]]


def test_value_without_json_form_is_named():
    with pytest.raises(errors.OperationError, match="cannot be sent"):
        dumps({"name": object()})


def test_a_time_without_arrow_names_the_extra_of_missing_methods(monkeypatch):
    monkeypatch.setattr(codec, "_arrow", lambda: None)
    time = codec.LazyDateTime("2026-05-01T10:00:00").parsed()
    assert time == datetime.datetime(2026, 5, 1, 10, tzinfo=UTC)
    for name in ("humanize", "format", "shift", "to", "floor"):
        with pytest.raises(AttributeError, match=rf"'{name}' without the package arrow.*ft-dcc\[compat\]"):
            getattr(time, name)


def test_a_time_is_an_arrow_object_if_arrow_is_installed():
    arrow = pytest.importorskip("arrow")
    time = codec.LazyDateTime("2026-05-01T10:00:00").parsed()
    assert isinstance(time, arrow.Arrow)
    assert time.shift(days=1).floor("day").format("YYYY-MM-DD") == "2026-05-02"
    assert codec.to_wire(time) == {"__type__": "datetime", "value": "2026-05-01T10:00:00+00:00"}
    assert codec.to_datetime(time) == datetime.datetime(2026, 5, 1, 10, tzinfo=UTC)
