"""The sound of movies as peaks for a waveform, made when it is first requested."""

from __future__ import annotations

import sys
from array import array
from pathlib import Path

from ft_dcc.errors import EncodeFailed, MissingExtra, SettingInvalid
from ft_dcc.files.atomic import atomic_path
from ft_dcc.server.errors import NotFound
from ft_dcc.server.storage import ffmpeg, upload_file

PEAKS_PER_SECOND = 50
_RATE = 8000
_MAX_SECONDS = 2 * 3600
_TIMEOUT_SECONDS = 120


def make_waveform(source: Path, target: Path) -> None:
    """Write one byte for each peak of the source's sound to the target, 50 a second; none without sound.

    Raises NotFound if the source is missing, or is no movie.
    """
    try:
        with upload_file.writing_to_disk():
            target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            temporary.write_bytes(_peaks(_decode(source, temporary)))
    except (EncodeFailed, MissingExtra, SettingInvalid, FileNotFoundError) as error:
        raise NotFound("No waveform can be made of this component.") from error


def _decode(source: Path, temporary: Path) -> array[int]:
    """Return the samples of the sound in mono; none if there is no sound."""
    samples = temporary.with_name(f"{temporary.name}.pcm")
    output = ["-map", "0:a:0", "-t", str(_MAX_SECONDS), "-ac", "1", "-ar", str(_RATE), "-f", "s16le", "-y"]
    try:
        ffmpeg.run_ffmpeg(source, [*output, str(samples)], _TIMEOUT_SECONDS)
        found = array("h")
        found.frombytes(samples.read_bytes())
    except EncodeFailed as error:
        if "matches no streams" not in str(getattr(error, "log", "")):
            raise
        return array("h")
    finally:
        samples.unlink(missing_ok=True)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _peaks(samples: array[int]) -> bytes:
    """Return the highest amplitude of each fiftieth of a second, from 0 to 255.

    >>> list(_peaks(array("h", [0, -32768, 5] + 157 * [0] + [16384])))
    [255, 128]
    """
    step = _RATE // PEAKS_PER_SECOND
    chunks = (samples[start : start + step] for start in range(0, len(samples), step))
    return bytes(min(255, max(max(chunk), -min(chunk)) // 128) for chunk in chunks)
