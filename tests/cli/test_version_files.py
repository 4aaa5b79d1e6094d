"""``ft-dcc version``, ``ft-dcc review deliver``, ``ft-dcc fetch`` and ``ft-dcc renders`` on a running studio."""

import csv
import json
import os
import uuid
from fractions import Fraction
from functools import partial
from pathlib import Path

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars, write_painted
from doubles.command_line import account_variables, run_command
from doubles.renders import record_render

from ft_dcc.cli.main import run
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.production.tasks import ensure_task
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish


@pytest.fixture
def ft_dcc(studio_server):
    return lambda *arguments: run_command(*arguments, environ={**os.environ, **account_variables(studio_server)})


@pytest.fixture
def version(session, root, tmp_path):
    project = f"Show{uuid.uuid4().hex[:8]}"
    task = f"{project}/SQ010/SH010/Comp"
    ensure_task(session, task, frame_range=FrameRange(1001, 1003), fps=24)
    frames = root / "frames"
    frames.mkdir()
    write_painted(frames, (1001, 1002, 1003), "sh")
    request = PublishRequest(task, str(frames / "sh.%04d.png"), review="Dailies", movie_path="{shot}_{version}.mp4")
    return Publisher(session, jobs=tmp_path / "jobs").publish(request).first, project, frames


def test_show_prints_paths_frames_and_checksums(ft_dcc, version, root):
    _, project, frames = version
    lines = ft_dcc("version", "show", f"{project}/SQ010/SH010/Comp/v001").stdout.splitlines()
    assert lines[:2] == ["SH010 Comp v001", f"main  {frames / 'sh.%04d.png'}  1001-1003  (ftrack.unmanaged)"]
    assert lines[2] == f"movie  {root / 'SH010_v001.mp4'}  (ftrack.unmanaged)"
    report = json.loads(ft_dcc("version", "show", version[0].version_id, "--json").stdout)
    assert [file["frame"] for file in report["components"][0]["files"]] == ["1001", "1002", "1003"]


def test_verify_names_missing_damaged_replaced_and_unreachable_files(ft_dcc, version, root, monkeypatch):
    published, project, frames = version
    done = ft_dcc("version", "verify", "--project", project)
    assert (done.returncode, done.stdout) == (0, "4 files of 1 versions are what was published.\n")
    (frames / "sh.1001.png").unlink()
    damaged = frames / "sh.1002.png"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    os.utime(damaged, (1_000_000_000, 1_000_000_000))
    (frames / "sh.1003.png").write_bytes(b"rendered again")
    done = ft_dcc("version", "verify", published.version_id, "--json")
    found = {row["file"].rpartition("/")[2]: row["found"] for row in json.loads(done.stdout)["problems"]}
    assert done.returncode == 1
    assert found == {"sh.1001.png": "missing", "sh.1002.png": "damaged", "sh.1003.png": "replaced"}
    monkeypatch.setenv("FT_DCC_ROOTS", rf"show: windows=P:\show, macos={root}")
    monkeypatch.setattr("ft_dcc.files.roots.this_system", lambda: "windows")
    done = ft_dcc("version", "show", published.version_id)
    assert "not on this machine: the root show, P:\\show, is not mounted on this machine" in done.stdout


@pytest.mark.parametrize(
    ("what", "names"),
    [("movie", ["SH010_v001.mp4"]), ("frames", [f"SH010_v001/SH010_v001.{n}.png" for n in (1001, 1002, 1003)])],
)
def test_delivery_copies_what_is_missing_or_differs(ft_dcc, version, tmp_path, what, names):
    _, project, _ = version
    folder = tmp_path / "delivery"
    deliver = partial(
        ft_dcc,
        "review",
        "deliver",
        "Dailies",
        "--project",
        project,
        "--to",
        str(folder),
        "--name",
        "{shot}_{version}",
        "--what",
        what,
    )
    # A delivery that was killed has left these.
    for suffix in ("", ".1a2b3c4d"):
        left = (folder / names[0]).with_name(f".{Path(names[0]).name}.part{suffix}")
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"half")
    assert deliver().stdout == f"{len(names)} files copied, 0 were there: {folder / 'manifest.csv'}\n"
    with (folder / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == names
    assert {row["version"] for row in rows} == {"v001"}
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == sorted(
        [*(Path(name).name for name in names), "manifest.csv"]
    )
    (folder / names[0]).write_bytes(b"cut off")
    assert deliver().stdout.startswith(f"1 files copied, {len(names) - 1} were there")
    assert deliver().stdout.startswith(f"0 files copied, {len(names)} were there")


@pytest.fixture
def fetch(signed_in):
    return partial(run_command, "fetch")


@pytest.fixture
def version_path(session, project, project_task, tmp_path):
    scene = tmp_path / "sh010.blend"
    scene.write_bytes(b"a scene")
    size = {"frame_range": FrameRange(1001, 1002), "fps": Fraction(24), "resolution": Resolution(64, 36)}
    host = ColourBars(attrs.evolve(SCENE, path=scene, is_modified=False, **size))
    request = PublishRequest(project_task["id"], asset="main", include_scene=True, **size)
    publish(request, session, host, jobs=tmp_path / "jobs")
    return f"{project['name']}/sq010/sh010/main/v001"


def test_scene_file_and_movie_of_a_version_are_downloaded_once(fetch, version_path, tmp_path):
    folder = tmp_path / "fetched"
    found = fetch(version_path, "--to", folder)
    path = folder / "sh010_main_v001_scene.blend"
    assert (found.returncode, found.stdout) == (0, f"{path}\n"), found.stderr
    assert path.read_bytes() == b"a scene"
    again = fetch(version_path, "--to", folder)
    assert (again.returncode, "exists. Move it" in again.stderr) == (3, True)
    assert fetch(version_path, "--component", "ftrackreview-mp4", "--to", folder).returncode == 0
    assert {each.name for each in folder.iterdir()} == {path.name, "sh010_main_v001_ftrackreview-mp4.mp4"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["no/such/asset/v001"], 2, "There is no version no/such/asset/v001"),
        (["x"], 1, "There is no version x"),
        ([], 2, "VERSION"),
    ],
)
def test_wrong_arguments_are_one_sentence(fetch, arguments, code, sentence):
    done = fetch(*arguments)
    assert (done.returncode, sentence in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


@pytest.fixture
def render(tmp_path, monkeypatch, signed_in):
    """Render frames of four, 1001 to 1004, as one execution of a farm."""
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))

    def do(rendered, **options):
        record_render(rendered, tmp_path / "comp.{}.png", options=options)

    return do


@pytest.fixture
def call(capsys):
    def do(*arguments):
        capsys.readouterr()
        code = run(["renders", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return do


def test_an_empty_list_of_renders_is_reported(render, call):
    assert call("list") == (0, "There are no renders.\n", "")
    assert call("publish")[:2] == (0, "\n")


def test_list_and_publish_report_missing_frames(render, call, tmp_path):
    render([1001, 1003])
    code, printed, _ = call("list")
    render_id, words = printed.split(None, 1)
    assert (code, words) == (
        0,
        f"incomplete            Write1  {tmp_path / 'comp.%04d.png'}  new: 1001, 1003; missing: 1002, 1004\n",
    )
    assert call("publish") == (3, "\n", f"{render_id}: Write1: incomplete  new: 1001, 1003; missing: 1002, 1004\n")
    code, _, said = call("publish", render_id)
    assert code == 3
    assert "Frames of Write1 are missing: 1002, 1004" in said


def test_an_invalid_frame_range_of_a_render_is_reported(render, call):
    render([1001], frames="all")
    assert "'all' is not a frame range" in call("list")[1]


def test_an_unknown_render_id_is_reported(render, call):
    code, _, said = call("publish", "4711")
    assert (code, said) == (1, "There is no render '4711'. List the renders with: ft-dcc renders list.\n")


def test_forget_deletes_the_log_and_keeps_the_files(render, call, tmp_path):
    render([1001])
    render_id = call("list")[1].split()[0]
    assert call("forget", render_id) == (0, f"Deleted the log of {render_id}.\n", "")
    assert call("list")[1] == "There are no renders.\n"
    assert (tmp_path / "comp.1001.png").is_file()


def test_a_render_that_asks_first_is_published_by_id_and_with_again(render, call, session):
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Comp"
    task = ensure_task(session, path, frame_range=FrameRange(1001, 1004), fps=Fraction(24))
    render(range(1001, 1005), when="ask", task=task["id"])
    (report,) = json.loads(call("list", "--json")[1])["renders"]
    assert report["state"] == "asks first"
    assert call("publish")[0] == 0
    assert call("publish", report["render"])[0] == 0
    assert call("publish", report["render"])[:2] == (
        0,
        f"{report['render']} is published already. Use --again for a new version.\n",
    )
    assert call("publish", report["render"], "--again")[0] == 0
    found = session.query(f"AssetVersion where task_id is {task['id']} order by version").all()
    assert [version["version"] for version in found] == [1, 2]
