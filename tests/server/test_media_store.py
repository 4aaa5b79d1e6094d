from __future__ import annotations

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
from run_options import TIMEOUT_SECONDS
from starlette.requests import Request

from ft_dcc.server.auth.signed_tokens import sign
from ft_dcc.server.errors import Forbidden
from ft_dcc.server.storage.media_store import MediaStore

MOVIE_BYTES = bytes(range(256)) * 4000


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def leftovers(server) -> list[Path]:
    return list((server.data / "incoming").iterdir())


def test_download_returns_the_uploaded_bytes(http_client):
    component_id = http_client.create_component()
    announced = http_client.announce(component_id, len(MOVIE_BYTES), checksum=md5(MOVIE_BYTES))
    put = requests.put(announced["url"], data=MOVIE_BYTES, headers=announced["headers"], timeout=TIMEOUT_SECONDS)
    assert put.headers["ETag"] == f'"{hashlib.md5(MOVIE_BYTES, usedforsecurity=False).hexdigest()}"'
    got = http_client.get("/component/get", component_id)
    assert got.content == MOVIE_BYTES
    assert got.headers["Content-Type"] == "video/mp4"


def test_upload_can_be_repeated(http_client):
    component_id = http_client.create_component()
    announced = http_client.announce(component_id, 4)
    assert [requests.put(announced["url"], data=b"film", timeout=TIMEOUT_SECONDS).status_code for _ in range(2)] == [
        200,
        200,
    ]
    assert http_client.get("/component/get", component_id).content == b"film"


def test_empty_file_is_stored(http_client):
    assert http_client.get("/component/get", http_client.upload(b"")).content == b""


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
        ("bytes=5-2", 200, MOVIE_BYTES, None),
        ("frames=0-1", 200, MOVIE_BYTES, None),
        ("bytes=" + "9" * 5000 + "-", 200, MOVIE_BYTES, None),
    ],
)
def test_range_request_returns_the_range(http_client, asked, status, content, content_range):
    got = http_client.get("/component/get", http_client.upload(MOVIE_BYTES), headers={"Range": asked})
    assert (got.status_code, got.headers.get("Content-Range")) == (status, content_range)
    assert got.content == content


def test_range_request_with_an_outdated_etag_returns_the_whole_file(http_client):
    component_id = http_client.upload(MOVIE_BYTES)
    tag = http_client.get("/component/get", component_id).headers["ETag"]
    fresh = http_client.get("/component/get", component_id, headers={"Range": "bytes=0-3", "If-Range": tag})
    stale = http_client.get("/component/get", component_id, headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert (fresh.status_code, stale.status_code) == (206, 200)


def test_request_with_the_current_etag_returns_304(http_client):
    component_id = http_client.upload(MOVIE_BYTES)
    tag = http_client.get("/component/get", component_id).headers["ETag"]
    assert http_client.get("/component/get", component_id, headers={"If-None-Match": tag}).status_code == 304


def test_unsatisfiable_range_returns_416(http_client):
    component_id = http_client.upload(b"")
    answers = [
        http_client.get("/component/get", component_id, headers={"Range": f"bytes={asked}"}) for asked in ("0-", "-5")
    ]
    assert [(got.status_code, got.headers["Content-Range"]) for got in answers] == [(416, "bytes */0")] * 2


def test_download_is_complete_when_the_file_is_replaced_or_removed(tmp_path):
    files = MediaStore(tmp_path, b"secret")
    files.path("c").parent.mkdir()
    files.path("c").write_bytes(MOVIE_BYTES)
    scope = {"type": "http", "method": "GET", "headers": [(b"range", b"bytes=1000-")]}
    sent: list[bytes] = []

    async def send(message):
        sent.append(message.get("body", b""))

    async def drive():
        answer = files.respond(Request(scope), "c", "video/mp4")
        (tmp_path / "another").write_bytes(b"x")
        files.import_file(tmp_path / "another", "c")
        files.remove("c")
        await answer(scope, anyio.sleep_forever, send)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, drive).result()
    assert b"".join(sent) == MOVIE_BYTES[1000:]


def test_head_returns_the_size_without_a_body(http_client):
    got = http_client.get("/component/get", http_client.upload(MOVIE_BYTES), method="HEAD")
    assert (got.status_code, got.headers["Content-Length"], got.content) == (200, "1024000", b"")


@pytest.mark.parametrize("file_type", [".html", ".svg", ".js", ".xml", "", "../../x"])
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
    data = {"__entity_type__": entity_type, "id": str(uuid4()), "name": "frames"}
    http_client.post({"action": "create", "entity_type": entity_type, "entity_data": data})
    assert http_client.get("/component/remove", data["id"]).status_code == 200
    assert http_client.get("/component/get", data["id"]).status_code == 404


@pytest.mark.parametrize("path", ["/component/get", "/component/thumbnail", "/component/remove"])
def test_download_requires_a_key(server_process, http_client, path):
    component_id = http_client.upload(b"film")
    query = {"id": component_id, "username": "admin", "apiKey": "wrong"}
    assert requests.get(server_process.url + path, params=query, timeout=TIMEOUT_SECONDS).status_code == 401
    assert (
        requests.get(server_process.url + path, params={"id": component_id}, timeout=TIMEOUT_SECONDS).status_code == 401
    )
    assert http_client.get("/component/get", component_id).content == b"film"
    # It need not stand in the address, where every log on the way has it.
    asked = requests.get(
        server_process.url + path, params={"id": component_id}, headers=server_process.headers, timeout=TIMEOUT_SECONDS
    )
    # Four letters have no thumbnail.
    assert asked.status_code == (404 if path == "/component/thumbnail" else 200)


@pytest.mark.parametrize("sent", [b"fil", b"films", b"", b"x" * 3_000_000], ids=["short", "long", "nothing", "much"])
def test_upload_of_another_size_is_rejected_and_leaves_no_file(http_client, server_process, sent):
    component_id = http_client.create_component()
    announced = http_client.announce(component_id, 4)
    put = requests.put(announced["url"], data=sent, timeout=TIMEOUT_SECONDS)
    assert put.status_code in (413, 422)
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


@pytest.mark.parametrize("change", ["payload", "signature", "nothing after the dot", "another purpose"])
def test_forged_url_is_rejected(http_client, server_process, change):
    url = http_client.announce(http_client.create_component(), 4)["url"]
    payload, signature = url.rsplit("/", 1)[1].split(".")
    secret = (server_process.data / "secret").read_bytes()
    claims = {"component_id": "a", "size": 4, "checksum": None}
    token = {
        "payload": f"{payload[:-2]}AA.{signature}",
        "signature": f"{payload}.{signature[:-2]}AA",
        "nothing after the dot": f"{payload}.",
        "another purpose": sign(secret, "download", claims, 60),
    }[change]
    put = requests.put(f"{server_process.url}/component/upload/{token}", data=b"film", timeout=TIMEOUT_SECONDS)
    assert (put.status_code, put.json()["exception"]) == (403, "PermissionError")


def test_expired_url_is_rejected(server_process):
    secret = (server_process.data / "secret").read_bytes()
    token = sign(secret, "upload", {"component_id": "a", "size": 4, "checksum": None}, -1)
    put = requests.put(f"{server_process.url}/component/upload/{token}", data=b"film", timeout=TIMEOUT_SECONDS)
    assert put.json()["content"] == "This address has expired. Ask the server for a new address."


def test_signed_url_needs_no_key(http_client, server_process, tmp_path):
    component_id = http_client.upload(b"film")
    files = MediaStore(tmp_path, (server_process.data / "secret").read_bytes())
    got = requests.get(files.download_url(server_process.url, component_id), timeout=TIMEOUT_SECONDS)
    assert (got.content, got.headers["Content-Type"]) == (b"film", "video/mp4")
    assert (
        requests.get(
            files.download_url(server_process.url, component_id, seconds=-1), timeout=TIMEOUT_SECONDS
        ).status_code
        == 403
    )


class TestParts:
    parts = (b"a" * 700_000, b"b" * 700_000, b"c")

    def announce(self, http_client):
        component_id = http_client.create_component()
        return component_id, http_client.announce(component_id, 1_400_001, parts=3)

    def send(self, announced) -> list[dict[str, object]]:
        sent = []
        for url, part in zip(announced["urls"], self.parts):
            put = requests.put(url["signed_url"], data=part, timeout=TIMEOUT_SECONDS)
            sent.append({"part_number": url["part_number"], "e_tag": put.headers["ETag"].strip('"')})
        return sent

    def complete(self, http_client, announced, parts):
        operation = {
            "action": "complete_multipart_upload",
            "component_id": announced["component_id"],
            "upload_id": announced["upload_id"],
            "parts": parts,
        }
        return http_client.post(operation)

    def test_parts_are_joined_in_order_and_completion_is_idempotent(self, http_client):
        component_id, announced = self.announce(http_client)
        sent = self.send(announced)
        assert self.complete(http_client, announced, sent[::-1]).status_code == 200
        assert self.complete(http_client, announced, sent).status_code == 200
        assert http_client.get("/component/get", component_id).content == b"".join(self.parts)

    def test_concurrent_completion_succeeds_and_late_parts_are_ignored(self, http_client):
        component_id, announced = self.announce(http_client)
        sent = self.send(announced)
        with ThreadPoolExecutor(4) as clients:
            answers = clients.map(lambda _: self.complete(http_client, announced, sent).status_code, range(4))
            assert list(answers) == [200] * 4
        requests.put(announced["urls"][0]["signed_url"], data=b"another", timeout=TIMEOUT_SECONDS)
        assert self.complete(http_client, announced, sent).status_code == 200
        assert http_client.get("/component/get", component_id).content == b"".join(self.parts)

    def test_upload_without_parts_is_incomplete_despite_an_older_file_of_the_size(self, http_client):
        component_id = http_client.upload(b"older")
        announced = http_client.announce(component_id, 5, parts=1)
        assert self.complete(http_client, announced, [{"part_number": 1, "e_tag": "0" * 8}]).status_code == 422

    def test_missing_part_is_named(self, http_client):
        component_id, announced = self.announce(http_client)
        sent = self.send(announced)
        sent[1]["e_tag"] = "0" * 32
        answer = self.complete(http_client, announced, sent)
        assert answer.status_code == 422
        assert answer.json()["content"] == "Part 2 of the upload is not here as it was sent. Send it again."
        assert http_client.get("/component/get", component_id).status_code == 404

    def test_completion_requires_all_parts(self, http_client):
        _, announced = self.announce(http_client)
        assert self.complete(http_client, announced, self.send(announced)[:2]).status_code == 422

    def test_parts_of_another_size_are_rejected(self, http_client):
        component_id = http_client.create_component()
        announced = http_client.announce(component_id, 1_400_000, parts=3)
        answer = self.complete(http_client, announced, self.send(announced))
        assert answer.status_code == 422
        assert http_client.get("/component/get", component_id).status_code == 404

    def test_parts_do_not_complete_another_component(self, http_client):
        _, announced = self.announce(http_client)
        sent = self.send(announced)
        answer = self.complete(http_client, {**announced, "component_id": http_client.create_component()}, sent)
        assert answer.status_code == 422

    @pytest.mark.parametrize("parts", [0, -1, 10_001])
    def test_number_of_parts_is_limited(self, http_client, parts):
        operation = {"action": "get_upload_metadata", "component_id": http_client.create_component(), "file_name": "a"}
        assert http_client.post({**operation, "file_size": 10, "parts": parts}).status_code == 422


CLIMBS = [
    "..%2f..%2fsecret",
    "../../secret",
    "%2e%2e/%2e%2e/secret",
    "..\\..\\secret",
    "..%5c..%5csecret",
    "%00",
    "/etc/passwd",
    "//etc/passwd",
    ".",
    "..",
    "x" * 5000,
    "%c0%ae%c0%ae/secret",
]


@pytest.mark.parametrize("climb", CLIMBS)
def test_no_url_leads_out_of_the_media_folder(http_client, server_process, climb):
    query = f"username=admin&apiKey={server_process.credentials.api_key}"
    assert http_client.raw("GET", f"/component/get?{query}&id={climb}") == 404
    assert http_client.raw("GET", f"/component/thumbnail?{query}&id={climb}") == 404
    assert http_client.raw("GET", f"/component/remove?{query}&id={climb}") == 404
    assert http_client.raw("PUT", f"/component/upload/{climb}") in (403, 404, 405)
    assert http_client.raw("GET", f"/component/signed/{climb}") in (403, 404, 405)
    assert (server_process.data / "secret").stat().st_size == 32


@pytest.mark.parametrize("component_id", ["../../secret", "/etc/passwd", "..\\x", "a/b", "CON", "1", "ü", "x" * 300])
def test_stored_file_name_is_chosen_by_the_server(tmp_path, component_id):
    media = tmp_path / "media"
    path = MediaStore(tmp_path, b"secret").path(component_id)
    assert path.resolve().is_relative_to(media.resolve())
    assert [len(part) for part in path.relative_to(media).parts] == [2, 62]


def test_token_of_another_server_is_rejected(tmp_path):
    url, _ = MediaStore(tmp_path, b"one").upload_url("http://a", "id", 1, None)
    with pytest.raises(Forbidden):
        MediaStore(tmp_path, b"other").parse_upload_token(url.rsplit("/", 1)[1])


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

    def test_disk_that_fills_up_stops_the_upload_and_leaves_no_file(self, small_disk, start_server, http_client_for):
        server = start_server(small_disk / "studio")
        http_client = http_client_for(server)
        component_id = http_client.create_component()
        url = http_client.announce(component_id, 8 << 20)["url"]

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

    def test_parts_are_rejected_when_the_disk_has_no_room_to_join_them(self, small_disk, start_server, http_client_for):
        http_client = http_client_for(start_server(small_disk / "studio"))
        operation = {"action": "get_upload_metadata", "component_id": http_client.create_component(), "file_name": "a"}
        assert http_client.post({**operation, "file_size": 9 << 20, "parts": 3}).status_code == 507
        assert http_client.post({**operation, "file_size": 9 << 20}).status_code == 200

    def test_read_only_disk_rejects_uploads_and_serves_downloads(
        self, small_disk, start_server, http_client_for, mounting
    ):
        server = start_server(small_disk / "studio")
        http_client = http_client_for(server)
        movie = http_client.upload(b"film")
        url = http_client.announce(http_client.create_component(), 4)["url"]
        mounting(server.data / "incoming", "size=80m,ro")
        put = requests.put(url, data=b"film", timeout=TIMEOUT_SECONDS)
        assert (put.status_code, put.json()["exception"]) == (507, "StorageFull")
        assert http_client.get("/component/get", movie).content == b"film"
