import contextlib
import os
import zipfile
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat

from ft_dcc.errors import UserFixableError
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import encode, encoders, ffmpeg, probe, transcode
from ft_dcc.media.burnin import Burnin
from ft_dcc.media.encoders import HARDWARE
from ft_dcc.media.presets import AAC, CODECS, EDITORIAL, REVIEW, output_of, review_outputs
from ft_dcc.settings.sections import OUTPUT_CODECS

pytestmark = pytest.mark.usefixtures("each_ffmpeg")
_SMALL = attrs.evolve(REVIEW, lines=720)


@pytest.mark.parametrize(
    ("size", "lines", "made"),
    [
        ("3840x2160", (), {"": "3840x2160"}),
        ("3840x2160", (1080, 2160), {"-2160": "3840x2160", "": "1920x1080"}),
        ("3840x2160", (1080,), {"-2160": "3840x2160", "": "1920x1080"}),
        ("3840x2160", (2160,), {"": "3840x2160"}),
        ("1920x1080", (1080, 1440, 2160), {"": "1920x1080"}),
        ("1280x720", (1080,), {"": "1280x720"}),
        ("1279x719", (1080,), {"": "1280x720"}),
        ("2560x1440", (1080, 1440, 2160), {"-1440": "2560x1440", "": "1920x1080"}),
        ("4096x1716", (1080,), {"-2160": "4096x1716", "": "2578x1080"}),
        ("7680x4320", (1440, 1080), {"-2160": "3840x2160", "-1440": "2560x1440", "": "1920x1080"}),
    ],
)
def test_review_movies_have_the_names_of_ftrack_and_each_size_once(size, lines, made):
    source = Resolution.parse(size)
    found = {output.component_name: str(output.size(source)) for output in review_outputs(source, lines)}
    assert list(found.items()) == [(f"ftrackreview-mp4{name}", size) for name, size in made.items()]


@pytest.mark.parametrize(("size", "made"), [("2048x858", "1718x720"), ("1x5000", "2x720")])
def test_output_has_at_most_its_number_of_lines(size, made):
    assert str(_SMALL.size(Resolution.parse(size))) == made


def test_smaller_output_shows_the_same_frames(make_frames, tmp_path):
    frames = make_frames("1001-1003", frame_rate("23.976"), "319x1081")
    movie = encode(frames, tmp_path / "film.mp4", output=_SMALL)
    info = probe(movie.path)
    assert (movie.resolution, info.resolution.height) == (info.resolution, 720)
    assert numbers_in(movie.path, movie.resolution) == [1001, 1002, 1003]
    smaller = transcode(encode(frames, tmp_path / "a.mp4").path, tmp_path / "b.mp4", output=_SMALL)
    assert numbers_in(smaller.path, smaller.resolution) == [1001, 1002, 1003]


def test_movie_that_has_the_size_of_an_output_already_is_copied(make_frames, tmp_path):
    movie = encode(make_frames("1-3"), tmp_path / "a.mp4").path
    assert transcode(movie, tmp_path / "b.mp4", output=_SMALL).path.read_bytes() == movie.read_bytes()


def images_of(made):
    """Return the unpacked images of an archive, in its order."""
    with zipfile.ZipFile(made.path) as archive:
        return [Path(archive.extract(name, made.path.parent)) for name in archive.namelist()]


def described_presets():
    """Return the rows of the table of codecs in the documents, by codec."""
    text = (Path(__file__).parents[2] / "docs" / "td" / "settings.md").read_text("utf-8")
    table = text[text.index("| codec | files") :].split("\n\n")[0].splitlines()[2:]
    return {
        cells[0].strip("`"): cells[1:] for cells in ([cell.strip() for cell in row.split("|")[1:-1]] for row in table)
    }


@pytest.mark.parametrize("name", sorted({*described_presets(), *OUTPUT_CODECS, *CODECS}))
def test_each_codec_of_the_settings_makes_the_files_that_the_documents_promise(make_frames, tmp_path, name):
    """DNxHR begins at 256x120, and DNxHD has one size."""
    size = {"dnxhd": "1920x1080", "dnxhr": "256x144"}.get(name[:5], "64x36")
    frames = make_frames("-1-1", frame_rate("23.976"), size)
    output = output_of("client", {"codec": name, "component": "own"})
    output.refuse_unfit(frames.resolution, frames.fps)
    made = encode(frames, tmp_path / f"own{output.suffix}", output=output)
    shown = images_of(made) if output.image_suffix else [made.path]
    first = shown[0]
    described = []
    ffmpeg.run(["-i", ffmpeg.file_url(first), "-f", "null", "-"], on_line=described.append)
    suffix, profile, sound, is_played = described_presets()[name]
    assert f"Video: {profile}" in "".join(described)
    # ffmpeg reads ProRes 4444 with 12 bits, whatever was written.
    info = probe(first)
    written = "yuv444p10le" if name.startswith("prores-4444") else info.pixel_format
    audio = {(): "no", AAC: "AAC", EDITORIAL.audio: "PCM"}[output.audio]
    assert (first.suffix, sound, info.is_ready_for_review) == (suffix, audio, is_played == "yes")
    assert (made.component_name, made.frame_count, name in OUTPUT_CODECS) == ("own", 3, True)
    assert output.image_suffix or (info.matrix, str(info.fps), info.frame_count) == ("bt709", "24000/1001", 3)
    assert written == output.pixel_format or [path.name[:9] for path in shown] == [
        "own.-0001",
        "own.0000.",
        "own.0001.",
    ]
    # Scene-linear values are not those of the movie.
    assert name == "exr" or [at for path in shown for at in numbers_in(path, frames.resolution)] == [-1, 0, 1]


def test_images_have_the_colours_and_the_burn_in_of_the_movie_in_the_same_run(make_frames, tmp_path):
    frames = make_frames("1001-1002", size="320x181")
    for number in (1001, 1002):
        write_flat(frames.path(number), (200, 60, 30), frames.resolution)
    (tmp_path / "50% a").mkdir()
    wanted = [each for each in (output_of(f"my-{name}", {"codec": name}) for name in CODECS) if each.image_suffix]
    also = {tmp_path / "50% a" / f"{each.component_name}.zip": each for each in wanted}
    marks = Burnin(corners={"top left": "{frame}"}, slate=("SH010",), aspect=Fraction(2))
    movie = encode(frames, tmp_path / "movie.mp4", also=also, burnin=marks, thumbnail=tmp_path / "a.jpg")
    assert [made.component_name for made in movie.others] == [each.component_name for each in also.values()]
    assert (movie.resolution, movie.thumbnail.resolution) == (Resolution(320, 182), Resolution(320, 181))
    for made in movie.others:
        assert (made.frame_count, made.resolution, made.lead) == (3, frames.resolution, 1)
        shown = images_of(made)[1]
        linear = "zscale=tin=linear:t=iec61966-2-1," if shown.suffix == ".exr" else ""
        raw = run_ffmpeg("-i", shown, "-vf", f"{linear}format=rgb24", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
        middle, letterbox = (90 * 320 + 160) * 3, (2 * 320 + 300) * 3
        assert max(abs(a - b) for a, b in zip(raw[middle : middle + 3], (200, 60, 30))) <= 2, made.component_name
        assert max(raw[letterbox : letterbox + 3]) <= 2
        assert max(raw[: 12 * 320 * 3]) > 180


def test_a_codec_without_the_size_or_the_rate_is_refused():
    size, rate = Resolution(1920, 1080), frame_rate("24")
    for codec, at, fps in (("dnxhd", Resolution(1280, 720), rate), ("dnxhd", size, frame_rate("48"))):
        with pytest.raises(UserFixableError, match=r"DNxHD has 1920x1080 at 24, .* Use a codec of DNxHR\."):
            output_of("client", {"codec": codec}).refuse_unfit(at, fps)
    with pytest.raises(UserFixableError, match="would be 214x120; DNxHR begins at 256x120"):
        output_of("client", {"codec": "dnxhr-hq", "lines": 120}).refuse_unfit(size, rate)


def test_prores_has_the_same_colour(make_frames, tmp_path):
    frames = make_frames("1")
    write_flat(frames.path(1), (200, 60, 30), frames.resolution)
    movie = encode(frames, tmp_path / "film.mov", output=EDITORIAL)
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "yuv422p10le", "-")
    luma = 64 * 36 * 2
    found = [int.from_bytes(raw[at : at + 2], "little") / 4 for at in (0, luma, luma + luma // 2)]
    assert max(abs(a - b) for a, b in zip(found, (91.2, 100.7, 190.7))) < 1


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
    info = probe(transcode(source, tmp_path / "movie.mov", output=EDITORIAL, burnin=burnin).path)
    assert (info.codec, info.audio_codec, info.timecode) == ("prores", "pcm_s24le", wanted)


@contextlib.contextmanager
def use_processors(count):
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    yield
    os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("output", [REVIEW, EDITORIAL])
def test_bytes_depend_on_the_threads_of_the_encoder_only(make_frames, tmp_path, monkeypatch, output):
    frames, made = make_frames("1-3", size="320x180"), []
    # Parts of an image that are scaled by several threads differ in images with colours.
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "3", "-y", frames.pattern)
    monkeypatch.setenv("FT_DCC_ENCODER_THREADS", "1")
    for decoders, processors in (("1", 1), ("3", 1), ("1", os.cpu_count())):
        monkeypatch.setenv("FT_DCC_DECODER_THREADS", decoders)
        with use_processors(processors):
            made.append(encode(frames, tmp_path / f"{len(made)}.mov", output=output).path.read_bytes())
    assert made[0] == made[1] == made[2]
    if output is REVIEW:
        # x264 writes its options into the movie.
        assert b" threads=1 " in made[0]
