"""The plugins of a publish in their order, and the discovery of a studio's own plugins."""

from __future__ import annotations

import logging
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from ft_dcc.errors import PluginBroken, SettingInvalid
from ft_dcc.publish import burnin_values
from ft_dcc.publish.pipeline.pyblish_adapter import PluginClass, load_api
from ft_dcc.publish.plugins import collect, collect_sources, extract, integrate, validate, validate_media
from ft_dcc.settings.resolve import read_settings

# A plugin's order is its stage; within a stage the plugins run in the order of this list.
PLUGINS: tuple[PluginClass, ...] = (
    collect.CollectScene,
    collect.CollectTask,
    collect.CollectShot,
    collect.CollectReviews,
    collect.CollectOptions,
    collect_sources.CollectSources,
    collect_sources.CollectCamera,
    collect_sources.CollectFrames,
    collect_sources.CollectMovie,
    collect_sources.CollectImage,
    collect.CollectAsset,
    validate.ValidateCamera,
    validate.ValidateFrames,
    validate.ValidateFrameRange,
    validate.ValidateFrameRate,
    validate.ValidateResolution,
    validate_media.ValidateSound,
    validate_media.ValidateStill,
    validate_media.ValidateMovieColour,
    validate_media.ValidateColour,
    # After the checks whose repairs change the scene.
    validate.ValidateSceneFile,
    validate.ValidatePermission,
    validate_media.ValidateEncoder,
    validate.ValidateDisk,
    # The validation barrier: nothing above changes anything, nothing below runs for a source with a problem.
    burnin_values.PredictVersionNumber,
    extract.CaptureFrames,
    extract.AttachScene,
    extract.EncodeFrames,
    extract.TranscodeMovie,
    extract.MakeStill,
    extract.MakeOutputs,
    extract.MakeThumbnail,
    integrate.UploadComponents,
    integrate.RegisterVersion,
    integrate.NumberReview,
    integrate.AddressNotes,
    integrate.FindLink,
    integrate.NotifyStudio,
)

log = logging.getLogger("pyblish.ft_dcc")


def find_plugins(host_name: str | None = None, folder: Path | None = None) -> list[PluginClass]:
    """Return our plugins, those in the host's own ``folder`` and the studio's, in the order in which they run.

    The studio's plugins are those registered with pyblish, in its registered folders, in the folders of
    PYBLISHPLUGINPATH and in the folders of the setting ``plugins``; our plugins come first where the order is equal.
    pyblish's discovery filters are applied last. Raises PluginBroken for a file that cannot be imported, and
    SettingInvalid for a folder of the setting that does not exist.
    """
    load_api()
    import pyblish.api

    # Plugins name their hosts. The host stays registered, since a process does not change it.
    if host_name is not None:
        pyblish.api.register_host(host_name.lower())
    folders = [*pyblish.api.plugin_paths(), *_folders_of_setting()]
    own = [] if folder is None else _in_folders([str(folder)])
    found = [*PLUGINS, *own, *pyblish.api.registered_plugins(), *_in_folders(list(dict.fromkeys(folders)))]
    plugins = sorted(_unique(found), key=lambda plugin: plugin.order)
    for discovery_filter in pyblish.api.registered_discovery_filters():
        discovery_filter(plugins)
    return plugins


def _folders_of_setting() -> tuple[str, ...]:
    """Return the folders of the setting; raise SettingInvalid, since without a folder a studio's checks do not run."""
    settings = read_settings()
    folders = settings.items("plugins")
    for folder in folders:
        if not Path(folder).is_dir():
            origin = settings.values["plugins"].origin
            raise SettingInvalid(
                f"{origin}: plugins: there is no folder {folder}. Mount it, or remove it from the setting."
            )
    return folders


def _unique(plugins: list[PluginClass]) -> Iterator[PluginClass]:
    """Yield the first plugin of each name, as pyblish does, and log which ones are left out."""
    first: dict[str, PluginClass] = {}
    for plugin in plugins:
        if first.setdefault(plugin.__name__, plugin) is plugin:
            yield plugin
        else:
            log.warning("%s of %s is ignored: another plugin has that name.", plugin.__name__, plugin.__module__)


def _in_folders(folders: list[str]) -> Iterator[PluginClass]:
    for folder in folders:
        if not os.path.isdir(folder):  # noqa: PTH112 - an empty entry must not become the working folder
            log.warning("There is no plugin folder %r.", folder)
            continue
        # A studio's plugins import modules beside them; our own and the host's modules of the same name come first.
        if folder not in sys.path:
            sys.path.append(folder)
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
    _refuse_invalid(module, path)
    for plugin in pyblish.plugin.plugins_from_module(module):
        # pyblish would also take the base classes that a file imports by name.
        if not plugin.__module__.startswith("pyblish."):
            plugin.__module__ = str(path)
            yield plugin


def _refuse_invalid(module: types.ModuleType, path: Path) -> None:
    """Raise PluginBroken for a plugin that pyblish would ignore silently."""
    import pyblish.plugin

    for name, plugin in vars(module).items():
        is_plugin = isinstance(plugin, type) and issubclass(plugin, pyblish.plugin.Plugin)
        if is_plugin and not name.startswith("_") and not pyblish.plugin.plugin_is_valid(plugin):
            raise PluginBroken(
                f"The publish plugin {name} in {path} is not valid for pyblish: families, hosts and targets must be "
                "lists of texts, and process must take instance or context. Fix or remove it."
            )
