from __future__ import annotations

import pytest


@pytest.fixture
def other_user(http_client):
    """Create a user with an API key; return the id and the request headers."""
    data = {"__entity_type__": "User", "username": "rigger", "is_active": True}
    answer = http_client.post({"action": "create", "entity_type": "User", "entity_data": data}).json()
    user_id = answer[0]["data"]["id"]
    yield user_id, {"ftrack-user": "rigger", "ftrack-api-key": reset_key(http_client, user_id)}
    http_client.post({"action": "delete", "entity_type": "User", "entity_key": [user_id]})


def reset_key(http_client, user_id: str) -> str:
    operation = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": user_id}
    return http_client.post(operation).json()[0]["data"]["api_key"]


ASK = {"action": "query_server_information"}


def test_reset_replaces_the_previous_key(http_client, other_user):
    user_id, headers = other_user
    assert http_client.post(ASK, headers=headers).status_code == 200
    renewed = {**headers, "ftrack-api-key": reset_key(http_client, user_id)}
    assert http_client.post(ASK, headers=renewed).status_code == 200
    assert http_client.post(ASK, headers=headers).status_code == 401


def test_key_is_rejected_for_another_user(http_client, other_user):
    _, headers = other_user
    assert http_client.post(ASK, headers={"ftrack-api-key": headers["ftrack-api-key"]}).status_code == 401


def test_inactive_user_is_rejected(http_client, other_user):
    user_id, headers = other_user
    data = {"__entity_type__": "User", "is_active": False}
    http_client.post({"action": "update", "entity_type": "User", "entity_key": [user_id], "entity_data": data})
    assert http_client.post(ASK, headers=headers).status_code == 401


def test_database_contains_no_key_in_clear_text(server_process, other_user, start_server):
    # The first user's key on a server that nobody else writes on: another test puts its own into a comment.
    first = start_server()
    for server, key in ((server_process, other_user[1]["ftrack-api-key"]), (first, first.credentials.api_key)):
        databases = list(server.data.glob("studio.db*"))
        assert databases
        assert not any(key.encode() in path.read_bytes() for path in databases)
