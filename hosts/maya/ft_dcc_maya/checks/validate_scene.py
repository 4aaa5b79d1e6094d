"""Checks that only Maya can make. They read the scene; a repair changes it, on the artist's wish."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, ClassVar, TypeVar

from maya import cmds

from ft_dcc.errors import Unpublishable
from ft_dcc.publish import saved
from ft_dcc.publish.engine import VALIDATOR, Instance, InstancePlugin
from ft_dcc.publish.slots import HOST

T = TypeVar("T")


class ValidateSaved(saved.ValidateSaved):
    """The scene on disk is the one that is filmed, so that the version can be traced to a file."""

    label = "Saved scene"
    repair_label = "Save the scene"
    document = "scene"


class ValidateReferences(InstancePlugin):
    """Every referenced file is there: what is missing would be missing in the picture."""

    order = VALIDATOR
    label = "References"
    families: ClassVar[list[str]] = ["camera"]
    repair_label = "Load what is there again"

    def process(self, instance: Instance) -> None:
        """Raise Unpublishable, naming the files; one that the artist has unloaded is not asked for."""
        missing = [path for path, _ in _in_main_thread(instance, _missing_references)]
        if missing:
            raise Unpublishable(f"Files that the scene refers to are missing: {', '.join(missing)}. Bring them back.")

    def repair(self, instance: Instance) -> None:
        """References whose files are back, as after a lost network drive, are loaded."""
        _in_main_thread(instance, _load_what_is_back)


class ValidatePlugins(InstancePlugin):
    """The scene asks for no plug-in that is not here, and with which it may look different."""

    order = VALIDATOR
    label = "Unknown plug-ins"
    families: ClassVar[list[str]] = ["camera"]
    repair_label = "Remove the unknown plug-ins from the scene"

    def process(self, instance: Instance) -> None:
        """Raise Unpublishable, naming them."""
        unknown = _in_main_thread(instance, _unknown_plugins)
        if unknown:
            raise Unpublishable(
                f"The scene was made with plug-ins that are not here: {', '.join(unknown)}. Load or remove them."
            )

    def repair(self, instance: Instance) -> None:
        """The scene does not ask for them any more; raises Unpublishable for one whose nodes are in use."""
        _in_main_thread(instance, _remove_unknown_plugins)


def _in_main_thread(instance: Instance, function: Callable[[], T]) -> T:
    return HOST.get(instance.context).run_in_main_thread(function)


def _missing_references() -> list[tuple[str, str]]:
    """The file and the node of each reference that is not loaded because its file is not there."""
    return [(path, node) for path, node in _unloaded_references() if not _file_of(path).is_file()]


def _unloaded_references() -> list[tuple[str, str]]:
    paths: Any = cmds.file(query=True, reference=True) or []
    unloaded = [str(path) for path in paths if not cmds.referenceQuery(path, isLoaded=True)]
    return [(path, str(cmds.referenceQuery(path, referenceNode=True))) for path in unloaded]


def _file_of(path: str) -> Path:
    # The second reference to a file is called "rig.ma{1}".
    return Path(path.partition("{")[0])


def _load_what_is_back() -> None:
    for path, node in _unloaded_references():
        if _file_of(path).is_file():
            cmds.file(loadReference=node)


def _unknown_plugins() -> list[str]:
    names: Any = cmds.unknownPlugin(query=True, list=True) or []
    return [str(name) for name in names]


def _remove_unknown_plugins() -> None:
    for name in _unknown_plugins():
        try:
            cmds.unknownPlugin(name, remove=True)
        except RuntimeError as error:
            raise Unpublishable(f"{name} cannot be removed: {str(error).strip()} Delete its nodes first.") from error
