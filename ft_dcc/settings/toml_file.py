"""Read one settings file, ``ft_dcc.toml``, and find the lines of its settings."""

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
    """The content of one settings file; its ``layer`` is "studio", "project" or "user".

    ``is_explicit`` is false for an auto-discovered file, which any user may have put there.
    """

    layer: str
    path: Path
    is_explicit: bool
    text: str
    content: Mapping[str, Any]

    def where(self, name: str) -> str:
        """Return the file and the line of a setting, for messages."""
        found = re.search(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*[=.]|^[ \t]*\[+[ \t]*{name}\b", self.text, re.M)
        line = self.text.count("\n", 0, found.start()) + 1 if found is not None else 1
        return f"{self.path}, line {line}"


def read_file(layer: str, path: Path, *, is_explicit: bool) -> SettingsFile | None:
    """Return the file, or None if it does not exist; raise SettingInvalid for invalid TOML, with the line.

    Raises SettingInvalid also if an explicit file does not exist.
    """
    try:
        # Some editors write a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError) as error:
        if is_explicit:
            raise SettingInvalid(f"The settings file of the {layer}, {path}, does not exist. Create it.") from error
        return None
    except UnicodeDecodeError as error:
        raise SettingInvalid(f"The settings of the {layer} in {path} are not UTF-8. Save the file as UTF-8.") from error
    except OSError as error:
        reason = error.strerror or error
        raise SettingInvalid(
            f"The settings of the {layer} in {path} cannot be read: {reason}. Make it readable."
        ) from error
    return SettingsFile(layer, path, is_explicit, text, parse_toml(path, text))


def find_file(folder: Path) -> Path | None:
    """Return the nearest settings file in the folder or above it, or None."""
    candidates = (parent / NAME for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


def parse_toml(path: Path, text: str) -> Mapping[str, Any]:
    """Return the content of a TOML file; raise SettingInvalid with the line of a mistake."""
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
            f'{path}, line {line}: invalid TOML: {reason}. Write each setting once, as name = "text".'
        ) from error
