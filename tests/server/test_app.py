import json

import pytest
import requests
from run_options import TIMEOUT_SECONDS


def test_list_of_operations_returns_a_list(http_client):
    users = {"action": "query", "expression": "select username from User"}
    answer = http_client.post(users, {"action": "query_schemas"})
    assert answer.status_code == 200
    assert answer.json()[0]["data"][0]["username"] == "admin"
    assert len(answer.json()) == 2


def test_single_operation_returns_a_single_result(http_client):
    answer = http_client.post(body=json.dumps({"action": "query_server_information", "values": ["version"]}).encode())
    assert list(answer.json()) == ["version"]


def test_error_is_one_object_with_class_text_and_code(http_client):
    answer = http_client.post({"action": "fly"})
    assert answer.status_code == 422
    assert answer.json() == {"exception": "ValidationError", "content": "Invalid action u'fly'", "error_code": None}


def test_client_without_strict_header_gets_status_200_with_the_error(http_client):
    answer = http_client.post({"action": "fly"}, headers={"ftrack-strict-api": "false"})
    assert answer.status_code == 200
    assert answer.json()["exception"] == "ValidationError"


@pytest.mark.parametrize("expression", ["Status", "Nothing"])
def test_answer_has_the_id_of_its_request(http_client, expression):
    ask = {"action": "query", "expression": expression}
    assert http_client.post(ask, headers={"ft-dcc-request": "a-1"}).headers["ft-dcc-request"] == "a-1"
    assert "ft-dcc-request" not in http_client.post(ask).headers
    assert "ft-dcc-request" not in http_client.post(ask, headers={"ft-dcc-request": "a; b"}).headers


def test_error_text_contains_no_braces(http_client):
    assert http_client.post({"action": "{0.__class__}"}).json()["content"] == "Invalid action u'(0.__class__)'"


@pytest.mark.parametrize("wrong", [{"ftrack-api-key": "wrong"}, {"ftrack-api-key": ""}, {"ftrack-user": "' or 1=1 --"}])
def test_wrong_credentials_return_the_error_of_ftrack(http_client, wrong):
    answer = http_client.post({"action": "query_server_information"}, headers=wrong)
    assert answer.status_code == 401
    assert answer.json()["exception"] == "InvalidCredentialsError"
    assert answer.json()["error_code"] == "api_credentials_invalid"


INVALID_BODIES = (b"", b"{", b"\xff\xfe", b"[" * 200_000, b"null", b"7", b'"text"', b"[null]", b"[[]]")


@pytest.mark.parametrize(
    "body", [*INVALID_BODIES, b'[{"action": ["query"]}]', b'[{"action": NaN}]'], ids=lambda body: str(body[:20])
)
def test_body_without_operations_is_a_bad_request(http_client, body):
    answer = http_client.post(body=body)
    assert (answer.status_code, answer.json()["exception"]) == (400, "BadRequest")


def test_body_over_8_mib_is_rejected(http_client):
    answer = http_client.post(body=b" " * ((8 << 20) + 1))
    assert answer.status_code == 413
    assert answer.json()["exception"] == "TooLarge"


def test_invalid_host_header_is_rejected(http_client):
    answer = http_client.post({"action": "query_server_information"}, headers={"Host": 'a"><script>'})
    assert answer.status_code == 400


def test_urls_in_responses_use_the_host_of_the_request(http_client, server_process):
    port = server_process.url.rsplit(":", 1)[1]
    component_id = http_client.create_component()
    operation = {"action": "get_upload_metadata", "component_id": component_id, "file_name": "a", "file_size": 1}
    answer = http_client.post(operation, headers={"Host": f"localhost:{port}"})
    assert answer.json()[0]["url"].startswith(f"http://localhost:{port}/component/upload/")


def test_cors_allows_api_requests_and_exposes_the_etag(server_process):
    asked = {
        "Origin": "https://studio.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,ftrack-api-key,ftrack-clienttoken,ftrack-user",
    }
    preflight = requests.options(f"{server_process.url}/api", headers=asked, timeout=TIMEOUT_SECONDS)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://studio.example"
    assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
    origin = {"Origin": "https://studio.example"}
    answer = requests.post(f"{server_process.url}/api", headers=origin, timeout=TIMEOUT_SECONDS)
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


def test_cors_does_not_allow_review_pages(server_process):
    origin = {"Origin": "https://other.example"}
    page = requests.get(f"{server_process.url}/review/a/b", headers=origin, timeout=TIMEOUT_SECONDS)
    assert "Access-Control-Allow-Origin" not in page.headers


@pytest.mark.parametrize("path", ["/api", "/health", "/component/get", "/nothing"])
def test_every_response_has_security_headers(server_process, path):
    answer = requests.get(server_process.url + path, timeout=TIMEOUT_SECONDS)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in answer.headers


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/health", 405)])
def test_unknown_routes_return_the_same_error_format(server_process, method, path, status):
    answer = requests.request(method, server_process.url + path, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == status
    assert answer.json()["exception"] == "ServerError"


@pytest.mark.parametrize(("path", "way_back"), [("/nonsense", 'href="./"'), ("/projects/a/b", 'href="../../"')])
def test_a_browser_gets_a_page_with_a_way_back_for_an_unknown_address(server_process, path, way_back):
    answer = requests.get(server_process.url + path, headers={"Accept": "text/html,*/*"}, timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in answer.text and way_back in answer.text


def page(session, **asked):
    (result,) = session.call([{"action": "get_widget_url", **asked}])
    return requests.get(result["widget_url"], timeout=TIMEOUT_SECONDS)


def test_the_info_widget_shows_link_and_status(session, project_task):
    shown = page(session, name="info", entity_type="Task", entity_key=[project_task["id"]], theme="light")
    assert shown.status_code == 200
    assert "link: " in shown.text
    assert "sq010 / sh010 / animation" in shown.text
    assert "status: In progress" in shown.text


def test_names_are_escaped_in_widgets(session, project):
    folder = session.create("Folder", {"name": "<script>alert(1)</script>", "parent": project})
    session.commit()
    shown = page(session, name="info", entity_type="Folder", entity_key=[folder["id"]])
    assert "<script>" not in shown.text
    assert "&lt;script&gt;" in shown.text


def test_the_tasks_widget_lists_the_tasks_of_the_user(session, project_task):
    user = session.query(f'User where username is "{session.api_user}"').one()
    assignment = session.create("Appointment", {"type": "assignment", "context": project_task, "resource": user})
    session.commit()
    shown = page(session, name="tasks", theme=None)
    session.delete(assignment)
    session.commit()
    assert shown.status_code == 200
    assert "sh010 / animation" in shown.text


def test_a_forged_widget_url_is_refused(session):
    assert requests.get(f"{session.server_url}/widget/made.up", timeout=TIMEOUT_SECONDS).status_code == 403
