"""Measure the protocol of the review page: sizes, CPU of the server, and how fast a note reaches open pages.

``--small`` uses fewer pages and notes: it shows that the benchmark runs; its figures mean nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import requests
from websockets.asyncio.client import ClientConnection, connect

from bench.datasets import ServerProcess, serve_studio
from bench.table import Row, print_table

MANY, FEW, NOTES_PER_VERSION = 300, 13, 4
_TIMEOUT_SECONDS = 60


@attrs.frozen
class Sizes:
    """The number of open pages and notes, and the duration of the idle measurement."""

    pages: int = 200
    notes: int = 50
    notes_per_second: int = 10
    idle_seconds: float = 20
    repetitions: int = 10


SMALL = Sizes(pages=10, notes=10, idle_seconds=1, repetitions=2)


@attrs.frozen
class SampleReview:
    """The link of a session, the link of an invitee, and the ids of the session's versions."""

    link: str
    invitation: str
    objects: list[str]


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached."""
    sizes = SMALL if is_small else Sizes()
    with _reviews() as (server, few, many):
        rows = [
            *_size_and_cpu_rows(server, many, sizes),
            *_open_rows(server, few, many, sizes),
            *asyncio.run(_live_rows(server, many, sizes)),
        ]
        return print_table(rows)


def quick_rows() -> Iterator[Row]:
    """Yield the rows that are measured in CPU time and bytes."""
    with _reviews() as (server, _, many):
        yield from _size_and_cpu_rows(server, many, Sizes())


@contextmanager
def _reviews() -> Iterator[tuple[ServerProcess, SampleReview, SampleReview]]:
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name, serve_studio(Path(name)) as server:
        project = _create(server, "Project", name="bench")
        few, many = (_make_review(server, Path(name), project, count) for count in (FEW, MANY))
        yield server, few, many


def _size_and_cpu_rows(server: ServerProcess, many: SampleReview, sizes: Sizes) -> Iterator[Row]:
    yield _size_row(many)
    yield _next_version_row(server, many, sizes)


def _size_row(many: SampleReview) -> Row:
    body = requests.get(f"{many.link}/data", timeout=_TIMEOUT_SECONDS).content
    return Row(f"list of {MANY} versions, before compression", [50], [len(body) / 1000], 1, "KB", "the goal")


def _next_version_row(server: ServerProcess, many: SampleReview, sizes: Sizes) -> Row:
    """Measure the server's CPU for one version that is not cached."""
    objects = many.objects[: sizes.repetitions]
    before = _cpu_seconds(server)
    for object_id in objects:
        requests.get(f"{many.link}/entries/{object_id}", timeout=_TIMEOUT_SECONDS).raise_for_status()
    each = (_cpu_seconds(server) - before) / len(objects)
    return Row("next version, CPU of the server", [200], [each * 1000], 1, "ms", "the goal")


def _open_rows(server: ServerProcess, few: SampleReview, many: SampleReview, sizes: Sizes) -> list[Row]:
    def open_page(review: SampleReview) -> float:
        with requests.Session() as http:
            began = time.perf_counter()
            for path in ("", "/data", f"/entries/{review.objects[0]}"):
                http.get(review.link + path, timeout=_TIMEOUT_SECONDS).raise_for_status()
            return (time.perf_counter() - began) * 1000

    for review in (few, many):
        open_page(review)
    warm = [(open_page(few), open_page(many)) for _ in range(sizes.repetitions)]
    cold = []
    for _ in range(sizes.repetitions):
        pair = []
        for review in (few, many):
            _create(server, "Project", name=f"p{uuid4().hex[:8]}")
            pair.append(open_page(review))
        cold.append(pair)
    title = f"open a session of {MANY} versions"
    return [
        Row(title, [a for a, _ in warm], [b for _, b in warm], 1.2, "ms", f"one of {FEW}"),
        # Without a goal: the first page after a commit reads the list again.
        Row(f"{title}, after a commit", [a for a, _ in cold], [b for _, b in cold], 100, "ms", f"one of {FEW}"),
    ]


async def _live_rows(server: ServerProcess, many: SampleReview, sizes: Sizes) -> list[Row]:
    """Open pages, let them idle, then write notes and measure when each page has each note."""
    address = f"{many.link.replace('http', 'ws', 1)}/live"
    arrived: list[dict[str, float]] = [{} for _ in range(sizes.pages)]

    async def watch(page: ClientConnection, found: dict[str, float]) -> None:
        while len(found) < sizes.notes:
            message = json.loads(await page.recv())
            now = time.perf_counter()
            for note in message.get("notes", ()):
                found.setdefault(note["content"], now)

    async with AsyncExitStack() as stack:
        opened = (connect(address, open_timeout=_TIMEOUT_SECONDS, ping_interval=None) for _ in range(sizes.pages))
        pages = [await stack.enter_async_context(page) for page in opened]
        tasks = [asyncio.create_task(watch(page, found)) for page, found in zip(pages, arrived)]
        await asyncio.sleep(2)
        before = _cpu_seconds(server)
        await asyncio.sleep(sizes.idle_seconds)
        idle = (_cpu_seconds(server) - before) / sizes.idle_seconds / sizes.pages * 100
        sent = await _write_notes(many, sizes)
        await asyncio.wait(tasks, timeout=_TIMEOUT_SECONDS)
    late = [found[name] - at for found in arrived for name, at in sent.items() if name in found]
    received = sum(len(found) for found in arrived)
    slowest = statistics.quantiles(late, n=100)[98] * 1000
    return [
        Row("an idle page, CPU of the server", [0.01], [max(idle, 1e-9)], 1, "%", "the goal"),
        Row(f"a note on {sizes.pages} pages, 99th percentile", [1000], [slowest], 1, "ms", "the goal"),
        Row("notes that arrived", [sizes.pages * sizes.notes], [received], 1, "", "sent", is_least=True),
    ]


async def _write_notes(many: SampleReview, sizes: Sizes) -> dict[str, float]:
    sent: dict[str, float] = {}
    began = time.perf_counter()
    with requests.Session() as http:
        for number in range(sizes.notes):
            await asyncio.sleep(max(0.0, began + number / sizes.notes_per_second - time.perf_counter()))
            name = f"live {number}"
            sent[name] = time.perf_counter()
            payload = {"object": many.objects[0], "content": name}
            answer = await asyncio.to_thread(
                http.post, f"{many.invitation}/notes", json=payload, timeout=_TIMEOUT_SECONDS
            )
            answer.raise_for_status()
    return sent


def _make_review(server: ServerProcess, folder: Path, project: str, count: int) -> SampleReview:
    session = _create(server, "ReviewSession", name=f"review of {count}", project_id=project)
    invitee = {"name": "Ada Example", "email": "ada@example.com", "review_session_id": session}
    invitee_id = _create(server, "ReviewSessionInvitee", **invitee)
    asset = _create(server, "Asset", name=f"asset {count}", context_id=project)
    objects = [str(uuid4()) for _ in range(count)]
    operations: list[dict[str, Any]] = []
    for number, object_id in enumerate(objects):
        version, own = str(uuid4()), str(uuid4())
        operations += [
            _operation("Asset", id=own, name=f"{asset[:4]} {number}", context_id=project),
            _operation("AssetVersion", id=version, asset_id=own, comment="Held two frames longer."),
            _operation(
                "ReviewSessionObject",
                id=object_id,
                name=f"sh{number:04} animation",
                review_session_id=session,
                version_id=version,
            ),
        ]
        note = {"parent_id": object_id, "parent_type": "ReviewSessionObject", "content": "Lift the chin." * 5}
        operations += [_operation("Note", id=str(uuid4()), **note) for _ in range(NOTES_PER_VERSION)]
    _call(server, operations)
    before = set((folder / "outbox").glob("*.eml"))
    _call(server, [{"action": "send_review_session_invite", "review_session_invitee_id": invitee_id}])
    (mail,) = set((folder / "outbox").glob("*.eml")) - before
    text = mail.read_text("utf-8").replace("=\n", "").replace("=3D", "=")
    key = next(word for word in text.split() if "/review/" in word).rpartition("/")[2]
    query = {"action": "query", "expression": f"select review_url from ReviewSession where id is {session}"}
    link = str(_call(server, [query])[0]["data"][0]["review_url"])
    return SampleReview(link, f"{link.rpartition('/')[0]}/{key}", objects)


def _operation(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


def _create(server: ServerProcess, entity_type: str, **data: Any) -> str:
    entity_id = str(uuid4())
    _call(server, [_operation(entity_type, id=entity_id, **data)])
    return entity_id


def _call(server: ServerProcess, operations: list[dict[str, Any]]) -> Any:
    headers = {**server.headers, "ftrack-strict-api": "true"}
    answer = requests.post(f"{server.url}/api", json=operations, headers=headers, timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer.json()


def _cpu_seconds(server: ServerProcess) -> float:
    """Return the CPU time that the server process has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
