from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat, write_numbered
from doubles.programs import write_program

from ft_dcc.errors import FramesMissing, MovieUnreadable
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import Burnin, Sound, encode, probe, start_live_encode, still, thumbnail, transcode
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


SMALL = Resolution(64, 36)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize(("frame_range", "middle"), [("1001-1024", 1012), ("5", 5), ("-4-4", 0), ("1-9x4", 5)])
def test_thumbnail_of_frames_shows_the_middle_one(make_frames, tmp_path, frame_range, middle):
    frames = make_frames(frame_range)
    made = encode(frames, tmp_path / "movie.mp4", thumbnail=tmp_path / "a b%.jpg").thumbnail
    alone = thumbnail(frames.path(middle), tmp_path / "alone.jpg")
    assert made == attrs.evolve(alone, path=tmp_path / "a b%.jpg")
    assert numbers_in(made.path, SMALL) == [middle]
    assert made.path.read_bytes() == alone.path.read_bytes()


@pytest.mark.parametrize("size", ["65x37", "2000x4", "443x960"])
def test_thumbnail_has_the_size_and_the_pixels_of_one_that_is_made_alone(tmp_path, size):
    frames = Frames(str(tmp_path / "a.%d.png"), FrameRange(1, 3), Fraction(24), Resolution.parse(size))
    for number in frames.frame_range:
        write_flat(frames.path(number), (200, 60, 10 * number), frames.resolution)
    made = encode(frames, tmp_path / "movie.mp4", thumbnail=tmp_path / "made.jpg").thumbnail
    alone = thumbnail(frames.path(2), tmp_path / "alone.jpg")
    assert made == attrs.evolve(alone, path=tmp_path / "made.jpg")
    assert made.path.read_bytes() == alone.path.read_bytes()


def test_movie_is_the_same_with_and_without_a_thumbnail(make_frames, tmp_path):
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=2", tmp_path / "tone.wav")
    frames, sound = make_frames("1-24", size="320x180"), Sound(tmp_path / "tone.wav", Fraction(1))
    plain = encode(frames, tmp_path / "plain.mp4", sounds=[sound])
    made = encode(frames, tmp_path / "made.mp4", sounds=[sound], thumbnail=tmp_path / "a.jpg")
    assert made.path.read_bytes() == plain.path.read_bytes()
    assert (plain.thumbnail, left_in(tmp_path)) == (None, ["a.jpg", "made.mp4", "plain.mp4", "tone.wav"])


def test_thumbnail_has_neither_the_burn_in_nor_the_slate(make_frames, tmp_path):
    frames = make_frames("1001-1005", size="640x360")
    burnin = Burnin(corners={"top left": "{frame}"}, slate=("SH010",))
    movie = encode(frames, tmp_path / "movie.mp4", burnin=burnin, thumbnail=tmp_path / "a.jpg")
    assert movie.lead == 1
    assert movie.thumbnail.path.read_bytes() == thumbnail(frames.path(1003), tmp_path / "b.jpg").path.read_bytes()


def test_missing_frame_is_not_the_thumbnail(make_frames, tmp_path):
    frames = make_frames("1-5")
    frames.path(3).unlink()
    movie = encode(frames, tmp_path / "movie.mp4", fill_missing=True, thumbnail=tmp_path / "a.jpg")
    assert numbers_in(movie.thumbnail.path, SMALL) == [2]


def test_earlier_thumbnail_is_kept_if_the_encode_fails(make_frames, tmp_path):
    frames = make_frames("1-5")
    frames.path(2).write_bytes(b"no image")
    (tmp_path / "a.jpg").write_bytes(b"earlier")
    with pytest.raises(FramesMissing):
        encode(frames, tmp_path / "movie.mp4", thumbnail=tmp_path / "a.jpg")
    assert (left_in(tmp_path), (tmp_path / "a.jpg").read_bytes()) == (["a.jpg"], b"earlier")


def test_thumbnail_of_frames_that_are_being_captured(make_frames, tmp_path):
    frames = make_frames("1-6")
    with start_live_encode(frames, tmp_path / "movie.mp4", thumbnail=tmp_path / "a.jpg") as live_encode:
        for number in frames.frame_range:
            live_encode.add(number)
        assert numbers_in(live_encode.finish().thumbnail.path, SMALL) == [3]


@pytest.mark.parametrize(("pixels", "size"), [("yuv420p", "1280x532"), ("yuv422p10le", "642x360"), ("gbrp", "320x180")])
def test_thumbnail_of_a_transcoded_movie_keeps_the_colours(tmp_path, pixels, size):
    source = ("-f", "lavfi", "-i", f"color=0x994D1A:size={size}:rate=24,format=rgb24", "-frames:v", "3")
    run_ffmpeg(*source, "-vf", "zscale=m=709", "-c:v", "ffv1", "-pix_fmt", pixels, tmp_path / "a.mkv")
    made = transcode(tmp_path / "a.mkv", tmp_path / "movie.mp4", thumbnail=tmp_path / "a.jpg").thumbnail
    found = run_ffmpeg("-i", made.path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    assert len(found) == made.resolution.width * made.resolution.height * 3
    assert all(abs(value - (153, 77, 26)[at % 3]) <= 5 for at, value in enumerate(found))


def test_a_chosen_image_of_a_movie_is_shown(make_frames, tmp_path):
    movie = encode(make_frames("1001-1006"), tmp_path / "movie.mp4").path
    for image in (0, 1, 5):
        made = thumbnail(movie, tmp_path / f"{image}.jpg", image=image)
        assert numbers_in(made.path, Resolution(64, 36)) == [1001 + image]
