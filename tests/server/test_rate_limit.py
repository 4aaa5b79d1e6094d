import http.client
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests
from doubles.http_session import HttpSession
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.errors import TooManyRequests
from ft_dcc.server.http.rate_limit import RequestLimiter, client_network
from ft_dcc.server.work.budgets import TokenBucket


def test_token_bucket_refills_with_time(clock):
    allowance = TokenBucket(burst=2, per_second=0.5, now=clock)
    assert allowance.retry_after("a") == 0
    allowance.consume("a")
    allowance.consume("a")
    assert (allowance.retry_after("a"), allowance.retry_after("b")) == (2, 0)
    clock.seconds += 1.5
    assert allowance.retry_after("a") == 0.5
    clock.seconds += 1000
    assert allowance.retry_after("a") == 0
    for _ in range(2):
        allowance.consume("a")
    assert allowance.retry_after("a") == 2


def test_token_bucket_forgets_the_least_recent_key():
    allowance = TokenBucket(burst=1, per_second=0.001)
    for number in range(10_001):
        allowance.consume(str(number))
    assert allowance.retry_after("0") == 0
    assert allowance.retry_after("1") > 0


def test_rejected_requests_are_not_counted(clock):
    allowance = TokenBucket(burst=2, per_second=1, now=clock)
    assert [allowance.acquire("a") for _ in range(4)] == [0, 0, 1, 1]
    clock.seconds += 1
    assert [allowance.acquire("a"), allowance.acquire("a"), allowance.acquire("b")] == [0, 1, 0]


def test_address_may_burst_the_requests_of_an_hour(clock):
    limiter = RequestLimiter(6, clock)
    for _ in range(360):
        limiter.check_address("10.0.0.1")
    with pytest.raises(TooManyRequests, match="from this address"):
        limiter.check_address("10.0.0.1")
    limiter.check_address("10.0.0.2")
    clock.seconds += 60
    for _ in range(6):
        limiter.check_address("10.0.0.1")
    with pytest.raises(TooManyRequests):
        limiter.check_address("10.0.0.1")


def test_limits_of_guests_addresses_and_accounts_differ_by_ten(clock):
    limiter = RequestLimiter(1, clock)
    counts = []
    for check in (
        lambda: limiter.check_address("10.0.0.1", is_guest=True),
        lambda: limiter.check_address("10.0.0.1"),
        lambda: limiter.check_account("farm"),
    ):
        count = 0
        with pytest.raises(TooManyRequests):
            while count < 1000:
                check()
                count += 1
        counts.append(count)
    assert counts == [6, 60, 600]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::2]", "2001:db8::/64"),
        ("[2001:db8::3]:443", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_spellings_of_an_address_share_its_limit(address, network):
    assert client_network(address) == network


TRUSTING = "import os; os.environ['FORWARDED_ALLOW_IPS'] = '127.0.0.1, 192.0.2.128/25'"


@pytest.fixture(scope="module")
def behind_a_proxy(start_module_server, stopped_limits, tmp_path_factory):
    """Start a server with 60 requests for each address, which trusts proxies on this machine and in a network."""
    data = tmp_path_factory.mktemp("forwarded") / "data"
    return start_module_server(data, "--request-limit", "1", change=f"{TRUSTING}\n{stopped_limits}")


def ask_for(server, *forwarded):
    """Return the status of a request with these X-Forwarded-For headers."""
    address = urlsplit(server.url)
    with closing(http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_SECONDS)) as connection:
        connection.putrequest("GET", "/health")
        for value in forwarded:
            connection.putheader("X-Forwarded-For", value)
        connection.endheaders()
        return connection.getresponse().status


def test_requests_through_a_proxy_are_counted_for_the_client_that_it_names(behind_a_proxy):
    server = behind_a_proxy
    assert [ask_for(server, "198.51.100.1") for _ in range(61)] == [200] * 60 + [429]
    # What the client itself claims comes first; the proxy adds the address that it sees at the end.
    for forwarded in (
        ["203.0.113.9, 198.51.100.1"],
        ["203.0.113.9", "198.51.100.1"],
        ["127.0.0.1, 198.51.100.1"],
        ["198.51.100.1, 192.0.2.200"],
        ["198.51.100.1, 192.0.2.200, 127.0.0.1"],
        ["198.51.100.1:4711"],
        ["::ffff:198.51.100.1"],
    ):
        assert ask_for(server, *forwarded) == 429, forwarded
    for forwarded in (["198.51.100.2"], ["198.51.100.1, 198.51.100.2"], ["198.51.100.1", "198.51.100.2"]):
        assert ask_for(server, *forwarded) == 200, forwarded


def test_ipv6_requests_through_a_proxy_are_counted_by_network(behind_a_proxy):
    server = behind_a_proxy
    assert [ask_for(server, f"2001:db8::{number:x}") for number in range(61)] == [200] * 60 + [429]
    assert ask_for(server, "[2001:db8::ffff]:443") == 429
    assert ask_for(server, "203.0.113.9, 2001:db8::1, 127.0.0.1") == 429
    assert ask_for(server, "2001:db8:0:1::1") == 200


def test_wrong_keys_through_a_proxy_are_counted_for_the_client_that_it_names(start_server, stopped_limits):
    server = start_server(None, "--request-limit", "0", change=f"{TRUSTING}\n{stopped_limits}")

    def guess(number, address):
        headers = {"ftrack-strict-api": "true", "ftrack-user": f"user{number}", "ftrack-api-key": "wrong"}
        headers["X-Forwarded-For"] = f"203.0.113.{number}, {address}"
        return requests.post(f"{server.url}/api", json=[], headers=headers, timeout=TIMEOUT_SECONDS).status_code

    assert [guess(number, "198.51.100.7") for number in range(101)] == [401] * 100 + [429]
    assert guess(200, "198.51.100.8") == 401


def test_without_a_trusted_proxy_no_client_names_another_address(start_server, stopped_limits):
    server = start_server(None, "--request-limit", "1", change=stopped_limits)
    assert [ask_for(server, f"198.51.100.{number}") for number in range(61)] == [200] * 60 + [429]


def test_limit_of_0_counts_no_requests(clock):
    limiter = RequestLimiter(0, clock)
    for _ in range(1000):
        limiter.check_address("10.0.0.1", is_guest=True)
        limiter.check_account("admin")
    with pytest.raises(SettingInvalid, match="below 0"):
        RequestLimiter(-1)


def test_farm_burst_is_not_limited(clock):
    limiter = RequestLimiter(now=clock)
    for _ in range(50):
        for node in range(500):
            limiter.check_address(f"10.0.{node // 250}.{node % 250}")
            limiter.check_account("farm")


def test_requests_over_the_limit_get_429(behind_a_proxy, http_client_for):
    server = behind_a_proxy
    http_client = http_client_for(server)
    page = f"{server.url}/review/nothing/nothing"
    with HttpSession() as guest:
        assert [guest.get(page).status_code for _ in range(8)] == [404] * 6 + [429] * 2
    ask = {"action": "query_server_information"}
    assert [http_client.post(ask).status_code for _ in range(61)] == [200] * 60 + [429]
    # Clients that take refusals as answers are to wait, too.
    late = http_client.post(ask, headers={"ftrack-strict-api": "false"})
    assert (late.status_code, late.json()["exception"]) == (429, "TooManyRequests")
    assert 0 < int(late.headers["Retry-After"]) <= 60
    assert "--request-limit" in late.json()["content"]
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 429


def test_redundant_slashes_in_paths_are_ignored(server_process):
    server = server_process
    body = [{"action": "query", "expression": "select username from User"}]
    for path in ("/api", "/api/", "//api", "//api/"):
        answer = requests.post(server.url + path, json=body, headers=server.headers, timeout=TIMEOUT_SECONDS)
        assert answer.json()[0]["data"][0]["username"] == "admin"
    ask = [{"action": "query", "expression": "Nothing"}]
    lenient = requests.post(f"{server.url}/api/", json=ask, timeout=TIMEOUT_SECONDS)
    assert (lenient.status_code, lenient.json()["exception"]) == (200, "InvalidCredentialsError")
    assert "status" in requests.get(f"{server.url}//health", timeout=TIMEOUT_SECONDS).json()
    answer = requests.post(f"{server.url}/api/nothing", headers=server.headers, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 404
