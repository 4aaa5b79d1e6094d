"""The small picture by which a version is recognised."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from ft_dcc.errors import FilmUnreadable
from ft_dcc.frames import IMAGE_SUFFIXES
from ft_dcc.media import colour, ffmpeg
from ft_dcc.media.facts import Media
from ft_dcc.media.probe import COUNTING, SEEING, film_input, seen_picture

THUMBNAIL, STILL = "thumbnail", "ftrackreview-image"
LONGER_SIDE, STILL_LONGER_SIDE = 640, 3840
_DURATION = re.compile(r"Duration: (\d+):(\d+):(\d+\.\d+)")


def thumbnail(source: Path, path: Path) -> Media:
    """``path`` is a JPEG of an image, or of the middle of a film, at most 640 pixels on its longer side.

    Raises FilmUnreadable for a source without a picture, DiskUnusable or EncodeFailed.
    """
    return _picture(source, path, THUMBNAIL, LONGER_SIDE)


def still(image: Path, path: Path) -> Media:
    """``path`` is a JPEG of an image that browsers show, at most 3840 pixels on its longer side.

    Raises what ``thumbnail`` raises.
    """
    return _picture(image, path, STILL, STILL_LONGER_SIDE)


def _picture(source: Path, path: Path, component_name: str, longer_side: int) -> Media:
    is_image = source.suffix.lower() in IMAGE_SUFFIXES
    seek = [] if is_image else ["-ss", str(float(_middle(source)))]
    factor = f"min(1\\,{longer_side}/max(iw\\,ih))"
    size = f"w=max(1\\,round(iw*{factor})):h=max(1\\,round(ih*{factor}))"
    filters = [
        *(colour.of_image(source.suffix) if is_image else []),
        f"zscale={size}:filter=spline36",
        *colour.to_jpeg(),
        SEEING,
    ]
    pictures = []
    with ffmpeg.replacing(path) as unfinished:
        sink = ["-map", "0:V:0", "-vf", ",".join(filters), "-frames:v", "1", "-q:v", "3", "-f", "mjpeg"]
        finished = ffmpeg.run(
            [*seek, *film_input(source), *sink, ffmpeg.file_url(unfinished)],
            on_line=lambda line: pictures.append(seen_picture(line)),
        )
        made = next((picture for picture in pictures if picture is not None), None)
        if made is None:
            reason = finished.errors[0] if finished.errors else "it holds none"
            raise FilmUnreadable(f"No picture can be taken from {source}: {reason}. Export it again.")
        if finished.returncode:
            raise ffmpeg.explained(finished, str(source), path)
    return Media(path, component_name, made.resolution, None, 1, path.stat().st_size)


def _middle(film: Path) -> Fraction:
    """A second shortly before the picture in the middle is shown; 0 for a film that does not say how long it is."""
    seconds, counts = [Fraction(0)], [0]

    def read(line: str) -> None:
        if found := _DURATION.search(line):
            seconds.append(int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3]))

    ffmpeg.run([*film_input(film), *COUNTING], on_line=read, on_count=counts.append)
    count = max(1, counts[-1])
    return max(Fraction(0), (count // 2 - Fraction(1, 2)) * seconds[-1] / count)
