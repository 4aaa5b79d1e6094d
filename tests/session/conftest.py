"""Sessions, servers and connections for the session's tests."""

import json
from uuid import uuid4

import pytest
from doubles.cut_line import CutLine
from doubles.scripted_server import scripted_server

from ft_dcc.session import Session
from ft_dcc.session.events.event import Event
from ft_dcc.session.events.hub import EventHub
from ft_dcc.session.transfer import transfer
from ft_dcc.session.transport.codec import dumps
from ft_dcc.session.transport.http import Transport


@pytest.fixture
def open_session(studio_server):
    """Open more sessions on the shared server: nothing is known to them but what the server says."""
    opened = []

    def open_one(**arguments):
        url = arguments.pop("server_url", studio_server.server_url)
        opened.append(Session(url, studio_server.api_key, studio_server.api_user, **arguments))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def movie(tmp_path):
    (tmp_path / "film.mov").write_bytes(b"the film")
    return tmp_path / "film.mov"


@pytest.fixture
def version(session, project_shot):
    """Return a version of the asset ``render`` of the shot."""
    asset = session.create("Asset", {"name": "render", "parent": project_shot})
    version = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return version


@pytest.fixture
def small_parts(monkeypatch) -> int:
    """Send large files in parts of 8 KiB; return a size of more than two parts, which makes a file large."""
    monkeypatch.setattr(transfer, "_PART_SIZES", ((128 * 2**20, 8192),))
    return 2 * 8192 + 4099


@pytest.fixture
def sent(monkeypatch):
    """Record the operations of each request that sessions send."""
    requests = []
    post = Transport.post

    def remember(self, operations, recover=None):
        requests.append(json.loads(dumps(operations)))
        return post(self, operations, recover)

    monkeypatch.setattr(Transport, "post", remember)
    return requests


@pytest.fixture
def scripted():
    with scripted_server() as server:
        yield server


@pytest.fixture
def open_hub(studio_server):
    """Open hubs on the shared server; each ends with the test."""
    opened: list[EventHub] = []

    def open_one(*, is_connected=True, **arguments):
        url = arguments.pop("server_url", studio_server.server_url)
        key = arguments.pop("api_key", studio_server.api_key)
        opened.append(EventHub(url, studio_server.api_user, key, **arguments))
        if is_connected:
            opened[-1].connect()
        return opened[-1]

    yield open_one
    for hub in opened:
        hub.close()


@pytest.fixture
def hub(open_hub):
    return open_hub()


@pytest.fixture
def topic() -> str:
    """Return a topic that no other test uses."""
    return f"test.{uuid4().hex}"


@pytest.fixture
def wait_for():
    """Handle a hub's events until something is done; the test's own time limit ends what never is."""

    def wait(hub, is_done):
        while not is_done():
            hub.wait(0.05)

    return wait


@pytest.fixture
def settle(wait_for):
    """Wait until the server has done all that a hub asked of it so far."""

    def settled(hub: EventHub) -> None:
        token, seen = f"settle.{uuid4().hex}", []
        with hub.subscription(f"topic={token}", seen.append):
            hub.publish(Event(token))
            wait_for(hub, lambda: seen)

    return settled


@pytest.fixture
def line(studio_server):
    with CutLine(studio_server.server_url).open() as line:
        yield line
