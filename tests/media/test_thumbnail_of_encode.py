"""The thumbnail that an encode makes of the frames that it decodes anyway."""

from fractions import Fraction

import attrs
import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg, write_flat

from ft_dcc.errors import FramesMissing
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.media import Burnin, Sound, encode, start_live_encode, thumbnail, transcode

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
