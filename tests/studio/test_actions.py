"""The actions beside queries and writes: each is answered as documented, or refused by name."""

from __future__ import annotations

import sys
from typing import Any
from uuid import uuid4

import attrs
import pytest

from ft_dcc.errors import Forbidden, ValidationError
from ft_dcc.server.access import Caller
from ft_dcc.server.api import ACTIONS

# Every action that protocol section 1.4 has seen a client send.
DOCUMENTED = {
    *("query", "create", "update", "delete", "query_server_information", "query_schemas", "search"),
    *("get_upload_metadata", "complete_multipart_upload", "encode_media", "get_widget_url", "reset_remote"),
    *("send_user_invite", "send_review_session_invite", "delayed_job", "permissions", "compute_rollups"),
    *("generate_signed_url", "configure_totp", "add_user_security_role", "remove_user_security_role"),
    *("update_user_security_role", "grant_user_security_role_project", "revoke_user_security_role_project"),
    "_track_usage",
}


def test_every_documented_action_is_known() -> None:
    assert set(ACTIONS) >= DOCUMENTED


@pytest.mark.parametrize("name", ["delayed_job", "configure_totp", "send_user_invite"])
def test_what_is_not_done_here_is_refused_by_name_with_a_way_around(ask: Any, name: str) -> None:
    with pytest.raises(ValidationError, match=rf"^'{name}' is not done here\. \w+"):
        ask.call({"action": name})


@pytest.fixture
def stored(ask: Any) -> str:
    """A component whose bytes are here."""
    component: str = ask.create("FileComponent", name="film", file_type=".mov")
    path = ask.studio.files.path(component)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")
    return component


def test_without_an_encoder_encoding_is_refused_with_the_way_to_one(
    ask: Any, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValidationError, match=r"^'encode_media' is not done here\. .* pip install 'ft-dcc\[media\]'$"):
        ask.call({"action": "encode_media", "component_id": stored})
    assert ask.query("Job") == []


def test_only_what_is_here_is_encoded_and_only_for_a_version(ask: Any, stored: str) -> None:
    for component in (None, "nothing", ask.create("FileComponent", name="elsewhere")):
        with pytest.raises(ValidationError, match=r"needs a component in the ftrack\.server location"):
            ask.call({"action": "encode_media", "component_id": component})
    for version in ("nothing", 7):
        with pytest.raises(ValidationError, match="a version that does not exist"):
            ask.call({"action": "encode_media", "component_id": stored, "version_id": version})
    assert ask.query("Job") == []


def test_nobody_encodes_for_a_project_without_part_in_it(ask: Any, stored: str, tree: Any) -> None:
    asset = ask.create("Asset", name="playblast", context_id=tree.shot)
    version = ask.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    somebody = attrs.evolve(ask, caller=Caller(ask.create("User", username=uuid4().hex), "somebody"))
    ask.update("Project", tree.project, is_private=True)
    with pytest.raises(Forbidden, match="no part in"):
        somebody.call({"action": "encode_media", "component_id": stored, "version_id": version})
    ask.update("FileComponent", stored, version_id=version)
    with pytest.raises(Forbidden, match="no part in"):
        somebody.call({"action": "encode_media", "component_id": stored})
    assert ask.query("Job") == []


def test_a_component_is_on_the_server_with_its_bytes_or_not_at_all(ask: Any, stored: str) -> None:
    server, disk = "3a372bde-05bc-11e4-8908-20c9d081909b", ask.create("Location", name=uuid4().hex)
    empty = ask.create("FileComponent", name="film")
    with pytest.raises(ValidationError, match="The bytes of the component 'film' are not on the server"):
        ask.create("ComponentLocation", component_id=empty, location_id=server)
    elsewhere = ask.create("ComponentLocation", component_id=empty, location_id=disk)
    with pytest.raises(ValidationError, match="are not on the server"):
        ask.update("ComponentLocation", elsewhere, location_id=server)
    ask.update("FileComponent", stored, size=5)
    with pytest.raises(ValidationError, match="has 5 bytes, and 4 were uploaded"):
        ask.create("ComponentLocation", component_id=stored, location_id=server)
    ask.update("FileComponent", stored, size=4)
    ask.create("ComponentLocation", component_id=stored, location_id=server)
    sequence = ask.create("SequenceComponent")
    ask.create("ComponentLocation", component_id=sequence, location_id=server)


def test_the_roles_of_a_user_are_given_limited_and_taken(ask: Any, tree: Any) -> None:
    user = ask.create("User", username=uuid4().hex)
    manager, artist = (
        ask.query(f'SecurityRole where name is "{name}"')[0]["id"] for name in ("Project Manager", "User")
    )
    somebody = attrs.evolve(ask, caller=Caller(user, "somebody"))

    def act(name: str, role_id: str, **more: Any) -> None:
        assert ask.call({"action": name, "user_id": user, "role_id": role_id, **more})[0]["data"] is True

    def roles() -> list[str]:
        held = ask.query(f"select security_role.name from UserSecurityRole where user_id is {user}")
        return sorted(row["security_role"]["name"] for row in held)

    assert roles() == ["User"]
    act("add_user_security_role", manager)
    act("add_user_security_role", manager)
    assert roles() == ["Project Manager", "User"]
    act("remove_user_security_role", artist)
    assert somebody.query(f"Project where id is {tree.project}") == []
    act("grant_user_security_role_project", manager, project_id=tree.project)
    act("grant_user_security_role_project", manager, project_id=tree.project)
    assert [project["id"] for project in somebody.query("Project")] == [tree.project]
    act("update_user_security_role", manager, new_role_id=artist)
    assert roles() == ["User"]
    act("revoke_user_security_role_project", artist, project_id=tree.project)
    assert somebody.query("Project") == []
    act("grant_user_security_role_project", artist, all_open_projects=True)
    assert somebody.query(f"Project where id is {tree.project}") != []
    with pytest.raises(Forbidden):
        somebody.call({"action": "add_user_security_role", "user_id": user, "role_id": manager})


def test_a_role_that_a_user_does_not_have_cannot_be_limited(ask: Any) -> None:
    user = ask.create("User", username=uuid4().hex)
    role = ask.query("SecurityRole where name is API")[0]["id"]
    with pytest.raises(ValidationError, match="does not have this role"):
        ask.call({"action": "remove_user_security_role", "user_id": user, "role_id": role})
    with pytest.raises(ValidationError, match="needs 'role_id'"):
        ask.call({"action": "add_user_security_role", "user_id": user, "role_id": "nothing"})


def test_a_user_is_told_what_may_be_done_with_a_type(ask: Any) -> None:
    somebody = attrs.evolve(ask, caller=Caller(ask.create("User", username=uuid4().hex), "somebody"))
    asked = {"action": "permissions", "entity_type": "Status"}
    assert ask.call(asked)[0]["data"] == ["read", "create", "update", "delete"]
    assert somebody.call(asked)[0]["data"] == ["read"]
    assert somebody.call({**asked, "entity_type": "Task"})[0]["data"] == ["read", "create", "update", "delete"]


def test_a_signed_address_is_that_of_a_component(ask: Any) -> None:
    component = ask.create("FileComponent")
    (told,) = ask.call({"action": "generate_signed_url", "component_id": component})
    assert told["signed_url"].startswith("http://studio.test/component/signed/")
    with pytest.raises(ValidationError, match="Send the component_id"):
        ask.call({"action": "generate_signed_url", "component_id": "nothing"})


def test_a_widget_that_does_not_exist_is_refused(ask: Any, tree: Any) -> None:
    with pytest.raises(ValidationError, match="info, tasks, tasks_browser"):
        ask.call({"action": "get_widget_url", "name": "clock"})
    with pytest.raises(ValidationError, match="about an entity"):
        ask.call({"action": "get_widget_url", "name": "info"})


def test_sums_and_usage_are_answered_with_nothing(ask: Any) -> None:
    assert ask.call({"action": "compute_rollups"}) == [{"action": "compute_rollups", "data": []}]
    assert ask.call({"action": "_track_usage", "data": {"name": "x"}}) == [{"action": "_track_usage"}]
