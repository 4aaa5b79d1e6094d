"""Take credentials, secret links and the names of people's folders out of texts that leave a program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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
