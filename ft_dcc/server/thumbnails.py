"""Small pictures of components, made when they are first asked for."""

from __future__ import annotations

import logging
import secrets
import threading
from pathlib import Path

from ft_dcc.errors import EncodeFailed, ExtraMissing, NoSuchThing
from ft_dcc.server.foreign import run_ffmpeg
from ft_dcc.server.incoming import writing_to_disk

_log = logging.getLogger(__name__)

SMALLEST, USUAL, LARGEST = 16, 300, 2048
_SECONDS = 20
# Each of them is a process that keeps one core busy.
_AT_ONCE = threading.BoundedSemaphore(2)


def thumbnail_of(source: Path, folder: Path, size: int) -> Path:
    """Return a JPEG of the picture, or of the film's first frame, that fits into size x size pixels.

    It is never larger than the source, and it is kept in the folder for the next time. Raises NoSuchThing when the
    source is neither picture nor film.
    """
    size = min(max(size, SMALLEST), LARGEST)
    try:
        facts = source.stat()
    except FileNotFoundError as error:
        raise NoSuchThing("The bytes of this component are not on the server.") from error
    # Bytes that are sent again are a new source.
    target = folder / f"{facts.st_mtime_ns:x}-{size}.jpg"
    if not target.is_file():
        _make(source, target, size)
    return target


def _make(source: Path, target: Path, size: int) -> None:
    draft = target.with_name(f"{secrets.token_hex(8)}.jpg")
    fit = f"scale='min({size},iw)':'min({size},ih)':force_original_aspect_ratio=decrease:force_divisible_by=1,setsar=1"
    # What is transparent lies on black otherwise.
    flat = f"{fit},format=rgba,split[a][b];[a]drawbox=c=0x303030:t=fill:replace=1[c];[c][b]overlay=format=auto"
    arguments = ["-filter_complex", flat, "-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p", str(draft)]
    try:
        with writing_to_disk():
            target.parent.mkdir(parents=True, exist_ok=True)
        with _AT_ONCE:
            run_ffmpeg(source, arguments, _SECONDS)
        draft.replace(target)
    except (EncodeFailed, ExtraMissing, FileNotFoundError) as error:
        _log.info("no thumbnail was made: %s %s", error, getattr(error, "log", ""))
        raise NoSuchThing("No picture can be made of this component.") from error
    finally:
        draft.unlink(missing_ok=True)
