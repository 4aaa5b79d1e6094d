"""Every setting: its name, what it means, and where its value came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs
import platformdirs

from ft_dcc.errors import SettingInvalid


@attrs.frozen
class Setting:
    """One thing that can be set; ``environment`` lists its variables, the first found wins."""

    name: str
    help: str
    environment: tuple[str, ...]
    default: str | None = None
    is_secret: bool = False


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
        return "set" if self.setting.is_secret else self.text


SETTINGS = (
    Setting("server", "address of the ftrack site or studio server", ("FTRACK_SERVER",)),
    Setting("user", "user name on the server", ("FTRACK_API_USER",)),
    Setting("key", "API key of that user", ("FTRACK_API_KEY", "FTRACK_APIKEY"), is_secret=True),
    Setting(
        "jobs",
        "folder that holds the publishes in progress",
        ("FT_DCC_JOBS",),
        str(Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)) / "jobs"),
    ),
    Setting("ffmpeg", "the ffmpeg to encode with", ("FT_DCC_FFMPEG",)),
)


@attrs.frozen
class Settings:
    """All settings with their origins."""

    values: dict[str, Value]

    def get(self, name: str) -> str | None:
        """The value of a setting, or None where nobody set it."""
        return self.values[name].text

    def need(self, name: str) -> str:
        """The value of a setting; raises SettingInvalid, naming its variable, where nobody set it."""
        value = self.values[name]
        if value.text is None:
            variable = value.setting.environment[0]
            raise SettingInvalid(f"The {value.setting.help} is not set. Set {variable}, or start one: ft-dcc serve.")
        return value.text


def read_settings(
    arguments: Mapping[str, str | None] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return every setting: an argument wins over the environment, which wins over the default."""
    given, environ = arguments or {}, os.environ if environ is None else environ
    unknown = set(given) - {setting.name for setting in SETTINGS}
    if unknown:
        raise SettingInvalid(f"There is no setting called {sorted(unknown)[0]}.")
    return Settings({setting.name: _value(setting, given.get(setting.name), environ) for setting in SETTINGS})


def _value(setting: Setting, argument: str | None, environ: Mapping[str, str]) -> Value:
    if argument is not None:
        return Value(setting, argument, "argument")
    for variable in setting.environment:
        # An empty variable is how a shell unsets one for a single command.
        if environ.get(variable):
            return Value(setting, environ[variable], f"environment {variable}")
    return Value(setting, setting.default, "default" if setting.default is not None else "nowhere")
