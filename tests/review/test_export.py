"""Exports of feedback, read back by independent readers."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import datetime, timezone
from fractions import Fraction
from uuid import uuid4
from xml.etree import ElementTree

import attrs
import opentimelineio
import pytest
from doubles.pdf_text import pages_of, text_of
from PIL import Image

from ft_dcc.review.drawings import parse_drawing
from ft_dcc.review.export.document import to_pdf
from ft_dcc.review.export.otio import to_otio
from ft_dcc.review.export.raster import paint, write_drawings
from ft_dcc.review.export.spreadsheet import to_csv
from ft_dcc.review.notes import Clip, Note, ReviewedSession, ReviewedVersion, Verdict, VerdictChange

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
LINE = {"kind": "pen", "colour": "#ff0000", "width": 0.1, "points": [[0.25, 0.5, 0.5], [0.75, 0.5, 0.5]]}
SHAPES = [
    LINE,
    {"kind": "arrow", "colour": "#00ff00", "width": 0.01, "from": [0, 0], "to": [1, 1]},
    {"kind": "rectangle", "colour": "#00ff00", "width": 0.01, "from": [0.2, 0.6], "to": [0.4, 0.1]},
    {"kind": "ellipse", "colour": "#00ff00", "width": 0.01, "from": [0.2, 0.6], "to": [0.4, 0.1]},
    {"kind": "text", "colour": "#0000ff", "width": 0.01, "at": [0.5, 0.5], "text": "Lower", "size": 0.1},
]


def drawing(frame, shapes=(LINE,), **values):
    data = json.dumps({"version": 2, "shapes": list(shapes), **values})
    return parse_drawing(data, frame, drawing_id=str(uuid4()), author="Ida Berg")


def note(text, frame=None, **values):
    return Note(f"id of {text}", ("AssetVersion", "v"), "Ida Berg", NOON, text, frame, **values)


def version(*notes, number=1, fps=Fraction(24), count=48, **values):
    clip = Clip(fps, 1001, count, 200, 100)
    path = "film/sq010/sh010"
    return ReviewedVersion(
        f"v{number}", number, "main", "t", path, "artist", NOON, "", clip=clip, notes=notes, **values
    )


def test_csv_has_a_line_for_each_note_and_reply_and_no_formulas():
    lowered = attrs.evolve(note("Lowered"), author="artist")
    again = attrs.evolve(note("Again"), author="Ada")
    answers = (attrs.evolve(lowered, replies=(again,)),)
    notes = (note("All\nof it", replies=answers), note("ok", 1002, done_at=NOON), note("=1+1", 1010, addressed_in="v2"))
    history = (VerdictChange("require_changes", NOON), VerdictChange("seen", NOON), VerdictChange("approved", NOON))
    verdicts = (Verdict("Ada", "approved", NOON, "Dailies", history), Verdict("artist", "In progress", NOON))
    text = to_csv([version(*notes, verdicts=verdicts), version(number=2)])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["frame"], row["note"], row["state"], row["reply_to"]) for row in rows] == [
        ("", "All\nof it", "open", ""),
        ("", "Lowered", "", "Ida Berg"),
        ("", "Again", "", "Ida Berg"),
        ("1002", "ok", "done", ""),
        ("1010", "'=1+1", "addressed in v2", ""),
        ("", "", "", ""),
    ]
    assert (rows[0]["path"], rows[0]["version"], rows[-1]["version"]) == ("film/sq010/sh010", "main v001", "main v002")
    date = "2026-11-22 12:00"
    assert rows[0]["verdicts"] == f"Ada: Approved {date} UTC (before: Changes required {date} UTC)"


@pytest.mark.parametrize("start", "=+-@＝＋－＠\t\r\n")
def test_no_cell_of_a_csv_begins_as_a_formula(start):
    hostile = attrs.evolve(note(f"{start}1+1", labels=(f"{start}l",)), author=f"{start}a")
    shown = version(hostile, verdicts=(Verdict(f"{start}v", "approved", NOON, f"{start}r"),), comment=f"{start}c")
    rows = list(csv.reader(io.StringIO(to_csv([shown]), newline="")))
    assert f"'{start}1+1" in rows[1] and not [cell for row in rows for cell in row if cell.startswith(start)]


@pytest.fixture
def timeline():
    def read(*versions):
        return opentimelineio.adapters.read_from_string(to_otio(ReviewedSession("Notes", "", versions)), "otio_json")

    return read


def test_otio_places_notes_on_their_frames_of_each_version(timeline):
    rate = Fraction(24000, 1001)
    notes = [note("a", 1003), note("b", 1005, end_frame=1010), note("c", 1008)]
    media, first, second = timeline(version(note("x", 1001), number=2), version(*notes, fps=rate)).tracks
    assert [clip.name for clip in media] == ["main v002", "main v001"]
    assert [int(clip.source_range.duration.value) for clip in media] == [48, 48]
    assert media[1].source_range.duration.rate == float(rate)

    def frames(track):
        placed = [(clip.name, track.range_of_child(clip)) for clip in track.find_clips()]
        return {name: (round(found.start_time.value), round(found.duration.value)) for name, found in placed}

    # The second version begins at 48, its first frame is 1001.
    assert frames(first) == {"x": (0, 1), "a": (50, 1), "b": (52, 6)}
    assert frames(second) == {"c": (55, 1)}
    clip = next(each for each in first.find_clips() if each.name == "b")
    assert (clip.source_range.start_time.value, clip.metadata["frame"], clip.metadata["clip_guid"]) == (4, 1005, "v1")


def test_otio_has_the_origin_at_the_centre_and_y_up_in_units_of_the_height():
    shown = version(note("a", 1003, drawing=drawing(1003, SHAPES)))
    text = to_otio(ReviewedSession("Notes", "", (shown,)))
    (clip,) = json.loads(text)["tracks"]["children"][1]["children"][1:]
    commands = {command["OTIO_SCHEMA"]: command for command in clip["metadata"]["annotation_commands"]}
    points = commands["PaintPoint.1"]["points"]
    assert (points["x"], points["y"], points["size"]) == ([-0.5, 0.5], [0.0, 0.0], [0.1, 0.1])
    assert commands["PaintStart.1"]["rgba"] == [1.0, 0.0, 0.0, 1.0]
    assert (commands["ArrowAnnotation.1"]["start"], commands["ArrowAnnotation.1"]["end"]) == ([-1.0, 0.5], [1.0, -0.5])
    for schema in ("RectangleAnnotation.1", "EllipseAnnotation.1"):
        assert commands[schema]["min"] == pytest.approx([-0.6, -0.1])
        assert commands[schema]["max"] == pytest.approx([-0.2, 0.4])
    assert commands["TextAnnotation.1"]["text"] == "Lower"


@pytest.mark.parametrize("frame", [None, 900, 1049])
def test_otio_leaves_out_notes_outside_of_the_movie(frame, timeline):
    _, notes = timeline(version(note("a", frame))).tracks
    assert list(notes) == []


def pixels(*shapes):
    """Return the rows of RGBA pixels of painted shapes."""
    image = paint(drawing(1, shapes).shapes, (200, 100))
    return [[image.getpixel((x, y)) for x in range(200)] for y in range(100)]


def test_a_painted_stroke_covers_its_width_and_nothing_else():
    rows = pixels(LINE)
    # From x 50 to 150 with round ends of radius 5, at y 45 to 55.
    down = [y for y in range(100) if rows[y][100][3] > 127]
    across = [x for x in range(200) if rows[50][x][3] > 127]
    assert (down[0], down[-1], across[0], across[-1]) == pytest.approx((45, 54, 45, 154), abs=1)
    assert rows[50][100] == (255, 0, 0, 255)
    assert rows[30][100] == (0, 0, 0, 0)


def test_a_diagonal_has_smooth_edges_and_no_gaps():
    rows = pixels({**LINE, "width": 0.02, "points": [[0.1, 0.1, 0.5], [0.9, 0.9, 0.5]]})
    assert all(max(pixel[3] for pixel in rows[y]) > 150 for y in range(11, 90))
    assert any(0 < pixel[3] < 255 for pixel in rows[50])


def test_opacity_is_mixed_once_where_a_stroke_crosses_itself_and_outside_of_the_image():
    points = [[-0.2, 0.5, 0.5], [1.8, 0.5, 0.5], [-0.2, 0.5, 0.5]]
    assert pixels({**LINE, "opacity": 0.5, "points": points})[50][100] == (255, 0, 0, 128)


def test_a_text_has_the_letters_of_all_alphabets():
    shape = {"kind": "text", "colour": "#0000ff", "at": [0.1, 0.1], "size": 0.5}
    assert pixels({**shape, "text": "Ж"}) != pixels({**shape, "text": "?"})


def test_the_archive_lists_frames_with_their_duration_and_layer():
    shapes = {"a": (1010, [LINE], 1020), "b": (1003, SHAPES[:1], None), "c": (1003, SHAPES[4:], 1020)}
    shapes["d"] = (1015, SHAPES[:1], 1016)
    notes = [note(name, drawing=drawing(frame, drawn, end_frame=end)) for name, (frame, drawn, end) in shapes.items()]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        write_drawings(archive, version(*notes, fps=Fraction(24)), lambda _: (200, 100), "notes", "v1/")
        root = ElementTree.fromstring(archive.read("v1/greasePencil.xml"))  # noqa: S314 - written by this test
        frames = list(root.iter("frame"))
        assert [(each.get("time"), each.get("duration"), each.get("layer")) for each in frames] == [
            ("1003", "1", "1"),
            ("1003", "18", "2"),
            # The next drawing on the layer ends it.
            ("1010", "5", "1"),
            ("1015", "2", "1"),
        ]
        assert root.find("settings/setting").get("fps") == "24"
        with Image.open(io.BytesIO(archive.read(f"v1/{frames[2].get('file')}"))) as image:
            assert (image.size, image.getpixel((100, 50))) == ((200, 100), (255, 0, 0, 255))


def test_a_pdf_has_the_notes_and_their_drawings():
    first = note("Arm too high", 1010, drawing=drawing(1010, SHAPES), replies=(note("Lowered"),))
    many = [note(f"Änderung {number} 手 " + "long " * 60, number) for number in range(40)]
    content = to_pdf(ReviewedSession("Notes", "", (version(first, *many, number=3),)))
    pages = pages_of(content)
    text = text_of(content)
    assert sum(images for _, images in pages) == 1
    assert len(pages) > 3
    for part in (
        "main v003",
        "film / sq010 / sh010",
        "Ida Berg · 2026-11-22 12:00 · frame 1010",
        "Lowered",
        "Änderung 39",
    ):
        assert part in text


def test_the_largest_drawing_is_exported():
    dots = [{**LINE, "points": [[index / 200, 0.5, 0.5]] * 100} for index in range(200)]
    rain = version(note("Rain", 1010, drawing=drawing(1010, dots)))
    assert to_pdf(ReviewedSession("Notes", "", (rain,))).startswith(b"%PDF-")
    assert to_pdf(ReviewedSession("Notes", "", ())).startswith(b"%PDF-")


def test_a_character_that_the_font_of_a_pdf_lacks_is_a_sign_that_is_explained():
    found = ReviewedSession("Notes", "", (version(note("Check \u65e5\u672c and Straße")),))
    text = text_of(to_pdf(found))
    assert "Check \u25a1\u25a1 and Straße" in text
    assert "stands for a character" in text.replace("\n", " ")
