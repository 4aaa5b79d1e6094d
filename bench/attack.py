"""Attack a studio server on this machine: how long other clients wait, and how much memory the server takes.

Bounded: a few hundred connections to a server of its own on the loopback address. Each attack is the worst request that
the server accepts, or one that it refuses; meanwhile another user sends a small query in a loop.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import attrs
import requests

MAX_STALL_SECONDS, MAX_MEMORY_MIB = 0.25, 200
_CONNECTIONS, _QUIET_SECONDS = 500, 2.0
_QUERY = [{"action": "query", "expression": "select name from Status limit 5"}]


@attrs.frozen
class Target:
    """A running server, and the headers of two users."""

    url: str
    process: subprocess.Popen[str]
    attacker: dict[str, str]
    other: dict[str, str]

    def post(self, *operations: object) -> requests.Response:
        """Post operations as the attacker."""
        headers = {"ftrack-strict-api": "true", **self.attacker}
        return requests.post(f"{self.url}/api", json=operations, headers=headers, timeout=120)

    def memory(self) -> int:
        """Return the resident memory of the server in MiB; 0 on systems without /proc."""
        statm = Path(f"/proc/{self.process.pid}/statm")
        return (int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")) >> 20 if statm.exists() else 0


def run(*, is_quick: bool = False) -> bool:
    """Print stalls and memory under each attack, and return whether all stay within the limits."""
    print("| attack | longest wait of another client | memory of the server | |")
    print("|---|---|---|---|")
    with _target() as target:
        results = [_report("none", target, partial(time.sleep, _QUIET_SECONDS))]
        results += [_report(name, target, partial(attack, target)) for name, attack in ATTACKS.items()]
        results += [_report(name, target, partial(_connect, target, content)) for name, content in HOSTILE.items()]
    return all(results)


def _report(name: str, target: Target, attack: Callable[[], object]) -> bool:
    seconds, before = _longest_wait(target, attack), target.memory()
    is_good = seconds <= MAX_STALL_SECONDS and before <= MAX_MEMORY_MIB
    print(f"| {name} | {seconds:.3f} s | {before} MiB | {'ok' if is_good else 'missed'} |", flush=True)
    return is_good


@contextmanager
def _target() -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ft_dcc.server", "--data", f"{folder}/studio", "--request-limit", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
        try:
            assert process.stdout is not None
            lines = dict(process.stdout.readline().strip().split("=", 1) for _ in range(3))
            admin = {"ftrack-user": lines["FTRACK_API_USER"], "ftrack-api-key": lines["FTRACK_API_KEY"]}
            _studio("user", "other", "--data", f"{folder}/studio")
            key = _studio("key", "--user", "other", "--data", f"{folder}/studio")["FTRACK_API_KEY"]
            other = {"ftrack-strict-api": "true", "ftrack-user": "other", "ftrack-api-key": key}
            yield Target(lines["FTRACK_SERVER"], process, admin, other)
        finally:
            process.terminate()
            process.wait(30)


def _studio(*arguments: str) -> dict[str, str]:
    command = [sys.executable, "-m", "ft_dcc.cli.main", "studio", *arguments, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    report: dict[str, str] = json.loads(done.stdout)
    return report


def _longest_wait(target: Target, attack: Callable[[], object]) -> float:
    """Return the longest time that a small query of another user takes during the attack."""
    attacking, longest = threading.Thread(target=attack, daemon=True), 0.0
    with requests.Session() as client:
        client.post(f"{target.url}/api", json=_QUERY, headers=target.other, timeout=120)
        attacking.start()
        while attacking.is_alive():
            began = time.perf_counter()
            answer = client.post(f"{target.url}/api", json=_QUERY, headers=target.other, timeout=120)
            longest = max(longest, time.perf_counter() - began)
            assert answer.status_code == 200, answer.text
            time.sleep(0.005)
    return longest


def _ask(expression: str) -> Callable[[Target], object]:
    return lambda target: target.post({"action": "query", "expression": expression})


def _create_many(target: Target) -> object:
    types = [{"id": str(uuid4()), "name": str(uuid4())} for _ in range(5_000)]
    return target.post(*({"action": "create", "entity_type": "Type", "entity_data": data} for data in types))


def _connect(target: Target, content: Callable[[Target], bytes]) -> None:
    """Open many connections that send this and no more, and hold those that the server accepts for a while."""
    address, sent = urlsplit(target.url), content(target)
    with ExitStack() as stack:
        for _ in range(_CONNECTIONS):
            try:
                line = socket.create_connection((address.hostname, address.port), timeout=10)
                stack.callback(line.close)
                line.settimeout(0.1)
                line.sendall(sent)
            except OSError:
                continue  # The server has closed it, or reads no further.
        time.sleep(_QUIET_SECONDS)


def _post_with_body(headers: dict[str, str], size: int) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /api HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: {size + 9}\r\n\r\n".encode() + b" " * size


ATTACKS: dict[str, Callable[[Target], object]] = {
    "100,000 conditions (refused)": _ask("Task where " + " or ".join(["name is x"] * 100_000)),
    "500,000 dots (refused)": _ask("select " + "." * 500_000 + " from Task"),
    "32 KiB of conditions": _ask("Task where " + " or ".join(['name is "x"'] * 2_400)),
    "text without its quote (refused)": _ask('Task where name is "' + '\\"' * 9_999),
    "50,000 ids": _ask("Task where id in (" + ", ".join(f'"{number:036}"' for number in range(50_000)) + ")"),
    "text of 2 MiB": _ask('Task where name is "' + "a" * ((2 << 20) - 100) + '"'),
    "64 parentheses": _ask("Task where " + "(" * 64 + 'name is "x"' + ")" * 64),
    "5,000 creates in one request": _create_many,
}
HOSTILE: dict[str, Callable[[Target], bytes]] = {
    "500 silent connections": lambda target: b"",
    "500 halves of a header": lambda target: b"POST /api HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 30_000,
    "500 bodies of 1 MiB without a key": lambda target: _post_with_body({}, 1 << 20),
    "500 unfinished bodies of one user": lambda target: _post_with_body(target.attacker, 1 << 20),
}
