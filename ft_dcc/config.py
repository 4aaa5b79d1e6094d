"""What each setting is at the moment, and where that was said."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.errors import SettingInvalid
from ft_dcc.settings import SETTINGS, Setting
from ft_dcc.settings_file import NAME, SettingsFile, find_file, read_file

_BY_NAME = {setting.name: setting for setting in SETTINGS}


@attrs.frozen
class Value:
    """What a setting is, and where that was said; ``text`` of a secret never shows in a repr."""

    setting: Setting
    text: str | None
    origin: str

    def __repr__(self) -> str:
        return f"Value({self.setting.name}={self.shown!r}, origin={self.origin!r})"

    @property
    def shown(self) -> str:
        """The value as it may be printed: a secret is only said to be there."""
        if self.text is None:
            return "not set"
        return "set" if self.setting.is_secret else self.text.replace("\n", ", ")


@attrs.frozen
class Settings:
    """All settings with their origins."""

    values: dict[str, Value]

    def get(self, name: str) -> str | None:
        """The value of a setting, or None where nobody set it."""
        return self.values[name].text

    def items(self, name: str) -> tuple[str, ...]:
        """The values of a setting that takes several; none where nobody set it."""
        value = self.values[name]
        return tuple(part for part in (value.text or "").split(value.setting.separator) if part)

    def need(self, name: str) -> str:
        """The value of a setting; raises SettingInvalid, naming its variable, where nobody set it."""
        value = self.values[name]
        if value.text is None:
            variable = value.setting.environment[0]
            raise SettingInvalid(f"The {value.setting.help} is not set. Set {variable}, or start one: ft-dcc serve.")
        return value.text


def read_settings(
    arguments: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return every setting: an argument wins over the environment, the user's, the project's and the studio's file.

    The project's file is the nearest ``ft_dcc.toml`` in ``folder``, by default the working directory, or above it.
    Raises SettingInvalid for a name that is not known and a value that cannot be used, and says where it stands.
    """
    given, environ = arguments or {}, os.environ if environ is None else environ
    values = {setting.name: _default(setting) for setting in SETTINGS}
    for file in _files(environ, folder):
        for name, content in file.content.items():
            values[name] = _from_file(file, name, content)
    for setting in SETTINGS:
        variable = next((name for name in setting.environment if environ.get(name)), None)
        # An empty variable is how a shell unsets one for a single command.
        if variable is not None:
            values[setting.name] = _checked(setting, environ[variable], f"environment {variable}")
    for name, argument in given.items():
        if argument is not None:
            values[name] = _checked(_known(name, "The argument"), argument, "argument")
    return Settings(values)


def _files(environ: Mapping[str, str], folder: Path | None) -> Iterator[SettingsFile]:
    """The files there are, the weakest first."""
    studio = Path(platformdirs.site_config_dir("ft-dcc", appauthor=False)) / NAME
    user = Path(platformdirs.user_config_dir("ft-dcc", appauthor=False)) / NAME
    project = find_file((folder or Path.cwd()).absolute())
    if project in (studio, user):
        project = None
    for layer, usual in (("studio", studio), ("project", project), ("user", user)):
        named = environ.get(f"FT_DCC_{layer.upper()}_SETTINGS")
        path = Path(named) if named else usual
        file = None if path is None else read_file(layer, path, is_named=bool(named))
        if file is not None:
            yield file


def _from_file(file: SettingsFile, name: str, content: Any) -> Value:
    where = file.where(name)
    if isinstance(content, dict) and name not in _BY_NAME:
        raise _no_section(name, content, where)
    setting = _known(name, where)
    if setting.is_secret and file.layer != "user":
        raise SettingInvalid(f"{where}: a key belongs into the user's own file, or into {setting.environment[0]}.")
    if setting.is_guarded and file.layer == "project" and not file.is_named:
        raise SettingInvalid(
            f"{where}: {name} may not be set by a file that was only found. "
            "Name the file in FT_DCC_PROJECT_SETTINGS if you trust it."
        )
    return _checked(setting, _text(setting, content, file, where), f"{file.layer}: {where}", where)


def _text(setting: Setting, content: Any, file: SettingsFile, where: str) -> str:
    """A file's value as the text that a variable would hold."""
    if isinstance(content, bool) and setting.is_switch:
        return str(content).lower()
    if type(content) in (int, float) and setting.is_number:
        return str(content)
    parts = content if isinstance(content, list) and setting.separator else [content]
    for part in parts:
        if not isinstance(part, str):
            raise SettingInvalid(f"{where}: {setting.name} takes {_wanted(setting)}, not {_kind(part)}.")
    if setting.is_path:
        parts = [part if "://" in part else str(file.path.parent / Path(part).expanduser()) for part in parts]
    return (setting.separator or "").join(parts)


def _wanted(setting: Setting) -> str:
    if setting.is_switch:
        return "true or false"
    return "a text, or an array of texts" if setting.separator else "a text"


def _kind(content: object) -> str:
    """What a file has instead, for a person."""
    if isinstance(content, (list, dict)):
        return "an array" if isinstance(content, list) else "a section"
    return f"{str(content).lower()} without quotation marks"


def _no_section(name: str, content: Mapping[str, Any], where: str) -> SettingInvalid:
    """A name may have been taken apart, as [burnin] and top_left; or somebody likes headings."""
    meant = [each for inner in content for each in (f"{name}_{inner}", inner) if each in _BY_NAME]
    hint = f" Write {meant[0]} without one." if meant else ""
    return SettingInvalid(f"{where}: there is no setting called {name}, nor any section.{hint}")


def _known(name: str, where: str) -> Setting:
    if name in _BY_NAME:
        return _BY_NAME[name]
    nearest = difflib.get_close_matches(name, _BY_NAME, 1, 0.5)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"There are {', '.join(_BY_NAME)}."
    raise SettingInvalid(f"{where}: there is no setting called {name}. {hint}")


def _checked(setting: Setting, text: str, origin: str, where: str = "") -> Value:
    value = Value(setting, text, origin)
    try:
        for part in text.split(setting.separator) if setting.separator else [text]:
            if setting.check is not None and part:
                setting.check(part)
    except SettingInvalid as error:
        raise SettingInvalid(f"{where or origin}: {setting.name}: {error}") from error
    return value


def _default(setting: Setting) -> Value:
    return Value(setting, setting.default, "default" if setting.default is not None else "nowhere")
