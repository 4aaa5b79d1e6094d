import collections
from array import array
from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg

from ft_dcc.errors import Cancelled, MovieUnreadable, ValueMismatch
from ft_dcc.files.checksum import sha256_of
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import encode, probe, resampled, transcode
from ft_dcc.media.presets import EDITORIAL

SMALL = Resolution(64, 36)


@pytest.fixture
def make_movie(make_frames, tmp_path):
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
        ("c.mov", "24", ("-c:v", "qtrle")),
        ("ünï %04d.mp4", "59.94", ("-c:v", "libx264", "-pix_fmt", "yuv422p10le")),
    ],
)
def test_every_frame_is_kept_once_at_its_exact_rate(make_movie, tmp_path, name, rate, arguments):
    movie = transcode(make_movie(name, *arguments, rate=rate), tmp_path / "review.mp4")
    assert numbers_in(movie.path, SMALL) == list(range(1001, 1025))
    info = probe(movie.path)
    assert (info.fps, info.frame_count, info.codec) == (frame_rate(rate), 24, "h264")
    assert (info.pixel_format, info.matrix, info.is_faststart) == ("yuv420p", "bt709", True)


@pytest.mark.parametrize("pixel_format", ["bgr0", "yuv420p"])
def test_odd_size_becomes_even(make_movie, tmp_path, pixel_format):
    # FFV1 is one of few codecs that have 4:2:0 of odd size.
    source = make_movie("a.mkv", "-c:v", "ffv1", "-pix_fmt", pixel_format, size="65x37")
    movie = transcode(source, tmp_path / "review.mp4")
    assert movie.resolution == Resolution(66, 38)
    assert numbers_in(movie.path, Resolution(65, 37)) == list(range(1001, 1025))


def test_variable_rate_is_rejected_or_resampled_to_a_constant_one(make_movie, tmp_path):
    """24 frames at 24 fps with a pause of 3 frames after the eleventh: 27 frames, the eleventh four times."""
    source = make_movie("phone.mp4", "-fps_mode", "vfr", filters="setpts='if(gt(N,10),N+3,N)/24/TB'")
    with pytest.raises(ValueMismatch, match=r"phone\.mp4 has a variable frame rate .* With a constant rate"):
        transcode(source, tmp_path / "review.mp4")
    info = resampled(source, probe(source), Fraction(24))
    assert (info.fps, info.frame_count, info.is_constant_rate) == (24, 27, True)
    made = transcode(source, tmp_path / "review.mp4", info=info)
    assert (made.frame_count, made.remark) == (27, "resampled from a variable rate to 24 fps")
    size = probe(source).resolution
    shown = [(number, count) for number, count in collections.Counter(numbers_in(made.path, size)).items()]
    assert [count for _, count in shown] == [1] * 10 + [4] + [1] * 13


def test_interlaced_movie_is_deinterlaced(make_movie, tmp_path):
    """A bright field and a dark field, line by line, are a comb; deinterlaced, each frame shows one of them."""
    lines = "geq=lum='if(mod(Y,2),200,50)':cb=128:cr=128,setfield=tff"
    source = make_movie("tape.mov", "-c:v", "prores_ks", "-flags", "+ildct", filters=lines)
    assert probe(source).is_interlaced
    made = transcode(source, tmp_path / "review.mp4")
    assert made.remark == "deinterlaced"
    assert not probe(made.path).is_interlaced
    luma = run_ffmpeg("-i", made.path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    column = luma[:: probe(source).resolution.width]
    assert max(abs(above - below) for above, below in zip(column, column[1:])) < 20


def test_invalid_movie_leaves_no_file(tmp_path):
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(MovieUnreadable):
        transcode(tmp_path / "a.mp4", tmp_path / "review.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_cancel_leaves_nothing(make_movie, tmp_path):
    source = make_movie("a.mov", "-c:v", "png")
    info = probe(source)
    with pytest.raises(Cancelled):
        transcode(source, tmp_path / "review.mp4", info=info, is_cancelled=lambda: True)
    assert not list(tmp_path.glob("*review*"))


def test_metadata_is_removed(make_movie, tmp_path):
    source = make_movie("a.mp4", "-metadata", "location=+48.1+011.5/", "-metadata", "comment=secret place")
    content = transcode(source, tmp_path / "review.mp4").path.read_bytes()
    assert b"secret place" not in content
    assert b"+48.1" not in content


def second_of_the_click(movie):
    samples = array("h", run_ffmpeg("-i", movie, "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "48000", "-"))
    return max(range(len(samples)), key=lambda at: abs(samples[at])) / 48000, len(samples) / 48000


CLICK_AT_HALF_A_SECOND = "aevalsrc='if(between(t,0.5,0.502),0.9,0)':s=48000:d=2"


@pytest.mark.parametrize(
    ("name", "codec", "timing", "frame"),
    [
        ("a.mov", "pcm_s16le", (), 12.0),
        ("a.mp4", "aac", (), 12.0),
        # The sound is a quarter of a second later or earlier than the frames.
        ("a.mov", "pcm_s16le", ("-itsoffset", "0.25"), 18.0),
        ("a.mkv", "flac", ("-itsoffset", "-0.25"), 6.0),
        ("a.mp4", "aac", ("-itsoffset", "-0.25"), 6.0),
    ],
)
def test_sound_stays_in_sync(make_frames, tmp_path, timing, frame, name, codec):
    image = ("-framerate", "24", "-i", make_frames("1-24").pattern)
    sound = (*timing, "-f", "lavfi", "-i", CLICK_AT_HALF_A_SECOND)
    run_ffmpeg(*image, *sound, "-c:v", "libx264", "-c:a", codec, "-avoid_negative_ts", "make_zero", tmp_path / name)
    movie = transcode(tmp_path / name, tmp_path / "review.mp4")
    heard, length = second_of_the_click(movie.path)
    assert abs(heard * 24 - frame) < 0.5
    assert abs(length - 1.0) < 0.03
    assert numbers_in(movie.path, SMALL) == list(range(1, 25))


def test_a_transcode_reports_its_frames_and_keeps_the_timecode(make_movie, tmp_path):
    source, reported = make_movie("a.mov", "-c:v", "png", "-timecode", "10:00:00:00"), []
    editorial = transcode(source, tmp_path / "p.mov", first_frame=1001, output=EDITORIAL, on_frame=reported.append)
    assert (editorial.frame_count, reported) == (24, list(range(1001, 1025)))
    assert probe(editorial.path).timecode == "10:00:00:00"


def test_the_thumbnail_of_a_transcoded_movie_shows_its_middle(make_movie, tmp_path):
    movie = make_movie("a.mov", "-c:v", "png")
    made = transcode(movie, tmp_path / "movie.mp4", thumbnail=tmp_path / "a.jpg").thumbnail
    assert numbers_in(made.path, SMALL) == [1013]


def test_movie_ready_for_review_is_copied(make_frames, tmp_path):
    ready = encode(make_frames("1001-1030", frame_rate("23.976")), tmp_path / "ready.mp4")
    reported = []
    movie = transcode(ready.path, tmp_path / "review.mp4", on_frame=reported.append, thumbnail=tmp_path / "a.jpg")
    assert sha256_of(movie.path) == sha256_of(ready.path)
    assert attrs.evolve(movie, path=ready.path) == attrs.evolve(ready, encoder="")
    assert reported == list(range(30))


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
def test_movie_not_ready_for_review_is_transcoded(make_frames, tmp_path, arguments):
    ready = encode(make_frames("1001-1030"), tmp_path / "ready.mp4")
    color = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
    run_ffmpeg("-i", ready.path, "-c:v", "libx264", "-pix_fmt", "yuv420p", *color, *arguments, tmp_path / "film.mp4")
    assert not probe(tmp_path / "film.mp4").is_ready_for_review
    movie = transcode(tmp_path / "film.mp4", tmp_path / "review.mp4")
    assert probe(movie.path).is_ready_for_review
    assert numbers_in(movie.path, SMALL) == list(range(1001, 1031))
