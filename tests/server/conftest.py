"""Requests as they go over the wire, without a client that knows better."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import attrs
import pytest
import requests
import websocket

from ft_dcc.server.folder import Credentials


@attrs.frozen
class Wire:
    """Plain HTTP to one server, with the credentials of its first user."""

    server: Any

    def post(self, *operations: Any, headers: dict[str, str] | None = None, body: bytes | None = None) -> Any:
        """Post the operations (or this very body), strictly, unless the headers say otherwise."""
        sent = {"ftrack-strict-api": "true", **self.server.headers, **(headers or {})}
        content = {"json": list(operations)} if body is None else {"data": body}
        return requests.post(f"{self.server.url}/api", headers=sent, timeout=60, **content)

    def create_component(self, file_type: str = ".mp4") -> str:
        data = {"__entity_type__": "FileComponent", "id": str(uuid4()), "name": "film", "file_type": file_type}
        answer = self.post({"action": "create", "entity_type": "FileComponent", "entity_data": data})
        assert answer.status_code == 200, answer.text
        return data["id"]

    def announce(self, component_id: str, size: int, **more: Any) -> Any:
        operation = {
            "action": "get_upload_metadata",
            "component_id": component_id,
            "file_name": "film.mp4",
            "file_size": size,
            **more,
        }
        return self.post(operation).json()[0]

    def upload(self, content: bytes, file_type: str = ".mp4") -> str:
        """Return the id of a new component with these bytes."""
        component_id = self.create_component(file_type)
        announced = self.announce(component_id, len(content))
        answer = requests.put(announced["url"], data=content, headers=announced["headers"], timeout=60)
        assert answer.status_code == 200, answer.text
        return component_id

    def get(self, path: str, component_id: str, method: str = "GET", **options: Any) -> Any:
        credentials = self.server.credentials
        query = {"id": component_id, "username": credentials.api_user, "apiKey": credentials.api_key}
        return requests.request(method, f"{self.server.url}{path}", params=query, timeout=60, **options)

    def raw(self, method: str, target: str) -> int:
        """Send the target as it is, dots, percent signs and all, and return the status."""
        address = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        connection.putrequest(method, target, skip_host=False)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def wire(server_process: Any) -> Wire:
    return Wire(server_process)


@pytest.fixture(scope="session")
def wire_to() -> type[Wire]:
    """``wire_to(server)`` for a server of one's own."""
    return Wire


@pytest.fixture
def start_changed(start_server: Callable[..., Any]) -> Iterator[Callable[[str], Any]]:
    """``start_changed("from ft_dcc.server import silence; silence.SECONDS = 1")``: a server that runs this first."""
    with ExitStack() as started:

        def start(change: str) -> Any:
            usual = start_server()
            usual.stop()
            command = [sys.executable, "-c", f"{change}\nfrom ft_dcc.server.__main__ import main\nmain()"]
            process = subprocess.Popen([*command, "--data", str(usual.data)], stdout=subprocess.PIPE, encoding="utf-8")
            started.enter_context(process)
            started.callback(process.terminate)
            said = "".join(process.stdout.readline() for _ in range(3)) if process.stdout is not None else ""
            return attrs.evolve(usual, process=process, credentials=Credentials.from_environment(said))

        yield start


@pytest.fixture
def mounting() -> Iterator[Callable[[Path, str], Path]]:
    """``mounting(folder, "size=80m")`` puts a disk of its own there, until the test is over."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    with ExitStack() as mounted:

        def put(place: Path, options: str) -> Path:
            place.mkdir(exist_ok=True)
            command = [str(mount), "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
            if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
                pytest.skip("only root on Linux can mount a disk for a test")
            mounted.callback(subprocess.run, [str(umount), "-l", str(place)], check=True)
            return place

        yield put


@pytest.fixture
def small_disk(tmp_path: Path, mounting: Callable[[Path, str], Path]) -> Path:
    """A disk of 80 MiB; the server keeps 64 of them free for its database."""
    return mounting(tmp_path / "disk", "size=80m")


def _shake_hands(credentials: Credentials, **changed: str) -> requests.Response:
    headers = {"ftrack-user": credentials.api_user, "ftrack-api-key": credentials.api_key, **changed}
    return requests.get(f"{credentials.server_url}/socket.io/1/", headers=headers, timeout=10)


def _open_socket(credentials: Credentials, sid: str) -> websocket.WebSocket:
    address = credentials.server_url.replace("http://", "ws://")
    return websocket.create_connection(f"{address}/socket.io/1/websocket/{sid}", timeout=20, skip_utf8_validation=True)


class Peer:
    """A client that speaks packets: what it sees is what is on the wire."""

    def __init__(self, credentials: Credentials) -> None:
        self.socket = _open_socket(credentials, _shake_hands(credentials).text.split(":")[0])
        assert self.socket.recv() == "1::"

    def send(self, payload: object, identifier: str = "") -> None:
        self.socket.send(f"5:{identifier}::{json.dumps({'name': 'ftrack.event', 'args': [payload]})}")

    def receive(self) -> str:
        while (packet := self.socket.recv()) == "2::":
            pass
        return str(packet)

    def ask(self, payload: object) -> dict[str, Any]:
        """Send an event and return what its acknowledgement says."""
        self.send(payload, "7+")
        prefix, _, outcome = self.receive().partition("7+")
        assert prefix == "6:::"
        return json.loads(outcome)[0]

    def subscribe(self, expression: str, identifier: str = "s1", **metadata: str) -> dict[str, Any]:
        subscriber = {"id": identifier, **metadata}
        data = {"subscriber": subscriber, "subscription": expression}
        return self.ask({"topic": "ftrack.meta.subscribe", "data": data})

    def event(self) -> dict[str, Any]:
        packet = self.receive()
        assert packet.startswith("5:::")
        body = json.loads(packet[4:])
        assert body["name"] == "ftrack.event"
        (payload,) = body["args"]
        return payload

    def is_closed(self) -> bool:
        """Whether the server ends the connection."""
        try:
            while self.socket.recv_data()[0] != websocket.ABNF.OPCODE_CLOSE:
                pass
        except (OSError, websocket.WebSocketException):
            pass
        return True


@pytest.fixture
def connect(studio_server: Credentials) -> Iterator[Callable[[], Peer]]:
    opened_peers: list[Peer] = []

    def connect() -> Peer:
        opened_peers.append(Peer(studio_server))
        return opened_peers[-1]

    yield connect
    for peer in opened_peers:
        peer.socket.close()


@pytest.fixture
def peer(connect: Callable[[], Peer]) -> Peer:
    return connect()


@pytest.fixture
def open_peer() -> Callable[[Credentials], Peer]:
    """Connect a client to the server of these credentials."""
    return Peer


@pytest.fixture
def shake_hands() -> Callable[..., requests.Response]:
    """Ask for the name of a connection."""
    return _shake_hands


@pytest.fixture
def open_socket() -> Callable[[Credentials, str], websocket.WebSocket]:
    """Open the connection of this name."""
    return _open_socket
