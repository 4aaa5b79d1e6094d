"""A review session that has ended takes nothing new, in whatever way it is asked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import attrs
import pytest

from ft_dcc.errors import ParseError, ReviewSessionClosedError, ValidationError

PAST = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
FUTURE = {"__type__": "datetime", "value": "2090-01-01T00:00:00"}


def create(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def update(entity_type: str, key: str, **data: Any) -> dict[str, Any]:
    return {"action": "update", "entity_type": entity_type, "entity_key": [key], "entity_data": data}


def entity(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


@attrs.frozen
class Review:
    """A session with one of everything in it."""

    id: str
    version: str
    object: str
    invitee: str
    status: str
    annotation: str
    note: str


def make_review(client: Any, tree: Any) -> Review:
    asset = client.create("Asset", name="playblast", context_id=tree.shot)
    version = client.create("AssetVersion", asset_id=asset, task_id=tree.animation)
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project)
    item = client.create("ReviewSessionObject", review_session_id=session, version_id=version)
    invitee = client.create("ReviewSessionInvitee", review_session_id=session, name="Ada", email="ada@example.com")
    item_key = {"review_session_object_id": item}
    status = client.create("ReviewSessionObjectStatus", status="seen", review_session_invitee_id=invitee, **item_key)
    annotation = client.create("ReviewSessionObjectAnnotation", frame_number=1010, data="[]", **item_key)
    note = client.create("Note", content="Lift the chin.", parent_id=item, parent_type="ReviewSessionObject")
    return Review(session, version, item, invitee, status, annotation, note)


@pytest.fixture
def review(client: Any, tree: Any) -> Review:
    """Create a review session that has ended."""
    made = make_review(client, tree)
    client.update("ReviewSession", made.id, end_date=PAST)
    return made


@pytest.fixture
def other(client: Any, tree: Any) -> Review:
    """Create a review session that is open."""
    return make_review(client, tree)


NEW = {
    "an object": lambda it: create("ReviewSessionObject", review_session_id=it.id, version_id=it.version),
    "an object by relation": lambda it: create(
        "ReviewSessionObject", review_session=entity("ReviewSession", it.id), version_id=it.version
    ),
    "an invitee": lambda it: create("ReviewSessionInvitee", review_session_id=it.id, name="Bo", email="bo@example.com"),
    "a status": lambda it: create(
        "ReviewSessionObjectStatus",
        status="approved",
        review_session_object_id=it.object,
        review_session_invitee_id=None,
    ),
    "a status of an invitee": lambda it: create(
        "ReviewSessionObjectStatus", status="approved", review_session_invitee_id=it.invitee
    ),
    "an annotation": lambda it: create(
        "ReviewSessionObjectAnnotation", frame_number=1, review_session_object_id=it.object
    ),
    "a note": lambda it: create("Note", content="x", parent_id=it.object, parent_type="ReviewSessionObject"),
    "a note under a false flag": lambda it: create("Note", content="x", parent_id=it.object, parent_type="Task"),
    "a note on the session": lambda it: create("Note", content="x", parent_id=it.id, parent_type="ReviewSession"),
    "a note on a note": lambda it: create("Note", content="x", parent_id=it.note, parent_type="Note"),
    "a reply": lambda it: create("Note", content="x", in_reply_to_id=it.note),
    "another status": lambda it: update("ReviewSessionObjectStatus", it.status, status="approved"),
    "another drawing": lambda it: update("ReviewSessionObjectAnnotation", it.annotation, data="[1]"),
    "other words": lambda it: update("Note", it.note, content="Never mind."),
}


@pytest.mark.parametrize("what", sorted(NEW))
def test_a_closed_session_accepts_nothing_new(client: Any, review: Review, what: str) -> None:
    with pytest.raises(ReviewSessionClosedError, match="The review session 'Dailies' is closed and accepts no new"):
        client.call(NEW[what](review))


@pytest.mark.parametrize("what", sorted(NEW))
def test_a_reopened_session_accepts_everything(client: Any, review: Review, what: str) -> None:
    client.call(update("ReviewSession", review.id, end_date=None), NEW[what](review))


MOVED = {
    "an object": lambda it, to: update("ReviewSessionObject", it.object, review_session_id=to.id),
    "an invitee": lambda it, to: update("ReviewSessionInvitee", it.invitee, review_session_id=to.id),
    "a status": lambda it, to: update("ReviewSessionObjectStatus", it.status, review_session_object_id=to.object),
    "an annotation": lambda it, to: update(
        "ReviewSessionObjectAnnotation", it.annotation, review_session_object_id=to.object
    ),
    "a note": lambda it, to: update("Note", it.note, parent_id=to.object),
    "a reply": lambda it, to: update("Note", it.note, in_reply_to_id=to.note),
    "the objects of the session": lambda it, to: update(
        "ReviewSession",
        to.id,
        review_session_objects=[entity("ReviewSessionObject", to.object), entity("ReviewSessionObject", it.object)],
    ),
    "the invitees of the session": lambda it, to: update(
        "ReviewSession", to.id, review_session_invitees=[entity("ReviewSessionInvitee", it.invitee)]
    ),
    "the notes of an object": lambda it, to: update("ReviewSessionObject", to.object, notes=[entity("Note", it.note)]),
    "the replies to a note": lambda it, to: update("Note", to.note, replies=[entity("Note", it.note)]),
    "the statuses of an object": lambda it, to: update(
        "ReviewSessionObject", to.object, statuses=[entity("ReviewSessionObjectStatus", it.status)]
    ),
    "the statuses of an invitee": lambda it, to: update(
        "ReviewSessionInvitee", to.invitee, statuses=[entity("ReviewSessionObjectStatus", it.status)]
    ),
    "the annotations of an object": lambda it, to: update(
        "ReviewSessionObject", to.object, annotations=[entity("ReviewSessionObjectAnnotation", it.annotation)]
    ),
}


@pytest.mark.parametrize("what", sorted(MOVED))
def test_nothing_is_moved_into_a_closed_session(client: Any, review: Review, other: Review, what: str) -> None:
    with pytest.raises(ReviewSessionClosedError):
        client.call(MOVED[what](other, review))


def test_the_order_within_a_batch_makes_no_difference(client: Any, tree: Any, review: Review) -> None:
    item = create("ReviewSessionObject", review_session_id=review.id, version_id=review.version)
    note = create("Note", content="x", parent_id=item["entity_data"]["id"], parent_type="ReviewSessionObject")
    for batch in ([item, note], [note, item]):
        with pytest.raises(ReviewSessionClosedError):
            client.call(*batch)
    assert client.query(f"Note where id is {note['entity_data']['id']}") == []
    session = create("ReviewSession", name="over", project_id=tree.project, end_date=PAST)
    into = create("ReviewSessionObject", review_session_id=session["entity_data"]["id"], version_id=review.version)
    with pytest.raises(ReviewSessionClosedError):
        client.call(into, session)


def test_a_batch_that_closes_the_session_cannot_add_to_it_afterwards(client: Any, other: Review) -> None:
    note = create("Note", content="x", parent_id=other.object, parent_type="ReviewSessionObject")
    with pytest.raises(ReviewSessionClosedError):
        client.call(NEW["a note"](other), update("ReviewSession", other.id, end_date=PAST), note)
    client.call(note, update("ReviewSession", other.id, end_date=PAST))
    assert len(client.query(f"Note where parent_id is {other.object}")) == 2


def test_entities_of_a_closed_session_can_be_sorted_renamed_and_deleted(client: Any, review: Review) -> None:
    same = [entity("ReviewSessionObject", review.object)]
    client.update("ReviewSession", review.id, review_session_objects=same, name="Dailies of Monday")
    client.update("ReviewSessionObject", review.object, sort_order=7, name="sh010")
    client.update("Note", review.note, is_todo=True)
    client.delete("Note", review.note)
    client.delete("ReviewSession", review.id)


def test_versions_can_be_added_before_a_session_starts(client: Any, other: Review) -> None:
    client.update("ReviewSession", other.id, start_date=FUTURE)
    client.call(NEW["an object"](other))
    assert client.query(f"select is_open from ReviewSession where id is {other.id}")[0]["is_open"] is False


def test_notes_outside_of_the_session_are_not_affected(client: Any, tree: Any, review: Review) -> None:
    client.create("Note", content="x", parent_id=tree.shot, parent_type="Shot")
    client.create("Note", content="x")


def test_a_passphrase_is_stored_as_a_hash(client: Any, studio: Any, tree: Any) -> None:
    made = create("ReviewSession", name="secret", project_id=tree.project, passphrase="open sesame")
    result = client.call(made)[0]["data"]
    assert "open sesame" not in str(result)
    assert result["passphrase_enabled"] is True
    client.call(made)  # The same create again is the same session.
    key = made["entity_data"]["id"]
    table = studio.store.tables.by_family["ReviewSession"]
    with studio.store.reading() as connection:
        stored = connection.execute(table.select().where(table.c.id == key)).mappings().one()["passphrase"]
    assert len(stored) == 44
    assert "sesame" not in stored
    assert client.query(f"select passphrase from ReviewSession where id is {key}")[0]["passphrase"] is None
    for operator in ("is", "like", ">", "!="):
        with pytest.raises(ParseError, match=r"passphrase.* is secret"):
            client.query(f'ReviewSession where passphrase {operator} "%"')
    for expression in ("select max(passphrase) from ReviewSession", "ReviewSession order by passphrase"):
        with pytest.raises(ParseError, match="passphrase is secret"):
            client.query(expression)
    assert client.query(f"ReviewSession where passphrase is_not none and id is {key}") != []
    assert "sesame" not in str(client.update("ReviewSession", key, passphrase="sesame, again"))
    client.update("ReviewSession", key, passphrase=None)
    with pytest.raises(ValidationError, match="Send passphrase, too"):
        client.update("ReviewSession", key, passphrase_enabled=True)
