"""Thumbnails and waveforms of components, made by ffmpeg when they are first requested."""

from __future__ import annotations

import logging
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ft_dcc.errors import EncodeFailed, MissingExtra, SettingInvalid
from ft_dcc.files import atomic
from ft_dcc.server.errors import NotFound, writing_to_disk
from ft_dcc.server.storage import media_files

# Runs a command; ``Work.run`` does.
Run = Callable[[Sequence[str]], object]
# Without these lists a "movie" could be a playlist that names any file or URL; formats like that are not in them.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mxf,mpegts,mpeg,ogg,gif,wav,flac,mp3,"
    "bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,j2k_pipe,jpeg_pipe,jpegxl_pipe,png_pipe,psd_pipe,qoi_pipe,tiff_pipe,webp_pipe"
)
_LIMITS = (
    "-nostdin",
    *("-hide_banner", "-loglevel", "error"),
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", _FORMATS),
    *("-max_alloc", str(1 << 30)),
    *("-max_pixels", str(1 << 28)),
    *("-threads", "1"),
)


def find_ffmpeg(purpose: str = "Making a thumbnail of a movie") -> str:
    """Return the ffmpeg that the media package finds; raise SettingInvalid or MissingExtra."""
    # Imported late: a server without thumbnails and encodes does not load the media package.
    from ft_dcc.media import ffmpeg

    return str(ffmpeg.find(purpose))


def ffmpeg_command() -> list[str]:
    """Return the beginning of a command of ffmpeg that reads a file of unknown origin."""
    return [find_ffmpeg(), *_LIMITS]


def run_ffmpeg(source: Path, arguments: Sequence[str], run: Run) -> None:
    """Run ffmpeg on the source with these arguments; raises what ``run`` raises."""
    run([*ffmpeg_command(), "-i", f"file:{source}", *arguments])


_log = logging.getLogger(__name__)

MIN_SIZE, DEFAULT_SIZE, MAX_SIZE = 16, 300, 2048


def thumbnail_path(source: Path, folder: Path, size: int) -> Path:
    """Return the path of a thumbnail, which may not exist; raises NotFound when the source is missing."""
    size = min(max(size, MIN_SIZE), MAX_SIZE)
    # A file that is uploaded again is a new source.
    return folder / f"{media_files.stat_media(source).st_mtime_ns:x}-{size}.jpg"


def make_thumbnail(source: Path, target: Path, run: Run) -> None:
    """Write a JPEG of an image or a movie's first frame, at most of the size in the target's name; raises NotFound."""
    if target.is_file():
        return
    size = int(target.stem.rpartition("-")[2])
    fit = f"scale='min({size},iw)':'min({size},ih)':force_original_aspect_ratio=decrease:force_divisible_by=1,setsar=1"
    # Transparent pixels would be black otherwise.
    flat = f"{fit},format=rgba,split[a][b];[a]drawbox=c=0x303030:t=fill:replace=1[c];[c][b]overlay=format=auto"
    arguments = ["-filter_complex", flat, "-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p"]
    with _making("thumbnail", target, suffix=".jpg") as temporary:
        run_ffmpeg(source, [*arguments, str(temporary)], run)


PEAKS_PER_SECOND = 50
_RATE = 8000
_MAX_SECONDS = 2 * 3600


def make_waveform(source: Path, target: Path, run: Run) -> None:
    """Write one byte for each peak of a movie's sound, 50 a second, none without sound; raises NotFound."""
    if target.is_file():
        return
    output = ["-map", "0:a:0", "-t", str(_MAX_SECONDS), "-ac", "1", "-ar", str(_RATE), "-f", "s16le", "-y"]
    with _making("waveform", target) as temporary:
        pcm, samples = temporary.with_name(f"{temporary.name}.pcm"), array("h")
        try:
            run_ffmpeg(source, [*output, str(pcm)], run)
            samples.frombytes(pcm.read_bytes())
        except EncodeFailed as error:
            if "matches no streams" not in error.log:
                raise
        finally:
            pcm.unlink(missing_ok=True)
        if sys.byteorder == "big":
            samples.byteswap()
        temporary.write_bytes(_peaks(samples))


@contextmanager
def _making(kind: str, target: Path, suffix: str = "") -> Iterator[Path]:
    """Yield the temporary path of a file that is made; raises NotFound if it cannot be."""
    try:
        with writing_to_disk():
            target.parent.mkdir(parents=True, exist_ok=True)
        with atomic.atomic_path(target, suffix=suffix) as temporary:
            yield temporary
    except (EncodeFailed, MissingExtra, SettingInvalid, FileNotFoundError) as error:
        _log.info("no %s was made: %s %s", kind, error, getattr(error, "log", ""))
        raise NotFound(f"No {kind} can be made of this component.") from error


def _peaks(samples: array[int]) -> bytes:
    """Return the highest amplitude of each fiftieth of a second, from 0 to 255.

    >>> list(_peaks(array("h", [0, -32768, 5] + 157 * [0] + [16384])))
    [255, 128]
    """
    step = _RATE // PEAKS_PER_SECOND
    chunks = (samples[start : start + step] for start in range(0, len(samples), step))
    return bytes(min(255, max(max(chunk), -min(chunk)) // 128) for chunk in chunks)
