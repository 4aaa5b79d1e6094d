"""Published documents of the API: where they are beside this repository, every block of code in them runs."""

import functools
import json
import re
import subprocess
import tempfile
import textwrap
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest
import requests
from doubles.command_line import environment
from doubles.numbered_images import run_ffmpeg
from run_options import TIMEOUT_SECONDS, wait_until

import ft_dcc
from ft_dcc.media import probe
from ft_dcc.session import Session

DOCUMENTS = Path(__file__).resolve().parents[3] / "shared" / "seeds"
WEB_REVIEW, VERSIONS, QUICK_DIVE, REVIEWS = (
    *("001_87ab472fce574a0c.txt", "002_7c343a19feae3bde.txt", "003_c664d486628aeaf6.txt", "004_9c5842b3cd748439.txt"),
)
pytestmark = pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="the published documents are not beside this repository")


def blocks_of(name):
    """Return the blocks of code of a document: fenced ones, and those of reStructuredText."""
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    fenced = r"^```python\n(?P<fenced>.*?)^```"
    indented = r"^\.\. code-block:: python\n\n(?P<indented>(?:    [^\n]*(?:\n|\Z)|[ ]*\n)+)"
    found = re.finditer(f"{fenced}|{indented}", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(match["fenced"] or match["indented"]).strip() + "\n" for match in found]


@functools.cache
def movie():
    """Return the bytes of a film of 12 images, as an editor exports it: no browser plays it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mov")
        run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=24:duration=0.5", "-c:v", "mpeg4", path)
        return path.read_bytes()


@attrs.define
class ExampleStudio:
    """A studio with what the documents take for granted; ``official`` evaluates Python with the official client."""

    server: object
    session: object
    names: dict
    official: object

    def run(self, code):
        """Run a block, with nothing changed but the import, and return the names that there are after it."""
        changed = code.replace("import ftrack_api", "import ft_dcc as ftrack_api")
        self.names.setdefault("ftrack_api", ft_dcc)
        exec(compile(changed, "document", "exec"), self.names)  # noqa: S102
        return self.names

    def bytes_of(self, component_id):
        parameters = {"id": component_id, "username": self.session.api_user, "apiKey": self.session.api_key}
        address = f"{self.server.url}/component/get"
        return requests.get(address, params=parameters, timeout=TIMEOUT_SECONDS).content

    def films_in(self, review, folder):
        """Return what plays on the page of a review session, once the server has encoded all that it was asked for."""
        jobs = "select id from Job where status in (queued, running)"
        wait_until(lambda: not self.session.query(jobs).all(), "the end of the jobs")
        link = self.session.query(f'select review_url from ReviewSession where name is "{review}"').one()["review_url"]
        found = []
        for entry in requests.get(f"{link}/data", timeout=TIMEOUT_SECONDS).json()["entries"]:
            path = folder / f"{entry['id']}.mp4"
            details = requests.get(f"{link}/entries/{entry['id']}", timeout=TIMEOUT_SECONDS).json()
            path.write_bytes(requests.get(f"{link}/{details['film']['url']}", timeout=TIMEOUT_SECONDS).content)
            found.append(probe(path))
        return found


# Evaluates each line with a session of its own.
OFFICIAL = """
import json, sys, ftrack_api
for line in sys.stdin:
    print(json.dumps(eval(line, {"session": ftrack_api.Session()})), flush=True)
"""


@pytest.fixture(scope="module")
def shared_studio(start_module_server, official_python, tmp_path_factory):
    server = start_module_server()
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        for name, value in environment(server).items():
            patch.setenv(name, value)
        patch.setenv("FTRACK_API_SCHEMA_CACHE_PATH", str(tmp_path_factory.mktemp("schemas")))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
        program = opened.enter_context(subprocess.Popen([str(official_python), "-c", OFFICIAL], **pipes))

        def official(expression):
            print(expression, file=program.stdin, flush=True)
            return json.loads(program.stdout.readline())

        session = opened.enter_context(Session())
        yield ExampleStudio(server, session, {"session": session, **furnish(session)}, official)


@pytest.fixture
def studio(shared_studio):
    """Return the studio with names that no other test has changed."""
    return attrs.evolve(shared_studio, names={**shared_studio.names})


def furnish(session):
    """Create what the documents name without creating it."""
    schema = session.query("ProjectSchema").first()
    projects = [
        session.create("Project", {"name": name, "full_name": name, "project_schema": schema})
        for name in ("MyProject", "My Project")
    ]
    shot = session.create("Shot", {"name": "sh010", "parent": projects[0]})
    task = session.create("Task", {"id": "task_id", "name": "animation", "parent": shot})
    asset = session.create("Asset", {"name": "scene_001", "parent": shot, "type": session.query("AssetType").first()})
    ada = {"username": "ada", "first_name": "Ada", "last_name": "Example", "email": "ada@example.com"}
    user = session.create("User", ada)
    session.commit()
    return {"project": projects[0], "task": task, "asset": asset, "user": user}


@pytest.fixture
def files():
    """Create the files that the documentation names."""
    wanted = [Path("/path/to/file.mov"), Path("/path/to/media.mp4"), Path("/path/to/your/media/file.mp4")]
    if Path("/path").exists():
        pytest.skip("there is a folder /path on this machine already, which is not written to")
    try:
        for path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(movie())
    except OSError as error:
        pytest.skip(f"the documents publish files of /path/to, which cannot be made here: {error}")
    yield
    for path in wanted:
        path.unlink()
    for folder in ("/path/to/your/media", "/path/to/your", "/path/to", "/path"):
        Path(folder).rmdir()


@pytest.fixture
def sites(studio, monkeypatch):
    """Redirect the documentation's sites to the test server, with the documented user and key."""
    send = requests.adapters.HTTPAdapter.send
    addresses = re.compile(r"https://(?:yourcompany\.ftrackapp\.com|your\.ftrack\.server)")

    def send_here(self, request, **arguments):
        if addresses.match(request.url):
            assert request.headers["ftrack-user"] == "your_username"
            assert request.headers["ftrack-api-key"] == "your_api_key"
            request.url = addresses.sub(studio.server.url, request.url)
            request.headers.update(studio.server.headers)
        return send(self, request, **arguments)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send_here)


def test_every_code_block_is_found():
    counts = {path.name: len(blocks_of(path.name)) for path in sorted(DOCUMENTS.glob("*.txt"))}
    assert list(counts.values()) == [0, 7, 1, 3, 4]


def test_session_accepts_the_documented_arguments(studio, sites):
    for block in (blocks_of(WEB_REVIEW)[0], blocks_of(QUICK_DIVE)[0]):
        session = studio.run(block)["session"]
        assert session.server_information["version"]
        session.close()


def test_review_session_is_created_and_media_is_added(studio, files, tmp_path):
    _, review, media, *_ = blocks_of(WEB_REVIEW)
    studio.run(review)
    assert studio.official(
        "[(each['name'], each['description'], each['is_open'], each['project']['name'])"
        " for each in session.query('ReviewSession where name is \"Dailies Review\"')]"
    ) == [["Dailies Review", "Weekly dailies review session", True, "Reviews"]]
    names = studio.run(media)
    assert studio.official(
        "[(each['name'], each['description'], each['review_session']['name'], each['asset_version']['asset']['name'],"
        " [(one['name'], one['file_type'], one['size']) for one in each['asset_version']['components']"
        " if one['name'] == 'movie']) for each in session.query('ReviewSessionObject where name is Scene_001_v001')]"
    ) == [
        [
            *("Scene_001_v001", "First version of Scene 001", "Dailies Review", "Scene_001"),
            [["movie", ".mp4", len(movie())]],
        ]
    ]
    assert studio.bytes_of(names["media_component"]["id"]) == movie()
    assert on_the_server(studio, names["media_component"]["id"])
    # "The media will be uploaded and encoded for web playback": it plays where people review it.
    (shown,) = studio.films_in("Dailies Review", tmp_path)
    assert (shown.codec, shown.frame_count, shown.fps) == ("h264", 12, 24)


def on_the_server(studio, component_id):
    asked = f"session.get_component_availability(session.get('FileComponent', '{component_id}'))"
    return studio.official(asked)["3a372bde-05bc-11e4-8908-20c9d081909b"] == 100.0


def test_asset_version_gets_a_movie(studio, files):
    names = studio.run(blocks_of(WEB_REVIEW)[3])
    assert studio.official(
        "[(each['version'], each['comment'], each['asset']['name'], each['task']['name'],"
        " [one['name'] for one in each['components'] if one['name'] == 'movie'])"
        " for each in session.query('AssetVersion where comment is \"For review\"')]"
    ) == [[1, "For review", "scene_001", "animation", ["movie"]]]
    assert studio.bytes_of(names["component"]["id"]) == movie()
    assert on_the_server(studio, names["component"]["id"])


def test_publishing_workflow_runs(studio, files, tmp_path):
    studio.run(blocks_of(WEB_REVIEW)[4])
    rows = studio.official(
        "[(each['review_session']['name'], each['review_session']['project']['name'],"
        " each['review_session']['is_open'], each['name'],"
        " [one['id'] for one in each['asset_version']['components'] if one['name'] == 'movie'])"
        " for each in session.query('ReviewSessionObject where name is shot_001_v001')]"
    )
    assert [each[:4] for each in rows] == [["Weekly Review", "MyProject", True, "shot_001_v001"]]
    assert [studio.bytes_of(component_id) for component_id in rows[0][4]] == [movie()]
    assert [each.codec for each in studio.films_in("Weekly Review", tmp_path)] == ["h264"]


def test_server_error_is_an_api_error(studio, capsys):
    block = blocks_of(WEB_REVIEW)[5]
    studio.run(block)
    assert capsys.readouterr().out == ""
    broken = block.replace("session.commit()", "session.call({'action': 'fly'})")
    studio.run(broken)
    assert capsys.readouterr().out.startswith("API Error: Server reported error: ValidationError(Invalid action u'fly'")


def test_private_review_is_closed_to_shareable_links(studio):
    studio.run(blocks_of(WEB_REVIEW)[6])
    assert studio.official(
        "[(each['name'], each['shareable_url_enabled'], each['project']['name'],"
        " [(one['name'], one['email'], one['last_sent_at']) for one in each['review_session_invitees']])"
        " for each in session.query('ReviewSession where name is \"Private Review\"')]"
    ) == [["Private Review", False, "MyProject", [["Ada Example", "ada@example.com", None]]]]


def test_version_of_a_task_is_published(studio, sites, files):
    names = studio.run(blocks_of(VERSIONS)[0])
    rows = studio.official(
        "[(each['version'], each['comment'], each['task']['id'], each['asset']['name'],"
        " each['asset']['parent']['name'],"
        " [one['id'] for one in each['components'] if one['name'] == 'Main Component'])"
        " for each in session.query('AssetVersion where comment is \"Initial version\"')]"
    )
    assert [each[:5] for each in rows] == [[1, "Initial version", "task_id", "animation", "sh010"]]
    assert [studio.bytes_of(component_id) for component_id in rows[0][5]] == [movie()]
    names["session"].close()


def test_projects_are_queried_and_the_hub_is_connected(studio, capsys):
    _, query, hub = blocks_of(QUICK_DIVE)
    studio.run(query)
    assert {"MyProject", "My Project"} <= set(capsys.readouterr().out.splitlines())
    studio.run(hub)
    assert studio.session.event_hub.connected


def test_review_is_created_filled_commented_and_closed(studio, capsys):
    create, add, comments, close = blocks_of(REVIEWS)
    session = studio.session
    # The document takes the only version 1.
    for other in session.query("AssetVersion"):
        session.delete(other)
    session.commit()
    task, kind = studio.names["task"], studio.names["asset"]["type"]
    asset = session.create("Asset", {"name": "concept", "parent": task["parent"], "type": kind})
    version = session.create("AssetVersion", {"asset": asset, "task": task})
    session.commit()
    names = studio.run(create)
    names["session"].auto_populate = True
    studio.run(add)
    assert studio.official(
        "[(each['review_session']['name'], each['review_session']['project']['name'],"
        " each['review_session']['description'], each['version_id'])"
        " for each in session.query('ReviewSessionObject where review_session.name is \"Concept Art Review\"')]"
    ) == [["Concept Art Review", "My Project", "Review of concept art for upcoming characters.", version["id"]]]
    studio.official(
        "[session.query('ReviewSessionObject where review_session.name is \"Concept Art Review\"').one()"
        ".create_note(text, session.query('User').first())['id']"
        " for text in ('Lift the chin.', 'Good.')] and session.commit()"
    )
    studio.run(comments)
    assert sorted(capsys.readouterr().out.splitlines()) == ["Good.", "Lift the chin."]
    studio.run(close)
    assert (
        studio.official("session.query('ReviewSession where name is \"Concept Art Review\"').one()['is_open']") is False
    )
    with pytest.raises(ft_dcc.errors.ReviewSessionClosed, match="Concept Art Review is closed"):
        studio.run(add)
    names["session"].close()
