"""A real studio server, in a process of its own, and a session on it."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import pytest

from ft_dcc.server.folder import Credentials
from ft_dcc.session import Session


@attrs.frozen
class ServerProcess:
    """A running server, its data folder, and how to reach it."""

    data: Path
    process: subprocess.Popen[str]
    credentials: Credentials

    @property
    def url(self) -> str:
        return self.credentials.server_url

    @property
    def headers(self) -> dict[str, str]:
        return {"ftrack-user": self.credentials.api_user, "ftrack-api-key": self.credentials.api_key}

    @property
    def log(self) -> str:
        return (self.data.parent / f"{self.data.name}.log").read_text("utf-8")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=30)


# The official client pins versions that the project cannot share, so it lives in an environment of its own.
OFFICIAL_ENVIRONMENT = Path(__file__).resolve().parents[1] / ".venv-official"
OFFICIAL_REQUIREMENT = "ftrack-python-api==3.1.0"

StartServer = Callable[..., ServerProcess]


def start_server_at(data: Path, *arguments: str) -> ServerProcess:
    """Start a server on this folder and return when it has said how to reach it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "ft_dcc.server", "--data", str(data), *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
        )
    assert process.stdout is not None
    lines = "".join(process.stdout.readline() for _ in range(3))
    if not lines:
        process.wait(timeout=30)
        pytest.fail(f"The server did not start: {log.read_text('utf-8')}")
    return ServerProcess(data, process, Credentials.from_environment(lines))


@pytest.fixture(scope="session", autouse=True)
def software_encoder() -> Iterator[None]:
    """Films are compared by their pixels and bytes, so all are made by x264, whatever this machine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FT_DCC_ENCODER", "software")
        yield


@pytest.fixture(scope="session")
def server_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server that all tests share: none of them may stop it, or close what others could need."""
    server = start_server_at(tmp_path_factory.mktemp("studio") / "data")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def studio_server(server_process: ServerProcess) -> Credentials:
    """How to reach the shared server."""
    return server_process.credentials


@pytest.fixture
def signed_in(studio_server: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs in this test or is started by it finds the shared server in its environment."""
    monkeypatch.setenv("FTRACK_SERVER", studio_server.server_url)
    monkeypatch.setenv("FTRACK_API_USER", studio_server.api_user)
    monkeypatch.setenv("FTRACK_API_KEY", studio_server.api_key)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers of one's own, ``start_server()`` or ``start_server(folder, "--flag")``; they stop at the end."""
    with ExitStack() as started:

        def start(data: Path | None = None, *arguments: str) -> ServerProcess:
            server = start_server_at(tmp_path / "studio" if data is None else data, *arguments)
            started.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="module")
def start_module_server() -> Iterator[StartServer]:
    """Start a server that a module's tests share, ``start_module_server(folder)``; it stops after them."""
    with ExitStack() as started:

        def start(data: Path, *arguments: str) -> ServerProcess:
            server = start_server_at(data, *arguments)
            started.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def official_python() -> Path:
    """The interpreter of an environment that has the official client."""
    python = OFFICIAL_ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(OFFICIAL_ENVIRONMENT, with_pip=True)
    has_client = subprocess.run([str(python), "-c", "import ftrack_api"], capture_output=True, check=False)
    if has_client.returncode != 0:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", OFFICIAL_REQUIREMENT], check=True)
    return python


@pytest.fixture
def session(studio_server: Credentials) -> Iterator[Session]:
    """A session of one's own on the shared server."""
    with Session(studio_server.server_url, studio_server.api_key, studio_server.api_user) as session:
        yield session


@pytest.fixture
def project(session: Session) -> Any:
    """A project that nobody else uses."""
    name = f"project_{uuid4().hex[:12]}"
    schema = session.query("ProjectSchema").first()
    project = session.create("Project", {"name": name, "full_name": name, "project_schema": schema})
    session.commit()
    return project


@pytest.fixture
def project_shot(session: Session, project: Any) -> Any:
    """Shot ``sq010/sh010``: frames 1001 to 1048, 8 frames of handles, 24000/1001 fps, 1280x720."""
    sequence = session.create("Sequence", {"name": "sq010", "parent": project})
    shot = session.create("Shot", {"name": "sh010", "parent": sequence})
    session.commit()
    wanted = {"fstart": 1001, "fend": 1048, "handles": 8, "fps": 23.976, "resolution": "1280x720"}
    for name, value in wanted.items():
        shot["custom_attributes"][name] = value
    session.commit()
    return shot


@pytest.fixture
def project_task(session: Session, project_shot: Any) -> Any:
    """The task ``animation`` of the shot, with a type and a status."""
    task = session.create(
        "Task",
        {
            "name": "animation",
            "parent": project_shot,
            "type": session.query('Type where name is "Animation"').one(),
            "status": session.query('Status where name is "In progress"').one(),
        },
    )
    session.commit()
    return task
