"""Which encoder makes the H.264 films: one of the machine's own that has proved itself, else x264.

A hardware encoder that ffmpeg lists may have no device, no driver or no licence, and one that has may drop pictures. So
each makes a short film before it is trusted: every picture has to be there, in its place, as good as x264's, and the
film ready for a review. What came of it is remembered for this ffmpeg on this machine.
"""

from __future__ import annotations

import json
import platform
import re
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.config import read_settings
from ft_dcc.errors import Cancelled, DiskUnusable, Error
from ft_dcc.media import colour, ffmpeg
from ft_dcc.media.ffmpeg import IsCancelled
from ft_dcc.media.presets import REVIEW
from ft_dcc.media.probe import film_input, probe


@attrs.frozen
class Encoder:
    """One that makes H.264: the word for it in the settings, and ffmpeg's arguments.

    ``device`` comes before the inputs, ``filters`` bring a finished picture to where the encoder takes it.
    """

    name: str
    codec: tuple[str, ...]
    device: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


SOFTWARE = Encoder("software", ("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "18"))
# By what a machine most often has; each at a constant quality that is near to x264's.
HARDWARE = (
    Encoder("nvenc", ("-c:v", "h264_nvenc", "-profile:v", "high", "-preset", "p5", "-rc", "vbr", "-cq", "19")),
    Encoder(
        "qsv",
        ("-c:v", "h264_qsv", "-profile:v", "high", "-preset", "medium", "-global_quality", "18"),
        filters=("format=nv12",),
    ),
    Encoder("videotoolbox", ("-c:v", "h264_videotoolbox", "-profile:v", "high", "-allow_sw", "0", "-q:v", "75")),
    Encoder(
        "vaapi",
        ("-c:v", "h264_vaapi", "-profile:v", "high", "-rc_mode", "CQP", "-qp", "19"),
        device=("-vaapi_device", "/dev/dri/renderD128"),
        filters=("format=nv12", "hwupload"),
    ),
    Encoder(
        "amf",
        ("-c:v", "h264_amf", "-profile:v", "high", "-quality", "quality", "-rc", "cqp", "-qp_i", "18", "-qp_p", "19"),
    ),
)

_PICTURES, _RATE = 24, Fraction(24000, 1001)
_MOVING = ["-f", "lavfi", "-i", f"testsrc2=size=640x360:rate={_RATE}"]
# Decibels that the worst picture has to reach; x264 has 45 there.
_FAITHFUL = 40.0
# What could not be written down is known as long as this process lives.
_unwritten: dict[str, dict[str, Any]] = {}
_WORST = re.compile(r"PSNR .* min:(\S+)")
# A driver may hang; and one that was put right should be found some day.
_MOST_SECONDS, _REMEMBERED_SECONDS = 20, 7 * 24 * 3600


def choose(folder: Path, is_cancelled: IsCancelled | None = None) -> tuple[Encoder, str]:
    """Return the encoder to use, and where it is x264 why none of those that were asked for.

    ``folder`` is where an encoder that is tried writes its film, which is gone afterwards. Raises Cancelled.
    """
    wanted = read_settings().need("encoder")
    reasons = []
    for encoder in HARDWARE:
        if wanted in ("auto", encoder.name):
            reason = _remembered(encoder, folder, is_cancelled)
            if not reason:
                return encoder, ""
            reasons.append(f"{encoder.name}: {reason}")
    return SOFTWARE, "; ".join(reasons)


def flaw_of(encoder: Encoder, folder: Path, is_cancelled: IsCancelled | None = None) -> str:
    """Return what is wrong with the film that the encoder makes, or why it makes none; "" where it is as it should."""
    deadline = time.monotonic() + _MOST_SECONDS

    def is_over() -> bool:
        return time.monotonic() > deadline or (is_cancelled is not None and is_cancelled())

    with tempfile.TemporaryDirectory(prefix=".encoder-", dir=folder) as name:
        film = Path(name, "film.mp4")
        try:
            finished = ffmpeg.run(_making(encoder, film), is_cancelled=is_over)
            if finished.returncode:
                return finished.errors[0] if finished.errors else f"it stopped with code {finished.returncode}"
            return _flaw_in(film)
        except Cancelled:
            if is_cancelled is not None and is_cancelled():
                raise
            return f"it made no film of {_PICTURES} pictures in {_MOST_SECONDS} seconds"
        except Error as error:
            return str(error)


def _making(encoder: Encoder, film: Path) -> list[str]:
    chain = ",".join((*_as_in_a_film(), colour.TAGS, *encoder.filters))
    count = ["-frames:v", str(_PICTURES)]
    return [*encoder.device, *_MOVING, "-vf", chain, *count, *REVIEW.arguments(_RATE, encoder.codec), str(film)]


def _as_in_a_film() -> list[str]:
    return [colour.AS_RGB, "zscale=m=709:r=limited", f"format={REVIEW.pixel_format}"]


def _flaw_in(film: Path) -> str:
    facts = probe(film)
    if (facts.frame_count, facts.fps) != (_PICTURES, _RATE):
        return f"its film has {facts.frame_count} pictures at {facts.fps}, and not {_PICTURES} at {_RATE}"
    if not facts.is_ready_for_review:
        return "its film is not one that every browser plays and seeks in"
    found: list[float] = []

    def read(line: str) -> None:
        if worst := _WORST.search(line):
            found.append(float(worst[1]))

    compare = f"[1:v]{','.join(_as_in_a_film())}[meant];[0:v][meant]psnr=shortest=1"
    ffmpeg.run([*film_input(film), *_MOVING, "-filter_complex", compare, "-f", "null", "-"], on_line=read)
    worst = min(found, default=0.0)
    return "" if worst >= _FAITHFUL else f"a picture of its film has {worst:.0f} dB, and {_FAITHFUL:.0f} are wanted"


def _remembered(encoder: Encoder, folder: Path, is_cancelled: IsCancelled | None) -> str:
    """Return the encoder's flaw as it was found before, or finds it."""
    entry = _read_memory().get(_key(encoder), {})
    if time.time() - entry.get("at", 0) < _REMEMBERED_SECONDS:
        return str(entry["flaw"])
    flaw = flaw_of(encoder, folder, is_cancelled)
    remember(encoder, flaw)
    return flaw


def remember(encoder: Encoder, flaw: str) -> None:
    """This is what is known of the encoder from now on, for a while; "" means that it is trusted."""
    path = _memory()
    entry = {_key(encoder): {"flaw": flaw, "at": time.time()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ffmpeg.replacing(path) as unfinished:
            unfinished.write_text(json.dumps({**_read_memory(), **entry}, indent=1), encoding="utf-8")
    except (OSError, DiskUnusable):
        # It saves time and no more: the next process tries the encoder again.
        _unwritten.update(entry)


def _read_memory() -> dict[str, dict[str, Any]]:
    try:
        known: dict[str, dict[str, Any]] = json.loads(_memory().read_text("utf-8"))
    except (OSError, ValueError):
        return _unwritten
    return {**_unwritten, **known}


def _memory() -> Path:
    return Path(platformdirs.user_cache_dir("ft-dcc", appauthor=False)) / "encoders.json"


def _key(encoder: Encoder) -> str:
    """The encoder, the machine, which may share its user's home, and the ffmpeg as it is today."""
    program = ffmpeg.find()
    built = program.stat()
    return f"{encoder.name} {platform.node()} {program} {built.st_size} {built.st_mtime_ns} {' '.join(encoder.codec)}"
