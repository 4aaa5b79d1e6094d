from __future__ import annotations

import uuid
from fractions import Fraction

import pytest
from doubles.colour_bars import ColourBars, painted

from ft_dcc.frames import FrameRange, Frames, Resolution, frame_rate
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.jobs import rollback

SIZE = Resolution(64, 36)


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

    def maker(frame_range: str, fps: str) -> str:
        ensure_task(session, task_path, frame_range=FrameRange.parse(frame_range), fps=frame_rate(fps))
        return task_path

    return maker


@pytest.fixture
def paint(tmp_path):
    """Paint a sequence to disk: ``paint("993-1004", "23.976")``."""

    def painter(frame_range: str, fps: str = "24", name: str = "sh010", missing: tuple[int, ...] = ()) -> Frames:
        folder = tmp_path / name
        folder.mkdir()
        frames = Frames(str(folder / f"{name}.%04d.png"), FrameRange.parse(frame_range), Fraction(fps), SIZE)
        for frame in frames.frame_range:
            if frame not in missing:
                frames.path(frame).write_bytes(painted(frame, SIZE))
        return frames

    return painter
