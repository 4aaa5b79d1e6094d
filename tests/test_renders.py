from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ft_dcc.errors import DiskUnusable
from ft_dcc.render_records import Execution, Record, Wish, identify
from ft_dcc.renders import find_renders, pattern_of, read_renders


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "renders"


@pytest.fixture
def execution_of():
    def make(**values):
        wish = Wish(when="always", frames=values.pop("frames", ""))
        parts = {"render": "job 1", "node": "Write1", "script": "comp.nk", "program": "Nuke 15.1", "fps": "24"}
        return Execution(**{**parts, "script_range": (1001, 1010), "views": ("main",), **values}, wish=wish)

    return make


@pytest.fixture
def render(folder, tmp_path, execution_of):
    """Render frames as one execution does: its record is written, and so are its files."""

    def do(rendered, name="comp.{:04d}.png", ends=True, **values):
        record = Record.begin(execution_of(**values), folder)
        for frame in rendered:
            path = tmp_path / name.format(frame)
            path.write_bytes(b"picture")
            record.add(frame, {"main": str(path)})
        if ends:
            record.end()
        return record

    return do


def test_chunks_of_one_render_are_joined_whoever_rendered_them(folder, render):
    render(range(1001, 1006))
    (first,) = read_renders(folder)
    assert (first.is_complete, first.missing) == (False, (1006, 1007, 1008, 1009, 1010))
    render(range(1006, 1011), machine="farm2", pid=7)
    (joined,) = read_renders(folder)
    assert (joined.is_complete, joined.frames, joined.id) == (True, tuple(range(1001, 1011)), first.id)


def test_tasks_in_processes_of_their_own_lose_nothing(folder, tmp_path):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ft_dcc.render_records import Execution, Record, Wish\n"
        "first, folder, out = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])\n"
        "execution = Execution('job 1', 'Write1', 'c.nk', 'Nuke', Wish('always'), '24', (1, 40), ('main',))\n"
        "record = Record.begin(execution, folder)\n"
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
    assert [task.wait(60) for task in tasks] == [0, 0, 0, 0]
    (joined,) = read_renders(folder)
    assert joined.is_complete and len(list(joined.folder.glob("*.jsonl"))) == 4


def test_a_line_that_was_cut_short_does_not_count_and_a_file_of_nonsense_neither(folder, render):
    record = render(range(1001, 1011), ends=False)
    content = record.path.read_bytes()
    record.path.write_bytes(content[:-9])
    (record.path.parent / "other.jsonl").write_bytes(b"\xff\xfe nonsense\n")
    (record.path.parent / "empty.jsonl").write_bytes(b"")
    (found,) = read_renders(folder)
    assert found.missing == (1010,)


def test_a_frame_whose_file_is_gone_or_empty_is_missing(folder, render, tmp_path):
    render(range(1001, 1011))
    (tmp_path / "comp.1003.png").unlink()
    (tmp_path / "comp.1004.png").write_bytes(b"")
    assert read_renders(folder)[0].missing == (1003, 1004)


def test_the_wish_of_the_newest_execution_counts(folder, render):
    render(range(1001, 1006), time=1.0)
    render(range(1006, 1011), time=2.0, frames="1003-1008")
    assert (str(read_renders(folder)[0].wanted), read_renders(folder)[0].is_complete) == ("1003-1008", True)


def test_a_step_is_known_from_an_execution_that_went_all_the_way(folder, render):
    render(range(1001, 1011, 3))
    assert (str(read_renders(folder)[0].wanted), read_renders(folder)[0].is_complete) == ("1001-1010x3", True)


def test_the_first_and_the_last_frame_are_no_step(folder, render):
    render([1001, 1010], render="job 2")
    assert read_renders(folder)[0].missing == tuple(range(1002, 1010))


def test_the_first_and_the_last_task_are_no_step(folder, render):
    render([1001])
    render([1010])
    assert read_renders(folder)[0].missing == tuple(range(1002, 1010))


def test_a_cancelled_execution_has_no_step(folder, render):
    render([1001, 1010], ends=False)
    assert not read_renders(folder)[0].is_complete


def test_a_film_is_complete_when_it_is_closed(folder, render):
    render(range(1001, 1011), name="comp.mov", ends=False)
    assert not read_renders(folder)[0].is_complete
    render(range(1001, 1006), name="comp.mov")
    (found,) = read_renders(folder)
    assert found.is_film and found.missing == (1006, 1007, 1008, 1009, 1010)
    render(range(1001, 1011), name="comp.mov")
    assert read_renders(folder)[0].is_complete


def test_two_names_and_a_proxy_are_renders_of_their_own(folder, render):
    render(range(1001, 1011))
    render(range(1001, 1011), name="v002.{:04d}.png")
    render(range(1001, 1011), is_proxy=True)
    assert len({each.id for each in read_renders(folder)}) == 3


def test_other_nodes_and_other_scripts_are_not_joined(folder, render):
    render(range(1001, 1006))
    render(range(1006, 1011), node="Write2")
    render(range(1006, 1011), render="job 2")
    assert [each.is_complete for each in read_renders(folder)] == [False, False, False]
    assert len(find_renders("job 2", "Write1", folder)) == 1


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
def test_the_pattern_is_what_the_names_have_in_common(files, pattern):
    assert pattern_of(files.items()) == pattern


def test_tasks_of_one_script_belong_together_wherever_its_copy_lies(tmp_path):
    for name in ("one.nk", "two.nk"):
        (tmp_path / name).write_text("Write {}", encoding="utf-8")
    (tmp_path / "three.nk").write_text("Write { }", encoding="utf-8")
    one, two, three = (identify(str(tmp_path / name), {}) for name in ("one.nk", "two.nk", "three.nk"))
    assert one == two != three
    assert identify(str(tmp_path / "gone.nk"), {}) == f"path {tmp_path / 'gone.nk'}"
    assert identify(str(tmp_path / "one.nk"), {"FT_DCC_RENDER": "4711"}) == "job 4711"


def test_a_script_that_was_never_saved_is_that_of_its_process(tmp_path):
    assert identify("", {}) == identify("", {})
    script = "from ft_dcc.render_records import identify; print(identify('', {}))"
    others = [
        subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True).stdout for _ in range(2)
    ]
    assert others[0] != others[1]


def test_a_record_is_lines_that_a_person_reads(render):
    lines = [json.loads(line) for line in render([1001]).path.read_text("utf-8").splitlines()]
    assert [next(iter(line)) for line in lines] == ["begin", "frame", "end"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path, execution_of):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(DiskUnusable, match="cannot be made"):
        Record.begin(execution_of(), tmp_path / "file")


def test_no_folder_is_no_render(tmp_path):
    assert read_renders(tmp_path / "nowhere") == []
