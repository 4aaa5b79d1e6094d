"""What happens to entities that are created, changed and deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ft_dcc.server.errors import Conflict, DuplicateEntryError, ParseError, ValidationError


def operation(action: str, entity_type: str, key: list[str] | None = None, /, **data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"action": action, "entity_type": entity_type, "entity_data": data}
    return {**found, "entity_key": key} if key is not None else found


def reference(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


def new_id() -> str:
    return str(uuid4())


@pytest.fixture
def asset(client: Any, tree: Any) -> str:
    return client.create("Asset", name="playblast", context_id=tree.shot)


def test_a_batch_may_refer_to_entities_that_it_creates_later(client: Any) -> None:
    project, shot, task = new_id(), new_id(), new_id()
    answers = client.call(
        operation("create", "Task", id=task, name="animation", parent=reference("Shot", shot)),
        operation("create", "Shot", id=shot, name="sh010", parent_id=project),
        operation("create", "Project", id=project, name=new_id()),
    )
    assert [answer["data"]["__entity_type__"] for answer in answers] == ["Task", "Shot", "Project"]
    assert answers[0]["data"]["project_id"] == project
    assert client.query(f"select project_id from Task where id is {task}")[0]["project_id"] == project


def test_a_create_returns_all_sent_and_added_values(client: Any, tree: Any) -> None:
    sent = {"__type__": "datetime", "value": "2024-01-02T03:04:05.678000+00:00"}
    (answer,) = client.call(operation("create", "Task", id="own-id", name="x", parent_id=tree.shot, start_date=sent))
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


def test_a_time_with_a_zone_is_stored_in_utc(client: Any, tree: Any) -> None:
    client.update("Task", tree.layout, end_date={"__type__": "datetime", "value": "2024-05-01T00:30:00+02:00"})
    stored = client.query(f"select end_date from Task where id is {tree.layout}")[0]["end_date"]
    assert stored["value"] == "2024-04-30T22:30:00"


def test_versions_of_an_asset_are_numbered_by_the_server(client: Any, asset: str) -> None:
    operations = [operation("create", "AssetVersion", id=new_id(), asset_id=asset) for _ in range(3)]
    assert [answer["data"]["version"] for answer in client.call(*operations)] == [1, 2, 3]
    (found,) = client.query(f"select latest_version.version from Asset where id is {asset}")
    assert found["latest_version"]["version"] == 3
    assert len(client.query(f"AssetVersion where asset_id is {asset} and is_latest_version is false")) == 2


def test_a_repeated_batch_changes_nothing(client: Any, tree: Any, asset: str) -> None:
    version, component = new_id(), new_id()
    batch = [
        operation("create", "AssetVersion", id=version, asset_id=asset, task_id=tree.animation, comment="first"),
        operation("create", "FileComponent", id=component, name="main", file_type=".mp4", size=7),
        operation("update", "Component", [component], version_id=version),
        operation("create", "Metadata", parent_id=component, parent_type="FileComponent", key="k", value="v"),
        operation("create", "ReviewSession", id=new_id(), name="dailies", project_id=tree.project),
    ]
    first = client.call(*batch)
    second = client.call(*batch)
    keys = [[answer["data"].get(name) for name in ("id", "version", "key", "start_date")] for answer in first]
    assert [[answer["data"].get(name) for name in ("id", "version", "key", "start_date")] for answer in second] == keys
    assert len(client.query(f"AssetVersion where asset_id is {asset}")) == 1


def test_a_used_id_with_other_values_is_refused(client: Any, tree: Any) -> None:
    with pytest.raises(DuplicateEntryError, match="with other values"):
        client.call(operation("create", "Task", id=tree.layout, name="other", parent_id=tree.shot))


def test_names_are_unique_below_one_parent(client: Any, tree: Any) -> None:
    with pytest.raises(DuplicateEntryError, match="another Shot 'sh010' has the same parent_id and name"):
        client.create("Shot", name="sh010", parent_id=tree.sequence)
    with pytest.raises(DuplicateEntryError, match="parent_id and name already"):
        client.update("Shot", tree.other_shot, name="sh010")
    with pytest.raises(ValidationError, match="DuplicateEntryError: there is a project"):
        client.create("Project", name=tree.name)


def test_references_to_entities_deleted_in_the_batch_are_not_checked(client: Any) -> None:
    component, location = new_id(), new_id()
    unmanaged = "cb268ecc-8809-11e3-a7e2-20c9d081909b"
    client.create("FileComponent", id=component, name="main", file_type=".mp4", size=7)
    client.call(
        operation("create", "ComponentLocation", id=location, component_id=component, location_id=unmanaged),
        operation("delete", "ComponentLocation", [location]),
        operation("delete", "FileComponent", [component]),
    )
    assert client.query(f"Component where id is {component}") == []


def test_a_refused_operation_rolls_back_the_batch(client: Any, tree: Any) -> None:
    with pytest.raises(ValidationError, match="Task has no attribute 'colour'"):
        client.call(
            operation("update", "Task", [tree.layout], name="renamed"),
            operation("create", "Task", id=new_id(), name="new", parent_id=tree.shot, colour="red"),
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
def test_invalid_values_are_refused_with_the_reason(
    client: Any, entity_type: str, data: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        client.create(entity_type, **data)
    assert message in str(refused.value)


def test_sending_a_list_replaces_the_members(client: Any, tree: Any, asset: str) -> None:
    version = client.create("AssetVersion", asset_id=asset)
    first, second = client.create("FileComponent", name="a"), client.create("FileComponent", name="b")
    members = f"select name from Component where version_id is {version} order by name"
    client.update("AssetVersion", version, components=[reference("FileComponent", key) for key in (first, second)])
    assert client.names(members) == ["a", "b"]
    client.update("AssetVersion", version, components=[reference("FileComponent", second)])
    assert client.names(members) == ["b"]
    assert client.query(f"select version_id from FileComponent where id is {first}")[0]["version_id"] is None


def test_sending_a_list_replaces_linked_members(client: Any, tree: Any) -> None:
    scopes = [client.create("Scope", name=new_id()) for _ in range(2)]
    client.update("Task", tree.layout, scopes=[reference("Scope", scope) for scope in scopes])
    assert len(client.query(f"select scopes from Task where id is {tree.layout}")[0]["scopes"]) == 2
    client.update("Task", tree.layout, scopes=[reference("Scope", scopes[1])])
    assert [
        found["id"] for found in client.query(f"select scopes from Task where id is {tree.layout}")[0]["scopes"]
    ] == [scopes[1]]


def test_assignments_are_appointments_of_type_assignment(client: Any, tree: Any) -> None:
    appointment = client.create("Appointment", resource_id=client.caller.id, context_id=tree.shot, type="allocation")
    client.update("Task", tree.layout, assignments=[reference("Appointment", appointment)])
    (found,) = client.query(f"select type, context_id from Appointment where id is {appointment}")
    assert (found["type"], found["context_id"]) == ("assignment", tree.layout)


def test_metadata_missing_from_the_list_is_deleted(client: Any, tree: Any) -> None:
    def keys() -> list[str]:
        return [row["key"] for row in client.query(f"Metadata where parent_id is {tree.shot}")]

    for key in ("a", "b"):
        client.call(operation("create", "Metadata", parent_id=tree.shot, parent_type="Shot", key=key, value="1"))
    listed = {"__entity_type__": "Metadata", "parent_id": tree.shot, "key": "b"}
    client.update("Shot", tree.shot, metadata=[listed])
    assert keys() == ["b"]
    client.call(operation("delete", "Metadata", [tree.shot, "b"]), operation("delete", "Metadata", [tree.shot, "a"]))
    assert keys() == []


def test_a_note_gets_its_parent_and_its_author_as_recipient(client: Any, tree: Any) -> None:
    note, reply = new_id(), new_id()
    other = client.create("User", username=new_id())
    recipient = {"__entity_type__": "Recipient", "note_id": note, "resource_id": other}
    client.call(
        operation("create", "Note", id=note, content="Lift the chin.", author=reference("User", client.caller.id)),
        operation("update", "Task", [tree.layout], notes=[reference("Note", note)]),
        operation("create", "Recipient", note_id=note, resource_id=other),
        operation("update", "Note", [note], recipients=[recipient]),
    )
    (found,) = client.query(f"select parent_id, parent_type, recipients from Note where id is {note}")
    assert (found["parent_id"], found["parent_type"]) == (tree.layout, "Task")
    assert {row["resource_id"] for row in found["recipients"]} == {other, client.caller.id}
    client.call(
        operation("create", "Note", id=reply, content="Done.", author=reference("User", other)),
        operation("update", "Note", [note], replies=[reference("Note", reply)]),
    )
    (answered,) = client.query(f"select parent_id, in_reply_to_id from Note where id is {reply}")
    assert (answered["parent_id"], answered["in_reply_to_id"]) == (tree.layout, note)


def test_the_first_label_of_a_note_sets_its_category(client: Any, tree: Any) -> None:
    label = client.create("NoteLabel", name="for later")
    note = client.create("Note", content="x", parent_id=tree.layout, parent_type="Task")
    client.call(operation("create", "NoteLabelLink", note_id=note, label_id=label))
    (found,) = client.query(f"select category.name from Note where id is {note}")
    assert found["category"] == {"__entity_type__": "NoteCategory", "id": label, "name": "for later"}


def test_status_changes_are_recorded(client: Any, tree: Any) -> None:
    approved = client.query("Status where name is Approved")[0]["id"]
    client.update("Task", tree.layout, status_id=approved)
    (change,) = client.query(
        f"select status.name, from_status.name, user from StatusChange where parent_id is {tree.layout}"
    )
    assert change["__entity_type__"] == "TypedContextStatusChange"
    assert (change["from_status"]["name"], change["status"]["name"]) == ("Not started", "Approved")


def test_moving_a_context_moves_its_descendants(client: Any, tree: Any) -> None:
    other = client.create("Project", name=new_id())
    client.update("Shot", tree.shot, parent_id=other)
    assert client.query(f"select project_id from Task where id is {tree.layout}")[0]["project_id"] == other
    with pytest.raises(ValidationError, match="cannot be moved below itself"):
        client.update("Shot", tree.shot, parent_id=tree.layout)


def test_immutable_attributes_cannot_be_changed(client: Any, tree: Any) -> None:
    with pytest.raises(ValidationError, match=r"Task\.object_type_id cannot be changed"):
        client.update("Task", tree.layout, object_type_id="bad911de-3bd6-47b9-8b46-3476e237cb36")
    with pytest.raises(ValidationError, match="There is no Task 'nobody' to update"):
        client.update("Task", "nobody", name="x")
    with pytest.raises(ValidationError, match="There is no Shot"):
        client.update("Shot", tree.layout, name="x")


def test_deleting_a_project_deletes_its_content(client: Any, tree: Any, asset: str) -> None:
    version = client.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    component = client.create("FileComponent", version_id=version)
    client.studio.media.path(component).parent.mkdir(parents=True, exist_ok=True)
    client.studio.media.path(component).write_bytes(b"film")
    server = "3a372bde-05bc-11e4-8908-20c9d081909b"
    client.create("ComponentLocation", component_id=component, location_id=server, resource_identifier=component)
    client.create("Note", content="x", parent_id=version, parent_type="AssetVersion")
    session = client.create("ReviewSession", project_id=tree.project)
    client.create("ReviewSessionObject", review_session_id=session, version_id=version)
    client.call(operation("create", "Metadata", parent_id=component, parent_type="FileComponent", key="k", value="v"))
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


def test_deleting_a_missing_entity_is_no_error(client: Any, tree: Any) -> None:
    client.delete("Task", tree.layout)
    assert client.call(operation("delete", "Task", [tree.layout]))[0] == {"action": "delete", "data": True}


def test_references_to_a_deleted_entity_are_cleared(client: Any, tree: Any, asset: str) -> None:
    version = client.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    client.delete("Task", tree.layout)
    assert client.query(f"select task_id from AssetVersion where id is {version}")[0]["task_id"] is None


def test_a_location_in_use_cannot_be_deleted(client: Any) -> None:
    location, component = client.create("Location", name=new_id()), client.create("FileComponent")
    row = client.create("ComponentLocation", component_id=component, location_id=location, resource_identifier="x")
    with pytest.raises(Conflict, match="in use by 1 ComponentLocation"):
        client.delete("Location", location)
    client.delete("ComponentLocation", row)
    client.delete("Location", location)
    assert client.query(f"Location where id is {location}") == []


def test_a_custom_attribute_accepts_values_of_its_type_only(client: Any, tree: Any) -> None:
    configurations = {row["key"]: row["id"] for row in client.query("select key from CustomAttributeConfiguration")}
    with pytest.raises(ValidationError, match='value for "fstart" must be of type number'):
        client.update("ContextCustomAttributeValue", [configurations["fstart"], tree.shot], value="x")
    with pytest.raises(ValidationError, match="has no custom attribute"):
        client.update("ContextCustomAttributeValue", [configurations["fstart"], tree.layout], value=1)
    client.update("ContextCustomAttributeValue", [configurations["fps"], tree.shot], value=23.976)
    client.call(operation("delete", "ContextCustomAttributeValue", [configurations["fps"], tree.shot]))
    value = f"select value from ContextCustomAttributeValue where entity_id is {tree.shot} and key is fps"
    assert client.query(value)[0]["value"] is None


def test_a_second_timer_of_a_user_is_a_duplicate(client: Any) -> None:
    user = client.create("User", username=new_id())
    client.create("Timer", user_id=user)
    with pytest.raises(DuplicateEntryError, match="DuplicateEntryError"):
        client.create("Timer", user_id=user)


def test_a_review_session_is_open_between_its_dates(client: Any, tree: Any) -> None:
    past = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
    closed = client.create("ReviewSession", name="closed", project_id=tree.project, end_date=past)
    still = client.create("ReviewSession", name="still", project_id=tree.project)
    found = {row["id"]: row for row in client.query("select is_open, review_url from ReviewSession")}
    assert (found[closed]["is_open"], found[still]["is_open"]) == (False, True)
    assert found[still]["review_url"].startswith(f"http://studio.test/review/{still}/")
    assert client.names(f"select name from ReviewSession where is_open is true and project_id is {tree.project}") == [
        "still"
    ]


def moment(year: int) -> dict[str, str]:
    return {"__type__": "datetime", "value": f"{year}-03-04T09:30:00"}


def test_a_review_session_that_would_close_before_it_opens_is_refused(client: Any, tree: Any) -> None:
    reason = "would close on 2090-03-04 09:30 UTC before it opens on 2091-03-04 09:30 UTC. Set a later end_date"
    dates = {"start_date": moment(2091), "end_date": moment(2090)}
    with pytest.raises(ValidationError, match=reason):
        client.create("ReviewSession", name="Dailies", project_id=tree.project, **dates)
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project, start_date=moment(2091))
    for values in ({"end_date": moment(2090)}, dates, {"end_date": moment(2091)}):
        with pytest.raises(ValidationError, match="before it opens"):
            client.update("ReviewSession", session, **values)
    client.update("ReviewSession", session, end_date=moment(2092))
    with pytest.raises(ValidationError, match="before it opens"):
        client.update("ReviewSession", session, start_date=moment(2093))
    client.update("ReviewSession", session, start_date=moment(2093), end_date=moment(2094))


def test_a_review_session_is_closed_before_it_opens_by_an_end_that_has_passed(client: Any, tree: Any) -> None:
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project, start_date=moment(2091))
    client.update("ReviewSession", session, end_date=moment(2020))
    assert client.query(f"select is_open from ReviewSession where id is {session}")[0]["is_open"] is False


def test_a_review_session_object_is_named_after_its_version(client: Any, tree: Any, asset: str) -> None:
    version = client.create("AssetVersion", asset_id=asset)
    session = client.create("ReviewSession", project_id=tree.project)
    entries = [client.create("ReviewSessionObject", review_session_id=session, version_id=version) for _ in range(2)]
    found = client.query(
        "select name, version, sort_order from ReviewSessionObject where review_session_id is " + session
    )
    assert [(row["id"], row["name"], row["version"], row["sort_order"]) for row in found] == [
        (entries[0], "playblast", "Version 1", 1.0),
        (entries[1], "playblast", "Version 1", 2.0),
    ]


def test_a_user_gets_a_new_key_each_time(client: Any) -> None:
    user = client.create("User", username=new_id())
    reset = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": user}
    first, second = (client.call(reset)[0]["data"]["api_key"] for _ in range(2))
    assert first != second


def test_each_part_of_an_upload_has_a_url(client: Any) -> None:
    asked = {"action": "get_upload_metadata", "component_id": "c", "file_name": "a.mp4", "file_size": 20_000_000}
    (single,) = client.call({**asked, "checksum": None})
    assert single["url"].startswith("http://studio.test/component/upload/")
    assert single["headers"]["Content-Length"] == "20000000"
    (several,) = client.call({**asked, "parts": 3})
    assert [part["part_number"] for part in several["urls"]] == [1, 2, 3]
    with pytest.raises(ValidationError, match="An upload needs its file_size"):
        client.call({**asked, "file_size": "large"})


def test_server_information_can_be_limited_to_values(client: Any) -> None:
    (information,) = client.call({"action": "query_server_information", "values": ["is_timezone_support_enabled"]})
    assert information == {"is_timezone_support_enabled": True}
    (information,) = client.call({"action": "query_server_information"})
    assert information["user_information"]["username"] == "admin"


def found(client: Any, **words: Any) -> list[str]:
    return sorted(row["id"] for row in client.call({"action": "search", **words})[0]["data"])


def test_a_search_respects_its_expression(client: Any, tree: Any) -> None:
    (name,) = {shot["name"] for shot in client.query(f"select name from Shot where id is {tree.shot}")}
    term, inside = name[1:4], f"project_id is {tree.project}"
    here = {"terms": [term], "entity_type": "Shot"}
    both = found(client, **here, expression=f"select name from Shot where {inside}")
    assert tree.shot in both
    either = f'Shot where name is "where limit 1" or {inside} order by name limit 1'
    assert len(found(client, **here, expression=either)) == 1
    assert len(found(client, **here, expression="Shot order by name limit 1", context_id=tree.project)) == 1
    assert found(client, **here, expression=f"Shot where not ({inside})", context_id=tree.project) == []
    assert found(client, terms=["%"], entity_type="Shot", context_id=tree.project) == []
    assert found(client, terms=[], entity_type="Project", context_id=tree.project) == [tree.project]


def test_a_search_uses_other_attributes_for_types_without_a_name(client: Any, tree: Any) -> None:
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


def test_a_search_finds_by_parts_of_names(client: Any, tree: Any) -> None:
    asked = {"action": "search", "terms": ["lay"], "context_id": tree.project}
    (answer,) = client.call(asked)
    assert [found["name"] for found in answer["data"]] == ["layout"]
    (answer,) = client.call({**asked, "terms": ["sh0"], "entity_type": "Shot", "context_id": tree.sequence})
    assert [found["name"] for found in answer["data"]] == ["sh010", "sh020"]


def test_an_unknown_action_has_the_error_text_that_clients_match(client: Any) -> None:
    with pytest.raises(ValidationError, match=r"^Invalid action u'fly'$"):
        client.call({"action": "fly"})


def test_invalid_unicode_is_refused(client: Any, tree: Any) -> None:
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


OWNED_BY_REVIEWS = {
    "review_session_id": ("ReviewSessionInvitee", {"name": "Ada", "email": "ada@example.com"}),
    "name": ("ReviewSessionInvitee", {"review_session": "session", "email": "ada@example.com"}),
    "email": ("ReviewSessionInvitee", {"review_session": "session", "name": "Ada", "email": ""}),
}


@pytest.mark.parametrize("missing", sorted(OWNED_BY_REVIEWS))
def test_an_invitee_needs_a_session_a_name_and_an_address(client, tree, missing):
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project)
    entity_type, values = OWNED_BY_REVIEWS[missing]
    data = {
        name: reference("ReviewSession", session) if value == "session" else value for name, value in values.items()
    }
    with pytest.raises(ValidationError, match=f"A ReviewSessionInvitee needs '{missing}'"):
        client.create(entity_type, **data)


def test_a_required_name_can_be_set_by_a_later_operation_of_the_transaction(client, tree):
    scope, shot = str(uuid4()), str(uuid4())
    unnamed = [
        {"action": "create", "entity_type": "Scope", "entity_data": {"id": scope}},
        {"action": "create", "entity_type": "Shot", "entity_data": {"id": shot, "parent_id": tree.project}},
    ]
    named = [
        {"action": "update", "entity_type": kind, "entity_key": [key], "entity_data": {"name": f"later {key}"}}
        for kind, key in (("Scope", scope), ("Shot", shot))
    ]
    for missing, operations in (("Scope", [*unnamed, named[1]]), ("Shot", [*unnamed, named[0]])):
        with pytest.raises(ValidationError, match=f"A {missing} needs 'name'"):
            client.call(*operations)
    client.call(*unnamed, *named)
    assert client.names(f"Shot where id is {shot}") == [f"later {shot}"]


def test_a_user_needs_no_user_name(client):
    user = client.create("User", first_name="Ada")
    assert client.query(f"select first_name from User where id is {user}")[0]["first_name"] == "Ada"


def test_an_object_cannot_leave_its_review_session(client, tree):
    asset = client.create("Asset", name="playblast", context_id=tree.shot)
    version = client.create("AssetVersion", asset_id=asset)
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project)
    item = client.create("ReviewSessionObject", review_session_id=session, version_id=version)
    with pytest.raises(ValidationError, match=r"A ReviewSessionObject needs 'review_session_id'.*Delete it instead"):
        client.update("ReviewSession", session, review_session_objects=[])
    client.delete("ReviewSessionObject", item)


def test_a_review_session_and_its_objects_have_metadata(client, tree):
    asset = client.create("Asset", name="playblast", context_id=tree.shot)
    version = client.create("AssetVersion", asset_id=asset)
    session = client.create("ReviewSession", name="Dailies", project_id=tree.project)
    item = client.create("ReviewSessionObject", review_session_id=session, version_id=version)
    for entity_type, key in (("ReviewSession", session), ("ReviewSessionObject", item)):
        data = {"parent_id": key, "parent_type": entity_type, "key": "place", "value": "Room 1"}
        client.call({"action": "create", "entity_type": "Metadata", "entity_data": data})
        (found,) = client.query(f"select metadata.key, metadata.value from {entity_type} where id is {key}")
        assert [(each["key"], each["value"]) for each in found["metadata"]] == [("place", "Room 1")]
        assert client.query(f'{entity_type} where metadata any (key is "place" and value like "Room%")') != []


def test_a_repeated_number_of_a_version_is_reported_by_its_attributes(client, tree):
    asset = client.create("Asset", name="playblast", context_id=tree.shot)
    client.create("AssetVersion", asset_id=asset, version=1)
    with pytest.raises(DuplicateEntryError, match=r"another AssetVersion has the same asset_id and version"):
        client.create("AssetVersion", asset_id=asset, version=1)
