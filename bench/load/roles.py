"""The people and programs of a studio: ``python -m bench.load.roles ROLE`` reads a plan from stdin and prints JSON.

Each role runs in a process of its own. It prints ``ready`` when all of its people are connected, begins when it reads a
line, and reports the milliseconds of the steps and what failed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from websockets.asyncio.client import connect

from ft_dcc.event_protocol import socketio_v09
from ft_dcc.session import Session, operations
from ft_dcc.session.transfer import storage_requests, transfer

Plan = dict[str, Any]
Step = Callable[[], None]
# Waits until all people may begin, and returns the time at which they end.
Begin = Callable[[], float]
_TIMEOUT_SECONDS, _START_TIMEOUT_SECONDS = 60, 300
_RANGE_BYTES = 256 << 10
# Seconds between two steps of a person or program.
_RANGE_PAUSE, _QUERY_PAUSE, _EVENT_PAUSE = 1.0, 0.5, 0.5
_TOPIC = "bench.tick"


class Record:
    """What the threads of a role report."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def measure(self, step: Step) -> None:
        """Run a step and record its duration or its failure."""
        began = time.perf_counter()
        try:
            step()
        except Exception as error:  # noqa: BLE001  every failure is a result
            with self._lock:
                self.failures.append(f"{type(error).__name__}: {error}"[:200])
        else:
            with self._lock:
                self.took.append((time.perf_counter() - began) * 1000)


def artists(plan: Plan) -> Record:
    """Publish one movie each, all at once: three parts, then one transaction; the bytes are compared by their size."""
    record = Record()

    def publish(number: int, begin: Begin) -> None:
        name, key = plan["users"][number % len(plan["users"])]
        with Session(plan["url"], key, name, schema_cache_path=plan["cache"]) as session:
            begin()
            record.measure(lambda: _publish(session, plan, number))

    _run_threads(plan, publish)
    return record


def _publish(session: Session, plan: Plan, number: int) -> None:
    source = storage_requests.UploadBody(Path(plan["movie"]))
    component, version = str(uuid4()), str(uuid4())
    announcement = {
        "action": "get_upload_metadata",
        "component_id": component,
        "file_name": "movie.mp4",
        "file_size": source.size,
        "parts": transfer.count_for(source.size),
    }
    transfer.send_parts(session, source, announcement, None, None)
    asset = {"id": str(uuid4()), "name": f"{plan['run']} {number}", "context_id": plan["shots"][number]}
    movie = {
        "id": component,
        "name": "ftrackreview-mp4",
        "file_type": ".mp4",
        "version_id": version,
        "size": source.size,
    }
    session.call(
        [
            operations.create("Asset", asset),
            operations.create("AssetVersion", {"id": version, "asset_id": asset["id"], "comment": "For review."}),
            operations.create("FileComponent", movie),
            operations.add_to_server_location(component),
            operations.create("ReviewSessionObject", {"review_session_id": plan["review"], "version_id": version}),
        ]
    )


def reviewers(plan: Plan) -> Record:
    """Read a movie of the review page in ranges, one each second."""
    record = Record()

    def play(number: int, begin: Begin) -> None:
        chance = random.Random(number)  # noqa: S311  no secret
        with requests.Session() as http:
            end = begin()
            time.sleep(chance.random() * _RANGE_PAUSE)
            while time.time() < end:
                first = chance.randrange(plan["size"] - _RANGE_BYTES)
                record.measure(partial(_read_range, http, plan["media"], first))
                time.sleep(_RANGE_PAUSE)

    _run_threads(plan, play)
    return record


def _read_range(http: requests.Session, url: str, first: int) -> None:
    headers = {"Range": f"bytes={first}-{first + _RANGE_BYTES - 1}"}
    answer = http.get(url, headers=headers, timeout=_TIMEOUT_SECONDS)
    if answer.status_code != 206 or len(answer.content) != _RANGE_BYTES:
        raise ValueError(f"Status {answer.status_code}, {len(answer.content)} bytes.")


def scripts(plan: Plan) -> Record:
    """Query a large project in turns: one entity, a page with relations, and names with a pattern."""
    record = Record()

    def query(number: int, begin: Begin) -> None:
        name, key = plan["users"][number % len(plan["users"])]
        headers = {"ftrack-user": name, "ftrack-api-key": key, "ftrack-strict-api": "true"}
        expressions = plan["expressions"][number:] + plan["expressions"][:number]
        with requests.Session() as http:
            http.headers.update(headers)
            end = begin()
            time.sleep(number * _QUERY_PAUSE / plan["count"])
            while time.time() < end:
                expressions.append(expressions.pop(0))
                record.measure(lambda: _query(http, plan["url"], expressions[-1]))
                time.sleep(_QUERY_PAUSE)

    _run_threads(plan, query)
    return record


def _query(http: requests.Session, url: str, expression: str) -> None:
    body = [{"action": "query", "expression": expression}]
    answer = http.post(f"{url}/api", json=body, timeout=_TIMEOUT_SECONDS).json()
    if not isinstance(answer, list) or not answer[0]["data"]:
        raise ValueError(str(answer)[:200])


def hub(plan: Plan) -> Record:
    """Subscribe many clients to a topic, publish events in a steady pace, and count what arrives at each client.

    The publisher is one of the clients, of which a server accepts a thousand.
    """
    plan = {**plan, "count": plan["count"] - 1}
    return asyncio.run(_hub(plan))


async def _hub(plan: Plan) -> Record:
    record, ready = Record(), [asyncio.Event() for _ in range(plan["count"])]
    expected = int(plan["seconds"] / _EVENT_PAUSE)

    async def listen(number: int) -> None:
        received = 0
        async with connect(await _hub_address(plan, number), ping_interval=None, open_timeout=_TIMEOUT_SECONDS) as page:
            subscriber = {"id": str(uuid4()), "applicationId": f"bench {number}"}
            subscription = {"subscriber": subscriber, "subscription": f"topic={_TOPIC}"}
            await page.send(_event("ftrack.meta.subscribe", subscription, "1+"))
            while received < expected:
                packet = socketio_v09.parse(str(await page.recv()))
                if packet.code == socketio_v09.ACKNOWLEDGE:
                    ready[number].set()
                elif packet.code == socketio_v09.HEARTBEAT:
                    await page.send(str(socketio_v09.Packet(socketio_v09.HEARTBEAT)))
                elif packet.code == socketio_v09.EVENT and packet.payload()["topic"] == _TOPIC:
                    received += 1
                    record.took.append((time.time() - packet.payload()["data"]["at"]) * 1000)

    tasks = [asyncio.create_task(listen(number)) for number in range(plan["count"])]
    for event in ready:
        await asyncio.wait_for(event.wait(), _START_TIMEOUT_SECONDS)
    async with connect(await _hub_address(plan, 0), ping_interval=None) as publisher:
        await asyncio.to_thread(_wait_for_start)
        for _ in range(expected):
            await publisher.send(_event(_TOPIC, {"at": time.time()}))
            await asyncio.sleep(_EVENT_PAUSE)
        done, late = await asyncio.wait(tasks, timeout=_TIMEOUT_SECONDS)
    for task in late:
        task.cancel()
    record.failures += [str(task.exception()) for task in done if task.exception() is not None]
    record.failures += ["An event did not arrive."] * (plan["count"] * expected - len(record.took))
    return record


async def _hub_address(plan: Plan, number: int) -> str:
    name, key = plan["users"][number % len(plan["users"])]
    headers = {"ftrack-user": name, "ftrack-api-key": key}
    answer = await asyncio.to_thread(
        requests.get, f"{plan['url']}/socket.io/1/", headers=headers, timeout=_TIMEOUT_SECONDS
    )
    answer.raise_for_status()
    return f"{plan['url'].replace('http', 'ws', 1)}/socket.io/1/websocket/{answer.text.partition(':')[0]}"


def _event(topic: str, data: dict[str, Any], packet_id: str = "") -> str:
    source = {"id": str(uuid4()), "applicationId": "bench"}
    payload = {"id": str(uuid4()), "topic": topic, "data": data, "target": "", "inReplyToEvent": None}
    return socketio_v09.event_packet({**payload, "source": source}, packet_id)


def _run_threads(plan: Plan, work: Callable[[int, Begin], None]) -> None:
    barrier = threading.Barrier(plan["count"] + 1, timeout=_START_TIMEOUT_SECONDS)

    def begin() -> float:
        barrier.wait()
        barrier.wait()
        return time.time() + float(plan["seconds"])

    threads = [threading.Thread(target=work, args=(number, begin)) for number in range(plan["count"])]
    for thread in threads:
        thread.start()
    barrier.wait()
    _wait_for_start()
    barrier.wait()
    for thread in threads:
        thread.join()


def _wait_for_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


ROLES: dict[str, Callable[[Plan], Record]] = {
    "artists": artists,
    "reviewers": reviewers,
    "scripts": scripts,
    "hub": hub,
}


def main() -> None:
    """Run the role that is named on the command line."""
    record = ROLES[sys.argv[1]](json.loads(sys.stdin.readline()))
    print(json.dumps({"took": record.took, "failures": record.failures}))


if __name__ == "__main__":
    main()
