"""The tutorial for adapters: its host passes the contract tests, and its publish makes a movie that plays."""

import importlib
import re
import sys
from collections import defaultdict
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from contract.conftest import HostSetup

# The tests of every host, with the tutorial's host in the fixtures below.
from contract.test_host import *  # noqa: F403
from run_options import TIMEOUT_SECONDS

from ft_dcc.frames import FrameRange, frame_rate
from ft_dcc.media import probe
from ft_dcc.production.tasks import ensure_task
from ft_dcc.session import SERVER_LOCATION_ID

PAGE = Path(__file__).resolve().parents[2] / "docs" / "contributor" / "write-an-adapter.md"


def files_of(page):
    files = defaultdict(list)
    for name, code in re.findall(r'^```python title="(.+?)"\n(.*?)^```', page.read_text("utf-8"), re.M | re.S):
        files[name].append(code)
    return {name: "\n".join(blocks) for name, blocks in files.items()}


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """Write the files of the page and import them by name: ``tutorial("orbit")``."""
    folder = tmp_path_factory.mktemp("tutorial")
    files = files_of(PAGE)
    for name, code in files.items():
        (folder / name).write_text(code, encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield importlib.import_module
    sys.path.remove(str(folder))
    for name in files:
        sys.modules.pop(Path(name).stem, None)


@pytest.fixture
def program(tutorial):
    return tutorial("orbit").Orbit()


@pytest.fixture
def tested_host(tutorial, program):
    def serve(thread):
        while thread.is_alive():
            program.process_events()

    def state():
        return program.path, program.is_modified, dict(program.settings), program.camera, program.frame

    return HostSetup(tutorial("orbit_host").OrbitHost(program), state, serve)


def test_publish_of_the_tutorial_makes_a_version_with_a_movie_that_plays(
    tutorial, program, session, signed_in, tmp_path, monkeypatch
):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    task = f"Film{uuid4().hex[:8]}/SEQ010/SH010/Animation"
    ensure_task(session, task, frame_range=FrameRange(1001, 1012), fps=frame_rate("24"))

    published = tutorial("orbit_publish").publish_for_review(program, task, "Dailies")

    version = session.get("AssetVersion", published.version_id)
    movie = next(part for part in version["components"] if part["name"] == "ftrackreview-mp4")
    url = session.get("Location", SERVER_LOCATION_ID).get_url(movie)
    path = tmp_path / "movie.mp4"
    path.write_bytes(requests.get(url, timeout=TIMEOUT_SECONDS).content)
    info = probe(path)
    assert (info.frame_count, info.fps, str(info.resolution)) == (12, 24, "64x36")
    assert requests.get(published.link, timeout=TIMEOUT_SECONDS).status_code == 200
