"""Frames of the media of versions, with the drawings of notes on them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from ft_dcc.errors import EncodeFailed, MissingExtra, SettingInvalid
from ft_dcc.review.drawings import Drawing
from ft_dcc.review.export.document import Images
from ft_dcc.review.export.raster import paint
from ft_dcc.review.notes import Clip, Note, ReviewedVersion
from ft_dcc.server.errors import HttpError
from ft_dcc.server.storage.ffmpeg import run_ffmpeg
from ft_dcc.server.storage.media_store import MediaStore

_MAX_WIDTH = 1280
_EXTRACT_TIMEOUT_SECONDS = 120
_DEFAULT_SIZE = (1280, 720)


def read_frame(media: MediaStore, version: ReviewedVersion, frame: int | None) -> Image.Image | None:
    """Return the image of a frame, or the first frame for None; None if there is no media or it cannot be read."""
    if version.media_id is None:
        return None
    index, clip = 0, version.clip
    if frame is not None and clip is not None and not version.is_still:
        index = min(max(frame - clip.first_frame, 0), clip.frame_count - 1)
    with tempfile.TemporaryDirectory(prefix="frame-") as folder:
        target = Path(folder) / "frame.png"
        scale = f"scale='min({_MAX_WIDTH},iw)':-2"
        arguments = ["-vf", f"select=eq(n\\,{index}),{scale}", "-frames:v", "1", f"file:{target}"]
        try:
            run_ffmpeg(media.path(version.media_id), arguments, _EXTRACT_TIMEOUT_SECONDS)
            with Image.open(target) as image:
                return image.convert("RGB")
        except (EncodeFailed, MissingExtra, SettingInvalid, HttpError, OSError):
            return None  # The document has the note without an image.


def drawing_size(media: MediaStore, version: ReviewedVersion, drawing: Drawing) -> tuple[int, int]:
    """Return the size of the image of a drawing, which is that of its frame."""
    image = read_frame(media, version, drawing.frame)
    return _DEFAULT_SIZE if image is None else image.size


def drawn_frames(media: MediaStore, version: ReviewedVersion, note: Note | None) -> Images:
    """Return the frame of the note with its image; of a range the first and the last frame, as far as they exist.

    The drawing is on the frames that it belongs to. Without a note, the first frame of the version is returned.
    """
    frames, clip = [None if note is None else note.frame], version.clip
    if note is not None and clip is not None and not version.is_still and note.end_frame != note.frame:
        frames += [note.end_frame] if note.end_frame in _frames_of(clip) else []
    images = ((frame, read_drawn_frame(media, version, note, frame)) for frame in frames)
    return [(frame, image) for frame, image in images if image is not None]


def read_drawn_frame(
    media: MediaStore, version: ReviewedVersion, note: Note | None, frame: int | None
) -> Image.Image | None:
    """Return the image of a frame with the note's drawing on it, if that is shown there, or None without media."""
    image, drawing = read_frame(media, version, frame), None if note is None else note.drawing
    if note is None or image is None or drawing is None:
        return image
    is_drawn = frame == note.frame or (drawing.end_frame is not None and (frame or 0) <= drawing.end_frame)
    if is_drawn and drawing.shapes:
        layer = paint(drawing.shapes, image.size)
        image.paste(layer, (0, 0), layer)
    return image


def _frames_of(clip: Clip) -> range:
    return range(clip.first_frame, clip.first_frame + clip.frame_count)
