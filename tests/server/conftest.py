"""Plain HTTP and Socket.IO clients that send requests exactly as given."""

import http.client
import json
import shutil
import socket
import subprocess
from contextlib import ExitStack
from urllib.parse import urlsplit

import attrs
import pytest
import requests
import websocket
from doubles.operations import Clock, create
from doubles.reviews import make_review
from doubles.sample_project import fill, opened
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.context import open_server_context
from ft_dcc.session import SERVER_LOCATION_ID


@attrs.frozen
class HttpClient:
    """Plain HTTP to one server, with the credentials of its first user."""

    server: object

    def post(self, *operations, headers=None, body=None):
        """Post the operations (or this very body), strictly, unless the headers say otherwise."""
        sent = {"ftrack-strict-api": "true", **self.server.headers, **(headers or {})}
        content = {"json": list(operations)} if body is None else {"data": body}
        return requests.post(f"{self.server.url}/api", headers=sent, timeout=TIMEOUT_SECONDS, **content)

    def create_component(self, file_type: str = ".mp4") -> str:
        operation = create("FileComponent", name="film", file_type=file_type)
        answer = self.post(operation)
        assert answer.status_code == 200, answer.text
        return str(operation["entity_data"]["id"])

    def announce(self, component_id, size, **more):
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
        answer = requests.put(announced["url"], data=content, headers=announced["headers"], timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200, answer.text
        return component_id

    def publish(self, component_id: str) -> None:
        """Add the component to the location of the server."""
        values = {"component_id": component_id, "resource_identifier": component_id}
        answer = self.post(create("ComponentLocation", location_id=SERVER_LOCATION_ID, **values))
        assert answer.status_code == 200, answer.text

    def send_parts(self, announced, *parts):
        """Upload the parts, and return what their completion says of them."""
        sent = []
        for url, part in zip(announced["urls"], parts):
            answer = requests.put(url["signed_url"], data=part, timeout=TIMEOUT_SECONDS)
            sent.append({"part_number": url["part_number"], "e_tag": answer.headers["ETag"].strip('"')})
        return sent

    def complete(self, announced, parts):
        names = ("component_id", "upload_id")
        operation = {"action": "complete_multipart_upload", **{name: announced[name] for name in names}}
        return self.post({**operation, "parts": parts})

    def get(self, path, component_id, method="GET", **options):
        credentials = self.server.credentials
        query = {"id": component_id, "username": credentials.api_user, "apiKey": credentials.api_key}
        return requests.request(method, f"{self.server.url}{path}", params=query, timeout=TIMEOUT_SECONDS, **options)

    def raw(self, method: str, target: str) -> int:
        """Send the target as it is, dots, percent signs and all, and return the status."""
        address = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=TIMEOUT_SECONDS)
        connection.putrequest(method, target, skip_host=False)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def http_client(server_process):
    return HttpClient(server_process)


@pytest.fixture(scope="session")
def http_client_for() -> type[HttpClient]:
    """``http_client_for(server)`` for a server of one's own."""
    return HttpClient


@pytest.fixture(scope="session")
def stopped_limits() -> str:
    """Return statements for a server whose rate limits do not recover with time."""
    return (
        "from ft_dcc.server.auth.api_keys import Authenticator\n"
        "from ft_dcc.server.http.rate_limit import RequestLimiter\n"
        "from ft_dcc.server.work.budgets import TokenBucket\n"
        "TokenBucket.__init__.__defaults__ = (lambda: 1000.0,)\n"
        "RequestLimiter.__init__.__defaults__ = (600, lambda: 1000.0)\n"
        "Authenticator.__init__.__defaults__ = (None, lambda: 1000.0)\n"
    )


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with open_server_context(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture(scope="module")
def project_server(tmp_path_factory, start_module_server):
    """Start a server with the project Film, and another project that refers to it."""
    folder = tmp_path_factory.mktemp("film")
    server = start_module_server(folder / "data")
    with opened(server) as session:
        fill(session, folder)
    return server


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def review(http_client):
    return make_review(http_client)


@pytest.fixture
def small_disk(tmp_path, mounting):
    """Mount a disk of 80 MiB; the server keeps 64 MiB of it free for its database."""
    return mounting(tmp_path / "disk", "size=80m")


@pytest.fixture
def stopped_studio(tmp_path):
    """Return the folder of a studio with one media file, whose server is stopped."""
    folder = tmp_path / "studio"
    with open_admin(folder) as admin:
        admin.run("keys")
    (folder / "media" / "ab").mkdir(parents=True)
    (folder / "media" / "ab" / ("c" * 62)).write_bytes(b"movie" * 20_000)
    return folder


def _shake_hands(credentials, **changed):
    headers = {"ftrack-user": credentials.api_user, "ftrack-api-key": credentials.api_key, **changed}
    return requests.get(f"{credentials.server_url}/socket.io/1/", headers=headers, timeout=TIMEOUT_SECONDS)


def _open_socket(credentials, sid):
    address = credentials.server_url.replace("http://", "ws://")
    server = urlsplit(credentials.server_url)
    connection = socket.create_connection((str(server.hostname), server.port), timeout=TIMEOUT_SECONDS)
    try:
        return websocket.create_connection(
            f"{address}/socket.io/1/websocket/{sid}",
            timeout=TIMEOUT_SECONDS,
            skip_utf8_validation=True,
            socket=connection,
        )
    except websocket.WebSocketException:
        # A refused handshake leaves the connection open.
        connection.close()
        raise


class SocketIOClient:
    """A minimal Socket.IO client that sends and receives single packets."""

    def __init__(self, credentials):
        self.socket = _open_socket(credentials, _shake_hands(credentials).text.split(":")[0])
        assert self.socket.recv() == "1::"

    def send(self, payload: object, identifier: str = "") -> None:
        self.socket.send(f"5:{identifier}::{json.dumps({'name': 'ftrack.event', 'args': [payload]})}")

    def receive(self) -> str:
        while (packet := self.socket.recv()) == "2::":
            pass
        return str(packet)

    def ask(self, payload):
        """Send an event and return what its acknowledgement says."""
        self.send(payload, "7+")
        prefix, _, outcome = self.receive().partition("7+")
        assert prefix == "6:::"
        return json.loads(outcome)[0]

    def subscribe(self, expression, identifier="s1", **metadata):
        data = {"subscriber": {"id": identifier, **metadata}, "subscription": expression}
        return self.ask({"topic": "ftrack.meta.subscribe", "data": data})

    def event(self):
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
def connect(studio_server, open_socket_client):
    return lambda: open_socket_client(studio_server)


@pytest.fixture
def socket_client(connect):
    return connect()


@pytest.fixture
def open_socket_client():
    """Connect a client to the server of these credentials; it is closed after the test."""
    with ExitStack() as socket_clients:

        def connect(credentials):
            socket_client = SocketIOClient(credentials)
            socket_clients.callback(socket_client.socket.shutdown)
            return socket_client

        yield connect


@pytest.fixture
def shake_hands():
    """Ask for the name of a connection."""
    return _shake_hands


@pytest.fixture
def open_socket():
    """Open the connection of this name."""
    return _open_socket


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Return a certificate for localhost and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate, and it is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files
