from __future__ import annotations

import json

import pytest
import requests


def test_a_list_of_operations_is_answered_with_a_list(wire):
    answer = wire.post({"action": "query", "expression": "select username from User"}, {"action": "query_schemas"})
    assert answer.status_code == 200
    assert answer.json()[0]["data"][0]["username"] == "admin"
    assert len(answer.json()) == 2


def test_a_bare_operation_is_answered_bare(wire):
    answer = wire.post(body=json.dumps({"action": "query_server_information", "values": ["version"]}).encode())
    assert list(answer.json()) == ["version"]


def test_a_refusal_is_one_object_with_class_text_and_code(wire):
    answer = wire.post({"action": "fly"})
    assert answer.status_code == 422
    assert answer.json() == {
        "exception": "ValidationError",
        "content": "Invalid action u'fly'",
        "error_code": None,
    }


def test_a_tolerant_client_gets_status_200_with_the_same_object(wire):
    answer = wire.post({"action": "fly"}, headers={"ftrack-strict-api": "false"})
    assert answer.status_code == 200
    assert answer.json()["exception"] == "ValidationError"


def test_the_text_of_an_error_has_no_braces(wire):
    answer = wire.post({"action": "{0.__class__}"})
    assert answer.json()["content"] == "Invalid action u'(0.__class__)'"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ftrack-api-key": "wrong"},
        {"ftrack-api-key": ""},
        {"ftrack-user": "nobody"},
        {"ftrack-user": ""},
        {"ftrack-user": "' or 1=1 --"},
    ],
)
def test_wrong_credentials_are_refused_with_ftracks_words(wire, wrong):
    answer = wire.post({"action": "query_server_information"}, headers=wrong)
    assert answer.status_code == 401
    assert answer.json()["exception"] == "InvalidCredentialsError"
    assert answer.json()["error_code"] == "api_credentials_invalid"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 200_000,
        b"null",
        b"7",
        b'"text"',
        b"[null]",
        b"[[]]",
        b'[{"action": ["query"]}]',
        b'[{"action": NaN}]',
    ],
    ids=["empty", "cut", "binary", "deep", "null", "number", "string", "list of null", "nested", "list", "nan"],
)
def test_a_body_that_is_no_list_of_operations_is_a_bad_request(wire, body):
    answer = wire.post(body=body)
    assert answer.status_code == 400
    assert answer.json()["exception"] == "BadRequest"


def test_a_body_beyond_8_mib_is_refused(wire):
    answer = wire.post(body=b" " * ((8 << 20) + 1))
    assert answer.status_code == 413
    assert answer.json()["exception"] == "TooLarge"


def test_text_that_is_not_unicode_is_refused(wire):
    answer = wire.post(body=b'[{"action": "query", "expression": "User where username is \\"\\ud800\\""}]')
    assert 400 <= answer.status_code < 500


def test_a_host_header_that_is_no_host_is_refused(wire):
    answer = wire.post({"action": "query_server_information"}, headers={"Host": 'a"><script>'})
    assert answer.status_code == 400


def test_addresses_in_answers_are_those_that_the_client_uses(wire, server_process):
    port = server_process.url.rsplit(":", 1)[1]
    component_id = wire.create_component()
    operation = {"action": "get_upload_metadata", "component_id": component_id, "file_name": "a", "file_size": 1}
    answer = wire.post(operation, headers={"Host": f"localhost:{port}"})
    assert answer.json()[0]["url"].startswith(f"http://localhost:{port}/component/upload/")


def test_a_browser_on_another_site_may_ask_and_sees_the_etag(server_process):
    asked = {
        "Origin": "https://studio.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,ftrack-api-key,ftrack-clienttoken,ftrack-user",
    }
    preflight = requests.options(f"{server_process.url}/api", headers=asked, timeout=30)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://studio.example"
    assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
    answer = requests.post(f"{server_process.url}/api", headers={"Origin": "https://studio.example"}, timeout=30)
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


def test_a_browser_on_another_site_may_not_read_a_review_page(server_process):
    page = requests.get(f"{server_process.url}/review/a/b", headers={"Origin": "https://other.example"}, timeout=30)
    assert "Access-Control-Allow-Origin" not in page.headers


@pytest.mark.parametrize("path", ["/api", "/health", "/component/get", "/nothing"])
def test_every_answer_is_safe_in_a_browser(server_process, path):
    answer = requests.get(server_process.url + path, timeout=30)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in answer.headers


def test_health_needs_no_key(server_process):
    answer = requests.get(f"{server_process.url}/health", timeout=30)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/health", 405)])
def test_what_is_not_answered_is_said_in_the_same_form(server_process, method, path, status):
    answer = requests.request(method, server_process.url + path, timeout=30)
    assert answer.status_code == status
    assert answer.json()["exception"] == "ServerError"


def test_no_key_and_no_address_gets_into_the_log(start_server, wire_to):
    server = start_server()
    wire = wire_to(server)
    component_id = wire.upload(b"film")
    assert wire.get("/component/get", component_id).content == b"film"
    wire.post({"action": "fly"})
    wire.get("/component/get", "missing")
    server.stop()
    for secret in (server.credentials.api_key, component_id, "username="):
        assert secret not in server.log
