import attrs
import pytest
from doubles.numbered_images import number_in, run_ffmpeg

from ft_dcc.errors import FramesMissing, StorageError, ValueMismatch
from ft_dcc.frames import FrameRange, Resolution, aspect_ratio
from ft_dcc.media import Burnin, contact_sheet, contact_sheet_of_movie, encode, probe


def cells_of(sheet, cell, columns, count):
    width = sheet.resolution.width
    raw = run_ffmpeg("-i", sheet.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    found = []
    for index in range(count):
        left, top = index % columns * (cell.width + 4), index // columns * (cell.height + 4)
        rows = [raw[(top + y) * width + left :][: cell.width] for y in range(cell.height)]
        found.append(b"".join(rows))
    return found


def numbers_on(sheet, cell, columns, count):
    return [number_in(image, cell.width, cell) for image in cells_of(sheet, cell, columns, count)]


CELL = Resolution(64, 36)
OF_A_HUNDRED = (
    *(1001, 1006, 1011, 1017, 1022, 1027, 1032, 1037, 1043, 1048),
    *(1053, 1058, 1064, 1069, 1074, 1079, 1084, 1090, 1095, 1100),
)


def test_contact_sheet_of_100_frames_has_20(make_frames, tmp_path):
    frames = make_frames("1001-1100")
    sheet = contact_sheet(frames, tmp_path / "sheet.jpg")
    assert (sheet.component_name, sheet.fps, sheet.frame_count) == ("contact-sheet", None, 1)
    assert str(sheet.resolution) == str(probe(sheet.path).resolution) == "336x156"
    # The burnt-in number covers one of the sixteen blocks, so that its bit is ignored.
    assert [number & 0xFF7F for number in numbers_on(sheet, CELL, 5, 20)] == [n & 0xFF7F for n in OF_A_HUNDRED]
    movie = encode(frames, tmp_path / "film.mp4")
    same = contact_sheet_of_movie(movie.path, tmp_path / "b.jpg", info=probe(movie.path), first_frame=1001)
    assert [number & 0xFF7F for number in numbers_on(same, CELL, 5, 20)] == [n & 0xFF7F for n in OF_A_HUNDRED]


@pytest.mark.parametrize(
    ("frame_range", "size", "whole"),
    [
        ("7", "64x36", "64x36"),
        ("1-3", "64x36", "132x76"),
        ("1-7", "64x36", "200x116"),
        ("1-2", "960x540", "772x216"),
        ("1-2", "400x800", "388x384"),
        ("-4-4x2+3+0", "64x36", "268x116"),
    ],
)
def test_grid_size_depends_on_the_number_of_frames(make_frames, tmp_path, frame_range, size, whole):
    assert str(contact_sheet(make_frames(frame_range, size=size), tmp_path / "sheet.jpg").resolution) == whole


def test_each_cell_has_its_frame_number(make_frames, tmp_path):
    frames = make_frames("1001-1002", size="640x360")
    grey = Resolution(384, 216)
    one, other = cells_of(contact_sheet(frames, tmp_path / "a.jpg"), grey, 2, 2)
    moved = attrs.evolve(frames, pattern=str(tmp_path / "b.%04d.png"), frame_range=FrameRange(2001, 2002))
    for number in (1001, 1002):
        moved.path(number + 1000).write_bytes(frames.path(number).read_bytes())
    again, _ = cells_of(contact_sheet(moved, tmp_path / "b.jpg"), grey, 2, 2)
    corner, top = slice(190 * 384, 216 * 384), slice(0, 150 * 384)
    assert differing(one[corner], again[corner]) > 20
    assert differing(one[top], again[top]) == 0
    assert differing(one[corner], other[corner]) > 20


def differing(one, other):
    return sum(abs(a - b) > 100 for a, b in zip(one, other))


def test_missing_frame_is_labelled_or_rejected(make_frames, tmp_path):
    frames = make_frames("1001-1004", size="320x180")
    frames.path(1002).unlink()
    with pytest.raises(FramesMissing, match="missing: 1002"):
        contact_sheet(frames, tmp_path / "sheet.jpg")
    sheet = contact_sheet(frames, tmp_path / "sheet.jpg", fill_missing=True)
    assert sheet.filled == (1002,)
    one, two, *_ = cells_of(sheet, Resolution(320, 180), 2, 4)
    assert differing(one, two) > 500


def test_contact_sheet_has_the_letterbox(make_frames, tmp_path):
    sheet = contact_sheet(
        make_frames("1-1", size="320x180"), tmp_path / "a.jpg", marks=Burnin(aspect=aspect_ratio("2.39"))
    )
    raw = run_ffmpeg("-i", sheet.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    assert max(raw[: 20 * 320]) < 20
    assert max(raw[30 * 320 : 150 * 320]) > 200


def test_damaged_frame_and_wrong_size_are_named(make_frames, tmp_path):
    frames = make_frames("1001-1004", size="256x144")
    frames.path(1003).write_bytes(frames.path(1003).read_bytes()[:100])
    with pytest.raises(FramesMissing, match="Frame 1003 is damaged"):
        contact_sheet(frames, tmp_path / "sheet.jpg")
    with pytest.raises(ValueMismatch, match="size of frame 1001"):
        contact_sheet(attrs.evolve(frames, resolution=Resolution(64, 36)), tmp_path / "sheet.jpg")
    with pytest.raises(StorageError, match="No such file or directory"):
        contact_sheet(make_frames("1-2"), tmp_path / "nowhere" / "sheet.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


@pytest.mark.parametrize(("size", "has_header"), [("640x360", True), ("64x36", False)])
def test_wide_sheet_has_a_header_with_the_names(make_frames, tmp_path, size, has_header):
    fields = {"project": "Film", "shot": "SH010", "task": "Animation", "version": "v003", "artist": "Anna"}
    frames = make_frames("1001-1004", size=size)
    plain = contact_sheet(frames, tmp_path / "plain.jpg")
    sheet = contact_sheet(frames, tmp_path / "sheet.jpg", marks=Burnin(fields=fields))
    above = sheet.resolution.height - plain.resolution.height
    assert (above > 0) is has_header
    assert str(probe(sheet.path).resolution) == str(sheet.resolution)
    raw = run_ffmpeg("-i", sheet.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    rows = [raw[y * sheet.resolution.width :][: sheet.resolution.width] for y in range(above)]
    # Text at the left and at the right, and nothing between them.
    for start, end, is_drawn in ((0, 0.3, True), (0.4, 0.6, False), (0.7, 1, True)):
        part = [row[int(start * len(row)) : int(end * len(row))] for row in rows]
        assert (max(map(max, part), default=0) > 128) is (is_drawn and has_header)
    whole = run_ffmpeg("-i", plain.path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    images = raw[above * sheet.resolution.width :]
    assert sum(abs(one - other) for one, other in zip(images, whole)) / len(whole) < 2
