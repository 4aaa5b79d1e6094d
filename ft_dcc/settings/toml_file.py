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
_WINDOWS_REMEDY = r"Write a path of Windows in single quotes: 'C:\path'."


@attrs.frozen
class SettingsFile:
    """The content of one settings file; its ``layer`` is "studio", "server", "project" or "user".

    ``is_explicit`` is false for a file that any user may have put there. The file of the layer "server" has no folder;
    its ``path`` is a name for messages.
    """

    layer: str
    path: Path | str
    is_explicit: bool
    text: str
    content: Mapping[str, Any]

    def where(self, name: str, section: str = "") -> str:
        """Return the file and the line of a setting, or of an entry of a section, for messages."""
        quoted = rf"[\"']?{re.escape(name)}[\"']?"
        header = rf"[ \t]*\[+[ \t]*{section}[ \t]*\.[ \t]*{quoted}[ \t]*\]" if section else rf"[ \t]*\[+[ \t]*{quoted}"
        dotted = rf"(?:{section}[ \t]*\.[ \t]*)?" if section else ""
        found = re.search(rf"^{header}|^[ \t]*{dotted}{quoted}[ \t]*[=.]", self.text, re.M)
        line = self.text.count("\n", 0, found.start()) + 1 if found is not None else 1
        return f"{self.path}, line {line}"

    @property
    def kind(self) -> str:
        """What the file is, for messages."""
        return "settings on the server" if self.layer == "server" else "an auto-discovered file"

    def absolute(self, text: str, where: str) -> str:
        r"""Return a path, relative ones below the folder of the file.

        Raises SettingInvalid if the file has no folder, and for a control character, as "C:\tools" has in TOML.
        """
        if any(character < " " for character in text):
            raise SettingInvalid(f"{where}: {text!r} has a control character. {_WINDOWS_REMEDY}")
        path = Path(text).expanduser()
        if isinstance(self.path, Path):
            return str(self.path.parent / path)
        # Machines of another system have other paths: a drive is absolute for all of them.
        if not path.is_absolute() and not text.startswith(("/", "\\")) and text[1:2] != ":":
            raise SettingInvalid(
                f"{where}: {text} is relative, and settings on the server have no folder. Write it whole."
            )
        return text


def read_file(layer: str, path: Path, *, is_explicit: bool) -> SettingsFile | None:
    """Return the file, None if it does not exist; raise SettingInvalid for invalid TOML or a missing explicit file."""
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


def server_file(project: str, text: str) -> SettingsFile:
    """Return the settings that a server keeps for a project; raise SettingInvalid for invalid TOML, with the line."""
    name = f"settings of the project {project}"
    return SettingsFile("server", name, False, text, parse_toml(name, text))


def find_file(folder: Path) -> Path | None:
    """Return the nearest settings file in the folder or above it, or None."""
    candidates = (parent / NAME for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


def parse_toml(path: Path | str, text: str) -> Mapping[str, Any]:
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
        remedy = 'Write each setting once, as name = "text".'
        if any("\\" in each for each in text.splitlines()[int(line) - 1 : int(line)]):
            remedy = _WINDOWS_REMEDY
        raise SettingInvalid(f"{path}, line {line}: invalid TOML: {reason}. {remedy}") from error
