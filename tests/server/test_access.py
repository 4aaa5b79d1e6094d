from __future__ import annotations

import pytest

from ft_dcc.errors import Forbidden
from ft_dcc.server.access import claims_of, is_review_key, review_key, sign

SECRET = b"s" * 32


def test_a_review_key_is_the_same_every_time_and_another_for_every_session():
    assert review_key(SECRET, "a") == "ToprGDrs7mDqIeZdLjYr-Dh2QrIOcN5s"
    assert review_key(SECRET, "b") != review_key(SECRET, "a")
    assert review_key(b"t" * 32, "a") != review_key(SECRET, "a")


@pytest.mark.parametrize("wrong", ["", "a", "x" * 32, "\u00fc" * 32, "\ud800", review_key(SECRET, "b")])
def test_only_its_own_key_opens_a_review_session(wrong):
    assert is_review_key(SECRET, "a", review_key(SECRET, "a"))
    assert not is_review_key(SECRET, "a", wrong)


def test_a_token_carries_what_was_signed():
    token = sign(SECRET, "upload", {"component_id": "\u00fc/..", "size": 4}, 60)
    assert claims_of(SECRET, "upload", token) == {"component_id": "\u00fc/..", "size": 4}


def test_a_token_has_no_character_that_an_address_would_change():
    token = sign(SECRET, "upload", {"component_id": "?&=#/+ " * 9}, 60)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize("token", ["", ".", "a.b", "\ud800.\ud800", "e30.", "." + "x" * 43, "x" * 10_000])
def test_nonsense_is_no_token(token):
    with pytest.raises(Forbidden, match="signature"):
        claims_of(SECRET, "upload", token)


def test_a_token_is_good_for_its_purpose_its_secret_and_its_time_only():
    token = sign(SECRET, "upload", {}, 60)
    for secret, purpose in ((SECRET, "download"), (b"t" * 32, "upload")):
        with pytest.raises(Forbidden, match="signature"):
            claims_of(secret, purpose, token)
    with pytest.raises(Forbidden, match="expired"):
        claims_of(SECRET, "upload", sign(SECRET, "upload", {}, -1))


@pytest.fixture
def other_user(wire):
    """A user with a key of her own: her id, and the headers she sends."""
    data = {"__entity_type__": "User", "username": "rigger", "is_active": True}
    answer = wire.post({"action": "create", "entity_type": "User", "entity_data": data}).json()
    user_id = answer[0]["data"]["id"]
    yield user_id, {"ftrack-user": "rigger", "ftrack-api-key": reset_key(wire, user_id)}
    wire.post({"action": "delete", "entity_type": "User", "entity_key": [user_id]})


def reset_key(wire, user_id: str) -> str:
    operation = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": user_id}
    return wire.post(operation).json()[0]["data"]["api_key"]


ASK = {"action": "query_server_information"}


def test_a_new_key_works_and_the_one_before_does_not(wire, other_user):
    user_id, headers = other_user
    assert wire.post(ASK, headers=headers).status_code == 200
    renewed = {**headers, "ftrack-api-key": reset_key(wire, user_id)}
    assert wire.post(ASK, headers=renewed).status_code == 200
    assert wire.post(ASK, headers=headers).status_code == 401


def test_a_key_is_good_for_its_own_user_only(wire, other_user):
    _, headers = other_user
    assert wire.post(ASK, headers={"ftrack-api-key": headers["ftrack-api-key"]}).status_code == 401


def test_a_user_who_left_is_not_let_in(wire, other_user):
    user_id, headers = other_user
    data = {"__entity_type__": "User", "is_active": False}
    wire.post({"action": "update", "entity_type": "User", "entity_key": [user_id], "entity_data": data})
    assert wire.post(ASK, headers=headers).status_code == 401


def test_the_database_has_no_key_in_clear_text(server_process, other_user, start_server):
    # The first user's key on a server that nobody else writes on: another test puts its own into a comment.
    first = start_server()
    for server, key in ((server_process, other_user[1]["ftrack-api-key"]), (first, first.credentials.api_key)):
        databases = list(server.data.glob("studio.db*"))
        assert databases
        assert not any(key.encode() in path.read_bytes() for path in databases)
