"""Write a PDF: each version with its verdicts, and each note beside the images of its frames, with its replies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Optional

from ft_dcc.review.export.raster import FONT, Images, paint

try:
    from fpdf import FPDF
    from PIL import Image
except ImportError as error:
    from ft_dcc.errors import MissingExtra

    raise MissingExtra("server", "A PDF of notes") from error

from ft_dcc.review.export.spreadsheet import decided, describe_verdict, minutes, note_state
from ft_dcc.review.notes import Note, ReviewedSession, ReviewedVersion

# The library reports each character that the font lacks.
logging.getLogger("fpdf").setLevel(logging.ERROR)
_MARGIN, _COLUMN, _GAP = 16.0, 84.0, 6.0
_TEXT, _QUIET, _LINE, _EMPTY_FRAME = 20, 110, 215, (235, 235, 235)
_COLOURS = {"approved": (30, 120, 70), "require_changes": (176, 92, 10)}
_MAX_IMAGE_HEIGHT = 90.0
_MISSING = "\N{WHITE SQUARE}"
_CAPTION = 6.0
# The title of a version with its place, a few verdicts and a short comment.
_TITLE_HEIGHT = 36.0
_DEFAULT_ASPECT, _EMPTY_FRAME_HEIGHT = 16 / 9, 360
# Returns the images of a note, or those of a version without notes.
ImagesOf = Callable[[ReviewedVersion, Optional[Note]], Images]


class _Document(FPDF):
    """A page layout with the name of the session and the page number at the foot."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.add_font("DejaVu", "", str(FONT))
        # Frames as JPEG: the lossless form takes four times as long.
        self.set_image_filter("DCTDecode")
        self.set_title(title)
        self.set_margin(_MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, margin=20)
        self._foot = title
        self._known: Container[int] = getattr(self.fonts["dejavu"], "cmap", {})
        self.has_missing = False
        self.add_page()

    def footer(self) -> None:
        """Write the foot of a page."""
        self.set_y(-14)
        self.style(8, _QUIET)
        self.cell(0, 6, self._foot)
        self.set_x(_MARGIN)
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="R")

    def style(self, size: float, grey: int = _TEXT) -> None:
        """Set the size and the colour of the text that follows."""
        self.set_font("DejaVu", size=size)
        self.set_text_color(grey)

    def line_of_text(self, text: str, size: float, grey: int = _TEXT) -> None:
        """Write a paragraph of the full width."""
        self.style(size, grey)
        shown = "".join(each if ord(each) in self._known or each.isspace() else _MISSING for each in text)
        self.has_missing |= shown != text
        self.multi_cell(0, size * 0.5, shown, align="L", new_x="LMARGIN", new_y="NEXT")

    def require_space(self, height: float) -> None:
        """Begin a new page unless there is room for so many millimetres."""
        if self.get_y() + height > self.page_break_trigger:
            self.add_page()


def empty_frames(version: ReviewedVersion, note: Note | None) -> Images:
    """Return the drawing of a note on an empty frame."""
    if note is None or note.drawing is None:
        return []
    aspect = note.drawing.aspect or version.aspect or _DEFAULT_ASPECT
    size = (max(round(_EMPTY_FRAME_HEIGHT * aspect), 1), _EMPTY_FRAME_HEIGHT)
    image, layer = Image.new("RGB", size, _EMPTY_FRAME), paint(note.drawing.shapes, size)
    image.paste(layer, (0, 0), layer)
    return [(note.frame, image)]


def to_pdf(session: ReviewedSession, images_of: ImagesOf = empty_frames) -> bytes:
    """Return the PDF of the versions."""
    document = _Document(" · ".join(name for name in (session.project, session.name) if name))
    notes = sum(len(version.notes) for version in session.versions)
    count = sum(1 for version in session.versions if decided(version))
    if session.project:
        document.line_of_text(session.project, 11, _QUIET)
    document.line_of_text(session.name, 24)
    document.ln(2)
    moment = datetime.now(timezone.utc)
    facts = f"{_count(len(session.versions), 'version')}, {count} decided, {_count(notes, 'note')}"
    document.line_of_text(f"{facts} · {moment.day} {moment:%B %Y}", 10, _QUIET)
    document.ln(6)
    for version in session.versions:
        _write_version(document, version, images_of)
    if document.has_missing:
        document.ln(4)
        text = (
            f"{_MISSING} stands for a character that the font of this document lacks. The CSV export has all of them."
        )
        document.line_of_text(text, 8, _QUIET)
    target = BytesIO()
    document.output(target)
    return target.getvalue()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _write_version(document: _Document, version: ReviewedVersion, images_of: ImagesOf) -> None:
    """Write a version and its notes; its title is on one page with the first image."""
    images = images_of(version, version.notes[0] if version.notes else None)
    document.require_space(_TITLE_HEIGHT + _height_of(images))
    document.set_draw_color(_LINE)
    document.line(_MARGIN, document.get_y(), document.w - _MARGIN, document.get_y())
    document.ln(4)
    document.line_of_text(version.title, 15)
    place = " / ".join(part for part in (version.path.replace("/", " / "), version.task) if part)
    facts = (place, version.artist, minutes(version.date), version.status)
    document.line_of_text(" · ".join(text for text in facts if text), 9, _QUIET)
    for verdict in decided(version):
        document.style(10)
        document.set_text_color(*_COLOURS[verdict.status])
        document.multi_cell(0, 6, describe_verdict(verdict), align="L", new_x="LMARGIN", new_y="NEXT")
    if version.comment:
        document.ln(1)
        document.line_of_text(version.comment, 10)
    document.ln(4)
    if not version.notes:
        document.require_space(_height_of(images) + 4)
        _write_images(document, images)
        document.ln(2)
        document.line_of_text("No notes.", 9, _QUIET)
        document.ln(4)
    for number, note in enumerate(version.notes):
        _write_note(document, note, images if number == 0 else images_of(version, note))


def _image_height(size: tuple[int, int]) -> float:
    return min(_COLUMN * size[1] / size[0], _MAX_IMAGE_HEIGHT)


def _height_of(images: Images) -> float:
    """Return the height of images below each other; several have captions."""
    return sum(_image_height(image.size) for _, image in images) + (_CAPTION * len(images) if len(images) > 1 else 0)


def _write_images(document: _Document, images: Images) -> None:
    """Write images below each other; several have their frame numbers as captions."""
    top = document.get_y()
    for frame, image in images:
        height = _image_height(image.size)
        # The frame of a movie is in a file, which is taken as it is; one with a drawing is encoded.
        # Equal frames are stored once, because the bytes are compared and not the names.
        content: Image.Image | BytesIO = image
        if source := getattr(image, "filename", None):
            content = BytesIO(Path(source).read_bytes())
            image.close()
        document.image(content, x=_MARGIN, y=top, w=height * image.width / image.height, h=height)
        top += height
        if len(images) > 1:
            document.set_xy(_MARGIN, top)
            document.line_of_text(f"frame {frame}", 8, _QUIET)
            top += _CAPTION
    document.set_y(top)


def _write_note(document: _Document, note: Note, images: Images) -> None:
    """Write a note beside the images of its frames; a long thread continues below the images."""
    height = _height_of(images)
    document.require_space(max(height, 24) + 4)
    top, page, left = document.get_y(), document.page, _MARGIN
    if images:
        _write_images(document, images)
        left += _COLUMN + _GAP
    document.set_left_margin(left)
    document.set_xy(left, top)
    for depth, each in note.thread():
        document.set_left_margin(left + 5 * min(depth, 3))
        document.set_x(left + 5 * min(depth, 3))
        facts = (each.author, minutes(each.date), each.place, ", ".join(each.labels), note_state(each), each.review)
        document.line_of_text(" · ".join(fact for fact in facts if fact), 8, _QUIET)
        document.line_of_text(each.text or "(drawing)", 10)
        if each.problem:
            document.line_of_text(each.problem, 8, _QUIET)
        document.ln(2)
    document.set_left_margin(_MARGIN)
    bottom = document.get_y() if document.page > page else max(document.get_y(), top + height)
    document.set_xy(_MARGIN, bottom + 4)
