"""A visitor of a review page writes in this session alone, and what the access rules let a contributor write."""

from contextlib import suppress
from types import SimpleNamespace
from uuid import uuid4, uuid5

import attrs
import pytest
from doubles.operations import delete, keyed, update
from doubles.reviews import create, feedback_operations, review_operations
from doubles.two_projects import open_database

from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.errors import Forbidden, HttpError
from ft_dcc.server.review import feedback, guest_actions
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.attachments import _LOCATION_NAMESPACE, note_file_operations
from ft_dcc.server.review.user_actions import find_user_access, write_as_visitor

from .conftest import as_user

RIGHTS = frozenset(("view", "comment", "draw", "decide", "download"))


Page = SimpleNamespace
# The entities of a session that a visitor of another one may not reach.
TARGETS = ("project", "session", "version", "object", "invitee", "note", "status", "annotation")


def make_page(client):
    """Create a review session with one version, and a note and a verdict of another person; return the ids."""
    page, operations = review_operations()
    page.label = str(uuid4())
    client.call(*operations, *feedback_operations(page), create("NoteLabel", id=page.label, name=uuid4().hex))
    return page


def guest(page: Page) -> ReviewAccess:
    return ReviewAccess(page.session, page.project, False, page.invitee, "Ada", rights=RIGHTS)


def access_of(client, page, visitor):
    """Return the access of an invited guest, or of a user whose only role is in the project of the page."""
    if visitor == "Guest":
        return guest(page)
    email = f"{uuid4().hex}@example.test"
    if visitor == "Reviewer":
        # Without an invitation, a reviewer may not decide.
        client.create("ReviewSessionInvitee", review_session_id=page.session, name="Rev", email=email)
    user = as_user(client, visitor, page.project, email=email)
    access = find_user_access(client.dispatcher, user.caller, page.session)
    assert access is not None
    return access


def test_a_new_note_parses_its_own_drawing_only(client, monkeypatch):
    page, parsed, parse = make_page(client), [], feedback.parse_drawing
    monkeypatch.setattr(feedback, "parse_drawing", lambda *args, **more: parsed.append(args) or parse(*args, **more))
    line = {"kind": "line", "colour": "#ff0000", "width": 0.01, "from": [0, 0], "to": [1, 1]}
    for _ in range(3):
        values = {"object": page.object, "content": "x", "frame": 1, "drawing": [line]}
        assert guest_actions.write_note(client.dispatcher, guest(page), values)["notes"][0]["drawing"]
    assert len(parsed) == 3


VISITORS = pytest.mark.parametrize("visitor", ["Guest", "User", "Reviewer"])


def attempts(own, other):
    """Return every action of a visitor with the id of each entity of another session."""
    found = []
    for target in (getattr(other, name) for name in TARGETS):
        found += [
            (guest_actions.write_note, {"object": target, "content": "x"}),
            (guest_actions.write_note, {"object": own.object, "content": "x", "in_reply_to": target}),
            (guest_actions.write_note, {"object": own.object, "content": "x", "labels": [target]}),
            (guest_actions.edit_note, {"note": target, "content": "x", "previous": "secret"}),
            (guest_actions.delete_note, {"note": target}),
            (guest_actions.complete_note, {"note": target, "done": True}),
            (guest_actions.set_status, {"object": target, "status": "approved"}),
            (guest_actions.set_statuses, {"objects": [own.object, target], "status": "approved"}),
        ]
    return found


def contents(client, page):
    """Return everything that a visitor could have changed in a session."""
    return [
        client.query(f"select content, completed_at, user_id, parent_id from Note where id is {page.note}"),
        client.query(f"Note where parent_id is {page.object}"),
        client.query(f"select key, value from Metadata where parent_id in ({page.note}, {page.status})"),
        client.query(f"select status from ReviewSessionObjectStatus where review_session_object_id is {page.object}"),
        client.query(f"select data from ReviewSessionObjectAnnotation where id is {page.annotation}"),
        client.query(f"select status_id from AssetVersion where id is {page.version}"),
        client.query(f"ReviewSessionInvitee where review_session_id is {page.session}"),
    ]


@VISITORS
def test_no_action_of_a_visitor_changes_another_session(client, visitor):
    own, other = make_page(client), make_page(client)
    access, before = access_of(client, own, visitor), contents(client, other)
    for action, payload in attempts(own, other):
        with pytest.raises(HttpError):
            action(client.dispatcher, access, payload)
    # An id of another session as that of a new note: ids that a key could confuse are refused, others harmless.
    for target in (getattr(other, name) for name in TARGETS):
        with suppress(HttpError):
            guest_actions.write_note(client.dispatcher, access, {"object": own.object, "content": "x", "id": target})
    assert contents(client, other) == before


@VISITORS
def test_a_visitor_writes_in_the_own_session(client, visitor):
    page = make_page(client)
    dispatcher, access = client.dispatcher, access_of(client, page, visitor)

    def write(**values):
        written = str(uuid4())
        guest_actions.write_note(dispatcher, access, {"object": page.object, "content": "x", "id": written, **values})
        return written

    write(in_reply_to=write(labels=[page.label], frame=7))
    guest_actions.complete_note(dispatcher, access, {"note": page.note, "done": True})
    for status in ("approved", "require_changes"):
        guest_actions.set_status(dispatcher, access, {"object": page.object, "status": status})
    removed = write()
    guest_actions.edit_note(dispatcher, access, {"note": removed, "content": "y", "previous": "x"})
    guest_actions.delete_note(dispatcher, access, {"note": removed})
    assert client.query(f"select completed_at from Note where id is {page.note}")[0]["completed_at"] is not None
    assert len(client.query(f"Note where parent_id is {page.object}")) == 3


def test_a_visitor_writes_on_a_version_of_another_project_in_the_session(client):
    page, other = make_page(client), make_page(client)
    item = client.create("ReviewSessionObject", review_session_id=page.session, version_id=other.version)
    guest_actions.write_note(client.dispatcher, guest(page), {"object": item, "content": "x"})
    guest_actions.set_status(client.dispatcher, guest(page), {"object": item, "status": "approved"})
    assert len(client.query(f"Note where parent_id is {item}")) == 1


@pytest.mark.parametrize("visitor", ["User", "Reviewer"])
def test_a_deleted_note_takes_no_components_of_others_with_it(client, visitor):
    """An API client may link any component that it can read to an own note."""
    page = make_page(client)
    access = access_of(client, page, visitor)
    own, thumbnail, file = str(uuid4()), client.create("FileComponent"), str(uuid4())
    client.update("Project", page.project, thumbnail_id=thumbnail)
    client.call(*note_file_operations(file, page.note, "chin.png", 0)[::2])
    place = {"id": str(uuid5(_LOCATION_NAMESPACE, file)), "component_id": file, "location_id": SERVER_LOCATION_ID}
    with open_database(client.studio) as connection:
        connection.execute(client.studio.store.tables.by_family["ComponentLocation"].insert().values(place))
        # Files that a guest attaches have no creator.
        table = client.studio.store.tables.by_family["Component"]
        connection.execute(table.update().where(table.c.id == file).values(created_by_id=None))
    guest_actions.write_note(client.dispatcher, access, {"object": page.object, "content": "x", "id": own})
    programs = attrs.evolve(client, caller=access.user)
    for component in (thumbnail, file):
        programs.call(keyed("NoteComponent", note_id=own, component_id=component))
    guest_actions.delete_note(client.dispatcher, access, {"note": own})
    assert len(client.query(f"Component where id in ({thumbnail}, {file})")) == 2


@VISITORS
def test_operations_of_a_visitor_are_limited_by_the_access_rules(client, visitor):
    page, other = make_page(client), make_page(client)
    access = access_of(client, page, visitor)
    for operation in (
        update("User", client.caller.id, email="x"),
        update("Note", other.note, content="x"),
        delete("ReviewSession", other.session),
        delete("Project", page.project),
        keyed("Type", name=uuid4().hex),
        {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": client.caller.id},
    ):
        with pytest.raises(Forbidden):
            write_as_visitor(client.dispatcher, access, [operation])
