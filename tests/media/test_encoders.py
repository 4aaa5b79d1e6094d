"""Hardware encoders as this machine has none: an ffmpeg that is a program of this test, in front of the real one."""

from __future__ import annotations

import re
import stat
import sys

import pytest
from doubles.numbered_pictures import numbers_in

from ft_dcc.errors import Cancelled, EncodeFailed
from ft_dcc.frames import Resolution
from ft_dcc.media import Burnin, begin_encoding, encode, encoders, ffmpeg, probe, transcode
from ft_dcc.media.encoders import HARDWARE, flaw_of
from ft_dcc.media.presets import EDITORIAL, REVIEW_720

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the program of this test is started by its first line")

# Has an nvenc, which is x264 in truth, and behaves as it is told. Each time that it is asked for is noted.
PROGRAM = """#!{python}
import os, sys, time

arguments, behaviour = sys.argv[1:], {behaviour!r}
if "h264_nvenc" in arguments:
    is_film = "lavfi" not in arguments
    with open({notes!r}, "a") as notes:
        notes.write("film\\n" if is_film else "trial\\n")
    if behaviour == "no card" or (behaviour == "fails at a film" and is_film):
        sys.exit("[h264_nvenc @ 0x1] [error] Cannot load libcuda.so.1")
    if behaviour == "hangs":
        time.sleep(1000)
    first = arguments.index("h264_nvenc") - 1
    quality = "45" if behaviour == "blurs" else "17"
    arguments[first : arguments.index("-cq") + 2] = ["-c:v", "libx264", "-profile:v", "high", "-crf", quality]
    if behaviour == "drops the last picture":
        arguments[arguments.index("-frames:v") + 1] = "23"
    if behaviour == "has long groups":
        arguments[arguments.index("-g") + 1] = "250"
os.execv({ffmpeg!r}, [{ffmpeg!r}, *arguments])
"""


@pytest.fixture(autouse=True)
def each_ffmpeg():
    """One is enough here: what differs from ffmpeg to ffmpeg is asked in test_presets.py."""
    return str(ffmpeg.find())


@pytest.fixture
def program(tmp_path, each_ffmpeg, monkeypatch):
    """Put a program in front of ffmpeg that behaves in this way, and return what it notes."""
    monkeypatch.setattr(encoders.platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache" / "ft-dcc"))
    monkeypatch.setattr(encoders, "_unwritten", {})
    monkeypatch.delenv("FT_DCC_ENCODER", raising=False)

    def put(behaviour):
        path, notes = tmp_path / "ffmpeg", tmp_path / "notes"
        notes.touch()
        text = PROGRAM.format(python=sys.executable, behaviour=behaviour, notes=str(notes), ffmpeg=each_ffmpeg)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("FT_DCC_FFMPEG", str(path))
        return lambda: notes.read_text().split()

    return put


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_an_encoder_that_is_listed_and_has_no_card_is_not_used_and_it_is_said(program, make_frames, tmp_path):
    notes = program("no card")
    film = encode(make_frames(), tmp_path / "film.mp4")
    assert film.encoder == "software"
    assert "nvenc: Cannot load libcuda.so.1" in film.remark
    assert "vaapi: " in film.remark
    assert numbers_in(film.path, Resolution(64, 36)) == list(range(1001, 1013))
    again = encode(make_frames(), tmp_path / "film.mp4")
    assert (again.remark, notes(), left_in(tmp_path)) == (film.remark, ["trial"], [])


def test_an_encoder_that_proves_itself_makes_the_films(program, make_frames, tmp_path):
    notes = program("works")
    frames = make_frames("1001-1012", size="640x360")
    look = Burnin({"top": "{frame}"}, slate=("slate",))
    film = encode(frames, tmp_path / "film.mp4", burnin=look)
    assert (film.encoder, film.remark, film.frame_count) == ("nvenc", "", 13)
    assert numbers_in(film.path, frames.resolution)[1:] == list(range(1001, 1013))
    assert probe(film.path).is_ready_for_review
    assert transcode(film.path, tmp_path / "b.mp4", output=REVIEW_720).encoder == "nvenc"
    assert notes() == ["trial", "film", "film"]


def test_editors_get_what_they_always_got(program, make_frames, tmp_path):
    notes = program("works")
    film = encode(make_frames("1-3"), tmp_path / "film.mov", output=EDITORIAL)
    assert (film.encoder, film.remark, notes()) == ("", "", [])


@pytest.mark.parametrize(
    ("behaviour", "flaw"),
    [
        ("blurs", r"a picture of its film has \d\d dB, and 40 are wanted"),
        ("drops the last picture", "its film has 23 pictures at 24000/1001, and not 24"),
        ("has long groups", "its film is not one that every browser plays and seeks in"),
    ],
)
def test_an_encoder_whose_film_is_worse_is_not_used(program, make_frames, tmp_path, behaviour, flaw):
    program(behaviour)
    film = encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert film.encoder == "software"
    assert re.search(f"nvenc: {flaw}", film.remark)


def test_an_encoder_that_fails_at_a_film_leaves_it_to_x264_and_is_not_tried_again(program, make_frames, tmp_path):
    notes = program("fails at a film")
    told = []
    film = encode(make_frames(), tmp_path / "film.mp4", on_frame=told.append)
    assert (film.encoder, film.frame_count) == ("software", 12)
    assert film.remark.startswith("nvenc: ffmpeg stopped with code 1")
    assert told == list(range(1001, 1013))
    assert encode(make_frames(), tmp_path / "film.mp4").encoder == "software"
    assert notes() == ["trial", "film"]


def test_frames_that_arrive_are_not_lost_when_it_fails(program, make_frames, tmp_path):
    program("fails at a film")
    frames = make_frames("1-6")
    with begin_encoding(frames, tmp_path / "film.mp4") as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        film = encoding.finish()
    assert (film.encoder, numbers_in(film.path, frames.resolution)) == ("software", [1, 2, 3, 4, 5, 6])


def test_an_encoder_that_hangs_is_given_up(program, tmp_path, monkeypatch):
    program("hangs")
    monkeypatch.setattr(encoders, "_MOST_SECONDS", 1)
    assert flaw_of(HARDWARE[0], tmp_path) == "it made no film of 24 pictures in 1 seconds"
    assert left_in(tmp_path) == []


def test_a_cancel_does_not_wait_for_a_trial(program, make_frames, tmp_path):
    notes = program("hangs")
    with pytest.raises(Cancelled):
        encode(make_frames("1-3"), tmp_path / "film.mp4", is_cancelled=lambda: bool(notes()))
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(("asked", "used"), [("software", "software"), ("nvenc", "nvenc"), ("qsv", "software")])
def test_the_setting_says_which(program, make_frames, tmp_path, monkeypatch, asked, used):
    notes = program("works")
    monkeypatch.setenv("FT_DCC_ENCODER", asked)
    film = encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert film.encoder == used
    assert bool(notes()) == (used == "nvenc")
    assert film.remark.startswith("qsv: ") == (asked == "qsv")


def test_what_is_remembered_is_of_this_ffmpeg_and_not_for_ever(program, make_frames, tmp_path, monkeypatch):
    notes = program("no card")
    encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert program("works")() == ["trial"]
    assert encode(make_frames("1-3"), tmp_path / "film.mp4").encoder == "nvenc"
    monkeypatch.setattr(encoders, "_REMEMBERED_SECONDS", 0)
    encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert notes() == ["trial", "trial", "film", "trial", "film"]


def test_a_memory_that_cannot_be_read_or_written_does_no_harm(program, make_frames, tmp_path):
    notes = program("works")
    (tmp_path / "cache").write_text("a file, where a folder should be")
    for _ in range(2):
        assert encode(make_frames("1-3"), tmp_path / "film.mp4").encoder == "nvenc"
    assert notes() == ["trial", "film", "film"]


def test_a_film_that_nobody_can_make_is_still_an_error(program, make_frames, tmp_path):
    program("works")
    frames = make_frames("1-3")
    for number in (1, 2, 3):
        frames.path(number).write_bytes(b"no picture at all")
    with pytest.raises(EncodeFailed, match="Invalid PNG signature"):
        encode(frames, tmp_path / "film.mp4")
    assert encode(make_frames("1-3"), tmp_path / "film.mp4").encoder == "nvenc"
