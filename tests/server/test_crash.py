import os
import sqlite3
import threading
from contextlib import closing
from uuid import uuid4

import pytest
import requests
from doubles.operations import create
from run_options import TIMEOUT_SECONDS, seeded, wait_until

ROUNDS = int(os.environ.get("FT_DCC_CRASH_ROUNDS", "5"))
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
                content = component_id.encode() * (1 + len(self.committed) * 997 % 8_000)
                url = self.http_client.announce(component_id, len(content))["url"]
                if requests.put(url, data=content, timeout=TIMEOUT_SECONDS).status_code == 200:
                    self.uploaded[component_id] = content
        except requests.RequestException:
            return


@pytest.mark.timeout(900)
def test_acknowledged_changes_survive_a_kill_at_any_moment(start_server, http_client_for):
    dice = seeded("crash")
    committed: list[str] = []
    uploaded: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        server, wanted = start_server(), dice.randint(1, 20)
        clients = [Client(http_client_for(server)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: sum(len(found.uploaded) for found in clients) >= wanted, f"{wanted} uploads")  # noqa: B023
        server.process.kill()
        server.process.wait(TIMEOUT_SECONDS)
        for client in clients:
            client.join(TIMEOUT_SECONDS)
            committed += client.committed
            uploaded.update(client.uploaded)

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
    project = http_client.post(create("Project", name=asset)).json()[0]["data"]["id"]
    http_client.post(create("Asset", id=asset, name="film", context_id=project))
    numbers: list[int] = []

    def publish() -> None:
        # Each has a connection of its own; the server alone gives the number.
        response = http_client_for(server_process).post(create("AssetVersion", asset_id=asset)).json()
        numbers.append(response[0]["data"]["version"])

    publishers = [threading.Thread(target=publish) for _ in range(20)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join(TIMEOUT_SECONDS)
    assert sorted(numbers) == list(range(1, 21))


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
    return http_client.post(*(create("Note", content="x" * 50_000) for _ in range(10)))
