"""The typed part of pyblish that the publish uses, with guards for its side effects.

``tests/publish/test_pyblish_adapter.py`` pins every behaviour of pyblish that this package relies on.
"""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

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


def targets(plugin: PluginClass, context: Context) -> list[Instance | None]:
    """Return the instances that match the plugin by pyblish's rules, or ``[None]`` for a context plugin.

    The list is empty for a plugin that is inactive or has another target; instances with ``publish=False`` are left
    out.
    """
    from pyblish import logic
    from pyblish.plugin import registered_targets

    if not plugin.active or not logic.plugins_by_targets([plugin], ["default", *registered_targets()]):
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


class _Silenced:
    """A logging filter that drops every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        return False


@contextmanager
def guarded_logging() -> Iterator[None]:
    """Keep signed URLs and tracebacks out of the log while plugins run.

    pyblish sets the root logger to DEBUG while a plugin runs, at which urllib3 logs every URL; the URL of an upload is
    a secret. pyblish also logs the traceback of every error, which is in the report.
    """
    urllib3_log = logging.getLogger("urllib3")
    level = urllib3_log.level
    pyblish_log, silenced = logging.getLogger("pyblish.plugin"), _Silenced()
    urllib3_log.setLevel(max(level, logging.INFO))
    pyblish_log.addFilter(silenced)
    try:
        with _constant_root_level(logging.getLogger()):
            yield
    finally:
        pyblish_log.removeFilter(silenced)
        urllib3_log.setLevel(level)


@contextmanager
def _constant_root_level(root: logging.Logger) -> Iterator[None]:
    """Keep the root logger at DEBUG from the first plugin to the last; pyblish sets it for each of them.

    A change of the level clears the cache of every logger of the process. Twice per plugin, that would take most of the
    time of a publish of many sources.
    """
    before, change = root.level, root.setLevel

    def set_level(level: int | str) -> None:
        if level != root.level:
            change(level)

    change(logging.DEBUG)
    root.setLevel = set_level  # type: ignore[method-assign]
    try:
        yield
    finally:
        del root.setLevel
        root.setLevel(before)
