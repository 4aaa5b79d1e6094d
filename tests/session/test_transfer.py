import base64
import hashlib
import json
import os
import socket
import sys
import threading
import uuid
from pathlib import Path

import pytest
import requests
from doubles.faulty_proxy import FaultyProxy
from doubles.programs import run_process
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.errors import Cancelled, NotFoundError, TransferFailed
from ft_dcc.session import operations
from ft_dcc.session.transfer import transfer
from ft_dcc.session.transfer.storage_requests import UploadBody
from ft_dcc.session.transport import http


@pytest.fixture
def movie(tmp_path):
    path = tmp_path / "film.mov"
    path.write_bytes(b"0123456789" * 250_000)
    return path


@pytest.fixture
def component_id():
    return str(uuid.uuid4())


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    monkeypatch.setattr(http, "wait", lambda *_: None)


def upload(session, path, component_id, **arguments):
    return transfer.upload(session, path, component_id=component_id, name="movie", file_type=".mov", **arguments)


def downloaded(session, component_id):
    session.call([operations.add_to_server_location(component_id)])
    query = {"id": component_id, "username": session.api_user, "apiKey": session.api_key}
    return requests.get(f"{session.server_url}/component/get", params=query, timeout=TIMEOUT_SECONDS).content


def test_upload_stores_the_bytes_of_a_file(session, open_session, movie, component_id):
    assert upload(session, movie, component_id) == 2_500_000
    assert downloaded(session, component_id) == movie.read_bytes()
    component = open_session().get("FileComponent", component_id)
    assert (component["name"], component["file_type"], component["size"]) == ("movie", ".mov", 2_500_000)
    assert component["version_id"] is None


def test_download_sends_the_key_in_headers(session, scripted, tmp_path, component_id):
    session.server_url = scripted.url
    scripted.answers = [(200, {}, b"film")]
    transfer.download(session, component_id, tmp_path / "film.mov")
    assert [request.path for request in scripted.requests] == [f"/component/get?id={component_id}"]
    # A site that looks nowhere else is known from then on: what it refuses it may take for guessing.
    scripted.answers = [(401, {}, b""), (200, {}, b"film")]
    for _ in range(2):
        transfer.download(session, component_id, tmp_path / "film.mov")
    assert ["apiKey" in request.path for request in scripted.requests] == [False, False, True, True]


def test_upload_can_be_repeated(session, open_session, movie, component_id):
    upload(session, movie, component_id)
    movie.write_bytes(b"shorter")
    assert upload(session, movie, component_id) == 7
    assert downloaded(session, component_id) == b"shorter"
    assert open_session().get("FileComponent", component_id)["size"] == 7


@pytest.mark.parametrize("error", [Cancelled("enough"), OSError("the window is gone")])
def test_error_of_the_callback_ends_the_upload(session, movie, component_id, error):
    def stop(sent, total):
        raise error

    with pytest.raises(type(error), match=str(error)):
        upload(session, movie, component_id, on_bytes=stop)


def test_empty_file_is_uploaded(session, tmp_path, component_id):
    (tmp_path / "empty").write_bytes(b"")
    assert upload(session, tmp_path / "empty", component_id) == 0
    assert downloaded(session, component_id) == b""


def test_missing_file_is_named(session, tmp_path, component_id, sent):
    with pytest.raises(TransferFailed, match=r"nothing\.mov cannot be read"):
        upload(session, tmp_path / "nothing.mov", component_id)
    assert sent == []


def announcing(monkeypatch, session, **metadata):
    """Let the server's storage be at other addresses."""
    call = session.call

    def answer(data, *group):
        if isinstance(data, dict) and data["action"] == "get_upload_metadata":
            return [{**metadata, "component_id": data["component_id"]}]
        return call(data, *group)

    monkeypatch.setattr(session, "call", answer)


def announced(monkeypatch, session, url, headers=None):
    announcing(monkeypatch, session, url=url, headers=headers or {})


def storing_parts_at(monkeypatch, session, url, **more):
    urls = [{"part_number": number, "signed_url": f"{url}/{number}?signature=secret"} for number in (1, 2, 3)]
    announcing(monkeypatch, session, upload_id="u", urls=urls, **more)


def tag_of(path):
    """Return the header with which a storage confirms the file."""
    return {"ETag": f'"{hashlib.md5(path.read_bytes()).hexdigest()}"'}


def test_interrupted_upload_restarts_at_the_first_byte(session, movie, component_id, scripted, monkeypatch):
    announced(monkeypatch, session, f"{scripted.url}/put?signature=secret", {"Content-Type": "video/quicktime"})
    scripted.answers = [(0, {}, b""), (503, {}, b""), (200, tag_of(movie), b"")]
    assert upload(session, movie, component_id) == 2_500_000
    assert [len(request.body) for request in scripted.requests] == [2_500_000] * 3
    assert scripted.requests[2].body == movie.read_bytes()


def test_upload_counts_only_with_the_confirmation_of_the_storage(session, movie, component_id, scripted, monkeypatch):
    announced(monkeypatch, session, f"{scripted.url}/put")
    page = (200, {"Content-Type": "text/html"}, b"<title>Welcome")
    scripted.answers = [page, (200, tag_of(movie), b"")]
    assert upload(session, movie, component_id) == 2_500_000
    assert len(scripted.requests) == 2
    scripted.answers = [page]
    with pytest.raises(TransferFailed, match="did not reach the storage: something else answered with status 200"):
        upload(session, movie, component_id)


def test_storage_gets_only_the_announced_headers(session, movie, component_id, scripted, monkeypatch):
    announced(monkeypatch, session, scripted.url, {"Content-MD5": "abc", "Content-Length": "17"})
    scripted.answers = [(200, tag_of(movie), b"")]
    upload(session, movie, component_id)
    method, headers = scripted.requests[0].method, scripted.requests[0].headers
    assert method == "PUT"
    assert headers["Content-MD5"] == "abc"
    assert headers["Content-Length"] == "2500000"
    assert not [name for name in headers if name.lower().startswith(("ftrack", "authorization"))]


@pytest.mark.parametrize("answers", [[(403, {}, b"")], [(0, {}, b"")], [(503, {}, b"")]])
def test_failed_upload_does_not_reveal_its_address(session, movie, component_id, scripted, monkeypatch, answers):
    announced(monkeypatch, session, f"{scripted.url}/put?signature=secret")
    scripted.answers = answers
    with pytest.raises(TransferFailed) as caught:
        upload(session, movie, component_id)
    assert "film.mov" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_checksum_is_announced(session, movie, component_id, sent):
    upload(session, movie, component_id)
    assert announcement_in(sent) == {
        "action": "get_upload_metadata",
        "component_id": component_id,
        "file_name": "movie.mov",
        "file_size": 2_500_000,
        "checksum": base64.b64encode(hashlib.md5(movie.read_bytes(), usedforsecurity=False).digest()).decode(),
    }


MIB = 1024 * 1024
LARGE = 2 * 8192 + 4099


@pytest.fixture
def large_movie(tmp_path, small_parts):
    assert small_parts == LARGE
    path = tmp_path / "long.mov"
    path.write_bytes(bytes(number % 251 for number in range(LARGE)))
    return path


@pytest.fixture
def long_movie(large_movie, session):
    """Return the large file for a site as ftrack's own, which gets it in parts."""
    session.server_information["largest_piece"] = 0
    return large_movie


@pytest.fixture
def line(studio_server):
    """Open a connection to the server that can be interrupted."""
    with FaultyProxy(studio_server.server_url).open() as line:
        yield line


@pytest.mark.parametrize(
    ("size", "part", "count"),
    [
        (128 * MIB, 8 * MIB, 16),
        (128 * MIB + 1, 16 * MIB, 9),
        (10 * 1024 * MIB, 64 * MIB, 160),
        (1280 * 1000 * MIB, 128 * MIB, 10_000),
    ],
)
def test_part_sizes_match_the_javascript_client(size, part, count):
    assert (transfer.part_size(size), transfer.count_for(size)) == (part, count)


def announcement_in(sent):
    (found,) = [each for request in sent for each in request if each["action"] == "get_upload_metadata"]
    return found


def test_studio_server_gets_a_large_file_in_one_request(session, large_movie, component_id, sent):
    assert upload(session, large_movie, component_id) == LARGE
    assert downloaded(session, component_id) == large_movie.read_bytes()
    assert "parts" not in announcement_in(sent)


def test_large_file_is_uploaded_in_parts(session, long_movie, component_id, sent):
    assert upload(session, long_movie, component_id) == LARGE
    assert downloaded(session, component_id) == long_movie.read_bytes()
    announcement = announcement_in(sent)
    assert (announcement["file_size"], announcement["parts"], "checksum" in announcement) == (LARGE, 3, False)
    (completion,) = [each for request in sent for each in request if each["action"] == "complete_multipart_upload"]
    assert [part["part_number"] for part in completion["parts"]] == [1, 2, 3]


def test_progress_of_parts_is_summed(session, long_movie, component_id):
    reports, threads = [], set()

    def on_bytes(sent, total):
        reports.append((sent, total))
        threads.add(threading.current_thread())

    upload(session, long_movie, component_id, on_bytes=on_bytes)
    assert reports == sorted(reports)
    assert reports[-1] == (LARGE, LARGE)
    assert threads == {threading.current_thread()}


def through(line, session, monkeypatch):
    """Let the parts go over a line of their own."""
    call = session.call

    def answer(data, *group):
        answers = call(data, *group)
        if isinstance(data, dict) and "parts" in data and "urls" in answers[0]:
            for part in answers[0]["urls"]:
                part["signed_url"] = part["signed_url"].replace(session.server_url, line.url)
        return answers

    monkeypatch.setattr(session, "call", answer)


@pytest.mark.parametrize("loses_answer", [True, False])
def test_interrupted_part_is_sent_again(session, long_movie, component_id, line, loses_answer, monkeypatch):
    through(line, session, monkeypatch)
    line.set(2, loses_answer=loses_answer, heals=True)
    upload(session, long_movie, component_id)
    assert line.count == 4
    assert downloaded(session, component_id) == long_movie.read_bytes()


def test_interrupted_upload_is_resumed(session, long_movie, component_id, line, tmp_path, monkeypatch, sent):
    monkeypatch.setattr(transfer, "MAX_CONCURRENT_PARTS", 1)
    through(line, session, monkeypatch)
    progress_file = tmp_path / "upload.json"
    line.set(3)
    with pytest.raises(TransferFailed, match="was interrupted"):
        upload(session, long_movie, component_id, progress_file=progress_file)
    assert sorted(json.loads(progress_file.read_text(encoding="utf-8"))["arrived"]) == ["1", "2"]
    if os.name == "posix":
        assert progress_file.stat().st_mode & 0o777 == 0o600
    sent.clear()
    line.set()
    reports = []
    upload(session, long_movie, component_id, progress_file=progress_file, on_bytes=lambda *done: reports.append(done))
    assert line.count == 1
    assert "get_upload_metadata" not in [each["action"] for request in sent for each in request]
    assert not progress_file.exists()
    assert downloaded(session, component_id) == long_movie.read_bytes()


@pytest.mark.parametrize("change", [b"more", b""], ids=["it grows", "it is written to"])
def test_file_that_changes_during_upload_is_refused(movie, change):
    def write(sent):
        if sent:
            with movie.open("r+b") as file:
                file.seek(0, os.SEEK_END) if change else None
                file.write(change or b"other")
            os.utime(movie, ns=(0, sent))

    with pytest.raises(TransferFailed, match=r"film.mov was changed while it was read. Upload it again when"):
        list(UploadBody(movie, on_sent=write))


def test_parts_of_a_changed_file_are_not_joined(session, long_movie, component_id, tmp_path, monkeypatch, sent):
    put = transfer._put_part

    def put_and_change(session, url, part):
        tag = put(session, url, part)
        os.utime(long_movie, ns=(0, part.start))
        return tag

    monkeypatch.setattr(transfer, "MAX_CONCURRENT_PARTS", 1)
    monkeypatch.setattr(transfer, "_put_part", put_and_change)
    with pytest.raises(TransferFailed, match="was changed while it was read"):
        upload(session, long_movie, component_id, progress_file=tmp_path / "upload.json")
    assert not (tmp_path / "upload.json").exists()
    assert "complete_multipart_upload" not in [each["action"] for request in sent for each in request]


def test_changed_file_is_uploaded_from_its_start(session, long_movie, component_id, line, tmp_path, monkeypatch):
    through(line, session, monkeypatch)
    line.set(1)
    with pytest.raises(TransferFailed):
        upload(session, long_movie, component_id, progress_file=tmp_path / "upload.json")
    long_movie.write_bytes(long_movie.read_bytes()[::-1])
    line.set()
    upload(session, long_movie, component_id, progress_file=tmp_path / "upload.json")
    assert downloaded(session, component_id) == long_movie.read_bytes()


def test_damaged_progress_file_is_ignored(session, long_movie, component_id, tmp_path):
    (tmp_path / "upload.json").write_text("{half", encoding="utf-8")
    upload(session, long_movie, component_id, progress_file=tmp_path / "upload.json")
    assert downloaded(session, component_id) == long_movie.read_bytes()


@pytest.mark.parametrize(
    ("more", "headers", "message"),
    [
        ({}, {"ETag": '"' + "0" * 32 + '"'}, "arrived damaged"),
        ({"part_checksum": "crc32"}, {"ETag": '"00000000"'}, "arrived damaged"),
        ({}, {}, "did not reach the storage"),
        (None, {"ETag": '"00000000"'}, "arrived damaged"),
    ],
    ids=["md5", "crc32", "no tag", "in one request"],
)
def test_damaged_upload_is_detected(session, large_movie, component_id, scripted, monkeypatch, more, headers, message):
    if more is None:
        announced(monkeypatch, session, scripted.url)
    else:
        session.server_information["largest_piece"] = 0
        storing_parts_at(monkeypatch, session, scripted.url, **more)
    scripted.answers = [(200, headers, b"")]
    with pytest.raises(TransferFailed, match=message):
        upload(session, large_movie, component_id)


@pytest.fixture
def silent_storage():
    """Open a storage that accepts connections and never reads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("name", ["movie", "long_movie"])
def test_cancel_is_not_blocked_by_a_hanging_line(session, component_id, silent_storage, monkeypatch, request, name):
    announced(monkeypatch, session, silent_storage)
    if name == "long_movie":
        storing_parts_at(monkeypatch, session, silent_storage)
    asked = []

    def cancel_when_it_hangs(sent, total):
        asked.append(sent)
        if len(asked) == 5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        upload(session, request.getfixturevalue(name), component_id, on_bytes=cancel_when_it_hangs)
    assert len(asked) == 5


def stored(session, path, component_id):
    upload(session, path, component_id)
    downloaded(session, component_id)


def test_download_is_complete(session, movie, component_id, tmp_path):
    stored(session, movie, component_id)
    reports = []
    wanted = {"size": 2_500_000, "on_bytes": lambda *done: reports.append(done)}
    assert transfer.download(session, component_id, tmp_path / "back.mov", **wanted) == 2_500_000
    assert (tmp_path / "back.mov").read_bytes() == movie.read_bytes()
    assert reports[-1] == (2_500_000, 2_500_000)


def cancel(received, total):
    raise Cancelled("enough")


@pytest.mark.parametrize("wanted", [{"size": 17}, {"on_bytes": cancel}])
def test_failed_or_cancelled_download_leaves_no_file(session, movie, component_id, tmp_path, wanted):
    stored(session, movie, component_id)
    target = tmp_path / "target"
    target.mkdir()
    (target / "back.mov").write_bytes(b"as it was")
    with pytest.raises((TransferFailed, Cancelled)) as caught:
        transfer.download(session, component_id, target / "back.mov", **wanted)
    wait_until(lambda: [path.name for path in target.iterdir()] == ["back.mov"], "the removal of the draft")
    # A download that is complete before it is cancelled is kept.
    assert caught.type is Cancelled or (target / "back.mov").read_bytes() == b"as it was"


def test_download_of_a_missing_component_is_reported(session, component_id, tmp_path):
    with pytest.raises(NotFoundError, match=component_id):
        transfer.download(session, component_id, tmp_path / "back.mov")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the most memory a process had")
def test_large_file_needs_little_memory(studio_server, tmp_path):
    """Four parts of 16 MiB at once, and one request of 160 MiB, are never in memory as a whole."""
    large = tmp_path / "large.mov"
    with large.open("wb") as file:
        file.truncate(160 * MIB)
    script = (
        "import sys, uuid, re\n"
        "from pathlib import Path\n"
        "from ft_dcc.session import Session\n"
        "from ft_dcc.session.transfer import transfer\n"
        "most = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "session = Session(*sys.argv[2:])\n"
        "session.types['FileComponent']\n"
        "before = most()\n"
        "for largest_piece in (0, 2**32):\n"
        "    session.server_information['largest_piece'] = largest_piece\n"
        "    transfer.upload(session, sys.argv[1], component_id=str(uuid.uuid4()), name='large', file_type='.mov')\n"
        "print((most() - before) // 1024)\n"
    )
    credentials = (studio_server.server_url, studio_server.api_key, studio_server.api_user)
    done = run_process(sys.executable, "-c", script, large, *credentials)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 48
