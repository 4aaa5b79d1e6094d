from __future__ import annotations

import os
from fractions import Fraction

import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat, write_numbered

from ft_dcc.errors import MovieUnreadable, StorageError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import Burnin, encode, probe, still, thumbnail
from ft_dcc.media.thumbnail import movie_images


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ("1280x720", "640x360"),
        ("720x1280", "360x640"),
        ("65x37", "65x37"),
        ("2000x3", "640x1"),
        ("1x1", "1x1"),
    ],
)
def test_longer_side_is_at_most_640_pixels(tmp_path, size, made):
    write_flat(tmp_path / "a.png", (200, 60, 30), Resolution.parse(size))
    still = thumbnail(tmp_path / "a.png", tmp_path / "thumbnail.jpg")
    assert (str(still.resolution), still.component_name, still.fps, still.frame_count) == (made, "thumbnail", None, 1)
    assert still.size == (tmp_path / "thumbnail.jpg").stat().st_size
    info = probe(still.path)
    assert (str(info.resolution), info.codec) == (made, "mjpeg")


@pytest.mark.parametrize("color", [(200, 60, 30), (20, 40, 230)])
def test_thumbnail_keeps_colours(tmp_path, color):
    write_flat(tmp_path / "a.png", color, Resolution(64, 36))
    still = thumbnail(tmp_path / "a.png", tmp_path / "a.jpg")
    pixels = run_ffmpeg("-i", still.path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    middle = tuple(pixels[64 * 3 * 18 + 96 : 64 * 3 * 18 + 99])
    assert max(abs(a - b) for a, b in zip(middle, color)) <= 3


@pytest.mark.parametrize(("frame_range", "middle"), [("1001-1006", 1004), ("1-7", 4), ("5", 5)])
def test_thumbnail_of_a_movie_shows_the_middle(make_frames, tmp_path, frame_range, middle):
    movie = encode(make_frames(frame_range), tmp_path / "film.mp4")
    still = thumbnail(movie.path, tmp_path / "a b%.jpg")
    assert numbers_in(still.path, Resolution(64, 36)) == [middle]


@pytest.mark.skipif(os.name == "nt", reason="the program in between is a shell script")
def test_middle_of_a_movie_is_found_without_progress_of_a_copy(make_frames, tmp_path, monkeypatch, each_ffmpeg):
    """Simulate ffmpeg 7.0, the newest one for Python 3.9."""
    movie = encode(make_frames("1001-1024"), tmp_path / "movie.mp4").path
    silent = tmp_path / "ffmpeg"
    silent.write_text(f"#!/bin/sh\n'{each_ffmpeg}' \"$@\" | grep -v ^frame=\n", encoding="utf-8")
    silent.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("FT_DCC_FFMPEG", str(silent))
        made = thumbnail(movie, tmp_path / "a.jpg")
    assert numbers_in(made.path, Resolution(64, 36)) == [1013]


def test_thumbnail_of_a_movie_may_have_an_odd_height(make_frames, tmp_path):
    movie = encode(make_frames("1-3", size="642x360"), tmp_path / "movie.mp4")
    assert thumbnail(movie.path, tmp_path / "a.jpg").resolution == Resolution(640, 359)


@pytest.mark.parametrize("pixels", ["yuv420p", "gbrap12le"])
def test_movie_without_a_matrix_gets_the_default(tmp_path, pixels):
    source = ("-f", "lavfi", "-i", "color=0x994D1A:size=96x54:rate=24,format=rgb24", "-frames:v", "3")
    run_ffmpeg(*source, "-c:v", "ffv1", "-pix_fmt", pixels, tmp_path / "a.mkv")
    made = thumbnail(tmp_path / "a.mkv", tmp_path / "a.jpg")
    found = run_ffmpeg("-i", made.path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    assert all(abs(found[at] - (153, 77, 26)[at % 3]) <= 5 for at in range(96 * 54 * 3))


def test_text_file_has_no_thumbnail(tmp_path):
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(MovieUnreadable):
        thumbnail(tmp_path / "a.mp4", tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()


def test_read_only_folder_is_reported(tmp_path, read_only_folder):
    write_flat(tmp_path / "a.png", (1, 2, 3), Resolution(64, 36))
    with pytest.raises(StorageError, match="cannot be written"):
        thumbnail(tmp_path / "a.png", read_only_folder / "a.jpg")


@pytest.mark.parametrize("make", [thumbnail, still])
def test_watermark_and_letterbox_are_drawn_on_single_images(tmp_path, make):
    write_flat(tmp_path / "a.png", (60, 60, 60), Resolution(640, 360))
    plain = make(tmp_path / "a.png", tmp_path / "plain.jpg")
    assert set(run_ffmpeg("-i", plain.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")) <= set(range(58, 63))
    marks = Burnin(watermark="CONFIDENTIAL", aspect=Fraction(239, 100), slate=("no slate",))
    made = make(tmp_path / "a.png", tmp_path / "marked.jpg", burnin=marks)
    assert (made.resolution, made.size) == (Resolution(640, 360), made.path.stat().st_size)
    grey = run_ffmpeg("-i", made.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    # 360 lines less 640 / 2.39: 46 lines of black above and below.
    assert max(grey[: 44 * 640]) < 10
    assert max(grey[316 * 640 + 640 :]) < 10
    middle = grey[100 * 640 : 260 * 640]
    assert sum(value > 80 for value in middle) > 500


def write_movie(folder, count, size):
    """Encode images that show the numbers from 1001 on."""
    for number in range(1001, 1001 + count):
        write_numbered(folder / f"source.{number}.png", number, size)
    frames = Frames(str(folder / "source.%04d.png"), FrameRange(1001, 1000 + count), Fraction(24), size)
    return encode(frames, folder / "movie.mp4").path


def test_all_images_of_a_movie_are_written_and_numbered_from_one(tmp_path):
    size = Resolution(320, 180)
    frames = movie_images(write_movie(tmp_path, 5, size), tmp_path / "100% images")
    assert (len(frames), frames.resolution, frames.frame_range.start, frames.missing()) == (5, size, 1, ())
    numbers = [numbers_in(frames.path(number), size) for number in frames.frame_range]
    assert numbers == [[1001], [1002], [1003], [1004], [1005]]


def test_large_images_of_a_movie_are_made_smaller(tmp_path):
    movie = write_movie(tmp_path, 1, Resolution(1930, 40))
    assert str(movie_images(movie, tmp_path / "images").resolution) == "1920x40"


def test_a_damaged_movie_has_no_images(tmp_path):
    (tmp_path / "movie.mp4").write_bytes(b"no movie")
    with pytest.raises(MovieUnreadable, match=r"movie\.mp4"):
        movie_images(tmp_path / "movie.mp4", tmp_path / "images")
