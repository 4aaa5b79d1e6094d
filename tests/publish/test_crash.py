"""Kill a publish at each step: reviewers see complete versions or none, and a resume finishes it once."""

import os
import re
import signal
from contextlib import closing
from fractions import Fraction

import pytest
import requests
from doubles.colour_bars import ColourBars, painted
from doubles.fork_server import ForkServer
from run_options import EVERY_FAULT, TIMEOUT_SECONDS, sample

from ft_dcc.frames import Resolution
from ft_dcc.media import ffmpeg
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.jobs.queue import inspect_job
from ft_dcc.publish.jobs.states import NEEDS_SCENE
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each publish is a fork of one process"),
    pytest.mark.timeout(3600 if EVERY_FAULT else 600),
]

COMPONENTS = {
    "bars": ["ftrackreview-mp4", "main", "movie", "prores", "thumbnail"],
    "film": ["ftrackreview-mp4", "main", "movie", "prores", "thumbnail"],
    "still": ["ftrackreview-image", "main", "thumbnail"],
}


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return tmp_path_factory.mktemp("disk")


@pytest.fixture(scope="module")
def children(disk):
    # As settings, the output and the paths apply to the movies; as options, they would be refused for the still.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FT_DCC_OUTPUTS", "prores")
        patch.setenv("FT_DCC_MOVIE_PATH", f"{disk}/{{project}}/{{task}}/{{source}}_{{version}}.mp4")
        patch.setenv("FT_DCC_FRAMES_PATH", f"{disk}/{{project}}/{{task}}/{{source}}_{{version}}/####.png")
        patch.setenv("FT_DCC_LATEST_PATH", f"{disk}/{{project}}/{{task}}/{{source}}.mp4")
        with closing(ForkServer()) as children:
            yield children


@pytest.fixture
def request_of(tmp_path):
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
            outputs=("prores",),
            notify=True,
        )

    return asking


def files_on_disk(folder):
    frames = len(list(folder.glob("bars_v001/[0-9]*.png")))
    left = [path.name for path in folder.rglob("*") if path.is_file() and path.suffix not in (".png", ".lock")]
    return frames, sorted(left)


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
    children, studio_server, session, request_of, task_path, tmp_path, disk
):
    ensure_task(session, f"{task_path}0")
    steps = steps_of(children, studio_server, session, request_of(f"{task_path}0"), tmp_path / "0")
    wanted = {"before CollectScene ", "after NumberVersion bars", "after MakeOutputs film", "encode bars", "store bars"}
    assert wanted <= set(steps)
    for number, step in sample(enumerate(steps, 1), 29):
        path, jobs = f"{task_path}{number}", tmp_path / str(number)
        task_id = ensure_task(session, path)["id"]
        killed = children.publish(studio_server, jobs, request_of(path), step=step, has_host=True)
        assert killed == [("", signal.SIGKILL)], step
        assert_complete_or_nothing(session, task_id)
        published = resumed(session, jobs)
        assert (published.problems, assert_complete_or_nothing(session, task_id)) == ((), 3), step
        assert [path.name for path in published.job.iterdir() if path.is_dir()] == []
        movies = ["bars.mp4", "bars_v001.mp4", "film.mp4", "film_v001.mp4"]
        assert files_on_disk(disk / path.replace("/SQ010/SH010", "")) == (12, movies), step
        page = requests.get(published.first.link.partition("#")[0], timeout=TIMEOUT_SECONDS)
        assert page.status_code == 200


@pytest.mark.parametrize(
    ("burnt_in", "count"), [("", 20 if EVERY_FAULT else 8), ("{version}", 20 if EVERY_FAULT else 4)]
)
def test_concurrent_publishes_create_a_version_with_one_entry_each(
    children, studio_server, session, paint, task, task_path, jobs, tmp_path, burnt_in, count
):
    """Check that publishes repeat the encode if another one takes the number; the newest movie has its own name."""
    paths = {"movie_path": f"{tmp_path}/film_{{version}}.mp4", "latest_path": f"{tmp_path}/latest.mp4"}
    frames, burnin = paint("1001-1002"), {"top left": burnt_in}
    request = PublishRequest(task_path, frames.pattern, review="Dailies", fps=Fraction(24), burnin=burnin, **paths)
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
    movies = [(tmp_path / f"film_v{number:03d}.mp4").read_bytes() for number in range(1, count + 1)]
    assert (len(set(movies)), (tmp_path / "latest.mp4").read_bytes()) == (count if burnt_in else 1, movies[-1])


def test_concurrent_publishes_of_one_file_number_create_it_once(
    children, studio_server, session, paint, task, task_path, jobs, tmp_path
):
    pattern, movie = paint("1001-1002", name="sh010_v012").pattern, f"{tmp_path}/film_{{version}}.mp4"
    request = PublishRequest(task_path, pattern, fps=Fraction(24), version_from="file", movie_path=movie)
    results = children.publish(studio_server, jobs, request, count=20 if EVERY_FAULT else 4)
    refused = [text for text, _ in results if text != "[12]"]
    assert len(refused) == len(results) - 1
    for text in refused:
        assert re.search(r"Version 12 of Animation (exists|was published)|film_v012.mp4(\.| exists)", text), text
    (version,) = session.query(f"select version from AssetVersion where task_id is {task['id']}").all()
    assert (version["version"], [each.name for each in tmp_path.glob("*film*")]) == (12, ["film_v012.mp4"])
