"""Checks that only Maya can make. They read the scene; a repair changes it when the artist asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, ClassVar, TypeVar

from ft_dcc_maya import look, timeline
from maya import cmds

from ft_dcc.errors import UserFixableError
from ft_dcc.publish.pipeline.pyblish_adapter import VALIDATOR, Instance, InstancePlugin
from ft_dcc.publish.plugins import validate
from ft_dcc.publish.slots import HOST, WARNINGS

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
        missing = [path for path, _ in _in_main_thread(instance, missing_references)]
        if missing:
            raise UserFixableError(f"Files referenced by the scene are missing: {', '.join(missing)}. Restore them.")

    def repair(self, instance: Instance) -> None:
        """Load the references whose files exist again, for example after a lost network drive."""
        _in_main_thread(instance, _load_found_references)


class ValidatePlugins(InstancePlugin):
    """Check that no object of the scene belongs to a plug-in that is missing here: it would not be drawn."""

    order = VALIDATOR
    label = "Unknown plug-ins"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError with the names of the objects.

        A plug-in that the scene merely requires is a warning: most scenes name one that left no object. So are objects
        of references, which cannot be deleted in this scene.
        """
        unknown, objects = _in_main_thread(instance, _find_unknown)
        if objects:
            plugins = f" (plug-ins: {', '.join(unknown)})" if unknown else ""
            raise UserFixableError(
                f"Objects of plug-ins that are not installed cannot be drawn: {', '.join(objects)}{plugins}. "
                "Load the plug-ins, or delete the objects."
            )


class WarnOfDifferences(InstancePlugin):
    """Name what a movie lacks: the colours of the views, and sounds. It is no error: the result says it."""

    order = VALIDATOR
    label = "Colours and sounds"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Add a sentence for each difference to the result of the source."""
        WARNINGS.set(instance, _in_main_thread(instance, _differences))


def _in_main_thread(instance: Instance, function: Callable[[], T]) -> T:
    return HOST.get(instance.context).run_in_main_thread(function)


def _differences() -> list[str]:
    found, differences = look.view_transform(), []
    applied, shown = found["view_transform"], found["view_transform_of_views"]
    if applied != shown:
        differences.append(
            f"the views show {shown}, and the movie {applied or 'no view transform'}; to change it: Preferences, "
            "Color Management, Output Color Transform, Apply to Playblast"
        )
    sounds = timeline.unheard_sounds()
    if sounds:
        differences.append(
            f"the movie has the sound of the time slider only, not {', '.join(sounds)}; mix them into one file, or "
            "mute them"
        )
    return differences


def missing_references() -> list[tuple[str, str]]:
    """Return file and node of each reference that is not loaded because its file is missing."""
    return [(path, node) for path, node in _unloaded_references() if not _reference_file(path).is_file()]


def _unloaded_references() -> list[tuple[str, str]]:
    """Return file and node of each reference that is not loaded, nested ones included."""
    found: list[tuple[str, str]] = []
    nodes: Any = cmds.ls(references=True) or []
    for node in map(str, nodes):
        try:
            if not cmds.referenceQuery(node, isLoaded=True):
                found.append((str(cmds.referenceQuery(node, filename=True)), node))
        except RuntimeError:
            # Maya's own nodes of this type, such as sharedReferenceNode, have no file.
            continue
    return found


def _reference_file(path: str) -> Path:
    # The second reference to a file is called "rig.ma{1}".
    return Path(path.partition("{")[0])


def _load_found_references() -> None:
    for path, node in _unloaded_references():
        if _reference_file(path).is_file():
            cmds.file(loadReference=node)


def _find_unknown() -> tuple[list[str], list[str]]:
    """Return the required plug-ins that are missing, with a warning in Maya, and the scene's own objects of them."""
    listed: Any = cmds.unknownPlugin(query=True, list=True) or []
    plugins = [str(name) for name in listed]
    objects = [str(name) for kind in ("unknownDag", "unknownTransform") for name in cmds.ls(type=kind) or []]
    referenced = [name for name in objects if cmds.referenceQuery(name, isNodeReferenced=True)]
    missing = f": {', '.join(plugins)}" if plugins else ""
    if referenced:
        cmds.warning(f"ft-dcc: {', '.join(referenced)} cannot be drawn, because plug-ins are not installed{missing}.")
    elif missing and not objects:
        cmds.warning(f"ft-dcc: the scene requires plug-ins that are not installed{missing}.")
    return plugins, [name for name in objects if name not in referenced]
