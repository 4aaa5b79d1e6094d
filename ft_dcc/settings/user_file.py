"""Change one setting in the settings file of the user; comments and all other lines stay."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.files.atomic import write_atomically
from ft_dcc.settings import toml_file
from ft_dcc.settings.definitions import SETTINGS
from ft_dcc.settings.resolve import check_value
from ft_dcc.settings.setting import Setting


def user_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the user's settings file, which may not exist yet."""
    explicit = (os.environ if environ is None else environ).get("FT_DCC_USER_SETTINGS")
    return Path(explicit) if explicit else Path(platformdirs.user_config_dir("ft-dcc", appauthor=False), toml_file.NAME)


def write_user_setting(name: str, text: str | None) -> Path:
    """Write the value into the user's file, or remove it for None; return the file.

    Several values are separated as in an environment variable. Raises SettingInvalid for an invalid value, a secret
    or a file with mistakes, and StorageError if the file cannot be written.
    """
    setting = next((each for each in SETTINGS if each.name == name), None)
    if setting is None or setting.is_secret:
        raise SettingInvalid(f"{name} cannot be changed here. Sign in to store a key.")
    if text is not None:
        check_value(name, text)
    path = user_file()
    before = _read(path)
    after = _without(before, name)
    if text is not None:
        # At the beginning: after the header of a section it would belong to the section.
        after = f"{name} = {_toml_value(setting, text)}\n{after}"
    toml_file.parse_toml(path, after)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, after.encode("utf-8"))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}. Make it writable.") from error
    return path


def _read(path: Path) -> str:
    found = toml_file.read_file("user", path, is_explicit=False)
    return "" if found is None else found.text


def _without(text: str, name: str) -> str:
    """Return the text without the assignment of a setting, which may go over several lines."""
    lines = text.splitlines(keepends=True)
    pattern = re.compile(rf"[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=")
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


def _toml_value(setting: Setting, text: str) -> str:
    if setting.is_boolean:
        return text
    # A JSON string is a basic string of TOML.
    if setting.separator:
        return json.dumps([part for part in text.split(setting.separator) if part], ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)
