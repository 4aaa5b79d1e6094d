"""Checks that only Nuke can make. They read the script; a repair changes it, on the artist's wish."""

from __future__ import annotations

from typing import ClassVar

from ft_dcc.errors import Unpublishable
from ft_dcc.publish import saved
from ft_dcc.publish.engine import VALIDATOR, Instance, InstancePlugin
from ft_dcc.publish.slots import HOST, SOURCE


class ValidateSaved(saved.ValidateSaved):
    """The script on disk is the one that is captured, so that the version can be traced to a file."""

    label = "Saved script"
    repair_label = "Save the script"
    document = "script"


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
