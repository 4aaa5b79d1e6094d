"""The state of the process in which a studio's plugins run: pyblish's registries, the module path and the modules.

Others use pyblish in the same process. They find its state as they left it, except while a plugin of the studio runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

from ft_dcc.errors import SettingInvalid, nearest_hint
from ft_dcc.publish.pipeline import pyblish_adapter
from ft_dcc.settings import resolve, sections

# By the folders of plugins, the modules of these folders by their names. They are kept, because many a compiled module
# cannot be imported a second time.
_MODULES: dict[tuple[str, ...], dict[str, ModuleType]] = {}
# By the folder, its modules whose names another folder of plugins has, too.
_OWN_MODULES: dict[str, dict[str, ModuleType]] = {}
# The attribute of a plugin with the names of its settings and their defaults.
_DECLARATION = "studio_settings"
# A name this near to a known one is a mistake; others are checks of another program.
_NEAR = 0.75


class Environment:
    """The plugins of a publish, and the state in which those of the studio run.

    It begins with the host, and without what others have registered; if it ``is_shared``, with all of that. What a
    plugin changes is kept for the plugins after it.
    """

    def __init__(self, host_name: str | None = None, folders: Sequence[str] = (), *, is_shared: bool = False) -> None:
        pyblish_adapter.load_api()
        self.is_shared = is_shared
        self.plugins: list[pyblish_adapter.PluginClass] = []
        # Labels of our checks, and the files of the studio's that take their place.
        self.replaced: dict[str, str] = {}
        # The entries of the section ``checks``, and the values of what plugins declare for the section ``studio``.
        self.levels: Mapping[str, Any] = {}
        self.studio: Mapping[str, Any] = {}
        self._folders = [os.path.abspath(folder) for folder in folders]  # noqa: PTH100 - keeps links
        self._modules = _MODULES.setdefault(tuple(folders), {})
        self._path: list[str] = []
        self._registries = _copy_registries()
        if not is_shared:
            for name in ("plugins", "targets", "callbacks", "plugin_filters"):
                self._registries[f"_registered_{name}"].clear()
            self._registries["_registered_hosts"] = ["python"]
            self._registries["_registered_paths"] = [pyblish_adapter.pyblish_plugins()]
        hosts = self._registries["_registered_hosts"]
        if host_name is not None and host_name.lower() not in hosts:
            hosts.append(host_name.lower())

    @property
    def targets(self) -> list[str]:
        """The targets of the publish, besides the default one."""
        targets: list[str] = self._registries["_registered_targets"]
        return targets

    @contextmanager
    def active_for(self, plugin: pyblish_adapter.PluginClass) -> Iterator[None]:
        """Return a context for a run of this plugin; those of ft-dcc leave the process as it is."""
        if plugin.__module__.startswith("ft_dcc.") and not self.is_shared:
            yield
            return
        with self.active(), self.importing_from(os.path.dirname(plugin.__module__)):  # noqa: PTH120 - keeps links
            yield

    @contextmanager
    def active(self) -> Iterator[None]:
        """Give this state to the process, which has its own again afterwards, also after an error."""
        registries, path, before, modules = _copy_registries(), sys.path, list(sys.path), dict(sys.modules)
        _set_registries(self._registries)
        sys.path[:] = [*self._path, *(each for each in before if each not in self._path)]
        sys.modules.update(self._modules)
        try:
            yield
        finally:
            self._registries, self._path = _copy_registries(), list(sys.path)
            _set_registries(registries)
            sys.path = path
            sys.path[:] = before
            added = {os.path.abspath(each) for each in {*self._path}.difference(before)}  # noqa: PTH100 - keeps links
            new = [name for name in list(sys.modules) if name not in modules and _is_in(added, name)]
            for name in {*self._modules, *new}.intersection(sys.modules):
                self._modules[name] = sys.modules.pop(name)
            sys.modules.update({name: each for name, each in modules.items() if name in self._modules})

    @contextmanager
    def importing_from(self, folder: str) -> Iterator[None]:
        """Let imports find the modules of this folder of plugins before those of the same name in the others."""
        folder = os.path.abspath(folder) if folder else ""  # noqa: PTH100 - keeps links
        if folder not in self._folders:
            yield
            return
        own, others = _OWN_MODULES.setdefault(folder, {}), {*self._folders} - {folder}
        taken = {path.stem for path in Path(folder).iterdir() if path.suffix == ".py" or path.is_dir()}
        hidden = {name for name in list(sys.modules) if name.partition(".")[0] in taken and _is_in(others, name)}
        kept = {name: sys.modules.pop(name) for name in hidden}
        sys.modules.update(own)
        before = list(sys.path)
        sys.path[:] = [*(each for each in before if each not in others), *(each for each in before if each in others)]
        try:
            yield
        finally:
            tops = {each.partition(".")[0] for each in kept}
            names = [name for name in sys.modules if name.partition(".")[0] in tops]
            own.update({name: sys.modules.pop(name) for name in names})
            sys.modules.update(kept)
            # What a plugin has put first stays first.
            new = [each for each in sys.path if each not in before]
            first = list(takewhile(lambda each: each not in before, sys.path))
            sys.path[:] = [*first, *before, *new[len(first) :]]

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Guard the log, and keep the callbacks of others out, while the plugins of a publish run."""
        callbacks = nullcontext() if self.is_shared else pyblish_adapter.without_callbacks()
        with pyblish_adapter.guarded_logging(), callbacks:
            yield

    def level_of(self, plugin: pyblish_adapter.PluginClass, task_type: str) -> str:
        """Return what becomes of the problems of the plugin, which may be no check, for a task of this type."""
        content = next(
            (self.levels[name.lower()] for name in _names(plugin) if name.lower() in self.levels), sections.REQUIRED
        )
        if not pyblish_adapter.is_check(plugin):
            return sections.REQUIRED
        if isinstance(content, Mapping):
            by_type = {kind.lower(): level for kind, level in content.items()}
            content = by_type.get(task_type.lower(), by_type.get(sections.LEVEL, sections.REQUIRED))
        return str(content)


def _copy_registries() -> dict[str, Any]:
    """Return copies of pyblish's registries: lists, and dictionaries of lists or of single values."""
    return {
        name: [*registry]
        if isinstance(registry, list)
        else {key: [*value] if isinstance(value, list) else value for key, value in registry.items()}
        for name, registry in pyblish_adapter.registries().items()
    }


def _set_registries(contents: dict[str, Any]) -> None:
    for name, registry in pyblish_adapter.registries().items():
        if isinstance(registry, list):
            registry[:] = contents[name]
        else:
            registry.clear()
            registry.update(contents[name])


def _is_in(folders: set[str], name: str) -> bool:
    """Return whether the module was found in one of these folders of the module path, or is a plugin file."""
    module, package = sys.modules[name], sys.modules.get(name.partition(".")[0])
    if name == getattr(module, "__file__", None):
        return True
    if package is None:
        return False
    locations = list(getattr(package, "__path__", ())) or [getattr(package, "__file__", None) or ""]
    return any(os.path.dirname(location) in folders for location in locations)  # noqa: PTH120 - as on the path


def check_levels(settings: resolve.Settings, plugins: Iterable[pyblish_adapter.PluginClass]) -> Mapping[str, Any]:
    """Return the section ``checks`` by names in small letters; raise SettingInvalid for one that is nearly a check."""
    known = {name.lower(): name for plugin in plugins if pyblish_adapter.is_check(plugin) for name in _names(plugin)}
    for name, entry in settings.entries["checks"].items():
        hint = nearest_hint(name.lower(), known, _NEAR, "")
        if name.lower() not in known and hint:
            nearest = next(each for low, each in known.items() if low in hint)
            raise SettingInvalid(f"{entry.where}: there is no check {name!r}. Did you mean {nearest!r}?")
    return {name.lower(): content for name, content in settings.section("checks").items()}


def _names(plugin: pyblish_adapter.PluginClass) -> tuple[str, ...]:
    return (plugin.label, plugin.__name__) if plugin.label else (plugin.__name__,)


def read_studio(settings: resolve.Settings, plugins: Iterable[pyblish_adapter.PluginClass]) -> dict[str, Any]:
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
