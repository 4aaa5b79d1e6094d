"""The typed part of pyblish, as ``tests/publish/test_pyblish_adapter.py`` pins it, with guards for side effects."""

from __future__ import annotations

import getpass
import logging
import os
import re
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyblish
from pyblish import lib, logic

from ft_dcc.errors import Error

if TYPE_CHECKING:

    class Entity(list[Any]):
        """The common part of the context and an instance."""

        data: dict[str, Any]
        id: str
        name: str

    class Instance(Entity):
        """One source of the publish, from which one version is made."""

        context: Context

    class Context(Entity):
        """The publish as a whole: a list of instances."""

        def create_instance(self, name: str, **data: Any) -> Instance:
            """Return a new instance at the end of the list."""

    class Plugin:
        """The attributes of every plugin."""

        order: ClassVar[float]
        label: ClassVar[str | None]
        families: ClassVar[list[str]]
        hosts: ClassVar[list[str]]
        targets: ClassVar[list[str]]
        active: ClassVar[bool]

        def repair(self, target: Any) -> None:
            """Repair the problem of the instance or of the context."""

    class ContextPlugin(Plugin):
        """A plugin that runs once on the context."""

    class InstancePlugin(Plugin):
        """A plugin that runs on one instance at a time."""

else:
    from pyblish.plugin import Context, ContextPlugin, Instance, InstancePlugin, Plugin

__all__ = ["Context", "ContextPlugin", "Instance", "InstancePlugin", "Plugin"]

COLLECTOR, VALIDATOR, EXTRACTOR, INTEGRATOR = 0, 1, 2, 3
# Plugins before the barrier find problems and change nothing; plugins behind it run for valid sources only.
# A stage reaches half an order up and down, its lower bound included.
VALIDATION_BARRIER = VALIDATOR + 0.5

# The family of every instance that becomes a version; a studio's plugins may create instances of other families.
REVIEW = "review"

PluginClass = type[Plugin]


def is_check(plugin: PluginClass) -> bool:
    """Return whether the plugin finds problems."""
    return VALIDATOR - 0.5 <= plugin.order < VALIDATION_BARRIER


def place_of(plugin: PluginClass, error: BaseException | None = None) -> str:
    """Return the file of a plugin of a studio with the line of its class, or of the error; else its module."""
    path, line = plugin.__module__, 0
    for frame, number in traceback.walk_tb(None if error is None else error.__traceback__):
        line = number if frame.f_code.co_filename == path else line
    if not line and Path(path).is_file():
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            found = (number for number, text in enumerate(file, 1) if re.match(rf"\s*class {plugin.__name__}\b", text))
            line = next(found, 0)
    return f"{path}, line {line}" if line else path


class RerunFrom(Error):
    """Something has changed outside of the publish: ``since`` and the plugins after it must run again."""

    def __init__(self, message: str, since: PluginClass) -> None:
        super().__init__(message)
        self.since = since


def load_api() -> None:
    """Import ``pyblish.api``, which studio plugins import, also for a user without a name."""
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container that runs as a bare user id. pyblish reads the name at import and in one of its collectors; the
        # exception depends on the Python and the system.
        os.environ["LOGNAME"] = "unnamed"
    import pyblish.api  # noqa: F401 - it registers the host "python" and pyblish's own collectors


def registries() -> dict[str, Any]:
    """Return pyblish's registries, lists and dictionaries of the process, by their names."""
    return {name: each for name, each in vars(pyblish).items() if name.startswith("_registered_")}


def pyblish_plugins() -> str:
    """Return the folder of pyblish's own collectors: of the date, the user and the working folder."""
    return os.path.join(lib.main_package_path(), "plugins")  # noqa: PTH118 - as pyblish registers it


def targets(plugin: PluginClass, context: Context, wanted: Iterable[str] = ()) -> list[Instance | None]:
    """Return the instances that match the plugin by pyblish's rules, or ``[None]`` for a context plugin.

    The list is empty for a plugin that is inactive, or has neither the default target nor one of the ``wanted``;
    instances with ``publish=False`` are left out.
    """
    if not plugin.active or not logic.plugins_by_targets([plugin], ["default", *wanted]):
        return []
    if not plugin.__instanceEnabled__:  # type: ignore[attr-defined] # set by pyblish's metaclass
        return [None]
    instances: Iterable[Instance] = logic.instances_by_plugin(context, plugin)
    return [instance for instance in instances if instance.data.get("publish") is not False]


def find_repair(plugin: PluginClass, instance: Instance | None) -> str | None:
    """Return the label of the plugin's repair, or None if it has none for this instance.

    A plugin with its own method ``repair`` repairs the instances that match its ``repair_families``, or all, unless its
    method ``can_repair`` returns false for the instance; ``repair_label`` is what the artist reads.
    """
    # pyblish gives every plugin a repair() that does nothing.
    if plugin.repair is Plugin.repair:
        return None
    can_repair = getattr(plugin(), "can_repair", None)
    if instance is not None and can_repair is not None and not can_repair(instance):
        return None
    wanted = set(getattr(plugin, "repair_families", ("*",)))
    families = {"*"} if instance is None else {"*", instance.data["family"], *instance.data["families"]}
    return str(getattr(plugin, "repair_label", "Repair it")) if wanted & families else None


def _silence(_record: logging.LogRecord) -> bool:
    return False


@contextmanager
def maintained_levels() -> Iterator[None]:
    """Restore the levels of all loggers."""
    manager = logging.root.manager
    loggers = [logging.root, *(each for each in list(manager.loggerDict.values()) if isinstance(each, logging.Logger))]
    before, disabled = [(each, each.level) for each in loggers], manager.disable
    try:
        yield
    finally:
        logging.disable(disabled)
        for logger, level in before:
            if logger.level != level:
                logger.setLevel(level)


@contextmanager
def guarded_logging() -> Iterator[None]:
    """Keep signed URLs and tracebacks out of the log while plugins run, and restore the levels of all loggers."""
    # pyblish sets the root logger to DEBUG while a plugin runs, at which urllib3 logs every URL; the URL of an upload
    # is a secret. pyblish also logs the traceback of every error, which is in the report. The root logger keeps DEBUG
    # from the first plugin to the last: a change of the level clears the cache of every logger of the process; twice
    # per plugin, that would take most of the time of a publish of many sources.
    root, urllib3_log = logging.getLogger(), logging.getLogger("urllib3")
    pyblish_log, change = logging.getLogger("pyblish.plugin"), root.setLevel

    def set_level(level: int | str) -> None:
        if level != root.level:
            change(level)

    with maintained_levels():
        urllib3_log.setLevel(max(urllib3_log.level, logging.INFO))
        pyblish_log.addFilter(_silence)
        change(logging.DEBUG)
        root.setLevel = set_level  # type: ignore[method-assign]
        try:
            yield
        finally:
            del root.setLevel
            pyblish_log.removeFilter(_silence)


@contextmanager
def without_callbacks() -> Iterator[None]:
    """Emit no signal of pyblish in this thread, so that callbacks of others do not run; other threads emit theirs."""
    emit, thread = lib.emit, threading.get_ident()

    def emit_elsewhere(signal: str, **values: Any) -> None:
        if threading.get_ident() != thread:
            emit(signal, **values)

    lib.emit = emit_elsewhere
    try:
        yield
    finally:
        lib.emit = emit


@contextmanager
def maintained_folder() -> Iterator[None]:
    """Restore the working folder: paths and the project's settings are relative to where the publish began."""
    folder = _working_folder()
    try:
        yield
    finally:
        if folder and _working_folder() != folder:
            os.chdir(folder)


def _working_folder() -> str:
    """Return the working folder, or "" if it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109 - text costs less, and a publish may run a thousand plugins
    except OSError:
        return ""
