"""The local studio: a studio server on this machine, started when needed and stopped when idle.

It is used when the settings name no server. Each user has one, in one folder: its lock file shows whether a server
runs, ``credentials.env`` contains the address and the key.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from ft_dcc.accounts.credentials import Account
from ft_dcc.errors import MissingExtra, ServerUnreachable, StorageError
from ft_dcc.settings.resolve import Settings, read_settings, source_of
from ft_dcc.system import child_process

# Written by ``ft-dcc install`` into a host's copy of the suite: the path of the Python that installed it.
INSTALLED_BY = "installed_by.txt"
SERVER_MODULES = ("anyio", "lark", "sqlalchemy", "starlette", "uvicorn", "websockets")
_VARIABLES = ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY")
_START_TIMEOUT_SECONDS = 60
_POLL_INTERVAL_SECONDS = 0.05


def get_account(settings: Settings | None = None) -> Account:
    """Return the account of the settings; without a server in them, start the local studio and return its account.

    Raises SettingInvalid for a server without user or key, MissingExtra if the server package is not installed, and
    ServerUnreachable if the local studio does not start.
    """
    settings = read_settings() if settings is None else settings
    if settings.get("server") is None:
        return ensure_local_studio(studio_folder(settings), settings)
    return Account(settings.require("server"), settings.require("user"), settings.require("key"))


def studio_folder(settings: Settings | None = None) -> Path:
    """Return the folder of the local studio, which may not exist yet."""
    return Path((read_settings() if settings is None else settings).require("local_studio"))


def require_server(needed_for: str) -> None:
    """Raise MissingExtra unless all dependencies of the server are installed."""
    if not all(map(importlib.util.find_spec, SERVER_MODULES)):
        raise MissingExtra("server", needed_for)


def ensure_local_studio(folder: Path, settings: Settings | None = None) -> Account:
    """Return the account of the studio in the folder; one of several processes starts its server if none runs."""
    # The server runs in another working folder.
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / "start.lock", timeout=_START_TIMEOUT_SECONDS):
            if not is_running(folder):
                return _start(folder, settings or read_settings())
            return _wait_for(lambda: read_account(folder), folder)
    except Timeout as error:
        raise ServerUnreachable(
            f"The local studio in {folder} did not start within {_START_TIMEOUT_SECONDS} seconds. See server.log there."
        ) from error
    except OSError as error:
        raise StorageError(
            f"The local studio cannot use {folder}: {error.strerror}. "
            f"Set {source_of('local_studio')} to a writable folder."
        ) from error


def is_running(folder: Path) -> bool:
    """Return whether a server runs on the studio in the folder."""
    lock = FileLock(folder / "server.lock", timeout=0)
    if not (folder / "server.lock").exists():
        return False
    try:
        with lock:
            return False
    except Timeout:
        return True


def _start(folder: Path, settings: Settings) -> Account:
    command = [*_server_command(), "--data", str(folder), "--port", str(_last_port(folder))]
    command += ["--stop-when-idle", settings.require("local_studio_idle")]
    started, log = folder / "started.txt", folder / "server.log"
    with _private(started) as stdout, _private(log) as stderr:
        try:
            server = child_process.start(
                command, outlives=True, stdout=stdout, stderr=stderr, env=_environment(command), cwd=folder
            )
        except OSError as error:
            # The folder is not the reason.
            raise ServerUnreachable(
                f"The local studio did not start: {command[0]} cannot be run: {error.strerror}. Install ft-dcc again."
            ) from error

    def poll() -> Account | None:
        if server.poll() is not None:
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            raise ServerUnreachable(f"The local studio did not start: {lines[-1] if lines else server.returncode}")
        # The server prints when it listens: until then, the file may name the address of the last one.
        return read_account(folder) if started.read_bytes().endswith(b"\n") else None

    return _wait_for(poll, folder)


def _last_port(folder: Path) -> int:
    """Return the last port, so that links and waiting jobs stay valid, or 0 if it is in use."""
    known = read_account(folder)
    port = None if known is None else urlsplit(known.server).port
    if port is None:
        return 0
    with socket.socket() as probe:
        # Ignore lingering connections of the last server.
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _server_command() -> list[str]:
    """Return the command that starts a server, with this Python or an installed command line."""
    python = _python()
    if python is not None and all(map(importlib.util.find_spec, SERVER_MODULES)):
        return [python, "-m", "ft_dcc.server"]
    record = Path(__file__).parents[1] / INSTALLED_BY
    installer = record.read_text("utf-8").strip() if record.is_file() else ""
    if Path(installer).is_file():
        return [installer, "-m", "ft_dcc.cli.main", "serve"]
    if (command := shutil.which("ft-dcc")) is not None:
        return [command, "serve"]
    raise MissingExtra("server", "FTRACK_SERVER is not set, and a local studio")


def _python() -> str | None:
    """Return the Python interpreter of this process; a host program has one beside its executable."""
    own = Path(sys.executable or "")
    for name in (own.name, "mayapy", "mayapy.exe", "python", "python.exe", "python3"):
        if name.lower().startswith(("python", "mayapy")) and (own.parent / name).is_file():
            return str(own.parent / name)
    return None


def _environment(command: Sequence[str]) -> Mapping[str, str]:
    """Return the server's environment without keys; a server of this Python gets its import path."""
    is_own = command[0] == _python()
    inherited = os.environ if is_own else child_process.environment_of_programs()
    environment = {name: value for name, value in inherited.items() if not name.startswith("FTRACK_")}
    if is_own:
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path and Path(path).is_dir())
    return environment


def _private(path: Path) -> IO[bytes]:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _wait_for(look: Callable[[], Account | None], folder: Path) -> Account:
    until = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < until:
        if (found := look()) is not None and _answers(found):
            return found
        time.sleep(_POLL_INTERVAL_SECONDS)
    raise ServerUnreachable(f"Your own studio in {folder} does not answer. See server.log there.")


def read_account(folder: Path) -> Account | None:
    """Return the account in the studio's ``credentials.env``, or None without a complete one."""
    try:
        text = (folder / "credentials.env").read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    values = dict(line.split("=", 1) for line in text.splitlines(keepends=True) if "=" in line and line.endswith("\n"))
    if not all(name in values for name in _VARIABLES):
        return None
    server, user, key = (values[name].strip() for name in _VARIABLES)
    return Account(server, user, key)


def _answers(found: Account) -> bool:
    import requests

    from ft_dcc.system import http_sessions

    try:
        # 503: the server has found damage, which its log and /health report, and answers requests.
        return http_sessions.get(f"{found.server}/health", timeout=5).status_code in (200, 503)
    except requests.RequestException:
        return False
