"""Run ffmpeg on uploaded files: with limits, and without access to other files or the network."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from ft_dcc.errors import EncodeFailed
from ft_dcc.files.child_process import environment_without_secrets

# Without these lists a "movie" could be a playlist that names any file or URL; formats like that are not in them.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mxf,mpegts,mpeg,ogg,gif,wav,flac,mp3,"
    "bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,j2k_pipe,jpeg_pipe,jpegxl_pipe,png_pipe,psd_pipe,qoi_pipe,tiff_pipe,webp_pipe"
)
# Each of them keeps one core busy.
_PROCESSES = threading.BoundedSemaphore(2)
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


def run_ffmpeg(source: Path, arguments: Sequence[str], seconds: float) -> None:
    """Run ffmpeg on the source with these arguments; raises EncodeFailed, also when it takes longer than allowed."""
    command = [find_ffmpeg(), *_LIMITS, "-i", f"file:{source}", *arguments]
    try:
        with _PROCESSES:
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=seconds,
                env=environment_without_secrets(),
            )
    except subprocess.TimeoutExpired as error:
        raise EncodeFailed(f"ffmpeg took longer than {seconds:g} seconds on a file and was stopped.") from error
    except subprocess.CalledProcessError as error:
        log = error.stderr.decode(errors="replace")
        raise EncodeFailed(f"ffmpeg cannot read a file and stopped with code {error.returncode}.", log) from error
