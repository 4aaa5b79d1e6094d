"""The user's own studio on this machine: a server that is started when it is first needed, and stops when it is idle.

Whoever finds no server in the settings asks for it: the command line, the hosts, a script. There is one a user, in one
folder. Its lock file says whether a server works there, and ``credentials.env`` says how to reach it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from ft_dcc.config import Settings, read_settings
from ft_dcc.credentials import Account
from ft_dcc.errors import DiskUnusable, ExtraMissing, ServerUnreachable

# ``ft-dcc install`` leaves it beside us in what a host program gets: the Python that has the command line.
INSTALLED_BY = "installed_by.txt"
_PARTS = ("anyio", "lark", "sqlalchemy", "starlette", "uvicorn", "websockets")
_NAMES = ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY")
_START_SECONDS = 60
_PAUSE_SECONDS = 0.05


def account(settings: Settings | None = None) -> Account:
    """Return whom the settings name; without a server in them it is the user's own studio, which then runs.

    Raises SettingInvalid when a server is named without user or key, ExtraMissing where there is no server to start,
    and ServerUnreachable when it does not start.
    """
    settings = read_settings() if settings is None else settings
    if settings.get("server") is None:
        return local_account(studio_folder(settings), settings)
    return Account(settings.need("server"), settings.need("user"), settings.need("key"))


def studio_folder(settings: Settings | None = None) -> Path:
    """Return the folder of the user's own studio, which need not be there."""
    return Path((read_settings() if settings is None else settings).need("local_studio"))


def need_server(needed_for: str) -> None:
    """Everything that a server is made of is installed here; raises ExtraMissing."""
    if not all(map(importlib.util.find_spec, _PARTS)):
        raise ExtraMissing("server", needed_for)


def local_account(folder: Path, settings: Settings | None = None) -> Account:
    """Return how to reach the studio in the folder; its server runs, started if need be, and goes on without us.

    Any number of programs may ask at once: one of them starts it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / "start.lock", timeout=_START_SECONDS):
            if not is_running(folder):
                return _start(folder, settings or read_settings())
            return _wait_for(lambda: _read(folder / "credentials.env"), folder)
    except Timeout as error:
        raise ServerUnreachable(f"Your own studio in {folder} has been starting for too long.") from error
    except OSError as error:
        raise DiskUnusable(f"No studio can be in {folder}: {error.strerror}. Set FT_DCC_LOCAL_STUDIO.") from error


def is_running(folder: Path) -> bool:
    """Whether a server works on the studio in the folder."""
    lock = FileLock(folder / "server.lock", timeout=0)
    if not (folder / "server.lock").exists():
        return False
    try:
        with lock:
            return False
    except Timeout:
        return True


def _start(folder: Path, settings: Settings) -> Account:
    command = [*_program(), "--data", str(folder), "--port", str(_usual_port(folder))]
    command += ["--stop-when-idle", settings.need("local_studio_idle")]
    told, log = folder / "started.env", folder / "server.log"
    with _private(told) as stdout, _private(log) as stderr:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=_environment(command),
            cwd=folder,
            **_apart(),
        )

    def look() -> Account | None:
        if server.poll() is not None:
            words = log.read_text("utf-8", "replace").strip().splitlines()
            raise ServerUnreachable(f"Your own studio did not start: {words[-1] if words else server.returncode}")
        return _read(told)

    return _wait_for(look, folder)


def _usual_port(folder: Path) -> int:
    """Return the port of the last time, so that links and waiting jobs lead there again, or 0 when it is taken."""
    known = _read(folder / "credentials.env")
    port = None if known is None else urlsplit(known.server).port
    if port is None:
        return 0
    with socket.socket() as probe:
        # Connections of the last server may linger; only a listener is in the way.
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _program() -> list[str]:
    """Return the command that is a server: by this Python, or by an installation of the command line."""
    python = _python()
    if python is not None and all(map(importlib.util.find_spec, _PARTS)):
        return [python, "-m", "ft_dcc.server"]
    if (installer := _installer()) is not None:
        return [installer, "-m", "ft_dcc.cli.main", "serve"]
    if (command := shutil.which("ft-dcc")) is not None:
        return [command, "serve"]
    raise ExtraMissing("server", "FTRACK_SERVER names no server, and a studio of your own")


def _python() -> str | None:
    """Return the Python of this process; a program with one inside has it beside itself, by another name."""
    own = Path(sys.executable or "")
    for name in (own.name, "mayapy", "mayapy.exe", "python", "python.exe", "python3"):
        if name.lower().startswith(("python", "mayapy")) and (own.parent / name).is_file():
            return str(own.parent / name)
    return None


def _installer() -> str | None:
    """Return the Python from which ``ft-dcc install`` put us into a host program; None where nobody did."""
    note = Path(__file__).with_name(INSTALLED_BY)
    python = note.read_text("utf-8").strip() if note.is_file() else ""
    return python if Path(python).is_file() else None


def _environment(command: Sequence[str]) -> Mapping[str, str]:
    """Return the environment of the server, with no keys in it; this Python's server can import what we can."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FTRACK_")}
    if command[0] != _python():
        # A host program sets these for the Python inside of it, and another one does not start with them.
        for name in ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH"):
            environment.pop(name, None)
        return environment
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path and Path(path).is_dir())
    return environment


def _apart() -> dict[str, Any]:
    """Return what makes a process outlive this one, and its console or terminal."""
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        return {"creationflags": flags | subprocess.CREATE_BREAKAWAY_FROM_JOB}
    return {"start_new_session": True}


def _private(path: Path) -> Any:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _wait_for(look: Callable[[], Account | None], folder: Path) -> Account:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if (found := look()) is not None and _answers(found):
            return found
        time.sleep(_PAUSE_SECONDS)
    raise ServerUnreachable(f"Your own studio in {folder} does not answer. See server.log there.")


def _read(path: Path) -> Account | None:
    """Return what the three lines say, or None while they are not all there."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    values = dict(line.split("=", 1) for line in text.splitlines(keepends=True) if "=" in line and line.endswith("\n"))
    if not all(name in values for name in _NAMES):
        return None
    server, user, key = (values[name].strip() for name in _NAMES)
    return Account(server, user, key)


def _answers(found: Account) -> bool:
    import requests

    try:
        return requests.get(f"{found.server}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False
