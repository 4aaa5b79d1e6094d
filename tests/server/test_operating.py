from __future__ import annotations

import json
import logging
import sys

import pytest
import requests

from ft_dcc.server.logs import JsonLines
from ft_dcc.server.metrics import Answered, Metrics
from ft_dcc.server.watching import route_of


def lines_of(log: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.splitlines()]


def test_a_server_that_can_read_its_database_is_well(server_process):
    answer = requests.get(f"{server_process.url}/health", timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_metrics_are_counts_in_the_format_of_prometheus():
    metrics = Metrics()
    metrics.begin()
    metrics.begin()
    metrics.end(Answered("/api", "POST", 200, 0.02, 100, 5))
    text = metrics.text({"ft_dcc_room": ("Room.", 7)})
    for line in (
        'ft_dcc_requests_total{route="/api",method="POST",status="200"} 1',
        'ft_dcc_request_seconds_bucket{route="/api",le="0.005"} 0',
        'ft_dcc_request_seconds_bucket{route="/api",le="0.025"} 1',
        'ft_dcc_request_seconds_bucket{route="/api",le="+Inf"} 1',
        'ft_dcc_request_seconds_sum{route="/api"} 0.020000',
        'ft_dcc_request_seconds_count{route="/api"} 1',
        "ft_dcc_requests_running 1",
        "ft_dcc_received_bytes_total 100",
        "ft_dcc_sent_bytes_total 5",
        "# HELP ft_dcc_room Room.",
        "# TYPE ft_dcc_room gauge",
        "ft_dcc_room 7",
    ):
        assert line in text.splitlines()


def test_metrics_tell_who_listens_and_what_waits(server_process):
    text = requests.get(f"{server_process.url}/metrics", timeout=30).text
    for name in ("ft_dcc_event_clients", "ft_dcc_outbox_mails", "ft_dcc_disk_free_bytes", "ft_dcc_database_bytes"):
        assert f"# TYPE {name} gauge\n{name} " in text


def test_metrics_name_routes_and_never_addresses(wire, server_process):
    component_id = wire.upload(b"film")
    requests.get(f"{server_process.url}/invented/{component_id}", timeout=30)
    answer = requests.get(f"{server_process.url}/metrics", timeout=30)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'route="/component/upload/{token}",method="PUT",status="200"' in answer.text
    assert 'route="unknown",method="GET",status="404"' in answer.text
    assert "ft_dcc_disk_free_bytes " in answer.text
    assert component_id not in answer.text


@pytest.mark.parametrize(
    ("scope", "route"),
    [
        (
            {"path": "/review/1/k/data", "endpoint": 1, "path_params": {"id": "1", "key": "k"}},
            "/review/{id}/{key}/data",
        ),
        ({"path": "/api", "endpoint": 1}, "/api"),
        ({"path": "/anything"}, "unknown"),
    ],
)
def test_a_route_has_names_for_values(scope, route):
    assert route_of(scope) == route


def test_metrics_are_for_this_machine_and_for_who_has_a_key(start_server, server_process):
    # A proxy on this machine says for whom it asks.
    url, far = f"{server_process.url}/metrics", {"X-Forwarded-For": "192.0.2.1"}
    reached = server_process.credentials
    assert requests.get(url, headers=far, timeout=30).status_code == 401
    assert requests.get(url, headers=far, auth=(reached.api_user, "wrong"), timeout=30).status_code == 401
    assert requests.get(url, headers={**far, "Authorization": "Basic ?"}, timeout=30).status_code == 401
    assert requests.get(url, headers=far, auth=(reached.api_user, reached.api_key), timeout=30).status_code == 200


def test_the_log_has_a_line_for_each_request(start_server, wire_to):
    server = start_server(None, "--log", "info")
    component_id = wire_to(server).upload(b"film")
    server.stop()
    puts = [line for line in lines_of(server.log) if line.get("method") == "PUT"]
    assert len(puts) == 1
    assert (puts[0]["route"], puts[0]["status"], puts[0]["received"]) == ("/component/upload/{token}", 200, 4)
    assert component_id not in server.log
    assert server.credentials.api_key not in server.log


def test_the_usual_log_is_short(start_server, wire_to):
    server = start_server()
    wire_to(server).upload(b"film")
    server.stop()
    assert [line["message"] for line in lines_of(server.log) if not str(line["message"]).startswith("SQLite")] == []


def test_a_line_of_the_log_is_json_whatever_is_in_it():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        caught = sys.exc_info()
    record = logging.LogRecord("a.b", logging.ERROR, __file__, 1, 'said "%s"', ("x\ny",), caught)
    record.created, record.msecs = 0.5, 500
    line = JsonLines().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["time"], said["level"], said["logger"]) == ("1970-01-01T00:00:00.500Z", "error", "a.b")
    assert said["message"] == 'said "x\ny"'
    assert said["traceback"].endswith("ValueError: two\nlines")
