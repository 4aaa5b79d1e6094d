"""``ft-dcc version``, ``ft-dcc review deliver`` and ``ft-dcc fetch`` on the files of published versions."""

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
