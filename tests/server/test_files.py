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
from starlette.requests import Request

from ft_dcc.errors import Forbidden
from ft_dcc.server.access import sign
from ft_dcc.server.files import Files

FILM = bytes(range(256)) * 4000


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def leftovers(server) -> list[Path]:
    return list((server.data / "incoming").iterdir())


def test_what_was_uploaded_is_downloaded(wire):
    component_id = wire.create_component()
    announced = wire.announce(component_id, len(FILM), checksum=md5(FILM))
    put = requests.put(announced["url"], data=FILM, headers=announced["headers"], timeout=60)
    assert put.headers["ETag"] == f'"{hashlib.md5(FILM, usedforsecurity=False).hexdigest()}"'
    got = wire.get("/component/get", component_id)
    assert got.content == FILM
    assert got.headers["Content-Type"] == "video/mp4"


def test_an_upload_can_be_repeated(wire):
    component_id = wire.create_component()
    announced = wire.announce(component_id, 4)
    assert [requests.put(announced["url"], data=b"film", timeout=60).status_code for _ in range(2)] == [200, 200]
    assert wire.get("/component/get", component_id).content == b"film"


def test_an_empty_file_is_a_file(wire):
    assert wire.get("/component/get", wire.upload(b"")).content == b""


@pytest.mark.parametrize(
    ("asked", "status", "content", "content_range"),
    [
        ("bytes=0-3", 206, FILM[:4], "bytes 0-3/1024000"),
        ("bytes=1023990-", 206, FILM[-10:], "bytes 1023990-1023999/1024000"),
        ("bytes=-6", 206, FILM[-6:], "bytes 1023994-1023999/1024000"),
        ("bytes=1023998-9999999", 206, FILM[-2:], "bytes 1023998-1023999/1024000"),
        ("bytes=1024000-", 416, b"", "bytes */1024000"),
        ("bytes=-0", 416, b"", "bytes */1024000"),
        ("bytes=0-1,4-5", 200, FILM, None),
        ("bytes=5-2", 200, FILM, None),
        ("frames=0-1", 200, FILM, None),
        ("bytes=" + "9" * 5000 + "-", 200, FILM, None),
    ],
)
def test_a_player_gets_the_range_that_it_asks_for(wire, asked, status, content, content_range):
    got = wire.get("/component/get", wire.upload(FILM), headers={"Range": asked})
    assert (got.status_code, got.headers.get("Content-Range")) == (status, content_range)
    assert got.content == content


def test_a_range_of_another_version_is_the_whole_file(wire):
    component_id = wire.upload(FILM)
    tag = wire.get("/component/get", component_id).headers["ETag"]
    fresh = wire.get("/component/get", component_id, headers={"Range": "bytes=0-3", "If-Range": tag})
    stale = wire.get("/component/get", component_id, headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert (fresh.status_code, stale.status_code) == (206, 200)


def test_a_browser_that_has_the_file_is_told_so(wire):
    component_id = wire.upload(FILM)
    tag = wire.get("/component/get", component_id).headers["ETag"]
    assert wire.get("/component/get", component_id, headers={"If-None-Match": tag}).status_code == 304


def test_a_player_that_asks_for_a_range_of_nothing_is_told_so(wire):
    component_id = wire.upload(b"")
    answers = [wire.get("/component/get", component_id, headers={"Range": f"bytes={asked}"}) for asked in ("0-", "-5")]
    assert [(got.status_code, got.headers["Content-Range"]) for got in answers] == [(416, "bytes */0")] * 2


def test_a_file_that_is_replaced_or_removed_while_it_is_sent_arrives_whole(tmp_path):
    files = Files(tmp_path, b"secret")
    files.path("c").parent.mkdir()
    files.path("c").write_bytes(FILM)
    scope = {"type": "http", "method": "GET", "headers": [(b"range", b"bytes=1000-")]}
    sent: list[bytes] = []

    async def send(message):
        sent.append(message.get("body", b""))

    async def drive():
        answer = files.respond(Request(scope), "c", "video/mp4")
        (tmp_path / "another").write_bytes(b"x")
        files.adopt(tmp_path / "another", "c")
        files.remove("c")
        await answer(scope, anyio.sleep_forever, send)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, drive).result()
    assert b"".join(sent) == FILM[1000:]


def test_head_tells_the_size_and_sends_nothing(wire):
    got = wire.get("/component/get", wire.upload(FILM), method="HEAD")
    assert (got.status_code, got.headers["Content-Length"], got.content) == (200, "1024000", b"")


@pytest.mark.parametrize("file_type", [".html", ".svg", ".js", ".xml", "", "../../x"])
def test_an_uploaded_page_is_never_a_page(wire, file_type):
    got = wire.get("/component/get", wire.upload(b"<script>alert(1)</script>", file_type))
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"] == "attachment"


def test_removed_bytes_are_gone(wire):
    component_id = wire.upload(b"film")
    assert wire.get("/component/remove", component_id).status_code == 200
    assert wire.get("/component/get", component_id).status_code == 404
    assert wire.get("/component/remove", component_id).status_code == 404


@pytest.mark.parametrize("entity_type", ["SequenceComponent", "ContainerComponent"])
def test_what_holds_components_has_no_bytes_to_remove(wire, entity_type):
    data = {"__entity_type__": entity_type, "id": str(uuid4()), "name": "frames"}
    wire.post({"action": "create", "entity_type": entity_type, "entity_data": data})
    assert wire.get("/component/remove", data["id"]).status_code == 200
    assert wire.get("/component/get", data["id"]).status_code == 404


@pytest.mark.parametrize("path", ["/component/get", "/component/thumbnail", "/component/remove"])
def test_bytes_are_for_those_who_have_a_key(server_process, wire, path):
    component_id = wire.upload(b"film")
    query = {"id": component_id, "username": "admin", "apiKey": "wrong"}
    assert requests.get(server_process.url + path, params=query, timeout=30).status_code == 401
    assert requests.get(server_process.url + path, params={"id": component_id}, timeout=30).status_code == 401
    assert wire.get("/component/get", component_id).content == b"film"
    # It need not stand in the address, where every log on the way has it.
    asked = requests.get(
        server_process.url + path, params={"id": component_id}, headers=server_process.headers, timeout=30
    )
    # Four letters have no thumbnail.
    assert asked.status_code == (404 if path == "/component/thumbnail" else 200)


@pytest.mark.parametrize("sent", [b"fil", b"films", b"", b"x" * 3_000_000], ids=["short", "long", "nothing", "much"])
def test_an_upload_of_another_size_is_refused_and_nothing_is_left(wire, server_process, sent):
    component_id = wire.create_component()
    announced = wire.announce(component_id, 4)
    put = requests.put(announced["url"], data=sent, timeout=60)
    assert put.status_code in (413, 422)
    assert wire.get("/component/get", component_id).status_code == 404
    assert leftovers(server_process) == []


def test_an_upload_with_another_hash_is_refused_and_the_old_bytes_stay(wire, server_process):
    component_id = wire.upload(b"film")
    announced = wire.announce(component_id, 4, checksum=md5(b"film"))
    put = requests.put(announced["url"], data=b"fi1m", timeout=60)
    assert (put.status_code, put.json()["exception"]) == (422, "ValidationError")
    assert wire.get("/component/get", component_id).content == b"film"
    assert leftovers(server_process) == []


def test_an_upload_that_breaks_off_leaves_nothing(wire, server_process):
    component_id = wire.create_component()
    address = urlsplit(wire.announce(component_id, 1_000_000)["url"])
    with socket.create_connection((address.hostname, address.port)) as line:
        head = f"PUT {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000000\r\n\r\n"
        line.sendall(head.encode() + b"x" * 300_000)
    while leftovers(server_process):
        assert requests.get(f"{server_process.url}/health", timeout=30).status_code == 200
    assert wire.get("/component/get", component_id).status_code == 404


@pytest.mark.parametrize("change", ["payload", "signature", "nothing after the dot", "another purpose"])
def test_a_forged_address_is_refused(wire, server_process, change):
    url = wire.announce(wire.create_component(), 4)["url"]
    payload, signature = url.rsplit("/", 1)[1].split(".")
    secret = (server_process.data / "secret").read_bytes()
    claims = {"component_id": "a", "size": 4, "checksum": None}
    token = {
        "payload": f"{payload[:-2]}AA.{signature}",
        "signature": f"{payload}.{signature[:-2]}AA",
        "nothing after the dot": f"{payload}.",
        "another purpose": sign(secret, "download", claims, 60),
    }[change]
    put = requests.put(f"{server_process.url}/component/upload/{token}", data=b"film", timeout=60)
    assert (put.status_code, put.json()["exception"]) == (403, "PermissionError")


def test_an_expired_address_is_refused(server_process):
    secret = (server_process.data / "secret").read_bytes()
    token = sign(secret, "upload", {"component_id": "a", "size": 4, "checksum": None}, -1)
    put = requests.put(f"{server_process.url}/component/upload/{token}", data=b"film", timeout=60)
    assert put.json()["content"] == "This address has expired. Ask the server for a new address."


def test_an_address_for_one_hour_gives_the_bytes_without_a_key(wire, server_process, tmp_path):
    component_id = wire.upload(b"film")
    files = Files(tmp_path, (server_process.data / "secret").read_bytes())
    got = requests.get(files.download_url(server_process.url, component_id), timeout=30)
    assert (got.content, got.headers["Content-Type"]) == (b"film", "video/mp4")
    assert requests.get(files.download_url(server_process.url, component_id, seconds=-1), timeout=30).status_code == 403


class TestParts:
    parts = (b"a" * 700_000, b"b" * 700_000, b"c")

    def announce(self, wire):
        component_id = wire.create_component()
        return component_id, wire.announce(component_id, 1_400_001, parts=3)

    def send(self, announced) -> list[dict[str, object]]:
        sent = []
        for url, part in zip(announced["urls"], self.parts):
            put = requests.put(url["signed_url"], data=part, timeout=60)
            sent.append({"part_number": url["part_number"], "e_tag": put.headers["ETag"].strip('"')})
        return sent

    def complete(self, wire, announced, parts):
        operation = {
            "action": "complete_multipart_upload",
            "component_id": announced["component_id"],
            "upload_id": announced["upload_id"],
            "parts": parts,
        }
        return wire.post(operation)

    def test_they_are_joined_in_order_and_completing_again_is_harmless(self, wire):
        component_id, announced = self.announce(wire)
        sent = self.send(announced)
        assert self.complete(wire, announced, sent[::-1]).status_code == 200
        assert self.complete(wire, announced, sent).status_code == 200
        assert wire.get("/component/get", component_id).content == b"".join(self.parts)

    def test_many_may_complete_at_once_and_a_part_that_comes_late_changes_nothing(self, wire):
        component_id, announced = self.announce(wire)
        sent = self.send(announced)
        with ThreadPoolExecutor(4) as clients:
            answers = clients.map(lambda _: self.complete(wire, announced, sent).status_code, range(4))
            assert list(answers) == [200] * 4
        requests.put(announced["urls"][0]["signed_url"], data=b"another", timeout=60)
        assert self.complete(wire, announced, sent).status_code == 200
        assert wire.get("/component/get", component_id).content == b"".join(self.parts)

    def test_what_was_never_sent_is_not_complete_because_an_older_file_is_as_large(self, wire):
        component_id = wire.upload(b"older")
        announced = wire.announce(component_id, 5, parts=1)
        assert self.complete(wire, announced, [{"part_number": 1, "e_tag": "0" * 8}]).status_code == 422

    def test_a_missing_part_is_named(self, wire):
        component_id, announced = self.announce(wire)
        sent = self.send(announced)
        sent[1]["e_tag"] = "0" * 32
        answer = self.complete(wire, announced, sent)
        assert answer.status_code == 422
        assert answer.json()["content"] == "Part 2 of the upload is not here as it was sent. Send it again."
        assert wire.get("/component/get", component_id).status_code == 404

    def test_all_parts_are_wanted(self, wire):
        _, announced = self.announce(wire)
        assert self.complete(wire, announced, self.send(announced)[:2]).status_code == 422

    def test_parts_of_another_size_are_not_the_file(self, wire):
        component_id = wire.create_component()
        announced = wire.announce(component_id, 1_400_000, parts=3)
        answer = self.complete(wire, announced, self.send(announced))
        assert answer.status_code == 422
        assert wire.get("/component/get", component_id).status_code == 404

    def test_they_complete_no_other_component(self, wire):
        _, announced = self.announce(wire)
        sent = self.send(announced)
        answer = self.complete(wire, {**announced, "component_id": wire.create_component()}, sent)
        assert answer.status_code == 422

    @pytest.mark.parametrize("parts", [0, -1, 10_001])
    def test_their_number_has_limits(self, wire, parts):
        operation = {"action": "get_upload_metadata", "component_id": wire.create_component(), "file_name": "a"}
        assert wire.post({**operation, "file_size": 10, "parts": parts}).status_code == 422


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
def test_no_address_leads_out_of_the_media_folder(wire, server_process, climb):
    query = f"username=admin&apiKey={server_process.credentials.api_key}"
    assert wire.raw("GET", f"/component/get?{query}&id={climb}") == 404
    assert wire.raw("GET", f"/component/thumbnail?{query}&id={climb}") == 404
    assert wire.raw("GET", f"/component/remove?{query}&id={climb}") == 404
    assert wire.raw("PUT", f"/component/upload/{climb}") in (403, 404, 405)
    assert wire.raw("GET", f"/component/signed/{climb}") in (403, 404, 405)
    assert (server_process.data / "secret").stat().st_size == 32


@pytest.mark.parametrize("component_id", ["../../secret", "/etc/passwd", "..\\x", "a/b", "CON", "1", "ü", "x" * 300])
def test_bytes_lie_under_a_name_of_the_servers_own(tmp_path, component_id):
    media = tmp_path / "media"
    path = Files(tmp_path, b"secret").path(component_id)
    assert path.resolve().is_relative_to(media.resolve())
    assert [len(part) for part in path.relative_to(media).parts] == [2, 62]


def test_a_token_is_good_for_its_own_server_only(tmp_path):
    url, _ = Files(tmp_path, b"one").upload_url("http://a", "id", 1, None)
    with pytest.raises(Forbidden):
        Files(tmp_path, b"other").announced(url.rsplit("/", 1)[1])


def test_starting_sweeps_what_interrupted_uploads_left(tmp_path):
    files = Files(tmp_path, b"secret")
    (tmp_path / "incoming" / "half").write_bytes(b"half")
    fresh, stale = tmp_path / "parts" / "fresh", tmp_path / "parts" / "stale"
    for folder in (fresh, stale):
        folder.mkdir()
    os.utime(stale, (0, 0))
    assert files.sweep() == 2
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["fresh"]
    assert list((tmp_path / "incoming").iterdir()) == []


class TestASmallDisk:
    def test_an_upload_that_cannot_fit_is_refused_before_it_is_sent(self, small_disk, start_server, wire_to):
        wire = wire_to(start_server(small_disk / "studio"))
        operation = {"action": "get_upload_metadata", "component_id": wire.create_component(), "file_name": "a"}
        answer = wire.post({**operation, "file_size": 20 << 20})
        assert (answer.status_code, answer.json()["exception"]) == (507, "StorageFull")

    def test_a_disk_that_fills_up_stops_the_upload_and_keeps_nothing_of_it(self, small_disk, start_server, wire_to):
        server = start_server(small_disk / "studio")
        wire = wire_to(server)
        component_id = wire.create_component()
        url = wire.announce(component_id, 8 << 20)["url"]

        def body():
            yield b"x" * (1 << 20)
            with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(b"x" * 65536)
            yield b"x" * (7 << 20)

        put = requests.put(url, data=body(), timeout=60)
        assert (put.status_code, put.json()["exception"]) == (507, "StorageFull")
        assert leftovers(server) == []
        (small_disk / "filler").unlink()
        assert requests.put(url, data=b"x" * (8 << 20), timeout=60).status_code == 200

    def test_uploads_at_once_leave_the_room_that_the_database_needs(self, small_disk, start_server, wire_to):
        wire, size = wire_to(start_server(small_disk / "studio")), 12 << 20
        urls = [wire.announce(wire.create_component(), size)["url"] for _ in range(2)]
        begun = Barrier(2, timeout=60)

        def body():
            yield b"x" * (2 << 20)
            begun.wait()
            yield b"x" * (size - (2 << 20))

        with ThreadPoolExecutor(2) as clients:
            answers = list(clients.map(lambda url: requests.put(url, data=body(), timeout=60).status_code, urls))
        assert sorted(answers) in ([200, 507], [507, 507])
        assert shutil.disk_usage(small_disk).free > 60 << 20

    def test_parts_are_refused_at_once_where_there_is_no_room_to_join_them(self, small_disk, start_server, wire_to):
        wire = wire_to(start_server(small_disk / "studio"))
        operation = {"action": "get_upload_metadata", "component_id": wire.create_component(), "file_name": "a"}
        assert wire.post({**operation, "file_size": 9 << 20, "parts": 3}).status_code == 507
        assert wire.post({**operation, "file_size": 9 << 20}).status_code == 200

    def test_a_read_only_disk_refuses_and_goes_on_reading(self, small_disk, start_server, wire_to, mounting):
        server = start_server(small_disk / "studio")
        wire = wire_to(server)
        film = wire.upload(b"film")
        url = wire.announce(wire.create_component(), 4)["url"]
        mounting(server.data / "incoming", "size=80m,ro")
        put = requests.put(url, data=b"film", timeout=60)
        assert (put.status_code, put.json()["exception"]) == (507, "StorageFull")
        assert wire.get("/component/get", film).content == b"film"
