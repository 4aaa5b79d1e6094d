"""Encode an uploaded file for browsers in a separate process: ``python -m ft_dcc.media.web_outputs SOURCE FOLDER``.

It writes one JSON object per line: the number of finished frames, then the encoded files or the error. It stops when
its standard input is closed, and so with its parent process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc.errors import Error, StorageError
from ft_dcc.files.sequences import IMAGE_SUFFIXES
from ft_dcc.frames import Frames, find_frames, frame_rate
from ft_dcc.media import presets
from ft_dcc.media.encode import encode, transcode
from ft_dcc.media.ffmpeg import IsCancelled
from ft_dcc.media.inspection.media_info import EncodedFile
from ft_dcc.media.inspection.probe import probe
from ft_dcc.media.ocio import image_size
from ft_dcc.media.thumbnail import still, thumbnail

OnProgress = Callable[[int, int], None]

# For this process and for ffmpeg. A movie of 4096x2160 needs a quarter of it.
MAX_MEMORY = 4 << 30
# An encoder starts a thread for each core, and holds frames for each thread.
MAX_CORES = 8


def make_web_outputs(
    source: Path, folder: Path, *, on_progress: OnProgress | None = None, is_cancelled: IsCancelled | None = None
) -> list[EncodedFile]:
    """Encode a movie or an image for browsers to the folder, with a thumbnail.

    ``on_progress`` is called with the numbers of finished and of all frames. Raises what ``transcode`` raises.
    """
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return [still(source, folder / "image.jpg"), thumbnail(source, folder / "thumbnail.jpg")]
    info = probe(source, is_cancelled=is_cancelled)

    def on_frame(index: int) -> None:
        if on_progress:
            on_progress(index + 1, info.frame_count)

    path, image = folder / "movie.mp4", folder / "thumbnail.jpg"
    movie = transcode(source, path, info=info, thumbnail=image, on_frame=on_frame, is_cancelled=is_cancelled)
    return [movie, movie.thumbnail or thumbnail(movie.path, image)]


def make_sequence_outputs(
    folder: Path,
    target: Path,
    fps: Fraction,
    *,
    on_progress: OnProgress | None = None,
    is_cancelled: IsCancelled | None = None,
) -> list[EncodedFile]:
    """Encode the numbered images in a folder, ``source.1001.png``, to a movie for browsers, with a thumbnail.

    Raises what ``encode`` raises.
    """
    first = min(folder.iterdir())
    pattern = str(folder / f"source.%04d{first.suffix}")
    frame_range = find_frames(pattern)
    resolution = image_size(first)

    def on_frame(number: int) -> None:
        if on_progress:
            on_progress(number - frame_range.start + 1, len(frame_range))

    frames = Frames(pattern, frame_range, fps, resolution)
    path, image = target / "movie.mp4", target / "thumbnail.jpg"
    movie = encode(frames, path, thumbnail=image, on_frame=on_frame, is_cancelled=is_cancelled)
    return [movie, movie.thumbnail or thumbnail(movie.path, image)]


def make_rendition(
    source: Path,
    folder: Path,
    lines: int,
    *,
    on_progress: OnProgress | None = None,
    is_cancelled: IsCancelled | None = None,
) -> EncodedFile:
    """Encode a movie with at most this number of lines and the same frames; raises what ``transcode`` raises."""
    info = probe(source, is_cancelled=is_cancelled)

    def on_frame(index: int) -> None:
        if on_progress:
            on_progress(index + 1, info.frame_count)

    path, output = folder / "movie.mp4", attrs.evolve(presets.REVIEW_720, lines=lines)
    return transcode(source, path, info=info, output=output, on_frame=on_frame, is_cancelled=is_cancelled)


def main() -> None:
    """Encode with limited resources and report the result; the exit code is 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m ft_dcc.media.web_outputs")
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, required=True, help="CPU seconds of each process")
    parser.add_argument("--lines", type=int, help="make one movie of at most this number of lines")
    parser.add_argument("--fps", default="24", help="rate of a folder of numbered images")
    parser.add_argument("--largest", type=int, required=True, help="maximal size of a file in bytes")
    options = parser.parse_args()
    _limit_this_process(options.seconds, options.largest)
    parent_is_gone = threading.Event()
    threading.Thread(target=_wait_for_closed_stdin, args=(parent_is_gone,), daemon=True).start()
    callbacks: dict[str, Any] = {
        "on_progress": lambda done, of: _report(done=done, of=of),
        "is_cancelled": parent_is_gone.is_set,
    }
    try:
        if options.source.is_dir():
            made = make_sequence_outputs(options.source, options.folder, frame_rate(options.fps), **callbacks)
        elif options.lines is None:
            made = make_web_outputs(options.source, options.folder, **callbacks)
        else:
            made = [make_rendition(options.source, options.folder, options.lines, **callbacks)]
    except Error as error:
        _report(error=str(error), is_full=isinstance(error, StorageError))
        sys.exit(1)
    _report(made=[_facts(media) for media in made])


def _facts(media: EncodedFile) -> dict[str, Any]:
    return {
        "file": media.path.name,
        "component_name": media.component_name,
        "width": media.resolution.width,
        "height": media.resolution.height,
        "fps": None if media.fps is None else f"{media.fps.numerator}/{media.fps.denominator}",
        "frame_count": media.frame_count,
    }


def _report(**info: Any) -> None:
    sys.stdout.write(json.dumps(info) + "\n")
    sys.stdout.flush()


def _wait_for_closed_stdin(parent_is_gone: threading.Event) -> None:
    # Not sys.stdin: this thread would hold its lock when the interpreter exits.
    while os.read(0, 1):
        pass
    parent_is_gone.set()


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
