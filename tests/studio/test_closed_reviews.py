"""A review session that has ended takes nothing new, in whatever way it is asked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import attrs
import pytest

from ft_dcc.errors import ReviewSessionClosedError, ValidationError

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


def make_review(ask: Any, tree: Any) -> Review:
    asset = ask.create("Asset", name="playblast", context_id=tree.shot)
    version = ask.create("AssetVersion", asset_id=asset, task_id=tree.animation)
    session = ask.create("ReviewSession", name="Dailies", project_id=tree.project)
    item = ask.create("ReviewSessionObject", review_session_id=session, version_id=version)
    invitee = ask.create("ReviewSessionInvitee", review_session_id=session, name="Ada", email="ada@example.com")
    place = {"review_session_object_id": item}
    status = ask.create("ReviewSessionObjectStatus", status="seen", review_session_invitee_id=invitee, **place)
    annotation = ask.create("ReviewSessionObjectAnnotation", frame_number=1010, data="[]", **place)
    note = ask.create("Note", content="Lift the chin.", parent_id=item, parent_type="ReviewSessionObject")
    return Review(session, version, item, invitee, status, annotation, note)


@pytest.fixture
def review(ask: Any, tree: Any) -> Review:
    """A session that has ended."""
    made = make_review(ask, tree)
    ask.update("ReviewSession", made.id, end_date=PAST)
    return made


@pytest.fixture
def other(ask: Any, tree: Any) -> Review:
    """A session that is open."""
    return make_review(ask, tree)


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
def test_a_closed_session_takes_nothing_new(ask: Any, review: Review, what: str) -> None:
    with pytest.raises(ReviewSessionClosedError, match="The review session 'Dailies' is closed and takes no new"):
        ask.call(NEW[what](review))


@pytest.mark.parametrize("what", sorted(NEW))
def test_opened_again_it_takes_everything(ask: Any, review: Review, what: str) -> None:
    ask.call(update("ReviewSession", review.id, end_date=None), NEW[what](review))


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
def test_nothing_is_moved_into_a_closed_session(ask: Any, review: Review, other: Review, what: str) -> None:
    with pytest.raises(ReviewSessionClosedError):
        ask.call(MOVED[what](other, review))


def test_the_order_within_a_batch_makes_no_difference(ask: Any, tree: Any, review: Review) -> None:
    item = create("ReviewSessionObject", review_session_id=review.id, version_id=review.version)
    note = create("Note", content="x", parent_id=item["entity_data"]["id"], parent_type="ReviewSessionObject")
    for batch in ([item, note], [note, item]):
        with pytest.raises(ReviewSessionClosedError):
            ask.call(*batch)
    assert ask.query(f"Note where id is {note['entity_data']['id']}") == []
    session = create("ReviewSession", name="over", project_id=tree.project, end_date=PAST)
    into = create("ReviewSessionObject", review_session_id=session["entity_data"]["id"], version_id=review.version)
    with pytest.raises(ReviewSessionClosedError):
        ask.call(into, session)


def test_one_batch_that_closes_the_session_first_adds_nothing_after(ask: Any, other: Review) -> None:
    note = create("Note", content="x", parent_id=other.object, parent_type="ReviewSessionObject")
    with pytest.raises(ReviewSessionClosedError):
        ask.call(NEW["a note"](other), update("ReviewSession", other.id, end_date=PAST), note)
    ask.call(note, update("ReviewSession", other.id, end_date=PAST))
    assert len(ask.query(f"Note where parent_id is {other.object}")) == 2


def test_what_is_there_can_be_sent_again_sorted_renamed_and_deleted(ask: Any, review: Review) -> None:
    same = [entity("ReviewSessionObject", review.object)]
    ask.update("ReviewSession", review.id, review_session_objects=same, name="Dailies of Monday")
    ask.update("ReviewSessionObject", review.object, sort_order=7, name="sh010")
    ask.update("Note", review.note, is_todo=True)
    ask.delete("Note", review.note)
    ask.delete("ReviewSession", review.id)


def test_a_session_that_has_not_begun_is_filled_beforehand(ask: Any, other: Review) -> None:
    ask.update("ReviewSession", other.id, start_date=FUTURE)
    ask.call(NEW["an object"](other))
    assert ask.query(f"select is_open from ReviewSession where id is {other.id}")[0]["is_open"] is False


def test_a_note_elsewhere_is_none_of_its_business(ask: Any, tree: Any, review: Review) -> None:
    ask.create("Note", content="x", parent_id=tree.shot, parent_type="Shot")
    ask.create("Note", content="x")


def test_a_passphrase_is_stored_as_what_it_can_be_compared_with(ask: Any, studio: Any, tree: Any) -> None:
    made = create("ReviewSession", name="secret", project_id=tree.project, passphrase="open sesame")
    told = ask.call(made)[0]["data"]
    assert "open sesame" not in str(told)
    assert told["passphrase_enabled"] is True
    ask.call(made)  # The same create again is the same session.
    key = made["entity_data"]["id"]
    table = studio.store.tables.by_family["ReviewSession"]
    with studio.store.reading() as connection:
        stored = connection.execute(table.select().where(table.c.id == key)).mappings().one()["passphrase"]
    assert len(stored) == 44
    assert "sesame" not in stored
    assert ask.query(f"select passphrase from ReviewSession where id is {key}")[0]["passphrase"] is None
    assert ask.query('ReviewSession where passphrase is "open sesame"') == []
    assert "sesame" not in str(ask.update("ReviewSession", key, passphrase="sesame, again"))
    ask.update("ReviewSession", key, passphrase=None)
    with pytest.raises(ValidationError, match="Send passphrase, too"):
        ask.update("ReviewSession", key, passphrase_enabled=True)
