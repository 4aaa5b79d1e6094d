import json
import uuid
from fractions import Fraction

import pytest
from doubles.renders import record_render

from ft_dcc.cli.main import run
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import ensure_task


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
