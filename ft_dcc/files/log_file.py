"""The log file of the client: its commands, publishes, warnings and errors, for the support of a studio.

Programs that run at once share the file: each line is written by itself. Three earlier files of 1 MiB are kept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import time
import traceback
from pathlib import Path

import platformdirs

from ft_dcc.files import atomic, masking

MAX_BYTES, _KEPT_FILES = 1 << 20, 3


def log_files() -> list[Path]:
    """Return the paths of the log file and of the earlier ones, the newest first; they may not exist."""
    folder = Path(platformdirs.user_log_dir("ft-dcc", appauthor=False))
    return [folder / "ft-dcc.log", *(folder / f"ft-dcc.{number}.log" for number in range(1, _KEPT_FILES + 1))]


def start(program: str) -> None:
    """Write what ft-dcc does in this process to the log file from now on; a second call changes nothing."""
    logger = logging.getLogger("ft_dcc")
    if not any(isinstance(each, _LogFileHandler) for each in logger.handlers):
        logger.addHandler(_LogFileHandler(logging.WARNING))
        write(f"{program} starts. Python {platform.python_version()}, {platform.platform()}")


def write(text: str, level: str = "INFO", error: BaseException | None = None) -> None:
    """Write a line, with the traceback of an error, if this process writes the log file."""
    for handler in logging.getLogger("ft_dcc").handlers:
        if isinstance(handler, _LogFileHandler):
            trace = () if error is None else traceback.format_exception(type(error), error, error.__traceback__)
            handler.append(level, "".join((text, "\n" if trace else "", *trace)))


class _LogFileHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        self.append(record.levelname, f"{record.name}: {self.format(record)}")

    def append(self, level: str, text: str) -> None:
        """Append the text without secrets; further lines are indented."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        lines = masking.mask_links(text).strip().replace("\n", "\n    ")
        # A disk that is full or read-only must not stop a publish.
        with contextlib.suppress(OSError):
            path, *_ = files = log_files()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size > MAX_BYTES:
                for newer, older in reversed(list(zip(files, files[1:]))):
                    # Another program may have renamed it, or hold it open on Windows.
                    with contextlib.suppress(OSError):
                        atomic.replace(newer, older)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{moment} {os.getpid()} {level} {lines}\n")
