"""A closed review session accepts no change, whichever operation makes it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import attrs
import pytest
from doubles.two_projects import open_database

from ft_dcc.errors import ParseError, ReviewSessionClosedError, ValidationError
from ft_dcc.server.database import audit_log
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.identity import Caller
from ft_dcc.server.storage.published_media import record_removal

PAST = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
FUTURE = {"__type__": "datetime", "value": "2090-01-01T00:00:00"}


def create(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def update(entity_type: str, key: str, **data: Any) -> dict[str, Any]:
    return {"action": "update", "entity_type": entity_type, "entity_key": [key], "entity_data": data}


def keyed(entity_type: str, **data: Any) -> dict[str, Any]:
    """Return the creation of an entity without an id of its own."""
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


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
    other_version: str
    asset: str
    shot: str
    project: str


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
    client.call(keyed("Metadata", parent_id=note, parent_type="Note", key="ft_dcc", value='{"frame": 1010}'))
    other_version = client.create("AssetVersion", asset_id=asset)
    return Review(
        session,
        version,
        item,
        invitee,
        status,
        annotation,
        note,
        other_version,
        asset,
        tree.shot,
        tree.project,
    )


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
    with pytest.raises(ReviewSessionClosedError, match=r"^The review session 'Dailies' is closed. A \w+ of it cannot"):
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
        "ReviewSession",
        to.id,
        review_session_invitees=[entity("ReviewSessionInvitee", key) for key in (to.invitee, it.invitee)],
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


CHANGED = {
    "the version of an object": lambda it: update(
        "ReviewSessionObject", it.object, asset_version=entity("AssetVersion", it.other_version)
    ),
    "the name of an object": lambda it: update("ReviewSessionObject", it.object, name="sh020"),
    "the name of an invitee": lambda it: update("ReviewSessionInvitee", it.invitee, name="Bo"),
    "the name of the session": lambda it: update("ReviewSession", it.id, name="Dailies of Monday"),
    "the frame of a note": lambda it: {
        **update("Metadata", it.note, value='{"frame": 1}'),
        "entity_key": [it.note, "ft_dcc"],
    },
    "the metadata of the session": lambda it: keyed(
        "Metadata", parent_id=it.id, parent_type="ReviewSession", key="place", value="Room 1"
    ),
    "the settings of an object": lambda it: keyed(
        "EntitySetting", parent_id=it.object, parent_type="ReviewSessionObject", group="a", name="b", value="c"
    ),
    "the media of the version": lambda it: create("FileComponent", name="another", version_id=it.version),
    **{
        f"a deleted {name}": lambda it, name=name: delete_of(it, name)
        for name in (
            "ReviewSessionObjectStatus",
            "ReviewSessionObjectAnnotation",
            "Note",
            "ReviewSessionInvitee",
            "ReviewSessionObject",
            "AssetVersion",
            "Asset",
            "Shot",
        )
    },
}


def delete_of(review: Review, entity_type: str) -> dict[str, Any]:
    key = {
        "ReviewSessionObjectStatus": review.status,
        "ReviewSessionObjectAnnotation": review.annotation,
        "Note": review.note,
        "ReviewSessionInvitee": review.invitee,
        "ReviewSessionObject": review.object,
        "AssetVersion": review.version,
        "Asset": review.asset,
        "Shot": review.shot,
    }[entity_type]
    return {"action": "delete", "entity_type": entity_type, "entity_key": [key]}


@pytest.mark.parametrize("what", sorted(CHANGED))
def test_nothing_in_a_closed_session_changes(client: Any, review: Review, what: str) -> None:
    with pytest.raises(ReviewSessionClosedError, match="is closed"):
        client.call(CHANGED[what](review))
    client.call(update("ReviewSession", review.id, end_date=None), CHANGED[what](review))


def test_who_may_open_a_closed_session_can_be_changed(client: Any, review: Review) -> None:
    client.update("ReviewSession", review.id, shareable_url_enabled=False, passphrase="open sesame")
    client.call({"action": "revoke_review_session_invite", "review_session_invitee_id": review.invitee})
    client.update("ReviewSession", review.id, end_date={**PAST, "value": "2021-01-01T00:00:00"})


def test_a_session_is_renamed_by_the_update_that_reopens_it(client: Any, review: Review) -> None:
    client.update("ReviewSession", review.id, end_date=FUTURE, name="Dailies of Monday")
    client.update("ReviewSession", review.id, end_date=PAST, name="Dailies of Tuesday")
    with pytest.raises(ReviewSessionClosedError, match="Dailies of Tuesday"):
        client.update("ReviewSession", review.id, end_date=PAST, name="Dailies of Wednesday")


def test_the_production_around_a_closed_session_goes_on(client: Any, tree: Any, review: Review) -> None:
    (status,) = client.query('Status where name is "Approved"')
    client.update("AssetVersion", review.version, status_id=status["id"], is_published=False)
    client.call(keyed("Metadata", parent_id=review.version, parent_type="AssetVersion", key="farm", value="1"))
    client.create("Note", content="x", parent_id=review.version, parent_type="AssetVersion")
    client.create("AssetVersion", asset_id=review.asset, task_id=tree.animation)
    client.update("Shot", review.shot, name="sh011")
    client.update("Asset", review.asset, name="animation")


def test_only_an_administrator_deletes_a_closed_session_and_its_name_is_recorded(client: Any, review: Review) -> None:
    user = client.create("User", username=uuid4().hex)
    (held,) = client.query(f"UserSecurityRole where user_id is {user}")
    (role,) = client.query('SecurityRole where name is "Project Manager"')
    client.update("UserSecurityRole", held["id"], security_role_id=role["id"])
    manager = attrs.evolve(client, caller=Caller(user, "manager"))
    for entity_type, key in (("ReviewSession", review.id), ("Project", review.project)):
        with pytest.raises(ReviewSessionClosedError, match="Only an administrator may delete the session"):
            manager.delete(entity_type, key)
    client.delete("Project", review.project)
    for entity_type in ("ReviewSession", "ReviewSessionObject", "Note", "Metadata"):
        assert client.query(f"{entity_type} where {KEYS[entity_type]} is {getattr(review, OWNED[entity_type])}") == []
    with client.studio.store.reading() as connection:
        (entry,) = audit_log.entries(connection, entity_id=review.id, limit=1)
    assert (entry.action, entry.detail, entry.username) == ("delete closed review", "Dailies", client.caller.username)


def test_the_name_of_a_closed_session_is_told_only_to_those_who_can_read_it(client: Any, review: Review) -> None:
    hidden = client.create("Project", name=uuid4().hex, is_private=True)
    session = client.create("ReviewSession", name="Studio in trouble", project_id=hidden)
    item = client.create("ReviewSessionObject", review_session_id=session, version_id=review.other_version)
    component = client.create("FileComponent", version_id=review.other_version)
    with open_database(client.studio) as connection:
        row = {"id": uuid4().hex, "component_id": component, "location_id": SERVER_LOCATION_ID}
        connection.execute(client.studio.store.tables.by_family["ComponentLocation"].insert().values(row))
    client.update("ReviewSession", session, end_date=PAST)
    user = client.create("User", username=uuid4().hex)
    member = attrs.evolve(client, caller=Caller(user, "member"))
    for attempt in (
        lambda user: user.update("AssetVersion", review.other_version, comment="x"),
        lambda user: user.create("FileComponent", version_id=review.other_version),
        lambda user: user.delete("FileComponent", component),
        lambda user: record_removal(client.studio.store, user.caller, component),
    ):
        with pytest.raises(ReviewSessionClosedError, match="Studio in trouble"):
            attempt(client)
        with pytest.raises(
            ReviewSessionClosedError, match=r"^A review session that you cannot access is closed. A \w+"
        ):
            attempt(member)
    with pytest.raises(ReviewSessionClosedError, match="'Dailies'"):
        member.update("AssetVersion", review.version, comment="x")
    client.update("ReviewSession", session, end_date=None)
    client.delete("ReviewSessionObject", item)


KEYS = {"ReviewSession": "id", "ReviewSessionObject": "id", "Note": "id", "Metadata": "parent_id"}
OWNED = {"ReviewSession": "id", "ReviewSessionObject": "object", "Note": "note", "Metadata": "note"}


def test_a_deleted_project_leaves_its_versions_in_a_closed_session_of_another(client: Any, review: Review) -> None:
    name = uuid4().hex
    project = client.create("Project", name=name)
    asset = client.create("Asset", name="playblast", context_id=project)
    version = client.create("AssetVersion", asset_id=asset)
    client.update("ReviewSession", review.id, end_date=None)
    client.create("ReviewSessionObject", review_session_id=review.id, version_id=version)
    client.update("ReviewSession", review.id, end_date=PAST)
    with pytest.raises(ReviewSessionClosedError, match=r"An? AssetVersion of it cannot be deleted"):
        client.delete("Project", project)
    assert client.names(f"Project where id is {project}") == [name]


def test_the_work_of_the_server_is_finished_in_a_closed_session(client: Any, review: Review) -> None:
    made = create("FileComponent", name="ftrackreview-mp4", version_id=review.version)
    client.dispatcher.answer(client.caller, [made], may_change_closed=True)
    with pytest.raises(ReviewSessionClosedError):
        client.update("FileComponent", made["entity_data"]["id"], name="another")


def test_a_component_of_a_closed_session_can_be_added_to_other_locations(client: Any, other: Review) -> None:
    component = client.create("FileComponent", name="main", version_id=other.version)
    client.update("ReviewSession", other.id, end_date=PAST)
    (location,) = client.query('Location where name is "ftrack.unmanaged"')
    client.create("ComponentLocation", component_id=component, location_id=location["id"])


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
