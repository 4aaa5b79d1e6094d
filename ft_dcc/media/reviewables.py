"""What browsers show of a file, made in a process of its own: ``python -m ft_dcc.media.reviewables SOURCE FOLDER``.

Whoever starts it reads one JSON object a line: how many pictures are done, then what was made, or why nothing was. It
stops when its standard input is closed, and so with whoever started it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Callable

from ft_dcc.errors import DiskUnusable, Error
from ft_dcc.frames import IMAGE_SUFFIXES
from ft_dcc.media.encode import transcode
from ft_dcc.media.facts import Media
from ft_dcc.media.ffmpeg import IsCancelled
from ft_dcc.media.probe import probe
from ft_dcc.media.thumbnail import still, thumbnail

OnProgress = Callable[[int, int], None]

# For ffmpeg and for what it is started from. A film of 4096x2160 takes a quarter of it.
_MOST_MEMORY = 4 << 30
# An encoder holds pictures for each of its threads, and makes a thread for each core that it sees.
_MOST_CORES = 8


def make_reviewables(
    source: Path, folder: Path, *, on_progress: OnProgress | None = None, is_cancelled: IsCancelled | None = None
) -> list[Media]:
    """The folder has what browsers show of a film or a picture, with a thumbnail; the names are the components'.

    ``on_progress`` is called with the pictures that are done and their number. Raises what ``transcode`` raises.
    """
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return [still(source, folder / "image.jpg"), thumbnail(source, folder / "thumbnail.jpg")]
    facts = probe(source, is_cancelled=is_cancelled)

    def on_frame(index: int) -> None:
        if on_progress:
            on_progress(index + 1, facts.frame_count)

    film = transcode(source, folder / "film.mp4", facts=facts, on_frame=on_frame, is_cancelled=is_cancelled)
    return [film, thumbnail(film.path, folder / "thumbnail.jpg")]


def main() -> None:
    """Make them, within limits, and tell what becomes of it; the exit code is 0 when they are made."""
    parser = argparse.ArgumentParser(prog="python -m ft_dcc.media.reviewables")
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, required=True, help="of a processor, for each step")
    parser.add_argument("--largest", type=int, required=True, help="bytes that a file may have")
    options = parser.parse_args()
    _limit_this_process(options.seconds, options.largest)
    is_left_alone = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(is_left_alone,), daemon=True).start()
    try:
        made = make_reviewables(
            options.source,
            options.folder,
            on_progress=lambda done, of: _tell(done=done, of=of),
            is_cancelled=is_left_alone.is_set,
        )
    except Error as error:
        _tell(error=str(error), is_full=isinstance(error, DiskUnusable))
        sys.exit(1)
    _tell(made=[_facts(media) for media in made])


def _facts(media: Media) -> dict[str, Any]:
    return {
        "file": media.path.name,
        "component_name": media.component_name,
        "width": media.resolution.width,
        "height": media.resolution.height,
        "fps": None if media.fps is None else f"{media.fps.numerator}/{media.fps.denominator}",
        "frame_count": media.frame_count,
    }


def _tell(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _wait_for_the_end(is_left_alone: threading.Event) -> None:
    # Not by sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    is_left_alone.set()


def _limit_this_process(seconds: int, largest: int) -> None:
    """From here on, this process and those it starts give way to others and have limits, where the system has them.

    Windows has no such limits: there, only the time is measured, by whoever waits.
    """
    if sys.platform == "win32":
        return
    import resource

    os.nice(10)
    limits = [(resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, largest), (resource.RLIMIT_CORE, 0)]
    # Of the data alone: addresses that are reserved and not used are no memory.
    limits.append((resource.RLIMIT_DATA, _MOST_MEMORY))
    for limit, value in limits:
        _, highest = resource.getrlimit(limit)
        lowered = value if highest == resource.RLIM_INFINITY else min(value, highest)
        resource.setrlimit(limit, (lowered, lowered))
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_MOST_CORES])


if __name__ == "__main__":
    main()
