import os

import pytest
from doubles.numbered_images import run_ffmpeg, write_numbered
from media.conftest import CONTAINERS

from ft_dcc.errors import Cancelled, MovieUnreadable
from ft_dcc.frames import Resolution
from ft_dcc.media import probe
from ft_dcc.media.inspection import file_integrity
from ft_dcc.media.inspection import probe as probe_module

TEST_IMAGE = "testsrc2=s=96x54:r="

pytestmark = pytest.mark.usefixtures("each_ffmpeg")


def make_movie(path, *arguments, rate="24000/1001", count=48):
    run_ffmpeg("-f", "lavfi", "-i", TEST_IMAGE + rate, "-frames:v", str(count), *arguments, path)
    return path


def make_movie_with_sound(path, *arguments):
    image, sound = ("-f", "lavfi", "-i", TEST_IMAGE + "25"), ("-f", "lavfi", "-i", "sine=r=48000")
    run_ffmpeg(*image, *sound, "-t", "2", *arguments, path)
    return path


def test_probe_returns_the_properties_of_a_movie(tmp_path):
    info = probe(make_movie(tmp_path / "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p"))
    assert (info.resolution, str(info.fps), info.frame_count) == (Resolution(96, 54), "24000/1001", 48)
    assert (info.codec, info.pixel_format) == ("h264", "yuv420p")
    assert (info.audio_codec, info.is_constant_rate, info.is_faststart) == ("", True, False)


@pytest.mark.skipif(os.name == "nt", reason="the program in its place is a shell script")
def test_crash_of_ffmpeg_is_reported_as_such(tmp_path, monkeypatch):
    """Simulate the crash of ffmpeg 7.0.2 for Linux on MPEG-TS."""
    path = tmp_path / "a.ts"
    path.write_bytes(b"G" * 188)
    crashing = tmp_path / "ffmpeg"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n", encoding="utf-8")
    crashing.chmod(0o755)
    monkeypatch.setenv("FT_DCC_FFMPEG", str(crashing))
    with pytest.raises(MovieUnreadable, match=r"a\.ts, with code -11\. Set FT_DCC_FFMPEG to another ffmpeg"):
        probe(path)


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name.startswith(("a.", "b.")) and name != "a.mxf"])
def test_the_rate_and_the_count_are_exact_in_every_container(containers, name):
    info = probe(containers(name, "60000/1001"))
    assert (str(info.fps), info.frame_count, info.is_constant_rate) == ("60000/1001", 25, True)


@pytest.mark.parametrize("rate", ["25/2", "48", "120"])
def test_unusual_rates_are_exact(tmp_path, rate):
    info = probe(make_movie(tmp_path / "a.mp4", rate=rate))
    assert (str(info.fps), info.frame_count) == (rate, 48)


def test_properties_are_those_of_the_video_stream(tmp_path):
    info = probe(make_movie_with_sound(tmp_path / "a.mp4"))
    assert (bool(info.audio_codec), info.frame_count, info.start) == (True, 50, 0)


def test_image_is_probed_as_one_frame(tmp_path):
    path = tmp_path / "%04d.png"
    write_numbered(path, 5, Resolution(65, 37))
    info = probe(path)
    assert (info.resolution, info.frame_count, info.codec) == (Resolution(65, 37), 1, "png")


def test_missing_path_is_named(tmp_path):
    with pytest.raises(MovieUnreadable, match=r"none\.mp4 does not exist"):
        probe(tmp_path / "none.mp4")


def test_empty_file_is_reported(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(MovieUnreadable, match=r"a\.mp4 is empty"):
        probe(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.png"])
def test_text_file_is_not_a_movie(tmp_path, name):
    (tmp_path / name).write_text("This is not a film.\n" * 100)
    with pytest.raises(MovieUnreadable, match=r"not an? (movie|image) that can be decoded|format .* is not supported"):
        probe(tmp_path / name)


def test_playlist_is_not_followed(containers, tmp_path):
    movie = containers("a.mp4")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {movie}\n")
    (tmp_path / "stream.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{movie}\n#EXT-X-ENDLIST\n")
    for name in ("list.mp4", "stream.mp4"):
        with pytest.raises(MovieUnreadable, match=r"The format of .* is not supported"):
            probe(tmp_path / name)


def test_audio_file_is_not_a_movie(tmp_path):
    run_ffmpeg("-f", "lavfi", "-i", "sine", "-t", "1", tmp_path / "a.m4a")
    with pytest.raises(MovieUnreadable, match="sound but no video"):
        probe(tmp_path / "a.m4a")


def test_cover_image_of_an_audio_file_is_not_a_movie(tmp_path):
    write_numbered(tmp_path / "cover.png", 1, Resolution(64, 64))
    cover = ("-i", tmp_path / "cover.png", "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    run_ffmpeg("-f", "lavfi", "-t", "1", "-i", "sine", *cover, tmp_path / "a.m4a")
    with pytest.raises(MovieUnreadable, match="sound but no video"):
        probe(tmp_path / "a.m4a")


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name not in ("pieces.mp4", "b.mov", "a.ts")])
def test_truncated_movie_is_rejected(containers, tmp_path, name):
    content = containers(name).read_bytes()
    path = tmp_path / name
    for part in (0.3, 0.9):
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(MovieUnreadable, match=name):
            probe(path)


def test_damaged_movie_is_rejected(tmp_path):
    path = make_movie(tmp_path / "a.mp4", "-c:v", "libx264", "-movflags", "+faststart")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = b"\xff" * len(content[middle : middle + 4000])
    path.write_bytes(content)
    with pytest.raises(MovieUnreadable, match="damaged"):
        probe(path)


def test_probing_can_be_cancelled(containers):
    with pytest.raises(Cancelled):
        probe(containers("a.mp4"), is_cancelled=lambda: True)


@pytest.mark.parametrize(
    "before", ["[Parsed_showinfo_0 @ 0x55] [info] ", "    Stream #0:0", "[libx264 @ 0x7f] [info] profile "]
)
def test_frame_of_the_log_is_found_after_a_part_of_another_line(before):
    line = "n:   3 pts:      3 pts_time:0.125 duration:      1 fmt:rgb24 cl:left sar:1/1 s:256x144 i:P iskey:1 type:I "
    frame = probe_module.parse_frame_line(before + line)
    assert (frame.ticks, str(frame.resolution), frame.is_key) == (3, "256x144", True)


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name != "a.ts"])
def test_truncated_container_and_an_index_at_the_front_are_detected(containers, tmp_path, name):
    path = containers(name)
    assert file_integrity.is_whole(path)
    assert file_integrity.is_faststart(path) == (name in ("fast.mp4", "pieces.mp4"))
    content = path.read_bytes()
    # An MXF declares the start of its footer, the others their end.
    missing = len(content) // 2 if name == "a.mxf" else 1
    short = tmp_path / name
    short.write_bytes(content[:-missing])
    assert not file_integrity.is_whole(short)


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("fast.mp4", ("-c:v", "libx264", "-movflags", "+faststart", "-c:a", "aac"), 25),
        ("a.mov", ("-c:v", "prores_ks", "-c:a", "pcm_s24le", "-timecode", "01:00:00:00"), 25),
        ("sound first.mov", ("-c:v", "mjpeg", "-map", "1:a", "-map", "0:v"), 25),
        ("sound.m4a", ("-vn", "-c:a", "aac"), 0),
    ],
)
def test_frames_are_counted_in_the_index(tmp_path, name, options, count):
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1:r=48000")
    run_ffmpeg(*inputs, *options, tmp_path / name)
    assert file_integrity.declared_frames(tmp_path / name) == count


def test_frames_of_other_containers_are_not_counted(containers):
    found = {name: file_integrity.declared_frames(containers(name)) for name in ("a.mp4", "pieces.mp4", "a.mkv")}
    assert found == {"a.mp4": 25, "pieces.mp4": 0, "a.mkv": 0}


def test_frames_of_a_truncated_movie_are_not_counted(containers, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(containers("a.mp4").read_bytes()[:-2000])
    assert file_integrity.declared_frames(path) == 0
    path.write_bytes(b"")
    assert file_integrity.declared_frames(path) == 0


@pytest.mark.parametrize("compression", ["none", "rle", "zip1", "zip16"])
def test_truncated_exr_is_detected(tmp_path, compression):
    path = tmp_path / "a.exr"
    image = ("-f", "lavfi", "-i", "testsrc2=s=65x37", "-frames:v", "1", "-pix_fmt", "gbrpf32le")
    run_ffmpeg(*image, "-compression", compression, "-update", "1", path)
    content = path.read_bytes()
    assert file_integrity.declared_size(path) == len(content)
    for missing in (1, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:-missing])
        assert not file_integrity.is_whole(path)


def test_live_recording_declares_no_size(tmp_path):
    path = tmp_path / "live.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36", "-frames:v", "9", "-f", "matroska", "-live", "1", path)
    assert file_integrity.declared_size(path) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"ftyp",
        b"\0\0\0\0ftyp",
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3\x00",
        b"RIFF",
        b"plain text",
        b"\x76\x2f\x31\x01",
        b"\x76\x2f\x31\x01\x02\0\0\0" + b"x" * 99,
        b"\x76\x2f\x31\x01\x02\x10\0\0" + b"x" * 9,
        bytes.fromhex("060e2b34020501010d01020101020400"),
        b"\0\0\0\x08ftyp" + b"\0\0\0\x01mdat" + b"\0" * 8,
        b"\xff" * 99,
    ],
)
def test_random_bytes_are_read_without_an_error(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    file_integrity.is_whole(tmp_path / "a")
    assert not file_integrity.is_faststart(tmp_path / "a")
