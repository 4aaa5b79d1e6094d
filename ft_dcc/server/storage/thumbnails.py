"""Thumbnails of components, made when they are first requested."""

from __future__ import annotations

import logging
from pathlib import Path

from ft_dcc.errors import EncodeFailed, MissingExtra, SettingInvalid
from ft_dcc.files.atomic import atomic_path
from ft_dcc.server.errors import NotFound
from ft_dcc.server.storage import ffmpeg, upload_file

_log = logging.getLogger(__name__)

MIN_SIZE, DEFAULT_SIZE, MAX_SIZE = 16, 300, 2048
_TIMEOUT_SECONDS = 20


def make_thumbnail(source: Path, folder: Path, size: int) -> Path:
    """Return a JPEG of the image, or of the movie's first frame, that fits into size x size pixels.

    It is never larger than the source, and is kept in the folder. Raises NotFound when the source is missing, or is
    neither an image nor a movie.
    """
    size = min(max(size, MIN_SIZE), MAX_SIZE)
    try:
        facts = source.stat()
    except FileNotFoundError as error:
        raise NotFound("The bytes of this component are not on the server.") from error
    # A file that is uploaded again is a new source.
    target = folder / f"{facts.st_mtime_ns:x}-{size}.jpg"
    if not target.is_file():
        _make(source, target, size)
    return target


def _make(source: Path, target: Path, size: int) -> None:
    fit = f"scale='min({size},iw)':'min({size},ih)':force_original_aspect_ratio=decrease:force_divisible_by=1,setsar=1"
    # Transparent pixels would be black otherwise.
    flat = f"{fit},format=rgba,split[a][b];[a]drawbox=c=0x303030:t=fill:replace=1[c];[c][b]overlay=format=auto"
    arguments = ["-filter_complex", flat, "-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p"]
    try:
        with upload_file.writing_to_disk():
            target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target, suffix=".jpg") as temporary:
            ffmpeg.run_ffmpeg(source, [*arguments, str(temporary)], _TIMEOUT_SECONDS)
    except (EncodeFailed, MissingExtra, SettingInvalid, FileNotFoundError) as error:
        _log.info("no thumbnail was made: %s %s", error, getattr(error, "log", ""))
        raise NotFound("No thumbnail can be made of this component.") from error
