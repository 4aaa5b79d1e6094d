"""Encode one file in a process of its own, with a time limit.

The process runs ``ft_dcc.media``, so that a damaged file cannot crash the server.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import attrs

from ft_dcc.errors import EncodeFailed
from ft_dcc.files.child_process import environment_without_secrets

_log = logging.getLogger(__name__)

_KILL_TIMEOUT_SECONDS = 5
_MAX_STDERR_BYTES = 4096


@attrs.frozen
class EncodedOutput:
    """A file that browsers show, and the name of its component; ``fps`` is None for an image."""

    path: Path
    component_name: str
    width: int
    height: int
    fps: str | None
    frame_count: int


class EncodeProcess:
    """A running encode of a source to what browsers show, in a folder of its own.

    With ``lines`` it makes one smaller movie instead. A source that is a folder has numbered images, played at ``fps``.
    It is stopped after ``seconds``, or when its outputs exceed ``max_bytes``.
    """

    def __init__(
        self,
        source: Path,
        folder: Path,
        *,
        seconds: float,
        max_bytes: int,
        lines: int | None = None,
        fps: str | None = None,
    ) -> None:
        self._folder, self._seconds = folder, seconds
        self._is_timed_out = False
        # Kept out of the server's own log.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  run() closes it
        command = [sys.executable, "-m", "ft_dcc.media.web_outputs", str(source), str(folder)]
        command += [] if lines is None else ["--lines", str(lines)]
        command += [] if fps is None else ["--fps", fps]
        # Its own limit counts the CPU time of all cores, and applies when this process has been killed.
        cpu_seconds = int(seconds + 1) * (os.cpu_count() or 1)
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        process = subprocess.Popen(
            [*command, "--seconds", str(cpu_seconds), "--largest", str(max_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            encoding="utf-8",
            # The driver of a graphics card does not work within the limits.
            env={**environment_without_secrets(), "FT_DCC_ENCODER": "software"},
            **options,
        )
        self._process = process
        self._input, self._output = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)

    def run(self, on_progress: Callable[[int], None]) -> list[EncodedOutput]:
        """Return the outputs; raises EncodeFailed with the reason, and what ``on_progress`` raises.

        ``on_progress`` is called with percents. The process has ended afterwards.
        """
        timer = threading.Timer(self._seconds, self._stop_late)
        timer.start()
        try:
            result = self._read_result(on_progress)
            code = self._process.wait()
        finally:
            timer.cancel()
            self.stop()
            self._process.wait()
            log = self._read_stderr()
        if self._is_timed_out:
            raise EncodeFailed(f"Encoding took longer than {self._seconds:g} seconds and was stopped.")
        if result.get("is_full"):
            raise EncodeFailed("The server's disk has no room for the outputs. Free some space, then encode it again.")
        if "made" not in result and "error" not in result:
            _log.warning("The encoder ended with code %s: %s", code, log)
        if "made" not in result:
            raise EncodeFailed(str(result.get("error") or f"The encoder ended with code {code} and gave no reason."))
        return [EncodedOutput(self._folder / facts.pop("file"), **facts) for facts in result["made"]]

    def stop(self) -> None:
        """Let the process end soon; thread-safe, and harmless when repeated."""
        # It ends itself and its ffmpeg when its input is closed.
        self._input.close()
        if self._process.poll() is None:
            killer = threading.Timer(_KILL_TIMEOUT_SECONDS, self._process.kill)
            killer.daemon = True
            killer.start()

    def _read_stderr(self) -> str:
        with self._stderr as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_STDERR_BYTES))
            return file.read().decode("utf-8", errors="replace")

    def _stop_late(self) -> None:
        self._is_timed_out = True
        self.stop()

    def _read_result(self, on_progress: Callable[[int], None]) -> dict[str, Any]:
        """Report the progress lines, and return the last line: the outputs, or an error."""
        last: dict[str, Any] = {}
        with self._output as lines:
            for line in lines:
                if not line.endswith("\n"):
                    break  # It was killed while it wrote the line.
                last = json.loads(line)
                if "done" in last:
                    on_progress(100 * last["done"] // last["of"])
        return last
