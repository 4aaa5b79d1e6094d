"""Exports of feedback, read back by independent readers."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import zipfile
import zlib
from datetime import datetime, timezone
from fractions import Fraction
from xml.etree import ElementTree

import imageio_ffmpeg
import opentimelineio
import pytest

from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import parse_drawing
from ft_dcc.review.export.document import to_pdf
from ft_dcc.review.export.grease_pencil import to_archive
from ft_dcc.review.export.otio import to_otio
from ft_dcc.review.export.spreadsheet import to_csv
from ft_dcc.review.notes import Clip, Note, Reply, ReviewedVersion
from ft_dcc.review.raster import to_png

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
    return parse_drawing(json.dumps({"version": 2, "shapes": list(shapes), **values}), frame, author="Ida Berg")


def note(text, frame=None, **values):
    return Note(f"id of {text}", ("AssetVersion", "v"), "Ida Berg", NOON, text, frame, **values)


def version(*notes, number=1, fps=Fraction(24), count=48):
    clip = Clip(fps, 1001, count, 200, 100)
    path = "film/sq010/sh010"
    return ReviewedVersion(f"v{number}", number, "main", "t", path, "artist", NOON, "", clip=clip, notes=notes)


def test_csv_has_a_line_for_each_note_and_reply_and_no_formulas():
    answers = (Reply("r", "artist", NOON, "Lowered"),)
    text = to_csv([version(note("=1+1", 1010), note("All\nof it", replies=answers), note("ok", 1002, done_at=NOON))])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["frame"], row["text"], row["state"], row["reply to"]) for row in rows] == [
        ("", "All\nof it", "open", ""),
        ("", "Lowered", "", "id of All\nof it"),
        ("1002", "ok", "done", ""),
        ("1010", "'=1+1", "open", ""),
    ]
    assert rows[0]["shot"] == "film/sq010/sh010" and rows[0]["version"] == "v001"


@pytest.fixture
def timeline():
    def read(*versions):
        return opentimelineio.adapters.read_from_string(to_otio(versions), "otio_json")

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
    text = to_otio([version(note("a", 1003, drawing=drawing(1003, SHAPES)))])
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


def decode(png, width, height):
    """Return the RGBA pixels of an image, decoded by ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    data = subprocess.run(command, input=png, capture_output=True, check=True).stdout
    assert len(data) == width * height * 4
    return [[tuple(data[(y * width + x) * 4 :][:4]) for x in range(width)] for y in range(height)]


def test_a_painted_stroke_covers_exactly_its_width_and_nothing_else():
    rows = decode(to_png(drawing(1).strokes(2.0), 200, 100), 200, 100)
    # From x 50 to 150 with round ends of radius 5, at y 45 to 55.
    assert [y for y in range(100) if rows[y][100][3]] == list(range(45, 55))
    assert [x for x in range(200) if rows[50][x][3] > 240] == list(range(45, 155))
    assert rows[50][100] == (255, 0, 0, 255)
    assert rows[30][100] == (0, 0, 0, 0)


def test_a_diagonal_has_smooth_edges_and_no_gaps():
    shape = {**LINE, "width": 0.02, "points": [[0.1, 0.1, 0.5], [0.9, 0.9, 0.5]]}
    rows = decode(to_png(drawing(1, [shape]).strokes(2.0), 200, 100), 200, 100)
    assert all(max(pixel[3] for pixel in rows[y]) > 150 for y in range(11, 90))
    assert any(0 < pixel[3] < 255 for pixel in rows[50])


def test_opacity_is_mixed_once_where_a_stroke_crosses_itself():
    points = [[0.2, 0.5, 0.5], [0.8, 0.5, 0.5], [0.2, 0.5, 0.5]]
    rows = decode(to_png(drawing(1, [{**LINE, "opacity": 0.5, "points": points}]).strokes(2.0), 200, 100), 200, 100)
    assert rows[50][100] == (255, 0, 0, 128)


def test_strokes_outside_of_the_image_do_no_harm():
    points = [[-1.0, -1.0, 0.5], [2.0, 2.0, 0.5]]
    rows = decode(to_png(drawing(1, [{**LINE, "points": points}]).strokes(2.0), 200, 100), 200, 100)
    assert rows[50][100][3] == 255


def test_the_archive_lists_frames_with_their_duration():
    drawings = [drawing(1010, end_frame=1020), drawing(1015), drawing(1003), drawing(1003, SHAPES[4:])]
    with zipfile.ZipFile(io.BytesIO(to_archive(drawings, Resolution(200, 100), Fraction(24)))) as archive:
        root = ElementTree.fromstring(archive.read("greasePencil.xml"))  # noqa: S314 - written by this test
        listed = [(each.get("time"), each.get("duration"), each.get("file")) for each in root.iter("frame")]
        assert listed == [
            ("1003", "1", "notes.1003.png"),
            ("1010", "5", "notes.1010.png"),
            ("1015", "1", "notes.1015.png"),
        ]
        assert root.find("settings/setting").get("fps") == "24"
        colours = {pixel[:3] for row in decode(archive.read("notes.1003.png"), 200, 100) for pixel in row if pixel[3]}
        assert {(255, 0, 0), (0, 0, 255)} <= colours


def test_a_pdf_has_the_notes_and_their_drawings_in_colour():
    note = Note("n1", ("AssetVersion", "v"), "Ida Berg", NOON, "Arm too high", 1010, drawing=drawing(1010, SHAPES))
    many = [Note(f"m{i}", ("AssetVersion", "v"), "Ada", NOON, f"Änderung {i} 手 " + "long " * 60, i) for i in range(40)]
    version = ReviewedVersion("v", 3, "main", None, "Film/sq010/sh010", "Ada", NOON, "", notes=(note, *many))
    content = to_pdf([version])
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
    unpacked = b"".join(zlib.decompressobj().decompress(stream) for stream in streams if stream[:1] == b"x")
    assert {b"1 0 0 RG", b"0 1 0 RG", b"0 0 1 RG"} <= set(re.findall(rb"[01] [01] [01] RG", unpacked))
    # Each page of the document is listed in its tree of pages.
    assert int(re.search(rb"/Count (\d+)", content)[1]) > 3


def test_a_pdf_without_notes_is_one_page():
    assert to_pdf([]).startswith(b"%PDF-")


def test_a_drawing_of_ten_thousand_strokes_is_exported():
    dots = [{**LINE, "points": [[index / 10_000, 0.5, 0.5]]} for index in range(10_000)]
    note = Note("n1", ("AssetVersion", "v"), "Ida", NOON, "Rain", 1010, drawing=drawing(1010, dots))
    version = ReviewedVersion("v", 3, "main", None, "Film/sq010/sh010", "Ada", NOON, "", notes=(note,))
    assert to_pdf([version]).startswith(b"%PDF-")
    assert to_csv([version]).count("\r\n") == 2
