"""The sections of the settings that plugins decide about: levels of checks, and settings of a studio's own plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.errors import SettingInvalid, nearest_hint
from ft_dcc.publish.pipeline.pyblish_adapter import PluginClass, is_check
from ft_dcc.settings import resolve, sections

# The attribute of a plugin with the names of its settings and their defaults.
_DECLARATION = "studio_settings"
# A name this near to a known one is a mistake; others are checks of another program.
_NEAR = 0.75


def check_levels(settings: resolve.Settings, plugins: Iterable[PluginClass]) -> Mapping[str, Any]:
    """Return the section ``checks`` by names in small letters; raise SettingInvalid for one that is nearly a check."""
    known = {name.lower(): name for plugin in plugins if is_check(plugin) for name in _names(plugin)}
    for name, entry in settings.entries["checks"].items():
        hint = nearest_hint(name.lower(), known, _NEAR, "")
        if name.lower() not in known and hint:
            nearest = next(each for low, each in known.items() if low in hint)
            raise SettingInvalid(f"{entry.where}: there is no check {name!r}. Did you mean {nearest!r}?")
    return {name.lower(): content for name, content in settings.section("checks").items()}


def level_of(levels: Mapping[str, Any], plugin: PluginClass, task_type: str) -> str:
    """Return what becomes of the problems of the plugin, which may be no check, for a task of this type."""
    content = next((levels[name.lower()] for name in _names(plugin) if name.lower() in levels), sections.REQUIRED)
    if not is_check(plugin):
        return sections.REQUIRED
    if isinstance(content, Mapping):
        by_type = {kind.lower(): level for kind, level in content.items()}
        content = by_type.get(task_type.lower(), by_type.get(sections.LEVEL, sections.REQUIRED))
    return str(content)


def _names(plugin: PluginClass) -> tuple[str, ...]:
    return (plugin.label, plugin.__name__) if plugin.label else (plugin.__name__,)


def read_studio(settings: resolve.Settings, plugins: Iterable[PluginClass]) -> dict[str, Any]:
    """Return the settings that plugins declare, or defaults; raise SettingInvalid for other names and types."""
    values: dict[str, Any] = {}
    for plugin in plugins:
        values.update(getattr(plugin, _DECLARATION, {}))
    for name, entry in settings.entries["studio"].items():
        if name not in values:
            hint = nearest_hint(name, values, 0.5, "Declare it there as studio_settings, or remove it.")
            raise SettingInvalid(f"{entry.where}: studio.{name}: no plugin declares this setting. {hint}")
        default = values[name]
        is_number = type(default) is float and type(entry.content) is int
        if default is not None and type(entry.content) is not type(default) and not is_number:
            kinds: dict[Any, str] = {str: "a text", int: "a whole number", float: "a number", list: "an array"}
            kind = kinds.get(type(default), "true or false")
            raise SettingInvalid(f"{entry.where}: studio.{name} takes {kind}, not {sections.shown(entry.content)}.")
        values[name] = entry.content
    return values
