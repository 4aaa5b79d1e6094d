"""Presets for the look of a playblast: those of the host, and those of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ft_dcc.errors import SettingInvalid
from ft_dcc.host import SupportsLooks
from ft_dcc.settings.resolve import Settings

Looks = Mapping[str, Mapping[str, Any]]


def find_looks(host: object, settings: Settings) -> Looks:
    """Return the presets by name, that of the setting ``look`` first; none for a host without looks.

    Those of the setting ``looks`` may use and replace presets of the host. Raises SettingInvalid.
    """
    if not isinstance(host, SupportsLooks):
        return {}
    found: dict[str, Mapping[str, Any]] = dict(host.looks)
    for text in settings.items("looks"):
        name, _, options = text.partition(":")
        found[name.strip()] = parse_look(options, found)
    default = settings.get("look")
    return {default: parse_look(default, found), **found} if default else found


def parse_look(text: str, looks: Looks) -> dict[str, Any]:
    """Return the options of a text of names of presets and of options; later ones take precedence.

    >>> parse_look("lit, samples=16, shadows=false, hide=joints+locators", {"lit": {"lights": "all"}})
    {'lights': 'all', 'samples': 16, 'shadows': False, 'hide': ('joints', 'locators')}

    Raises SettingInvalid for an unknown preset.
    """
    options: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, is_option, value = (word.strip() for word in part.partition("="))
        if is_option:
            options[name] = _value(value)
        elif name in looks:
            options.update(looks[name])
        else:
            raise SettingInvalid(f"There is no look {name!r}. Choose from {', '.join(looks)}, or write option=value.")
    return options


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text.isdigit():
        return int(text)
    return tuple(text.split("+")) if "+" in text else text
