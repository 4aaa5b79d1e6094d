"""Resolve the value of each setting from arguments, environment and files, with its origin."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.errors import SettingInvalid
from ft_dcc.settings import definitions, toml_file
from ft_dcc.settings.setting import Setting

_BY_NAME = {setting.name: setting for setting in definitions.SETTINGS}


@attrs.frozen
class Value:
    """The value of a setting and its origin; the repr does not contain secrets."""

    setting: Setting
    text: str | None
    origin: str

    def __repr__(self) -> str:
        return f"Value({self.setting.name}={self.display_text!r}, origin={self.origin!r})"

    @property
    def display_text(self) -> str:
        """The value as it may be printed; a secret is shown as "set"."""
        if self.text is None:
            return "not set"
        return "set" if self.setting.is_secret else self.text.replace("\n", ", ")


@attrs.frozen
class Settings:
    """The values of all settings."""

    values: dict[str, Value]

    def get(self, name: str) -> str | None:
        """Return the value of a setting, or None if it is not set."""
        return self.values[name].text

    def items(self, name: str) -> tuple[str, ...]:
        """Return the values of a setting that takes several; an empty tuple if it is not set."""
        value = self.values[name]
        return tuple(part for part in (value.text or "").split(value.setting.separator) if part)

    def require(self, name: str) -> str:
        """Return the value of a setting; raise SettingInvalid, which names its variable, if it is not set."""
        value = self.values[name]
        if value.text is None:
            raise SettingInvalid(f"{value.setting.environment[0]} is not set.")
        return value.text


def read_settings(
    arguments: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return all settings, by precedence: arguments, environment, files of user, project and studio, defaults.

    The project's file is the nearest ``ft_dcc.toml`` in ``folder``, by default the working directory, or above it.
    Raises SettingInvalid for an unknown name or an invalid value, with its file and line.
    """
    environ = os.environ if environ is None else environ
    values = {setting.name: Value(setting, setting.default, "default") for setting in definitions.SETTINGS}
    for file in _files(environ, folder):
        for name, content in file.content.items():
            values[name] = _from_file(file, name, content)
    for setting in definitions.SETTINGS:
        variable = next((name for name in setting.environment if environ.get(name)), None)
        # Shells unset a variable for a single command by making it empty.
        if variable is not None:
            values[setting.name] = _validated(setting, environ[variable], f"environment {variable}")
    for name, argument in (arguments or {}).items():
        if argument is not None:
            values[name] = _validated(_find_setting(name, "The argument"), argument, "argument")
    return Settings(values)


def check_value(name: str, text: str) -> None:
    """Raise SettingInvalid for an unknown setting or an invalid value."""
    _validated(_find_setting(name, "The setting"), text, "The setting")


def _files(environ: Mapping[str, str], folder: Path | None) -> Iterator[toml_file.SettingsFile]:
    """Yield the existing files in ascending precedence."""
    studio = Path(platformdirs.site_config_dir("ft-dcc", appauthor=False)) / toml_file.NAME
    user = Path(platformdirs.user_config_dir("ft-dcc", appauthor=False)) / toml_file.NAME
    project = toml_file.find_file((folder or Path.cwd()).absolute())
    if project in (studio, user):
        project = None
    for layer, default in (("studio", studio), ("project", project), ("user", user)):
        explicit = environ.get(f"FT_DCC_{layer.upper()}_SETTINGS")
        path = Path(explicit) if explicit else default
        file = None if path is None else toml_file.read_file(layer, path, is_explicit=bool(explicit))
        if file is not None:
            yield file


def _from_file(file: toml_file.SettingsFile, name: str, content: Any) -> Value:
    where = file.where(name)
    if isinstance(content, dict) and name not in _BY_NAME:
        # A section such as [burnin] with top_left in it.
        meant = [each for inner in content for each in (f"{name}_{inner}", inner) if each in _BY_NAME]
        hint = f" Write {meant[0]} without a section." if meant else ""
        raise SettingInvalid(f"{where}: there is no setting or section called {name}.{hint}")
    setting = _find_setting(name, where)
    if setting.is_secret and file.layer != "user":
        raise SettingInvalid(f"{where}: put a key into the user's own file or into {setting.environment[0]}.")
    if setting.needs_trusted_file and file.layer == "project" and not file.is_explicit:
        raise SettingInvalid(
            f"{where}: {name} is not allowed in an auto-discovered file. "
            "Set FT_DCC_PROJECT_SETTINGS to the file if you trust it."
        )
    return _validated(setting, _text(setting, content, file, where), f"{file.layer}: {where}", where)


def _text(setting: Setting, content: Any, file: toml_file.SettingsFile, where: str) -> str:
    """Return the value of a file as the text that an environment variable would contain."""
    if isinstance(content, bool) and setting.is_boolean:
        return str(content).lower()
    if type(content) in (int, float) and setting.is_number:
        return str(content)
    parts = content if isinstance(content, list) and setting.separator else [content]
    for part in parts:
        if not isinstance(part, str):
            raise SettingInvalid(f"{where}: {setting.name} takes {_expected_type(setting)}, not {_type_name(part)}.")
    if setting.is_path:
        parts = [part if "://" in part else str(file.path.parent / Path(part).expanduser()) for part in parts]
    return (setting.separator or "").join(parts)


def _expected_type(setting: Setting) -> str:
    if setting.is_boolean:
        return "true or false"
    return "a string or an array of strings" if setting.separator else "a string"


def _type_name(content: object) -> str:
    if isinstance(content, (list, dict)):
        return "an array" if isinstance(content, list) else "a section"
    return f"{str(content).lower()} without quotation marks"


def _find_setting(name: str, where: str) -> Setting:
    if name in _BY_NAME:
        return _BY_NAME[name]
    nearest = difflib.get_close_matches(name, _BY_NAME, 1, 0.5)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"Known settings: {', '.join(_BY_NAME)}."
    raise SettingInvalid(f"{where}: there is no setting called {name}. {hint}")


def _absolute(setting: Setting, part: str) -> str:
    """Return a path that another process with another working folder understands; names without a folder stay."""
    is_name = not os.path.dirname(part) and setting.name not in ("fonts", "jobs", "local_studio", "plugins")  # noqa: PTH120
    # Not resolve(): a studio's paths may contain links on purpose.
    return part if not part or "://" in part or is_name else os.path.abspath(part)  # noqa: PTH100


def _validated(setting: Setting, text: str, origin: str, where: str = "") -> Value:
    if setting.is_path:
        parts = text.split(setting.separator) if setting.separator else [text]
        text = (setting.separator or "").join(_absolute(setting, part) for part in parts)
    value = Value(setting, text, origin)
    try:
        for part in text.split(setting.separator) if setting.separator else [text]:
            if setting.check is not None and part:
                setting.check(part)
    except SettingInvalid as error:
        raise SettingInvalid(f"{where or origin}: {setting.name}: {error}") from error
    return value
