from __future__ import annotations

import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat

from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import encode, encoders, probe, transcode
from ft_dcc.media.burnin import Burnin
from ft_dcc.media.encoders import HARDWARE, SOFTWARE, self_test
from ft_dcc.media.presets import EDITORIAL, REVIEW, REVIEW_720, REVIEW_1080, REVIEW_1440, REVIEW_2160

pytestmark = pytest.mark.usefixtures("each_ffmpeg")


@pytest.mark.parametrize(
    ("output", "name", "size", "made"),
    [
        (REVIEW, "ftrackreview-mp4", "2048x858", "2048x858"),
        (REVIEW_720, "ftrackreview-mp4-720", "1920x1080", "1280x720"),
        (REVIEW_720, "ftrackreview-mp4-720", "2048x858", "1718x720"),
        (REVIEW_1080, "ftrackreview-mp4-1080", "4096x2160", "2048x1080"),
        (REVIEW_1080, "ftrackreview-mp4-1080", "1279x719", "1280x720"),
        (REVIEW_1440, "ftrackreview-mp4-1440", "3840x2160", "2560x1440"),
        (REVIEW_2160, "ftrackreview-mp4-2160", "3840x2160", "3840x2160"),
        (REVIEW_720, "ftrackreview-mp4-720", "1x5000", "2x720"),
    ],
)
def test_output_has_at_most_its_number_of_lines(output, name, size, made):
    assert (output.component_name, str(output.size(Resolution.parse(size)))) == (name, made)


@pytest.mark.parametrize("size", ["319x1081"])
def test_smaller_output_shows_the_same_frames(make_frames, tmp_path, size):
    frames = make_frames("1001-1003", frame_rate("23.976"), size)
    movie = encode(frames, tmp_path / "film.mp4", output=REVIEW_720)
    info = probe(movie.path)
    assert (movie.resolution, info.resolution.height, movie.component_name) == (
        info.resolution,
        720,
        "ftrackreview-mp4-720",
    )
    assert numbers_in(movie.path, movie.resolution) == [1001, 1002, 1003]
    smaller = transcode(encode(frames, tmp_path / "a.mp4").path, tmp_path / "b.mp4", output=REVIEW_720)
    assert numbers_in(smaller.path, smaller.resolution) == [1001, 1002, 1003]


def test_editorial_output_is_prores_422(make_frames, tmp_path):
    frames = make_frames("1001-1006", frame_rate("23.976"))
    movie = encode(frames, tmp_path / "film.mov", output=EDITORIAL)
    info = probe(movie.path)
    assert (info.codec, info.pixel_format, info.matrix) == ("prores", "yuv422p10le", "bt709")
    assert (str(info.fps), info.frame_count) == ("24000/1001", 6)
    assert numbers_in(movie.path, frames.resolution) == [1001, 1002, 1003, 1004, 1005, 1006]


def test_prores_has_the_same_colour(make_frames, tmp_path):
    frames = make_frames("1")
    write_flat(frames.path(1), (200, 60, 30), frames.resolution)
    movie = encode(frames, tmp_path / "film.mov", output=EDITORIAL)
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "yuv422p10le", "-")
    luma = 64 * 36 * 2
    found = [int.from_bytes(raw[at : at + 2], "little") / 4 for at in (0, luma, luma + luma // 2)]
    assert max(abs(a - b) for a, b in zip(found, (91.2, 100.7, 190.7))) < 1


def test_x264_passes_the_self_test(each_ffmpeg, tmp_path):
    assert self_test(SOFTWARE, tmp_path) == ""


@pytest.mark.parametrize("encoder", HARDWARE, ids=lambda encoder: encoder.name)
def test_available_hardware_encoders_do_not_fail(each_ffmpeg, make_frames, tmp_path, monkeypatch, encoder):
    monkeypatch.setenv("FT_DCC_ENCODER", encoder.name)
    monkeypatch.setattr(encoders.platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    movie = encode(make_frames("1-3"), tmp_path / "film.mp4")
    assert (movie.frame_count, movie.encoder == encoder.name) == (3, movie.remark == "")


@pytest.mark.parametrize(
    ("rate", "timecode", "lead", "wanted"),
    [
        ("25", "01:00:00:00", 1, "00:59:59:24"),
        ("30000/1001", "01:00:00;00", 0, "01:00:00;00"),
        ("30000/1001", "00:10:00;00", 1, "00:09:59;29"),
    ],
)
def test_prores_keeps_pcm_sound_and_the_timecode_of_its_source(tmp_path, rate, timecode, lead, wanted):
    source = tmp_path / "source.mov"
    inputs = ("-f", "lavfi", "-i", f"testsrc=s=64x36:r={rate}:d=0.4", "-f", "lavfi", "-i", "sine=d=0.4:r=48000")
    run_ffmpeg(*inputs, "-c:v", "mpeg4", "-c:a", "pcm_s16le", "-timecode", timecode, str(source))
    burnin = Burnin(slate=("Slate",)) if lead else None
    movie = transcode(source, tmp_path / "movie.mov", output=EDITORIAL, burnin=burnin)
    info = probe(movie.path)
    assert (info.codec, info.audio_codec, info.timecode) == ("prores", "pcm_s24le", wanted)


def test_review_movies_keep_aac_and_the_numbers_of_the_shot(tmp_path):
    source = tmp_path / "source.mov"
    inputs = ("-f", "lavfi", "-i", "testsrc=s=64x36:r=25:d=0.4", "-f", "lavfi", "-i", "sine=d=0.4:r=48000")
    run_ffmpeg(*inputs, "-c:v", "mpeg4", "-c:a", "pcm_s16le", "-timecode", "01:00:00:00", str(source))
    movie = transcode(source, tmp_path / "movie.mp4", first_frame=1001, burnin=Burnin(watermark="x"))
    info = probe(movie.path)
    assert (info.audio_codec, info.timecode) == ("aac", "00:00:40:01")


@pytest.mark.parametrize("output", [REVIEW, EDITORIAL])
def test_bytes_depend_on_the_threads_of_the_encoder_only(make_frames, tmp_path, monkeypatch, output):
    frames, made = make_frames("1-30", size="320x180"), []
    for decoders, name in (("1", "one"), ("3", "three")):
        monkeypatch.setenv("FT_DCC_ENCODER_THREADS", "1")
        monkeypatch.setenv("FT_DCC_DECODER_THREADS", decoders)
        made.append(encode(frames, tmp_path / f"{name}.mov", output=output).path.read_bytes())
    assert made[0] == made[1]
    if output is REVIEW:
        # x264 writes its options into the movie.
        assert b" threads=1 " in made[0]
