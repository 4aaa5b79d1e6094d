"""The actions beside queries and writes: each is answered as documented, or refused by name."""

import json
import re
import sys
from uuid import uuid4

import attrs
import pytest

from ft_dcc.server.errors import Forbidden, ValidationError
from ft_dcc.server.identity import Caller

# Every action that protocol section 1.4 has seen a client send.
DOCUMENTED = {
    *("query", "create", "update", "delete", "query_server_information", "query_schemas", "search"),
    *("get_upload_metadata", "complete_multipart_upload", "encode_media", "get_widget_url", "reset_remote"),
    *("send_user_invite", "send_review_session_invite", "delayed_job", "permissions", "compute_rollups"),
    *("generate_signed_url", "configure_totp", "add_user_security_role", "remove_user_security_role"),
    *("update_user_security_role", "grant_user_security_role_project", "revoke_user_security_role_project"),
    "_track_usage",
}


def test_every_documented_action_is_registered(client):
    assert set(client.dispatcher.actions.all) >= DOCUMENTED


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"action": "delayed_job", "job_type": "SYNC_USERS_LDAP"}, "'delayed_job' is not supported by this server. "),
        ({"action": "configure_totp"}, "'configure_totp' is not supported by this server. "),
        ({"action": "send_user_invite", "user_id": "u"}, "'send_user_invite' is not supported by this server. "),
        ({"action": "create", "type": "tempdata", "data": "x", "expiry": 5}, "does not name an entity_type."),
        ({"action": "has_permissions"}, "Invalid action u'has_permissions'"),
    ],
)
def test_unsupported_actions_are_refused_with_the_reason(client, operation, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        client.call(operation)


def test_server_information_and_schemas_have_the_keys_that_clients_read(client):
    values = {"version": "4.13.0", "is_timezone_support_enabled": True}
    values["storage_scenario"] = {"scenario": "ftrack.automatic", "data": {}}
    asked = {"action": "query_server_information", "values": list(values)}
    information, schemas = client.call(asked, {"action": "query_schemas"})
    assert information == values
    assert {"id", "properties", "primary_key", "default_projections"} <= set(schemas[0])
    assert {"Task", "AssetVersion", "ReviewSession"} <= {schema["id"] for schema in schemas}
    (whole,) = client.call({"action": "query_server_information"})
    assert whole["user_information"]["username"] == "admin"
    # The official client cannot decode an entity before it has the schemas.
    assert not [key for key in ("__entity_type__", "__type__") if f'"{key}"' in json.dumps([whole, schemas])]


def test_uploads_are_started_with_the_keys_that_clients_read(client):
    upload = {"action": "get_upload_metadata", "component_id": client.create("FileComponent"), "file_name": "a.mov"}
    single, parts = client.call({**upload, "file_size": 4, "checksum": None}, {**upload, "file_size": 12, "parts": 3})
    assert set(single) == {"url", "headers", "component_id"}
    assert all(isinstance(value, str) for value in single["headers"].values())
    assert {"urls", "upload_id", "component_id"} <= set(parts)
    assert [part["part_number"] for part in parts["urls"]] == [1, 2, 3]
    assert single["url"].startswith("http://studio.test/component/upload/")
    assert single["headers"]["Content-Length"] == "4"
    with pytest.raises(ValidationError, match="An upload needs its file_size"):
        client.call({**upload, "file_size": "large"})


def test_widgets_keys_and_invitations_are_answered(client, tree):
    session = client.create("ReviewSession", name="dailies", project_id=tree.project)
    invitee = client.create("ReviewSessionInvitee", name="Bo", email="bo@example.test", review_session_id=session)
    widget, key, invitation = client.call(
        {"action": "get_widget_url", "name": "info", "entity_type": "Task", "entity_key": [tree.layout]},
        {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": client.caller.id},
        {"action": "send_review_session_invite", "review_session_invitee_id": invitee},
    )
    assert widget["widget_url"].startswith("http://studio.test/widget/")
    assert len(key["data"]["api_key"]) == 43
    assert (invitation["sent"], invitation["kept"]) == (True, True)


@pytest.fixture
def stored(client):
    """Create a component with its file in the media store; return its id."""
    component: str = client.create("FileComponent", name="film", file_type=".mov")
    client.store(component)
    return component


def test_encode_media_without_ffmpeg_is_refused_with_the_package_to_install(client, stored, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", "")
    refusal = r"^'encode_media' is not available on this server\. .* pip install \"ft-dcc\[media\]\", or set FT_DCC_F"
    with pytest.raises(ValidationError, match=refusal):
        client.call({"action": "encode_media", "component_id": stored})
    assert client.query("Job") == []


def test_encode_media_requires_stored_bytes_and_an_existing_version(client, stored):
    for component in (None, "nothing", client.create("FileComponent", name="elsewhere")):
        with pytest.raises(ValidationError, match=r"needs a component in the ftrack\.server location"):
            client.call({"action": "encode_media", "component_id": component})
    for version in ("nothing", 7):
        with pytest.raises(ValidationError, match="a version that does not exist"):
            client.call({"action": "encode_media", "component_id": stored, "version_id": version})
    assert client.query("Job") == []


def test_encode_media_is_forbidden_in_projects_of_others(client, stored, tree):
    asset = client.create("Asset", name="playblast", context_id=tree.shot)
    version = client.create("AssetVersion", asset_id=asset, task_id=tree.layout)
    somebody = attrs.evolve(client, caller=Caller(client.create("User", username=uuid4().hex), "somebody"))
    client.update("Project", tree.project, is_private=True)
    with pytest.raises(Forbidden, match="you cannot access"):
        somebody.call({"action": "encode_media", "component_id": stored, "version_id": version})
    client.update("FileComponent", stored, version_id=version)
    with pytest.raises(Forbidden, match="you cannot access"):
        somebody.call({"action": "encode_media", "component_id": stored})
    assert client.query("Job") == []


def test_a_component_is_added_to_the_server_location_only_with_all_its_bytes(client, stored):
    server, disk = "3a372bde-05bc-11e4-8908-20c9d081909b", client.create("Location", name=uuid4().hex)
    empty = client.create("FileComponent", name="film")
    with pytest.raises(ValidationError, match="The bytes of the component 'film' are not on the server"):
        client.create("ComponentLocation", component_id=empty, location_id=server)
    elsewhere = client.create("ComponentLocation", component_id=empty, location_id=disk)
    with pytest.raises(ValidationError, match="are not on the server"):
        client.update("ComponentLocation", elsewhere, location_id=server)
    client.update("FileComponent", stored, size=5)
    with pytest.raises(ValidationError, match="has 5 bytes, and 4 were uploaded"):
        client.create("ComponentLocation", component_id=stored, location_id=server)
    client.update("FileComponent", stored, size=4)
    client.create("ComponentLocation", component_id=stored, location_id=server)
    client.create("ComponentLocation", component_id=client.create("SequenceComponent"), location_id=server)


def test_roles_are_added_limited_to_projects_and_removed(client, tree):
    user = client.create("User", username=uuid4().hex)
    roles = (f'SecurityRole where name is "{name}"' for name in ("Project Manager", "User"))
    manager, artist = (client.query(role)[0]["id"] for role in roles)
    somebody = attrs.evolve(client, caller=Caller(user, "somebody"))

    def act(name, role_id, **more):
        assert client.call({"action": name, "user_id": user, "role_id": role_id, **more})[0]["data"] is True

    def roles() -> list[str]:
        held = client.query(f"select security_role.name from UserSecurityRole where user_id is {user}")
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


def test_a_role_that_the_user_does_not_have_cannot_be_changed(client):
    user = client.create("User", username=uuid4().hex)
    role = client.query("SecurityRole where name is API")[0]["id"]
    with pytest.raises(ValidationError, match="does not have this role"):
        client.call({"action": "remove_user_security_role", "user_id": user, "role_id": role})
    with pytest.raises(ValidationError, match="needs 'role_id'"):
        client.call({"action": "add_user_security_role", "user_id": user, "role_id": "nothing"})


def test_permissions_lists_the_allowed_actions_for_a_type(client):
    somebody = attrs.evolve(client, caller=Caller(client.create("User", username=uuid4().hex), "somebody"))
    asked = {"action": "permissions", "entity_type": "Status"}
    assert client.call(asked)[0]["data"] == ["read", "create", "update", "delete"]
    assert somebody.call(asked)[0]["data"] == ["read"]
    assert somebody.call({**asked, "entity_type": "Task"})[0]["data"] == ["read", "create", "update", "delete"]


def test_generate_signed_url_requires_an_existing_component(client):
    (result,) = client.call({"action": "generate_signed_url", "component_id": client.create("FileComponent")})
    assert result["signed_url"].startswith("http://studio.test/component/signed/")
    with pytest.raises(ValidationError, match="needs the component_id"):
        client.call({"action": "generate_signed_url", "component_id": "nothing"})


def test_an_unknown_widget_is_refused(client, tree):
    with pytest.raises(ValidationError, match="info, tasks, tasks_browser"):
        client.call({"action": "get_widget_url", "name": "clock"})
    with pytest.raises(ValidationError, match="about an entity"):
        client.call({"action": "get_widget_url", "name": "info"})


def test_rollups_and_usage_tracking_return_nothing(client):
    assert client.call({"action": "compute_rollups"}) == [{"action": "compute_rollups", "data": []}]
    assert client.call({"action": "_track_usage", "data": {"name": "x"}}) == [{"action": "_track_usage"}]
