"""Who may see and change what."""

from uuid import uuid4

import attrs
import pytest
from doubles.operations import create, delete, keyed, update

from ft_dcc.server.errors import Forbidden
from ft_dcc.server.identity import Caller


@pytest.fixture
def user(client):
    """Create a user without a role; return the id."""
    user = client.create("User", username=uuid4().hex)
    for held in client.query(f"UserSecurityRole where user_id is {user}"):
        client.delete("UserSecurityRole", held["id"])
    return user


def become(client, user, role, *, projects):
    """Return the user as somebody who asks, with this role on these projects, or on all open ones."""
    role_id = client.query(f'SecurityRole where name is "{role}"')[0]["id"]
    values = {"user_id": user, "security_role_id": role_id, "is_all_open_projects": projects is None}
    held = client.create("UserSecurityRole", **values)
    for project in projects or []:
        client.create("UserSecurityRoleProject", user_security_role_id=held, project_id=project)
    return attrs.evolve(client, caller=Caller(user, "somebody"))


def deny(somebody, *operations):
    with pytest.raises(Forbidden):
        somebody.call(*operations)


def test_private_projects_require_a_role_on_them(client, tree, user):
    client.update("Project", tree.project, is_private=True)
    somebody = become(client, user, "User", projects=None)
    assert somebody.query(f"Project where id is {tree.project}") == []
    held = somebody.query(f"UserSecurityRole where user_id is {user}")[0]["id"]
    client.create("UserSecurityRoleProject", user_security_role_id=held, project_id=tree.project)
    assert somebody.query(f"Project where id is {tree.project}") != []


def test_users_can_change_their_name_but_not_their_roles(client, user):
    somebody = become(client, user, "User", projects=None)
    somebody.update("User", user, first_name="Kim", last_name="Lee")
    for attempt in ({"is_active": False}, {"username": "root"}, {"email": "ada@example.com"}):
        with pytest.raises(Forbidden):
            somebody.update("User", user, **attempt)
    with pytest.raises(Forbidden):
        somebody.update("User", client.caller.id, first_name="Kim")


def test_an_api_key_is_reset_by_its_owner_or_an_administrator(client, user):
    somebody = become(client, user, "User", projects=None)
    reset = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User"}
    assert somebody.call({**reset, "entity_key": user})[0]["data"]["api_key"]
    with pytest.raises(Forbidden):
        somebody.call({**reset, "entity_key": client.caller.id})


def test_a_project_manager_creates_projects_and_gets_access(client, tree, user):
    somebody = become(client, user, "Project Manager", projects=[tree.project])
    project, shot = str(uuid4()), str(uuid4())
    made = create("Project", id=project, name=uuid4().hex)
    somebody.call(made, create("Shot", id=shot, name="sh010", parent_id=project))
    assert somebody.query(f"Shot where id is {shot}") != []


def may(somebody, entity_type, **data):
    asked = {"action": "permissions", "entity_type": entity_type, **({"entity_data": data} if data else {})}
    return "create" in somebody.call(asked)[0]["data"]


@pytest.fixture
def published(client, tree):
    """Create a version with a stored component; return the ids by type."""
    ids = {"Asset": client.create("Asset", name="playblast", context_id=tree.shot)}
    ids["AssetVersion"] = client.create("AssetVersion", asset_id=ids["Asset"], task_id=tree.layout)
    ids["FileComponent"] = client.create("FileComponent", version_id=ids["AssetVersion"])
    client.store(ids["FileComponent"])
    return ids


def test_a_reviewer_can_read_versions_and_write_notes(client, published, user):
    somebody = become(client, user, "Reviewer", projects=None)
    for entity_type, key in published.items():
        assert somebody.query(f"{entity_type} where id is {key}"), entity_type
    note, reply, version = str(uuid4()), str(uuid4()), published["AssetVersion"]
    label = client.query("NoteLabel")[0]["id"]
    somebody.call(
        create("Note", id=note, content="Too bright.", user_id=user),
        update("AssetVersion", version, notes=[note]),
        keyed("NoteLabelLink", note_id=note, label_id=label),
        keyed("Recipient", note_id=note, resource_id=client.caller.id),
        keyed("Metadata", parent_id=note, parent_type="Note", key="frame", value="1001"),
        update("Note", note, metadata=[{"__entity_type__": "Metadata", "parent_id": note, "key": "frame"}]),
        create("Note", id=reply, content="Where?", in_reply_to_id=note),
        update("Note", note, content="Too bright at the end."),
        delete("Note", reply),
    )
    (found,) = client.query(f"select content, metadata.value from Note where parent_id is {version}")
    assert found["content"] == "Too bright at the end."


def test_a_reviewer_cannot_publish(client, tree, published, user):
    somebody = become(client, user, "Reviewer", projects=None)
    version, component = published["AssetVersion"], published["FileComponent"]
    session = client.create("ReviewSession", project_id=tree.project)
    invitee = client.create("ReviewSessionInvitee", name="Ida", email="i@x.org", review_session_id=session)
    client.create("Appointment", type="assignment", context_id=tree.layout, resource_id=client.caller.id)
    deny(somebody, update("AssetVersion", version, notes=[], comment="x"))
    deny(somebody, update("Task", tree.layout, assignments=[]))
    deny(somebody, {"action": "get_upload_metadata", "component_id": component, "file_name": "x", "file_size": 4})
    deny(somebody, {"action": "get_upload_metadata", "component_id": str(uuid4()), "file_name": "x", "file_size": 4})
    deny(somebody, {"action": "encode_media", "component_id": component, "version_id": version})
    deny(somebody, {"action": "send_review_session_invite", "review_session_invitee_id": invitee})
    deny(somebody, {"action": "revoke_review_session_invite", "review_session_invitee_id": invitee})
    assert (may(somebody, "Note"), may(somebody, "AssetVersion"), may(somebody, "Project")) == (True, False, False)


def test_a_reviewer_of_one_project_can_publish_in_another_with_another_role(client, tree, published, user):
    own = client.create("Project", name=uuid4().hex)
    task = client.create("Task", name="own", parent_id=own)
    stranger = become(client, user, "User", projects=[own])
    # Bytes that the caller may not read are not copied.
    copy = {"action": "get_upload_metadata", "component_id": str(uuid4()), "file_size": 4, "checksum": "AAAA"}
    deny(stranger, {**copy, "equal_to": published["FileComponent"]})
    somebody = become(client, user, "Reviewer", projects=[tree.project])
    somebody.call(update("Task", task, description="mine"))
    note = somebody.create("Note", content="x", parent_id=tree.shot, parent_type="Shot")
    somebody.call(update("Shot", tree.shot, notes=[note]))
    deny(somebody, update("Shot", tree.shot, notes=[], description="x"))
    deny(somebody, create("Asset", name="x", context_id=tree.shot))
    deny(somebody, update("Task", task, parent_id=tree.shot))
    deny(somebody, {"action": "get_upload_metadata", "component_id": published["FileComponent"], "file_size": 4})
    assert may(somebody, "AssetVersion") and may(somebody, "AssetVersion", task_id=task)
    assert not may(somebody, "AssetVersion", task_id=tree.layout)
    assert may(somebody, "Note", parent_id=tree.shot)
    assert not may(somebody, "FileComponent", id=published["FileComponent"])


def test_a_reviewer_can_write_in_a_project_that_they_created(client, tree, user):
    become(client, user, "Reviewer", projects=[tree.project])
    somebody = become(client, user, "Project Manager", projects=[])
    somebody.create("Task", name="first", parent_id=somebody.create("Project", name=uuid4().hex))
    deny(somebody, create("Task", name="first", parent_id=tree.shot))


def test_roles_cannot_be_assigned_through_a_project(client, tree, user):
    become(client, client.create("User", username=uuid4().hex), "User", projects=[tree.project])
    somebody = become(client, user, "User", projects=[tree.project])
    deny(somebody, update("Project", tree.project, user_security_role_projects=[]))
    assert len(client.query(f"UserSecurityRoleProject where project_id is {tree.project}")) == 2


def test_only_administrators_change_other_users(client, tree, user):
    type_id = client.query("CustomAttributeType where name is text")[0]["id"]
    data = {"key": uuid4().hex, "label": "Badge", "entity_type": "user", "type_id": type_id}
    configuration = client.create("CustomAttributeConfiguration", **data)
    somebody = become(client, user, "User", projects=None)
    change = update("UserCustomAttributeValue", configuration, client.caller.id, value="mine")
    deny(somebody, change)
    client.call(change)
    client.delete("CustomAttributeConfiguration", configuration)
