"""The plugins of a publish in their order, and the discovery of a studio's own plugins."""

from __future__ import annotations

import difflib
import logging
import os
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ft_dcc.errors import PluginBroken
from ft_dcc.publish import settings_check, version_number
from ft_dcc.publish.pipeline import pyblish_adapter
from ft_dcc.publish.pipeline.environment import Environment, check_levels, read_studio
from ft_dcc.publish.pipeline.pyblish_adapter import PluginClass, is_check, place_of
from ft_dcc.publish.plugins import collect, collect_sources, extract, integrate, validate, validate_media
from ft_dcc.settings.resolve import Settings, read_settings

# Checks that come after the others, whose repairs change the scene.
_LATE_CHECKS: tuple[PluginClass, ...] = (
    validate.ValidateSceneFile,
    validate.ValidatePermission,
    validate_media.ValidateEncoder,
    validate.ValidateDisk,
    version_number.ValidateVersionNumber,
    version_number.ValidatePaths,
)


def _checks(*modules: types.ModuleType) -> Iterator[PluginClass]:
    """Yield the checks of these modules in their order there: the classes with a label of their own."""
    for module in modules:
        for name, each in vars(module).items():
            if name.startswith("Validate") and "label" in vars(each) and each not in _LATE_CHECKS:
                yield each


# A plugin's order is its stage; within a stage the plugins run in the order of this list.
PLUGINS: tuple[PluginClass, ...] = (
    collect.CollectScene,
    collect.CollectTask,
    collect.CollectLook,
    collect.CollectShot,
    collect.CollectOptions,
    collect.CollectReviews,
    collect.CollectLists,
    collect_sources.CollectSources,
    collect_sources.CollectCamera,
    collect_sources.CollectFrames,
    collect_sources.CollectMovie,
    collect_sources.CollectImage,
    collect.CollectAsset,
    *_checks(validate, validate_media),
    *_LATE_CHECKS,
    # The validation barrier: nothing above changes anything, nothing below runs for a source with a problem.
    version_number.NumberVersion,
    extract.CaptureFrames,
    extract.AttachScene,
    extract.EncodeFrames,
    extract.TranscodeMovie,
    extract.MakeStill,
    extract.MakeOutputs,
    extract.MakeThumbnail,
    integrate.UploadComponents,
    integrate.StoreFiles,
    integrate.RegisterVersion,
    integrate.EncodeOnSite,
    integrate.KeepFiles,
    integrate.NumberReview,
    integrate.AddressNotes,
    integrate.FindLink,
    integrate.NotifyStudio,
)

log = logging.getLogger("pyblish.ft_dcc")


def find_plugins(host_name: str | None = None, folder: Path | None = None) -> Environment:
    """Return our plugins, those in the host's own ``folder`` and the studio's, in the order in which they run.

    The studio's plugins are those in the folders of the setting ``plugins``. If ``pyblish_plugins`` is "all", they are
    also those registered with pyblish, in its registered folders and in the folders of PYBLISHPLUGINPATH. Our plugins
    come first where the order is equal. pyblish's discovery filters are applied last. Raises PluginBroken for a file
    that cannot be imported, and SettingInvalid for a folder of the setting that does not exist.
    """
    settings = read_settings()
    settings_check.check_settings(settings)
    own, studio = [] if folder is None else [str(folder)], settings.items("plugins")
    environment = Environment(host_name, (*own, *studio), is_shared=settings.get("pyblish_plugins") == "all")
    left_out = describe_left_out(settings)
    if left_out:
        # A studio that has chosen knows it.
        is_chosen = settings.values["pyblish_plugins"].origin != "default"
        log.log(logging.INFO if is_chosen else logging.WARNING, left_out)
    with environment.active(), pyblish_adapter.maintained_folder(), pyblish_adapter.maintained_levels():
        import pyblish.api

        others = pyblish.api.plugin_paths() if environment.is_shared else pyblish.api.registered_paths()
        folders = dict.fromkeys((*others, *studio))
        ours = (*PLUGINS, *_in_folders(environment, own))
        theirs = [*pyblish.api.registered_plugins(), *_in_folders(environment, folders)]
        environment.replaced = {
            plugin.label: plugin.__module__
            for plugin in theirs
            if plugin.label and is_check(plugin) and any(is_check(each) and each.label == plugin.label for each in ours)
        }
        kept = [each for each in ours if not (is_check(each) and each.label in environment.replaced)]
        environment.plugins = sorted(_distinct(kept, theirs, studio), key=lambda plugin: plugin.order)
        for discovery_filter in pyblish.api.registered_discovery_filters():
            discovery_filter(environment.plugins)
    environment.levels = check_levels(settings, environment.plugins)
    environment.studio = read_studio(settings, environment.plugins)
    return environment


def _distinct(ours: Iterable[PluginClass], theirs: Iterable[PluginClass], studio: Sequence[str]) -> list[PluginClass]:
    """Return the first plugin of each name; raise PluginBroken for a plugin of the studio with a used name."""
    first: dict[str, PluginClass] = {}
    for plugin in (*ours, *theirs):
        other = first.setdefault(plugin.__name__, plugin)
        if other is plugin or os.path.realpath(other.__module__) == os.path.realpath(plugin.__module__):
            continue
        if os.path.dirname(plugin.__module__) in studio:  # noqa: PTH120 - as in the setting
            raise PluginBroken(
                f"The publish plugin {plugin.__name__} in {place_of(plugin)} has the name of another one, in "
                f"{place_of(other)}. Rename the class. A check replaces one of the same label."
            )
        log.warning("%s of %s is ignored: another plugin has that name.", plugin.__name__, plugin.__module__)
    return list(first.values())


def describe_left_out(settings: Settings) -> str:
    """Return a sentence about what others registered with pyblish and publishes leave out, or "" if it is nothing."""
    if settings.get("pyblish_plugins") == "all":
        return ""
    pyblish_adapter.load_api()
    import pyblish.api

    own = {os.path.normpath(each) for each in (pyblish_adapter.pyblish_plugins(), *settings.items("plugins"))}
    counts = {
        "plugin": len(pyblish.api.registered_plugins()),
        "plugin folder": len([each for each in pyblish.api.plugin_paths() if os.path.normpath(each) not in own]),
        "filter": len(pyblish.api.registered_discovery_filters()),
        "callback": sum(map(len, pyblish.api.registered_callbacks().values())),
    }
    parts = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count]
    if not parts:
        return ""
    return f'Publishes leave out {", ".join(parts)} of other users of pyblish; pyblish_plugins = "all" includes them.'


def _in_folders(environment: Environment, folders: Iterable[str]) -> Iterator[PluginClass]:
    for folder in folders:
        if not os.path.isdir(folder):  # noqa: PTH112 - an empty entry must not become the working folder
            log.warning("There is no plugin folder %r.", folder)
            continue
        # A studio's plugins import modules beside them; our own and the host's modules of the same name come first.
        if folder not in sys.path:
            sys.path.append(folder)
        with environment.importing_from(folder):
            for path in sorted(Path(folder).glob("*.py")):
                if not path.name.startswith("_"):
                    yield from _in_file(path)


def _in_file(path: Path) -> Iterator[PluginClass]:
    """Yield the plugins of one file, executed like pyblish does: as a module without a package."""
    import pyblish.plugin

    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - a plugin is code
    except (Exception, SystemExit) as error:
        # pyblish would skip the file, and with it its checks.
        raise PluginBroken(
            f"The publish plugin {path} cannot be imported: {type(error).__name__}: {error}. Fix or remove it."
        ) from error
    sys.modules[str(path)] = module
    for name, plugin in vars(module).items():
        is_plugin = isinstance(plugin, type) and issubclass(plugin, pyblish.plugin.Plugin)
        if is_plugin and not name.startswith("_") and not pyblish.plugin.plugin_is_valid(plugin):
            # pyblish would ignore it silently.
            raise PluginBroken(
                f"The publish plugin {name} in {path} is not valid for pyblish: families, hosts and targets must be "
                "lists of texts, and process must take instance or context. Fix or remove it."
            )
    found = list(pyblish.plugin.plugins_from_module(module))
    for plugin in found:
        # pyblish would also take the base classes that a file imports by name.
        if plugin.__module__.startswith("pyblish."):
            continue
        is_imported, plugin.__module__ = plugin.__module__ not in (module.__name__, str(path)), str(path)
        if not _inherits_process(plugin):
            yield plugin
        elif not is_imported and not any(issubclass(each, plugin) for each in found if each is not plugin):
            near = difflib.get_close_matches("process", vars(plugin), 1)
            hint = f"Rename {near[0]}." if near else "Add it."
            raise PluginBroken(
                f"The publish plugin {plugin.__name__} in {place_of(plugin)} has no method process, so it would do "
                f"nothing. {hint}"
            )


def _inherits_process(plugin: PluginClass) -> bool:
    """Return whether the plugin has the method of pyblish's base class, which does nothing."""
    owner = next(each for each in plugin.__mro__ if "process" in vars(each))
    return owner.__module__.startswith("pyblish.")
