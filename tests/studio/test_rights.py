"""Who may see and change what."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import attrs
import pytest

from ft_dcc.errors import Forbidden
from ft_dcc.server.access import Caller

SERVER = "3a372bde-05bc-11e4-8908-20c9d081909b"


def operation(action: str, entity_type: str, key: list[str] | None = None, /, **data: Any) -> dict[str, Any]:
    return {"action": action, "entity_type": entity_type, "entity_key": key, "entity_data": data}


@pytest.fixture
def user(ask: Any) -> str:
    """A user who has no role yet."""
    user = ask.create("User", username=uuid4().hex)
    for held in ask.query(f"UserSecurityRole where user_id is {user}"):
        ask.delete("UserSecurityRole", held["id"])
    return user


def become(ask: Any, user: str, role: str, *, projects: list[str] | None) -> Any:
    """Return the user as somebody who asks, with this role on these projects, or on all open ones."""
    role_id = ask.query(f'SecurityRole where name is "{role}"')[0]["id"]
    held = ask.create("UserSecurityRole", user_id=user, security_role_id=role_id, is_all_open_projects=projects is None)
    for project in projects or []:
        ask.create("UserSecurityRoleProject", user_security_role_id=held, project_id=project)
    return attrs.evolve(ask, caller=Caller(user, "somebody"))


@pytest.fixture
def published(ask: Any, tree: Any) -> dict[str, str]:
    """One of everything that a project has, by type."""
    ids = {"Project": tree.project, "Shot": tree.shot, "Task": tree.layout}
    ids["Asset"] = ask.create("Asset", name="playblast", context_id=tree.shot)
    ids["AssetVersion"] = ask.create("AssetVersion", asset_id=ids["Asset"], task_id=tree.layout)
    ids["FileComponent"] = ask.create("FileComponent", version_id=ids["AssetVersion"])
    bytes_at = ask.studio.files.path(ids["FileComponent"])
    bytes_at.parent.mkdir(parents=True, exist_ok=True)
    bytes_at.write_bytes(b"film")
    ids["ComponentLocation"] = ask.create(
        "ComponentLocation", component_id=ids["FileComponent"], location_id=SERVER, resource_identifier="x"
    )
    sequence = ask.create("SequenceComponent", version_id=ids["AssetVersion"])
    ids["Component"] = ask.create("FileComponent", container_id=sequence)
    ids["Note"] = ask.create("Note", content="x", parent_id=ids["AssetVersion"], parent_type="AssetVersion")
    ids["ReviewSession"] = ask.create("ReviewSession", project_id=tree.project)
    ids["ReviewSessionObject"] = ask.create(
        "ReviewSessionObject", review_session_id=ids["ReviewSession"], version_id=ids["AssetVersion"]
    )
    ids["Appointment"] = ask.create("Appointment", type="assignment", context_id=tree.layout, resource_id=ask.caller.id)
    ask.call(operation("create", "Metadata", None, parent_id=tree.shot, parent_type="Shot", key="k", value="v"))
    return ids


def test_who_is_limited_to_a_project_sees_nothing_of_others(ask: Any, tree: Any, published: Any, user: str) -> None:
    own = ask.create("Project", name=uuid4().hex)
    somebody = become(ask, user, "User", projects=[own])
    for entity_type, key in published.items():
        assert ask.query(f"{entity_type} where id is {key}"), entity_type
        assert somebody.query(f"{entity_type} where id is {key}") == [], entity_type
    assert [project["id"] for project in somebody.query("Project")] == [own]
    assert somebody.query(f"Metadata where parent_id is {tree.shot}") == []
    assert somebody.query(f"ContextCustomAttributeValue where entity_id is {tree.shot}") == []
    assert somebody.query(f"select children from Context where id is {tree.sequence}") == []
    assert somebody.query("Status where name is Approved") != []


def test_what_is_reached_from_what_may_be_seen_is_limited_too(ask: Any, tree: Any, published: Any, user: str) -> None:
    somebody = become(ask, user, "User", projects=[])
    (admin,) = somebody.query(f"select assignments, timelogs from User where id is {ask.caller.id}")
    assert admin["assignments"] == []
    assert somebody.query("select count(id) from Task group by project_id") == []
    assert somebody.query(f"User where assignments any (context.id is {tree.layout})") == []
    assert somebody.call({"action": "search", "terms": ["layout"]})[0]["data"] == []


def test_who_has_a_part_in_a_project_works_there(ask: Any, tree: Any, published: Any, user: str) -> None:
    ask.create("Project", name=uuid4().hex)
    somebody = become(ask, user, "User", projects=[tree.project])
    task = somebody.create("Task", name="mine", parent_id=tree.shot)
    version = somebody.create("AssetVersion", asset_id=published["Asset"], task_id=task)
    component = somebody.create("FileComponent", version_id=version)
    somebody.call(operation("create", "Metadata", None, parent_id=component, parent_type="x", key="k", value="v"))
    somebody.update("AssetVersion", version, comment="better")
    somebody.delete("Task", task)
    assert len(somebody.query(f"AssetVersion where asset_id is {published['Asset']}")) == 2


@pytest.mark.parametrize("entity_type", ["Shot", "Asset", "AssetVersion", "FileComponent", "Note", "ReviewSession"])
def test_what_belongs_to_another_project_cannot_be_written(
    ask: Any, tree: Any, published: Any, user: str, entity_type: str
) -> None:
    somebody = become(ask, user, "User", projects=[ask.create("Project", name=uuid4().hex)])
    with pytest.raises(Forbidden, match="belongs to a project that you have no part in"):
        somebody.call(operation("update", entity_type, [published[entity_type]], name="x"))
    with pytest.raises(Forbidden, match="belongs to a project that you have no part in"):
        somebody.delete(entity_type, published[entity_type])


def test_nothing_is_put_into_another_project_or_taken_out_of_it(ask: Any, tree: Any, published: Any, user: str) -> None:
    own = ask.create("Project", name=uuid4().hex)
    folder = ask.create("Folder", name="f", parent_id=own)
    fstart = ask.query("CustomAttributeConfiguration where key is fstart")[0]["id"]
    somebody = become(ask, user, "User", projects=[own])
    shot = {"__entity_type__": "Shot", "id": tree.shot}
    for attempt in (
        operation("create", "Task", None, id=str(uuid4()), name="x", parent_id=tree.shot),
        operation("update", "Folder", [folder], parent_id=tree.sequence),
        operation("update", "Folder", [folder], children=[shot]),
        operation("create", "AssetVersion", None, id=str(uuid4()), asset_id=published["Asset"]),
        operation("create", "Metadata", None, parent_id=tree.shot, parent_type="Shot", key="mine", value="v"),
        operation("update", "ContextCustomAttributeValue", [fstart, tree.shot], value=1),
        {"action": "get_upload_metadata", "component_id": published["FileComponent"], "file_size": 1},
    ):
        with pytest.raises(Forbidden):
            somebody.call(attempt)
    assert ask.query(f"Task where parent_id is {tree.shot} and name is x") == []


def test_private_projects_are_for_those_who_have_a_part_in_them(ask: Any, tree: Any, user: str) -> None:
    ask.update("Project", tree.project, is_private=True)
    somebody = become(ask, user, "User", projects=None)
    assert somebody.query(f"Project where id is {tree.project}") == []
    held = somebody.query(f"UserSecurityRole where user_id is {user}")[0]["id"]
    ask.create("UserSecurityRoleProject", user_security_role_id=held, project_id=tree.project)
    assert somebody.query(f"Project where id is {tree.project}") != []


@pytest.mark.parametrize(
    ("entity_type", "data"),
    [
        ("User", {"username": "another"}),
        ("Status", {"name": "mine"}),
        ("UserSecurityRole", {"user_id": "me", "is_all_open_projects": True}),
        ("CustomAttributeConfiguration", {"key": "mine"}),
        ("Location", {"name": "mine"}),
        ("Project", {"name": "mine"}),
    ],
)
def test_the_words_and_people_of_the_studio_are_the_administrators(
    ask: Any, user: str, entity_type: str, data: dict[str, Any]
) -> None:
    somebody = become(ask, user, "User", projects=None)
    with pytest.raises(Forbidden):
        somebody.create(entity_type, **{name: user if value == "me" else value for name, value in data.items()})


def test_users_say_who_they_are_and_not_what_they_may(ask: Any, user: str) -> None:
    somebody = become(ask, user, "User", projects=None)
    somebody.update("User", user, first_name="Kim", email="kim@example.com")
    for attempt in ({"is_active": False}, {"username": "root"}):
        with pytest.raises(Forbidden):
            somebody.update("User", user, **attempt)
    with pytest.raises(Forbidden):
        somebody.update("User", ask.caller.id, first_name="Kim")


def test_an_api_key_is_reset_by_its_owner_or_an_administrator(ask: Any, user: str) -> None:
    somebody = become(ask, user, "User", projects=None)
    reset = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User"}
    assert somebody.call({**reset, "entity_key": user})[0]["data"]["api_key"]
    with pytest.raises(Forbidden):
        somebody.call({**reset, "entity_key": ask.caller.id})


def test_a_project_manager_begins_projects_and_has_a_part_in_them(ask: Any, tree: Any, user: str) -> None:
    somebody = become(ask, user, "Project Manager", projects=[tree.project])
    project, shot = str(uuid4()), str(uuid4())
    somebody.call(
        operation("create", "Project", None, id=project, name=uuid4().hex),
        operation("create", "Shot", None, id=shot, name="sh010", parent_id=project),
    )
    assert somebody.query(f"Shot where id is {shot}") != []


def test_a_new_user_works_on_open_projects(ask: Any, tree: Any) -> None:
    user = ask.create("User", username=uuid4().hex)
    somebody = attrs.evolve(ask, caller=Caller(user, "somebody"))
    assert somebody.query(f"Project where id is {tree.project}") != []


def test_a_user_without_a_role_sees_no_project(ask: Any, tree: Any, user: str) -> None:
    somebody = attrs.evolve(ask, caller=Caller(user, "somebody"))
    assert somebody.query("Project") == []
