"""One picture: a still for the review, and the small one by which a version is recognised."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from ft_dcc.errors import FilmUnreadable
from ft_dcc.frames import IMAGE_SUFFIXES
from ft_dcc.media import colour as encoding
from ft_dcc.media import ffmpeg
from ft_dcc.media.display import Colour, converter
from ft_dcc.media.facts import Media
from ft_dcc.media.ffmpeg import Feed
from ft_dcc.media.probe import COUNTING, SEEING, counted, film_input, probe, seen_picture

THUMBNAIL, STILL = "thumbnail", "ftrackreview-image"
LONGER_SIDE, STILL_LONGER_SIDE = 640, 3840
_DURATION = re.compile(r"Duration: (\d+):(\d+):(\d+\.\d+)")


def thumbnail(source: Path, path: Path, *, colour: Colour | None = None) -> Media:
    """``path`` is a JPEG of an image, or of the middle of a film, at most 640 pixels on its longer side.

    ``colour`` is what it is for ``encode``. Raises FilmUnreadable for a source without a picture, FramesMissing for a
    damaged one, DiskUnusable or EncodeFailed.
    """
    return _picture(source, path, THUMBNAIL, LONGER_SIDE, colour)


def still(image: Path, path: Path, *, colour: Colour | None = None) -> Media:
    """``path`` is a JPEG of an image that browsers show, at most 3840 pixels on its longer side.

    Raises what ``thumbnail`` raises.
    """
    return _picture(image, path, STILL, STILL_LONGER_SIDE, colour)


def _picture(source: Path, path: Path, name: str, longer_side: int, colour: Colour | None) -> Media:
    # A JPEG has square pixels wherever it is shown.
    factor = f"min(1\\,{longer_side}/max(iw*sar\\,ih))"
    size = f"w=max(1\\,round(iw*sar*{factor})):h=max(1\\,round(ih*{factor}))"
    arguments, as_it_is, feed = _input(source, colour)
    filters = [*as_it_is, f"zscale={size}:filter=spline36", *encoding.to_jpeg(), SEEING]
    pictures = []
    with ffmpeg.replacing(path) as unfinished:
        sink = ["-map", "0:V:0", "-vf", ",".join(filters), "-frames:v", "1", "-q:v", "3", "-f", "mjpeg"]
        finished = ffmpeg.run(
            [*arguments, *sink, ffmpeg.file_url(unfinished)],
            feed=feed,
            on_line=lambda line: pictures.append(seen_picture(line)),
        )
        made = next((picture for picture in pictures if picture is not None), None)
        if made is None:
            reason = finished.errors[0] if finished.errors else "it holds none"
            raise FilmUnreadable(f"No picture can be taken from {source}: {reason}. Export it again.")
        if finished.returncode:
            raise ffmpeg.explained(finished, str(source), path)
    return Media(path, name, made.resolution, None, 1, path.stat().st_size)


def _input(source: Path, colour: Colour | None) -> tuple[list[str], list[str], Feed | None]:
    """Return ffmpeg's arguments for reading it, the filters that it needs first, and what writes into its pipe."""
    if source.suffix.lower() not in IMAGE_SUFFIXES:
        place = ["-ss", str(float(_middle(source)))]
        return [*place, *film_input(source)], encoding.of_film(probe(source, at_most=1)), None
    conversion = converter(source.suffix, colour)
    if conversion is None:
        return film_input(source), [encoding.AS_RGB], None
    arguments, feed = conversion.piped(lambda _is_stopped: [(0, source)], conversion.size_of(source), Fraction(1))
    return arguments, [f"setsar={conversion.pixel_aspect_of(source)}", encoding.AS_RGB], feed


def _middle(film: Path) -> Fraction:
    """A second shortly before the picture in the middle is shown; 0 for a film that does not say how long it is."""
    seconds, counts = [Fraction(0)], [0]

    def read(line: str) -> None:
        if found := _DURATION.search(line):
            seconds.append(int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3]))
        counts.append(counted(line) or counts[-1])

    ffmpeg.run([*film_input(film), *COUNTING], on_line=read)
    count = max(1, counts[-1])
    return max(Fraction(0), (count // 2 - Fraction(1, 2)) * seconds[-1] / count)
