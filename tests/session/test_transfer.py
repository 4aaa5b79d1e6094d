from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
import requests

from ft_dcc.errors import Cancelled, TransferFailed
from ft_dcc.session import SERVER_LOCATION_ID, operations, transfer, wire


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mov"
    path.write_bytes(b"0123456789" * 250_000)
    return path


@pytest.fixture
def component_id():
    return str(uuid.uuid4())


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    monkeypatch.setattr(wire, "wait", lambda *_: None)


def upload(session, path, component_id, **arguments):
    return transfer.upload(session, path, component_id=component_id, name="movie", file_type=".mov", **arguments)


def downloaded(session, component_id):
    location = {
        "id": str(uuid.uuid4()),
        "component_id": component_id,
        "location_id": SERVER_LOCATION_ID,
        "resource_identifier": component_id,
    }
    session.call([operations.create("ComponentLocation", location)])
    query = {"id": component_id, "username": session.api_user, "apiKey": session.api_key}
    return requests.get(f"{session.server_url}/component/get", params=query, timeout=60).content


def test_the_bytes_of_a_file_are_on_the_server(session, open_session, film, component_id):
    assert upload(session, film, component_id) == 2_500_000
    assert downloaded(session, component_id) == film.read_bytes()
    component = open_session().get("FileComponent", component_id)
    assert (component["name"], component["file_type"], component["size"]) == ("movie", ".mov", 2_500_000)
    assert component["version_id"] is None


def test_an_upload_can_be_repeated(session, open_session, film, component_id):
    upload(session, film, component_id)
    film.write_bytes(b"shorter")
    assert upload(session, film, component_id) == 7
    assert downloaded(session, component_id) == b"shorter"
    assert open_session().get("FileComponent", component_id)["size"] == 7


def test_progress_is_told_in_bytes(session, film, component_id):
    told = []
    upload(session, film, component_id, on_bytes=lambda sent, total: told.append((sent, total)))
    assert told[-1] == (2_500_000, 2_500_000)
    assert told == sorted(told)


def test_whoever_listens_can_cancel(session, film, component_id):
    def stop(sent, total):
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        upload(session, film, component_id, on_bytes=stop)


def test_an_error_of_the_listener_is_not_taken_for_one_of_the_line(session, film, component_id):
    def fail(sent, total):
        raise OSError("the window is gone")

    with pytest.raises(OSError, match="the window is gone"):
        upload(session, film, component_id, on_bytes=fail)


def test_an_empty_file_is_uploaded_too(session, tmp_path, component_id):
    (tmp_path / "empty").write_bytes(b"")
    assert upload(session, tmp_path / "empty", component_id) == 0
    assert downloaded(session, component_id) == b""


def test_a_file_that_is_not_there_is_named(session, tmp_path, component_id, sent):
    with pytest.raises(TransferFailed, match=r"nothing\.mov cannot be read"):
        upload(session, tmp_path / "nothing.mov", component_id)
    assert sent == []


def announced(monkeypatch, session, url, headers=None):
    """Let the server's storage be at another address."""
    call = session.call

    def answer(data):
        if isinstance(data, dict) and data["action"] == "get_upload_metadata":
            return [{"url": url, "headers": headers or {}, "component_id": data["component_id"]}]
        return call(data)

    monkeypatch.setattr(session, "call", answer)


def test_an_interrupted_upload_starts_again_with_the_first_byte(session, film, component_id, scripted, monkeypatch):
    announced(monkeypatch, session, f"{scripted.url}/put?signature=secret", {"Content-Type": "video/quicktime"})
    scripted.answers = [(0, {}, b""), (503, {}, b""), (200, {}, b"")]
    assert upload(session, film, component_id) == 2_500_000
    assert [len(body) for _, _, body in scripted.requests] == [2_500_000] * 3
    assert scripted.requests[2][2] == film.read_bytes()


def test_a_storage_is_told_nothing_but_what_the_server_said(session, film, component_id, scripted, monkeypatch):
    announced(monkeypatch, session, scripted.url, {"Content-MD5": "abc", "Content-Length": "17"})
    scripted.answers = [(200, {}, b"")]
    upload(session, film, component_id)
    method, headers, _ = scripted.requests[0]
    assert method == "PUT"
    assert headers["Content-MD5"] == "abc"
    assert headers["Content-Length"] == "2500000"
    assert not [name for name in headers if name.lower().startswith(("ftrack", "authorization"))]


@pytest.mark.parametrize("answers", [[(403, {}, b"")], [(0, {}, b"")], [(503, {}, b"")]])
def test_an_upload_that_fails_says_so_without_its_address(session, film, component_id, scripted, monkeypatch, answers):
    announced(monkeypatch, session, f"{scripted.url}/put?signature=secret")
    scripted.answers = answers
    with pytest.raises(TransferFailed) as caught:
        upload(session, film, component_id)
    assert "film.mov" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_checksum_is_announced(session, film, component_id, sent):
    upload(session, film, component_id)
    (announcement,) = [each for request in sent for each in request if each["action"] == "get_upload_metadata"]
    assert announcement == {
        "action": "get_upload_metadata",
        "component_id": component_id,
        "file_name": "movie.mov",
        "file_size": 2_500_000,
        "checksum": base64.b64encode(hashlib.md5(film.read_bytes(), usedforsecurity=False).digest()).decode(),
    }
