"""Write notes as a PDF: each version with its verdicts and notes, and drawings as vectors on an empty frame."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

try:
    from fpdf import FPDF
    from fpdf.drawing_primitives import DeviceRGB
except ImportError as error:
    from ft_dcc.errors import MissingExtra

    raise MissingExtra("server", "A PDF of notes") from error

from ft_dcc import media
from ft_dcc.review.drawings import Drawing, Stroke
from ft_dcc.review.export.spreadsheet import note_state, sorted_by_frame
from ft_dcc.review.notes import Note, ReviewedVersion

# The library reports each character that the font lacks.
logging.getLogger("fpdf").setLevel(logging.ERROR)
_FONT = Path(media.__file__).parent / "fonts" / "DejaVuSans.ttf"
_MARGIN, _IMAGE_WIDTH, _MAX_IMAGE_HEIGHT, _GAP = 16.0, 60.0, 80.0, 6.0
_TEXT, _QUIET, _LINE, _FRAME = 20, 110, 215, 235
_DEFAULT_ASPECT = 16 / 9
_MIN_LINE_WIDTH = 0.15


class _Document(FPDF):
    """A page layout with the page number at the foot."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.add_font("DejaVu", "", str(_FONT))
        self.set_title("Notes")
        self.set_margin(_MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, margin=20)
        self.add_page()

    def footer(self) -> None:
        """Write the foot of a page."""
        self.set_y(-14)
        self.set_font("DejaVu", size=8)
        self.set_text_color(_QUIET)
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="R")

    def paragraph(self, text: str, size: float, grey: int = _TEXT) -> None:
        """Write a paragraph from the left margin on."""
        self.set_font("DejaVu", size=size)
        self.set_text_color(grey)
        self.multi_cell(0, size * 0.5, text, align="L", new_x="LMARGIN", new_y="NEXT")

    def require_space(self, height: float) -> None:
        """Begin a new page unless there is room for so many millimetres."""
        if self.get_y() + height > self.page_break_trigger:
            self.add_page()


def to_pdf(versions: Sequence[ReviewedVersion]) -> bytes:
    """Return the notes of the versions as a PDF, by frame, each with its drawing and replies."""
    document = _Document()
    for version in versions:
        _write_version(document, version)
    target = io.BytesIO()
    document.output(target)
    return target.getvalue()


def _write_version(document: _Document, version: ReviewedVersion) -> None:
    document.require_space(50)
    document.set_draw_color(_LINE)
    document.line(_MARGIN, document.get_y(), document.w - _MARGIN, document.get_y())
    document.ln(4)
    document.paragraph(f"{version.asset} {version.name}", 15)
    facts = (version.path, version.artist, _day(version.date), version.status)
    document.paragraph(" · ".join(fact for fact in facts if fact), 9, _QUIET)
    verdicts = [f"{each.author}: {each.status.replace('_', ' ')}" for each in version.verdicts if each.review]
    if verdicts:
        document.paragraph(", ".join(verdicts), 10)
    document.ln(4)
    for note in sorted_by_frame(version.notes):
        _write_note(document, version, note)


def _write_note(document: _Document, version: ReviewedVersion, note: Note) -> None:
    """Write a note beside its drawing; a long thread continues below the drawing."""
    size = (0.0, 0.0) if note.drawing is None else _image_size(note.drawing, version)
    document.require_space(max(size[1], 20) + 4)
    top, page, left = document.get_y(), document.page, _MARGIN
    if note.drawing is not None:
        _draw(document, note.drawing.strokes(size[0] / size[1]), (_MARGIN, top), size)
        left += _IMAGE_WIDTH + _GAP
    document.set_left_margin(left)
    document.set_xy(left, top)
    document.paragraph(" · ".join(fact for fact in _facts(note) if fact), 8, _QUIET)
    document.paragraph(note.text or ("(drawing)" if note.drawing is not None else ""), 10)
    if note.problem:
        document.paragraph(note.problem, 8, _QUIET)
    for reply in note.replies:
        document.ln(1)
        document.paragraph(" · ".join(fact for fact in (reply.author, _day(reply.date)) if fact), 8, _QUIET)
        document.paragraph(reply.text, 9)
    document.set_left_margin(_MARGIN)
    bottom = document.get_y() if document.page > page else max(document.get_y(), top + size[1])
    document.set_xy(_MARGIN, bottom + 4)


def _facts(note: Note) -> Iterable[str]:
    if note.frame is not None:
        is_range = note.end_frame is not None and note.end_frame > note.frame
        yield f"frame {note.frame}-{note.end_frame}" if is_range else f"frame {note.frame}"
    yield from (note.author, _day(note.date), note_state(note), ", ".join(note.labels), note.review)


def _image_size(drawing: Drawing, version: ReviewedVersion) -> tuple[float, float]:
    aspect = drawing.aspect or version.aspect or _DEFAULT_ASPECT
    height = min(_IMAGE_WIDTH / aspect, _MAX_IMAGE_HEIGHT)
    return height * aspect, height


def _draw(
    document: _Document, strokes: Iterable[Stroke], corner: tuple[float, float], size: tuple[float, float]
) -> None:
    (left, top), (width, height) = corner, size
    document.set_fill_color(_FRAME)
    document.rect(left, top, width, height, style="F")
    with document.rect_clip(left, top, width, height):
        for stroke in strokes:
            thickness = sum(point[2] for point in stroke.points) / len(stroke.points) * height
            points = [(left + x * width, top + y * height) for x, y, _ in stroke.points]
            with document.new_path() as path:
                path.style.fill_color = None
                path.style.stroke_color = DeviceRGB(*stroke.colour)
                path.style.stroke_opacity = stroke.opacity
                path.style.stroke_width = max(thickness, _MIN_LINE_WIDTH)
                path.style.stroke_cap_style = path.style.stroke_join_style = "round"
                path.move_to(*points[0])
                for point in points[1:] or points:
                    path.line_to(*point)


def _day(date: datetime | None) -> str:
    return "" if date is None else f"{date.day} {date:%B %Y}"
