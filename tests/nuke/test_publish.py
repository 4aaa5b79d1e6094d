"""From the double's renders, through the real encoder, to versions on a real studio server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from fractions import Fraction
from pathlib import Path

import pytest
import requests
from doubles.nuke.sample_script import set_knobs
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import UserFixableError
from ft_dcc.frames import FrameRange
from ft_dcc.media import probe
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.renders.renders import read_renders
from ft_dcc.session import SERVER_LOCATION_ID

ROOT = Path(__file__).resolve().parents[2]
STARTUP = ROOT / "hosts" / "nuke" / "ft_dcc_nuke" / "startup"


@pytest.fixture
def task(session):
    """Return a task of a shot with the settings of the small script."""
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Comp"
    task = ensure_task(session, path, frame_range=FrameRange(1001, 1012), fps=Fraction(24))
    session.get("Shot", task["parent_id"])["custom_attributes"]["resolution"] = "64x36"
    session.commit()
    return task


@pytest.fixture
def saved(nuke, task, tmp_path):
    """Return the double with a saved script whose Write has the tab, set to publish always."""
    import ft_dcc_nuke
    from ft_dcc_nuke import tab

    ft_dcc_nuke.start()
    write = nuke.find("Write1")
    tab.add(write, "always")
    set_knobs(write, ft_dcc_task=task["id"], ft_dcc_comment="Edges", ft_dcc_review=f"Dailies {uuid.uuid4().hex[:6]}")
    set_knobs(nuke.root, name=str(tmp_path / "comp.nk"))
    nuke.root.save(tmp_path / "comp.nk")
    nuke.root.is_modified = False
    return nuke


@pytest.fixture
def window(saved, signed_in):
    """Yield the same after menu.py has run."""
    import ft_dcc_nuke

    ft_dcc_nuke.start_window()
    yield saved
    # A publish that a test did not wait for would show its message in the window of the next test.
    for thread in threading.enumerate():
        if thread.name == "ft-dcc publish":
            saved.serve(thread)
    ft_dcc_nuke.uninstall()


def versions(session, task):
    found = session.query(f"AssetVersion where task_id is {task['id']} order by version").all()
    return [(version["version"], version["comment"]) for version in found]


def download_movie(session, version_id, folder):
    component = session.query(f"Component where version_id is {version_id} and name is ftrackreview-mp4").one()
    movie = folder / "movie.mp4"
    movie.write_bytes(
        requests.get(session.get("Location", SERVER_LOCATION_ID).get_url(component), timeout=TIMEOUT_SECONDS).content
    )
    return movie


def serve_until(nuke, is_so):
    """Be the window's event loop until the condition is true and the watcher is idle."""
    from ft_dcc_nuke.renders import render_watcher

    waiting = threading.Event()

    def wait():
        while not is_so() or render_watcher._watcher.is_working:
            if waiting.wait(0.02):
                return

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    nuke.serve(thread)


def run_task(script, frames, *arguments):
    """Start one task of a farm in a process of its own, as ``nuke -x -F`` is."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "hosts" / "nuke")))
    command = [sys.executable, "-m", "doubles.nuke.start", "-x", str(script), "-F", frames, *arguments]
    return subprocess.Popen(
        command,
        env={**os.environ, "NUKE_PATH": str(STARTUP), "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.fixture
def renders(signed_in, capsys):
    """Return a function that runs ``ft-dcc renders`` and returns exit code, report and standard error."""
    from ft_dcc.cli.main import run

    def call(*arguments):
        capsys.readouterr()
        code = run(["renders", *arguments, "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out), printed.err

    return call


def test_the_tasks_of_a_farm_become_one_version_once_all_are_complete(saved, renders, session, task, tmp_path):
    script = tmp_path / "comp.nk"
    tasks = [run_task(script, frames) for frames in ("1001-1004", "1005-1008")]
    assert [json.loads(task.communicate()[0])["misuses"] for task in tasks] == [[], []]
    code, report, errors = renders("publish")
    assert (code, report["published"]) == (3, []) and "missing: 1009-1012" in errors
    assert json.loads(run_task(script, "1009-1012").communicate()[0])["messages"] == []
    code, report, _ = renders("publish")
    assert code == 0
    (made,) = report["published"]
    # The farm repeats a task, and publishing is repeated.
    run_task(script, "1001-1004").communicate()
    assert renders("publish")[:2] == (0, {"published": [], "renders": report["renders"]})
    assert versions(session, task) == [(1, "Edges")]
    info = probe(download_movie(session, made["version_id"], tmp_path))
    assert (info.frame_count, info.fps, str(info.resolution)) == (12, Fraction(24), "64x36")
    assert requests.get(made["link"], timeout=TIMEOUT_SECONDS).status_code == 200


def test_the_frames_of_the_environment_define_a_complete_render(saved, renders, session, task, tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_RENDER", "farm job 4711")
    monkeypatch.setenv("FT_DCC_RENDER_FRAMES", "1001-1012x3")
    run_task(tmp_path / "comp.nk", "1001-1012x3", "--cancel-at", "1007").communicate()
    code, report, _ = renders("list")
    (render,) = report["renders"]
    assert (code, render["state"], render["missing"]) == (0, "incomplete", [1007, 1010])
    assert render["wanted"] == "1001-1012x3"
    run_task(tmp_path / "comp.nk", "1007-1012x3").communicate()
    assert renders("publish")[0] == 0
    assert versions(session, task) == [(1, "Edges")]


def test_a_render_in_the_window_is_published_in_the_background(window, session, task, tmp_path, capsys):
    before = window.state()
    window.render(window.find("Write1"), 1001, 1012)
    serve_until(window, lambda: versions(session, task))
    assert versions(session, task) == [(1, "Edges")] and window.state() == before
    window.render(window.find("Write1"), 1001, 1012)
    serve_until(window, lambda: len(versions(session, task)) == 2)
    assert "Write1 is in review. http" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [True, False])
def test_with_ask_in_the_tab_the_artist_is_asked_once(window, session, task, answer):
    set_knobs(window.find("Write1"), ft_dcc_publish="ask")
    window.answers = [answer]
    window.render(window.find("Write1"), 1001, 1012)
    serve_until(window, lambda: window.messages)
    assert window.messages == ["Write1 is rendered (1001-1012). Publish it for review?"]
    assert versions(session, task) == ([(1, "Edges")] if answer else [])


def test_an_incomplete_render_is_reported_and_not_published(window, session, task, capsys):
    window.render(window.find("Write1"), 1001, 1003)
    printed = []

    def is_reported():
        printed.append(capsys.readouterr().err)
        return "".join(printed)

    serve_until(window, is_reported)
    assert "Write1 is not published yet: 1004-1012 of" in "".join(printed)
    assert versions(session, task) == []


def test_a_render_in_a_child_process_is_published_by_the_window(window, session, task, tmp_path, monkeypatch):
    from ft_dcc_nuke.renders import render_watcher

    monkeypatch.setattr(render_watcher, "_POLL_INTERVAL_SECONDS", 0.05)
    for call, args, *_ in window.registered["beforeBackgroundRender"]["*"]:
        call(*args, {"id": 1})
    for process in [run_task(tmp_path / "comp.nk", frames) for frames in ("1001-1006", "1007-1012")]:
        process.communicate()
    serve_until(window, lambda: versions(session, task))
    assert versions(session, task) == [(1, "Edges")]


def test_linear_exr_files_of_a_write_are_published_with_colour_conversion(saved, session, task, tmp_path):
    pytest.importorskip("OpenImageIO", reason="OpenImageIO is not installed")
    from ft_dcc_nuke.host import NukeHost

    write = saved.find("Write1")
    set_knobs(write, ft_dcc_publish="off", file=(tmp_path / "out" / "light.%04d.exr").as_posix())
    saved.render(write, 1001, 1012)
    drawn, before = len(saved.drawn), saved.state()
    request = PublishRequest(task=task["id"], source="Write1")
    made = run_in_thread(saved, lambda: publish(request, session, NukeHost(), jobs=tmp_path / "jobs")).first
    assert (len(saved.drawn), saved.state()) == (drawn, before)
    movie = download_movie(session, made.version_id, tmp_path)
    # Linear 18 % grey is 46 % of the signal in sRGB.
    assert 108 <= middle_of(movie, tmp_path) <= 124
    assert read_renders() == []


def middle_of(movie, folder):
    """Return the grey value, of 255, in the middle of the movie's first frame."""
    from ft_dcc.media import ffmpeg

    raw = folder / "frame.raw"
    subprocess.run(
        [str(ffmpeg.find()), "-v", "error", "-i", movie, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", raw],
        check=True,
    )
    content = raw.read_bytes()
    return content[3 * (18 * 64 + 48)]


def run_in_thread(nuke, function):
    """Call the function in a thread while Nuke handles events; return or raise its result."""
    results = []

    def call():
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - raised again below
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    nuke.serve(thread)
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


def test_the_files_of_a_read_are_published_in_its_own_range(saved, session, task, tmp_path):
    from ft_dcc_nuke.host import NukeHost

    set_knobs(saved.find("Write1"), ft_dcc_publish="off")
    saved.render(saved.find("Write1"), 1001, 1012)
    set_knobs(saved.find("Read1"), file=(tmp_path / "out" / "comp.%04d.png").as_posix(), first=1003, last=1006)
    request = PublishRequest(task=task["id"], source="Read1")
    _, problems = find_problems(saved, session, request, tmp_path)
    assert list(problems) == ["Frame range"]
    request = PublishRequest(task=task["id"], source="Read1", frame_range=FrameRange(1003, 1006))
    made = run_in_thread(saved, lambda: publish(request, session, NukeHost(), jobs=tmp_path / "jobs")).first
    assert probe(download_movie(session, made.version_id, tmp_path)).frame_count == 4


def find_problems(nuke, session, request, tmp_path):
    from ft_dcc_nuke.host import NukeHost

    publish_check = run_in_thread(
        nuke, lambda: Publisher(session, NukeHost(), jobs=tmp_path / "jobs").validate(request)
    )
    return publish_check, {problem.check: problem for problem in publish_check.problems}


def test_missing_frames_of_a_node_are_reported(saved, session, task, tmp_path):
    saved.render(saved.find("Write1"), 1001, 1003)
    _, problems = find_problems(saved, session, PublishRequest(task=task["id"], source="Write1"), tmp_path)
    assert "1004-1012" in problems["Missing frames"].message


def test_an_unrendered_write_is_captured_once_the_script_is_saved_and_without_errors(saved, session, task, tmp_path):
    request = PublishRequest(task=task["id"], source="Write1")
    saved.root.is_modified = True
    saved.find("Read1").has_error = True
    publish_check, problems = find_problems(saved, session, request, tmp_path)
    assert sorted(problems) == ["Node", "Saved script"]
    assert problems["Node"].message.startswith("Write1 cannot be rendered: Read1 has an error.")
    assert (
        run_in_thread(saved, lambda: publish_check.repair(problems["Saved script"])) is None
        and not saved.root.is_modified
    )
    saved.find("Read1").has_error = False
    before = saved.state()
    from ft_dcc_nuke.host import NukeHost

    made = run_in_thread(saved, lambda: publish(request, session, NukeHost(), jobs=tmp_path / "jobs")).first
    assert saved.state() == before
    assert probe(download_movie(session, made.version_id, tmp_path)).frame_count == 12


def test_an_unnamed_script_cannot_be_repaired(saved, session, task, tmp_path):
    set_knobs(saved.root, name="")
    publish_check, problems = find_problems(saved, session, PublishRequest(task=task["id"], source="Write1"), tmp_path)
    with pytest.raises(UserFixableError, match="never been saved"):
        run_in_thread(saved, lambda: publish_check.repair(problems["Saved script"]))


def test_range_rate_and_size_are_checked_against_the_shot_and_repaired(saved, session, task, tmp_path):
    from ft_dcc_nuke.host import NukeHost

    set_knobs(saved.root, last_frame=1010, fps=25.0, format="2K")
    publish_check, problems = find_problems(saved, session, PublishRequest(task=task["id"], source="Write1"), tmp_path)
    assert sorted(problems) == ["Frame range", "Frame rate", "Resolution"]
    for check in ("Frame range", "Frame rate", "Resolution"):
        assert run_in_thread(saved, lambda check=check: publish_check.repair(problems[check])) is None
    scene = NukeHost().scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == ("1001-1012", Fraction(24), "64x36")


def test_publish_again_repeats_the_last_publish_and_shows_the_link(window, session, task, tmp_path):
    from ft_dcc_nuke import commands
    from ft_dcc_nuke.host import NukeHost

    set_knobs(window.find("Write1"), ft_dcc_publish="off")
    window.render(window.find("Write1"), 1001, 1012)
    host = NukeHost()
    host.remember_task(task["id"])
    request = PublishRequest(task=task["id"], source="Write1", review="Dailies", comment="First")
    run_in_thread(window, lambda: publish(request, session, host))
    commands.publish_again()
    serve_until(window, lambda: window.messages)
    assert window.messages[0].startswith("Version 2 is in review. http")
    assert versions(session, task) == [(1, "First"), (2, "")]


def test_publish_renders_publishes_an_incomplete_render_after_confirmation(window, session, task):
    from ft_dcc_nuke import commands

    set_knobs(window.find("Write1"), ft_dcc_publish="ask")
    window.cancel_at = 1004
    window.render(window.find("Write1"), 1001, 1012)
    window.messages.clear()
    window.selection, window.answers = [window.find("Write1")], [False, True]
    commands.publish_renders()
    serve_until(window, lambda: window.messages)
    assert "lacks the frames 1004-1012. Publish 1001-1003 as it is?" in window.messages[0]
    commands.publish_renders()
    serve_until(window, lambda: len(window.messages) == 3)
    assert window.messages[2].startswith("Version 1 is in review.")
    assert versions(session, task) == [(1, "Edges")]


def test_a_render_is_published_with_the_saved_account(
    saved, session, task, studio_server, tmp_path, monkeypatch, capsys
):
    import ft_dcc_nuke

    from ft_dcc.accounts.credentials import Account, save_credentials

    for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ft_dcc.accounts.credentials._key_store", lambda: None)
    monkeypatch.setattr("ft_dcc.accounts.credentials._keys_path", lambda: tmp_path / "config" / "keys.json")
    monkeypatch.setenv("FTRACK_SERVER", studio_server.server_url)
    ft_dcc_nuke.start_window()
    printed = []
    saved.render(saved.find("Write1"), 1001, 1012)
    serve_until(saved, lambda: printed.append(capsys.readouterr().err) or "signed in" in "".join(printed))
    assert "You are not signed in. Sign in with the menu" in "".join(printed)
    save_credentials(Account(studio_server.server_url, studio_server.api_user, studio_server.api_key))
    saved.render(saved.find("Write1"), 1001, 1012)
    serve_until(saved, lambda: versions(session, task))
    ft_dcc_nuke.uninstall()
    assert versions(session, task)[0] == (1, "Edges")
