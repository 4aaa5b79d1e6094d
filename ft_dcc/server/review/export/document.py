"""The PDF of a review session: its versions with verdicts, and each note with its frame, drawing and replies."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

from fpdf import FPDF
from PIL.Image import Image

from ft_dcc.server.review.export.frame_images import FONT, frame_image, note_images
from ft_dcc.server.review.export.session_content import ExportNote, ExportSession, ExportVersion

# The library reports each character that the font lacks.
logging.getLogger("fpdf").setLevel(logging.ERROR)
_MARGIN, _COLUMN, _GAP = 16.0, 84.0, 6.0
_TEXT, _QUIET, _LINE = 20, 110, 215
_COLOURS = {"Approved": (30, 120, 70), "Changes required": (176, 92, 10)}
_MAX_IMAGE_HEIGHT = 90.0
_CAPTION = 6.0
# The title of a version with its place, a few verdicts and a short comment.
_TITLE_HEIGHT = 36.0
Images = list[tuple[Optional[int], Image]]


class _Document(FPDF):
    """A page layout with the name of the session and the page number at the foot."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.add_font("DejaVu", "", str(FONT))
        self.set_title(title)
        self.set_margin(_MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, margin=20)
        self._foot = title

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
        self.multi_cell(0, size * 0.5, text, align="L", new_x="LMARGIN", new_y="NEXT")

    def require_space(self, height: float) -> None:
        """Begin a new page unless there is room for so many millimetres."""
        if self.get_y() + height > self.page_break_trigger:
            self.add_page()


def write_document(session: ExportSession, target: Path) -> None:
    """Write the PDF of the session to the target file."""
    document = _Document(f"{session.project} · {session.name}")
    document.add_page()
    _write_head(document, session)
    for version in session.versions:
        _write_version(document, session, version)
    document.output(str(target))


def _write_head(document: _Document, session: ExportSession) -> None:
    notes = sum(len(version.notes) for version in session.versions)
    decided = sum(1 for version in session.versions if version.verdicts)
    document.line_of_text(session.project, 11, _QUIET)
    document.line_of_text(session.name, 24)
    document.ln(2)
    moment = datetime.now(timezone.utc)
    facts = f"{_count(len(session.versions), 'version')}, {decided} decided, {_count(notes, 'note')}"
    document.line_of_text(f"{facts} · {moment.day} {moment:%B %Y}", 10, _QUIET)
    document.ln(6)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _write_version(document: _Document, session: ExportSession, version: ExportVersion) -> None:
    """Write a version and its notes; its title is on one page with the first image."""
    images = _first_images(session, version)
    document.require_space(_TITLE_HEIGHT + _height_of(images))
    document.set_draw_color(_LINE)
    document.line(_MARGIN, document.get_y(), document.w - _MARGIN, document.get_y())
    document.ln(4)
    document.line_of_text(version.title, 15)
    place = " / ".join([*version.path, *([version.task] if version.task else [])])
    document.line_of_text(" · ".join(text for text in (place, version.author) if text), 9, _QUIET)
    for each in version.verdicts:
        document.style(10)
        document.set_text_color(*_COLOURS[each.verdict])
        document.multi_cell(0, 6, each.text, align="L", new_x="LMARGIN", new_y="NEXT")
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
    for note in version.notes:
        _write_note(document, note, images or note_images(session, version, note))
        images = []


def _first_images(session: ExportSession, version: ExportVersion) -> Images:
    """Return the images of the first note, or the first frame of a version without notes."""
    if version.notes:
        return note_images(session, version, version.notes[0])
    image = frame_image(session, version, None)
    return [] if image is None else [(None, image)]


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
        document.image(image, x=_MARGIN, y=top, w=height * image.width / image.height, h=height)
        top += height
        if len(images) > 1:
            document.set_xy(_MARGIN, top)
            document.line_of_text(f"frame {frame}", 8, _QUIET)
            top += _CAPTION
    document.set_y(top)


def _write_note(document: _Document, note: ExportNote, images: Images) -> None:
    """Write a note beside the images of its frames; a long thread continues below the images."""
    height = _height_of(images)
    document.require_space(max(height, 24) + 4)
    top, page = document.get_y(), document.page
    left = _MARGIN
    if images:
        _write_images(document, images)
        left += _COLUMN + _GAP
    document.set_left_margin(left)
    document.set_xy(left, top)
    for depth, each in note.thread():
        document.set_left_margin(left + 5 * min(depth, 3))
        document.set_x(left + 5 * min(depth, 3))
        facts = (each.author, each.date, each.place, ", ".join(each.labels), "done" if each.is_done else "")
        document.line_of_text(" · ".join(fact for fact in facts if fact), 8, _QUIET)
        document.line_of_text(each.text or "(drawing)", 10)
        document.ln(2)
    document.set_left_margin(_MARGIN)
    bottom = document.get_y() if document.page > page else max(document.get_y(), top + height)
    document.set_xy(_MARGIN, bottom + 4)
