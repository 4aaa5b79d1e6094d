"""Checks that only Maya can make. They read the scene; a repair changes it when the artist asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, ClassVar, TypeVar

from maya import cmds

from ft_dcc.errors import UserFixableError
from ft_dcc.publish.pipeline.pyblish_adapter import VALIDATOR, Instance, InstancePlugin
from ft_dcc.publish.plugins import validate
from ft_dcc.publish.slots import HOST

T = TypeVar("T")


class ValidateSaved(validate.ValidateSaved):
    """Check that the scene on disk is the one that is captured, so that the version can be traced to a file."""

    label = "Saved scene"
    repair_label = "Save the scene"
    document = "scene"


class ValidateReferences(InstancePlugin):
    """Check that every referenced file exists: a missing one would be missing in the image."""

    order = VALIDATOR
    label = "References"
    families: ClassVar[list[str]] = ["camera"]
    repair_label = "Load the references that exist again"

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError with the missing files; references that the artist unloaded are ignored."""
        missing = [path for path, _ in _in_main_thread(instance, _missing_references)]
        if missing:
            raise UserFixableError(f"Files referenced by the scene are missing: {', '.join(missing)}. Restore them.")

    def repair(self, instance: Instance) -> None:
        """Load the references whose files exist again, for example after a lost network drive."""
        _in_main_thread(instance, _load_found_references)


class ValidatePlugins(InstancePlugin):
    """Check that the scene requires no plug-in that is missing here and may change its look."""

    order = VALIDATOR
    label = "Unknown plug-ins"
    families: ClassVar[list[str]] = ["camera"]
    repair_label = "Remove the unknown plug-ins from the scene"

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError with the names of the plug-ins."""
        unknown = _in_main_thread(instance, _unknown_plugins)
        if unknown:
            raise UserFixableError(
                f"The scene requires plug-ins that are not installed: {', '.join(unknown)}. Load or remove them."
            )

    def repair(self, instance: Instance) -> None:
        """Remove the requirements from the scene; raise UserFixableError for a plug-in whose nodes are in use."""
        _in_main_thread(instance, _remove_unknown_plugins)


def _in_main_thread(instance: Instance, function: Callable[[], T]) -> T:
    return HOST.get(instance.context).run_in_main_thread(function)


def _missing_references() -> list[tuple[str, str]]:
    """Return file and node of each reference that is not loaded because its file is missing."""
    return [(path, node) for path, node in _unloaded_references() if not _reference_file(path).is_file()]


def _unloaded_references() -> list[tuple[str, str]]:
    paths: Any = cmds.file(query=True, reference=True) or []
    unloaded = [str(path) for path in paths if not cmds.referenceQuery(path, isLoaded=True)]
    return [(path, str(cmds.referenceQuery(path, referenceNode=True))) for path in unloaded]


def _reference_file(path: str) -> Path:
    # The second reference to a file is called "rig.ma{1}".
    return Path(path.partition("{")[0])


def _load_found_references() -> None:
    for path, node in _unloaded_references():
        if _reference_file(path).is_file():
            cmds.file(loadReference=node)


def _unknown_plugins() -> list[str]:
    names: Any = cmds.unknownPlugin(query=True, list=True) or []
    return [str(name) for name in names]


def _remove_unknown_plugins() -> None:
    for name in _unknown_plugins():
        try:
            cmds.unknownPlugin(name, remove=True)
        except RuntimeError as error:
            raise UserFixableError(f"{name} cannot be removed: {str(error).strip()} Delete its nodes first.") from error
