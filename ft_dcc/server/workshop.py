"""The process that encodes one file: started beside the server, listened to, and ended when it takes too long.

It is ``ft_dcc.media`` in an interpreter of its own: what a damaged file can break is not the server.
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

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 5
_MOST_WORDS = 4096


@attrs.frozen
class Made:
    """A file that browsers show, and the name of its component; a picture has no rate."""

    path: Path
    component_name: str
    width: int
    height: int
    fps: str | None
    frame_count: int


class Workshop:
    """One source on its way to what browsers show of it, in a folder that holds nothing else of value."""

    def __init__(self, source: Path, folder: Path, *, seconds: float, largest: int) -> None:
        self._folder, self._seconds = folder, seconds
        self._is_late = False
        # What an interpreter says at its end is no line of the server's log.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  make() closes it
        command = [sys.executable, "-m", "ft_dcc.media.reviewables", str(source), str(folder)]
        # Its own limit counts the seconds of every core, and is for the case that nobody waits any more.
        of_all_cores = int(seconds + 1) * (os.cpu_count() or 1)
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        process = subprocess.Popen(
            [*command, "--seconds", str(of_all_cores), "--largest", str(largest)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            encoding="utf-8",
            # A driver of a graphics card does not live within the limits.
            env={**os.environ, "FT_DCC_ENCODER": "software"},
            **options,
        )
        self._process, self._input, self._told = (
            process,
            cast("IO[str]", process.stdin),
            cast("IO[str]", process.stdout),
        )

    def make(self, on_progress: Callable[[int], None]) -> list[Made]:
        """Return what was made; raises EncodeFailed with the reason why nothing was, and what ``on_progress`` raises.

        ``on_progress`` is called with percents. No process is left afterwards.
        """
        timer = threading.Timer(self._seconds, self._expire)
        timer.start()
        try:
            told = self._listen(on_progress)
            code = self._process.wait()
        finally:
            timer.cancel()
            self.stop()
            self._process.wait()
            said = self._last_words()
        if self._is_late:
            raise EncodeFailed(f"Encoding took longer than {self._seconds:g} seconds and was stopped.")
        if told.get("is_full"):
            raise EncodeFailed("The server's disk has no room for what would be made. Free some space, then ask again.")
        if "made" not in told and "error" not in told:
            _log.warning("The encoder ended with code %s: %s", code, said)
        if "made" not in told:
            raise EncodeFailed(str(told.get("error") or f"The encoder ended with code {code} and gave no reason."))
        return [Made(self._folder / facts.pop("file"), **facts) for facts in told["made"]]

    def stop(self) -> None:
        """The process ends soon, whatever it is doing; any thread may call this, and again."""
        # It takes its leave by itself, and its ffmpeg with it, when its input is closed.
        self._input.close()
        if self._process.poll() is None:
            killer = threading.Timer(_PATIENCE_SECONDS, self._process.kill)
            killer.daemon = True
            killer.start()

    def _last_words(self) -> str:
        with self._complaints as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_WORDS))
            return file.read().decode("utf-8", errors="replace")

    def _expire(self) -> None:
        self._is_late = True
        self.stop()

    def _listen(self, on_progress: Callable[[int], None]) -> dict[str, Any]:
        """Return the last that it said: what was made, or why nothing was."""
        last: dict[str, Any] = {}
        with self._told as lines:
            for line in lines:
                if not line.endswith("\n"):
                    break  # It was killed in mid-sentence.
                last = json.loads(line)
                if "done" in last:
                    on_progress(100 * last["done"] // last["of"])
        return last
