"""Levels of the encoded movie, compared with values from the definitions of BT.709 and sRGB."""

import struct
from fractions import Fraction

import attrs
import numpy
import OpenImageIO
import pytest
from doubles.numbered_images import run_ffmpeg, write_flat

from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import encode, still, thumbnail, transcode

SIZE = Resolution(64, 36)

pytestmark = pytest.mark.usefixtures("each_ffmpeg")

# Y = 16 + 219 (0.2126 R + 0.7152 G + 0.0722 B), Cb and Cr from 128 +- 112: ITU-R BT.709-6, section 3.
BT709 = {
    (200, 60, 30): (91, 101, 191),
    (255, 0, 0): (63, 102, 240),
    (0, 255, 0): (173, 42, 26),
    (0, 0, 255): (32, 240, 118),
    (255, 255, 255): (235, 128, 128),
    (0, 0, 0): (16, 128, 128),
    (128, 128, 128): (126, 128, 128),
}


def levels_of_frames(movie):
    raw = run_ffmpeg("-i", movie, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma, chroma = SIZE.width * SIZE.height, SIZE.width * SIZE.height // 4
    places = (luma // 2 + SIZE.width // 2, luma + chroma // 2 + SIZE.width // 4)
    places = (*places, places[1] + chroma)
    return [tuple(raw[start + place] for place in places) for start in range(0, len(raw), luma + 2 * chroma)]


def levels(movie):
    return levels_of_frames(movie)[0]


def is_near(found, wanted, allowed=2):
    return max(abs(a - b) for a, b in zip(found, wanted)) <= allowed


def test_png_is_converted_to_bt709_and_the_movie_is_tagged_so(make_frames, tmp_path):
    frames = make_frames(f"1-{len(BT709)}")
    for number, color in enumerate(BT709, 1):
        write_flat(frames.path(number), color, SIZE)
    movie = encode(frames, tmp_path / "film.mp4")
    found = dict(zip(BT709, levels_of_frames(movie.path)))
    assert {color: each for color, each in found.items() if not is_near(each, BT709[color])} == {}
    # The colour box of an mp4: primaries, transfer and matrix, 1 meaning BT.709 (ISO/IEC 23091-2).
    assert b"colrnclx" + struct.pack(">HHH", 1, 1, 1) in movie.path.read_bytes()


@pytest.mark.parametrize("pixels", ["gbrap10le", "yuva444p10le"])
def test_movie_with_alpha_is_complete(tmp_path, pixels):
    """Check for a bug of ffmpeg 9.0: it loses half of each row when it removes alpha at the same depth."""
    source = ("-f", "lavfi", "-i", "color=0x994D1A:size=96x54:rate=24,format=rgb24", "-frames:v", "2")
    run_ffmpeg(*source, "-c:v", "ffv1", "-pix_fmt", pixels, tmp_path / "a.mkv")
    movie = transcode(tmp_path / "a.mkv", tmp_path / "film.mp4")
    planes = run_ffmpeg("-i", movie.path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv444p", "-")
    for plane, wanted in enumerate((93, 98, 164)):
        found = planes[plane * 96 * 54 : (plane + 1) * 96 * 54]
        assert wanted - 2 <= min(found) <= max(found) <= wanted + 2


def test_dpx_with_alpha_is_complete(make_frames, tmp_path):
    frames = attrs.evolve(make_frames("1-1"), pattern=str(tmp_path / "a.%04d.dpx"))
    source = ("-f", "lavfi", "-i", f"color=0x994D1A:size={SIZE}:rate=24,format=rgb24", "-frames:v", "1")
    run_ffmpeg(*source, "-pix_fmt", "gbrap10le", frames.path(1))
    planes = run_ffmpeg("-i", encode(frames, tmp_path / "film.mp4").path, "-f", "rawvideo", "-pix_fmt", "gray16le", "-")
    assert max(planes[1::2]) - min(planes[1::2]) <= 2


@pytest.mark.parametrize(
    ("suffix", "pixels", "size"),
    [
        ("jpg", "yuvj420p", "64x36"),
        ("jpg", "yuvj420p", "65x37"),
        ("jpg", "yuvj444p", "64x36"),
        ("tif", "rgb24", "64x36"),
        ("tif", "rgb48le", "65x37"),
        ("dpx", "gbrp10be", "64x36"),
        ("dpx", "rgb48be", "64x36"),
        ("png", "rgb48be", "64x36"),
        ("png", "rgba", "64x36"),
        ("tga", "bgr24", "64x36"),
    ],
)
def test_all_image_formats_yield_the_same_colour(make_frames, tmp_path, suffix, pixels, size):
    frames = make_frames("1", size=size)
    write_flat(frames.path(1), (200, 60, 30), frames.resolution)
    run_ffmpeg("-i", frames.path(1), "-pix_fmt", pixels, "-q:v", "2", "-update", "1", tmp_path / f"a.0001.{suffix}")
    movie = encode(attrs.evolve(frames, pattern=str(tmp_path / f"a.%04d.{suffix}")), tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma = movie.resolution.width * movie.resolution.height
    assert is_near((raw[luma // 2], raw[luma + luma // 8], raw[luma + luma // 4 + luma // 8]), (91, 101, 191), 3)


@pytest.mark.parametrize("pixels", ["gray", "gray16be", "pal8", "monob", "ya8"])
def test_grey_and_palette_images_are_accepted(make_frames, tmp_path, pixels):
    frames = make_frames("1")
    write_flat(frames.path(1), (255, 255, 255), SIZE)
    run_ffmpeg("-i", frames.path(1), "-pix_fmt", pixels, "-update", "1", tmp_path / "a.0001.png")
    movie = encode(attrs.evolve(frames, pattern=str(tmp_path / "a.%04d.png")), tmp_path / "film.mp4")
    assert is_near(levels(movie.path), (235, 128, 128))


@pytest.mark.parametrize(
    ("size", "matrix", "tag"),
    [
        ("64x36", "bt601", "smpte170m"),
        ("64x36", "bt709", "bt709"),
        # A movie without a matrix is read like in browsers, by its size.
        ("64x36", "bt601", "unknown"),
        ("64x720", "bt709", "unknown"),
    ],
)
def test_movie_with_another_matrix_is_converted(make_frames, tmp_path, size, matrix, tag):
    frames = make_frames("1", size=size)
    write_flat(frames.path(1), (200, 60, 30), frames.resolution)
    filters = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv444p,setparams=colorspace={tag}"
    run_ffmpeg("-i", frames.path(1), "-vf", filters, "-c:v", "libx264", "-crf", "1", tmp_path / "a.mp4")
    movie = transcode(tmp_path / "a.mp4", tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", movie.path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma = frames.resolution.width * frames.resolution.height
    assert is_near((raw[0], raw[luma], raw[luma + luma // 4]), (91, 101, 191), 3)


def _grey_with_alpha(path, alpha, depth="uint8"):
    pixels = numpy.full((36, 64, 4), 110 / 255, numpy.float32)
    pixels[..., 3] = alpha
    spec = OpenImageIO.ImageSpec(64, 36, 4, depth)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("targa:alpha_type", 3)
    output = OpenImageIO.ImageOutput.create(str(path))
    output.open(str(path), spec)
    output.write_image(pixels)
    output.close()


@pytest.mark.parametrize(
    ("suffix", "depth"),
    [("png", "uint8"), ("png", "uint16"), ("tif", "uint8"), ("tif", "uint16"), ("tga", "uint8"), ("webp", "uint8")],
)
def test_alpha_of_images_does_not_change_their_colours(tmp_path, suffix, depth):
    frames = Frames(str(tmp_path / f"a.%04d.{suffix}"), FrameRange(1, 3), Fraction(24), SIZE)
    for number, alpha in enumerate((0.0, 0.5, 1.0), 1):
        _grey_with_alpha(frames.path(number), alpha, depth)
    # BT.709: 16 + 219 * 110 / 255.
    found = levels_of_frames(encode(frames, tmp_path / "a.mp4").path)
    assert [is_near(each, (110, 128, 128), 1) for each in found] == [True] * 3
    for number, make in ((1, thumbnail), (2, still)):
        made = make(frames.path(number), tmp_path / "a.jpg")
        grey = run_ffmpeg("-i", made.path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
        assert 109 <= min(grey) <= max(grey) <= 111


@pytest.mark.parametrize("pixels", ["gbrap", "gbrap12le", "yuva420p", "yuva422p10le", "yuva444p12le"])
def test_alpha_of_movies_does_not_change_their_colours(tmp_path, pixels):
    source = ("-f", "lavfi", "-i", "color=0x6E6E6E@0.0:size=64x36:rate=24,format=rgba", "-frames:v", "2")
    run_ffmpeg(*source, "-c:v", "ffv1", "-pix_fmt", pixels, tmp_path / "a.mkv")
    assert is_near(levels(transcode(tmp_path / "a.mkv", tmp_path / "film.mp4").path), (110, 128, 128), 2)


def _hdr(path, lumas, transfer):
    """Write a movie of one grey for each frame: signals from 0 to 1 in 10 bits of limited range."""
    size = SIZE.width * SIZE.height
    raw = b"".join(
        struct.pack("<H", round(64 + 876 * luma)) * size + struct.pack("<H", 512) * (size // 2) for luma in lumas
    )
    tags = f"setparams=range=tv:color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc"
    source = ("-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", str(SIZE), "-r", "24", "-i", "-")
    run_ffmpeg(*source, "-vf", tags, "-c:v", "ffv1", path, pixels=raw)


def _pq(nits):
    """Return the signal of PQ for a luminance. Source: SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    light = (nits / 10000) ** m1
    return ((c1 + c2 * light) / (1 + c3 * light)) ** m2


def _luma(light):
    """Return limited-range luma of a displayed luminance, relative to white. Source: ITU-R BT.1886."""
    return 16 + 219 * light ** (1 / 2.4)


def test_hdr_movie_of_pq_is_tone_mapped(tmp_path):
    """Below 0.3 of the reference white of 203 cd/m2 nothing changes, and 1000 cd/m2 is white."""
    nits = (5, 20, 60, 203, 400, 700, 1000)
    _hdr(tmp_path / "a.mkv", map(_pq, nits), "smpte2084")
    movie = transcode(tmp_path / "a.mkv", tmp_path / "a.mp4")
    assert movie.remark == "tone-mapped from HDR (PQ)"
    found = dict(zip(nits, levels_of_frames(movie.path)))
    assert [is_near(found[each], (_luma(each / 203), 128, 128), 2) for each in (5, 20, 60)] == [True] * 3
    assert 190 < found[203][0] < found[400][0] < found[700][0] < found[1000][0] <= 236
    # Of the frame in the middle.
    grey = run_ffmpeg(
        "-i", thumbnail(tmp_path / "a.mkv", tmp_path / "a.jpg").path, "-f", "rawvideo", "-pix_fmt", "gray", "-"
    )
    assert abs(grey[0] - (found[203][0] - 16) * 255 / 219) <= 2


def test_reference_white_of_hlg_equals_that_of_pq(tmp_path):
    """ITU-R BT.2408: 75 % of HLG and 58 % of PQ are the same white."""
    for transfer, luma in (("smpte2084", _pq(203)), ("arib-std-b67", 0.75)):
        _hdr(tmp_path / f"{transfer}.mkv", [luma], transfer)
    pq, hlg = (
        levels(transcode(tmp_path / f"{name}.mkv", tmp_path / f"{name}.mp4").path)
        for name in ("smpte2084", "arib-std-b67")
    )
    assert is_near(pq, hlg, 2)


def test_colours_of_bt2020_are_converted_to_bt709(tmp_path):
    """A colour of BT.709 that is expressed in BT.2020 has its own values again. Source: ITU-R BT.2087."""
    light = numpy.array((0.5, 0.2, 0.1))
    to_bt2020 = numpy.array(((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)))
    coded = 255 * (to_bt2020 @ light) ** (1 / 2.4)
    red, green, blue = light ** (1 / 2.4)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    wanted = (16 + 219 * luma, 128 + 112 * (blue - luma) / 0.9278, 128 + 112 * (red - luma) / 0.7874)
    colour = "".join(f"{round(value):02x}" for value in coded)
    tags = "setparams=range=pc:color_trc=bt2020-10:color_primaries=bt2020:colorspace=gbr"
    source = f"color=0x{colour}:size=64x36:rate=24,format=gbrp,{tags}"
    run_ffmpeg("-f", "lavfi", "-i", source, "-frames:v", "2", "-c:v", "ffv1", tmp_path / "a.mkv")
    movie = transcode(tmp_path / "a.mkv", tmp_path / "a.mp4")
    assert is_near(levels(movie.path), wanted)
    assert movie.remark == "converted from BT.2020 to BT.709"
