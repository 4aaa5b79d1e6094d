"""The list: which plugins make a publish, and in which order; and how a studio's own join them."""

from __future__ import annotations

import logging
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from ft_dcc.config import read_settings
from ft_dcc.errors import PluginBroken, SettingInvalid
from ft_dcc.publish import collect, collect_sources, draw, extract, integrate, validate
from ft_dcc.publish.engine import PluginClass, load_api

# A plugin's order is its stage; its place within the stage is its place here.
PLUGINS: tuple[PluginClass, ...] = (
    collect.CollectScene,
    collect.CollectTask,
    collect.CollectShot,
    collect.CollectReviews,
    collect.CollectDetails,
    collect_sources.CollectSources,
    collect_sources.CollectCamera,
    collect_sources.CollectFrames,
    collect_sources.CollectFilm,
    collect_sources.CollectImage,
    collect.CollectAsset,
    validate.ValidateCamera,
    validate.ValidateFrames,
    validate.ValidateFrameRange,
    validate.ValidateFrameRate,
    validate.ValidateResolution,
    validate.ValidateSound,
    validate.ValidateColour,
    validate.ValidatePermission,
    validate.ValidateEncoder,
    validate.ValidateDisk,
    # The gate is here: nothing above changes anything, nothing below runs for a source with a problem.
    draw.FindNumber,
    extract.CaptureFrames,
    extract.EncodeFrames,
    extract.TranscodeFilm,
    extract.MakeStill,
    extract.MakeOutputs,
    extract.MakeThumbnail,
    integrate.UploadComponents,
    integrate.RegisterVersion,
    integrate.NumberReview,
    integrate.FindLink,
    integrate.NotifyStudio,
)

log = logging.getLogger("pyblish.ft_dcc")


def find_plugins(host_name: str | None = None, folder: Path | None = None) -> list[PluginClass]:
    """Return our plugins, those in the host's own ``folder`` and the studio's, in the order in which they run.

    The studio's are those registered with pyblish, in its registered folders, in the folders of PYBLISHPLUGINPATH
    and in those of the setting ``plugins``; ours go first where the order is equal. pyblish's own discovery filters
    have the last word. Raises PluginBroken for a file that cannot be imported, SettingInvalid for a folder of the
    setting that is not there.
    """
    load_api()
    import pyblish.api

    # Plugins say for which host they are; it stays registered, for a process does not change its host.
    if host_name is not None:
        pyblish.api.register_host(host_name.lower())
    folders = [*pyblish.api.plugin_paths(), *_folders_of_setting()]
    own = [] if folder is None else _in_folders([str(folder)])
    found = [*PLUGINS, *own, *pyblish.api.registered_plugins(), *_in_folders(list(dict.fromkeys(folders)))]
    plugins = sorted(_without_doubles(found), key=lambda plugin: plugin.order)
    for discovery_filter in pyblish.api.registered_discovery_filters():
        discovery_filter(plugins)
    return plugins


def _folders_of_setting() -> tuple[str, ...]:
    """A share that is not mounted would take a studio's checks away without a word."""
    settings = read_settings()
    folders = settings.items("plugins")
    for folder in folders:
        if not Path(folder).is_dir():
            origin = settings.values["plugins"].origin
            raise SettingInvalid(f"{origin}: plugins: there is no folder {folder}. Mount it, or take it away.")
    return folders


def _without_doubles(plugins: list[PluginClass]) -> Iterator[PluginClass]:
    """The first of each name, as pyblish has it, but it is said which one is left out."""
    first: dict[str, PluginClass] = {}
    for plugin in plugins:
        if first.setdefault(plugin.__name__, plugin) is plugin:
            yield plugin
        else:
            log.warning("%s of %s is left out: there is a plugin of that name.", plugin.__name__, plugin.__module__)


def _in_folders(folders: list[str]) -> Iterator[PluginClass]:
    for folder in folders:
        if not os.path.isdir(folder):  # noqa: PTH112 - an empty entry is no path
            log.warning("There is no plugin folder %r.", folder)
            continue
        # A studio's plugins import what lies beside them, when they are read or when they run; ours and the host's
        # modules of the same names go first.
        if folder not in sys.path:
            sys.path.append(folder)
        for path in sorted(Path(folder).glob("*.py")):
            if not path.name.startswith("_"):
                yield from _in_file(path)


def _in_file(path: Path) -> Iterator[PluginClass]:
    """The plugins of one file, run as pyblish runs it: as a module of its own that no package holds."""
    import pyblish.plugin

    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - a plugin is code
    except (Exception, SystemExit) as error:
        # Whatever a file can raise at import: pyblish would skip it, and its checks with it.
        raise PluginBroken(
            f"The publish plugin {path} cannot be imported: {type(error).__name__}: {error}. Mend it or take it away."
        ) from error
    sys.modules[str(path)] = module
    _refuse_invalid(module, path)
    for plugin in pyblish.plugin.plugins_from_module(module):
        # pyblish would also take the base classes that a file imports by name.
        if not plugin.__module__.startswith("pyblish."):
            plugin.__module__ = str(path)
            yield plugin


def _refuse_invalid(module: types.ModuleType, path: Path) -> None:
    """Raise PluginBroken for a plugin that pyblish would leave out without a word, and its check with it."""
    import pyblish.plugin

    for name, plugin in vars(module).items():
        is_plugin = isinstance(plugin, type) and issubclass(plugin, pyblish.plugin.Plugin)
        if is_plugin and not name.startswith("_") and not pyblish.plugin.plugin_is_valid(plugin):
            raise PluginBroken(
                f"The publish plugin {name} in {path} is none for pyblish: families, hosts and targets are lists of "
                "texts, and process takes instance or context. Mend it or take it away."
            )
