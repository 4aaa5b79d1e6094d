import json
import logging
import sys

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.server.http.request_logging import JsonLinesFormatter, Metrics, route_of


def lines_of(log: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.splitlines()]


def test_metrics_are_in_the_prometheus_format():
    metrics = Metrics({"ft_dcc_room": ("Room.", lambda: 7)})
    metrics.begin()
    metrics.begin()
    metrics.end("/api", "POST", 200, 0.02, 100, 5)
    text = metrics.text().decode()
    for line in (
        'ft_dcc_requests_total{method="POST",route="/api",status="200"} 1.0',
        'ft_dcc_request_seconds_bucket{le="0.005",route="/api"} 0.0',
        'ft_dcc_request_seconds_bucket{le="0.025",route="/api"} 1.0',
        'ft_dcc_request_seconds_bucket{le="+Inf",route="/api"} 1.0',
        'ft_dcc_request_seconds_sum{route="/api"} 0.02',
        'ft_dcc_request_seconds_count{route="/api"} 1.0',
        "ft_dcc_requests_running 1.0",
        "ft_dcc_received_bytes_total 100.0",
        "ft_dcc_sent_bytes_total 5.0",
        "# HELP ft_dcc_room Room.",
        "# TYPE ft_dcc_room gauge",
        "ft_dcc_room 7.0",
    ):
        assert line in text.splitlines()


def test_metrics_contain_route_templates_and_no_urls(http_client, server_process):
    component_id = http_client.upload(b"film")
    requests.get(f"{server_process.url}/invented/{component_id}", timeout=TIMEOUT_SECONDS)
    login = (server_process.credentials.api_user, server_process.credentials.api_key)
    answer = requests.get(f"{server_process.url}/metrics", auth=login, timeout=TIMEOUT_SECONDS)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'method="PUT",route="/component/upload/{token}",status="200"' in answer.text
    assert 'method="GET",route="unknown",status="404"' in answer.text
    for name in ("ft_dcc_event_clients", "ft_dcc_outbox_mails", "ft_dcc_disk_free_bytes", "ft_dcc_database_bytes"):
        assert f"# TYPE {name} gauge\n{name} " in answer.text
    assert component_id not in answer.text


@pytest.mark.parametrize(
    ("scope", "route"),
    [
        ({"path": "/review/1/k", "endpoint": 1, "path_params": {"id": "1", "key": "k"}}, "/review/{id}/{key}"),
        ({"path": "/api", "endpoint": 1}, "/api"),
        ({"path": "/anything"}, "unknown"),
    ],
)
def test_route_template_has_parameter_names(scope, route):
    assert route_of(scope) == route


def test_metrics_require_a_key(server_process):
    for options in ({}, {"auth": ("admin", "wrong")}, {"headers": {"Authorization": "Basic ?"}}):
        answer = requests.get(f"{server_process.url}/metrics", **options, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 401, options


def test_verbose_log_has_a_line_for_each_request(start_server, http_client_for):
    server = start_server(None, "--log", "info")
    component_id = http_client_for(server).upload(b"film")
    server.stop()
    puts = [line for line in lines_of(server.log) if line.get("method") == "PUT"]
    assert len(puts) == 1
    assert (puts[0]["route"], puts[0]["status"], puts[0]["received"]) == ("/component/upload/{token}", 200, 4)
    assert component_id not in server.log
    assert server.credentials.api_key not in server.log


def test_default_log_is_short_and_contains_no_key_and_no_signed_url(start_server, http_client_for):
    server = start_server()
    http_client = http_client_for(server)
    component_id = http_client.upload(b"film")
    assert http_client.get("/component/get", component_id).content == b"film"
    http_client.post({"action": "fly"})
    http_client.get("/component/get", "missing")
    server.stop()
    assert [line["message"] for line in lines_of(server.log) if not str(line["message"]).startswith("SQLite")] == []
    for secret in (server.credentials.api_key, component_id, "username="):
        assert secret not in server.log


def test_log_line_is_valid_json_with_any_content():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        caught = sys.exc_info()
    record = logging.LogRecord("a.b", logging.ERROR, __file__, 1, 'said "%s"', ("x\ny",), caught)
    record.created, record.msecs = 0.5, 500
    line = JsonLinesFormatter().format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["time"], entry["level"], entry["logger"]) == ("1970-01-01T00:00:00.500Z", "error", "a.b")
    assert entry["message"] == 'said "x\ny"'
    assert entry["traceback"].endswith("ValueError: two\nlines")


def test_health_names_what_the_studio_cannot_do(start_server):
    change = (
        "from ft_dcc.server.storage.media_store import MediaStore\n"
        "MediaStore.free_bytes = lambda self: -1\n"
        "from ft_dcc.server.admin import service\n"
        "service.find_webhooks = lambda connection: [{'error': 'did not answer'}]\n"
    )
    answer = requests.get(f"{start_server(change=change).url}/health", timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.json()) == (503, {"status": "impaired", "problems": ["disk", "webhooks"]})
