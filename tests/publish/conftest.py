import uuid
from fractions import Fraction

import pytest
from doubles.colour_bars import ColourBars, painted
from doubles.faulty_proxy import FaultyProxy

from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.jobs import rollback
from ft_dcc.session.transport import http

SIZE = Resolution(64, 36)


@pytest.fixture
def no_pauses(monkeypatch):
    """Repeat requests at once."""
    monkeypatch.setattr(http, "wait", lambda *_: None)


@pytest.fixture(scope="module")
def proxy(studio_server):
    with FaultyProxy(studio_server.server_url).open() as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def rollback_timeout(monkeypatch):
    """Give a rollback enough time on a busy machine; return a function that sets another time-out."""
    monkeypatch.setattr(rollback, "ROLLBACK_TIMEOUT_SECONDS", 20.0)
    return lambda seconds: monkeypatch.setattr(rollback, "ROLLBACK_TIMEOUT_SECONDS", seconds)


@pytest.fixture
def host():
    return ColourBars()


@pytest.fixture
def jobs(tmp_path):
    return tmp_path / "jobs"


@pytest.fixture
def task_path():
    """Return the path of a task that no other test uses."""
    return f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Animation"


@pytest.fixture
def task(session, task_path):
    return ensure_task(session, task_path)


@pytest.fixture
def shot(session, task_path):
    """Make a shot with its settings, and return the path of its task: ``shot("1001-1012+4", "24")``."""

    def maker(frame_range, fps):
        ensure_task(session, task_path, frame_range=FrameRange.parse(frame_range), fps=frame_rate(fps))
        return task_path

    return maker


@pytest.fixture
def paint(tmp_path):
    """Paint a sequence to disk: ``paint("993-1004", "23.976")``."""

    def painter(frame_range, fps="24", name="sh010", missing=()):
        folder = tmp_path / name
        folder.mkdir()
        frames = Frames(str(folder / f"{name}.%04d.png"), FrameRange.parse(frame_range), Fraction(fps), SIZE)
        for frame in frames.frame_range:
            if frame not in missing:
                frames.path(frame).write_bytes(painted(frame, SIZE))
        return frames

    return painter


@pytest.fixture
def storage(session, tmp_path, monkeypatch):
    """Return the folder of the studio's storage scenario, which the session of the test uses."""
    location = session.create("Location", {"name": f"studio_{uuid.uuid4().hex[:8]}"})
    session.commit()
    folder = tmp_path / "storage"
    folder.mkdir()
    mount_points = {"linux": str(folder), "osx": str(folder), "windows": r"\\server\show"}
    data = {"location_id": location["id"], "accessor": {"mount_points": mount_points}}
    monkeypatch.setitem(
        session.server_information, "storage_scenario", {"scenario": "ftrack.centralized-storage", "data": data}
    )
    session.reset()
    yield folder
    monkeypatch.undo()
    session.reset()
