"""Checks that only Nuke can make. They read the script; a repair changes it when the artist asks for it."""

from __future__ import annotations

from typing import ClassVar

from ft_dcc.errors import UserFixableError
from ft_dcc.publish.pipeline.pyblish_adapter import VALIDATOR, Instance, InstancePlugin
from ft_dcc.publish.plugins import validate
from ft_dcc.publish.slots import HOST, SOURCE


class ValidateSaved(validate.ValidateSaved):
    """Check that the script on disk is the one that is captured, so that the version can be traced to a file."""

    label = "Saved script"
    repair_label = "Save the script"
    document = "script"


class ValidateNode(InstancePlugin):
    """Check that the node and its inputs have no error: Nuke would write no image, or a black one."""

    order = VALIDATOR
    label = "Node"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError with the names of the nodes."""
        # Imported late: pyblish runs this file as a module of its own.
        from ft_dcc_nuke.capture import nodes_with_errors

        name = SOURCE.get(instance).text
        broken = HOST.get(instance.context).run_in_main_thread(lambda: nodes_with_errors(name))
        if broken:
            raise UserFixableError(f"{name} cannot be rendered: {', '.join(broken)} has an error. Fix or disable it.")
