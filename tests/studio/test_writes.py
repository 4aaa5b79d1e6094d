"""What happens to entities that are created, changed and deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ft_dcc.errors import Conflict, DuplicateEntryError, ParseError, ValidationError


def operation(action: str, entity_type: str, key: list[str] | None = None, /, **data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"action": action, "entity_type": entity_type, "entity_data": data}
    return {**found, "entity_key": key} if key is not None else found


def reference(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


def new_id() -> str:
    return str(uuid4())


@pytest.fixture
def asset(ask: Any, tree: Any) -> str:
    return ask.create("Asset", name="playblast", context_id=tree.shot)


def test_a_batch_may_name_entities_before_it_creates_them(ask: Any) -> None:
    project, shot, task = new_id(), new_id(), new_id()
    answers = ask.call(
        operation("create", "Task", id=task, name="animation", parent=reference("Shot", shot)),
        operation("create", "Shot", id=shot, name="sh010", parent_id=project),
        operation("create", "Project", id=project, name=new_id()),
    )
    assert [answer["data"]["__entity_type__"] for answer in answers] == ["Task", "Shot", "Project"]
    assert answers[0]["data"]["project_id"] == project
    assert ask.query(f"select project_id from Task where id is {task}")[0]["project_id"] == project


def test_an_answer_to_a_create_has_everything_that_was_sent_and_added(ask: Any, tree: Any) -> None:
    sent = {"__type__": "datetime", "value": "2024-01-02T03:04:05.678000+00:00"}
    (answer,) = ask.call(operation("create", "Task", id="own-id", name="x", parent_id=tree.shot, start_date=sent))
    data = answer["data"]
    assert answer["action"] == "create"
    assert data["start_date"] == sent
    assert data["created_by_id"] == ask.caller.id
    assert data["bid"] == 0.0
    assert "description" not in data
    stored = ask.query("select start_date, status.name, type.name, priority.name from Task where id is own-id")[0]
    assert stored["start_date"] == {"__type__": "datetime", "value": "2024-01-02T03:04:05"}
    assert stored["status"]["name"] == "Not started"
    assert stored["type"]["name"] == "Generic"
    assert stored["priority"]["name"] == "None"


def test_a_time_with_a_zone_is_stored_in_utc(ask: Any, tree: Any) -> None:
    ask.update("Task", tree.layout, end_date={"__type__": "datetime", "value": "2024-05-01T00:30:00+02:00"})
    stored = ask.query(f"select end_date from Task where id is {tree.layout}")[0]["end_date"]
    assert stored["value"] == "2024-04-30T22:30:00"


def test_versions_of_an_asset_are_numbered_by_the_server(ask: Any, asset: str) -> None:
    operations = [operation("create", "AssetVersion", id=new_id(), asset_id=asset) for _ in range(3)]
    assert [answer["data"]["version"] for answer in ask.call(*operations)] == [1, 2, 3]
    (found,) = ask.query(f"select latest_version.version from Asset where id is {asset}")
    assert found["latest_version"]["version"] == 3
    assert len(ask.query(f"AssetVersion where asset_id is {asset} and is_latest_version is false")) == 2


def test_a_repeated_batch_changes_nothing(ask: Any, tree: Any, asset: str) -> None:
    version, component = new_id(), new_id()
    batch = [
        operation("create", "AssetVersion", id=version, asset_id=asset, task_id=tree.animation, comment="first"),
        operation("create", "FileComponent", id=component, name="main", file_type=".mp4", size=7),
        operation("update", "Component", [component], version_id=version),
        operation("create", "Metadata", parent_id=component, parent_type="FileComponent", key="k", value="v"),
        operation("create", "ReviewSession", id=new_id(), name="dailies", project_id=tree.project),
    ]
    first = ask.call(*batch)
    second = ask.call(*batch)
    keys = [[answer["data"].get(name) for name in ("id", "version", "key", "start_date")] for answer in first]
    assert [[answer["data"].get(name) for name in ("id", "version", "key", "start_date")] for answer in second] == keys
    assert len(ask.query(f"AssetVersion where asset_id is {asset}")) == 1


def test_an_id_that_is_taken_is_refused_when_the_values_differ(ask: Any, tree: Any) -> None:
    with pytest.raises(DuplicateEntryError, match="with other values"):
        ask.call(operation("create", "Task", id=tree.layout, name="other", parent_id=tree.shot))


def test_names_are_unique_below_one_parent(ask: Any, tree: Any) -> None:
    with pytest.raises(DuplicateEntryError, match="DuplicateEntryError: there is a Shot 'sh010' already"):
        ask.create("Shot", name="sh010", parent_id=tree.sequence)
    with pytest.raises(DuplicateEntryError, match="parent_id and name already"):
        ask.update("Shot", tree.other_shot, name="sh010")
    with pytest.raises(ValidationError, match="DuplicateEntryError: there is a project"):
        ask.create("Project", name=tree.name)


def test_what_is_created_and_deleted_in_one_batch_refers_to_nothing(ask: Any) -> None:
    component, location = new_id(), new_id()
    unmanaged = "cb268ecc-8809-11e3-a7e2-20c9d081909b"
    ask.create("FileComponent", id=component, name="main", file_type=".mp4", size=7)
    ask.call(
        operation("create", "ComponentLocation", id=location, component_id=component, location_id=unmanaged),
        operation("delete", "ComponentLocation", [location]),
        operation("delete", "FileComponent", [component]),
    )
    assert ask.query(f"Component where id is {component}") == []


def test_a_refused_operation_undoes_the_whole_batch(ask: Any, tree: Any) -> None:
    with pytest.raises(ValidationError, match="Task has no attribute 'colour'"):
        ask.call(
            operation("update", "Task", [tree.layout], name="renamed"),
            operation("create", "Task", id=new_id(), name="new", parent_id=tree.shot, colour="red"),
        )
    assert ask.names(f"select name from Task where id is {tree.layout}") == ["layout"]


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
        ("TypedContext", {"name": "x"}, "TypedContext is a common base. Create one of"),
        ("TypedContextStatusChange", {}, "TypedContextStatusChange is written by the server alone"),
        ("Metadata", {"key": "k", "value": "v"}, "Metadata has no attribute 'id'"),
        ("Nothing", {}, "There is no entity type 'Nothing'"),
        ("Scope", {"name": [[{"__entity_type__": "x"}]]}, "'Scope.name' takes a value, not an entity"),
        ("Scope", {"name": {"__entity_type__": "Scope", "id": "1"}}, "'Scope.name' takes a value, not an entity"),
        ("Timelog", {"user": {"__entity_type__": "Scope", "id": "1"}}, "Scope was sent where User is wanted"),
        ("Timelog", {"user": {"__entity_type__": "User"}}, "A reference to User needs its id"),
    ],
)
def test_what_cannot_be_is_refused_by_name(ask: Any, entity_type: str, data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ask.create(entity_type, **data)
    assert message in str(refused.value)


def test_a_list_is_an_assignment(ask: Any, tree: Any, asset: str) -> None:
    version = ask.create("AssetVersion", asset_id=asset)
    first, second = ask.create("FileComponent", name="a"), ask.create("FileComponent", name="b")
    members = f"select name from Component where version_id is {version} order by name"
    ask.update("AssetVersion", version, components=[reference("FileComponent", key) for key in (first, second)])
    assert ask.names(members) == ["a", "b"]
    ask.update("AssetVersion", version, components=[reference("FileComponent", second)])
    assert ask.names(members) == ["b"]
    assert ask.query(f"select version_id from FileComponent where id is {first}")[0]["version_id"] is None


def test_a_list_through_links_is_an_assignment_too(ask: Any, tree: Any) -> None:
    scopes = [ask.create("Scope", name=new_id()) for _ in range(2)]
    ask.update("Task", tree.layout, scopes=[reference("Scope", scope) for scope in scopes])
    assert len(ask.query(f"select scopes from Task where id is {tree.layout}")[0]["scopes"]) == 2
    ask.update("Task", tree.layout, scopes=[reference("Scope", scopes[1])])
    assert [found["id"] for found in ask.query(f"select scopes from Task where id is {tree.layout}")[0]["scopes"]] == [
        scopes[1]
    ]


def test_assignments_are_appointments_of_their_kind(ask: Any, tree: Any) -> None:
    appointment = ask.create("Appointment", resource_id=ask.caller.id, context_id=tree.shot, type="allocation")
    ask.update("Task", tree.layout, assignments=[reference("Appointment", appointment)])
    (found,) = ask.query(f"select type, context_id from Appointment where id is {appointment}")
    assert (found["type"], found["context_id"]) == ("assignment", tree.layout)


def test_metadata_that_is_not_listed_is_gone(ask: Any, tree: Any) -> None:
    def keys() -> list[str]:
        return [row["key"] for row in ask.query(f"Metadata where parent_id is {tree.shot}")]

    for key in ("a", "b"):
        ask.call(operation("create", "Metadata", parent_id=tree.shot, parent_type="Shot", key=key, value="1"))
    listed = {"__entity_type__": "Metadata", "parent_id": tree.shot, "key": "b"}
    ask.update("Shot", tree.shot, metadata=[listed])
    assert keys() == ["b"]
    ask.call(operation("delete", "Metadata", [tree.shot, "b"]), operation("delete", "Metadata", [tree.shot, "a"]))
    assert keys() == []


def test_a_note_belongs_to_what_it_was_put_on_and_its_writer_hears_of_it(ask: Any, tree: Any) -> None:
    note, reply = new_id(), new_id()
    other = ask.create("User", username=new_id())
    recipient = {"__entity_type__": "Recipient", "note_id": note, "resource_id": other}
    ask.call(
        operation("create", "Note", id=note, content="Lift the chin.", author=reference("User", ask.caller.id)),
        operation("update", "Task", [tree.layout], notes=[reference("Note", note)]),
        operation("create", "Recipient", note_id=note, resource_id=other),
        operation("update", "Note", [note], recipients=[recipient]),
    )
    (found,) = ask.query(f"select parent_id, parent_type, recipients from Note where id is {note}")
    assert (found["parent_id"], found["parent_type"]) == (tree.layout, "Task")
    assert {row["resource_id"] for row in found["recipients"]} == {other, ask.caller.id}
    ask.call(
        operation("create", "Note", id=reply, content="Done.", author=reference("User", other)),
        operation("update", "Note", [note], replies=[reference("Note", reply)]),
    )
    (answered,) = ask.query(f"select parent_id, in_reply_to_id from Note where id is {reply}")
    assert (answered["parent_id"], answered["in_reply_to_id"]) == (tree.layout, note)


def test_a_label_on_a_note_is_its_category(ask: Any, tree: Any) -> None:
    label = ask.create("NoteLabel", name="for later")
    note = ask.create("Note", content="x", parent_id=tree.layout, parent_type="Task")
    ask.call(operation("create", "NoteLabelLink", note_id=note, label_id=label))
    (found,) = ask.query(f"select category.name from Note where id is {note}")
    assert found["category"] == {"__entity_type__": "NoteCategory", "id": label, "name": "for later"}


def test_a_new_status_is_remembered(ask: Any, tree: Any) -> None:
    approved = ask.query("Status where name is Approved")[0]["id"]
    ask.update("Task", tree.layout, status_id=approved)
    (change,) = ask.query(
        f"select status.name, from_status.name, user from StatusChange where parent_id is {tree.layout}"
    )
    assert change["__entity_type__"] == "TypedContextStatusChange"
    assert (change["from_status"]["name"], change["status"]["name"]) == ("Not started", "Approved")


def test_what_moves_to_another_project_takes_along_what_lies_below(ask: Any, tree: Any) -> None:
    other = ask.create("Project", name=new_id())
    ask.update("Shot", tree.shot, parent_id=other)
    assert ask.query(f"select project_id from Task where id is {tree.layout}")[0]["project_id"] == other
    with pytest.raises(ValidationError, match="cannot lie inside itself"):
        ask.update("Shot", tree.shot, parent_id=tree.layout)


def test_what_cannot_be_changed_is_refused(ask: Any, tree: Any) -> None:
    with pytest.raises(ValidationError, match=r"Task\.object_type_id cannot be changed"):
        ask.update("Task", tree.layout, object_type_id="bad911de-3bd6-47b9-8b46-3476e237cb36")
    with pytest.raises(ValidationError, match="There is no Task 'nobody' to update"):
        ask.update("Task", "nobody", name="x")
    with pytest.raises(ValidationError, match="There is no Shot"):
        ask.update("Shot", tree.layout, name="x")


def test_a_deleted_project_takes_everything_in_it_along(ask: Any, tree: Any, asset: str) -> None:
    version = ask.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    component = ask.create("FileComponent", version_id=version)
    ask.studio.files.path(component).parent.mkdir(parents=True, exist_ok=True)
    ask.studio.files.path(component).write_bytes(b"film")
    server = "3a372bde-05bc-11e4-8908-20c9d081909b"
    ask.create("ComponentLocation", component_id=component, location_id=server, resource_identifier=component)
    ask.create("Note", content="x", parent_id=version, parent_type="AssetVersion")
    session = ask.create("ReviewSession", project_id=tree.project)
    ask.create("ReviewSessionObject", review_session_id=session, version_id=version)
    ask.call(operation("create", "Metadata", parent_id=component, parent_type="FileComponent", key="k", value="v"))
    ask.delete("Project", tree.project)
    for expression in (
        f"Context where id in ({tree.project}, {tree.shot}, {tree.layout})",
        f"Asset where id is {asset}",
        f"Component where id is {component}",
        f"ComponentLocation where component_id is {component}",
        f"Note where parent_id is {version}",
        f"ReviewSessionObject where version_id is {version}",
        f"Metadata where parent_id is {component}",
    ):
        assert ask.query(expression) == [], expression


def test_deleting_what_is_gone_is_no_error(ask: Any, tree: Any) -> None:
    ask.delete("Task", tree.layout)
    assert ask.call(operation("delete", "Task", [tree.layout]))[0] == {"action": "delete", "data": True}


def test_what_only_refers_to_a_deleted_entity_forgets_it(ask: Any, tree: Any, asset: str) -> None:
    version = ask.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    ask.delete("Task", tree.layout)
    assert ask.query(f"select task_id from AssetVersion where id is {version}")[0]["task_id"] is None


def test_a_location_in_use_stays(ask: Any) -> None:
    location, component = ask.create("Location", name=new_id()), ask.create("FileComponent")
    row = ask.create("ComponentLocation", component_id=component, location_id=location, resource_identifier="x")
    with pytest.raises(Conflict, match="in use by 1 ComponentLocation"):
        ask.delete("Location", location)
    ask.delete("ComponentLocation", row)
    ask.delete("Location", location)
    assert ask.query(f"Location where id is {location}") == []


def test_a_custom_attribute_takes_values_of_its_kind_only(ask: Any, tree: Any) -> None:
    configurations = {row["key"]: row["id"] for row in ask.query("select key from CustomAttributeConfiguration")}
    with pytest.raises(ValidationError, match='value for "fstart" must be of type number'):
        ask.update("ContextCustomAttributeValue", [configurations["fstart"], tree.shot], value="x")
    with pytest.raises(ValidationError, match="has no custom attribute"):
        ask.update("ContextCustomAttributeValue", [configurations["fstart"], tree.layout], value=1)
    ask.update("ContextCustomAttributeValue", [configurations["fps"], tree.shot], value=23.976)
    ask.call(operation("delete", "ContextCustomAttributeValue", [configurations["fps"], tree.shot]))
    value = f"select value from ContextCustomAttributeValue where entity_id is {tree.shot} and key is fps"
    assert ask.query(value)[0]["value"] is None


def test_a_second_timer_of_a_user_is_a_duplicate(ask: Any) -> None:
    user = ask.create("User", username=new_id())
    ask.create("Timer", user_id=user)
    with pytest.raises(DuplicateEntryError, match="DuplicateEntryError"):
        ask.create("Timer", user_id=user)


def test_a_review_session_is_open_between_its_dates(ask: Any, tree: Any) -> None:
    past = {"__type__": "datetime", "value": "2020-01-01T00:00:00"}
    closed = ask.create("ReviewSession", name="closed", project_id=tree.project, end_date=past)
    still = ask.create("ReviewSession", name="still", project_id=tree.project)
    found = {row["id"]: row for row in ask.query("select is_open, review_url from ReviewSession")}
    assert (found[closed]["is_open"], found[still]["is_open"]) == (False, True)
    assert found[still]["review_url"].startswith(f"http://studio.test/review/{still}/")
    assert ask.names(f"select name from ReviewSession where is_open is true and project_id is {tree.project}") == [
        "still"
    ]


def test_an_entry_of_a_review_session_is_named_after_its_version(ask: Any, tree: Any, asset: str) -> None:
    version = ask.create("AssetVersion", asset_id=asset)
    session = ask.create("ReviewSession", project_id=tree.project)
    entries = [ask.create("ReviewSessionObject", review_session_id=session, version_id=version) for _ in range(2)]
    found = ask.query("select name, version, sort_order from ReviewSessionObject where review_session_id is " + session)
    assert [(row["id"], row["name"], row["version"], row["sort_order"]) for row in found] == [
        (entries[0], "playblast", "Version 1", 1.0),
        (entries[1], "playblast", "Version 1", 2.0),
    ]


def test_a_user_gets_a_new_key_each_time(ask: Any) -> None:
    user = ask.create("User", username=new_id())
    reset = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": user}
    first, second = (ask.call(reset)[0]["data"]["api_key"] for _ in range(2))
    assert first != second


def test_the_parts_of_an_upload_each_have_an_address(ask: Any) -> None:
    asked = {"action": "get_upload_metadata", "component_id": "c", "file_name": "a.mp4", "file_size": 20_000_000}
    (single,) = ask.call({**asked, "checksum": None})
    assert single["url"].startswith("http://studio.test/component/upload/")
    assert single["headers"]["Content-Length"] == "20000000"
    (several,) = ask.call({**asked, "parts": 3})
    assert [part["part_number"] for part in several["urls"]] == [1, 2, 3]
    with pytest.raises(ValidationError, match="An upload needs its file_size"):
        ask.call({**asked, "file_size": "large"})


def test_the_server_tells_what_was_asked_of_it(ask: Any) -> None:
    (information,) = ask.call({"action": "query_server_information", "values": ["is_timezone_support_enabled"]})
    assert information == {"is_timezone_support_enabled": True}
    (information,) = ask.call({"action": "query_server_information"})
    assert information["user_information"]["username"] == "admin"


def found(ask: Any, **words: Any) -> list[str]:
    return sorted(row["id"] for row in ask.call({"action": "search", **words})[0]["data"])


def test_a_search_keeps_to_what_its_expression_says(ask: Any, tree: Any) -> None:
    (name,) = {shot["name"] for shot in ask.query(f"select name from Shot where id is {tree.shot}")}
    term, inside = name[1:4], f"project_id is {tree.project}"
    here = {"terms": [term], "entity_type": "Shot"}
    both = found(ask, **here, expression=f"select name from Shot where {inside}")
    assert tree.shot in both
    either = f'Shot where name is "where limit 1" or {inside} order by name limit 1'
    assert len(found(ask, **here, expression=either)) == 1
    assert len(found(ask, **here, expression="Shot order by name limit 1", context_id=tree.project)) == 1
    assert found(ask, **here, expression=f"Shot where not ({inside})", context_id=tree.project) == []
    assert found(ask, terms=["%"], entity_type="Shot", context_id=tree.project) == []
    assert found(ask, terms=[], entity_type="Project", context_id=tree.project) == [tree.project]


def test_a_search_finds_what_has_no_name_by_what_stands_for_one(ask: Any, tree: Any) -> None:
    asset = ask.create("Asset", name="turn_table", context_id=tree.shot)
    version = ask.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    note = ask.create("Note", content="Too bright.", parent_id=tree.shot, parent_type="Shot")
    user = ask.create("User", username=uuid4().hex, first_name="Ida", last_name="Berglund")
    for context in (tree.shot, tree.sequence, tree.project):
        assert found(ask, entity_type="AssetVersion", terms=["turn", "n_t"], context_id=context) == [version]
        assert found(ask, entity_type="Asset", terms=["table"], context_id=context) == [asset]
    assert found(ask, entity_type="Asset", terms=["table"], context_id=tree.layout) == []
    assert note in found(ask, entity_type="Note", terms=["bright"])
    assert user in found(ask, entity_type="User", terms=["berglund"])
    with pytest.raises(ValidationError, match="Recipient has none"):
        found(ask, entity_type="Recipient", terms=["x"])
    with pytest.raises(ValidationError, match="A User lies in no context"):
        found(ask, entity_type="User", terms=["x"], context_id=tree.project)


def test_a_search_finds_by_parts_of_names(ask: Any, tree: Any) -> None:
    asked = {"action": "search", "terms": ["lay"], "context_id": tree.project}
    (answer,) = ask.call(asked)
    assert [found["name"] for found in answer["data"]] == ["layout"]
    (answer,) = ask.call({**asked, "terms": ["sh0"], "entity_type": "Shot", "context_id": tree.sequence})
    assert [found["name"] for found in answer["data"]] == ["sh010", "sh020"]


def test_an_action_that_does_not_exist_is_named_in_the_words_that_clients_look_for(ask: Any) -> None:
    with pytest.raises(ValidationError, match=r"^Invalid action u'fly'$"):
        ask.call({"action": "fly"})


def test_characters_that_are_no_unicode_are_refused(ask: Any, tree: Any) -> None:
    with pytest.raises((ParseError, ValidationError), match="not Unicode"):
        ask.query('Task where name is "\ud800"')
    with pytest.raises(ValidationError, match="not Unicode"):
        ask.create("Scope", name="\ud800")
