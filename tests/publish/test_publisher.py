"""Publishes from a host or files to the real studio server, and the open notes that are listed before."""

import json
import logging
import threading
from fractions import Fraction
from uuid import uuid4

import attrs
import pyblish.util
import pytest
import requests
from doubles.colour_bars import ColourBars
from run_options import TIMEOUT_SECONDS

from ft_dcc import media
from ft_dcc.errors import Cancelled, ServerUnreachable
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.jobs.job import Job
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.pipeline.pyblish_adapter import Context
from ft_dcc.publish.pipeline.registry import PLUGINS
from ft_dcc.publish.plugins.integrate import RegisterVersion
from ft_dcc.publish.preparation import prepare
from ft_dcc.publish.progress import ProgressReporter
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.publish.slots import HOST, JOB, LINK, PROGRESS, REGISTERED, REQUEST, SESSION
from ft_dcc.review import feedback
from ft_dcc.session import SERVER_LOCATION_ID, operations


def versions_of(session, task):
    return session.query(
        f"select version, comment, thumbnail_id, asset_id, asset.name, components.name from AssetVersion "
        f"where task_id is '{task['id']}' order by version"
    ).all()


def download(session, component_id, path):
    query = f"component_id is '{component_id}' and location_id is '{SERVER_LOCATION_ID}'"
    location = session.query(f"select url from ComponentLocation where {query}").one()
    answer = requests.get(location["url"]["url"], timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200
    path.write_bytes(answer.content)
    return path


def movie_of(session, published, tmp_path):
    movie = next(part for part in published.first.components if part.name == "ftrackreview-mp4")
    path = download(session, movie.id, tmp_path / "downloaded.mp4")
    assert path.stat().st_size == movie.size
    return media.probe(path)


def metadata_of(session, published):
    movie = next(part for part in published.first.components if part.name == "ftrackreview-mp4")
    is_described = f"parent_id is '{movie.id}' and key in (ftr_meta, ft_dcc)"
    found = session.query(f"select key, value from Metadata where {is_described}")
    return {item["key"]: json.loads(item["value"]) for item in found}


def test_scene_is_published_as_a_version_in_a_review_session(session, host, task, task_path, jobs, tmp_path):
    request = PublishRequest(task=task_path, review="Dailies", comment="First pass, 50% done")
    published = publish(request, session, host, jobs=jobs)

    (version,) = versions_of(session, task)
    assert (version["version"], version["comment"]) == (1, "First pass, 50% done")
    assert version["asset"]["name"] == "Animation"
    assert sorted(part["name"] for part in version["components"]) == ["ftrackreview-mp4", "thumbnail"]
    thumbnail = next(part for part in published.first.components if part.name == "thumbnail")
    assert version["thumbnail_id"] == thumbnail.id
    assert published.first.version_id == version["id"]
    assert published.first.asset_id == version["asset_id"]

    placed = session.query(
        f"select name, description, version_id, review_session.name from ReviewSessionObject "
        f"where id is '{published.first.review_session_object_id}'"
    ).one()
    assert (placed["name"], placed["version_id"]) == ("SH010 Animation", version["id"])
    assert placed["review_session"]["name"] == "Dailies"

    info = movie_of(session, published, tmp_path)
    assert (info.frame_count, info.fps, info.resolution) == (12, Fraction(24), Resolution(64, 36))
    assert metadata_of(session, published) == {
        "ftr_meta": {"frameIn": 1001, "frameOut": 1012, "frameRate": 24.0, "width": 64, "height": 36},
        "ft_dcc": {"fps": "24/1", "first_frame": 1001, "frame_count": 12},
    }
    assert requests.get(published.first.link, timeout=TIMEOUT_SECONDS).status_code == 200
    assert (host.captures, published.problems) == (1, ())


def test_frames_at_23_976_from_993_keep_the_rate_of_the_shot_and_their_numbers(session, shot, paint, jobs, tmp_path):
    request = PublishRequest(task=shot("993-1004", "23.976"), source=paint("993-1004").pattern, review="Dailies")
    published = publish(request, session, jobs=jobs)
    info = movie_of(session, published, tmp_path)
    assert (info.frame_count, info.fps) == (12, Fraction(24000, 1001))
    assert metadata_of(session, published) == {
        "ftr_meta": {"frameIn": 993, "frameOut": 1004, "frameRate": 24000 / 1001, "width": 64, "height": 36},
        "ft_dcc": {"fps": "24000/1001", "first_frame": 993, "frame_count": 12},
    }


def test_movie_keeps_its_rate_and_gets_the_shots_frame_numbers(session, shot, paint, jobs, tmp_path):
    task_path = shot("1001-1012", "25")
    movie = media.encode(attrs.evolve(paint("1-12"), fps=Fraction(25)), tmp_path / "cut.mp4")
    published = publish(PublishRequest(task=task_path, source=str(movie.path), review="Dailies"), session, jobs=jobs)
    info = movie_of(session, published, tmp_path)
    assert (info.frame_count, info.fps) == (12, Fraction(25))
    assert metadata_of(session, published)["ft_dcc"] == {"fps": "25/1", "first_frame": 1001, "frame_count": 12}


def test_two_cameras_become_versions_of_two_assets(session, host, task, task_path, jobs):
    request = PublishRequest(task=task_path, source=("bars", "second"), review="Dailies")
    published = publish(request, session, host, jobs=jobs)
    assert [(version.source, version.version) for version in published.versions] == [("bars", 1), ("second", 1)]
    names = {version["asset"]["name"] for version in versions_of(session, task)}
    assert names == {"Animation bars", "Animation second"}
    assert len({version.review_session_id for version in published.versions}) == 1


def test_request_overrides_the_shot(session, shot, jobs):
    task_path, host = shot("1001-1048", "24"), ColourBars()
    request = PublishRequest(task=task_path, frame_range=FrameRange(1005, 1006), resolution=Resolution(32, 18))
    published = publish(request, session, host, jobs=jobs)
    shown = {"frameIn": 1005, "frameOut": 1006, "frameRate": 24.0, "width": 32, "height": 18}
    assert metadata_of(session, published)["ftr_meta"] == shown


@pytest.mark.parametrize("step", ["capture", "encode", "upload ftrackreview-mp4", "upload thumbnail"])
def test_cancel_at_each_step_leaves_nothing_on_the_server(session, host, task, task_path, jobs, step):
    cancel, seen = threading.Event(), []

    def on_progress(progress):
        seen.append(progress.step)
        if progress.step == step:
            cancel.set()

    before = {found["id"] for found in session.query("select id from FileComponent")}
    with pytest.raises(Cancelled):
        request = PublishRequest(task=task_path, review="Dailies")
        publish(request, session, host, on_progress=on_progress, jobs=jobs, cancel=cancel)
    assert seen[-1] == step
    assert {found["id"] for found in session.query("select id from FileComponent")} == before
    assert versions_of(session, task) == []
    assert list(jobs.iterdir()) == []


def test_cancel_after_the_first_of_two_versions_names_the_complete_one(
    session, host, task, task_path, jobs, monkeypatch
):
    cancel, register = threading.Event(), RegisterVersion.process

    def register_and_cancel(self, instance):
        register(self, instance)
        cancel.set()

    def unclaimed():
        return {found["id"] for found in session.query("select id from FileComponent where version_id is none")}

    monkeypatch.setattr(RegisterVersion, "process", register_and_cancel)
    before = unclaimed()
    with pytest.raises(Cancelled, match="complete and remain on the server: bars"):
        publish(PublishRequest(task_path, source=("bars", "second")), session, host, jobs=jobs, cancel=cancel)
    (version,) = versions_of(session, task)
    assert version["asset"]["name"] == "Animation bars"
    assert (len(version["components"]), unclaimed() - before, list(jobs.iterdir())) == (2, set(), [])


def test_progress_reports_all_frames_and_bytes(session, host, task, task_path, jobs):
    seen = []
    publish(PublishRequest(task=task_path), session, host, on_progress=seen.append, jobs=jobs)
    last = {progress.step: progress for progress in seen}
    assert [last[step].done for step in ("capture", "encode")] == [12, 12]
    assert last["capture"].unit == "frames"
    for step in ("upload ftrackreview-mp4", "upload thumbnail"):
        assert (last[step].done, last[step].unit) == (last[step].total, "bytes")


def test_api_key_and_signed_urls_are_in_no_file_or_log(studio_server, session, host, task, task_path, jobs, caplog):
    caplog.set_level(logging.DEBUG)
    published = publish(PublishRequest(task=task_path, review="Dailies"), session, host, jobs=jobs)
    written = [caplog.text, *(path.read_text(encoding="utf-8") for path in published.job.glob("*.json*"))]
    for text in written:
        assert studio_server.api_key not in text
        assert "signature" not in text.lower()
        assert "/upload" not in text


def test_pyblish_alone_can_run_the_plugins(session, host, task, task_path, jobs):
    context = Context()
    REQUEST.set(context, PublishRequest(task=task_path, review="Dailies"))
    SESSION.set(context, session)
    HOST.set(context, host)
    JOB.set(context, Job.create(jobs, REQUEST.get(context), session.server_url))
    PROGRESS.set(context, ProgressReporter())
    pyblish.util.publish(context, list(PLUGINS))
    (instance,) = context
    assert REGISTERED.get(instance).version == 1
    assert requests.get(LINK.get(instance), timeout=TIMEOUT_SECONDS).status_code == 200


@pytest.fixture
def request_of(task_path, task, paint):
    pattern = paint("1-3").pattern
    return lambda **values: PublishRequest(task_path, pattern, fps=Fraction(24), **values)


@pytest.fixture
def note_id(session, request_of, jobs):
    published = Publisher(session, jobs=jobs).publish(request_of(note="Look at the arm"))
    note = {"id": str(uuid4()), "content": "Arm too high", "parent_type": "AssetVersion"}
    session.call([operations.create("Note", {**note, "parent_id": published.first.version_id})])
    return note["id"]


def test_check_lists_open_notes_that_the_publish_does_not_address(session, request_of, jobs, note_id):
    check = Publisher(session, jobs=jobs).validate(request_of())
    assert [(version.number, note.text) for version, note in check.find_open_notes()] == [(1, "Arm too high")]
    assert (check.problems, check.publish().first.version) == ((), 2)


def test_check_lists_no_note_that_the_publish_addresses(session, request_of, jobs, note_id):
    check = Publisher(session, jobs=jobs).validate(request_of(addresses=(note_id[:8],)))
    assert check.find_open_notes() == []
    check.discard()


def test_server_that_does_not_answer_lists_no_notes(session, request_of, jobs, note_id, monkeypatch):
    check = Publisher(session, jobs=jobs).validate(request_of())

    def fail(error):
        def find(*arguments):
            raise error

        monkeypatch.setattr(feedback, "unanswered_notes_of_task", find)

    fail(ServerUnreachable("The server does not answer."))
    assert check.find_open_notes() == []
    fail(Cancelled("Cancelled."))
    with pytest.raises(Cancelled):
        check.find_open_notes()
    check.discard()


def test_reminder_of_the_command_line_does_not_swallow_a_cancel(session, request_of, jobs, note_id, monkeypatch):
    from ft_dcc.cli.notes import find_open_notes

    job = prepare(request_of(), session.server_url, None, jobs)
    assert find_open_notes(session, job.request(), None)

    def cancel(*arguments):
        raise Cancelled("Cancelled.")

    monkeypatch.setattr(feedback, "unanswered_notes_of_task", cancel)
    with pytest.raises(Cancelled):
        find_open_notes(session, job.request(), None)
