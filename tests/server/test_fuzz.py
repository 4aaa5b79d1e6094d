from __future__ import annotations

import copy
import json
import os
import random
import socket
from urllib.parse import quote, urlsplit

import pytest
import requests

COUNT = int(os.environ.get("FT_DCC_FUZZ_COUNT", "1000"))
SEED = int(os.environ.get("FT_DCC_FUZZ_SEED", "4"))
ROUTES = [
    ("POST", "/api"),
    ("GET", "/component/get"),
    ("GET", "/component/thumbnail"),
    ("GET", "/component/remove"),
    ("PUT", "/component/upload/"),
    ("GET", "/component/signed/"),
    ("GET", "/review/"),
    ("GET", "/review/x/"),
    ("GET", "/review/x/y/media/"),
    ("GET", "/socket.io/1/"),
    ("GET", "/metrics"),
    ("GET", "/health"),
]
NAMES = ["id", "username", "apiKey", "size", "api_user", "api_key"]
TYPES = ["Note", "FileComponent", "Project", "Task", "User", "ReviewSession", "ContextCustomAttributeValue", "Nothing"]
VALUES = [
    None,
    True,
    -1,
    2**70,
    1e308,
    "",
    "x" * 3000,
    "\x00",
    "\ud83d",
    "'; DROP TABLE note; --",
    "{0.__class__}",
    [],
    {},
    [[[]]],
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
    {"action": "update", "entity_type": "Note", "entity_key": ["a"], "entity_data": {"content": "text"}},
    {"action": "delete", "entity_type": "Note", "entity_key": ["a"]},
    {"action": "get_upload_metadata", "component_id": "a", "file_name": "a.b", "file_size": 5, "checksum": None},
    {"action": "complete_multipart_upload", "component_id": "a", "upload_id": "b", "parts": [{"part_number": 1}]},
    {"action": "reset_remote", "reset_type": "api_key", "entity_type": "User", "entity_key": "x"},
]


def mutated(dice: random.Random, operation: object) -> object:
    """Return the operation with one thing in it changed, taken away, or put in."""
    changed = copy.deepcopy(operation)
    place = changed
    while isinstance(place, (dict, list)) and place:
        key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if isinstance(place[key], (dict, list)) and place[key] and dice.random() < 0.6:
            place = place[key]
            continue
        kind = dice.random()
        if kind < 0.15:
            del place[key]
        elif kind < 0.5 and isinstance(place[key], str):
            place[key] = noisy(dice, place[key])
        else:
            place[key] = dice.choice([*VALUES, *TYPES])
        break
    return changed


def noisy(dice: random.Random, text: str) -> str:
    characters = list(text)
    for _ in range(dice.randint(1, 4)):
        characters.insert(dice.randint(0, len(characters)), dice.choice("\"'()[]{}.,%\\ \x00aé\n<>=!~@:;*-0"))
        if characters and dice.random() < 0.5:
            del characters[dice.randrange(len(characters))]
    return "".join(characters)


def failures(server) -> list[str]:
    lines = [json.loads(line) for line in server.log.splitlines()]
    return [line.get("traceback", line["message"]) for line in lines if line["level"] == "error"]


@pytest.mark.timeout(1800)
def test_no_mutated_request_makes_the_server_fail(start_server):
    dice, server = random.Random(SEED), start_server()
    line = requests.Session()
    for _ in range(COUNT):
        operations = [mutated(dice, dice.choice(VALID)) for _ in range(dice.randint(1, 3))]
        body = json.dumps(operations)
        answer = line.post(
            f"{server.url}/api", body, headers={**server.headers, "ftrack-strict-api": "true"}, timeout=30
        )
        assert answer.status_code < 500, f"{body}\n{answer.text}\n{failures(server)[-1:]}"
        assert isinstance(answer.json(), (list, dict))
    assert failures(server) == []


@pytest.mark.timeout(1800)
def test_no_random_bytes_at_any_address_make_the_server_fail(start_server):
    dice, server = random.Random(SEED), start_server()
    line = requests.Session()
    for _ in range(COUNT):
        method, path = dice.choice(ROUTES)
        noise = dice.randbytes(dice.randint(0, 200))
        query = "&".join(f"{quote(dice.choice(NAMES))}={quote(dice.randbytes(9))}" for _ in range(dice.randint(0, 4)))
        address = f"{server.url}{path}{quote(noise[:40], safe='') if path.endswith('/') else ''}?{query}"
        headers = server.headers if dice.random() < 0.5 else {"Range": f"bytes={dice.randint(-9, 9)}-"}
        headers = {**headers, "ftrack-strict-api": "true", "Authorization": "Basic " + quote(noise[:8])}
        answer = line.request(method, address, data=noise, headers=headers, timeout=30)
        assert answer.status_code < 500, f"{method} {address}\n{answer.text}\n{failures(server)[-1:]}"
    assert failures(server) == []


def test_what_is_no_http_disturbs_nobody(start_server):
    dice, server = random.Random(SEED), start_server()
    address = urlsplit(server.url)
    for _ in range(100):
        with socket.create_connection((address.hostname, address.port), timeout=30) as line:
            line.sendall(dice.choice([b"", b"GET ", b"POST /api HTTP/1.1\r\n"]) + dice.randbytes(300))
    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
    assert failures(server) == []
