from __future__ import annotations

import os

import pytest
from doubles.numbered_pictures import run_ffmpeg, write_numbered

from ft_dcc.errors import Cancelled, FilmUnreadable
from ft_dcc.frames import Resolution
from ft_dcc.media import probe
from ft_dcc.media.probe import count_pictures

TEST_PICTURE = "testsrc2=s=320x180:r="


def make_film(path, *arguments, rate="24000/1001", count=48):
    run_ffmpeg("-f", "lavfi", "-i", TEST_PICTURE + rate, "-frames:v", str(count), *arguments, path)
    return path


def make_film_with_sound(path, *arguments):
    picture, sound = ("-f", "lavfi", "-i", TEST_PICTURE + "25"), ("-f", "lavfi", "-i", "sine=r=48000")
    run_ffmpeg(*picture, *sound, "-t", "2", *arguments, path)
    return path


def test_a_film_says_what_it_is(tmp_path):
    path = make_film(tmp_path / "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    facts = probe(path)
    assert (facts.resolution, str(facts.fps), facts.frame_count) == (Resolution(320, 180), "24000/1001", 48)
    assert (facts.codec, facts.pixel_format) == ("h264", "yuv420p")
    assert (facts.has_audio, facts.is_constant_rate, facts.is_faststart) == (False, True, False)


@pytest.mark.skipif(os.name == "nt", reason="the program in its place is a shell script")
def test_an_ffmpeg_that_crashes_is_not_the_films_fault(tmp_path, monkeypatch):
    """As 7.0.2 for Linux does on MPEG-TS."""
    path = tmp_path / "a.ts"
    path.write_bytes(b"G" * 188)
    crashing = tmp_path / "ffmpeg"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n", encoding="utf-8")
    crashing.chmod(0o755)
    monkeypatch.setenv("FT_DCC_FFMPEG", str(crashing))
    with pytest.raises(FilmUnreadable, match=r"a\.ts, with code -11\. Set FT_DCC_FFMPEG to another ffmpeg"):
        probe(path)


@pytest.mark.skipif(os.name == "nt", reason="the program in between is a shell script")
def test_pictures_are_counted_by_an_ffmpeg_that_tells_nothing_of_a_copy(tmp_path, monkeypatch, each_ffmpeg):
    """As 7.0 does, which is the newest for Python 3.9."""
    path = make_film(tmp_path / "a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    silent = tmp_path / "ffmpeg"
    silent.write_text(f"#!/bin/sh\n'{each_ffmpeg}' \"$@\" | grep -v ^frame=\n", encoding="utf-8")
    silent.chmod(0o755)
    monkeypatch.setenv("FT_DCC_FFMPEG", str(silent))
    assert count_pictures(path) == 48


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mov", "prores_ks"),
        ("a.mkv", "ffv1"),
        ("a.avi", "mjpeg"),
        ("a.webm", "libvpx-vp9"),
        ("a.ts", "libx264"),
        ("b.mov", "png"),
    ],
)
@pytest.mark.parametrize("rate", ["24000/1001", "60000/1001"])
def test_the_rate_and_the_count_are_exact_in_every_container(tmp_path, name, codec, rate):
    speed = ("-deadline", "realtime") if codec == "libvpx-vp9" else ()
    facts = probe(make_film(tmp_path / name, "-c:v", codec, *speed, rate=rate, count=50))
    assert (str(facts.fps), facts.frame_count, facts.is_constant_rate) == (rate, 50, True)


@pytest.mark.parametrize("rate", ["10", "12", "25/2", "15", "48", "100", "120"])
def test_unusual_rates_are_exact(tmp_path, rate):
    facts = probe(make_film(tmp_path / "a.mp4", rate=rate))
    assert (str(facts.fps), facts.frame_count) == (rate, 48)


def test_the_picture_counts_and_not_the_sound_beside_it(tmp_path):
    path = make_film_with_sound(tmp_path / "a.mp4")
    facts = probe(path)
    assert (facts.has_audio, facts.frame_count, facts.start) == (True, 50, 0)


def test_an_index_at_the_front_is_seen(tmp_path):
    assert probe(make_film(tmp_path / "a.mp4", "-movflags", "+faststart")).is_faststart


def test_pauses_make_a_rate_variable(tmp_path):
    pause = "setpts='if(gt(N,10),N+3,N)/24/TB'"
    path = make_film(tmp_path / "a.mp4", "-vf", pause, "-fps_mode", "vfr", rate="24")
    assert (probe(path).is_constant_rate, probe(path).frame_count) == (False, 48)


def test_an_image_is_a_film_of_one_picture(tmp_path):
    path = tmp_path / "%04d.png"
    write_numbered(path, 5, Resolution(65, 37))
    facts = probe(path)
    assert (facts.resolution, facts.frame_count, facts.codec) == (Resolution(65, 37), 1, "png")


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FilmUnreadable, match=r"none\.mp4 cannot be opened: No such file"):
        probe(tmp_path / "none.mp4")


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(FilmUnreadable, match=r"a\.mp4 is empty"):
        probe(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.mov", "a.png"])
def test_a_text_is_no_film(tmp_path, name):
    (tmp_path / name).write_text("This is not a film.\n" * 100)
    with pytest.raises(FilmUnreadable, match=r"is not a (film|picture) that can be decoded"):
        probe(tmp_path / name)


def test_a_playlist_is_not_followed(tmp_path):
    film = make_film(tmp_path / "a.mp4")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {film}\n")
    (tmp_path / "stream.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{film}\n#EXT-X-ENDLIST\n")
    for name in ("list.mp4", "stream.mp4"):
        with pytest.raises(FilmUnreadable, match="its format is none that films have"):
            probe(tmp_path / name)


def test_sound_alone_is_no_film(tmp_path):
    run_ffmpeg("-f", "lavfi", "-i", "sine", "-t", "1", tmp_path / "a.m4a")
    with pytest.raises(FilmUnreadable, match="sound and no picture"):
        probe(tmp_path / "a.m4a")


def test_the_cover_of_a_song_is_no_film(tmp_path):
    write_numbered(tmp_path / "cover.png", 1, Resolution(64, 64))
    cover = ("-i", tmp_path / "cover.png", "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    run_ffmpeg("-f", "lavfi", "-t", "1", "-i", "sine", *cover, tmp_path / "a.m4a")
    with pytest.raises(FilmUnreadable, match="sound and no picture"):
        probe(tmp_path / "a.m4a")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp4", ("-c:v", "libx264")),
        ("fast.mp4", ("-c:v", "libx264", "-movflags", "+faststart")),
        ("a.mov", ("-c:v", "prores_ks")),
        ("fast.mov", ("-c:v", "png", "-movflags", "+faststart")),
        ("a.mkv", ("-c:v", "libx264")),
        ("a.avi", ("-c:v", "mjpeg")),
        ("a.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime")),
        ("a.mxf", ("-c:v", "mpeg2video", "-r", "25")),
    ],
)
def test_a_part_of_a_film_is_not_taken_for_a_short_one(tmp_path, name, arguments):
    path = make_film(tmp_path / name, *arguments)
    content = path.read_bytes()
    for part in (0.3, 0.9):
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(FilmUnreadable, match=name):
            probe(path)


def test_a_film_that_is_damaged_inside_is_refused(tmp_path):
    path = make_film(tmp_path / "a.mp4", "-c:v", "libx264", "-movflags", "+faststart")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = b"\xff" * 4000
    path.write_bytes(content)
    with pytest.raises(FilmUnreadable, match="damaged"):
        probe(path)


def test_probing_can_be_cancelled(tmp_path):
    with pytest.raises(Cancelled):
        probe(make_film(tmp_path / "a.mp4"), is_cancelled=lambda: True)
