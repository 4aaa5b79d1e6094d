"""Hardware encoders, simulated by a program of this test that wraps the real ffmpeg."""

import re
import stat
import sys

import attrs
import pytest
from doubles.numbered_images import numbers_in

from ft_dcc.errors import Cancelled, EncodeFailed
from ft_dcc.frames import Resolution
from ft_dcc.media import Burnin, encode, encoders, ffmpeg, probe, start_live_encode, transcode
from ft_dcc.media.encoders import HARDWARE, self_test
from ft_dcc.media.presets import EDITORIAL, REVIEW

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the program of this test is started by its first line")

# Simulates nvenc by x264 with a given behaviour, and logs each use.
PROGRAM = """#!{python} -IS
import os, subprocess, sys, time

arguments, behaviour = sys.argv[1:], {behaviour!r}
if "without x264" in behaviour:
    if "-encoders" in arguments:
        listed = subprocess.run([{ffmpeg!r}, *arguments], capture_output=True, text=True)
        lacking = " libopenh264" if "openh264" in behaviour else " libx264"
        lines = [line for line in listed.stdout.splitlines(True) if " libx264" not in line and lacking not in line]
        sys.stdout.write("".join(lines))
        sys.stderr.write(listed.stderr)
        sys.exit()
    if "libx264" in arguments:
        sys.exit("[error] Unknown encoder 'libx264'")
if "h264_nvenc" in arguments:
    is_movie = "lavfi" not in arguments
    with open({notes!r}, "a") as notes:
        notes.write("film\\n" if is_movie else "trial\\n")
    if behaviour in ("no card", "without x264 and openh264") or (behaviour == "fails at a film" and is_movie):
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


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders.platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache" / "ft-dcc"))
    monkeypatch.setattr(encoders, "_unwritten", {})
    monkeypatch.delenv("FT_DCC_ENCODER", raising=False)

    real = str(ffmpeg.find())

    def put(behaviour):
        path, notes = tmp_path / "ffmpeg", tmp_path / "notes"
        notes.touch()
        text = PROGRAM.format(python=sys.executable, behaviour=behaviour, notes=str(notes), ffmpeg=real)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("FT_DCC_FFMPEG", str(path))
        return lambda: notes.read_text().split()

    return put


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_listed_encoder_without_a_device_is_not_used_and_reported(program, make_frames, tmp_path):
    notes = program("no card")
    movie = encode(make_frames(), tmp_path / "film.mp4")
    assert movie.encoder == "software"
    assert "nvenc: Cannot load libcuda.so.1" in movie.remark
    assert "vaapi: " in movie.remark
    assert numbers_in(movie.path, Resolution(64, 36)) == list(range(1001, 1013))
    again = encode(make_frames(), tmp_path / "film.mp4")
    assert (again.remark, notes(), left_in(tmp_path)) == (movie.remark, ["trial"], [])


def test_encoder_that_passes_the_self_test_is_used(program, make_frames, tmp_path):
    notes = program("works")
    frames = make_frames("1001-1012", size="640x360")
    movie = encode(frames, tmp_path / "film.mp4", burnin=Burnin({"top": "{frame}"}, slate=("slate",)))
    assert (movie.encoder, movie.remark, movie.frame_count) == ("nvenc", "", 13)
    assert numbers_in(movie.path, frames.resolution)[1:] == list(range(1001, 1013))
    assert probe(movie.path).is_ready_for_review
    assert transcode(movie.path, tmp_path / "b.mp4", output=attrs.evolve(REVIEW, lines=20)).encoder == "nvenc"
    assert notes() == ["trial", "film", "film"]


@pytest.mark.parametrize(("setting", "used"), [("auto", "nvenc"), ("software", "openh264")])
def test_ffmpeg_without_x264_encodes_with_its_best_encoder(program, make_frames, tmp_path, monkeypatch, setting, used):
    program("without x264")
    monkeypatch.setenv("FT_DCC_ENCODER", setting)
    frames = make_frames("1001-1006", size="320x180")
    movie = encode(frames, tmp_path / "film.mp4", burnin=Burnin({"top": "{frame}"}))
    assert (movie.encoder, probe(movie.path).is_ready_for_review) == (used, True)
    assert numbers_in(movie.path, frames.resolution) == list(range(1001, 1007))


def test_ffmpeg_without_a_working_encoder_is_refused_in_one_sentence(program, make_frames, tmp_path):
    program("without x264 and openh264")
    with pytest.raises(EncodeFailed) as refused:
        encode(make_frames("1-3"), tmp_path / "film.mp4")
    text = str(refused.value)
    assert text.startswith(f"{tmp_path / 'ffmpeg'} has no libx264, and no other H.264 encoder works: ")
    assert text.endswith('Run: pip install "ft-dcc[media]", or set FT_DCC_FFMPEG to another ffmpeg.')
    assert "\n" not in text
    # Frames of an editorial output need no H.264.
    assert encode(make_frames("1-3"), tmp_path / "film.mov", output=EDITORIAL).frame_count == 3


def test_editorial_output_ignores_hardware_encoders(program, make_frames, tmp_path):
    notes = program("works")
    movie = encode(make_frames("1-3"), tmp_path / "film.mov", output=EDITORIAL)
    assert (movie.encoder, movie.remark, notes()) == ("", "", [])


@pytest.mark.parametrize(
    ("behaviour", "flaw"),
    [
        ("blurs", r"a frame of its movie has a PSNR of \d\d dB; expected 40"),
        ("drops the last picture", "its movie has 23 frames at 24000/1001 fps; expected 24"),
        ("has long groups", "its movie does not play in every browser"),
    ],
)
def test_encoder_with_a_worse_movie_is_not_used(program, make_frames, tmp_path, behaviour, flaw):
    program(behaviour)
    movie = encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert movie.encoder == "software"
    assert re.search(f"nvenc: {flaw}", movie.remark)


def test_encoder_that_fails_is_replaced_by_x264_and_not_retried(program, make_frames, tmp_path):
    notes = program("fails at a film")
    reported = []
    movie = encode(make_frames(), tmp_path / "film.mp4", thumbnail=tmp_path / "a.jpg", on_frame=reported.append)
    assert (movie.encoder, movie.frame_count) == ("software", 12)
    assert numbers_in(movie.thumbnail.path, Resolution(64, 36)) == [1006]
    assert movie.remark.startswith("nvenc: ffmpeg stopped with code 1")
    assert reported == list(range(1001, 1013))
    assert encode(make_frames(), tmp_path / "film.mp4").encoder == "software"
    assert notes() == ["trial", "film"]


def test_live_encode_keeps_its_frames_when_the_encoder_fails(program, make_frames, tmp_path):
    program("fails at a film")
    frames = make_frames("1-6")
    with start_live_encode(frames, tmp_path / "film.mp4") as encoding:
        for number in frames.frame_range:
            encoding.add(number)
        movie = encoding.finish()
    assert (movie.encoder, numbers_in(movie.path, frames.resolution)) == ("software", [1, 2, 3, 4, 5, 6])


def test_hanging_encoder_times_out(program, tmp_path, monkeypatch):
    program("hangs")
    monkeypatch.setattr(encoders, "SELF_TEST_TIMEOUT_SECONDS", 1)
    assert self_test(HARDWARE[0], tmp_path) == "it did not encode 24 frames in 1 seconds"
    assert left_in(tmp_path) == []


def test_cancel_interrupts_the_self_test(program, make_frames, tmp_path):
    notes = program("hangs")
    with pytest.raises(Cancelled):
        encode(make_frames("1-3"), tmp_path / "film.mp4", is_cancelled=lambda: bool(notes()))
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(("asked", "used"), [("software", "software"), ("nvenc", "nvenc"), ("qsv", "software")])
def test_setting_selects_the_encoder(program, make_frames, tmp_path, monkeypatch, asked, used):
    notes = program("works")
    monkeypatch.setenv("FT_DCC_ENCODER", asked)
    movie = encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert movie.encoder == used
    assert bool(notes()) == (used == "nvenc")
    assert movie.remark.startswith("qsv: ") == (asked == "qsv")


def test_cached_result_is_bound_to_this_ffmpeg_and_expires(program, make_frames, tmp_path, monkeypatch):
    notes = program("no card")
    encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert program("works")() == ["trial"]
    assert encode(make_frames("1-3"), tmp_path / "film.mp4").encoder == "nvenc"
    monkeypatch.setattr(encoders, "MAX_CACHE_AGE_SECONDS", 0)
    encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert notes() == ["trial", "trial", "film", "trial", "film"]


def test_unreadable_or_unwritable_cache_is_ignored(program, make_frames, tmp_path):
    notes = program("works")
    (tmp_path / "cache").write_text("a file, where a folder should be")
    for _ in range(2):
        assert encode(make_frames("1-3"), tmp_path / "film.mp4").encoder == "nvenc"
    assert notes() == ["trial", "film", "film"]


def test_encode_that_fails_with_all_encoders_is_an_error(program, make_frames, tmp_path):
    program("works")
    frames = make_frames("1-3")
    for number in (1, 2, 3):
        frames.path(number).write_bytes(b"no picture at all")
    with pytest.raises(EncodeFailed, match="Invalid PNG signature"):
        encode(frames, tmp_path / "film.mp4")
    assert encode(make_frames("1-3"), tmp_path / "film.mp4").encoder == "nvenc"
