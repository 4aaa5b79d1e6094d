"""The slate: its layout as boxes, and its images as pixels of the encoded movie."""

import pytest
from doubles.numbered_images import numbers_in, run_ffmpeg

from ft_dcc.errors import SettingInvalid
from ft_dcc.files.checksum import sha256_of
from ft_dcc.frames import Resolution, frame_rate
from ft_dcc.media import Burnin, SlateImages, encode, presets, slate, start_live_encode

ALL = SlateImages(thumbnail=True, colour_bars=True, logo="logo.png")
# 75 % bars of SMPTE RP 219 in BT.709, in full range RGB.
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191)]


def is_inside(box, canvas):
    return min(box.x, box.y) >= 0 and box.x + box.width <= canvas.width and box.y + box.height <= canvas.height


def overlap(one, other):
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("size", ["1920x1080", "1920x800", "4096x2160", "886x1920", "1080x1080", "640x360", "240x240"])
def test_boxes_of_a_slate_are_inside_the_image_and_do_not_overlap(size):
    canvas = Resolution.parse(size)
    found = slate.layout(ALL, canvas)
    lines = [("", "Project  SH010"), *((f"Label {n}", f"text {n}") for n in range(6)), ("Comment", "word " * 40)]
    boxes = [found.thumbnail, found.bars, found.logo, *(row.box for row in slate.rows(lines, found))]
    assert all(box is not None and is_inside(box, canvas) for box in boxes)
    assert [(one, other) for i, one in enumerate(boxes) for other in boxes[i + 1 :] if overlap(one, other)] == []


@pytest.mark.parametrize("size", ["64x36", "2x2", "238x400"])
def test_small_slate_has_no_images(size):
    found = slate.layout(ALL, Resolution.parse(size))
    assert (found.thumbnail, found.bars) == (None, None)


def test_first_line_is_the_title_and_empty_lines_are_left_out():
    found = slate.layout(SlateImages(), Resolution(1920, 1080))
    rows = slate.rows([("", "SH010"), ("Task", "Animation"), ("Comment", "  "), ("", "free text")], found)
    assert [(row.style, row.text) for row in rows] == [
        (slate.TITLE, "SH010"),
        (slate.LABEL, "Task"),
        (slate.VALUE, "Animation"),
        (slate.VALUE, "free text"),
    ]
    assert rows[2].box.x > rows[1].box.x == rows[3].box.x


def test_long_texts_get_a_smaller_font():
    found = slate.layout(ALL, Resolution(1280, 720))
    short, long = (slate.rows([("", "T"), ("Comment", "word " * count)], found)[-1].size for count in (5, 400))
    assert long < short
    assert slate.rows([("", "title " * 60)], found)[0].size < found.title.height


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("Shot: {shot}", ("Shot", "{shot}")),
        ("{project}  {shot}", ("", "{project}  {shot}")),
        ("{shot}: {task}", ("", "{shot}: {task}")),
        ("10:20", ("", "10:20")),
    ],
)
def test_label_of_a_line(line, parts):
    assert slate.split_label(line) == parts


@pytest.fixture
def logo(tmp_path):
    path = tmp_path / "A logo's file, 1.PNG"
    logo = ("-f", "lavfi", "-i", "color=c=0xE04030:s=300x100,format=rgba", "-frames:v", "1")
    run_ffmpeg(*logo, "-c:v", "png", "-f", "image2", path)
    return path


def pixels(movie, index=0):
    size = movie.resolution
    scale = f"select=eq(n\\,{index}),scale=in_color_matrix=bt709:out_range=full,format=rgb24"
    data = run_ffmpeg("-i", movie.path, "-vf", scale, "-frames:v", "1", "-f", "rawvideo", "-")
    assert len(data) == size.width * size.height * 3

    def at(x, y):
        start = (y * size.width + x) * 3
        return tuple(data[start : start + 3])

    return at


def is_near(one, other, tolerance=6):
    return all(abs(a - b) <= tolerance for a, b in zip(one, other))


@pytest.mark.parametrize("output", [presets.REVIEW, presets.EDITORIAL], ids=["h264", "prores"])
def test_slate_shows_the_first_frame_the_logo_and_colour_bars(make_frames, tmp_path, logo, output):
    frames = make_frames("1001-1002", frame_rate("24"), "1280x720")
    images = SlateImages(thumbnail=True, colour_bars=True, logo=str(logo))
    look = Burnin({"top": "{frame}"}, slate=("Title", "Frames: {range}"), slate_images=images)
    movie = encode(frames, tmp_path / f"movie{output.container[-1]}", burnin=look, output=output)
    assert (movie.frame_count, movie.lead) == (3, 1)
    found, shown = slate.layout(images, frames.resolution), pixels(movie)
    bars, thumbnail, corner = found.bars, found.thumbnail, found.logo
    # The seven bars take six of the eight widths between the grey ones.
    places = [bars.x + bars.width * (2 * n + 3) // 18 + bars.width // 36 for n in range(7)]
    measured = [shown(x, bars.y + bars.height // 2) for x in places]
    assert [(a, b) for a, b in zip(measured, BARS) if not is_near(a, b)] == []
    assert is_near(shown(corner.x + corner.width - 20, corner.y + 20), (0xE0, 0x40, 0x30))
    first = pixels(encode(frames, tmp_path / "plain.mov", output=presets.EDITORIAL))
    x, y = thumbnail.width // 2, thumbnail.height * 3 // 4
    assert is_near(
        shown(thumbnail.x + x, thumbnail.y + y),
        first(x * frames.resolution.width // thumbnail.width, y * frames.resolution.height // thumbnail.height),
        tolerance=12,
    )
    assert is_near(shown(4, 4), (0, 0, 0))


def test_images_of_a_slate_do_not_change_the_frames(make_frames, tmp_path, logo):
    frames = make_frames("1001-1006", frame_rate("24"), "640x360")
    images = SlateImages(thumbnail=True, colour_bars=True, logo=str(logo))
    movies = [
        encode(
            frames,
            tmp_path / f"{number}.mov",
            burnin=Burnin(slate=("Title",), slate_images=each),
            output=presets.EDITORIAL,
        )
        for number, each in enumerate((SlateImages(), images))
    ]
    assert numbers_in(movies[1].path, frames.resolution)[1:] == list(range(1001, 1007))
    plain, pictured = (
        run_ffmpeg("-i", movie.path, "-f", "framemd5", "-").decode().splitlines()[-6:] for movie in movies
    )
    assert plain == pictured


def test_slate_of_a_live_encode_shows_its_first_frame(make_frames, tmp_path):
    frames = make_frames("1001-1004", frame_rate("24"), "640x360")
    look = Burnin(slate=("Title",), slate_images=SlateImages(thumbnail=True))
    with start_live_encode(frames, tmp_path / "live.mp4", burnin=look) as live_encode:
        for number in (1001, 1003, 1002, 1004):
            live_encode.add(number)
        live = live_encode.finish()
    assert sha256_of(live.path) == sha256_of(encode(frames, tmp_path / "whole.mp4", burnin=look).path)


def test_logo_that_is_gone_is_named(make_frames, tmp_path):
    look = Burnin(slate=("Title",), slate_images=SlateImages(logo=str(tmp_path / "gone.png")))
    frames = make_frames("1001-1002", frame_rate("24"), "640x360")
    with pytest.raises(SettingInvalid, match=r"The logo .*gone\.png of the slate cannot be read: No such file"):
        encode(frames, tmp_path / "movie.mp4", burnin=look)
    assert not (tmp_path / "movie.mp4").exists()
