"""Test the server with the unmodified official JavaScript client, in Node and in a page of another origin."""

import base64
import json
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from doubles.programs import run_process

from ft_dcc.media import ffmpeg

CLIENT = Path(__file__).parent / "javascript"
EDITED = {
    "batch": [["create", "Task"], ["create", "Project"], ["create", "Shot"]],
    "found": ["animation", "sh010", True, "2026-03-01T12:30:00.000Z"],
    "next": 1,
    "searched": [True],
    "ensured": True,
    "statuses": True,
    "refused": [False, "ServerError", "Task has no attribute 'nothing' (character 8)."],
    "invalid": [True, "ServerValidationError", "A Task needs a parent that exists. Send parent_id."],
    "deleted": True,
    "left": 0,
}
HEARD = {"connected": True, "reply": {"heard": "hello"}, "told": True, "action": "update", "forgotten": True}


@pytest.fixture(scope="module")
def node() -> str:
    program = shutil.which("node")
    if program is None or not (CLIENT / "node_modules").is_dir():
        pytest.skip(f"the official JavaScript client is not installed: npm --prefix {CLIENT} ci")
    return program


@pytest.fixture(scope="module")
def foreign_site(node, tmp_path_factory):
    """Return the URL of a page that has loaded the client, on another origin than the server."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([node, "bundle.mjs", str(folder / "client.js")], cwd=CLIENT, check=True)
    page = '<!doctype html><title>A site</title><script type="module" src="client.js"></script>'
    (folder / "index.html").write_text(page, "utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        """Suppress the request log."""


@pytest.fixture
def page(browser, foreign_site, studio_server):
    page = browser.new_page()
    page.goto(foreign_site)
    page.wait_for_function("() => 'scenario' in window")
    begin = "async (reached) => { const {session, facts} = await scenario.begin(reached); window.session = session; "
    facts = page.evaluate(begin + "return facts; }", reached_at(studio_server))
    assert facts["key_of_metadata"] == ["parent_id", "key"]
    yield page
    page.close()


def reached_at(server):
    return {"server": server.server_url, "user": server.api_user, "key": server.api_key}


def unused_name() -> str:
    return f"javascript_{uuid4().hex[:8]}"


def without_project(edited):
    return {name: value for name, value in edited.items() if name != "project"}


def test_node_client_edits_and_receives_events(node, studio_server):
    asked = json.dumps({**reached_at(studio_server), "name": unused_name()})
    done = run_process(node, "in_node.mjs", cwd=CLIENT, input=asked)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["begun"]["version"] == "4.13.0"
    assert told["begun"]["wrong_key"] == "ServerError"
    assert without_project(told["edited"]) == EDITED
    assert told["heard"] == HEARD


def test_page_of_another_origin_edits_and_receives_events(page):
    edited = page.evaluate("(name) => scenario.edit(session, name)", unused_name())
    assert without_project(edited) == EDITED
    assert page.evaluate("(project) => scenario.listen(session, project)", edited["project"]) == HEARD


def test_page_of_another_origin_uploads_in_one_request_and_in_parts(page):
    told = page.evaluate("() => scenario.upload(session)")
    assert told["whole"] == {
        "name": ["movie é", ".mov", 300_000],
        "location": True,
        "progress": [True, 100],
        "same": True,
    }
    assert told["inParts"] == {**told["whole"], "name": ["movie é", ".mov", 5_000_000]}


def test_cancelled_upload_creates_no_server_component(page):
    # On a line that is slow enough for the page to give up before all has arrived.
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    line.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 10_000_000})
    try:
        told = page.evaluate("() => scenario.giveUp(session)")
    finally:
        line.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": -1})
        line.detach()
    assert told == {"aborted": True, "places": 0, "status": 404}


def test_page_of_another_origin_shows_thumbnails_and_encodes_media(page, tmp_path):
    image = tmp_path / "frame.png"
    command = [ffmpeg.find(), "-v", "error", "-f", "lavfi", "-i", "testsrc=size=640x360", "-frames:v", "1"]
    subprocess.run([*command, str(image)], check=True)
    content = base64.b64encode(image.read_bytes()).decode("ascii")
    told = page.evaluate("(bytes) => scenario.encode(session, bytes)", content)
    assert told == {"thumbnail": [200, "image/jpeg", 100, 56], "placeholder": 200, "status": "done"}
