"""Kill a publish at each step: reviewers see complete versions or none, and a resume finishes it once."""

from __future__ import annotations

import os
import signal
from fractions import Fraction

import pytest
import requests
from doubles import fork_server
from doubles.colour_bars import ColourBars, painted
from run_options import TIMEOUT_SECONDS

from ft_dcc.frames import Resolution
from ft_dcc.media import ffmpeg
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.jobs.queue import NEEDS_SCENE, inspect_job
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher

EVERY_FAULT = bool(os.environ.get("FT_DCC_EVERY_FAULT"))
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each publish is a fork of one process"),
    pytest.mark.timeout(3600 if EVERY_FAULT else 600),
]

COMPONENTS = {
    "bars": ["ftrackreview-mp4", "ftrackreview-mp4-720", "thumbnail"],
    "film": ["ftrackreview-mp4", "ftrackreview-mp4-720", "thumbnail"],
    "still": ["ftrackreview-image", "thumbnail"],
}
# A normal run tests every 19th step.
SOME = 19


@pytest.fixture(scope="module")
def children():
    # As a setting, the output applies to the movies; as an option, it would be refused for the still.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FT_DCC_OUTPUTS", "720")
        with fork_server.opened() as children:
            yield children


@pytest.fixture
def request_of(tmp_path):
    """Return a request with every optional step for a camera, a movie and a still."""
    still, movie = tmp_path / "still.png", tmp_path / "film.mp4"
    still.write_bytes(painted(7, Resolution(64, 36)))
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=24", "-frames:v", "3", "-pix_fmt", "yuv420p", str(movie)]
    assert ffmpeg.run(source).returncode == 0

    def asking(task_path):
        return PublishRequest(
            task_path,
            ("bars", str(movie), str(still)),
            review="Dailies",
            note="Look at the end.",
            burnin={"top left": "{version} {lens}"},
            outputs=("720",),
            notify=True,
        )

    return asking


def assert_complete_or_nothing(session, task_id):
    """Check that all versions are complete, and return their number."""
    versions = session.query(
        "select version, asset.name, thumbnail_id, components.name, components.component_locations, "
        f"review_session_objects.notes from AssetVersion where task_id is '{task_id}'"
    ).all()
    for version in versions:
        source = version["asset"]["name"].rpartition(" ")[2]
        assert sorted(part["name"] for part in version["components"]) == COMPONENTS[source]
        assert all(len(part["component_locations"]) == 1 for part in version["components"])
        assert version["thumbnail_id"] in {part["id"] for part in version["components"]}
        (item,) = version["review_session_objects"]
        assert (version["version"], len(item["notes"])) == (1, 1)
    return len(versions)


def resumed(session, jobs):
    """Resume the only job, with a host only if the camera is not captured yet."""
    (folder,) = jobs.iterdir()
    needs_scene = inspect_job(Job(folder)).state == NEEDS_SCENE
    host = ColourBars()
    published = Publisher(session, host if needs_scene else None, jobs=jobs).resume(folder.name)
    assert host.captures == (1 if needs_scene else 0)
    return published


def steps_of(children, credentials, session, request, jobs):
    """Return every point of the pipeline at which a process can be killed, in order."""
    moments = []
    publisher = Publisher(session, ColourBars(), lambda progress: moments.append(progress), jobs)
    published = publisher.publish(request)
    progress = dict.fromkeys(f"{each.step} {each.source}" for each in moments)
    steps = dict.fromkeys(f"{step.name} {step.source}" for step in published.steps)
    return [*(f"{when} {step}" for step in steps for when in ("before", "after")), *progress]


def test_process_killed_at_each_step_is_resumed_to_one_version(
    children, studio_server, session, request_of, task_path, tmp_path
):
    ensure_task(session, f"{task_path}0")
    steps = steps_of(children, studio_server, session, request_of(f"{task_path}0"), tmp_path / "0")
    assert {"before CollectScene ", "after PredictVersionNumber bars", "after MakeOutputs film", "encode bars"} <= set(
        steps
    )
    for number, step in list(enumerate(steps, 1))[:: 1 if EVERY_FAULT else SOME]:
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        killed = children.publish(studio_server, jobs, request_of(path), step=step, has_host=True)
        assert killed == [("", signal.SIGKILL)], step
        assert_complete_or_nothing(session, task_id)
        published = resumed(session, jobs)
        assert (published.problems, assert_complete_or_nothing(session, task_id)) == ((), 3), step
        assert [path.name for path in published.job.iterdir() if path.is_dir()] == []
        page = requests.get(published.first.link.partition("#")[0], timeout=TIMEOUT_SECONDS)
        assert page.status_code == 200


@pytest.mark.parametrize(
    ("burnt_in", "count"), [("", 20 if EVERY_FAULT else 8), ("{version}", 20 if EVERY_FAULT else 4)]
)
def test_concurrent_publishes_create_a_version_with_one_entry_each(
    children, studio_server, session, paint, task, task_path, jobs, burnt_in, count
):
    """Check that publishes with a burnt-in number repeat the encode if another one takes the number."""
    frames = paint("1001-1002")
    request = PublishRequest(
        task_path, frames.pattern, review="Dailies", fps=Fraction(24), burnin={"top left": burnt_in}
    )
    results = children.publish(studio_server, jobs, request, count=count)
    assert sorted(results) == sorted((f"[{number}]", 0) for number in range(1, count + 1))
    assert len(session.query(f"select id from Asset where context_id is '{task['parent_id']}'").all()) == 1
    (review,) = session.query(f"select id from ReviewSession where project_id is '{task['project_id']}'").all()
    entries = session.query(
        f"select version, asset_version.version from ReviewSessionObject where review_session_id is '{review['id']}'"
    ).all()
    assert sorted((each["asset_version"]["version"], each["version"]) for each in entries) == [
        (number, f"Version {number}") for number in range(1, count + 1)
    ]
