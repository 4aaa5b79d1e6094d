"""What happens to entities that are created, changed and deleted."""

from uuid import uuid4

import pytest
from doubles.operations import create, delete, keyed, update

from ft_dcc.server.errors import Conflict, DuplicateEntryError, ParseError, ValidationError

from .conftest import reference


def new_id() -> str:
    return str(uuid4())


@pytest.fixture
def asset(client, tree):
    return client.create("Asset", name="playblast", context_id=tree.shot)


def test_a_batch_may_refer_to_entities_that_it_creates_later(client):
    project, shot, task = new_id(), new_id(), new_id()
    answers = client.call(
        create("Task", id=task, name="animation", parent=reference("Shot", shot)),
        create("Shot", id=shot, name="sh010", parent_id=project),
        create("Project", id=project, name=new_id()),
    )
    assert [answer["data"]["__entity_type__"] for answer in answers] == ["Task", "Shot", "Project"]
    assert answers[0]["data"]["project_id"] == project
    assert client.query(f"select project_id from Task where id is {task}")[0]["project_id"] == project


def test_a_create_returns_all_sent_and_added_values(client, tree):
    sent = {"__type__": "datetime", "value": "2024-01-02T03:04:05.678000+00:00"}
    (answer,) = client.call(create("Task", id="own-id", name="x", parent_id=tree.shot, start_date=sent))
    data = answer["data"]
    assert answer["action"] == "create"
    assert data["start_date"] == sent
    assert data["created_by_id"] == client.caller.id
    assert data["bid"] == 0.0
    assert "description" not in data
    stored = client.query("select start_date, status.name, type.name, priority.name from Task where id is own-id")[0]
    assert stored["start_date"] == {"__type__": "datetime", "value": "2024-01-02T03:04:05"}
    assert stored["status"]["name"] == "Not started"
    assert stored["type"]["name"] == "Generic"
    assert stored["priority"]["name"] == "None"


def test_a_time_with_a_zone_is_stored_in_utc(client, tree):
    client.update("Task", tree.layout, end_date={"__type__": "datetime", "value": "2024-05-01T00:30:00+02:00"})
    stored = client.query(f"select end_date from Task where id is {tree.layout}")[0]["end_date"]
    assert stored["value"] == "2024-04-30T22:30:00"


def test_versions_of_an_asset_are_numbered_by_the_server(client, asset):
    operations = [create("AssetVersion", id=new_id(), asset_id=asset) for _ in range(3)]
    assert [answer["data"]["version"] for answer in client.call(*operations)] == [1, 2, 3]
    (found,) = client.query(f"select latest_version.version from Asset where id is {asset}")
    assert found["latest_version"]["version"] == 3
    assert len(client.query(f"AssetVersion where asset_id is {asset} and is_latest_version is false")) == 2


def test_a_repeated_batch_changes_nothing(client, tree, asset):
    version, component = new_id(), new_id()
    batch = [
        create("AssetVersion", id=version, asset_id=asset, task_id=tree.animation, comment="first"),
        create("FileComponent", id=component, name="main", file_type=".mp4", size=7),
        update("Component", component, version_id=version),
        keyed("Metadata", parent_id=component, parent_type="FileComponent", key="k", value="v"),
        create("ReviewSession", id=new_id(), name="dailies", project_id=tree.project),
    ]
    first = client.call(*batch)
    second = client.call(*batch)
    keys = [[answer["data"].get(name) for name in ("id", "version", "key", "start_date")] for answer in first]
    assert [[answer["data"].get(name) for name in ("id", "version", "key", "start_date")] for answer in second] == keys
    assert len(client.query(f"AssetVersion where asset_id is {asset}")) == 1


def test_a_used_id_with_other_values_is_refused(client, tree):
    with pytest.raises(DuplicateEntryError, match="with other values"):
        client.call(create("Task", id=tree.layout, name="other", parent_id=tree.shot))


def test_names_are_unique_below_one_parent(client, tree):
    with pytest.raises(DuplicateEntryError, match="another Shot 'sh010' has the same parent_id and name"):
        client.create("Shot", name="sh010", parent_id=tree.sequence)
    with pytest.raises(DuplicateEntryError, match="parent_id and name already"):
        client.update("Shot", tree.other_shot, name="sh010")
    with pytest.raises(ValidationError, match="DuplicateEntryError: there is a project"):
        client.create("Project", name=tree.name)
    for _ in range(2):
        client.create("Asset", name="playblast", context_id=tree.shot)


def test_references_to_entities_deleted_in_the_batch_are_not_checked(client):
    component, location = new_id(), new_id()
    unmanaged = "cb268ecc-8809-11e3-a7e2-20c9d081909b"
    client.create("FileComponent", id=component, name="main", file_type=".mp4", size=7)
    client.call(
        create("ComponentLocation", id=location, component_id=component, location_id=unmanaged),
        delete("ComponentLocation", location),
        delete("FileComponent", component),
    )
    assert client.query(f"Component where id is {component}") == []


def test_a_refused_operation_rolls_back_the_batch(client, tree):
    with pytest.raises(ValidationError, match="Task has no attribute 'colour'"):
        client.call(
            update("Task", tree.layout, name="renamed"),
            create("Task", id=new_id(), name="new", parent_id=tree.shot, colour="red"),
        )
    assert client.names(f"select name from Task where id is {tree.layout}") == ["layout"]


@pytest.mark.parametrize(
    ("entity_type", "data", "message"),
    [
        ("Shot", {"name": "x"}, "A Shot needs a parent that exists"),
        ("AssetVersion", {"asset_id": "nobody"}, "An AssetVersion needs an asset that exists"),
        ("User", {"username": "u", "user_type_id": "nobody"}, "User.user_type_id refers to UserType 'nobody'"),
        ("User", {"username": "u", "thumbnail_url": {}}, "User.thumbnail_url is computed. Leave it out."),
        (
            "User",
            {"username": "u", "is_active": "maybe"},
            "'User.is_active' must be of type boolean, and 'maybe' is not",
        ),
        ("Job", {"status": "lost"}, "Job.status must be one of queued, running, done, failed"),
        ("TypedContext", {"name": "x"}, "TypedContext is an abstract type. Create one of"),
        ("TypedContextStatusChange", {}, "TypedContextStatusChange is written by the server alone"),
        ("Metadata", {"key": "k", "value": "v"}, "Metadata has no attribute 'id'"),
        ("Nothing", {}, "There is no entity type 'Nothing'"),
        ("Scope", {"name": [[{"__entity_type__": "x"}]]}, "'Scope.name' takes a value, not an entity"),
        ("Scope", {"name": {"__entity_type__": "Scope", "id": "1"}}, "'Scope.name' takes a value, not an entity"),
        ("Timelog", {"user": {"__entity_type__": "Scope", "id": "1"}}, "The reference is a Scope; expected a User"),
        ("Timelog", {"user": {"__entity_type__": "User"}}, "A reference to User needs its id"),
    ],
)
def test_invalid_values_are_refused_with_the_reason(client, entity_type, data, message):
    with pytest.raises(ValidationError) as refused:
        client.create(entity_type, **data)
    assert message in str(refused.value)


def test_sending_a_list_replaces_the_members(client, tree, asset):
    version = client.create("AssetVersion", asset_id=asset)
    first, second = client.create("FileComponent", name="a"), client.create("FileComponent", name="b")
    members = f"select name from Component where version_id is {version} order by name"
    client.update("AssetVersion", version, components=[reference("FileComponent", key) for key in (first, second)])
    assert client.names(members) == ["a", "b"]
    client.update("AssetVersion", version, components=[reference("FileComponent", second)])
    assert client.names(members) == ["b"]
    assert client.query(f"select version_id from FileComponent where id is {first}")[0]["version_id"] is None


def test_sending_a_list_replaces_linked_members(client, tree):
    scopes = [client.create("Scope", name=new_id()) for _ in range(2)]
    for members in (scopes, scopes[1:]):
        client.update("Task", tree.layout, scopes=[reference("Scope", scope) for scope in members])
        (task,) = client.query(f"select scopes from Task where id is {tree.layout}")
        assert sorted(found["id"] for found in task["scopes"]) == sorted(members)


def test_assignments_are_appointments_of_type_assignment(client, tree):
    appointment = client.create("Appointment", resource_id=client.caller.id, context_id=tree.shot, type="allocation")
    client.update("Task", tree.layout, assignments=[reference("Appointment", appointment)])
    (found,) = client.query(f"select type, context_id from Appointment where id is {appointment}")
    assert (found["type"], found["context_id"]) == ("assignment", tree.layout)


def test_metadata_missing_from_the_list_is_deleted(client, tree):
    def keys() -> list[str]:
        return [row["key"] for row in client.query(f"Metadata where parent_id is {tree.shot}")]

    for key in ("a", "b"):
        client.call(keyed("Metadata", parent_id=tree.shot, parent_type="Shot", key=key, value="1"))
    client.update("Shot", tree.shot, metadata=[{"__entity_type__": "Metadata", "parent_id": tree.shot, "key": "b"}])
    assert keys() == ["b"]
    client.call(delete("Metadata", tree.shot, "b"), delete("Metadata", tree.shot, "a"))
    assert keys() == []


def test_the_metadata_of_another_entity_is_refused_and_the_own_is_kept(client, tree):
    for shot in (tree.shot, tree.other_shot):
        client.call(keyed("Metadata", parent_id=shot, parent_type="Shot", key="own", value="1"))
    foreign = {"__entity_type__": "Metadata", "parent_id": tree.other_shot, "key": "own"}
    with pytest.raises(ValidationError, match="of another entity"):
        client.update("Shot", tree.shot, metadata=[foreign])
    assert len(client.query(f"Metadata where parent_id in ({tree.shot}, {tree.other_shot})")) == 2


def test_permissions_are_answered_for_each_type_with_any_id(client, tree):
    for entity_type in [name for name, found in client.studio.schema.types.items() if not found.is_private]:
        for given in (tree.shot, "x", 5, [1], None):
            asked = {"action": "permissions", "entity_type": entity_type, "entity_data": {"id": given}}
            assert "read" in client.call(asked)[0]["data"]


def test_a_note_gets_its_parent_and_its_author_as_recipient(client, tree):
    note, reply = new_id(), new_id()
    other = client.create("User", username=new_id())
    recipient = {"__entity_type__": "Recipient", "note_id": note, "resource_id": other}
    client.call(
        create("Note", id=note, content="Lift the chin.", author=reference("User", client.caller.id)),
        update("Task", tree.layout, notes=[reference("Note", note)]),
        keyed("Recipient", note_id=note, resource_id=other),
        update("Note", note, recipients=[recipient]),
    )
    (found,) = client.query(f"select parent_id, parent_type, recipients from Note where id is {note}")
    assert (found["parent_id"], found["parent_type"]) == (tree.layout, "Task")
    assert {row["resource_id"] for row in found["recipients"]} == {other, client.caller.id}
    client.call(
        create("Note", id=reply, content="Done.", author=reference("User", other)),
        update("Note", note, replies=[reference("Note", reply)]),
    )
    (answered,) = client.query(f"select parent_id, in_reply_to_id from Note where id is {reply}")
    assert (answered["parent_id"], answered["in_reply_to_id"]) == (tree.layout, note)


def test_the_first_label_of_a_note_sets_its_category(client, tree):
    label = client.create("NoteLabel", name="for later")
    note = client.create("Note", content="x", parent_id=tree.layout, parent_type="Task")
    client.call(keyed("NoteLabelLink", note_id=note, label_id=label))
    (found,) = client.query(f"select category.name from Note where id is {note}")
    assert found["category"] == {"__entity_type__": "NoteCategory", "id": label, "name": "for later"}


def test_status_changes_are_recorded(client, tree):
    client.update("Task", tree.layout, status_id=client.query("Status where name is Approved")[0]["id"])
    changes = f"StatusChange where parent_id is {tree.layout}"
    (change,) = client.query(f"select status.name, from_status.name, user from {changes}")
    assert change["__entity_type__"] == "TypedContextStatusChange"
    assert (change["from_status"]["name"], change["status"]["name"]) == ("Not started", "Approved")


def test_moving_a_context_moves_its_descendants(client, tree):
    other = client.create("Project", name=new_id())
    client.update("Shot", tree.shot, parent_id=other)
    assert client.query(f"select project_id from Task where id is {tree.layout}")[0]["project_id"] == other
    with pytest.raises(ValidationError, match="cannot be moved below itself"):
        client.update("Shot", tree.shot, parent_id=tree.layout)


def test_immutable_attributes_cannot_be_changed(client, tree):
    with pytest.raises(ValidationError, match=r"Task\.object_type_id cannot be changed"):
        client.update("Task", tree.layout, object_type_id="bad911de-3bd6-47b9-8b46-3476e237cb36")
    with pytest.raises(ValidationError, match="There is no Task 'nobody' to update"):
        client.update("Task", "nobody", name="x")
    with pytest.raises(ValidationError, match="There is no Shot"):
        client.update("Shot", tree.layout, name="x")


def test_deleting_a_project_deletes_its_content(client, tree, asset):
    version = client.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    component = client.create("FileComponent", version_id=version)
    client.store(component)
    server = "3a372bde-05bc-11e4-8908-20c9d081909b"
    client.create("ComponentLocation", component_id=component, location_id=server, resource_identifier=component)
    client.create("Note", content="x", parent_id=version, parent_type="AssetVersion")
    session = client.create("ReviewSession", project_id=tree.project)
    client.create("ReviewSessionObject", review_session_id=session, version_id=version)
    client.call(keyed("Metadata", parent_id=component, parent_type="FileComponent", key="k", value="v"))
    client.delete("Project", tree.project)
    for expression in (
        f"Context where id in ({tree.project}, {tree.shot}, {tree.layout})",
        f"Asset where id is {asset}",
        f"Component where id is {component}",
        f"ComponentLocation where component_id is {component}",
        f"Note where parent_id is {version}",
        f"ReviewSessionObject where version_id is {version}",
        f"Metadata where parent_id is {component}",
    ):
        assert client.query(expression) == [], expression


def test_deleting_a_missing_entity_is_no_error(client, tree):
    client.delete("Task", tree.layout)
    assert client.call(delete("Task", tree.layout))[0] == {"action": "delete", "data": True}


def test_references_to_a_deleted_entity_are_cleared(client, tree, asset):
    version = client.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    client.delete("Task", tree.layout)
    assert client.query(f"select task_id from AssetVersion where id is {version}")[0]["task_id"] is None


def test_a_location_in_use_cannot_be_deleted(client):
    location, component = client.create("Location", name=new_id()), client.create("FileComponent")
    row = client.create("ComponentLocation", component_id=component, location_id=location, resource_identifier="x")
    with pytest.raises(Conflict, match="in use by 1 ComponentLocation"):
        client.delete("Location", location)
    client.delete("ComponentLocation", row)
    client.delete("Location", location)
    assert client.query(f"Location where id is {location}") == []


def test_a_custom_attribute_accepts_values_of_its_type_only(client, tree):
    configurations = {row["key"]: row["id"] for row in client.query("select key from CustomAttributeConfiguration")}
    with pytest.raises(ValidationError, match='value for "fstart" must be of type number'):
        client.update("ContextCustomAttributeValue", [configurations["fstart"], tree.shot], value="x")
    with pytest.raises(ValidationError, match="has no custom attribute"):
        client.update("ContextCustomAttributeValue", [configurations["fstart"], tree.layout], value=1)
    client.update("ContextCustomAttributeValue", [configurations["fps"], tree.shot], value=23.976)
    client.call(delete("ContextCustomAttributeValue", configurations["fps"], tree.shot))
    value = f"select value from ContextCustomAttributeValue where entity_id is {tree.shot} and key is fps"
    assert client.query(value)[0]["value"] is None


def test_a_second_timer_of_a_user_is_a_duplicate(client):
    user = client.create("User", username=new_id())
    client.create("Timer", user_id=user)
    with pytest.raises(DuplicateEntryError, match="DuplicateEntryError"):
        client.create("Timer", user_id=user)


def test_a_review_session_is_open_between_its_dates(client, tree):
    past = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
    closed = client.create("ReviewSession", name="closed", project_id=tree.project, end_date=past)
    still = client.create("ReviewSession", name="still", project_id=tree.project)
    found = {row["id"]: row for row in client.query("select is_open, review_url from ReviewSession")}
    assert (found[closed]["is_open"], found[still]["is_open"]) == (False, True)
    assert found[still]["review_url"].startswith(f"http://studio.test/review/{still}/")
    is_open = f"is_open is true and project_id is {tree.project}"
    assert client.names(f"select name from ReviewSession where {is_open}") == ["still"]


def moment(year: int) -> dict[str, str]:
    return {"__type__": "datetime", "value": f"{year}-03-04T09:30:00"}


def test_a_review_session_that_would_close_before_it_opens_is_refused(client, tree):
    reason = "would close on 2090-03-04 09:30 UTC before it opens on 2091-03-04 09:30 UTC. Set a later end_date"
    dates = {"start_date": moment(2091), "end_date": moment(2090)}
    with pytest.raises(ValidationError, match=reason):
        client.create("ReviewSession", name="Dailies", project_id=tree.project, **dates)
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project, start_date=moment(2091))
    for values in ({"end_date": moment(2090)}, dates, {"end_date": moment(2091)}):
        with pytest.raises(ValidationError, match="before it opens"):
            client.update("ReviewSession", session, **values)
    with pytest.raises(ValidationError, match="2020-03-04 09:30 UTC before it opens on 2021"):
        client.create(
            "ReviewSession", name="x", project_id=tree.project, start_date=moment(2021), end_date=moment(2020)
        )
    # An end that has passed closes the session at once.
    client.update("ReviewSession", session, end_date=moment(2020))
    client.update("ReviewSession", session, end_date=moment(2092))
    with pytest.raises(ValidationError, match="before it opens"):
        client.update("ReviewSession", session, start_date=moment(2093))
    client.update("ReviewSession", session, start_date=moment(2093), end_date=moment(2094))


def found(client, **words):
    return sorted(row["id"] for row in client.call({"action": "search", **words})[0]["data"])


def test_a_search_respects_its_expression(client, tree):
    (name,) = {shot["name"] for shot in client.query(f"select name from Shot where id is {tree.shot}")}
    term, inside = name[1:4], f"project_id is {tree.project}"
    here = {"terms": [term], "entity_type": "Shot"}
    assert tree.shot in found(client, **here, expression=f"select name from Shot where {inside}")
    either = f'Shot where name is "where limit 1" or {inside} order by name limit 1'
    assert len(found(client, **here, expression=either)) == 1
    assert len(found(client, **here, expression="Shot order by name limit 1", context_id=tree.project)) == 1
    assert found(client, **here, expression=f"Shot where not ({inside})", context_id=tree.project) == []
    assert found(client, terms=["%"], entity_type="Shot", context_id=tree.project) == []
    assert found(client, terms=[], entity_type="Project", context_id=tree.project) == [tree.project]


def test_a_search_uses_other_attributes_for_types_without_a_name(client, tree):
    asset = client.create("Asset", name="turn_table", context_id=tree.shot)
    version = client.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    note = client.create("Note", content="Too bright.", parent_id=tree.shot, parent_type="Shot")
    user = client.create("User", username=uuid4().hex, first_name="Ida", last_name="Berglund")
    for context in (tree.shot, tree.sequence, tree.project):
        assert found(client, entity_type="AssetVersion", terms=["turn", "n_t"], context_id=context) == [version]
        assert found(client, entity_type="Asset", terms=["table"], context_id=context) == [asset]
    assert found(client, entity_type="Asset", terms=["table"], context_id=tree.layout) == []
    assert note in found(client, entity_type="Note", terms=["bright"])
    assert user in found(client, entity_type="User", terms=["berglund"])
    with pytest.raises(ValidationError, match="Recipient has no name"):
        found(client, entity_type="Recipient", terms=["x"])
    with pytest.raises(ValidationError, match="A User belongs to no context"):
        found(client, entity_type="User", terms=["x"], context_id=tree.project)


def test_a_search_finds_by_parts_of_names(client, tree):
    asked = {"action": "search", "terms": ["lay"], "context_id": tree.project}
    (answer,) = client.call(asked)
    assert [found["name"] for found in answer["data"]] == ["layout"]
    (answer,) = client.call({**asked, "terms": ["sh0"], "entity_type": "Shot", "context_id": tree.sequence})
    assert [found["name"] for found in answer["data"]] == ["sh010", "sh020"]


def test_invalid_unicode_is_refused(client, tree):
    with pytest.raises((ParseError, ValidationError), match="not Unicode"):
        client.query('Task where name is "\ud800"')
    with pytest.raises(ValidationError, match="not Unicode"):
        client.create("Scope", name="\ud800")


def test_a_review_session_without_a_project_is_in_the_project_of_its_own(client, tree):
    first, second = (client.create("ReviewSession", name=name) for name in ("Dailies", "Weekly"))
    found = client.query(f"select project.name, project_id from ReviewSession where id in ({first}, {second})")
    assert len({session["project_id"] for session in found}) == 1
    assert client.names(f"Project where id is {found[0]['project_id']}") == ["Reviews"]
    with pytest.raises(ValidationError, match="A ReviewSession needs 'project_id'"):
        client.update("ReviewSession", first, project_id=None)


def test_a_required_name_can_be_set_by_a_later_operation_of_the_transaction(client, tree):
    scope, shot = str(uuid4()), str(uuid4())
    unnamed = [create("Scope", id=scope), create("Shot", id=shot, parent_id=tree.project)]
    named = [update(kind, key, name=f"later {key}") for kind, key in (("Scope", scope), ("Shot", shot))]
    for missing, operations in (("Scope", [*unnamed, named[1]]), ("Shot", [*unnamed, named[0]])):
        with pytest.raises(ValidationError, match=f"A {missing} needs 'name'"):
            client.call(*operations)
    client.call(*unnamed, *named)
    assert client.names(f"Shot where id is {shot}") == [f"later {shot}"]


def test_a_user_needs_no_user_name(client):
    user = client.create("User", first_name="Ada")
    assert client.query(f"select first_name from User where id is {user}")[0]["first_name"] == "Ada"


@pytest.mark.parametrize("missing", ["review_session_id", "name", "email"])
def test_an_invitee_needs_a_session_a_name_and_an_address(client, tree, missing):
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project)
    data = {"review_session_id": session, "name": "Ada", "email": "ada@example.com"}
    del data[missing]
    with pytest.raises(ValidationError, match=f"A ReviewSessionInvitee needs '{missing}'"):
        client.create("ReviewSessionInvitee", **data)


def test_objects_of_a_review_session_are_named_after_their_version_and_stay_in_it(client, tree, asset):
    version = client.create("AssetVersion", asset_id=asset)
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project)
    items = [client.create("ReviewSessionObject", review_session_id=session, version_id=version) for _ in range(2)]
    names = "name, version, sort_order"
    found = client.query(f"select {names} from ReviewSessionObject where review_session_id is {session}")
    assert [[row[name] for name in ("id", *names.split(", "))] for row in found] == [
        [items[0], "playblast", "Version 1", 1.0],
        [items[1], "playblast", "Version 1", 2.0],
    ]
    with pytest.raises(ValidationError, match=r"A ReviewSessionObject needs 'review_session_id'.*Delete it instead"):
        client.update("ReviewSession", session, review_session_objects=[])
    for entity_type, key in (("ReviewSession", session), ("ReviewSessionObject", items[0])):
        client.call(keyed("Metadata", parent_id=key, parent_type=entity_type, key="place", value="Room 1"))
        (found,) = client.query(f"select metadata.key, metadata.value from {entity_type} where id is {key}")
        assert [(each["key"], each["value"]) for each in found["metadata"]] == [("place", "Room 1")]
        assert client.query(f'{entity_type} where metadata any (key is "place" and value like "Room%")') != []


def test_a_repeated_number_of_a_version_is_reported_by_its_attributes(client, asset):
    client.create("AssetVersion", asset_id=asset, version=1)
    with pytest.raises(DuplicateEntryError, match=r"another AssetVersion has the same asset_id and version"):
        client.create("AssetVersion", asset_id=asset, version=1)


def test_an_answer_to_a_change_has_action_type_and_primary_key(client, tree):
    """The official client merges the answer into its cache by these."""
    task = create("Task", name="a", parent_id=tree.project)
    key = task["entity_data"]["id"]
    answers = client.call(
        task,
        keyed("Metadata", parent_id=key, parent_type="Task", key="k", value="v"),
        update("Metadata", key, "k", value="w"),
        update("TypedContext", key, name="b"),
        delete("Task", key),
    )
    assert [answer["action"] for answer in answers] == ["create", "create", "update", "update", "delete"]
    for answer in answers[1:3]:
        data = answer["data"]
        assert (data["__entity_type__"], data["parent_id"], data["key"]) == ("Metadata", key, "k")
    assert answers[3]["data"]["__entity_type__"] == "TypedContext"
    assert answers[4]["data"] is True


def test_a_list_may_have_members_that_the_batch_creates_later(client, tree):
    notes = [create("Note", content=text) for text in ("first", "second")]
    members = [reference("Note", note["entity_data"]["id"]) for note in notes]
    client.call(update("Shot", tree.shot, notes=members), *notes)
    (shot,) = client.query(f"select notes.content from Shot where id is {tree.shot}")
    assert {note["content"] for note in shot["notes"]} == {"first", "second"}
