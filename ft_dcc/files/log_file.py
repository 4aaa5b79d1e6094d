"""The log file of the client: its commands, publishes, warnings and errors, for the support of a studio.

Programs that run at once share the file: each line is written by itself. Three earlier files of 1 MiB are kept. Here is
also what takes credentials, secret links and the names of people's folders out of texts that leave a program.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import re
import time
import traceback
from pathlib import Path
from typing import Any

import platformdirs

from ft_dcc.files import atomic

MAX_BYTES, _KEPT_FILES = 1 << 20, 3
# A credential in a URL or in a text.
_CREDENTIAL = re.compile(
    r"\b((?:x-amz-)?(?:signature|credential|security-token)|token|secret|password|(?:ftrack[-_])?api[-_]?key)"
    r"([\"']?\s*[=:]\s*[\"']?)[^\s&\"',;]+",
    re.IGNORECASE,
)
# Paths of a studio server that are secrets: review links, sign-in links, and signed addresses of media.
_SECRET_PATH = re.compile(r"(/review/[\w-]+/|/user/sign_in/|/component/(?:upload|signed)/)[\w.~%-]+")
_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# A backslash is doubled in JSON.
_HOME = re.compile(r"(?:/home|/Users|[A-Za-z]:(?:\\{1,2}|/)Users)(?:\\{1,2}|/)[^\\/\"'\s]+")


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
        lines = mask_links(text).strip().replace("\n", "\n    ")
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


def mask(text: str, key: str = "") -> str:
    """Return the text without the key and without the values that are named like a credential."""
    text = text.replace(key, "***") if key else text
    # The test is faster than the pattern: a report of many sources has many texts, and most have neither character.
    return _CREDENTIAL.sub(r"\1\2***", text) if "=" in text or ":" in text else text


def mask_all(value: Any, key: str) -> Any:
    """Return plain data with all its texts masked."""
    if isinstance(value, str):
        return mask(value, key)
    if isinstance(value, dict):
        return {name: mask_all(content, key) for name, content in value.items()}
    return [mask_all(content, key) for content in value] if isinstance(value, (list, tuple)) else value


def mask_links(text: str) -> str:
    """Return the text without credentials and without the secret parts of links."""
    return _SECRET_PATH.sub(r"\1***", mask(text))


def anonymise(text: str, keys: tuple[str, ...] = ()) -> str:
    """Return the text without these keys, credentials, secret links, mail addresses and home folders."""
    for key in filter(None, keys):
        text = text.replace(key, "***")
    home = str(Path.home())
    for form in (home, home.replace("\\", "\\\\"), Path(home).as_posix()) if len(home) > 1 else ():
        text = text.replace(form, "~")
    return _MAIL_ADDRESS.sub("***", _HOME.sub("~", mask_links(text)))
