from fractions import Fraction

import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat, write_numbered
from doubles.programs import write_program

from ft_dcc.errors import MovieUnreadable
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import Burnin, encode, probe, still, thumbnail
from ft_dcc.media.images import movie_images


@pytest.mark.parametrize(
    ("size", "made"),
    [("1280x720", "640x360"), ("720x1280", "360x640"), ("65x37", "65x37"), ("2000x3", "640x1"), ("1x1", "1x1")],
)
def test_longer_side_is_at_most_640_pixels(tmp_path, size, made):
    write_flat(tmp_path / "a.png", (200, 60, 30), Resolution.parse(size))
    still = thumbnail(tmp_path / "a.png", tmp_path / "thumbnail.jpg")
    assert (str(still.resolution), still.component_name, still.fps, still.frame_count) == (made, "thumbnail", None, 1)
    assert still.size == (tmp_path / "thumbnail.jpg").stat().st_size
    info = probe(still.path)
    assert (str(info.resolution), info.codec) == (made, "mjpeg")


@pytest.mark.parametrize(("frame_range", "middle"), [("1001-1006", 1004), ("1-7", 4), ("5", 5)])
def test_thumbnail_of_a_movie_shows_the_middle(make_frames, tmp_path, frame_range, middle):
    still = thumbnail(encode(make_frames(frame_range), tmp_path / "film.mp4").path, tmp_path / "a b%.jpg")
    assert numbers_in(still.path, Resolution(64, 36)) == [middle]


def test_middle_of_a_movie_is_found_without_progress_of_a_copy(make_frames, tmp_path, monkeypatch, each_ffmpeg):
    """Simulate ffmpeg 7.0, the newest one for Python 3.9."""
    movie = encode(make_frames("1001-1024"), tmp_path / "movie.mp4").path
    filtered = (
        f"import subprocess, sys\ndone = subprocess.run([{each_ffmpeg!r}, *sys.argv[1:]], stdout=subprocess.PIPE)\n"
        "lines = done.stdout.splitlines(True)\n"
        "sys.stdout.buffer.writelines(line for line in lines if not line.startswith(b'frame='))\n"
    )
    silent = write_program(tmp_path / "ffmpeg", filtered)
    with monkeypatch.context() as patch:
        patch.setenv("FT_DCC_FFMPEG", str(silent))
        made = thumbnail(movie, tmp_path / "a.jpg")
    assert numbers_in(made.path, Resolution(64, 36)) == [1013]


def test_text_file_has_no_thumbnail(tmp_path):
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(MovieUnreadable):
        thumbnail(tmp_path / "a.mp4", tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()


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
    assert sum(value > 80 for value in grey[100 * 640 : 260 * 640]) > 500


def write_movie(folder, count, size):
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
