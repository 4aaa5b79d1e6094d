"""Protocol section 1.4, action by action: the keys that clients send, and the answer that they rely on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from ft_dcc.errors import HttpError
from ft_dcc.server.identity import Caller

TASK_TYPE = "11c137c0-ee7e-4f9c-91c5-8c77cec22b2c"


@attrs.frozen
class Scene:
    """What the actions are about: a tree, a user with a role, a component with its bytes, an invitee."""

    client: Any
    tree: Any
    user: str
    role: str
    component: str
    invitee: str

    @property
    def roles(self) -> dict[str, str]:
        return {"user_id": self.user, "role_id": self.role}


@pytest.fixture
def scene(client: Any, tree: Any) -> Scene:
    component = client.create("FileComponent", name="film", file_type=".mov", size=4)
    path = client.studio.media.path(component)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")
    user = client.create("User", username=f"user_{component[:8]}", is_active=True)
    role = client.query("SecurityRole where name is Administrator")[0]["id"]
    client.call({"action": "add_user_security_role", "user_id": user, "role_id": role})
    session = client.create("ReviewSession", name="dailies", project_id=tree.project)
    invitee = client.create("ReviewSessionInvitee", name="Bo", email="bo@example.test", review_session_id=session)
    return Scene(client, tree, user, role, component, invitee)


Check = Callable[[Scene, Any], object]
ANSWERED: Mapping[str, tuple[Callable[[Scene], dict[str, Any]], Check]] = {
    "query": (
        lambda scene: {"expression": f"select name from Task where id is {scene.tree.layout}"},
        lambda scene, answer: (
            [task["name"] for task in answer["data"]] == ["layout"] and answer["metadata"] == {"next": {"offset": None}}
        ),
    ),
    "create": (
        lambda scene: {
            "entity_type": "Task",
            "entity_key": ["new"],
            "entity_data": {
                "__entity_type__": "Task",
                "id": f"new-{scene.user}",
                "name": "new",
                "parent": {"__entity_type__": "Shot", "id": scene.tree.shot},
            },
        },
        lambda scene, answer: (
            answer["action"] == "create"
            and answer["data"]["__entity_type__"] == "Task"
            and answer["data"]["project_id"] == scene.tree.project
        ),
    ),
    "update": (
        lambda scene: {
            "entity_type": "Task",
            "entity_key": scene.tree.layout,
            "entity_data": {"__entity_type__": "Task", "description": "x"},
        },
        lambda scene, answer: (
            answer["action"] == "update"
            and answer["data"]["id"] == scene.tree.layout
            and answer["data"]["description"] == "x"
            and answer["data"]["object_type_id"] == TASK_TYPE
        ),
    ),
    "delete": (
        lambda scene: {"entity_type": "Task", "entity_key": [scene.tree.layout]},
        lambda scene, answer: answer == {"action": "delete", "data": True},
    ),
    "query_server_information": (
        lambda scene: {"values": ["version", "storage_scenario", "is_timezone_support_enabled"]},
        lambda scene, answer: (
            answer
            == {
                "version": "4.13.0",
                "is_timezone_support_enabled": True,
                "storage_scenario": {"scenario": "ftrack.automatic", "data": {}},
            }
        ),
    ),
    "query_schemas": (
        lambda scene: {},
        lambda scene, answer: (
            isinstance(answer, list)
            and {"id", "properties", "primary_key", "default_projections"} <= set(answer[0])
            and {"Task", "AssetVersion", "ReviewSession"} <= {schema["id"] for schema in answer}
        ),
    ),
    "search": (
        lambda scene: {
            "entity_type": "Task",
            "terms": ["lay"],
            "context_id": scene.tree.project,
            "object_type_ids": [TASK_TYPE],
            "expression": "select name from Task",
        },
        lambda scene, answer: (
            (answer["action"], answer["metadata"]) == ("search", {"next": {"offset": None}})
            and [task["name"] for task in answer["data"]] == ["layout"]
        ),
    ),
    "get_upload_metadata": (
        lambda scene: {"component_id": scene.component, "file_name": "film.mov", "file_size": 4, "checksum": None},
        lambda scene, answer: (
            set(answer) == {"url", "headers", "component_id"}
            and answer["component_id"] == scene.component
            and all(isinstance(value, str) for value in answer["headers"].values())
        ),
    ),
    "encode_media": (
        lambda scene: {"component_id": scene.component, "version_id": None, "keep_original": True},
        lambda scene, answer: (
            [job["status"] for job in scene.client.query(f"select status from Job where id is {answer['job_id']}")]
            == ["queued"]
        ),
    ),
    "get_widget_url": (
        lambda scene: {"name": "info", "theme": None, "entity_type": "Task", "entity_key": [scene.tree.layout]},
        lambda scene, answer: answer["widget_url"].startswith("http://studio.test/widget/"),
    ),
    "reset_remote": (
        lambda scene: {"reset_type": "api_key", "entity_type": "User", "entity_key": scene.user},
        lambda scene, answer: len(answer["data"]["api_key"]) == 43,
    ),
    "send_review_session_invite": (
        lambda scene: {"review_session_invitee_id": scene.invitee},
        lambda scene, answer: (answer["sent"], answer["kept"]) == (True, True),
    ),
    "permissions": (
        lambda scene: {"entity_type": "Task", "entity_data": {}},
        lambda scene, answer: answer == {"action": "permissions", "data": ["read", "create", "update", "delete"]},
    ),
    "compute_rollups": (
        lambda scene: {},
        lambda scene, answer: answer == {"action": "compute_rollups", "data": []},
    ),
    "generate_signed_url": (
        lambda scene: {"component_id": scene.component},
        lambda scene, answer: answer["signed_url"].startswith("http://studio.test/component/signed/"),
    ),
    "add_user_security_role": (
        lambda scene: scene.roles,
        lambda scene, answer: answer == {"action": "add_user_security_role", "data": True},
    ),
    "grant_user_security_role_project": (
        lambda scene: {**scene.roles, "project_id": scene.tree.project},
        lambda scene, answer: projects_of(scene) == [scene.tree.project],
    ),
    "revoke_user_security_role_project": (
        lambda scene: {**scene.roles, "project_id": scene.tree.project},
        lambda scene, answer: projects_of(scene) == [],
    ),
    "update_user_security_role": (
        lambda scene: {
            **scene.roles,
            "new_role_id": scene.client.query('SecurityRole where name is "Project Manager"')[0]["id"],
        },
        lambda scene, answer: sorted(roles_of(scene)) == ["Project Manager", "User"],
    ),
    "remove_user_security_role": (
        lambda scene: scene.roles,
        lambda scene, answer: roles_of(scene) == ["User"],
    ),
    "_track_usage": (
        lambda scene: {"data": {"type": "event", "name": "x", "metadata": {}}},
        lambda scene, answer: answer == {"action": "_track_usage"},
    ),
}


def projects_of(scene: Scene) -> list[str]:
    held = "user_security_role.user_id"
    found = scene.client.query(f"select project_id from UserSecurityRoleProject where {held} is {scene.user}")
    return [part["project_id"] for part in found]


def roles_of(scene: Scene) -> list[str]:
    found = scene.client.query(f"select security_role.name from UserSecurityRole where user_id is {scene.user}")
    return [held["security_role"]["name"] for held in found]


@pytest.mark.parametrize("action", ANSWERED)
def test_an_action_has_the_documented_answer(scene: Scene, action: str) -> None:
    asked, holds = ANSWERED[action]
    (answer,) = scene.client.call({"action": action, **asked(scene)})
    assert holds(scene, answer), answer


def test_a_multipart_upload_is_started_and_completed(scene: Scene) -> None:
    asked = {"action": "get_upload_metadata", "component_id": scene.component, "file_name": "film.mov"}
    (begun,) = scene.client.call({**asked, "file_size": 12, "parts": 3})
    assert {"urls", "upload_id", "component_id"} <= set(begun)
    assert [part["part_number"] for part in begun["urls"]] == [1, 2, 3]
    parts = [{"part_number": number, "e_tag": "x"} for number in (1, 2, 3)]
    with pytest.raises(HttpError, match=r"[Pp]art"):
        scene.client.call(
            {
                "action": "complete_multipart_upload",
                "component_id": scene.component,
                "upload_id": begun["upload_id"],
                "parts": parts,
            }
        )


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"action": "delayed_job", "job_type": "SYNC_USERS_LDAP"}, "'delayed_job' is not supported by this server."),
        ({"action": "configure_totp", "secret": "s", "code": "1"}, "'configure_totp' is not supported by this server."),
        ({"action": "send_user_invite", "user_id": "u"}, "'send_user_invite' is not supported by this server."),
        (
            {"action": "create", "type": "tempdata", "data": "x", "expiry": 5},
            "does not name an entity_type.",
        ),
        ({"action": "has_permissions"}, "Invalid action u'has_permissions'"),
        ({"action": "configure_storage"}, "Invalid action u'configure_storage'"),
    ],
)
def test_invalid_actions_are_refused_with_the_reason(scene: Scene, operation: dict[str, Any], message: str) -> None:
    with pytest.raises(HttpError) as refused:
        scene.client.call(operation)
    assert message in str(refused.value)


def test_several_invitations_and_actions_work_in_one_request(scene: Scene) -> None:
    invite = {"action": "send_review_session_invite", "review_session_invitee_id": scene.invitee}
    answers = scene.client.call(invite, {"action": "compute_rollups"}, invite)
    assert [answer.get("action") for answer in answers][1] == "compute_rollups"
    assert len(answers) == 3


def test_actions_are_refused_for_users_without_permissions(scene: Scene) -> None:
    nobody = attrs.evolve(scene.client, caller=Caller(scene.client.create("User", username="nobody"), "nobody"))
    for name in ("add_user_security_role", "reset_remote"):
        with pytest.raises(HttpError, match="administrator"):
            nobody.call({"action": name, **scene.roles, "reset_type": "api_key", "entity_key": scene.user})
