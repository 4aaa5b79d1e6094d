"""Checks that only Nuke can make. They read the script; a repair changes it, on the artist's wish."""

from __future__ import annotations

from typing import ClassVar

from ft_dcc.errors import Unpublishable
from ft_dcc.publish.collect import CollectScene
from ft_dcc.publish.engine import VALIDATOR, Instance, InstancePlugin
from ft_dcc.publish.slots import HOST, SCENE, SOURCE


class ValidateSaved(InstancePlugin):
    """The script on disk is the one that is captured, so that the version can be traced to a file."""

    order = VALIDATOR
    label = "Saved script"
    families: ClassVar[list[str]] = ["camera"]
    repair_label = "Save the script"

    def process(self, instance: Instance) -> None:
        """Raise Unpublishable."""
        scene = SCENE.get(instance.context)
        if scene.path is None:
            raise Unpublishable("The script has never been saved. Save it under a name first.")
        if scene.is_modified:
            raise Unpublishable(f"{scene.path.name} has changes that are not saved. Save it.")

    def repair(self, instance: Instance) -> None:
        """The script is saved where it is; raises Unpublishable for one that has no name yet."""
        host = HOST.get(instance.context)
        host.run_in_main_thread(host.save)
        CollectScene().process(instance.context)


class ValidateNode(InstancePlugin):
    """The node, and what flows into it, has no error: Nuke would draw nothing, or black."""

    order = VALIDATOR
    label = "Node"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise Unpublishable, naming the nodes."""
        # Imported now: pyblish runs this file as a module of its own.
        from ft_dcc_nuke.capture import broken_nodes

        name = SOURCE.get(instance).text
        broken = HOST.get(instance.context).run_in_main_thread(lambda: broken_nodes(name))
        if broken:
            raise Unpublishable(f"{name} cannot be rendered: {', '.join(broken)} has an error. Mend it, or disable it.")
