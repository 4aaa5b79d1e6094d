"""Encode an uploaded file for browsers in a separate process: ``python -m ft_dcc.media.web_outputs OPTIONS``.

It gets its options as a JSON object, writes one with the encoded files or the error, and percents into a file. It
stops with its parent process, and elsewhere than on Windows when its standard input is closed.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import attrs

from ft_dcc import errors, frames
from ft_dcc.files.sequences import IMAGE_SUFFIXES
from ft_dcc.media import burnin, ffmpeg, images, ocio, presets
from ft_dcc.media.encode import encode, transcode
from ft_dcc.media.inspection.media_info import EncodedFile
from ft_dcc.media.inspection.probe import probe
from ft_dcc.system import child_process

# For this process and for ffmpeg. A movie of 4096x2160 needs a quarter of it.
MAX_MEMORY = 4 << 30
# An encoder starts a thread for each core, and holds frames for each thread.
MAX_CORES = 8


def main() -> None:
    """Encode with limited resources and write the result."""
    options = json.loads(sys.argv[1])
    source, folder = Path(options["source"]), Path(options["folder"])
    # The driver of a graphics card does not work within the limits.
    os.environ["FT_DCC_ENCODER"] = "software"
    _limit_this_process(options["seconds"], options["max_bytes"])
    parent_is_gone = threading.Event()
    child_process.after_parent(parent_is_gone.set)
    try:
        result: dict[str, Any] = {
            "made": [_facts(media) for media in _make_outputs(source, folder, options, parent_is_gone.is_set)]
        }
    except errors.Error as error:
        result = {"error": str(error), "is_full": isinstance(error, errors.StorageError)}
    sys.stdout.write(json.dumps(result))


def _make_outputs(
    source: Path, folder: Path, options: dict[str, Any], is_cancelled: ffmpeg.IsCancelled
) -> list[EncodedFile]:
    """Encode a movie, an image, or the numbered images in a folder, ``source.1001.png``; raise what ``encode`` raises.

    With ``lines`` it is one movie of at most this number of lines and the same frames, with ``watermark`` the movie or
    the image with that text across it; else there is a thumbnail, too.
    """
    lines, watermark, fps = options["lines"], options["watermark"], options["fps"]
    marks = burnin.Burnin(watermark="{viewer}", fields={"viewer": watermark}) if watermark else None
    path, image = folder / "movie.mp4", folder / "thumbnail.jpg"
    if source.is_dir():
        first = min(source.iterdir())
        pattern = str(source / f"source.%04d{first.suffix}")
        found = frames.find_frames(pattern)
        movie = encode(
            frames.Frames(pattern, found, frames.frame_rate(fps or "24"), ocio.image_size(first)),
            path,
            thumbnail=image,
            on_frame=lambda number: _report(folder, number - found.start + 1, len(found)),
            is_cancelled=is_cancelled,
        )
        return [movie, movie.thumbnail or images.thumbnail(movie.path, image)]
    if marks is not None and source.suffix.lower() in IMAGE_SUFFIXES:
        return [images.still(source, folder / "image.jpg", burnin=marks)]
    if lines is None and source.suffix.lower() in IMAGE_SUFFIXES:
        return [images.still(source, folder / "image.jpg"), images.thumbnail(source, image)]
    info = probe(source, is_cancelled=is_cancelled)
    is_single = lines is not None or marks is not None
    movie = transcode(
        source,
        path,
        info=info,
        output=presets.REVIEW if lines is None else attrs.evolve(presets.REVIEW, lines=lines),
        burnin=marks,
        thumbnail=None if is_single else image,
        on_frame=lambda index: _report(folder, index + 1, info.frame_count),
        is_cancelled=is_cancelled,
    )
    return [movie] if is_single else [movie, movie.thumbnail or images.thumbnail(movie.path, image)]


def _facts(media: EncodedFile) -> dict[str, Any]:
    return {
        "file": media.path.name,
        "component_name": media.component_name,
        "width": media.resolution.width,
        "height": media.resolution.height,
        "fps": None if media.fps is None else f"{media.fps.numerator}/{media.fps.denominator}",
        "frame_count": media.frame_count,
    }


def _report(folder: Path, done: int, count: int) -> None:
    with (folder / "progress").open("a", encoding="ascii") as file:
        file.write(f"{100 * done // count}\n")


def _limit_this_process(seconds: int, largest: int) -> None:
    """Lower the priority of this process and its children, and limit their resources.

    Windows has no such limits; there, the parent process limits the time.
    """
    if sys.platform == "win32":
        return
    import resource

    os.nice(10)
    limits = [(resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, largest), (resource.RLIMIT_CORE, 0)]
    # RLIMIT_DATA rather than RLIMIT_AS: reserved addresses need no memory.
    limits.append((resource.RLIMIT_DATA, MAX_MEMORY))
    for limit, value in limits:
        _, highest = resource.getrlimit(limit)
        lowered = value if highest == resource.RLIM_INFINITY else min(value, highest)
        resource.setrlimit(limit, (lowered, lowered))
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:MAX_CORES])


if __name__ == "__main__":
    main()
