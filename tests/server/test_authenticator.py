"""Authentication by API keys, and the throttling of failed attempts."""

import pytest
from doubles.operations import create, delete, update

from ft_dcc.server.auth.api_keys import Authenticator, issue_key
from ft_dcc.server.database.seed import fixed_id
from ft_dcc.server.errors import InvalidCredentials, TooManyRequests
from ft_dcc.server.http.rate_limit import RequestLimiter


@pytest.fixture(scope="module")
def key(studio):
    return studio.store.write(lambda connection: issue_key(connection, fixed_id("User", "admin")))


@pytest.fixture
def authenticator(studio, clock):
    return Authenticator(studio.store, now=clock)


def fail_logins(authenticator, address, username, times):
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            authenticator.authenticate(address, username, "wrong")


def test_valid_key_is_not_throttled_by_the_authenticator(authenticator, studio, key):
    assert {authenticator.authenticate("10.0.0.1", "admin", key).username for _ in range(300)} == {"admin"}


def test_valid_logins_are_limited_per_account(studio, key, clock):
    authenticator = Authenticator(studio.store, RequestLimiter(0.1, clock), clock)
    for number in range(60):
        authenticator.authenticate(f"10.0.3.{number}", "admin", key)
    with pytest.raises(TooManyRequests) as caught:
        authenticator.authenticate("10.0.3.61", "admin", key)
    assert 59 < caught.value.seconds <= 60
    with pytest.raises(TooManyRequests):
        authenticator.authenticate_cached("10.0.3.1", "admin", key)
    clock.seconds += 60
    assert authenticator.authenticate("10.0.3.61", "admin", key).username == "admin"


def test_wrong_keys_do_not_use_the_request_limit_of_the_account(studio, key, clock):
    authenticator = Authenticator(studio.store, RequestLimiter(1 / 600, clock), clock)
    fail_logins(authenticator, "10.0.4.1", "admin", 5)
    assert authenticator.authenticate("10.0.4.2", "admin", key).username == "admin"


def test_login_is_throttled_after_a_hundred_wrong_keys_from_one_address(authenticator, studio, clock):
    for number in range(100):
        fail_logins(authenticator, "10.0.0.1", f"name{number}", 1)
    with pytest.raises(TooManyRequests) as caught:
        authenticator.authenticate("10.0.0.1", "another", "wrong")
    assert caught.value.seconds == 0.5
    fail_logins(authenticator, "10.0.0.2", "another", 1)
    clock.seconds += 0.5
    fail_logins(authenticator, "10.0.0.1", "another", 1)


def test_login_is_throttled_per_account_across_addresses(authenticator, studio, key):
    for number in range(20):
        fail_logins(authenticator, f"10.0.1.{number}", "admin", 1)
    with pytest.raises(TooManyRequests):
        authenticator.authenticate("10.0.2.1", "admin", key)


def test_wrong_keys_from_elsewhere_do_not_lock_out_a_known_address(authenticator, studio, key):
    authenticator.authenticate("10.0.0.1", "admin", key)
    for number in range(20):
        fail_logins(authenticator, f"10.0.1.{number}", "admin", 1)
    assert authenticator.authenticate("10.0.0.1", "admin", key).username == "admin"


def test_login_is_throttled_after_an_earlier_success(authenticator, studio, key):
    authenticator.authenticate("10.0.0.1", "admin", key)
    fail_logins(authenticator, "10.0.0.1", "admin", 60)
    with pytest.raises(TooManyRequests):
        authenticator.authenticate("10.0.0.1", "admin", "wrong")


def test_addresses_of_one_ipv6_network_are_throttled_together(authenticator, studio):
    for number in range(100):
        fail_logins(authenticator, f"2001:db8::{number:x}", f"name{number}", 1)
    with pytest.raises(TooManyRequests):
        authenticator.authenticate("2001:db8::ffff", "another", "wrong")
    fail_logins(authenticator, "2001:db8:0:1::1", "another", 1)


def test_last_use_of_a_key_is_recorded_once_a_minute(authenticator, studio, key, clock):
    def last_use():
        with studio.store.reading() as connection:
            return connection.exec_driver_sql("SELECT max(last_used_at) FROM ft_dcc_api_key").scalar()

    authenticator.authenticate("10.0.0.1", "admin", key)
    first = last_use()
    authenticator.authenticate("10.0.0.1", "admin", key)
    assert last_use() == first
    clock.seconds += 61
    authenticator.authenticate("10.0.0.1", "admin", key)
    assert last_use() > first


@pytest.fixture
def other_user(http_client):
    """Create a user with an API key; return the id and the request headers."""
    user_id = http_client.post(create("User", username="rigger", is_active=True)).json()[0]["data"]["id"]
    yield user_id, {"ftrack-user": "rigger", "ftrack-api-key": reset_key(http_client, user_id)}
    http_client.post(delete("User", user_id))


def reset_key(http_client, user_id: str) -> str:
    operation = {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": user_id}
    return http_client.post(operation).json()[0]["data"]["api_key"]


ASK = {"action": "query_server_information"}


def test_key_is_rejected_for_another_user(http_client, other_user):
    _, headers = other_user
    assert http_client.post(ASK, headers={"ftrack-api-key": headers["ftrack-api-key"]}).status_code == 401


def test_inactive_user_is_rejected(http_client, other_user):
    user_id, headers = other_user
    http_client.post(update("User", user_id, is_active=False))
    assert http_client.post(ASK, headers=headers).status_code == 401


def test_database_contains_no_key_in_clear_text(server_process, other_user, start_server):
    # The first user's key on a server that nobody else writes on: another test puts its own into a comment.
    first = start_server()
    for server, key in ((server_process, other_user[1]["ftrack-api-key"]), (first, first.credentials.api_key)):
        databases = list(server.data.glob("studio.db*"))
        assert databases
        assert not any(key.encode() in path.read_bytes() for path in databases)
