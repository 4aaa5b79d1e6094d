"""Internal notes never reach a guest: each route of the review page is tried, with each id that a guest could know."""

import io
import json
import zipfile
from types import SimpleNamespace
from uuid import uuid4

import pytest
import requests
from doubles.operations import create, keyed, update
from doubles.pdf_text import text_of
from doubles.reviews import make_review, say, see
from run_options import TIMEOUT_SECONDS
from server.test_home import signed_in
from server.test_review_live import LivePage
from starlette.routing import Route

from ft_dcc.server.app import make_app
from ft_dcc.server.context import open_server_context
from ft_dcc.server.review import exports, feedback

SECRET, COUNT = "penguin", 50
PREFIX = "/review/{review_session_id}/{key}"
SHAPE = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0, 0, 0.5], [1, 1, 0.5]]}


@pytest.fixture
def review(http_client):
    return make_review(http_client, has_media=True)


def note_operations(review, note_id, label, **more):
    place = {"parent_id": review.object, "parent_type": "ReviewSessionObject"}
    note = create("Note", **{"id": note_id, "content": f"{SECRET} {note_id}", **place, **more})
    return [note, keyed("NoteLabelLink", note_id=note_id, label_id=label)] if label else [note]


@pytest.fixture
def internal(review):
    """Write internal notes by API and by the page, a reply to one, and one with a drawing and a file."""
    found = SimpleNamespace(label=str(uuid4()), ids=[str(uuid4()) for _ in range(COUNT)], reply=str(uuid4()))
    operations = [create("NoteLabel", id=found.label, name=" INTERNAL")]
    for note_id in found.ids[1:]:
        operations += note_operations(review, note_id, found.label)
    operations += note_operations(review, found.reply, "", in_reply_to_id=found.ids[1])
    answer = review.http_client.post(*operations)
    assert answer.status_code == 200, answer.text
    server = review.http_client.server
    with signed_in(server, server.credentials.api_user, server.credentials.api_key) as user:
        link = f"{server.url}/review/{review.session}/studio"
        files = {"params": {"name": f"{SECRET}.png"}, "data": SECRET.encode(), "timeout": TIMEOUT_SECONDS}
        found.file = user.post(f"{link}/attachments", **files).json()
        drawn = {"frame": 1, "drawing": [SHAPE], "labels": [found.label], "files": [found.file["token"]]}
        note = {"object": review.object, "id": found.ids[0], "content": f"{SECRET} drawn", **drawn}
        assert user.post(f"{link}/notes", json=note, timeout=TIMEOUT_SECONDS).status_code == 200
        text = user.get(f"{link}/entries/{review.object}", timeout=TIMEOUT_SECONDS).text
        assert text.count(SECRET) == COUNT + 2  # A file of the first one has the word in its name.
    return found


@pytest.fixture
def paths(tmp_path, review, internal):
    """Return method and path of each route below a link, with all values of its parameters that a guest may try."""
    values = {
        "object_id": [review.object],
        "component_id": [review.movie, internal.file["id"], feedback.note_image_id(internal.ids[0])],
        "lines": ["720"],
        "format_name": list(exports.FORMATS),
    }
    with open_server_context(tmp_path) as context:
        routes = [route for route in make_app(context).routes if isinstance(route, Route)]
    found = []
    for route in (each for each in routes if each.path.startswith(PREFIX)):
        named = [route.path.replace(PREFIX, "").replace(":int", "").lstrip("/")]
        for name, each in values.items():
            named = [path.replace(f"{{{name}}}", value) for path in named for value in each]
        found += [(min(route.methods or ()), path) for path in dict.fromkeys(named) if path != "events"]
    return found


def text_in(content: bytes) -> str:
    """Return all text of an answer, also of a document or an archive."""
    if content.startswith(b"%PDF"):
        return text_of(content)
    if content.startswith(b"PK"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        return " ".join(f"{name} {text_in(archive.read(name))}" for name in archive.namelist())
    return content.decode(errors="replace")


def test_no_route_shows_an_internal_note_to_a_guest(review, internal, paths):
    secrets = (SECRET, internal.label, internal.reply, internal.file["id"], *internal.ids)
    invitation, before = review.invite(), note_rows(review)
    for link in (review.link, invitation):
        answers = {(method, path): requests.request(method, f"{link}/{path}".rstrip("/"), timeout=TIMEOUT_SECONDS)
                   for method, path in paths if method != "POST"}  # fmt: skip
        for note_id in (internal.ids[0], internal.reply):
            body = {"object": review.object, "content": "x", "in_reply_to": note_id, "note": note_id, "previous": ""}
            more = {"done": True, "objects": [review.object], "lines": 720, "status": "seen"}
            for method, path in paths:
                if method == "POST" and path:
                    answers[method, path] = say(link, path, **body, **more)
                    assert answers[method, path].status_code < 500
        for (method, path), answer in answers.items():
            leaked = [each for each in secrets if each in text_in(answer.content) and each not in path]
            assert (path, leaked) == (path, []), method
        (entry,) = answers["GET", "data"].json()["entries"]
        assert entry["notes"] == 1
    assert say(invitation, "notes", object=review.object, content="x", labels=[internal.label]).status_code == 422
    assert note_rows(review) == before
    assert SECRET not in see(invitation, "export/csv").text


def note_rows(review):
    expression = f"select content, completed_at from Note where parent_id is {review.object}"
    return sorted(review.query(expression), key=lambda row: str(row["id"]))


def test_open_pages_of_guests_get_nothing_of_internal_notes(review):
    label, ids = str(uuid4()), [str(uuid4()) for _ in range(3)]
    assert review.http_client.post(create("NoteLabel", id=label, name="Internal")).status_code == 200
    page = LivePage(review.link)
    page.read("hello")
    for note_id in ids[:2]:
        review.http_client.post(*note_operations(review, note_id, label))
    review.http_client.post(update("Note", ids[0], content=f"{SECRET} again"))
    review.http_client.post(*note_operations(review, ids[2], "", content="public at first"))
    texts: list[str] = []
    while "public at first" not in "".join(texts):
        texts.append(str(page.socket.recv(TIMEOUT_SECONDS)))
    assert [each for each in (SECRET, *ids[:2]) if each in "".join(texts)] == []
    review.http_client.post(keyed("NoteLabelLink", note_id=ids[2], label_id=label))
    assert page.read("entry")["entry"] == review.object
    assert ids[2] not in see(review.link, f"entries/{review.object}").text
    page.close()


def test_a_setting_of_the_studio_names_other_labels(review):
    label, note_id = str(uuid4()), str(uuid4())
    review.http_client.post(create("NoteLabel", id=label, name="Supervisors"))
    review.http_client.post(*note_operations(review, note_id, label))
    assert SECRET in see(review.link, f"entries/{review.object}").text
    setting = keyed("Setting", group="REVIEW", name="internal_labels", value=json.dumps(["supervisors"]))
    assert review.http_client.post(setting).status_code == 200
    assert SECRET not in see(review.link, f"entries/{review.object}").text
    found = {"entity_type": "Setting", "entity_key": ["internal_labels", "REVIEW"], "action": "delete"}
    assert review.http_client.post(found).status_code == 200
