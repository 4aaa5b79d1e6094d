"""Who may see and change what."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import attrs
import pytest

from ft_dcc.server.errors import Forbidden
from ft_dcc.server.identity import Caller

SERVER = "3a372bde-05bc-11e4-8908-20c9d081909b"


def operation(action: str, entity_type: str, key: list[str] | None = None, /, **data: Any) -> dict[str, Any]:
    return {"action": action, "entity_type": entity_type, "entity_key": key, "entity_data": data}


@pytest.fixture
def user(client: Any) -> str:
    """Create a user without a role; return the id."""
    user = client.create("User", username=uuid4().hex)
    for held in client.query(f"UserSecurityRole where user_id is {user}"):
        client.delete("UserSecurityRole", held["id"])
    return user


def become(client: Any, user: str, role: str, *, projects: list[str] | None) -> Any:
    """Return the user as somebody who asks, with this role on these projects, or on all open ones."""
    role_id = client.query(f'SecurityRole where name is "{role}"')[0]["id"]
    held = client.create(
        "UserSecurityRole", user_id=user, security_role_id=role_id, is_all_open_projects=projects is None
    )
    for project in projects or []:
        client.create("UserSecurityRoleProject", user_security_role_id=held, project_id=project)
    return attrs.evolve(client, caller=Caller(user, "somebody"))


def deny(somebody: Any, *operations: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        somebody.call(*operations)


@pytest.fixture
def published(client: Any, tree: Any) -> dict[str, str]:
    """One of everything that a project has, by type."""
    ids = {"Project": tree.project, "Shot": tree.shot, "Task": tree.layout}
    ids["Asset"] = client.create("Asset", name="playblast", context_id=tree.shot)
    ids["AssetVersion"] = client.create("AssetVersion", asset_id=ids["Asset"], task_id=tree.layout)
    ids["FileComponent"] = client.create("FileComponent", version_id=ids["AssetVersion"])
    bytes_at = client.studio.media.path(ids["FileComponent"])
    bytes_at.parent.mkdir(parents=True, exist_ok=True)
    bytes_at.write_bytes(b"film")
    ids["ComponentLocation"] = client.create(
        "ComponentLocation", component_id=ids["FileComponent"], location_id=SERVER, resource_identifier="x"
    )
    sequence = client.create("SequenceComponent", version_id=ids["AssetVersion"])
    ids["Component"] = client.create("FileComponent", container_id=sequence)
    ids["Note"] = client.create("Note", content="x", parent_id=ids["AssetVersion"], parent_type="AssetVersion")
    ids["ReviewSession"] = client.create("ReviewSession", project_id=tree.project)
    ids["ReviewSessionObject"] = client.create(
        "ReviewSessionObject", review_session_id=ids["ReviewSession"], version_id=ids["AssetVersion"]
    )
    ids["Appointment"] = client.create(
        "Appointment", type="assignment", context_id=tree.layout, resource_id=client.caller.id
    )
    client.call(operation("create", "Metadata", None, parent_id=tree.shot, parent_type="Shot", key="k", value="v"))
    return ids


def test_a_limited_user_can_write_in_their_project(client: Any, tree: Any, published: Any, user: str) -> None:
    client.create("Project", name=uuid4().hex)
    somebody = become(client, user, "User", projects=[tree.project])
    task = somebody.create("Task", name="mine", parent_id=tree.shot)
    version = somebody.create("AssetVersion", asset_id=published["Asset"], task_id=task)
    component = somebody.create("FileComponent", version_id=version)
    somebody.call(operation("create", "Metadata", None, parent_id=component, parent_type="x", key="k", value="v"))
    somebody.update("AssetVersion", version, comment="better")
    somebody.delete("Task", task)
    assert len(somebody.query(f"AssetVersion where asset_id is {published['Asset']}")) == 2


def test_private_projects_require_a_role_on_them(client: Any, tree: Any, user: str) -> None:
    client.update("Project", tree.project, is_private=True)
    somebody = become(client, user, "User", projects=None)
    assert somebody.query(f"Project where id is {tree.project}") == []
    held = somebody.query(f"UserSecurityRole where user_id is {user}")[0]["id"]
    client.create("UserSecurityRoleProject", user_security_role_id=held, project_id=tree.project)
    assert somebody.query(f"Project where id is {tree.project}") != []


def test_only_administrators_change_users_and_workflow(client: Any, user: str) -> None:
    somebody = become(client, user, "User", projects=None)
    for entity_type, data in (
        ("User", {"username": "another"}),
        ("Status", {"name": "mine"}),
        ("UserSecurityRole", {"user_id": user, "is_all_open_projects": True}),
        ("CustomAttributeConfiguration", {"key": "mine"}),
        ("Location", {"name": "mine"}),
        ("Project", {"name": "mine"}),
    ):
        deny(somebody, operation("create", entity_type, id=str(uuid4()), **data))


def test_users_can_change_their_name_but_not_their_roles(client: Any, user: str) -> None:
    somebody = become(client, user, "User", projects=None)
    somebody.update("User", user, first_name="Kim", last_name="Lee")
    for attempt in ({"is_active": False}, {"username": "root"}, {"email": "ada@example.com"}):
        with pytest.raises(Forbidden):
            somebody.update("User", user, **attempt)
    with pytest.raises(Forbidden):
        somebody.update("User", client.caller.id, first_name="Kim")


def test_an_api_key_is_reset_by_its_owner_or_an_administrator(client: Any, user: str) -> None:
    somebody = become(client, user, "User", projects=None)
    reset = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User"}
    assert somebody.call({**reset, "entity_key": user})[0]["data"]["api_key"]
    with pytest.raises(Forbidden):
        somebody.call({**reset, "entity_key": client.caller.id})


def test_a_project_manager_creates_projects_and_gets_access(client: Any, tree: Any, user: str) -> None:
    somebody = become(client, user, "Project Manager", projects=[tree.project])
    project, shot = str(uuid4()), str(uuid4())
    somebody.call(
        operation("create", "Project", None, id=project, name=uuid4().hex),
        operation("create", "Shot", None, id=shot, name="sh010", parent_id=project),
    )
    assert somebody.query(f"Shot where id is {shot}") != []


def test_a_new_user_gets_access_to_open_projects(client: Any, tree: Any) -> None:
    user = client.create("User", username=uuid4().hex)
    somebody = attrs.evolve(client, caller=Caller(user, "somebody"))
    assert somebody.query(f"Project where id is {tree.project}") != []


def test_a_user_without_a_role_sees_no_project(client: Any, tree: Any, user: str) -> None:
    somebody = attrs.evolve(client, caller=Caller(user, "somebody"))
    assert somebody.query("Project") == []


def may(somebody: Any, entity_type: str, **data: Any) -> bool:
    asked = {"action": "permissions", "entity_type": entity_type, **({"entity_data": data} if data else {})}
    return "create" in somebody.call(asked)[0]["data"]


def test_a_reviewer_can_read_and_write_notes(client: Any, tree: Any, published: Any, user: str) -> None:
    somebody = become(client, user, "Reviewer", projects=None)
    for entity_type, key in published.items():
        assert somebody.query(f"{entity_type} where id is {key}"), entity_type
    note, reply, version = str(uuid4()), str(uuid4()), published["AssetVersion"]
    label = client.query("NoteLabel")[0]["id"]
    somebody.call(
        operation("create", "Note", id=note, content="Too bright.", user_id=user),
        operation("update", "AssetVersion", [version], notes=[published["Note"], note]),
        operation("create", "NoteLabelLink", note_id=note, label_id=label),
        operation("create", "Recipient", note_id=note, resource_id=client.caller.id),
        operation("create", "Metadata", parent_id=note, parent_type="Note", key="frame", value="1001"),
        operation(
            "update", "Note", [note], metadata=[{"__entity_type__": "Metadata", "parent_id": note, "key": "frame"}]
        ),
        operation("create", "Note", id=reply, content="Where?", in_reply_to_id=note),
        operation("update", "Note", [note], content="Too bright at the end."),
        operation("delete", "Note", [reply]),
    )
    found = client.query(f"select content, metadata.value from Note where parent_id is {version}")
    assert [found["content"] for found in found] == ["x", "Too bright at the end."]
    somebody.call(operation("update", "User", [user], first_name="Ida"))


def test_a_reviewer_cannot_publish(client: Any, tree: Any, published: Any, user: str) -> None:
    somebody = become(client, user, "Reviewer", projects=None)
    version, component = published["AssetVersion"], published["FileComponent"]
    invitee = client.create(
        "ReviewSessionInvitee", name="Ida", email="i@x.org", review_session_id=published["ReviewSession"]
    )
    configuration = client.query('CustomAttributeConfiguration where key is "fstart"')[0]["id"]
    key = [configuration, tree.shot]
    deny(somebody, operation("update", "AssetVersion", [version], notes=[], comment="x"))
    deny(somebody, operation("update", "Task", [tree.layout], assignments=[]))
    deny(somebody, operation("update", "ContextCustomAttributeValue", key, value=3))
    deny(somebody, operation("delete", "ContextCustomAttributeValue", key))
    deny(somebody, operation("delete", "Metadata", [tree.shot, "k"]))
    deny(somebody, {"action": "get_upload_metadata", "component_id": component, "file_name": "x", "file_size": 4})
    deny(somebody, {"action": "get_upload_metadata", "component_id": str(uuid4()), "file_name": "x", "file_size": 4})
    deny(somebody, {"action": "encode_media", "component_id": component, "version_id": version})
    deny(somebody, {"action": "send_review_session_invite", "review_session_invitee_id": invitee})
    deny(somebody, {"action": "revoke_review_session_invite", "review_session_invitee_id": invitee})
    assert (may(somebody, "Note"), may(somebody, "AssetVersion"), may(somebody, "Project")) == (True, False, False)


def test_a_reviewer_of_one_project_can_publish_in_another_with_another_role(
    client: Any, tree: Any, published: Any, user: str
) -> None:
    own = client.create("Project", name=uuid4().hex)
    task = client.create("Task", name="own", parent_id=own)
    become(client, user, "User", projects=[own])
    somebody = become(client, user, "Reviewer", projects=[tree.project])
    somebody.call(operation("update", "Task", [task], description="mine"))
    note = somebody.create("Note", content="x", parent_id=tree.shot, parent_type="Shot")
    somebody.call(
        operation("update", "Shot", [tree.shot], notes=[note]),
        operation("create", "Metadata", parent_id=note, parent_type="Note", key="frame", value="1"),
    )
    deny(somebody, operation("update", "Shot", [tree.shot], description="x"))
    deny(somebody, operation("update", "Shot", [tree.shot], notes=[], description="x"))
    deny(somebody, operation("create", "Asset", name="x", context_id=tree.shot))
    deny(somebody, operation("update", "Task", [task], parent_id=tree.shot))
    deny(somebody, operation("delete", "AssetVersion", [published["AssetVersion"]]))
    deny(somebody, {"action": "get_upload_metadata", "component_id": published["FileComponent"], "file_size": 4})
    assert may(somebody, "AssetVersion") and may(somebody, "AssetVersion", task_id=task)
    assert not may(somebody, "AssetVersion", task_id=tree.layout)
    assert may(somebody, "Note", parent_id=tree.shot)
    assert not may(somebody, "FileComponent", id=published["FileComponent"])


def test_a_reviewer_can_write_in_a_project_that_they_created(client: Any, tree: Any, user: str) -> None:
    become(client, user, "Reviewer", projects=[tree.project])
    somebody = become(client, user, "Project Manager", projects=[])
    made = somebody.create("Project", name=uuid4().hex)
    somebody.create("Task", name="first", parent_id=made)
    deny(somebody, operation("create", "Task", name="first", parent_id=tree.shot))


def test_roles_cannot_be_assigned_through_a_project(client: Any, tree: Any, user: str) -> None:
    other = client.create("User", username=uuid4().hex)
    become(client, other, "User", projects=[tree.project])
    somebody = become(client, user, "User", projects=[tree.project])
    deny(somebody, operation("update", "Project", [tree.project], user_security_role_projects=[]))
    assert len(client.query(f"UserSecurityRoleProject where project_id is {tree.project}")) == 2


def test_only_administrators_change_other_users(client: Any, tree: Any, user: str) -> None:
    type_id = client.query("CustomAttributeType where name is text")[0]["id"]
    configuration = str(uuid4())
    data = {"id": configuration, "key": uuid4().hex, "label": "Badge", "entity_type": "user", "type_id": type_id}
    client.call({"action": "create", "entity_type": "CustomAttributeConfiguration", "entity_data": data})
    somebody = become(client, user, "User", projects=None)
    change = operation("update", "UserCustomAttributeValue", [configuration, client.caller.id], value="mine")
    deny(somebody, change)
    client.call(change)
    client.delete("CustomAttributeConfiguration", configuration)
