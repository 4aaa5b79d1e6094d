"""Change one setting in the settings file of the user; comments and all other lines stay."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import platformdirs

from ft_dcc.errors import SettingInvalid, nearest_hint
from ft_dcc.files.atomic import storage_errors, write_atomically
from ft_dcc.settings import definitions, resolve, toml_file


def user_file() -> Path:
    """Return the path of the user's settings file, which may not exist yet."""
    explicit = os.environ.get("FT_DCC_USER_SETTINGS")
    return Path(explicit) if explicit else Path(platformdirs.user_config_dir("ft-dcc", appauthor=False), toml_file.NAME)


def write_user_setting(name: str, text: str | None) -> Path:
    """Write the value into the user's file, or remove it for None; return the file.

    Several values are separated as in an environment variable. Raises SettingInvalid for an invalid value, a secret
    or a file with mistakes, and StorageError if the file cannot be written.
    """
    path = user_file()
    found = toml_file.read_file("user", path, is_explicit=False)
    if name == "outputs" and text:
        resolve.read_settings().refuse_unknown_outputs(filter(None, text.split(",")), "The setting")
    after = change_text("" if found is None else found.text, name, text)
    with storage_errors(f"{path} cannot be written", "Make it writable."):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, after.encode("utf-8"))
    return path


def change_text(file_text: str, name: str, text: str | None) -> str:
    """Return the file's text with this value, or without it for None; raise SettingInvalid for a value or no TOML."""
    setting = next((each for each in definitions.SETTINGS if each.name == name), None)
    if setting is None or setting.is_secret:
        known = (each.name for each in definitions.SETTINGS)
        reason = "Sign in to store a key." if setting is not None else nearest_hint(name, known, 0.5, "")
        raise SettingInvalid(f"{name} cannot be changed here. {reason}".rstrip())
    if text is not None:
        resolve.validated(setting, text, "The setting")
    after = _without(file_text, name)
    if text is not None:
        value = text
        if not setting.is_boolean:
            parts = [part for part in text.split(setting.separator) if part] if setting.separator else text
            # A JSON string is a basic string of TOML.
            value = json.dumps(parts, ensure_ascii=False)
        # At the beginning: after the header of a section it would belong to the section.
        after = f"{name} = {value}\n{after}"
    toml_file.parse_toml(Path("the settings"), after)
    return after


def _without(text: str, name: str) -> str:
    """Return the text without the assignment of a setting, which may go over several lines."""
    lines = text.splitlines(keepends=True)
    pattern = re.compile(rf"[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*(\.[ \t]*(add|replace)[ \t]*)?=")
    start = next((index for index, line in enumerate(lines) if pattern.match(line)), None)
    if start is None:
        return text
    end = next(end for end in range(start + 1, len(lines) + 1) if _is_complete("".join(lines[start:end])))
    return "".join(lines[:start] + lines[end:])


def _is_complete(text: str) -> bool:
    try:
        toml_file.parse_toml(Path(), text)
    except SettingInvalid:
        return False
    return True
