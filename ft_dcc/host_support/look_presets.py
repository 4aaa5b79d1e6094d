"""Presets for the look of a playblast: those of the host, and those of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.host import SupportsLooks
from ft_dcc.settings.resolve import Settings

_Look = TypeVar("_Look")
Presets = Mapping[str, Mapping[str, Any]]


class LookOptions:
    """The options of a host's look, the fields of an attrs class."""

    @classmethod
    def from_request(cls: type[_Look], look: Mapping[str, Any]) -> _Look:
        """Return the ``look`` of a PlayblastRequest; raise SettingInvalid for an unknown name or value."""
        fields = {field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type] # of its subclasses
        unknown = sorted(set(look) - set(fields))
        if unknown:
            raise SettingInvalid(f"Unknown setting of a look: {', '.join(unknown)}. Choose from {', '.join(fields)}.")
        for name, value in look.items():
            if isinstance(fields[name].default, bool) and not isinstance(value, bool):
                raise SettingInvalid(f"look.{name} cannot be {value!r}. Choose from true, false.")
        return cls(**look)


def find_presets(host: object, settings: Settings, task_type: str = "") -> Presets:
    """Return the presets by name, the default one first; none for a host without looks.

    The default is that of the section ``looks`` for the task's type, else the setting ``look``, else the host's. Those
    of the section may use and replace presets of the host. Raises SettingInvalid.
    """
    if not isinstance(host, SupportsLooks):
        return {}
    found: dict[str, Mapping[str, Any]] = dict(host.looks)
    default = settings.get("look")
    for name, preset in settings.section("looks").items():
        options = preset.get(host.name.lower()) or preset.get("look")
        if not options:
            continue
        found[name] = parse_look(options, found)
        types = preset.get("task_types", [])
        if task_type.lower() in map(str.lower, [types] if isinstance(types, str) else types):
            default = name
    return {default: parse_look(default, found), **found} if default else found


def choose_look(chosen: Mapping[str, Any] | str | None, presets: Presets) -> dict[str, Any]:
    """Return the options of a look, or of a text of presets and options; None stands for the default preset.

    A text that begins with an option changes the default preset. Raises SettingInvalid for an unknown preset.
    """
    default = next(iter(presets.values()), {})
    if not isinstance(chosen, str):
        return dict(default if chosen is None else chosen)
    options = parse_look(chosen, presets)
    return {**default, **options} if "=" in chosen.partition(",")[0] else options


def parse_look(text: str, presets: Presets) -> dict[str, Any]:
    """Return the options of a text of names of presets and of options; later ones take precedence.

    >>> parse_look("lit, samples=16, shadows=false, hide=joints+locators", {"lit": {"lights": "all"}})
    {'lights': 'all', 'samples': 16, 'shadows': False, 'hide': ('joints', 'locators')}

    Raises SettingInvalid for an unknown preset.
    """
    options: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, is_option, value = (word.strip() for word in part.partition("="))
        if is_option:
            # Other texts stay as they are.
            known: Any = {"true": True, "false": False}.get(value, value)
            options[name] = int(value) if value.isdigit() else tuple(value.split("+")) if "+" in value else known
        elif name in presets:
            options.update(presets[name])
        else:
            raise SettingInvalid(f"There is no look {name!r}. Choose from {', '.join(presets)}, or write option=value.")
    return options
