from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from uuid import uuid4

import attrs
import pytest
import requests

from ft_dcc.server.database.data_folder import Credentials

ROUNDS = int(os.environ.get("FT_DCC_CRASH_ROUNDS", "25"))
CLIENTS = 8


class Client(threading.Thread):
    """Commits and uploads until the server is gone, and remembers what was acknowledged."""

    def __init__(self, http_client) -> None:
        super().__init__(daemon=True)
        self.http_client = http_client
        self.committed: list[str] = []
        self.uploaded: dict[str, bytes] = {}

    def run(self) -> None:
        try:
            while True:
                component_id = self.http_client.create_component()
                self.committed.append(component_id)
                content = uuid4().bytes * random.randint(1, 20_000)
                url = self.http_client.announce(component_id, len(content))["url"]
                if requests.put(url, data=content, timeout=60).status_code == 200:
                    self.uploaded[component_id] = content
        except requests.RequestException:
            return


# It has loaded everything, and becomes a server as often as a line comes: to load it takes longer than a round.
FORKING = """
import os, sys
from ft_dcc.server.__main__ import main
for line in sys.stdin:
    if (pid := os.fork()) == 0:
        print(os.getpid(), flush=True)
        main()
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


@attrs.frozen
class Forked:
    """A process that its parent knows how to wait for."""

    pid: int
    parent: subprocess.Popen[str]

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float) -> None:
        assert self.parent.stdout.readline() == "ended\n"


def servers(start_server):
    """Yield a server for each round, on the folder of the one before, which was killed."""
    first = start_server()
    yield first
    if not hasattr(os, "fork"):
        yield from (start_server() for _ in range(ROUNDS - 1))
        return
    command = [sys.executable, "-c", FORKING, "--data", str(first.data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as parent:
        for _ in range(ROUNDS - 1):
            parent.stdin.write("\n")
            parent.stdin.flush()
            pid, *lines = (parent.stdout.readline() for _ in range(4))
            server = Forked(int(pid), parent)
            try:
                yield attrs.evolve(first, process=server, credentials=Credentials.from_environment("".join(lines)))
            finally:
                server.kill()


@pytest.mark.timeout(900)
def test_acknowledged_changes_survive_a_kill_at_any_moment(start_server, http_client_for):
    committed: list[str] = []
    uploaded: dict[str, bytes] = {}
    for server in servers(start_server):
        clients = [Client(http_client_for(server)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(random.uniform(0.05, 0.5))
        server.process.kill()
        server.process.wait(timeout=30)
        for client in clients:
            client.join(60)
            committed += client.committed
            uploaded.update(client.uploaded)
    assert len(committed) > ROUNDS
    assert len(uploaded) > ROUNDS

    server = start_server()
    http_client = http_client_for(server)
    answer = http_client.post({"action": "query", "expression": "select id from FileComponent limit 1000000"}).json()
    stored = {component["id"] for component in answer[0]["data"]}
    assert set(committed) - stored == set()
    for component_id, content in uploaded.items():
        assert http_client.get("/component/get", component_id).content == content
    assert list((server.data / "incoming").iterdir()) == []
    server.stop()
    with closing(sqlite3.connect(server.data / "studio.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_twenty_concurrent_publishes_get_twenty_version_numbers(server_process, http_client_for):
    http_client, asset = http_client_for(server_process), str(uuid4())
    project = http_client.post(_created("Project", name=asset)).json()[0]["data"]["id"]
    http_client.post(_created("Asset", asset, name="film", context_id=project))
    numbers: list[int] = []

    def publish() -> None:
        # Each has a connection of its own; the server alone gives the number.
        response = http_client_for(server_process).post(_created("AssetVersion", asset_id=asset)).json()
        numbers.append(response[0]["data"]["version"])

    publishers = [threading.Thread(target=publish) for _ in range(20)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join(60)
    assert sorted(numbers) == list(range(1, 21))


def _created(entity_type, entity_id=None, **data):
    data = {"__entity_type__": entity_type, "id": entity_id or str(uuid4()), **data}
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


def test_commit_on_a_full_disk_fails_and_keeps_existing_data(small_disk, start_server, http_client_for):
    http_client = http_client_for(start_server(small_disk / "studio"))
    before = http_client.create_component()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"x" * 4096)
    refused = [_create_notes(http_client) for _ in range(20)]
    assert refused[-1].status_code == 507
    assert refused[-1].json()["exception"] == "StorageFull"
    found = http_client.post({"action": "query", "expression": f'select id from FileComponent where id is "{before}"'})
    assert [component["id"] for component in found.json()[0]["data"]] == [before]
    filler.unlink()
    assert _create_notes(http_client).status_code == 200


def _create_notes(http_client):
    notes = [{"__entity_type__": "Note", "id": str(uuid4()), "content": "x" * 50_000} for _ in range(10)]
    return http_client.post(*({"action": "create", "entity_type": "Note", "entity_data": note} for note in notes))
