"""Fixtures that all tests share: a studio server in a separate process, sessions on it, and a shot with a task."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import traceback
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs
import pytest
from doubles.server_processes import ForkedProcess, start_process
from run_options import SEED, TIMEOUT_SECONDS, repeat_commands, sort_items

from ft_dcc.server.database.data_folder import Credentials
from ft_dcc.server.database.seed import fixed_id
from ft_dcc.session import Session

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@attrs.frozen
class ServerProcess:
    """A running server process, its data folder and its credentials."""

    data: Path
    process: subprocess.Popen[str] | ForkedProcess
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
        status = self.process.wait(timeout=TIMEOUT_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


# The official client pins old versions of packages that the other tests use in their newest ones: it has an environment
# of its own.
OFFICIAL_ENVIRONMENT = Path(__file__).resolve().parents[1] / ".venv-official"
OFFICIAL_REQUIREMENT = "ftrack-python-api==3.1.0"

StartServer = Callable[..., ServerProcess]

# Folders whose tests start a browser, Blender, ffmpeg, host programs or a command for nearly each case.
SLOW_FOLDERS = {
    "acceptance",
    "blender",
    "browser",
    "cli",
    "install",
    "media",
    "mutation",
    "official",
    "python_qt_matrix",
}
# Fixtures that start one in other folders, or a server.
SLOW_FIXTURES = {"browser", "server_process", "start_server", "start_module_server", "official_python"}
# Files that search through generated cases, wait for a condition of time, or start programs without a fixture.
# fmt: off
SLOW_FILES = {
    "test_admin.py", "test_backup.py", "test_capture.py", "test_closed_review_record.py", "test_copy_project.py",
    "test_crash.py", "test_damage.py", "test_encode_access.py", "test_events.py", "test_import_export.py",
    "test_key_bridges.py", "test_local_server.py", "test_mail_notifications.py", "test_main_thread.py", "test_menu.py",
    "test_parser.py", "test_query_limits.py", "test_render_callbacks.py", "test_site.py", "test_start.py",
    "test_store.py", "test_visibility.py", "test_webhooks.py",
}
# fmt: on


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two processes for each processor, at most eight: tests wait for programs as long as they calculate."""
    return min(8, 2 * (os.cpu_count() or 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--order", default="file", help='order of the tests: "file", "reverse", or a number that shuffles')


def pytest_configure(config: pytest.Config) -> None:
    """Let hypothesis generate the same examples in each run with the same seed."""
    if getattr(config.option, "hypothesis_seed", SEED) is None:
        config.option.hypothesis_seed = SEED


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Mark the tests that `make test-fast` leaves out, and sort the tests as the option --order says."""
    for item in items:
        parts = set(item.path.relative_to(config.rootpath).parts)
        is_of_blender = "[Blender" in item.name
        if parts & (SLOW_FOLDERS | SLOW_FILES) or SLOW_FIXTURES & set(item.fixturenames) or is_of_blender:
            item.add_marker("slow")
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    sort_items(items, config.getoption("order"), processes)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the command that repeats each failed test."""
    reports = [*terminalreporter.stats.get("failed", ()), *terminalreporter.stats.get("error", ())]
    for line in repeat_commands(reports, config.getoption("order")):
        terminalreporter.write_line(line)


def start_server_at(data: Path, *arguments: str, change: str = "") -> ServerProcess:
    """Start a server on the folder and return once it accepts connections.

    ``change`` are Python statements that the server process runs first.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}.log"
    process = start_process(["--data", str(data), *arguments], change, log)
    assert process.stdout is not None
    if not process.stdout.readline():
        process.wait(timeout=TIMEOUT_SECONDS)
        pytest.fail(f"The server did not start: {log.read_text('utf-8')}")
    credentials = Credentials.read(data / "credentials.env")
    assert credentials is not None
    return ServerProcess(data, process, credentials)


@pytest.fixture(scope="session", autouse=True)
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Encode with x264 on every machine, because tests compare pixels, and keep out of the user's data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FT_DCC_ENCODER", "software")
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user data")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("user log")))
        yield


@pytest.fixture(scope="module", autouse=True)
def no_thread_outlives_its_module() -> Iterator[None]:
    """Fail if a thread of the product is alive after the tests of a module: it would run in those of the next one."""
    before = set(threading.enumerate())
    yield
    left = [each for each in threading.enumerate() if each not in before and each.name.startswith("ft-dcc")]
    for thread in left:
        thread.join(TIMEOUT_SECONDS)
    frames = sys._current_frames()
    stacks = [
        "".join((each.name, "\n", *traceback.format_stack(frames[each.ident]))) for each in left if each.is_alive()
    ]
    assert not stacks, "\n".join(stacks)


@pytest.fixture(scope="session")
def server_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start the server that all tests share; a test must not stop it."""
    server = start_server_at(tmp_path_factory.mktemp("studio") / "data")
    yield server
    known = server.credentials
    with Session(known.server_url, known.api_key, known.api_user) as session:
        assigned = [each["context_id"] for each in session.query("select context_id from Appointment")]
    server.stop()
    # With an assignment, the publish panels offer only the tasks that are assigned to the user.
    assert not assigned, f"Tests left assignments to tasks on the shared server: {assigned}"


@pytest.fixture(scope="session")
def studio_server(server_process: ServerProcess) -> Credentials:
    """Return the credentials of the shared server."""
    return server_process.credentials


@pytest.fixture
def signed_in(studio_server: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the credentials of the shared server into the environment."""
    monkeypatch.setenv("FTRACK_SERVER", studio_server.server_url)
    monkeypatch.setenv("FTRACK_API_USER", studio_server.api_user)
    monkeypatch.setenv("FTRACK_API_KEY", studio_server.api_key)


@contextmanager
def _starting_servers(default: Path) -> Iterator[StartServer]:
    with ExitStack() as started:

        def start(data: Path | None = None, *arguments: str, change: str = "") -> ServerProcess:
            server = start_server_at(data or default, *arguments, change=change)
            started.callback(server.stop)
            return server

        yield start


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers for one test: ``start_server()`` or ``start_server(folder, "--flag", change="statements")``."""
    with _starting_servers(tmp_path / "studio") as start:
        yield start


@pytest.fixture(scope="module")
def start_module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start a server for the tests of a module: ``start_module_server(folder)``."""
    with _starting_servers(tmp_path_factory.getbasetemp() / "module studio") as start:
        yield start


@pytest.fixture(scope="session")
def official_python() -> Path:
    """Return the Python of an environment that contains the official client."""
    python = OFFICIAL_ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(OFFICIAL_ENVIRONMENT, with_pip=True)
    has_client = subprocess.run([str(python), "-c", "import ftrack_api"], capture_output=True, check=False)
    if has_client.returncode != 0:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", OFFICIAL_REQUIREMENT], check=True)
    return python


@pytest.fixture
def session(studio_server: Credentials) -> Iterator[Session]:
    """Open a session on the shared server."""
    with Session(studio_server.server_url, studio_server.api_key, studio_server.api_user) as session:
        yield session


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the first root of the studio's storage, with paths of the other systems."""
    folder = tmp_path / "show ü"
    folder.mkdir()
    monkeypatch.setenv("FT_DCC_ROOTS", rf"show: linux={folder}, macos={folder}, windows=P:\show")
    return folder


@pytest.fixture
def mounting() -> Iterator[Callable[[Path, str], Path]]:
    """``mounting(folder, "size=80m")`` puts a disk of its own there, until the test is over."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    with ExitStack() as mounted:

        def put(folder: Path, options: str) -> Path:
            folder.mkdir(exist_ok=True)
            command = [str(mount), "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
            if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
                pytest.skip("only root on Linux can mount a disk for a test")
            mounted.callback(subprocess.run, [str(umount), "-l", str(folder)], check=True)
            return folder

        yield put


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium; one fixture for all folders, because a second driver cannot start in the same thread."""
    # Here, because the environments of tests/python_qt_matrix have no Playwright.
    from browser_drivers import BrowserMissing, chromium
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = chromium.launch(playwright)
        except BrowserMissing as error:
            pytest.skip(str(error))
        yield browser
        browser.close()


@pytest.fixture
def production(request: pytest.FixtureRequest, session: Session) -> dict[str, Any]:
    """Create a project in one commit, with a shot and a task if the test uses these fixtures."""
    name = f"project_{uuid4().hex[:12]}"
    schema_id = fixed_id("ProjectSchema", "VFX")
    made = {"project": session.create("Project", {"name": name, "full_name": name, "project_schema_id": schema_id})}
    if "project_shot" in request.fixturenames:
        sequence = session.create("Sequence", {"name": "sq010", "parent": made["project"]})
        made["shot"] = session.create("Shot", {"name": "sh010", "parent": sequence})
        attributes = {"fstart": 1001, "fend": 1048, "handles": 8, "fps": 23.976, "resolution": "1280x720"}
        for attribute, value in attributes.items():
            made["shot"]["custom_attributes"][attribute] = value
    if "project_task" in request.fixturenames:
        kind = {"type_id": fixed_id("Type", "Animation"), "status_id": fixed_id("Status", "In progress")}
        made["task"] = session.create("Task", {"name": "animation", "parent": made["shot"], **kind})
    session.commit()
    return made


@pytest.fixture
def project(production: dict[str, Any]) -> Any:
    """Return a project with a unique name."""
    return production["project"]


@pytest.fixture
def project_shot(production: dict[str, Any]) -> Any:
    """Return shot ``sq010/sh010``: frames 1001-1048, 8 frames of handles, 24000/1001 fps, 1280x720."""
    return production["shot"]


@pytest.fixture
def project_task(project_shot: Any, production: dict[str, Any]) -> Any:
    """Return the task ``animation`` of the shot, with a type and a status."""
    return production["task"]
