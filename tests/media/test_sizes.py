"""Movies and stills of every size through the thumbnail, and the outputs."""

import os
from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import run_ffmpeg, write_flat

from ft_dcc.frames import Resolution
from ft_dcc.media import presets, probe, still, thumbnail, transcode
from ft_dcc.media.burnin import Burnin

# Sizes of cinema, television, phones and games, with and without letterbox.
FIELD_SIZES = (
    *("640x480", "640x360", "720x480", "720x486", "720x576", "768x576", "854x480", "960x540", "1024x436", "1024x429"),
    *("1024x576", "1280x534", "1280x536", "1280x544", "1280x692", "1280x720", "1440x1080", "1828x1332", "1828x1556"),
    *("1920x800", "1920x802", "1920x804", "1920x816", "1920x817", "1920x1036", "1920x1038", "1920x1080", "1920x1200"),
    *("1998x1080", "2048x858", "2048x872", "2048x1080", "2048x1152", "2048x1556", "2560x1080", "2560x1440"),
    *("2880x1620", "3424x2202", "3840x1600", "3840x2160", "3996x2160", "4096x1716", "4096x2160", "886x1920"),
    *("828x1792", "1080x1080", "1080x1350", "1080x1920", "1125x2436", "1170x2532", "8x6000", "6000x8"),
)
# Each size once in a normal run: 4:3, wide, odd, upright, and extreme ones.
_FAST = {"h264": ("1024x436", "8x6000"), "h264-444": ("1024x429", "1125x2436"), "prores": ("886x1920", "6000x8")}
_SOURCES = {
    "h264": ("libx264", "yuv420p", "mp4", (2, 2)),
    "h264-444": ("libx264", "yuv444p", "mp4", (1, 1)),
    "prores": ("prores_ks", "yuv422p10le", "mov", (2, 1)),
}
_ALL = bool(os.environ.get("FT_DCC_ALL_SIZES"))


def _possible(source, size):
    width, height = _SOURCES[source][3]
    return size.width % width == 0 and size.height % height == 0


def _movie(folder, source, size):
    codec, pixels, suffix, _ = _SOURCES[source]
    path = folder / f"{source}-{size}.{suffix}"
    fast = ("-preset", "ultrafast") if codec == "libx264" else ()
    colour = f"color=0x994D1A:size={size}:rate=24,format=rgb24"
    run_ffmpeg("-f", "lavfi", "-i", colour, "-frames:v", "2", "-c:v", codec, *fast, "-pix_fmt", pixels, path)
    return path


def _expected_thumbnail(size):
    factor = min(Fraction(1), Fraction(640, max(size.width, size.height)))
    # ffmpeg's round() rounds halves away from zero.
    width, height = (max(1, int(side * factor + Fraction(1, 2))) for side in (size.width, size.height))
    return Resolution(width, height)


@pytest.mark.parametrize(
    ("source", "size"), [(name, size) for name in _SOURCES for size in (FIELD_SIZES if _ALL else _FAST[name])]
)
def test_movie_of_each_size_has_thumbnail_and_outputs(tmp_path, source, size):
    wanted = Resolution.parse(size)
    if not _possible(source, wanted):
        pytest.skip(f"{source} has no odd sizes")
    movie = _movie(tmp_path, source, wanted)
    info = probe(movie)
    assert info.resolution == wanted
    assert thumbnail(movie, tmp_path / "thumbnail.jpg").resolution == _expected_thumbnail(wanted)
    review = transcode(movie, tmp_path / "review.mp4", info=info, burnin=Burnin({"top left": "{frame}"}))
    assert review.resolution == wanted.even == probe(review.path).resolution
    small = transcode(movie, tmp_path / "720.mp4", info=info, output=attrs.evolve(presets.REVIEW, lines=720))
    assert small.resolution.height == min(wanted.even.height, 720)
    assert probe(small.path).resolution == small.resolution


@pytest.mark.parametrize("size", FIELD_SIZES if _ALL else ("1024x429", "886x1920", "8x6000"))
def test_still_of_each_size_is_converted(tmp_path, size):
    wanted = Resolution.parse(size)
    write_flat(tmp_path / "a.png", (153, 77, 26), wanted)
    assert thumbnail(tmp_path / "a.png", tmp_path / "thumbnail.jpg").resolution == _expected_thumbnail(wanted)
    made = still(tmp_path / "a.png", tmp_path / "still.jpg")
    assert max(made.resolution.width, made.resolution.height) == min(3840, max(wanted.width, wanted.height))


@pytest.mark.parametrize("source", ["h264", "h264-444"] if _ALL else ["h264-444"])
@pytest.mark.parametrize("side", [*range(2, 401)] if _ALL else [3, 62, 127, 399])
def test_each_side_from_2_to_400_has_a_thumbnail(tmp_path, source, side):
    """A side of n with the other side of 642 is scaled, so that each remainder of the division occurs."""
    for size in (Resolution(642, side), Resolution(side, 642), Resolution(side, 402 - side if side < 401 else 2)):
        if not _possible(source, size):
            continue
        movie = _movie(tmp_path, source, size)
        assert thumbnail(movie, tmp_path / "thumbnail.jpg").resolution == _expected_thumbnail(size)
        movie.unlink()
