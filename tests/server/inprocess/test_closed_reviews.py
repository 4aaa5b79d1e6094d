"""A closed review session accepts no change, whichever operation makes it."""

from uuid import uuid4

import pytest
from doubles.operations import keyed
from doubles.reviews import FUTURE, PAST, create, feedback_operations, review_operations, update
from doubles.two_projects import open_database

from ft_dcc.server.database import audit_log
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.errors import ParseError, ReviewSessionClosedError, ValidationError
from ft_dcc.server.storage.published_media import record_removal

from .conftest import as_user


def make_review(client, tree):
    """Create a session with one of everything in it, and return the ids."""
    it, operations = review_operations(tree.project, tree.shot, task_id=tree.animation)
    it.shot = tree.shot
    it.other_version = str(uuid4())
    client.call(
        *operations,
        *feedback_operations(it),
        keyed("Metadata", parent_id=it.note, parent_type="Note", key="ft_dcc", value='{"frame": 1010}'),
        create("AssetVersion", id=it.other_version, asset_id=it.asset),
    )
    return it


@pytest.fixture
def review(client, tree):
    """Create a review session that has ended."""
    made = make_review(client, tree)
    client.update("ReviewSession", made.session, end_date=PAST)
    return made


@pytest.fixture
def other(client, tree):
    """Create a review session that is open."""
    return make_review(client, tree)


def note_on(parent, parent_type="ReviewSessionObject"):
    return create("Note", content="x", parent_id=parent, parent_type=parent_type)


def test_a_closed_session_accepts_nothing_new_and_a_reopened_one_everything(client, review):
    session = {"__entity_type__": "ReviewSession", "id": review.session}
    new = (
        create("ReviewSessionObject", review_session=session, version_id=review.version),
        create("ReviewSessionInvitee", review_session_id=review.session, name="Bo", email="bo@example.com"),
        create("ReviewSessionObjectStatus", status="approved", review_session_invitee_id=review.invitee),
        create("ReviewSessionObjectAnnotation", frame_number=1, review_session_object_id=review.object),
        # A note under a false flag.
        note_on(review.object, "Task"),
        note_on(review.note, "Note"),
        update("Note", review.note, content="Never mind."),
    )
    refusal = r"^The review session 'Dailies' is closed. A \w+ of it cannot"
    for operation in new:
        with pytest.raises(ReviewSessionClosedError, match=refusal):
            client.call(operation)
    client.update("ReviewSession", review.session, end_date=None)
    for operation in new:
        client.call(operation)


def test_the_order_within_a_batch_makes_no_difference(client, tree, review):
    item = create("ReviewSessionObject", review_session_id=review.session, version_id=review.version)
    note = create("Note", content="x", parent_id=item["entity_data"]["id"], parent_type="ReviewSessionObject")
    for batch in ([item, note], [note, item]):
        with pytest.raises(ReviewSessionClosedError):
            client.call(*batch)
    assert client.query(f"Note where id is {note['entity_data']['id']}") == []
    session = create("ReviewSession", name="over", project_id=tree.project, end_date=PAST)
    into = create("ReviewSessionObject", review_session_id=session["entity_data"]["id"], version_id=review.version)
    with pytest.raises(ReviewSessionClosedError):
        client.call(into, session)


def test_a_batch_that_closes_the_session_cannot_add_to_it_afterwards(client, other):
    note = note_on(other.object)
    with pytest.raises(ReviewSessionClosedError):
        client.call(note_on(other.object), update("ReviewSession", other.session, end_date=PAST), note)
    client.call(note, update("ReviewSession", other.session, end_date=PAST))
    assert len(client.query(f"Note where parent_id is {other.object}")) == 2


def test_who_may_open_a_closed_session_can_be_changed(client, review):
    client.update("ReviewSession", review.session, shareable_url_enabled=False, passphrase="open sesame")
    client.call({"action": "revoke_review_session_invite", "review_session_invitee_id": review.invitee})
    client.update("ReviewSession", review.session, end_date={**PAST, "value": "2021-01-01T00:00:00"})


def test_a_session_is_renamed_by_the_update_that_reopens_it(client, review):
    client.update("ReviewSession", review.session, end_date=FUTURE, name="Dailies of Monday")
    client.update("ReviewSession", review.session, end_date=PAST, name="Dailies of Tuesday")
    with pytest.raises(ReviewSessionClosedError, match="Dailies of Tuesday"):
        client.update("ReviewSession", review.session, end_date=PAST, name="Dailies of Wednesday")


def test_the_production_around_a_closed_session_goes_on(client, tree, review):
    (status,) = client.query('Status where name is "Approved"')
    client.update("AssetVersion", review.version, status_id=status["id"], is_published=False)
    with pytest.raises(ReviewSessionClosedError, match="A Metadata of it cannot be added"):
        client.call(keyed("Metadata", parent_id=review.version, parent_type="AssetVersion", key="farm", value="1"))
    client.create("Note", content="x", parent_id=review.version, parent_type="AssetVersion")
    client.create("AssetVersion", asset_id=review.asset, task_id=tree.animation)
    client.update("Shot", review.shot, name="sh011")
    client.update("Asset", review.asset, name="animation")
    client.create("Note", content="x", parent_id=tree.shot, parent_type="Shot")


def test_only_an_administrator_deletes_a_closed_session_and_its_name_is_recorded(client, review):
    manager = as_user(client, "Project Manager", review.project)
    for entity_type, key in (("ReviewSession", review.session), ("Project", review.project)):
        with pytest.raises(ReviewSessionClosedError, match="Only an administrator may delete the session"):
            manager.delete(entity_type, key)
    client.delete("Project", review.project)
    for rows in (
        f"ReviewSession where id is {review.session}",
        f"ReviewSessionObject where id is {review.object}",
        f"Note where id is {review.note}",
        f"Metadata where parent_id is {review.note}",
    ):
        assert client.query(rows) == []
    with client.studio.store.reading() as connection:
        (entry,) = audit_log.entries(connection, entity_id=review.session, limit=1)
    expected = {"action": "delete closed review", "detail": "Dailies", "username": client.caller.username}
    assert expected.items() <= entry.items()


def test_the_name_of_a_closed_session_is_told_only_to_those_who_can_read_it(client, review):
    hidden = client.create("Project", name=uuid4().hex, is_private=True)
    session = client.create("ReviewSession", name="Studio in trouble", project_id=hidden)
    item = client.create("ReviewSessionObject", review_session_id=session, version_id=review.other_version)
    component = client.create("FileComponent", version_id=review.other_version)
    with open_database(client.studio) as connection:
        row = {"id": uuid4().hex, "component_id": component, "location_id": SERVER_LOCATION_ID}
        connection.execute(client.studio.store.tables.by_family["ComponentLocation"].insert().values(row))
    client.update("ReviewSession", session, end_date=PAST)
    member = as_user(client, "User", review.project)
    for attempt in (
        lambda user: user.update("AssetVersion", review.other_version, comment="x"),
        lambda user: user.create("FileComponent", version_id=review.other_version),
        lambda user: user.delete("FileComponent", component),
        lambda user: record_removal(client.studio.store, user.caller, component),
    ):
        with pytest.raises(ReviewSessionClosedError, match="Studio in trouble"):
            attempt(client)
        refusal = r"^A review session that you cannot access is closed. A \w+"
        with pytest.raises(ReviewSessionClosedError, match=refusal):
            attempt(member)
    with pytest.raises(ReviewSessionClosedError, match="'Dailies'"):
        member.update("AssetVersion", review.version, comment="x")
    client.update("ReviewSession", session, end_date=None)
    client.delete("ReviewSessionObject", item)


def test_a_deleted_project_leaves_its_versions_in_a_closed_session_of_another(client, review):
    name = uuid4().hex
    project = client.create("Project", name=name)
    version = client.create("AssetVersion", asset_id=client.create("Asset", name="playblast", context_id=project))
    client.update("ReviewSession", review.session, end_date=None)
    client.create("ReviewSessionObject", review_session_id=review.session, version_id=version)
    client.update("ReviewSession", review.session, end_date=PAST)
    with pytest.raises(ReviewSessionClosedError, match=r"An? AssetVersion of it cannot be deleted"):
        client.delete("Project", project)
    assert client.names(f"Project where id is {project}") == [name]


def test_the_work_of_the_server_is_finished_in_a_closed_session(client, review):
    made = create("FileComponent", name="ftrackreview-mp4", version_id=review.version)
    client.dispatcher.answer(client.caller, [made], may_change_closed=True)
    with pytest.raises(ReviewSessionClosedError):
        client.update("FileComponent", made["entity_data"]["id"], name="another")


def test_a_component_of_a_closed_session_can_be_added_to_other_locations(client, other):
    component = client.create("FileComponent", name="main", version_id=other.version)
    client.update("ReviewSession", other.session, end_date=PAST)
    (location,) = client.query('Location where name is "ftrack.unmanaged"')
    client.create("ComponentLocation", component_id=component, location_id=location["id"])


def test_versions_can_be_added_before_a_session_starts(client, other):
    client.update("ReviewSession", other.session, start_date=FUTURE)
    client.create("ReviewSessionObject", review_session_id=other.session, version_id=other.version)
    assert client.query(f"select is_open from ReviewSession where id is {other.session}")[0]["is_open"] is False


def test_a_passphrase_is_stored_as_a_hash(client, studio, tree):
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
