import base64
import hashlib
import os
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit
from uuid import uuid4

import anyio
import pytest
import requests
from doubles.operations import create
from run_options import TIMEOUT_SECONDS
from starlette.requests import Request

from ft_dcc.server.storage.media_store import MediaStore
from ft_dcc.server.storage.routes import send_file

MOVIE_BYTES = bytes(range(256)) * 4000


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def leftovers(server) -> list[Path]:
    return list((server.data / "incoming").iterdir())


@pytest.fixture(scope="module")
def stored_movie(server_process, http_client_for):
    return http_client_for(server_process).upload(MOVIE_BYTES)


def test_empty_file_is_stored_and_has_no_range(http_client):
    component_id = http_client.upload(b"")
    assert http_client.get("/component/get", component_id).content == b""
    for asked in ("0-", "-5"):
        got = http_client.get("/component/get", component_id, headers={"Range": f"bytes={asked}"})
        assert (got.status_code, got.headers["Content-Range"]) == (416, "bytes */0")


def test_download_returns_the_uploaded_bytes(http_client):
    component_id = http_client.create_component()
    announced = http_client.announce(component_id, len(MOVIE_BYTES), checksum=md5(MOVIE_BYTES))
    put = requests.put(announced["url"], data=MOVIE_BYTES, headers=announced["headers"], timeout=TIMEOUT_SECONDS)
    assert put.headers["ETag"] == f'"{hashlib.md5(MOVIE_BYTES, usedforsecurity=False).hexdigest()}"'
    got = http_client.get("/component/get", component_id)
    assert got.content == MOVIE_BYTES
    assert got.headers["Content-Type"] == "video/mp4"


@pytest.mark.parametrize(
    ("asked", "status", "content", "content_range"),
    [
        ("bytes=0-3", 206, MOVIE_BYTES[:4], "bytes 0-3/1024000"),
        ("bytes=1023990-", 206, MOVIE_BYTES[-10:], "bytes 1023990-1023999/1024000"),
        ("bytes=-6", 206, MOVIE_BYTES[-6:], "bytes 1023994-1023999/1024000"),
        ("bytes=1023998-9999999", 206, MOVIE_BYTES[-2:], "bytes 1023998-1023999/1024000"),
        ("bytes=1024000-", 416, b"", "bytes */1024000"),
        ("bytes=-0", 416, b"", "bytes */1024000"),
        ("bytes=0-1,4-5", 200, MOVIE_BYTES, None),
        ("frames=0-1", 200, MOVIE_BYTES, None),
        ("bytes=" + "9" * 5000 + "-", 200, MOVIE_BYTES, None),
    ],
)
def test_range_request_returns_the_range(http_client, stored_movie, asked, status, content, content_range):
    got = http_client.get("/component/get", stored_movie, headers={"Range": asked})
    assert (got.status_code, got.headers.get("Content-Range")) == (status, content_range)
    assert got.content == content


def test_requests_depend_on_the_etag_of_the_file(http_client, stored_movie):
    tag = http_client.get("/component/get", stored_movie).headers["ETag"]
    fresh = http_client.get("/component/get", stored_movie, headers={"Range": "bytes=0-3", "If-Range": tag})
    stale = http_client.get("/component/get", stored_movie, headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert (fresh.status_code, stale.status_code) == (206, 200)
    assert http_client.get("/component/get", stored_movie, headers={"If-None-Match": tag}).status_code == 304


def test_download_is_complete_when_the_file_is_replaced_or_removed_meanwhile(tmp_path):
    files = MediaStore(tmp_path, b"secret")
    files.path("c").parent.mkdir()
    files.path("c").write_bytes(MOVIE_BYTES)
    scope = {"type": "http", "method": "GET", "headers": [(b"range", b"bytes=1000-")]}
    sent: list[bytes] = []

    async def send(message):
        if not any(sent) and message.get("body"):
            (tmp_path / "another").write_bytes(b"x")
            files.import_file(tmp_path / "another", "c")
            files.remove("c")
        sent.append(message.get("body", b""))

    async def drive():
        await send_file(Request(scope), files.path("c"), "video/mp4")(scope, anyio.sleep_forever, send)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, drive).result()
    assert b"".join(sent) == MOVIE_BYTES[1000:]


def test_head_returns_the_size_without_a_body(http_client, stored_movie):
    got = http_client.get("/component/get", stored_movie, method="HEAD")
    assert (got.status_code, got.headers["Content-Length"], got.content) == (200, "1024000", b"")


@pytest.mark.parametrize("file_type", [".html", ".svg", "", "../../x"])
def test_uploaded_html_is_not_served_as_html(http_client, file_type):
    got = http_client.get("/component/get", http_client.upload(b"<script>alert(1)</script>", file_type))
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"] == "attachment"


def test_removed_file_is_not_found(http_client):
    component_id = http_client.upload(b"film")
    assert http_client.get("/component/remove", component_id).status_code == 200
    assert http_client.get("/component/get", component_id).status_code == 404
    assert http_client.get("/component/remove", component_id).status_code == 404


@pytest.mark.parametrize("entity_type", ["SequenceComponent", "ContainerComponent"])
def test_container_component_has_no_file_to_remove(http_client, entity_type):
    container = str(uuid4())
    http_client.post(create(entity_type, id=container, name="frames"))
    assert http_client.get("/component/remove", container).status_code == 200
    assert http_client.get("/component/get", container).status_code == 404


@pytest.mark.parametrize("path", ["/component/get", "/component/thumbnail", "/component/remove"])
def test_download_requires_a_key(server_process, http_client, path):
    component_id, address = http_client.upload(b"film"), server_process.url + path
    for wrong in ({}, {"username": "admin", "apiKey": "wrong"}):
        query = {"id": component_id, **wrong}
        assert requests.get(address, params=query, timeout=TIMEOUT_SECONDS).status_code == 401
    assert http_client.get("/component/get", component_id).content == b"film"
    # It need not stand in the address, where every log on the way has it.
    asked = requests.get(address, params={"id": component_id}, headers=server_process.headers, timeout=TIMEOUT_SECONDS)
    # Four letters have no thumbnail.
    assert asked.status_code == (404 if path == "/component/thumbnail" else 200)


@pytest.mark.parametrize("sent", [b"fil", b"films", b"", b"x" * 3_000_000], ids=["short", "long", "nothing", "much"])
def test_upload_of_another_size_is_rejected_and_leaves_no_file(http_client, server_process, sent):
    component_id = http_client.create_component()
    announced = http_client.announce(component_id, 4)
    assert requests.put(announced["url"], data=sent, timeout=TIMEOUT_SECONDS).status_code in (413, 422)
    assert http_client.get("/component/get", component_id).status_code == 404
    assert leftovers(server_process) == []


def test_upload_with_another_checksum_is_rejected_and_keeps_the_old_file(http_client, server_process):
    component_id = http_client.upload(b"film")
    announced = http_client.announce(component_id, 4, checksum=md5(b"film"))
    put = requests.put(announced["url"], data=b"fi1m", timeout=TIMEOUT_SECONDS)
    assert (put.status_code, put.json()["exception"]) == (422, "ValidationError")
    assert http_client.get("/component/get", component_id).content == b"film"
    assert leftovers(server_process) == []


def test_interrupted_upload_leaves_no_file(start_server, http_client_for):
    server = start_server()
    http_client = http_client_for(server)
    component_id = http_client.create_component()
    address = urlsplit(http_client.announce(component_id, 1_000_000)["url"])
    with socket.create_connection((address.hostname, address.port)) as line:
        head = f"PUT {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000000\r\n\r\n"
        line.sendall(head.encode() + b"x" * 300_000)
    while leftovers(server):
        assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200
    assert http_client.get("/component/get", component_id).status_code == 404


def test_signed_url_needs_no_key(http_client, server_process, tmp_path):
    component_id = http_client.upload(b"film")
    files = MediaStore(tmp_path, (server_process.data / "secret").read_bytes())
    got = requests.get(files.download_url(server_process.url, component_id), timeout=TIMEOUT_SECONDS)
    assert (got.content, got.headers["Content-Type"]) == (b"film", "video/mp4")
    expired = files.download_url(server_process.url, component_id, seconds=-1)
    assert requests.get(expired, timeout=TIMEOUT_SECONDS).status_code == 403


class TestParts:
    parts = (b"a" * 700_000, b"b" * 700_000, b"c")

    def announce(self, http_client):
        component_id = http_client.create_component()
        return component_id, http_client.announce(component_id, 1_400_001, parts=3)

    def test_parts_are_joined_in_order_once_and_late_parts_are_ignored(self, http_client):
        component_id, announced = self.announce(http_client)
        sent = http_client.send_parts(announced, *self.parts)
        with ThreadPoolExecutor(4) as clients:
            answers = clients.map(lambda _: http_client.complete(announced, sent[::-1]).status_code, range(4))
            assert list(answers) == [200] * 4
        requests.put(announced["urls"][0]["signed_url"], data=b"another", timeout=TIMEOUT_SECONDS)
        assert http_client.complete(announced, sent).status_code == 200
        assert http_client.get("/component/get", component_id).content == b"".join(self.parts)

    def test_upload_without_parts_is_incomplete_despite_an_older_file_of_the_size(self, http_client):
        announced = http_client.announce(http_client.upload(b"older"), 5, parts=1)
        assert http_client.complete(announced, [{"part_number": 1, "e_tag": "0" * 8}]).status_code == 422

    def test_missing_part_is_named(self, http_client):
        component_id, announced = self.announce(http_client)
        sent = http_client.send_parts(announced, *self.parts)
        sent[1]["e_tag"] = "0" * 32
        answer = http_client.complete(announced, sent)
        assert answer.status_code == 422
        assert answer.json()["content"] == "Part 2 of the upload is not here as it was sent. Send it again."
        assert http_client.get("/component/get", component_id).status_code == 404

    def test_completion_requires_all_parts(self, http_client):
        _, announced = self.announce(http_client)
        assert http_client.complete(announced, http_client.send_parts(announced, *self.parts)[:2]).status_code == 422

    def test_parts_of_another_size_are_rejected(self, http_client):
        component_id = http_client.create_component()
        announced = http_client.announce(component_id, 1_400_000, parts=3)
        assert http_client.complete(announced, http_client.send_parts(announced, *self.parts)).status_code == 422
        assert http_client.get("/component/get", component_id).status_code == 404

    def test_parts_do_not_complete_another_component(self, http_client):
        _, announced = self.announce(http_client)
        sent = http_client.send_parts(announced, *self.parts)
        answer = http_client.complete({**announced, "component_id": http_client.create_component()}, sent)
        assert answer.status_code == 422

    @pytest.mark.parametrize("parts", [0, 10_001])
    def test_number_of_parts_is_limited(self, http_client, parts):
        operation = {"action": "get_upload_metadata", "component_id": http_client.create_component(), "file_name": "a"}
        assert http_client.post({**operation, "file_size": 10, "parts": parts}).status_code == 422


CLIMBS = ["..%2f..%2fsecret", "../../secret", "..\\..\\secret", "%00", "/etc/passwd", "..", "x" * 5000]


@pytest.mark.parametrize("climb", CLIMBS)
def test_no_url_leads_out_of_the_media_folder(http_client, server_process, climb):
    query = f"username=admin&apiKey={server_process.credentials.api_key}"
    assert http_client.raw("GET", f"/component/get?{query}&id={climb}") == 404
    assert http_client.raw("GET", f"/component/thumbnail?{query}&id={climb}") == 404
    assert http_client.raw("GET", f"/component/remove?{query}&id={climb}") == 404
    assert http_client.raw("PUT", f"/component/upload/{climb}") in (403, 404, 405)
    assert http_client.raw("GET", f"/component/signed/{climb}") in (403, 404, 405)
    assert (server_process.data / "secret").stat().st_size == 32


@pytest.mark.parametrize("component_id", ["../../secret", "/etc/passwd", "ü", "x" * 300])
def test_stored_file_name_is_chosen_by_the_server(tmp_path, component_id):
    media = tmp_path / "media"
    path = MediaStore(tmp_path, b"secret").path(component_id)
    assert path.resolve().is_relative_to(media.resolve())
    assert [len(part) for part in path.relative_to(media).parts] == [2, 62]


def test_start_removes_files_of_interrupted_uploads(tmp_path):
    files = MediaStore(tmp_path, b"secret")
    (tmp_path / "incoming" / "half").write_bytes(b"half")
    fresh, stale = tmp_path / "parts" / "fresh", tmp_path / "parts" / "stale"
    for folder in (fresh, stale):
        folder.mkdir()
    os.utime(stale, (0, 0))
    assert files.cleanup() == 2
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["fresh"]
    assert list((tmp_path / "incoming").iterdir()) == []


class TestFullDisk:
    def test_upload_over_the_free_space_is_rejected_before_its_body(self, small_disk, start_server, http_client_for):
        http_client = http_client_for(start_server(small_disk / "studio"))
        operation = {"action": "get_upload_metadata", "component_id": http_client.create_component(), "file_name": "a"}
        answer = http_client.post({**operation, "file_size": 20 << 20})
        assert (answer.status_code, answer.json()["exception"]) == (507, "StorageFull")
        # Parts need room beside the file that they are joined to.
        assert http_client.post({**operation, "file_size": 9 << 20, "parts": 3}).status_code == 507
        assert http_client.post({**operation, "file_size": 9 << 20}).status_code == 200

    def test_disk_that_fills_up_stops_the_upload_and_leaves_no_file(self, small_disk, start_server, http_client_for):
        server = start_server(small_disk / "studio")
        http_client = http_client_for(server)
        url = http_client.announce(http_client.create_component(), 8 << 20)["url"]

        def body():
            yield b"x" * (1 << 20)
            with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(b"x" * 65536)
            yield b"x" * (7 << 20)

        put = requests.put(url, data=body(), timeout=TIMEOUT_SECONDS)
        assert (put.status_code, put.json()["exception"]) == (507, "StorageFull")
        assert leftovers(server) == []
        (small_disk / "filler").unlink()
        assert requests.put(url, data=b"x" * (8 << 20), timeout=TIMEOUT_SECONDS).status_code == 200

    def test_concurrent_uploads_keep_the_reserve_of_the_database(self, small_disk, start_server, http_client_for):
        http_client, size = http_client_for(start_server(small_disk / "studio")), 12 << 20
        urls = [http_client.announce(http_client.create_component(), size)["url"] for _ in range(2)]
        begun = Barrier(2, timeout=TIMEOUT_SECONDS)

        def body():
            yield b"x" * (2 << 20)
            begun.wait()
            yield b"x" * (size - (2 << 20))

        with ThreadPoolExecutor(2) as clients:
            answers = list(
                clients.map(lambda url: requests.put(url, data=body(), timeout=TIMEOUT_SECONDS).status_code, urls)
            )
        assert sorted(answers) in ([200, 507], [507, 507])
        assert shutil.disk_usage(small_disk).free > 60 << 20

    def test_read_only_disk_serves_downloads_only(self, small_disk, start_server, http_client_for, mounting):
        server = start_server(small_disk / "studio")
        http_client = http_client_for(server)
        movie = http_client.upload(b"film")
        url = http_client.announce(http_client.create_component(), 4)["url"]
        mounting(server.data / "incoming", "size=80m,ro")
        put = requests.put(url, data=b"film", timeout=TIMEOUT_SECONDS)
        assert (put.status_code, put.json()["exception"]) == (507, "StorageFull")
        assert http_client.get("/component/get", movie).content == b"film"


def test_a_movie_that_is_played_is_removed_later(tmp_path, monkeypatch, caplog):
    """Windows refuses to delete a file that another request reads."""
    store, unlink = MediaStore(tmp_path, b"secret"), Path.unlink
    for name in ("played", "again"):
        path = store.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"movie")

    def held(path, missing_ok=False):
        if path.parent.parent.name == "media" and path.exists():
            raise PermissionError(13, "It is being used by another process", str(path), 32)
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", held)
        for name in ("played", "again"):
            store.remove(name)
        store.cleanup_parts()
    assert store.exists("played") and "is removed later" in caplog.text
    # Another file of the component has arrived since.
    os.utime(store.path("again"), (1, 1))
    store.cleanup_parts()
    assert (store.exists("played"), store.exists("again"), store.cleanup_parts()) == (False, True, 0)
