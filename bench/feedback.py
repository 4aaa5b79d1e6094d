"""Measure how fast feedback arrives by the event hub, and how long a task with 2,000 notes takes to read."""

from __future__ import annotations

import queue
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from bench.session import serve_studio
from bench.table import Row, print_table
from ft_dcc.production.tasks import ensure_task
from ft_dcc.review import feedback
from ft_dcc.session import Session, operations

NOTES, VERSIONS, NOTES_PER_VERSION, READS = 50, 200, 10, 5
MAX_ARRIVAL_MS, MAX_READ_MS = 1000.0, 5000.0
_ARRIVAL_TIMEOUT_SECONDS = 30


def run(*, is_small: bool = False) -> bool:
    """Print the table and return whether every goal is reached."""
    count = NOTES // 5 if is_small else NOTES
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as folder, serve_studio(Path(folder)) as environment:
        account = (environment["FTRACK_SERVER"], environment["FTRACK_API_KEY"], environment["FTRACK_API_USER"])
        with Session(*account) as reader, Session(*account) as writer:
            task = ensure_task(writer, "Bench/SQ010/SH010/Animation")
            version_id = _fill(writer, task["id"], task["parent_id"])
            arrivals = _measure_arrivals(reader, writer, version_id, count)
            reads = [_measure_read(reader, task["id"]) for _ in range(READS)]
    limits = {"peer": "limit", "goal": 1.0}
    return print_table(
        [
            Row(
                f"note to callback by the event hub, {count} notes, median",
                [MAX_ARRIVAL_MS] * count,
                arrivals,
                **limits,
            ),
            Row("the same, slowest", [MAX_ARRIVAL_MS], [max(arrivals)], **limits),
            Row(f"read {VERSIONS} versions with 2,000 notes", [MAX_READ_MS] * READS, reads, **limits),
        ]
    )


def _fill(session: Session, task_id: str, shot_id: str) -> str:
    """Create versions with notes and return the id of one."""
    asset_id, asset_type = str(uuid4()), session.query("AssetType").first()["id"]
    session.call(
        [operations.create("Asset", {"id": asset_id, "name": "main", "context_id": shot_id, "type_id": asset_type})]
    )
    ids = [str(uuid4()) for _ in range(VERSIONS)]
    versions = [
        {"id": version_id, "asset_id": asset_id, "task_id": task_id, "version": number}
        for number, version_id in enumerate(ids, start=1)
    ]
    session.call([operations.create("AssetVersion", version) for version in versions])
    session.call([_note_op(version_id) for version_id in ids for _ in range(NOTES_PER_VERSION)])
    return ids[0]


def _note_op(version_id: str) -> dict[str, object]:
    note = {"id": str(uuid4()), "content": "Lift the chin.", "parent_id": version_id, "parent_type": "AssetVersion"}
    return operations.create("Note", note)


def _measure_arrivals(reader: Session, writer: Session, version_id: str, count: int) -> list[float]:
    """Return the milliseconds from the request that writes a note to the callback, for each note."""
    arrived: queue.Queue[float] = queue.Queue()
    feedback.watch(reader, lambda: arrived.put(time.perf_counter()))
    _wait_until_connected(reader)
    found = []
    for _ in range(count):
        began = time.perf_counter()
        writer.call([_note_op(version_id)])
        found.append((arrived.get(timeout=_ARRIVAL_TIMEOUT_SECONDS) - began) * 1000)
    return found


def _wait_until_connected(session: Session) -> None:
    until = time.monotonic() + _ARRIVAL_TIMEOUT_SECONDS
    while not session.event_hub.connected:
        if time.monotonic() > until:
            raise SystemExit("The event hub does not connect.")
        time.sleep(0.01)


def _measure_read(session: Session, task_id: str) -> float:
    began = time.perf_counter()
    versions = list(feedback.of_task(session, task_id))
    assert len(versions) == VERSIONS
    return (time.perf_counter() - began) * 1000
