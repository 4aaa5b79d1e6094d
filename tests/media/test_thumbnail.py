from __future__ import annotations

import pytest
from doubles.numbered_pictures import numbers_in, run_ffmpeg, write_flat

from ft_dcc.errors import DiskUnusable, FilmUnreadable
from ft_dcc.frames import Resolution
from ft_dcc.media import encode, probe, thumbnail


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ("1920x1080", "640x360"),
        ("1080x1920", "360x640"),
        ("320x180", "320x180"),
        ("65x37", "65x37"),
        ("2000x3", "640x1"),
        ("1x1", "1x1"),
    ],
)
def test_the_longer_side_is_640_pixels_at_most(tmp_path, size, made):
    write_flat(tmp_path / "a.png", (200, 60, 30), Resolution.parse(size))
    still = thumbnail(tmp_path / "a.png", tmp_path / "thumbnail.jpg")
    assert (str(still.resolution), still.component_name, still.fps, still.frame_count) == (made, "thumbnail", None, 1)
    assert still.size == (tmp_path / "thumbnail.jpg").stat().st_size
    facts = probe(still.path)
    assert (str(facts.resolution), facts.codec) == (made, "mjpeg")


@pytest.mark.parametrize("color", [(200, 60, 30), (0, 255, 0), (255, 255, 255), (20, 40, 230)])
def test_colours_survive(tmp_path, color):
    write_flat(tmp_path / "a.png", color, Resolution(64, 36))
    still = thumbnail(tmp_path / "a.png", tmp_path / "a.jpg")
    pixels = run_ffmpeg("-i", still.path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    middle = tuple(pixels[64 * 3 * 18 + 96 : 64 * 3 * 18 + 99])
    assert max(abs(a - b) for a, b in zip(middle, color)) <= 3


@pytest.mark.parametrize(("frame_range", "middle"), [("1001-1024", 1013), ("1-7", 4), ("5", 5)])
def test_of_a_film_it_shows_the_middle(make_frames, tmp_path, frame_range, middle):
    film = encode(make_frames(frame_range), tmp_path / "film.mp4")
    still = thumbnail(film.path, tmp_path / "a b%.jpg")
    assert numbers_in(still.path, Resolution(64, 36)) == [middle]


@pytest.mark.parametrize("pixels", ["yuv420p", "gbrap12le"])
def test_a_film_that_names_no_matrix_has_one(tmp_path, pixels):
    source = ("-f", "lavfi", "-i", "color=0x994D1A:size=96x54:rate=24,format=rgb24", "-frames:v", "3")
    run_ffmpeg(*source, "-c:v", "ffv1", "-pix_fmt", pixels, tmp_path / "a.mkv")
    made = thumbnail(tmp_path / "a.mkv", tmp_path / "a.jpg")
    found = run_ffmpeg("-i", made.path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    assert all(abs(found[at] - (153, 77, 26)[at % 3]) <= 5 for at in range(96 * 54 * 3))


def test_a_text_has_no_thumbnail(tmp_path):
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(FilmUnreadable):
        thumbnail(tmp_path / "a.mp4", tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()


def test_a_read_only_folder_is_named(tmp_path, read_only_folder):
    write_flat(tmp_path / "a.png", (1, 2, 3), Resolution(64, 36))
    with pytest.raises(DiskUnusable, match="Nothing can be written"):
        thumbnail(tmp_path / "a.png", read_only_folder / "a.jpg")
