"""ffmpeg on files that somebody sent us: in a process of its own, with limits, and with no way to other files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ft_dcc.errors import EncodeFailed, ExtraMissing

# Without these lists a "film" could be a playlist that names any file or address; formats like that are not in them.
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


def find_ffmpeg(needed_for: str = "Making a picture of a film") -> str:
    """Return the program; raises ExtraMissing."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        found = shutil.which("ffmpeg")
        if found is None:
            raise ExtraMissing("media", needed_for) from error
        return found


def run_ffmpeg(source: Path, arguments: Sequence[str], seconds: float) -> None:
    """ffmpeg has read the source and done what the arguments say; raises EncodeFailed, also when it takes longer."""
    command = [find_ffmpeg(), *_LIMITS, "-i", f"file:{source}", *arguments]
    try:
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise EncodeFailed(f"ffmpeg took longer than {seconds:g} seconds on a file and was stopped.") from error
    except subprocess.CalledProcessError as error:
        log = error.stderr.decode(errors="replace")
        raise EncodeFailed(f"ffmpeg cannot read a file and stopped with code {error.returncode}.", log) from error
