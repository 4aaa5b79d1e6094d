from __future__ import annotations

from array import array

import attrs
import pytest
from doubles.numbered_pictures import numbers_in, run_ffmpeg

from ft_dcc.errors import Cancelled, FilmUnreadable, Invalid
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import encode, probe, transcode

SMALL = Resolution(64, 36)


@pytest.fixture
def make_film(make_frames, tmp_path):
    """Return a function that makes a film of numbered pictures with ffmpeg alone."""

    def make(name, *arguments, frame_range="1001-1024", rate="24", size="64x36", filters="null"):
        frames = make_frames(frame_range, frame_rate(rate), size)
        start = str(frames.frame_range.start)
        source = ("-framerate", str(frames.fps), "-start_number", start, "-i", frames.pattern)
        run_ffmpeg(*source, *arguments, "-vf", filters, tmp_path / name)
        return tmp_path / name

    return make


@pytest.mark.parametrize(
    ("name", "rate", "arguments"),
    [
        ("a.mov", "23.976", ("-c:v", "prores_ks")),
        ("a.mkv", "59.94", ("-c:v", "libx264", "-bf", "3")),
        ("a.avi", "29.97", ("-c:v", "mjpeg", "-q:v", "2")),
        ("a.ts", "25", ("-c:v", "libx264", "-pix_fmt", "yuv420p")),
        ("b.mov", "24", ("-c:v", "png")),
        ("c.mov", "23.976", ("-c:v", "qtrle")),
        ("ünï %04d.mp4", "59.94", ("-c:v", "libx264", "-pix_fmt", "yuv422p10le")),
    ],
)
def test_every_picture_stays_once_and_at_its_own_rate(make_film, tmp_path, name, rate, arguments):
    film = transcode(make_film(name, *arguments, rate=rate), tmp_path / "review.mp4")
    assert numbers_in(film.path, SMALL) == list(range(1001, 1025))
    facts = probe(film.path)
    assert (facts.fps, facts.frame_count, facts.codec) == (frame_rate(rate), 24, "h264")
    assert (facts.pixel_format, facts.matrix, facts.is_faststart) == ("yuv420p", "bt709", True)


@pytest.mark.parametrize("pixel_format", ["yuv444p", "rgb24", "yuv420p"])
def test_an_odd_film_becomes_even(make_film, tmp_path, pixel_format):
    # FFV1 is one of few codecs that have 4:2:0 of odd size.
    source = make_film("a.mkv", "-c:v", "ffv1", "-pix_fmt", PIXELS[pixel_format], size="65x37")
    film = transcode(source, tmp_path / "review.mp4")
    assert film.resolution == Resolution(66, 38)
    assert numbers_in(film.path, Resolution(65, 37)) == list(range(1001, 1025))


PIXELS = {"yuv444p": "yuv444p", "yuv420p": "yuv420p", "rgb24": "bgr0"}


def test_pictures_are_counted_from_zero_while_it_runs(make_film, tmp_path):
    told = []
    transcode(make_film("a.mov", "-c:v", "png"), tmp_path / "review.mp4", on_frame=told.append)
    assert told == list(range(24))


def test_a_variable_rate_is_refused(make_film, tmp_path):
    pause = "setpts='if(gt(N,10),N+3,N)/24/TB'"
    source = make_film("phone.mp4", "-fps_mode", "vfr", filters=pause)
    with pytest.raises(Invalid, match=r"frame rate of phone\.mp4 is variable, wanted is constant"):
        transcode(source, tmp_path / "review.mp4")


def test_what_is_no_film_leaves_nothing(tmp_path):
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(FilmUnreadable):
        transcode(tmp_path / "a.mp4", tmp_path / "review.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_cancel_leaves_nothing(make_film, tmp_path):
    source = make_film("a.mov", "-c:v", "png")
    facts = probe(source)
    with pytest.raises(Cancelled):
        transcode(source, tmp_path / "review.mp4", facts=facts, is_cancelled=lambda: True)
    assert not list(tmp_path.glob("*review*"))


def test_what_a_film_tells_of_its_maker_does_not_travel(make_film, tmp_path):
    source = make_film("a.mp4", "-metadata", "location=+48.1+011.5/", "-metadata", "comment=secret place")
    content = transcode(source, tmp_path / "review.mp4").path.read_bytes()
    assert b"secret place" not in content
    assert b"+48.1" not in content


def second_of_the_click(film):
    """When the loudest sample is heard, counted from the first picture; a film starts both at 0."""
    raw = run_ffmpeg("-i", film, "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "48000", "-")
    samples = array("h", raw)
    return max(range(len(samples)), key=lambda at: abs(samples[at])) / 48000, len(samples) / 48000


CLICK_AT_HALF_A_SECOND = "aevalsrc='if(between(t,0.5,0.502),0.9,0)':s=48000:d=2"


@pytest.mark.parametrize(
    ("name", "codec", "timing", "frame"),
    [
        ("a.mov", "pcm_s16le", (), 12.0),
        ("a.mp4", "aac", (), 12.0),
        # The sound lies a quarter of a second later than the picture, or earlier.
        ("a.mov", "pcm_s16le", ("-itsoffset", "0.25"), 18.0),
        ("a.mkv", "flac", ("-itsoffset", "-0.25"), 6.0),
        ("a.mp4", "aac", ("-itsoffset", "-0.25"), 6.0),
    ],
)
def test_sound_stays_with_its_picture(make_frames, tmp_path, timing, frame, name, codec):
    frames = make_frames("1-24")
    picture = ("-framerate", "24", "-i", frames.pattern)
    sound = (*timing, "-f", "lavfi", "-i", CLICK_AT_HALF_A_SECOND)
    run_ffmpeg(*picture, *sound, "-c:v", "libx264", "-c:a", codec, "-avoid_negative_ts", "make_zero", tmp_path / name)
    film = transcode(tmp_path / name, tmp_path / "review.mp4")
    heard, length = second_of_the_click(film.path)
    assert abs(heard * 24 - frame) < 0.5
    assert abs(length - 1.0) < 0.03
    assert numbers_in(film.path, SMALL) == list(range(1, 25))


def test_a_film_that_is_ready_is_passed_through_unchanged(make_frames, tmp_path):
    ready = encode(make_frames("1001-1030", frame_rate("23.976")), tmp_path / "ready.mp4")
    told = []
    film = transcode(ready.path, tmp_path / "review.mp4", on_frame=told.append)
    assert film.path.read_bytes() == ready.path.read_bytes()
    assert attrs.evolve(film, path=ready.path) == attrs.evolve(ready, encoder="")
    assert told == list(range(30))


@pytest.mark.parametrize(
    "arguments",
    [
        ("-g", "250", "-movflags", "+faststart"),
        ("-g", "12"),
        ("-g", "12", "-movflags", "+faststart", "-pix_fmt", "yuv422p"),
        ("-g", "12", "-movflags", "+faststart", "-colorspace", "smpte170m"),
        ("-g", "12", "-movflags", "+faststart", "-c:v", "mpeg4"),
    ],
)
def test_a_film_that_is_not_ready_is_encoded(make_frames, tmp_path, arguments):
    ready = encode(make_frames("1001-1030"), tmp_path / "ready.mp4")
    color = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
    run_ffmpeg("-i", ready.path, "-c:v", "libx264", "-pix_fmt", "yuv420p", *color, *arguments, tmp_path / "film.mp4")
    assert not probe(tmp_path / "film.mp4").is_ready_for_review
    film = transcode(tmp_path / "film.mp4", tmp_path / "review.mp4")
    assert probe(film.path).is_ready_for_review
    assert numbers_in(film.path, SMALL) == list(range(1001, 1031))
