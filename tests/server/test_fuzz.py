import copy
import json
import os
import re
import socket
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests
from doubles.http_session import HttpSession
from doubles.operations import delete, update
from run_options import TIMEOUT_SECONDS, seeded, wait_until
from starlette.routing import Route

from ft_dcc.server.app import make_app
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database.data_folder import locked

COUNT = int(os.environ.get("FT_DCC_FUZZ_COUNT", "250"))
# Connections to the database and of clients that come and go.
FEW = 24
PARAMETER = re.compile(r"\{[^}]*\}")
NAMES = ["id", "username", "apiKey", "size", "api_user", "api_key", "redirect_url", "identifier", "token"]
TYPES = ["Note", "FileComponent", "Project", "Task", "User", "ReviewSession", "ContextCustomAttributeValue", "Nothing"]
VALUES = [
    *(None, True, -1, 2**70, 1e308, "", "x" * 3000, "\x00", "\ud83d", "'; DROP TABLE note; --", "{0.__class__}"),
    *([], {}, [[[]]]),
    {"__type__": "datetime", "value": "x"},
    {"__type__": "date", "value": None},
    {"__entity_type__": "Nothing", "id": "x"},
    [{"__entity_type__": "Note", "id": 7}],
]
VALID = [
    {"action": "query", "expression": 'select name, parent.name from Task where name like "%a%" order by name limit 5'},
    {"action": "search", "entity_type": "Task", "terms": ["a"], "context_id": "x", "object_type_ids": ["y"]},
    {"action": "query_server_information", "values": ["version"]},
    {
        "action": "create",
        "entity_type": "Note",
        "entity_key": ["a"],
        "entity_data": {"__entity_type__": "Note", "id": "a", "content": "text", "date": None, "metadata": []},
    },
    update("Note", "a", content="text"),
    delete("Note", "a"),
    {"action": "get_upload_metadata", "component_id": "a", "file_name": "a.b", "file_size": 5, "checksum": None},
    {"action": "complete_multipart_upload", "component_id": "a", "upload_id": "b", "parts": [{"part_number": 1}]},
    {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": "x"},
    {"action": "encode_media", "component_id": "a", "version_id": None, "keep_original": True},
    {"action": "get_widget_url", "name": "info", "theme": "dark", "entity_type": "Task", "entity_key": ["x"]},
    {"action": "generate_signed_url", "component_id": "a"},
    {"action": "permissions", "entity_type": "Task", "entity_data": {}},
    {"action": "compute_rollups"},
    {"action": "add_user_security_role", "user_id": "a", "role_id": "b"},
    {"action": "grant_user_security_role_project", "user_id": "a", "role_id": "b", "project_id": "c"},
    {"action": "send_user_invite", "user_id": "a"},
    {"action": "send_review_session_invite", "review_session_invitee_id": "a"},
    {"action": "delayed_job", "job_type": "SYNC_USERS_LDAP"},
    {"action": "configure_totp", "secret": "a", "code": "b"},
    {"action": "_track_usage", "data": {"type": "event", "name": "a", "metadata": {}}},
    {"action": "create", "type": "tempdata", "data": "a", "expiry": 5},
    update("ContextCustomAttributeValue", "a", "b", value=["a"]),
    {
        "action": "query",
        "expression": "select count(id), project_id from Task where not (assignments any (resource[User].username is "
        '"a") or id in (select task_id from AssetVersion where date > "2020-01-01")) group by project_id order by '
        "project_id desc, id offset 1 limit 2",
    },
]


def mutated(dice, operation):
    """Return the operation with one thing in it changed, taken away, or put in."""
    changed = copy.deepcopy(operation)
    node = changed
    while isinstance(node, (dict, list)) and node:
        key = dice.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if isinstance(node[key], (dict, list)) and node[key] and dice.random() < 0.6:
            node = node[key]
            continue
        kind = dice.random()
        if kind < 0.15:
            del node[key]
        elif kind < 0.5 and isinstance(node[key], str):
            node[key] = noisy(dice, node[key])
        else:
            node[key] = dice.choice([*VALUES, *TYPES])
        break
    return changed


def noisy(dice, text):
    characters = list(text)
    for _ in range(dice.randint(1, 4)):
        characters.insert(dice.randint(0, len(characters)), dice.choice("\"'()[]{}.,%\\ \x00aé\n<>=!~@:;*-0"))
        if characters and dice.random() < 0.5:
            del characters[dice.randrange(len(characters))]
    return "".join(characters)


@pytest.fixture(scope="module")
def server(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("fuzz") / "data")


@pytest.fixture
def routes(tmp_path: Path) -> list[tuple[str, str]]:
    """Every address that the server answers, with each of its methods."""
    with locked(tmp_path / "routes"), open_server_context(tmp_path / "routes") as studio:
        declared = [route for route in make_app(studio).routes if isinstance(route, Route)]
    found = sorted((method, route.path) for route in declared for method in route.methods or ())
    assert {("GET", "/component/get"), ("PUT", "/component/upload/{token}"), ("GET", "/metrics")} <= set(found)
    return [*found, ("POST", "/api"), ("GET", "/nothing")]


@contextmanager
def no_leaks(server):
    """Check that the server has no more open files afterwards, and little more memory, where /proc exists."""
    proc_folder = Path(f"/proc/{server.process.pid}")
    if not proc_folder.is_dir():
        yield
        return
    requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS)
    files, memory = len(list((proc_folder / "fd").iterdir())), resident(proc_folder)
    yield
    wait_until(lambda: len(list((proc_folder / "fd").iterdir())) <= files + FEW, "the end of open files")
    assert resident(proc_folder) - memory < 128 << 20


def resident(proc_folder: Path) -> int:
    return int((proc_folder / "statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def failures(server) -> list[str]:
    lines = [json.loads(line) for line in server.log.splitlines()]
    return [line.get("traceback", line["message"]) for line in lines if line["level"] == "error"]


@pytest.mark.timeout(1800)
def test_mutated_requests_cause_no_server_error(server, request):
    dice = seeded(request.node.name)
    line = HttpSession()
    with no_leaks(server):
        send_mutated(dice, server, line)
    assert failures(server) == []


def send_mutated(dice, server, line):
    for _ in range(COUNT):
        body = json.dumps([mutated(dice, dice.choice(VALID)) for _ in range(dice.randint(1, 3))])
        answer = line.post(f"{server.url}/api", body, headers={**server.headers, "ftrack-strict-api": "true"})
        assert answer.status_code < 500, f"{body}\n{answer.text}\n{failures(server)[-1:]}"
        assert isinstance(answer.json(), (list, dict))


@pytest.mark.timeout(1800)
def test_random_bytes_at_every_route_cause_no_server_error(server, request, routes):
    dice = seeded(request.node.name)
    line = HttpSession()
    with no_leaks(server):
        for turn in range(COUNT):
            send_noise(dice, server, line, *routes[turn % len(routes)])
    assert failures(server) == []


def send_noise(dice, server, line, method, path):
    noise = dice.randbytes(dice.randint(0, 200))
    filled_path = PARAMETER.sub(lambda _: quote(dice.randbytes(dice.randint(1, 30)), safe=""), path)
    query = "&".join(f"{quote(dice.choice(NAMES))}={quote(dice.randbytes(9))}" for _ in range(dice.randint(0, 4)))
    address = f"{server.url}{filled_path}?{query}"
    headers = server.headers if dice.random() < 0.5 else {"Range": f"bytes={dice.randint(-9, 9)}-"}
    headers = {**headers, "ftrack-strict-api": "true", "Authorization": "Basic " + quote(noise[:8])}
    answer = line.request(method, address, data=noise, headers=headers, allow_redirects=False)
    assert answer.status_code < 500, f"{method} {address}\n{answer.text}\n{failures(server)[-1:]}"


def test_invalid_http_does_not_disturb_other_clients(server, request):
    dice = seeded(request.node.name)
    address = urlsplit(server.url)
    for _ in range(100):
        with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT_SECONDS) as line:
            line.sendall(dice.choice([b"", b"GET ", b"POST /api HTTP/1.1\r\n"]) + dice.randbytes(300))
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200
    assert failures(server) == []
