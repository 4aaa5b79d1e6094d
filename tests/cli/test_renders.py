from __future__ import annotations

import json
import uuid
from fractions import Fraction

import pytest
from doubles.colour_bars import painted

from ft_dcc.cli.main import run
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.render_records import Execution, Record, Wish
from ft_dcc.tasks import ensure_task


@pytest.fixture
def render(tmp_path, monkeypatch, signed_in):
    """Render frames of four, 1001 to 1004, as one execution of a farm."""
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))

    def do(rendered, **wish):
        execution = Execution(
            "job 1", "Write1", "comp.nk", "Nuke 15.1", Wish(**{"when": "always", **wish}), "24", (1001, 1004), ("main",)
        )
        record = Record.begin(execution)
        for frame in rendered:
            path = tmp_path / f"comp.{frame}.png"
            path.write_bytes(painted(frame, Resolution(64, 36)))
            record.add(frame, {"main": str(path)})
        record.end()

    return do


@pytest.fixture
def call(capsys):
    def do(*arguments):
        capsys.readouterr()
        code = run(["renders", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return do


def test_nothing_was_rendered(render, call):
    assert call("list") == (0, "There is no render.\n", "")
    assert call("publish")[:2] == (0, "\n")


def test_a_line_says_what_is_missing(render, call, tmp_path):
    render([1001, 1003])
    code, printed, _ = call("list")
    render_id, words = printed.split(None, 1)
    assert (code, words) == (0, f"incomplete            Write1  {tmp_path / 'comp.%04d.png'}  missing: 1002, 1004\n")
    assert call("publish") == (3, "\n", f"{render_id}: Write1: incomplete  missing: 1002, 1004\n")
    code, _, said = call("publish", render_id)
    assert code == 3
    assert "Frames of Write1 are missing: 1002, 1004" in said


def test_frames_that_cannot_be_read_are_told(render, call):
    render([1001], frames="all")
    assert "'all' is not a frame range" in call("list")[1]


def test_an_id_that_there_is_not_is_told(render, call):
    code, _, said = call("publish", "4711")
    assert (code, said) == (1, "There is no render '4711'. Look for it with: ft-dcc renders list.\n")


def test_what_is_forgotten_is_gone_and_its_files_stay(render, call, tmp_path):
    render([1001])
    render_id = call("list")[1].split()[0]
    assert call("forget", render_id) == (0, f"{render_id} is forgotten.\n", "")
    assert call("list")[1] == "There is no render.\n"
    assert (tmp_path / "comp.1001.png").is_file()


def test_one_that_asks_first_is_published_when_it_is_named_and_again_when_it_is_wanted(render, call, session):
    path = f"Show{uuid.uuid4().hex[:8]}/SQ010/SH010/Comp"
    task = ensure_task(session, path, frame_range=FrameRange(1001, 1004), fps=Fraction(24))
    render(range(1001, 1005), when="ask", task=task["id"])
    (report,) = json.loads(call("list", "--json")[1])["renders"]
    assert report["state"] == "asks first"
    assert call("publish")[0] == 0
    assert call("publish", report["render"])[0] == 0
    assert call("publish", report["render"])[:2] == (0, f"{report['render']} is published already.\n")
    assert call("publish", report["render"], "--again")[0] == 0
    found = session.query(f"AssetVersion where task_id is {task['id']} order by version").all()
    assert [version["version"] for version in found] == [1, 2]
