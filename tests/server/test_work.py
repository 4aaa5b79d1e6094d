"""The queue of work that visitors cause: turns, budgets, bodies by route; no secrets for ffmpeg."""

import ast
import asyncio
import os
import socket
import sys
import threading
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest
from doubles.event_loop import run_coroutine
from doubles.programs import write_program
from doubles.reviews import make_review, say
from run_options import TIMEOUT_SECONDS, wait_until
from server.test_review_notes import attach
from starlette.requests import ClientDisconnect

from ft_dcc.errors import Cancelled, EncodeFailed
from ft_dcc.media import ffmpeg
from ft_dcc.server.encoding.job import encode
from ft_dcc.server.errors import TooManyRequests
from ft_dcc.server.storage.derived_media import run_ffmpeg
from ft_dcc.server.work.budgets import Owner, read_budgets
from ft_dcc.server.work.queue import Work, WorkQueue

BUDGETS = read_budgets()


@pytest.fixture
def queue(tmp_path, clock):
    queue = WorkQueue(tmp_path / "work", now=clock)
    yield queue
    queue.stop()


def test_visitors_of_a_lane_take_turns(queue: WorkQueue) -> None:
    is_open, order = threading.Event(), []

    def note(name):
        return lambda _work: order.append(name)

    first = queue.submit("note image", Owner("z"), lambda _work: is_open.wait(TIMEOUT_SECONDS))
    works = [queue.submit("note image", Owner("a"), note(f"a{n}")) for n in range(3)]
    works += [queue.submit("note image", Owner("b"), note(f"b{n}")) for n in range(2)]
    wait_until(lambda: queue.describe()[0]["is_running"], "running work")
    assert [found["visitor"] for found in queue.describe()] == ["z", "a", "a", "a", "b", "b"]
    is_open.set()
    for work in (first, *works):
        work.future.result(TIMEOUT_SECONDS)
    assert order == ["a0", "b0", "a1", "b1", "a2"]


def test_waiting_work_is_limited_by_visitor_session_and_in_all(queue: WorkQueue) -> None:
    limits, owners = BUDGETS.work["export"], (Owner(f"v{n}", "s") for n in range(1_000))
    is_open = threading.Event()
    queue.submit("export", Owner("first"), lambda _work: is_open.wait(TIMEOUT_SECONDS))
    wait_until(lambda: queue.describe()[0]["is_running"], "running work")
    for owner, count in ((Owner("v"), limits.of_visitor), (None, limits.of_session)):
        for _ in range(count):
            queue.submit("export", owner or next(owners), lambda _work: None)
        with pytest.raises(TooManyRequests, match="Wait a minute"):
            queue.submit("export", owner or next(owners), lambda _work: None)
    with pytest.raises(TooManyRequests):
        for number in range(limits.in_all):
            queue.submit("export", Owner(f"other{number}"), lambda _work: None)
    is_open.set()


def burn(work: Work) -> None:
    work.cpu_seconds += BUDGETS.cpu_seconds[0]


def test_a_visitor_without_cpu_time_is_refused_for_some_minutes_and_others_are_not(queue, clock):
    queue.submit("export", Owner("a", "s"), burn).future.result(TIMEOUT_SECONDS)
    queue.submit("export", Owner("a", "s"), burn).future.result(TIMEOUT_SECONDS)
    with pytest.raises(TooManyRequests) as refused:
        queue.submit("export", Owner("a", "s"), burn)
    assert refused.value.seconds == pytest.approx(3600)
    # Images of notes wait instead; the work of others passes them.
    image = queue.submit("note image", Owner("a", "s"), lambda _work: "made", is_background=True)
    assert queue.submit("export", Owner("b", "s"), lambda _work: "b").future.result(TIMEOUT_SECONDS) == "b"
    assert not image.future.done()
    clock.seconds += 3601
    queue.submit("export", Owner("b", "s"), lambda _work: None)
    assert image.future.result(TIMEOUT_SECONDS) == "made"


PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
CHILD = "import os, pathlib, time; pathlib.Path({path!r}).write_text(str(os.getpid())); time.sleep(600)"


@pytest.mark.skipif(sys.platform == "win32", reason="asks for processes as POSIX does")
def test_no_process_of_a_client_that_left_runs_on(queue: WorkQueue, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    command = [sys.executable, "-c", PARENT, CHILD.format(path=str(path))]

    async def scenario() -> None:
        work, left = queue.submit("export", Owner("a"), lambda work: work.run(command)), asyncio.Event()

        async def receive():
            await left.wait()
            return {"type": "http.disconnect"}

        waiting = asyncio.create_task(queue.result(work, receive))
        await asyncio.to_thread(wait_until, lambda: path.exists() and path.read_text(), "a child process")
        left.set()
        with pytest.raises(ClientDisconnect):
            await waiting
        await asyncio.to_thread(wait_until, lambda: not is_running(int(path.read_text())), "its end")

    run_coroutine(scenario())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # The end of a process whose parent was killed is collected by the first process of the machine.
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_program_that_fails_or_takes_too_long_is_an_error_with_its_log(tmp_path: Path) -> None:
    work = Work("export", Owner("a"), lambda _work: None, TIMEOUT_SECONDS)
    seen: list[None] = []
    assert work.run([sys.executable, "-c", "print('made')"], lambda: seen.append(None)).split() == [b"made"] and seen
    assert work.cpu_seconds > 0
    with pytest.raises(EncodeFailed) as failed:
        work.run([sys.executable, "-c", "import sys; sys.exit('no such movie')"])
    assert "no such movie" in failed.value.log
    with pytest.raises(EncodeFailed, match="took longer than 0 seconds"):
        attrs.evolve(work, seconds=0).run([sys.executable, "-c", "import time; time.sleep(600)"])
    work.cancel()
    with pytest.raises(Cancelled):
        work.run([sys.executable, "-c", "import time; time.sleep(600)"])


def test_stopping_ends_what_runs_and_what_waits_and_a_start_empties_the_folder(tmp_path: Path) -> None:
    (tmp_path / "work" / "of a server that was killed").mkdir(parents=True)
    queue = WorkQueue(tmp_path / "work")
    assert not queue.folder.exists()
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]

    def run(work: Work) -> None:
        with work.folder():
            work.run(sleep)

    works = [queue.submit("export", Owner(str(n)), run) for n in range(2)]
    wait_until(lambda: queue.describe()[0]["is_running"], "running work")
    queue.stop()
    for work in works:
        with pytest.raises((Cancelled, CancelledError)):
            work.future.result(TIMEOUT_SECONDS)
    assert queue.describe() == [] and not list(queue.folder.iterdir())


@pytest.fixture
def review(http_client):
    return make_review(http_client, has_media=True)


def test_the_largest_attachment_is_accepted_and_one_byte_more_is_a_sentence(review):
    link, size = review.invite(), BUDGETS.body_limit("/review/a/b/attachments").max_bytes
    assert attach(link, b"x" * size).status_code == 200
    chunks = (b"x" * (1 << 20) for _ in range((size >> 20) + 1))
    for content in (b"x" * (size + 1), chunks):
        refused = attach(link, content)  # type: ignore[arg-type]
        assert (refused.status_code, "at most 64 MB" in refused.json()["content"]) == (413, True)


def test_a_guest_fills_no_disk_with_attachments(start_server, http_client_for):
    change = (
        "import attrs\nfrom ft_dcc.server.review import attachments\nbudgets = attachments.read_budgets()\n"
        "attachments.read_budgets = lambda: attrs.evolve(budgets, attachment_bytes=(300, 500))\n"
    )
    server = start_server(change=change)
    link = (review := make_review(http_client_for(server))).invite()
    first = attach(link, b"x" * 200).json()
    assert attach(link, b"x" * 101).status_code == 413
    assert say(link, "notes", object=review.object, content="See", files=[first["token"]]).status_code == 200
    # The file of the note counts as well, and one that is being sent.
    address, unsent = urlsplit(link), server.data / "attachments"
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=TIMEOUT_SECONDS) as sending:
        sending.sendall(f"POST {address.path}/attachments HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\nx".encode())
        wait_until(lambda: unsent.is_dir() and list(unsent.iterdir()), "the file that is being sent")
        assert attach(link, b"x" * 41).status_code == 413
        assert attach(link, b"x" * 40).status_code == 200
    wait_until(lambda: len(list(unsent.iterdir())) == 1, "the removal of the file of a client that left")
    assert attach(link, b"x" * 61).status_code == 413
    assert attach(link, b"x" * 60).status_code == 200


SECRETS = (
    *("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY", "FT_DCC_SMTP_PASSWORD", "FT_DCC_SMTP_URL"),
    *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DATABASE_PASSWORD", "https_proxy", "GOOGLE_APPLICATION_CREDENTIALS"),
)


def of_the_client(source, folder):
    ffmpeg.run(["-i", str(source), str(folder / "movie.mp4")])


WORK = Work("thumbnail", Owner(), lambda _work: None, 60)


def of_a_thumbnail_on_the_server(source, folder):
    run_ffmpeg(source, [str(folder / "thumbnail.jpg")], WORK.run)


def of_an_encode_on_the_server(source, folder):
    encode(WORK, source, folder, max_bytes=1 << 20)


@pytest.mark.parametrize("start", [of_the_client, of_a_thumbnail_on_the_server, of_an_encode_on_the_server])
def test_ffmpeg_has_no_secrets_in_its_environment(start, tmp_path, monkeypatch):
    seen, source = tmp_path / "environment", tmp_path / "source.movie"
    code = f"import os, sys; open({str(seen)!r}, 'w', encoding='utf-8').write(repr(dict(os.environ))); sys.exit(1)"
    program = write_program(tmp_path / "ffmpeg", code)
    source.write_bytes(b"movie")
    monkeypatch.setenv("FT_DCC_FFMPEG", str(program))
    for name in SECRETS:
        monkeypatch.setenv(name, "https://hidden.test")
    with suppress(EncodeFailed):
        start(source, tmp_path)
    found = ast.literal_eval(seen.read_text("utf-8"))
    # It is the environment of the child, and has what ffmpeg needs.
    assert "PATH" in found
    assert [name for name, value in found.items() if "hidden.test" in value or name in SECRETS] == []
