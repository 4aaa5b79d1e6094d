"""Choose the H.264 encoder: a hardware encoder that has passed a self-test, else x264.

A free ffmpeg may lack x264, which is GPL; then every other encoder that passes is used, OpenH264 last.

A hardware encoder that ffmpeg lists may have no device, driver or licence, or may drop frames. So each one encodes a
short movie first: it must have every frame in its place, at about the quality of x264, and be ready for the review. The
result is cached for this ffmpeg on this machine.
"""

from __future__ import annotations

import json
import platform
import re
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.errors import Cancelled, EncodeFailed, Error, StorageError
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.media import ffmpeg, ffmpeg_colour, presets
from ft_dcc.media.inspection.probe import movie_input, probe
from ft_dcc.settings.resolve import read_settings, source_of


@attrs.frozen
class Encoder:
    """An H.264 encoder: its name in the settings, and ffmpeg's arguments."""

    name: str
    codec: tuple[str, ...]
    # Precedes the inputs.
    device: tuple[str, ...] = ()
    # Convert or upload the finished frames for the encoder.
    filters: tuple[str, ...] = ()


# Without B-frames an MP4 file needs no edit list, which WebKitGTK ignores: docs/decisions/0211.
_H264 = ("-profile:v", "high", "-bf", "0")
SOFTWARE = Encoder("software", ("-c:v", "libx264", *_H264, "-preset", "veryfast", "-crf", "18"))
# The highest bit rate, so that the quantizer alone decides about the quality.
OPENH264 = Encoder(
    "openh264",
    ("-c:v", "libopenh264", *_H264, "-rc_mode", "quality", "-b:v", "60M", "-qmin", "16", "-qmax", "22"),
)
# The most common first; each at a constant quality close to that of x264.
HARDWARE = (
    Encoder("nvenc", ("-c:v", "h264_nvenc", *_H264, "-preset", "p5", "-rc", "vbr", "-cq", "19")),
    Encoder("qsv", ("-c:v", "h264_qsv", *_H264, "-preset", "medium", "-global_quality", "18"), (), ("format=nv12",)),
    Encoder("videotoolbox", ("-c:v", "h264_videotoolbox", *_H264, "-allow_sw", "0", "-q:v", "75")),
    Encoder(
        "vaapi",
        ("-c:v", "h264_vaapi", *_H264, "-rc_mode", "CQP", "-qp", "19"),
        device=("-vaapi_device", "/dev/dri/renderD128"),
        filters=("format=nv12", "hwupload"),
    ),
    Encoder("amf", ("-c:v", "h264_amf", *_H264, "-quality", "quality", "-rc", "cqp", "-qp_i", "18", "-qp_p", "19")),
)

_FRAME_COUNT, _RATE = 24, Fraction(24000, 1001)
_TEST_INPUT = ["-f", "lavfi", "-i", f"testsrc2=size=640x360:rate={_RATE}"]
# The minimal PSNR of the worst frame in dB; x264 has 45.
MIN_PSNR = 40.0
# Results that could not be written to the cache; they are valid in this process.
_unwritten: dict[str, dict[str, Any]] = {}
_WORST = re.compile(r"PSNR .* min:(\S+)")
# A driver may hang, and a failed one may be repaired.
SELF_TEST_TIMEOUT_SECONDS, MAX_CACHE_AGE_SECONDS = 20, 7 * 24 * 3600


def choose(folder: Path, is_cancelled: ffmpeg.IsCancelled | None = None) -> tuple[Encoder, str]:
    """Return the encoder to use and, if it is x264, the reasons against the requested ones.

    Self-tests write their movies to ``folder`` and delete them. Raises Cancelled, and EncodeFailed if x264 is missing
    and no other encoder works.
    """
    wanted = read_settings().require("encoder")
    candidates = [encoder for encoder in HARDWARE if wanted in ("auto", encoder.name)]
    if not has_x264():
        others = (OPENH264, *HARDWARE) if wanted == "software" else (*HARDWARE, OPENH264)
        candidates += [encoder for encoder in others if encoder not in candidates]
        candidates = [encoder for encoder in candidates if encoder.codec[1] in ffmpeg.encoders()]
    reasons = []
    for encoder in candidates:
        entry = _read_cache().get(_key(encoder), {})
        if time.time() - entry.get("at", 0) < MAX_CACHE_AGE_SECONDS:
            flaw = str(entry["flaw"])
        else:
            flaw = self_test(encoder, folder, is_cancelled)
            cache_flaw(encoder, flaw)
        if not flaw:
            return encoder, ""
        reasons.append(f"{encoder.name}: {flaw}")
    if not has_x264():
        tried = f", and no other H.264 encoder works: {'; '.join(reasons)}" if reasons else " or another H.264 encoder"
        source = source_of("ffmpeg")
        raise EncodeFailed(
            f'{ffmpeg.find()} has no libx264{tried}. Run: pip install "ft-dcc[media]", or set {source} to '
            "another ffmpeg."
        )
    return SOFTWARE, "; ".join(reasons)


def has_x264() -> bool:
    """Return whether ffmpeg contains x264; raise EncodeFailed if it does not run."""
    return "libx264" in ffmpeg.encoders()


def self_test(encoder: Encoder, folder: Path, is_cancelled: ffmpeg.IsCancelled | None = None) -> str:
    """Return the flaw of the encoder's test movie, or why it makes none; "" if it passes."""
    deadline = time.monotonic() + SELF_TEST_TIMEOUT_SECONDS

    def is_over() -> bool:
        return time.monotonic() > deadline or (is_cancelled is not None and is_cancelled())

    chain = ",".join((*_review_filters(), ffmpeg_colour.TAGS, *encoder.filters))
    sink = ["-vf", chain, "-frames:v", str(_FRAME_COUNT), *presets.REVIEW.arguments(_RATE, encoder.codec)]
    with temporary_folder(".encoder-", folder) as name:
        movie = name / "movie.mp4"
        try:
            finished = ffmpeg.run([*encoder.device, *_TEST_INPUT, *sink, str(movie)], is_cancelled=is_over)
            if finished.returncode:
                return finished.errors[0] if finished.errors else f"it stopped with code {finished.returncode}"
            return _find_flaw(movie)
        except Cancelled:
            if is_cancelled is not None and is_cancelled():
                raise
            return f"it did not encode {_FRAME_COUNT} frames in {SELF_TEST_TIMEOUT_SECONDS} seconds"
        except Error as error:
            return str(error)


def _review_filters() -> list[str]:
    return [ffmpeg_colour.AS_RGB, "zscale=m=709:r=limited", f"format={presets.REVIEW.pixel_format}"]


def _find_flaw(movie: Path) -> str:
    info = probe(movie)
    if (info.frame_count, info.fps) != (_FRAME_COUNT, _RATE):
        return f"its movie has {info.frame_count} frames at {info.fps} fps; expected {_FRAME_COUNT} at {_RATE}"
    if not info.is_ready_for_review:
        return "its movie does not play in every browser"
    found: list[float] = []

    def read(line: str) -> None:
        if worst := _WORST.search(line):
            found.append(float(worst[1]))

    compare = f"[1:v]{','.join(_review_filters())}[expected];[0:v][expected]psnr=shortest=1"
    ffmpeg.run([*movie_input(movie), *_TEST_INPUT, "-filter_complex", compare, "-f", "null", "-"], on_line=read)
    worst = min(found, default=0.0)
    return "" if worst >= MIN_PSNR else f"a frame of its movie has a PSNR of {worst:.0f} dB; expected {MIN_PSNR:.0f}"


def cache_flaw(encoder: Encoder, flaw: str) -> None:
    """Write the encoder's flaw to the cache; "" if it has passed."""
    path = _cache_file()
    entry = {_key(encoder): {"flaw": flaw, "at": time.time()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ffmpeg.replacing(path) as unfinished:
            unfinished.write_text(json.dumps({**_read_cache(), **entry}, indent=1), encoding="utf-8")
    except (OSError, StorageError):
        # The next process repeats the self-test.
        _unwritten.update(entry)


def _read_cache() -> dict[str, dict[str, Any]]:
    try:
        known: dict[str, dict[str, Any]] = json.loads(_cache_file().read_text("utf-8"))
    except (OSError, ValueError):
        return _unwritten
    return {**_unwritten, **known}


def _cache_file() -> Path:
    return Path(platformdirs.user_cache_dir("ft-dcc", appauthor=False)) / "encoders.json"


def _key(encoder: Encoder) -> str:
    """Return the cache key: encoder, machine (homes may be shared) and the present ffmpeg."""
    program = ffmpeg.find()
    built = program.stat()
    return f"{encoder.name} {platform.node()} {program} {built.st_size} {built.st_mtime_ns} {' '.join(encoder.codec)}"
