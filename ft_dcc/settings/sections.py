"""The sections of settings files: entries that a studio names itself, and their validation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable

import attrs

from ft_dcc.errors import SettingInvalid, nearest_hint

EXAMPLES = {
    "outputs": '[outputs.client] with codec = "dnxhr-hq"',
    "looks": '[looks.client] with look = "lit, samples=16"',
    "checks": '[checks] with "Frame range" = "warning"',
    "studio": "[studio] with the settings of the studio's plugins",
}
# The codecs of presets of outputs; ``media/presets.py`` has their arguments.
OUTPUT_CODECS = (
    *("h264", "hevc", "prores-proxy", "prores-lt", "prores-422", "prores-hq", "prores-4444", "prores-4444xq"),
    *("dnxhd", "dnxhr-lb", "dnxhr-sq", "dnxhr-hq", "dnxhr-hqx", "dnxhr-444"),
    *("png", "jpeg", "tiff", "dpx", "exr"),
)
# What becomes of the problems that a check finds.
REQUIRED, WARNING, OFF = LEVELS = ("required", "warning", "off")
# The key of the level of all types of tasks beside those of single types.
LEVEL = "level"


@attrs.frozen
class Entry:
    """One entry of a section: its content as TOML gives it, its text, and where it stands."""

    content: Any
    text: str
    origin: str
    where: str


def check_entry(section: str, name: str, content: Any, where: str) -> str:
    """Return the text of an entry as it is shown; raise SettingInvalid, which names where it stands."""
    try:
        SECTIONS[section](name, content)
    except SettingInvalid as error:
        raise SettingInvalid(f"{where}: {section}.{name}: {error}") from error
    return shown(content)


def shown(content: Any) -> str:
    """Return a value of TOML as it is shown."""
    if isinstance(content, Mapping):
        return ", ".join(f"{key} = {shown(value)}" for key, value in content.items())
    if isinstance(content, list):
        return f"[{', '.join(map(shown, content))}]"
    return str(content).lower() if isinstance(content, bool) else str(content)


def check_keys(content: Any, kinds: Mapping[str, Any]) -> None:
    """Raise SettingInvalid unless the content is a table of some of these keys with values of these types."""
    if not isinstance(content, dict):
        raise SettingInvalid(f"{shown(content)} is no table. Its keys are {', '.join(kinds)}.")
    for key, value in content.items():
        if key not in kinds:
            raise SettingInvalid(f"There is no key {key}. {nearest_hint(key, kinds)}")
        kind, parts = kinds[key], value if isinstance(value, list) and kinds[key] is list else [value]
        if not all(isinstance(part, str) if kind is list else type(part) is kind for part in parts):
            names = {str: "a text", int: "a whole number", bool: "true or false", list: "a text or an array of texts"}
            raise SettingInvalid(f"{key} takes {names[kind]}, not {shown(value)}.")


def _check_output(name: str, content: Any) -> None:
    check_keys(content, {"codec": str, "lines": int, "audio": str, "component": str})
    for key, known in (("codec", OUTPUT_CODECS), ("audio", ("aac", "pcm", "none"))):
        if content.get(key, known[0] if key == "audio" else "") not in known:
            raise SettingInvalid(f"{key} is {shown(content.get(key, 'missing'))}, not one of {', '.join(known)}.")
    component = content.get("component", name)
    if name.isdigit() or not all(re.fullmatch(r"[\w-]+", text) for text in (name, component)):
        raise SettingInvalid("A preset, and its component, have names of letters, digits, - and _.")
    if component in ("prores", "thumbnail") or component.startswith("ftrack"):
        raise SettingInvalid(f"{component} is a component of ft-dcc. Give another name, or another component.")
    if content.get("lines", 2) < 2:
        raise SettingInvalid("lines is at least 2.")


def _check_look(name: str, content: Any) -> None:
    check_keys(content, {"look": str, "maya": str, "blender": str, "task_types": list})
    if not any(content.get(key) for key in ("look", "maya", "blender")) or "," in name or "=" in name:
        raise SettingInvalid(f"A look has a name without commas, and options. Write {EXAMPLES['looks']}.")


def _check_check(name: str, content: Any) -> None:
    for level in content.values() if isinstance(content, dict) else [content]:
        if level not in LEVELS:
            raise SettingInvalid(f"{shown(level)} is not one of {', '.join(LEVELS)}.")


def _check_studio(name: str, content: Any) -> None:
    # The types are those that the plugins declare; they are known when the plugins are loaded.
    if not isinstance(content, (str, bool, int, float, list)):
        raise SettingInvalid("It takes a text, a number, true or false, or an array.")


SECTIONS: dict[str, Callable[[str, Any], None]] = {
    "outputs": _check_output,
    "looks": _check_look,
    "checks": _check_check,
    "studio": _check_studio,
}
