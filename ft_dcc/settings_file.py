"""One file of settings, ``ft_dcc.toml``: its names, its values, and on which line each stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid

NAME = "ft_dcc.toml"


@attrs.frozen
class SettingsFile:
    """What one file says: "studio", "project" or "user" is its ``layer``.

    ``is_named`` is false for one that was only found, in this folder or above it: anybody could have put it there.
    """

    layer: str
    path: Path
    is_named: bool
    text: str
    content: Mapping[str, Any]

    def where(self, name: str) -> str:
        """Return the file and the line in which the name is set, for a person."""
        found = re.search(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*[=.]|^[ \t]*\[+[ \t]*{name}\b", self.text, re.M)
        line = self.text.count("\n", 0, found.start()) + 1 if found is not None else 1
        return f"{self.path}, line {line}"


def read_file(layer: str, path: Path, *, is_named: bool) -> SettingsFile | None:
    """Return the file, or None where there is none; raises SettingInvalid for one that is no TOML, with its line.

    A file that was named must be there.
    """
    try:
        # Some editors begin a file with a mark of its encoding.
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError) as error:
        if is_named:
            raise SettingInvalid(f"There is no file {path} with the settings of the {layer}. Make it.") from error
        return None
    except UnicodeDecodeError as error:
        raise SettingInvalid(f"The settings of the {layer} in {path} are not UTF-8. Save the file as UTF-8.") from error
    except OSError as error:
        reason = error.strerror or error
        raise SettingInvalid(
            f"The settings of the {layer} in {path} cannot be read: {reason}. Make it readable."
        ) from error
    return SettingsFile(layer, path, is_named, text, _parsed(path, text))


def find_file(folder: Path) -> Path | None:
    """Return the nearest file of settings in the folder or above it, or None."""
    candidates = (parent / NAME for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


def _parsed(path: Path, text: str) -> Mapping[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = found[1] if found is not None else max(1, len(text.splitlines()))
        raise SettingInvalid(
            f'{path}, line {line}: this is no TOML: {reason}. Write each setting once, as name = "text".'
        ) from error
