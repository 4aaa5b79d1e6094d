"""Images and movies whose pixels are not square get square ones."""

import struct
import zlib
from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import run_ffmpeg

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import encode, start_live_encode, thumbnail, transcode
from ft_dcc.media.inspection.probe import png_pixel_aspect


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
