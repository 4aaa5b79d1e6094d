import json
import subprocess
import sys

import pytest
from doubles.renders import record_render

from ft_dcc.errors import StorageError
from ft_dcc.renders import renders
from ft_dcc.renders.log import derive_render_id
from ft_dcc.renders.renders import pattern_of, read_renders


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "renders"


@pytest.fixture
def render(folder, tmp_path):
    def do(rendered, name="comp.{:04d}.png", frames="", **values):
        values = {"script_range": (1001, 1010), "logs": folder, "options": {"frames": frames}, **values}
        return record_render(rendered, tmp_path / name, **values)

    return do


def test_logs_of_one_render_are_merged_across_machines(folder, render):
    render(range(1001, 1006))
    (first,) = read_renders(folder)
    assert (first.is_complete, first.missing) == (False, (1006, 1007, 1008, 1009, 1010))
    render(range(1006, 1011), machine="farm2", pid=7)
    (joined,) = read_renders(folder)
    assert (joined.is_complete, joined.frames, joined.id) == (True, tuple(range(1001, 1011)), first.id)


def test_renders_of_one_script_are_read_without_the_frames_of_others(folder, render, monkeypatch):
    render(range(1001, 1011), script="/a.nk")
    render(range(1001, 1011), script="/b.nk", render="job 2", name="b.{:04d}.png")
    (folder / "empty").mkdir()
    whole, read = renders.read_log, []
    monkeypatch.setattr(renders, "read_log", lambda path: read.append(path) or whole(path))
    (found,) = read_renders(folder, script="/b.nk")
    assert (found.execution.script, len(read)) == ("/b.nk", 1)
    assert read_renders(folder, script="") == [] and len(read_renders(folder)) == 2


def test_a_log_without_a_first_line_belongs_to_no_script(folder, render):
    render(range(1001, 1011), script="/a.nk").path.write_bytes(b'{"begin": 1}\n')
    assert read_renders(folder, script="/a.nk") == []


def test_concurrent_processes_lose_no_frame(folder, tmp_path):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ft_dcc.renders.log import RenderExecution, RenderLogWriter, RenderOptions\n"
        "first, folder, out = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])\n"
        "options = RenderOptions('always')\n"
        "execution = RenderExecution('job 1', 'Write1', 'c.nk', 'Nuke', options, '24', (1, 40), ('main',))\n"
        "record = RenderLogWriter.start(execution, folder)\n"
        "for frame in range(first, first + 10):\n"
        "    path = out / f'c.{frame:04d}.png'\n"
        "    path.write_bytes(b'picture')\n"
        "    record.add(frame, {'main': str(path)})\n"
        "record.end()\n"
    )
    tasks = [
        subprocess.Popen([sys.executable, "-c", script, str(first), str(folder), str(tmp_path)])
        for first in (1, 11, 21, 31)
    ]
    assert [task.wait() for task in tasks] == [0, 0, 0, 0]
    (joined,) = read_renders(folder)
    assert joined.is_complete and len(list(joined.folder.glob("*.jsonl"))) == 4


def test_incomplete_line_and_invalid_file_are_ignored(folder, render):
    record = render(range(1001, 1011), ends=False)
    record.path.write_bytes(record.path.read_bytes()[:-9])
    (record.path.parent / "other.jsonl").write_bytes(b"\xff\xfe nonsense\n")
    (record.path.parent / "empty.jsonl").write_bytes(b"")
    (found,) = read_renders(folder)
    assert (found.frames[-1], found.older) == (1009, (1010,))


def test_frame_with_a_deleted_or_empty_file_is_missing(folder, render, tmp_path):
    render(range(1001, 1011))
    (tmp_path / "comp.1003.png").unlink()
    (tmp_path / "comp.1004.png").write_bytes(b"")
    assert read_renders(folder)[0].missing == (1003, 1004)


def test_options_of_the_newest_execution_apply(folder, render):
    render(range(1001, 1006), time=1.0)
    render(range(1006, 1011), time=2.0, frames="1003-1008")
    assert (str(read_renders(folder)[0].wanted), read_renders(folder)[0].is_complete) == ("1003-1008", True)


def test_step_is_detected_in_a_complete_execution(folder, render):
    render(range(1001, 1011, 3))
    assert (str(read_renders(folder)[0].wanted), read_renders(folder)[0].is_complete) == ("1001-1010x3", True)


def test_first_and_last_frame_alone_are_not_a_step(folder, render):
    render([1001, 1010], render="job 2")
    assert read_renders(folder)[0].missing == tuple(range(1002, 1010))


def test_first_and_last_task_alone_are_not_a_step(folder, render):
    render([1001])
    render([1010])
    assert read_renders(folder)[0].missing == tuple(range(1002, 1010))


def test_cancelled_execution_has_no_step(folder, render):
    render([1001, 1010], ends=False)
    assert not read_renders(folder)[0].is_complete


def test_movie_is_complete_when_the_execution_has_ended(folder, render):
    render(range(1001, 1011), name="comp.mov", ends=False)
    assert not read_renders(folder)[0].is_complete
    render(range(1001, 1006), name="comp.mov")
    (found,) = read_renders(folder)
    assert found.is_movie and found.missing == (1006, 1007, 1008, 1009, 1010)
    render(range(1001, 1011), name="comp.mov")
    assert read_renders(folder)[0].is_complete


def test_other_file_names_and_proxies_are_separate_renders(folder, render):
    render(range(1001, 1011))
    render(range(1001, 1011), name="v002.{:04d}.png")
    render(range(1001, 1011), is_proxy=True)
    assert len({each.id for each in read_renders(folder)}) == 3


def test_other_nodes_and_scripts_are_not_merged(folder, render):
    render(range(1001, 1006))
    render(range(1006, 1011), node="Write2")
    render(range(1006, 1011), render="job 2")
    assert [each.is_complete for each in read_renders(folder)] == [False, False, False]


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        ({1001: "/s/a.1001.exr", 1002: "/s/a.1002.exr"}, "/s/a.%04d.exr"),
        ({1: "/s/a.0001.exr"}, "/s/a.%04d.exr"),
        ({1: "/s/v1_a1.exr"}, "/s/v1_a%01d.exr"),
        ({9: "/s/a9.exr", 10: "/s/a10.exr"}, "/s/a%01d.exr"),
        ({1001: "/1001/sh1001_1001.v003.dpx", 1002: "/1001/sh1001_1002.v003.dpx"}, "/1001/sh1001_%04d.v003.dpx"),
        ({-5: "/s/a.-0005.exr", 0: "/s/a.0000.exr"}, "/s/a.%04d.exr"),
        ({1001: "/s/a.mov", 1002: "/s/a.mov"}, "/s/a.mov"),
        ({1001: "/s/a.%04d.exr"}, "/s/a.%04d.exr"),
    ],
)
def test_pattern_is_common_to_the_file_names(files, pattern):
    assert pattern_of(files.items()) == pattern


def test_copies_of_one_script_have_the_same_render_id(tmp_path):
    for name in ("one.nk", "two.nk"):
        (tmp_path / name).write_text("Write {}", encoding="utf-8")
    (tmp_path / "three.nk").write_text("Write { }", encoding="utf-8")
    one, two, three = (derive_render_id(str(tmp_path / name), {}) for name in ("one.nk", "two.nk", "three.nk"))
    assert one == two != three
    assert derive_render_id(str(tmp_path / "gone.nk"), {}) == f"path {tmp_path / 'gone.nk'}"
    assert derive_render_id(str(tmp_path / "one.nk"), {"FT_DCC_RENDER": "4711"}) == "job 4711"
    # The job of AWS Deadline Cloud or OpenCue; the submitter's own precedes it.
    assert derive_render_id("", {"DEADLINE_JOB_ID": "job-1"}) == "job job-1"
    assert derive_render_id("", {"CUE_JOB_ID": "b2"}) == "job b2"
    assert derive_render_id("", {"CUE_JOB_ID": "b2", "FT_DCC_RENDER": "4711"}) == "job 4711"


def test_unsaved_script_has_an_id_of_its_process(tmp_path):
    assert derive_render_id("", {}) == derive_render_id("", {})
    script = "from ft_dcc.renders.log import derive_render_id; print(derive_render_id('', {}))"
    others = [
        subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True).stdout for _ in range(2)
    ]
    assert others[0] != others[1]


def test_log_is_lines_of_json(render):
    lines = [json.loads(text) for text in render([1001]).path.read_text("utf-8").splitlines()]
    assert [next(iter(line)) for line in lines] == ["begin", "frame", "end"]


def test_folder_that_cannot_be_created_is_named(tmp_path, render):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be created"):
        render([], logs=tmp_path / "file")


def test_missing_folder_has_no_renders(tmp_path):
    assert read_renders(tmp_path / "nowhere") == []
