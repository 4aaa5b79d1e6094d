"""A publish that is killed, at any step: reviewers see complete versions or none, and a resume finishes it, once."""

from __future__ import annotations

import os
import signal
from fractions import Fraction

import pytest
import requests
from doubles import nursery
from doubles.colour_bars import ColourBars, painted

from ft_dcc.frames import Resolution
from ft_dcc.media import ffmpeg
from ft_dcc.publish.job import Job
from ft_dcc.publish.queue import NEEDS_SCENE, look_at
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import Publisher
from ft_dcc.tasks import ensure_task

EVERY_FAULT = bool(os.environ.get("FT_DCC_EVERY_FAULT"))
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each publish is a fork of one process"),
    pytest.mark.timeout(3600 if EVERY_FAULT else 300),
]

COMPONENTS = {
    "bars": ["ftrackreview-mp4", "ftrackreview-mp4-720", "thumbnail"],
    "film": ["ftrackreview-mp4", "ftrackreview-mp4-720", "thumbnail"],
    "still": ["ftrackreview-image", "thumbnail"],
}
# One in so many steps, in a normal run.
SOME = 13


@pytest.fixture(scope="module")
def children():
    with nursery.opened() as children:
        yield children


@pytest.fixture
def request_of(tmp_path):
    """Ask for everything that has steps of its own, for a camera, a film and a still."""
    still, film = tmp_path / "still.png", tmp_path / "film.mp4"
    still.write_bytes(painted(7, Resolution(64, 36)))
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=24", "-frames:v", "12", "-pix_fmt", "yuv420p", str(film)]
    assert ffmpeg.run(source).returncode == 0

    def asking(task_path):
        return PublishRequest(
            task_path,
            ("bars", str(film), str(still)),
            review="Dailies",
            note="Look at the end.",
            burnin={"top left": "{version} {lens}"},
            outputs=("720",),
            notify=True,
        )

    return asking


def assert_complete_or_nothing(session, task_id):
    """Return how many versions there are; each has all that belongs to it, once."""
    versions = session.query(
        "select version, asset.name, thumbnail_id, components.name, components.component_locations, "
        f"review_session_objects.notes from AssetVersion where task_id is '{task_id}'"
    ).all()
    for version in versions:
        source = version["asset"]["name"].rpartition(" ")[2]
        assert sorted(part["name"] for part in version["components"]) == COMPONENTS[source]
        assert all(len(part["component_locations"]) == 1 for part in version["components"])
        assert version["thumbnail_id"] in {part["id"] for part in version["components"]}
        (entry,) = version["review_session_objects"]
        assert (version["version"], len(entry["notes"])) == (1, 1)
    return len(versions)


def resumed(session, jobs):
    """Go on with the only job, in its host where the camera was not filmed yet, and nowhere else."""
    (folder,) = jobs.iterdir()
    needs_scene = look_at(Job(folder)).state == NEEDS_SCENE
    host = ColourBars()
    published = Publisher(session, host if needs_scene else None, jobs=jobs).resume(folder.name)
    assert host.captures == (1 if needs_scene else 0)
    return published


def steps_of(children, credentials, session, request, jobs):
    """Every moment of the pipeline in which a process can die, in the order of a publish that is left alone."""
    moments = []
    publisher = Publisher(session, ColourBars(), lambda progress: moments.append(progress), jobs)
    published = publisher.publish(request)
    progress = dict.fromkeys(f"{each.step} {each.source}" for each in moments)
    steps = dict.fromkeys(f"{step.name} {step.source}" for step in published.steps)
    return [*(f"{when} {step}" for step in steps for when in ("before", "after")), *progress]


def test_the_process_is_killed_at_every_step(children, studio_server, session, request_of, task_path, tmp_path):
    ensure_task(session, f"{task_path}0")
    steps = steps_of(children, studio_server, session, request_of(f"{task_path}0"), tmp_path / "0")
    assert {"before CollectScene ", "after FindNumber bars", "after MakeOutputs film", "encode bars"} <= set(steps)
    for number, step in list(enumerate(steps, 1))[:: 1 if EVERY_FAULT else SOME]:
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        killed = children.publish(studio_server, jobs, request_of(path), step=step, has_host=True)
        assert killed == [("", signal.SIGKILL)], step
        assert_complete_or_nothing(session, task_id)
        published = resumed(session, jobs)
        assert (published.problems, assert_complete_or_nothing(session, task_id)) == ((), 3), step
        assert [path.name for path in published.job.iterdir() if path.is_dir()] == []
        page = requests.get(published.first.link.partition("#")[0], timeout=30)
        assert page.status_code == 200


@pytest.mark.parametrize(("burnt_in", "count"), [("", 20), ("{version}", 20 if EVERY_FAULT else 4)])
def test_twenty_publishers_at_once_make_twenty_versions_that_are_each_once_in_the_review(
    children, studio_server, session, paint, task, task_path, jobs, burnt_in, count
):
    """Where the number is written into the pictures, whoever comes second makes them anew."""
    frames = paint("1001-1002")
    request = PublishRequest(
        task_path, frames.pattern, review="Dailies", fps=Fraction(24), burnin={"top left": burnt_in}
    )
    said = children.publish(studio_server, jobs, request, count=count)
    assert sorted(said) == sorted((f"[{number}]", 0) for number in range(1, count + 1))
    assert len(session.query(f"select id from Asset where context_id is '{task['parent_id']}'").all()) == 1
    (review,) = session.query(f"select id from ReviewSession where project_id is '{task['project_id']}'").all()
    entries = session.query(
        f"select version, asset_version.version from ReviewSessionObject where review_session_id is '{review['id']}'"
    ).all()
    assert sorted((each["asset_version"]["version"], each["version"]) for each in entries) == [
        (number, f"Version {number}") for number in range(1, count + 1)
    ]
