"""The parts of pyblish that the publish stands on, with types, and without its surprises.

``tests/publish/test_pyblish.py`` pins every behaviour of pyblish that is relied on here.
"""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from ft_dcc.errors import Error, PluginBroken

if TYPE_CHECKING:

    class Entity(list[Any]):
        """What the context and an instance have in common."""

        data: dict[str, Any]
        id: str
        name: str

    class Instance(Entity):
        """One source of the publish, which becomes one version."""

        context: Context

    class Context(Entity):
        """The publish as a whole: a list of instances."""

        def create_instance(self, name: str, **data: Any) -> Instance:
            """Return a new instance at the end of the list."""

    class Plugin:
        """What every plugin may say about itself."""

        order: ClassVar[float]
        label: ClassVar[str | None]
        families: ClassVar[list[str]]
        hosts: ClassVar[list[str]]
        targets: ClassVar[list[str]]
        active: ClassVar[bool]

        def repair(self, target: Any) -> None:
            """What is wrong with the instance, or with the context, is mended."""

    class ContextPlugin(Plugin):
        """Works on the publish as a whole."""

    class InstancePlugin(Plugin):
        """Works on one instance at a time."""

else:
    from pyblish.plugin import Context, ContextPlugin, Instance, InstancePlugin, Plugin

__all__ = ["Context", "ContextPlugin", "Instance", "InstancePlugin", "Plugin"]

COLLECTOR, VALIDATOR, EXTRACTOR, INTEGRATOR = 0, 1, 2, 3
# Where the judging ends: a stage reaches half an order up and down, its lower bound included.
GATE = VALIDATOR + 0.5

# What becomes a version is of this family, whatever else it is; a studio's plugins may make instances of others.
REVIEW = "review"

PluginClass = type[Plugin]


class Outdated(Error):
    """Something else has changed in the meantime: what ``since`` and the plugins behind it did is to be done again."""

    def __init__(self, message: str, since: PluginClass) -> None:
        super().__init__(message)
        self.since = since


def load_api() -> None:
    """``pyblish.api``, which studio plugins import, is loaded, also for a user who has no name."""
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container that was started for a bare user id. pyblish asks for the name when it is imported, and so
        # does one of its own collectors; which exception that is depends on the Python and the system.
        os.environ["LOGNAME"] = "unnamed"
    import pyblish.api  # noqa: F401 - it registers the host "python" and pyblish's own collectors


def process(plugin: PluginClass, context: Context, instance: Instance | None) -> dict[str, Any]:
    """Run one plugin on one instance, or on the context, and return pyblish's own result; errors are in it."""
    import pyblish.plugin

    try:
        with _maintained_folder():
            result: dict[str, Any] = pyblish.plugin.process(plugin, context, instance)
    except SystemExit as error:
        # It would end the program that the artist works in, or the command without a word.
        name = plugin.label or plugin.__name__
        broken = PluginBroken(
            f"The plugin {name} ({plugin.__module__}) called sys.exit({error.code!r}). Raise an error."
        )
        return {"error": broken, "duration": 0.0}
    return result


@contextmanager
def _maintained_folder() -> Iterator[None]:
    """A plugin may go elsewhere; paths and the project's settings are found from where the publish began."""
    folder = _working_folder()
    try:
        yield
    finally:
        if folder and _working_folder() != folder:
            os.chdir(folder)


def _working_folder() -> str:
    """Where the process is, "" where that was taken away."""
    try:
        return os.getcwd()  # noqa: PTH109 - a text, which costs less for each of a thousand plugins
    except OSError:
        return ""


def targets(plugin: PluginClass, context: Context) -> list[Instance | None]:
    """Return what the plugin is to be run on, by pyblish's own rules: instances that match, or None for the context.

    A plugin that is switched off or meant for another target is run on nothing; an instance with
    ``publish=False`` is left out.
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
    """Return what the plugin's repair does, in words, or None where there is none for this instance.

    A plugin with a method ``repair`` of its own repairs the instances that match its ``repair_families``, or all;
    ``repair_label`` says what it does.
    """
    # pyblish gives every plugin one that does nothing.
    if plugin.repair is Plugin.repair:
        return None
    wanted = set(getattr(plugin, "repair_families", ("*",)))
    families = {"*"} if instance is None else {"*", instance.data["family"], *instance.data["families"]}
    return str(getattr(plugin, "repair_label", "Repair it")) if wanted & families else None


def repair(plugin: PluginClass, target: Context | Instance) -> None:
    """The plugin's repair has run; raises PluginBroken for what is not one of our errors."""
    try:
        with _maintained_folder():
            plugin().repair(target)
    except Error:
        raise
    except (Exception, SystemExit) as error:
        raise PluginBroken(f"The repair of {plugin.__name__} failed: {type(error).__name__}: {error}") from error


class _Silenced:
    """A filter for loggers that lets nothing through."""

    def filter(self, record: logging.LogRecord) -> bool:
        return False


@contextmanager
def guarded_logging() -> Iterator[None]:
    """What pyblish does to logging cannot spill a signed address or a traceback.

    pyblish opens DEBUG on the root logger while a plugin runs, and then urllib3 logs each address it asks for:
    an upload's address is a secret. pyblish also logs the traceback of every error, which is in the report.
    """
    wire = logging.getLogger("urllib3")
    level = wire.level
    engine, silenced = logging.getLogger("pyblish.plugin"), _Silenced()
    wire.setLevel(max(level, logging.INFO))
    engine.addFilter(silenced)
    try:
        with _settled(logging.getLogger()):
            yield
    finally:
        engine.removeFilter(silenced)
        wire.setLevel(level)


@contextmanager
def _settled(root: logging.Logger) -> Iterator[None]:
    """The root logger stands at DEBUG from the first plugin to the last, where pyblish puts it for each of them.

    A level that changes makes every logger of the process forget what it knows: twice a plugin, that is most of what a
    publish of many sources would spend its time on.
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
