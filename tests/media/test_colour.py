"""What the film holds, against values computed by hand from the definitions of BT.709 and sRGB."""

from __future__ import annotations

import struct

import attrs
import pytest
from doubles.numbered_pictures import run_ffmpeg, write_flat

from ft_dcc.frames import Resolution
from ft_dcc.media import encode, transcode

SIZE = Resolution(64, 36)
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


def levels(film):
    """Luma and both chromas in the middle of the first picture, as they lie in the film."""
    raw = run_ffmpeg("-i", film, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma, chroma = SIZE.width * SIZE.height, SIZE.width * SIZE.height // 4
    return (
        raw[luma // 2 + SIZE.width // 2],
        raw[luma + chroma // 2 + SIZE.width // 4],
        raw[luma + chroma + chroma // 2 + SIZE.width // 4],
    )


def is_near(found, wanted, allowed=2):
    return max(abs(a - b) for a, b in zip(found, wanted)) <= allowed


@pytest.mark.parametrize(("color", "wanted"), BT709.items())
def test_a_png_becomes_bt709(make_frames, tmp_path, color, wanted):
    frames = make_frames("1-3")
    for number in (1, 2, 3):
        write_flat(frames.path(number), color, SIZE)
    assert is_near(levels(encode(frames, tmp_path / "film.mp4").path), wanted)


@pytest.mark.parametrize("pixels", ["gbrap10le", "yuva444p10le"])
def test_a_film_with_alpha_is_whole(tmp_path, pixels):
    """ffmpeg 9.0 loses the right half of each row where it takes an alpha away and keeps the depth."""
    source = ("-f", "lavfi", "-i", "color=0x994D1A:size=96x54:rate=24,format=rgb24", "-frames:v", "2")
    run_ffmpeg(*source, "-c:v", "ffv1", "-pix_fmt", pixels, tmp_path / "a.mkv")
    film = transcode(tmp_path / "a.mkv", tmp_path / "film.mp4")
    planes = run_ffmpeg("-i", film.path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv444p", "-")
    for plane, wanted in enumerate((93, 98, 164)):
        found = planes[plane * 96 * 54 : (plane + 1) * 96 * 54]
        assert wanted - 2 <= min(found) <= max(found) <= wanted + 2


def test_a_dpx_with_alpha_is_whole(make_frames, tmp_path):
    frames = attrs.evolve(make_frames("1-1"), pattern=str(tmp_path / "a.%04d.dpx"))
    source = ("-f", "lavfi", "-i", f"color=0x994D1A:size={SIZE}:rate=24,format=rgb24", "-frames:v", "1")
    run_ffmpeg(*source, "-pix_fmt", "gbrap10le", frames.path(1))
    planes = run_ffmpeg("-i", encode(frames, tmp_path / "film.mp4").path, "-f", "rawvideo", "-pix_fmt", "gray16le", "-")
    assert max(planes[1::2]) - min(planes[1::2]) <= 2


def test_the_film_says_that_it_is_bt709(make_frames, tmp_path):
    film = encode(make_frames("1-3"), tmp_path / "film.mp4")
    # The colour box of an mp4: primaries, transfer and matrix, 1 meaning BT.709 (ISO/IEC 23091-2).
    assert b"colrnclx" + struct.pack(">HHH", 1, 1, 1) in film.path.read_bytes()


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
def test_every_kind_of_image_means_the_same_colour(make_frames, tmp_path, suffix, pixels, size):
    frames = make_frames("1", size=size)
    write_flat(frames.path(1), (200, 60, 30), frames.resolution)
    run_ffmpeg("-i", frames.path(1), "-pix_fmt", pixels, "-q:v", "2", "-update", "1", tmp_path / f"a.0001.{suffix}")
    film = encode(attrs.evolve(frames, pattern=str(tmp_path / f"a.%04d.{suffix}")), tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", film.path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma = film.resolution.width * film.resolution.height
    assert is_near((raw[luma // 2], raw[luma + luma // 8], raw[luma + luma // 4 + luma // 8]), (91, 101, 191), 3)


@pytest.mark.parametrize("pixels", ["gray", "gray16be", "pal8", "monob", "ya8"])
def test_grey_and_palettes_are_taken(make_frames, tmp_path, pixels):
    frames = make_frames("1")
    write_flat(frames.path(1), (255, 255, 255), SIZE)
    run_ffmpeg("-i", frames.path(1), "-pix_fmt", pixels, "-update", "1", tmp_path / "a.0001.png")
    film = encode(attrs.evolve(frames, pattern=str(tmp_path / "a.%04d.png")), tmp_path / "film.mp4")
    assert is_near(levels(film.path), (235, 128, 128))


@pytest.mark.parametrize("depth", ["half", "float"])
@pytest.mark.parametrize(
    ("light", "luma"),
    # sRGB (IEC 61966-2-1) of the light, times 219, plus 16.
    [(0.0, 16), (0.0031308, 25), (0.18, 117), (0.5, 177), (1.0, 235), (4.0, 235), (-0.5, 16)],
)
def test_scene_linear_light_becomes_what_a_display_shows(make_frames, tmp_path, depth, light, luma):
    frames = make_frames("1")
    planes = struct.pack("<f", light) * (SIZE.width * SIZE.height * 3)
    source = ("-f", "rawvideo", "-pix_fmt", "gbrpf32le", "-s", str(SIZE), "-i", "-")
    run_ffmpeg(*source, "-c:v", "exr", "-format", depth, "-update", "1", tmp_path / "a.0001.exr", pixels=planes)
    film = encode(attrs.evolve(frames, pattern=str(tmp_path / "a.%04d.exr")), tmp_path / "film.mp4")
    assert is_near(levels(film.path), (luma, 128, 128))


@pytest.mark.parametrize(
    ("size", "matrix", "tag"),
    [
        ("64x36", "bt601", "smpte170m"),
        ("64x36", "bt709", "bt709"),
        # A film that names no matrix: as every browser reads it, by its size.
        ("64x36", "bt601", "unknown"),
        ("64x720", "bt709", "unknown"),
    ],
)
def test_a_film_of_another_matrix_is_converted(make_frames, tmp_path, size, matrix, tag):
    frames = make_frames("1", size=size)
    write_flat(frames.path(1), (200, 60, 30), frames.resolution)
    filters = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv444p,setparams=colorspace={tag}"
    run_ffmpeg("-i", frames.path(1), "-vf", filters, "-c:v", "libx264", "-crf", "1", tmp_path / "a.mp4")
    film = transcode(tmp_path / "a.mp4", tmp_path / "film.mp4")
    raw = run_ffmpeg("-i", film.path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    luma = frames.resolution.width * frames.resolution.height
    assert is_near((raw[0], raw[luma], raw[luma + luma // 4]), (91, 101, 191), 3)
