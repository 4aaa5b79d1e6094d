"""Movies and stills of every size and shape of pixels through the thumbnail, and the outputs."""

import os
import struct
import zlib
from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import run_ffmpeg, write_flat

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import encode, presets, probe, start_live_encode, still, thumbnail, transcode
from ft_dcc.media.burnin import Burnin
from ft_dcc.media.inspection.probe import png_pixel_aspect

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


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def write_png(path, per_metre, before=b""):
    path.parent.mkdir(exist_ok=True)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 36, 8, 2, 0, 0, 0))
    density = b"" if per_metre is None else chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * 64 * 3) * 36))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + before + density + pixels + chunk(b"IEND", b""))


@pytest.fixture
def wide(tmp_path):
    """Return two frames whose pixels are twice as wide as high: half as many of them per metre across as down."""
    frames = Frames(str(tmp_path / "frames" / "a.%04d.png"), FrameRange(1, 2), Fraction(24), Resolution(64, 36))
    for number in (1, 2):
        write_png(frames.path(number), (1000, 2000))
    return frames


def sizes(*made):
    return [str(each.resolution) for each in made]


def test_frames_with_wide_pixels_are_scaled_to_square_ones(wide, tmp_path):
    movie = encode(wide, tmp_path / "a.mp4")
    images = [thumbnail(path, tmp_path / f"{path.stem}.jpg") for path in (wide.path(1), movie.path)]
    assert sizes(movie, *images) == ["128x36"] * 3
    # The pixel aspect box of an mp4: ISO/IEC 14496-12, section 12.1.4.
    square = b"pasp" + struct.pack(">II", 1, 1)
    assert square in movie.path.read_bytes()
    given = tmp_path / "wide.mp4"
    run_ffmpeg("-i", wide.path(1), "-vf", "setsar=2,format=yuv420p", "-colorspace", "bt709", given)
    made = transcode(given, tmp_path / "b.mp4")
    assert (sizes(made), made.changes) == (["128x36"], "scaled to square pixels")
    assert square in made.path.read_bytes()


def test_the_pixel_aspect_of_the_host_replaces_that_of_the_files(wide, tmp_path):
    assert sizes(encode(attrs.evolve(wide, pixel_aspect=Fraction(1)), tmp_path / "a.mp4")) == ["64x36"]
    anamorphic = attrs.evolve(wide, pixel_aspect=Fraction(1, 2))
    with start_live_encode(anamorphic, tmp_path / "b.mp4") as live_encode:
        for number in (1, 2):
            live_encode.add(number)
        assert sizes(live_encode.finish()) == ["64x72"]


@pytest.mark.parametrize(
    ("per_metre", "expected"),
    [
        (None, 1),
        ((2835, 2835), 1),
        # Pixels per inch, rounded to pixels per metre.
        ((2834, 2835), 1),
        ((1500, 1000), Fraction(2, 3)),
        ((0, 1000), 1),
        ((1, 4_000_000), 1),
    ],
)
def test_the_density_of_a_png_is_its_pixel_aspect(tmp_path, per_metre, expected):
    write_png(tmp_path / "a.png", per_metre, before=chunk(b"iCCP", bytes(100_000)))
    assert png_pixel_aspect(tmp_path / "a.png") == expected


def test_a_file_that_is_missing_or_truncated_has_square_pixels(tmp_path):
    write_png(tmp_path / "a.png", (1000, 2000))
    (tmp_path / "short.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    assert [png_pixel_aspect(tmp_path / name) for name in ("short.png", "no.png")] == [1, 1]
