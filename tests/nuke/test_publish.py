"""From the double's renders, through the real encoder, to versions on a real studio server."""

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
from doubles.shots import find_problems, run_in_thread, task_of_shot
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import UserFixableError
from ft_dcc.frames import FrameRange
from ft_dcc.media import probe
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.renders.renders import read_renders
from ft_dcc.session import SERVER_LOCATION_ID

ROOT = Path(__file__).resolve().parents[2]
STARTUP = ROOT / "hosts" / "nuke" / "ft_dcc_nuke" / "startup"


@pytest.fixture
def task(session):
    return task_of_shot(session, "Comp")


@pytest.fixture
def saved(nuke, task, tmp_path):
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
    return subprocess.Popen(
        [sys.executable, "-m", "doubles.nuke.start", "-x", str(script), "-F", frames, *arguments],
        env={**os.environ, "NUKE_PATH": str(STARTUP), "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.fixture
def renders(signed_in, capsys):
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


@pytest.mark.parametrize("by_hand", [False, True])
def test_files_that_start_at_1_are_published_with_the_frames_of_the_shot(
    window, session, task, tmp_path, host, by_hand
):
    write = window.find("Write1")
    set_knobs(write, frame_mode="start at", frame="1", ft_dcc_publish="off" if by_hand else "always")
    window.render(write, 1001, 1012)
    if by_hand:
        request = PublishRequest(task=task["id"], source="Write1")
        run_in_thread(window, lambda: publish(request, session, host))
    serve_until(window, lambda: versions(session, task))
    version = session.query(f"AssetVersion where task_id is {task['id']}").one()
    component = session.query(f"Component where version_id is {version['id']} and name is ftrackreview-mp4").one()
    facts = json.loads(component["metadata"]["ft_dcc"])
    assert (facts["first_frame"], facts["frame_count"]) == (1001, 12)
    assert probe(download_movie(session, version["id"], tmp_path)).frame_count == 12


def assets(session, task):
    found = session.query(f"AssetVersion where task_id is {task['id']} order by asset.name, version").all()
    return [(version["asset"]["name"], version["version"]) for version in found]


def test_two_writes_of_one_task_have_an_asset_each_by_render_and_by_hand(window, session, task, tmp_path, host):
    from ft_dcc_nuke import tab

    matte = window.make("Write")
    tab.add(matte, "always")
    set_knobs(matte, file=(tmp_path / "out" / "matte.%04d.png").as_posix(), ft_dcc_task=task["id"])
    for write in (window.find("Write1"), matte):
        window.render(write, 1001, 1012)
    serve_until(window, lambda: len(versions(session, task)) == 2)
    for source in ("Write1", ("Write1", "Write2")):
        run_in_thread(
            window, lambda source=source: publish(PublishRequest(task=task["id"], source=source), session, host)
        )
    expected = [("Write1", 1), ("Write1", 2), ("Write1", 3), ("Write2", 1), ("Write2", 2)]
    assert assets(session, task) == [(f"{task['name']} {name}", number) for name, number in expected]


def test_each_view_of_a_write_is_a_source_with_the_asset_of_its_renders(window, session, task, tmp_path, host):
    window.view_names = ["left", "right"]
    write = window.find("Write1")
    set_knobs(write, file=(tmp_path / "out" / "comp_%V.%04d.png").as_posix(), views="left right")
    window.render(write, 1001, 1012)
    serve_until(window, lambda: len(versions(session, task)) == 2)
    assert [name for name in host.scene().sources if "Write" in name] == ["Write1 left", "Write1 right"]
    assert Path(host.footage("Write1 right").pattern).name == "comp_right.%04d.png"
    request = PublishRequest(task=task["id"], source=("Write1 left", "Write1 right"))
    run_in_thread(window, lambda: publish(request, session, host))
    name = task["name"]
    assert assets(session, task) == [(name, 1), (name, 2), (f"{name} right", 1), (f"{name} right", 2)]


def test_a_read_that_starts_at_a_frame_has_the_frames_of_the_script(nuke, tmp_path, host):
    nuke.render(nuke.find("Write1"), 1001, 1012)
    read = nuke.find("Read1")
    name = (tmp_path / "out" / "comp.%04d.png").as_posix()
    set_knobs(read, file=name, frame_mode="start at", frame="101", first=1001, last=1012)
    found = host.footage("Read1")
    assert (str(found.frame_range), found.file_shift) == ("101-112", 900)


def test_a_render_in_the_window_is_published_in_the_background(window, session, task, tmp_path, capsys):
    before = window.state()
    window.render(window.find("Write1"), 1001, 1012)
    serve_until(window, lambda: versions(session, task))
    assert versions(session, task) == [(1, "Edges")] and window.state() == before
    window.render(window.find("Write1"), 1001, 1012)
    serve_until(window, lambda: len(versions(session, task)) == 2)
    assert "Write1 is in review. http" in capsys.readouterr().err


def test_a_render_in_a_child_process_is_published_by_the_window(window, session, task, tmp_path, monkeypatch):
    from ft_dcc_nuke.renders import render_watcher

    monkeypatch.setattr(render_watcher, "_POLL_INTERVAL_SECONDS", 0.05)
    for call, args, *_ in window.registered["beforeBackgroundRender"]["*"]:
        call(*args, {"id": 1})
    for process in [run_task(tmp_path / "comp.nk", frames) for frames in ("1001-1006", "1007-1012")]:
        process.communicate()
    serve_until(window, lambda: versions(session, task))
    assert versions(session, task) == [(1, "Edges")]


def test_linear_exr_files_of_a_write_are_published_with_colour_conversion(saved, session, task, tmp_path, host):
    pytest.importorskip("OpenImageIO", reason="OpenImageIO is not installed")
    write = saved.find("Write1")
    set_knobs(write, ft_dcc_publish="off", file=(tmp_path / "out" / "light.%04d.exr").as_posix())
    saved.render(write, 1001, 1012)
    drawn, before = len(saved.drawn), saved.state()
    request = PublishRequest(task=task["id"], source="Write1")
    made = run_in_thread(saved, lambda: publish(request, session, host)).first
    assert (len(saved.drawn), saved.state()) == (drawn, before)
    movie = download_movie(session, made.version_id, tmp_path)
    # Linear 18 % grey is 46 % of the signal in sRGB.
    assert 108 <= middle_of(movie, tmp_path) <= 124
    assert read_renders() == []


def middle_of(movie, folder):
    from ft_dcc.media import ffmpeg

    raw = folder / "frame.raw"
    subprocess.run(
        [str(ffmpeg.find()), "-v", "error", "-i", movie, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", raw],
        check=True,
    )
    return raw.read_bytes()[3 * (18 * 64 + 48)]


def test_the_files_of_a_read_are_published_in_its_own_range(saved, session, task, tmp_path, host):
    set_knobs(saved.find("Write1"), ft_dcc_publish="off")
    saved.render(saved.find("Write1"), 1001, 1012)
    set_knobs(saved.find("Read1"), file=(tmp_path / "out" / "comp.%04d.png").as_posix(), first=1003, last=1006)
    request = PublishRequest(task=task["id"], source="Read1")
    _, problems = find_problems(saved, host, session, request)
    assert list(problems) == ["Frame range"]
    request = PublishRequest(task=task["id"], source="Read1", frame_range=FrameRange(1003, 1006))
    made = run_in_thread(saved, lambda: publish(request, session, host)).first
    assert probe(download_movie(session, made.version_id, tmp_path)).frame_count == 4


def test_missing_frames_of_a_node_are_reported(saved, session, task, tmp_path, host):
    saved.render(saved.find("Write1"), 1001, 1003)
    _, problems = find_problems(saved, host, session, PublishRequest(task=task["id"], source="Write1"))
    assert "1004-1012" in problems["Missing frames"].message


def test_an_unrendered_write_needs_a_saved_script_without_errors(saved, session, task, tmp_path, host):
    request = PublishRequest(task=task["id"], source="Write1")
    saved.root.is_modified = True
    saved.find("Read1").has_error = True
    publish_check, problems = find_problems(saved, host, session, request)
    assert sorted(problems) == ["Node", "Saved script"]
    assert problems["Node"].message.startswith("Write1 cannot be rendered: Read1 has an error.")
    assert (
        run_in_thread(saved, lambda: publish_check.repair(problems["Saved script"])) is None
        and not saved.root.is_modified
    )


def test_an_unnamed_script_cannot_be_repaired(saved, session, task, tmp_path, host):
    set_knobs(saved.root, name="")
    publish_check, problems = find_problems(saved, host, session, PublishRequest(task=task["id"], source="Write1"))
    assert problems["Saved script"].message.startswith("The script has never been saved.")
    with pytest.raises(UserFixableError, match="never been saved"):
        run_in_thread(saved, lambda: publish_check.repair(problems["Saved script"]))


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
