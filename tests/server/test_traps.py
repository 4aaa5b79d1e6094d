"""Protocol section 9: what breaks the official client when a server does it otherwise, one test for each trap.

The official client itself runs in ``tests/official``; these are the bytes that it exchanges.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
import requests
from run_options import TIMEOUT_SECONDS
from websockets.sync.client import connect

from ft_dcc.server.events.connection import HEARTBEAT_INTERVAL_SECONDS

NOW = "2024-01-02T03:04:05.678901"


def new_id() -> str:
    return str(uuid4())


def create(entity_type: str, /, **data: Any) -> dict[str, Any]:
    data = {"__entity_type__": entity_type, "id": new_id(), **data}
    return {"action": "create", "entity_type": entity_type, "entity_key": [data["id"]], "entity_data": data}


def update(entity_type: str, key: list[str], /, **data: Any) -> dict[str, Any]:
    data = {"__entity_type__": entity_type, **data}
    return {"action": "update", "entity_type": entity_type, "entity_key": key, "entity_data": data}


def delete(entity_type: str, key: str) -> dict[str, Any]:
    return {"action": "delete", "entity_type": entity_type, "entity_key": [key]}


def query(expression: str) -> dict[str, Any]:
    return {"action": "query", "expression": expression}


def reference(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


@pytest.fixture
def call(http_client: Any) -> Any:
    """Post operations and return the answers."""

    def post(*operations: dict[str, Any]) -> list[Any]:
        answer = http_client.post(*operations)
        assert answer.status_code == 200, answer.text
        answers: list[Any] = answer.json()
        return answers

    return post


@pytest.fixture
def project_id(call: Any) -> str:
    operation = create("Project", name=f"traps_{new_id()[:8]}")
    call(operation)
    key: str = operation["entity_key"][0]
    return key


def keys_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys_in, value.values()))
    return set().union(*map(keys_in, value)) if isinstance(value, list) else set()


def test_01_first_responses_of_a_session_contain_no_entity(call: Any) -> None:
    results = call({"action": "query_server_information"}, {"action": "query_schemas"})
    assert keys_in(results).isdisjoint({"__entity_type__", "__type__"})


def test_02_schema_hash_is_that_of_the_json_of_python(call: Any) -> None:
    information, schemas = call({"action": "query_server_information"}, {"action": "query_schemas"})
    written = json.dumps(schemas, sort_keys=True).encode()
    assert information["schema_hash"] == hashlib.md5(written).hexdigest()


def test_03_response_to_a_change_has_action_type_and_primary_key(call: Any, project_id: str) -> None:
    task = create("Task", name="a", parent=reference("Project", project_id))
    key = task["entity_key"][0]
    metadata = {"key": "k", "parent_id": key, "parent_type": "Task"}
    operations = [
        task,
        {
            "action": "create",
            "entity_type": "Metadata",
            "entity_key": [key, "k"],
            "entity_data": {"__entity_type__": "Metadata", **metadata, "value": "v"},
        },
        update("Metadata", [key, "k"], value="w"),
        update("TypedContext", [key], name="b"),
        delete("Task", key),
    ]
    results = call(*operations)
    assert [answer["action"] for answer in results] == ["create", "create", "update", "update", "delete"]
    assert (results[0]["data"]["__entity_type__"], results[0]["data"]["id"]) == ("Task", key)
    for answer in results[1:3]:
        data = answer["data"]
        assert (data["__entity_type__"], data["parent_id"], data["key"]) == ("Metadata", key, "k")
    assert results[3]["data"]["__entity_type__"] == "TypedContext"
    assert results[4]["data"] is True


def test_04_error_is_one_object_without_braces(http_client: Any) -> None:
    unknown = http_client.post({"action": "a{b}"}).json()
    assert unknown["content"] == "Invalid action u'a(b)'"
    timers = [create("Timer", user_id=http_client.post(query("User")).json()[0]["data"][0]["id"]) for _ in range(2)]
    twice = http_client.post(*timers).json()
    assert (twice["exception"], "DuplicateEntryError" in twice["content"]) == ("DuplicateEntryError", True)
    for error in (unknown, twice):
        assert set(error) == {"exception", "content", "error_code"}
        assert "{" not in error["content"]


@pytest.mark.parametrize(
    "criteria",
    [
        '(id is "{0}"and name is "a")',
        "id in ({0},{1})",
        "id is {0} and bid is 0 and milestone is None and time_logged is 0",
        "id is {0} offset 0 limit 5",
        "id is {0} limit 5 offset 0",
    ],
)
def test_05_query_syntax_of_clients_is_parsed(call: Any, project_id: str, criteria: str) -> None:
    task = create("Task", name="a", parent_id=project_id)
    call(task)
    criteria = criteria.replace("milestone", "description")
    (result,) = call(query("select name from Task where " + criteria.format(task["entity_key"][0], new_id())))
    assert [found["name"] for found in result["data"]] == ["a"]
    (schemas,) = call(query("select _overrides, _schemas.type_id, _task_workflow.statuses.name from ProjectSchema"))
    assert schemas["data"][0]["_task_workflow"]["statuses"]
    assert call(query("select username from User where is_active is True and username is_not None"))[0]["data"]


def test_06_entity_is_returned_with_its_own_type(call: Any, project_id: str) -> None:
    shot, plain, movie = create("Shot", name="s", parent_id=project_id), create("Component"), create("FileComponent")
    call(shot, plain, movie)
    (contexts,) = call(query(f"Context where project_id is {project_id} and name is s"))
    assert [found["__entity_type__"] for found in contexts["data"]] == ["Shot"]
    ids = ", ".join((plain["entity_key"][0], movie["entity_key"][0]))
    (components,) = call(query(f"Component where id in ({ids})"))
    assert [found["__entity_type__"] for found in components["data"]] == ["Component", "FileComponent"]


def test_07_keys_are_strings_and_need_not_be_uuids(call: Any) -> None:
    key = f"1{new_id()[:6]}"
    call(create("Scope", id=key, name=key))
    assert call(query(f'Scope where id is "{key}"'))[0]["data"][0]["id"] == key
    assert call(update("Scope", [key], name="other"))[0]["data"]["id"] == key


def test_08_times_are_stored_in_seconds_and_echoed_as_sent(call: Any, project_id: str) -> None:
    sent = {"__type__": "datetime", "value": NOW}
    task = create("Task", name="a", parent_id=project_id, start_date=sent)
    assert call(task)[0]["data"]["start_date"] == sent
    (result,) = call(query(f"select start_date from Task where id is {task['entity_key'][0]}"))
    assert result["data"][0]["start_date"] == {"__type__": "datetime", "value": "2024-01-02T03:04:05"}
    assert call(query('Task where start_date is "2024-01-02T03:04:05" and name is "a"'))[0]["data"]


def test_09_list_assignment_may_refer_to_later_entities(call: Any, project_id: str) -> None:
    shot = create("Shot", name="s", parent_id=project_id)
    first, second = create("Note", content="first"), create("Note", content="second")
    key, notes = shot["entity_key"][0], [first["entity_key"][0], second["entity_key"][0]]
    call(shot, update("Shot", [key], notes=[reference("Note", note) for note in notes]), first, second)
    asked = query(f"select notes.content from Shot where id is {key}")
    assert {note["content"] for note in call(asked)[0]["data"][0]["notes"]} == {"first", "second"}
    call(update("Shot", [key], notes=[reference("Note", notes[1])]))
    assert [note["content"] for note in call(asked)[0]["data"][0]["notes"]] == ["second"]


def test_10_custom_attribute_is_set_by_an_update_and_listed_when_unset(call: Any, project_id: str) -> None:
    shot = create("Shot", name="s", parent_id=project_id)
    (found,) = call(query("select id from CustomAttributeConfiguration where key is fstart"))
    configuration, key = found["data"][0]["id"], shot["entity_key"][0]
    call(shot, update("ContextCustomAttributeValue", [configuration, key], value=1001))
    (result,) = call(query(f"select custom_attributes from Shot where id is {key}"))
    values = {row["key"]: row["value"] for row in result["data"][0]["custom_attributes"]}
    assert (values["fstart"], values["fend"]) == (1001, None)
    call(update("ContextCustomAttributeValue", [configuration, key], value=993))
    (result,) = call(query(f"select value from ContextCustomAttributeValue where entity_id is {key} and key is fstart"))
    assert [row["value"] for row in result["data"]] == [993]


def test_11_pages_have_a_stable_order_and_end_with_null(call: Any, project_id: str) -> None:
    call(*(create("Folder", name=f"f{number}", parent_id=project_id) for number in range(7)))
    asked, offset, found = f"select name from Folder where parent_id is {project_id}", 0, []
    while offset is not None:
        (result,) = call(query(f"{asked} offset {offset} limit 3"))
        found += [folder["name"] for folder in result["data"]]
        offset = result["metadata"]["next"]["offset"]
    assert found == [f"f{number}" for number in range(7)]


def test_12_event_returns_to_its_sender_with_an_empty_id_and_known_keys(server_process: Any) -> None:
    address, packets = f"{server_process.url}/socket.io/1/", []
    handshake = requests.get(address, headers=server_process.headers, timeout=TIMEOUT_SECONDS).text.split(":")
    assert HEARTBEAT_INTERVAL_SECONDS < 15
    assert "websocket" in handshake[3]
    assert len(handshake[0]) >= 20
    with connect(f"{address.replace('http', 'ws', 1)}websocket/{handshake[0]}") as line:
        assert line.recv(timeout=TIMEOUT_SECONDS) == "1::"
        own = {"source": {"id": "hub"}, "data": {"subscriber": {"id": "s"}, "subscription": "topic=a"}}
        for event in ({"topic": "ftrack.meta.subscribe", **own}, {"topic": "a", "id": "e", "source": {"id": "hub"}}):
            line.send("5:1+::" + json.dumps({"name": "ftrack.event", "args": [event]}))
        while not any(packet.startswith("5:") for packet in packets):
            packets.append(line.recv(timeout=TIMEOUT_SECONDS))
    code, name, path, content = packets[-1].split(":", 3)
    assert (code, name, path) == ("5", "", "")
    (event,) = json.loads(content)["args"]
    assert set(event) <= {"topic", "id", "data", "sent", "source", "target", "inReplyToEvent"}
    assert requests.get(f"{address}websocket/{handshake[0]}", timeout=TIMEOUT_SECONDS).status_code >= 400


def test_13_upload_needs_no_key_and_a_part_returns_its_etag(http_client: Any) -> None:
    component_id = http_client.create_component()
    announced = http_client.announce(component_id, 10, parts=2)
    tags = []
    for part, content in zip(announced["urls"], (b"12345", b"67890")):
        answer = requests.put(part["signed_url"], data=content, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200
        tags.append({"part_number": part["part_number"], "e_tag": answer.headers["ETag"].strip('"')})
    done = {"action": "complete_multipart_upload", "upload_id": announced["upload_id"], "parts": tags}
    assert http_client.post({**done, "component_id": component_id}).status_code == 200
    assert http_client.get("/component/get", component_id).content == b"1234567890"
    assert http_client.get("/component/remove", component_id).status_code == 200
    assert http_client.get("/component/get", component_id).status_code == 404


def test_14_built_in_locations_have_their_known_ids(call: Any) -> None:
    names = {found["id"]: found["name"] for found in call(query("select name from Location"))[0]["data"]}
    assert {
        "ce9b348f-8809-11e3-821c-20c9d081909b": "ftrack.origin",
        "cb268ecc-8809-11e3-a7e2-20c9d081909b": "ftrack.unmanaged",
        "cd41be70-8809-11e3-b98a-20c9d081909b": "ftrack.review",
        "3a372bde-05bc-11e4-8908-20c9d081909b": "ftrack.server",
        "07b82a97-8cf9-11e3-9383-20c9d081909b": "ftrack.connect",
    }.items() <= names.items()


def test_15_and_16_delete_cascades_and_is_idempotent(call: Any, project_id: str) -> None:
    asset = create("Asset", name="a", context_id=project_id)
    version = create("AssetVersion", asset_id=asset["entity_key"][0])
    component = create("FileComponent", version_id=version["entity_key"][0])
    note = create("Note", content="x", parent_id=version["entity_key"][0], parent_type="AssetVersion")
    call(asset, version, component, note)
    made = (("Asset", asset), ("AssetVersion", version), ("FileComponent", component), ("Note", note))
    kinds = [(kind, operation["entity_key"][0]) for kind, operation in made]
    results = call(delete("Project", project_id), *(delete(kind, key) for kind, key in reversed(kinds)))
    assert [answer["data"] for answer in results] == [True] * 5
    assert [call(query(f"{kind} where id is {key}"))[0]["data"] for kind, key in kinds] == [[]] * 4


def test_17_names_of_contexts_are_unique_below_a_parent(http_client: Any, project_id: str) -> None:
    twins = [create("Shot", name="s", parent_id=project_id) for _ in range(2)]
    assert http_client.post(*twins).json()["exception"] == "DuplicateEntryError"
    assets = [create("Asset", name="a", context_id=project_id) for _ in range(2)]
    assert http_client.post(*assets).status_code == 200


def test_18_custom_attributes_can_be_selected_through_a_relation(call: Any, project_id: str) -> None:
    asset = create("Asset", name="a", context_id=project_id)
    configuration = create(
        "CustomAttributeConfiguration",
        key=f"trap_{project_id[:8]}",
        label="Trap",
        entity_type="assetversion",
        type=call(query("CustomAttributeType where name is text"))[0]["data"][0],
        config="{}",
        default="unset",
    )
    call(configuration, asset, create("AssetVersion", asset_id=asset["entity_key"][0]))
    (result,) = call(query(f"select versions.custom_attributes from Asset where id is {asset['entity_key'][0]}"))
    (version,) = result["data"][0]["versions"]
    values = {row["key"]: row["value"] for row in version["custom_attributes"]}
    assert values[f"trap_{project_id[:8]}"] == "unset"
    call(delete("CustomAttributeConfiguration", configuration["entity_key"][0]))
