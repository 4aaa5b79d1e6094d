from __future__ import annotations

import pytest
import requests

from ft_dcc.errors import SettingInvalid, TooManyRequests
from ft_dcc.server.pace import Allowance, Pace


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def test_an_allowance_comes_back_with_time(clock):
    allowance = Allowance(burst=2, per_second=0.5, now=clock)
    assert allowance.wait("a") == 0
    allowance.take("a")
    allowance.take("a")
    assert (allowance.wait("a"), allowance.wait("b")) == (2, 0)
    clock.seconds += 1.5
    assert allowance.wait("a") == 0.5
    clock.seconds += 1000
    assert allowance.wait("a") == 0
    for _ in range(2):
        allowance.take("a")
    assert allowance.wait("a") == 2


def test_an_allowance_forgets_whoever_is_quiet_longest():
    allowance = Allowance(burst=1, per_second=0.001)
    for number in range(10_001):
        allowance.take(str(number))
    assert allowance.wait("0") == 0
    assert allowance.wait("1") > 0


def test_what_is_refused_is_not_counted(clock):
    allowance = Allowance(burst=2, per_second=1, now=clock)
    assert [allowance.spend("a") for _ in range(4)] == [0, 0, 1, 1]
    clock.seconds += 1
    assert [allowance.spend("a"), allowance.spend("a"), allowance.spend("b")] == [0, 1, 0]


def test_an_address_has_the_requests_of_an_hour_at_once(clock):
    pace = Pace(6, clock)
    for _ in range(360):
        pace.check_address("10.0.0.1")
    with pytest.raises(TooManyRequests, match="from this address"):
        pace.check_address("10.0.0.1")
    pace.check_address("10.0.0.2")
    clock.seconds += 60
    for _ in range(6):
        pace.check_address("10.0.0.1")
    with pytest.raises(TooManyRequests):
        pace.check_address("10.0.0.1")


def test_a_guest_has_a_tenth_of_it_and_an_account_ten_times_as_much(clock):
    pace = Pace(1, clock)
    counts = []
    for check in (
        lambda: pace.check_address("10.0.0.1", is_guest=True),
        lambda: pace.check_address("10.0.0.1"),
        lambda: pace.check_account("farm"),
    ):
        count = 0
        with pytest.raises(TooManyRequests):
            while count < 1000:
                check()
                count += 1
        counts.append(count)
    assert counts == [6, 60, 600]


def test_a_farm_that_starts_all_at_once_is_not_held_up(clock):
    pace = Pace(now=clock)
    for _ in range(50):
        for node in range(500):
            pace.check_address(f"10.0.{node // 250}.{node % 250}")
            pace.check_account("farm")


def test_machines_of_one_network_of_ipv6_are_one(clock):
    pace = Pace(1 / 60, clock)
    pace.check_address("2001:db8::1")
    with pytest.raises(TooManyRequests):
        pace.check_address("2001:db8::2")
    pace.check_address("2001:db8:0:1::1")


def test_with_0_nobody_is_counted(clock):
    pace = Pace(0, clock)
    for _ in range(1000):
        pace.check_address("10.0.0.1", is_guest=True)
        pace.check_account("admin")
    with pytest.raises(SettingInvalid, match="below 0"):
        Pace(-1)


def test_a_script_that_runs_away_is_told_to_wait(start_server, wire_to):
    server = start_server(None, "--request-limit", "1")
    wire = wire_to(server)
    page = f"{server.url}/review/nothing/nothing"
    with requests.Session() as guest:
        assert [guest.get(page, timeout=30).status_code for _ in range(8)] == [404] * 6 + [429] * 2
    ask = {"action": "query_server_information"}
    statuses = [wire.post(ask).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    # Clients that take refusals as answers are to wait, too.
    late = wire.post(ask, headers={"ftrack-strict-api": "false"})
    assert (late.status_code, late.json()["exception"]) == (429, "TooManyRequests")
    assert 0 < int(late.headers["Retry-After"]) <= 60
    assert "--request-limit" in late.json()["content"]
    assert requests.get(f"{server.url}/health", timeout=30).status_code == 429


def test_clients_find_the_one_address_with_a_slash_too_many(start_server, wire_to):
    server = start_server()
    body = [{"action": "query", "expression": "select username from User"}]
    for path in ("/api", "/api/", "//api", "//api/"):
        answer = requests.post(server.url + path, json=body, headers=server.headers, timeout=30)
        assert answer.json()[0]["data"][0]["username"] == "admin"
    lenient = requests.post(f"{server.url}/api/", json=[{"action": "query", "expression": "Nothing"}], timeout=30)
    assert (lenient.status_code, lenient.json()["exception"]) == (200, "InvalidCredentialsError")
    assert requests.get(f"{server.url}//health", timeout=30).json() == {"status": "ok"}
    assert requests.post(f"{server.url}/api/nothing", headers=server.headers, timeout=30).status_code == 404
