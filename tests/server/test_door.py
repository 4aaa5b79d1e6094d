from __future__ import annotations

import pytest

from ft_dcc.errors import InvalidCredentials, TooManyRequests
from ft_dcc.server.access import issue_key
from ft_dcc.server.door import Door
from ft_dcc.server.opening import opened
from ft_dcc.server.pace import Pace
from ft_dcc.server.seed import fixed_id


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture(scope="module")
def key(studio):
    return studio.store.write(lambda connection: issue_key(connection, fixed_id("User", "admin")))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def door(clock):
    return Door(clock)


def be_wrong(door, studio, address, username, times):
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            door.enter(studio.store, address, username, "wrong")


def test_who_has_the_key_comes_in_as_often_as_they_like(door, studio, key):
    assert {door.enter(studio.store, "10.0.0.1", "admin", key).username for _ in range(300)} == {"admin"}


def test_who_has_the_key_is_counted_by_the_account(studio, key, clock):
    door = Door(clock, Pace(0.1, clock))
    for number in range(60):
        door.enter(studio.store, f"10.0.3.{number}", "admin", key)
    with pytest.raises(TooManyRequests) as caught:
        door.enter(studio.store, "10.0.3.61", "admin", key)
    assert 59 < caught.value.seconds <= 60
    with pytest.raises(TooManyRequests):
        door.recognise(studio.store, "10.0.3.1", "admin", key)
    clock.seconds += 60
    assert door.enter(studio.store, "10.0.3.61", "admin", key).username == "admin"


def test_who_guesses_keys_uses_up_nothing_of_the_account(studio, key, clock):
    door = Door(clock, Pace(1 / 600, clock))
    be_wrong(door, studio, "10.0.4.1", "admin", 5)
    assert door.enter(studio.store, "10.0.4.2", "admin", key).username == "admin"


def test_who_guesses_many_names_is_turned_away(door, studio, clock):
    for number in range(100):
        be_wrong(door, studio, "10.0.0.1", f"name{number}", 1)
    with pytest.raises(TooManyRequests) as caught:
        door.enter(studio.store, "10.0.0.1", "another", "wrong")
    assert caught.value.seconds == 0.5
    be_wrong(door, studio, "10.0.0.2", "another", 1)
    clock.seconds += 0.5
    be_wrong(door, studio, "10.0.0.1", "another", 1)


def test_a_name_is_guessed_from_many_addresses_no_longer(door, studio, key):
    for number in range(20):
        be_wrong(door, studio, f"10.0.1.{number}", "admin", 1)
    with pytest.raises(TooManyRequests):
        door.enter(studio.store, "10.0.2.1", "admin", key)


def test_a_stranger_locks_out_nobody(door, studio, key):
    door.enter(studio.store, "10.0.0.1", "admin", key)
    for number in range(20):
        be_wrong(door, studio, f"10.0.1.{number}", "admin", 1)
    assert door.enter(studio.store, "10.0.0.1", "admin", key).username == "admin"


def test_having_been_right_once_is_no_leave_to_guess(door, studio, key):
    door.enter(studio.store, "10.0.0.1", "admin", key)
    be_wrong(door, studio, "10.0.0.1", "admin", 60)
    with pytest.raises(TooManyRequests):
        door.enter(studio.store, "10.0.0.1", "admin", "wrong")


def test_all_addresses_of_one_ipv6_network_are_one(door, studio):
    for number in range(100):
        be_wrong(door, studio, f"2001:db8::{number:x}", f"name{number}", 1)
    with pytest.raises(TooManyRequests):
        door.enter(studio.store, "2001:db8::ffff", "another", "wrong")
    be_wrong(door, studio, "2001:db8:0:1::1", "another", 1)


def test_the_last_use_of_a_key_is_noted_once_a_minute(door, studio, key, clock):
    def last_use():
        with studio.store.reading() as connection:
            return connection.exec_driver_sql("SELECT max(last_used_at) FROM ft_dcc_api_key").scalar()

    door.enter(studio.store, "10.0.0.1", "admin", key)
    first = last_use()
    door.enter(studio.store, "10.0.0.1", "admin", key)
    assert last_use() == first
    clock.seconds += 61
    door.enter(studio.store, "10.0.0.1", "admin", key)
    assert last_use() > first


def test_the_server_says_how_long_to_wait(start_server, wire_to):
    wire = wire_to(start_server())
    for _ in range(20):
        assert wire.post(headers={"ftrack-user": "nobody"}).status_code == 401
    answer = wire.post(headers={"ftrack-user": "nobody"})
    assert (answer.status_code, answer.json()["exception"]) == (429, "TooManyRequests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert wire.post({"action": "query_server_information"}).status_code == 200
