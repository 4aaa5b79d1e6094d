"""A check that hosts share whose artists work in a file with a name."""

from __future__ import annotations

from typing import ClassVar

from ft_dcc.errors import Unpublishable
from ft_dcc.publish.collect import CollectScene
from ft_dcc.publish.engine import VALIDATOR, Instance, InstancePlugin
from ft_dcc.publish.slots import HOST, SCENE


class ValidateSaved(InstancePlugin):
    """The open file on disk is the one that is captured, so that the version can be traced to it.

    A host's plugin derives from it and says what its program calls the file: ``document``.
    """

    # The last one, because the repairs before it change what is to be saved.
    order = VALIDATOR + 0.4
    families: ClassVar[list[str]] = ["camera"]
    document: ClassVar[str]

    def process(self, instance: Instance) -> None:
        """Raise Unpublishable for a scene that has never been saved, or has changes."""
        scene = SCENE.get(instance.context)
        if scene.path is None:
            raise Unpublishable(f"The {self.document} has never been saved. Save it under a name first.")
        if scene.is_modified:
            raise Unpublishable(f"{scene.path.name} has changes that are not saved. Save it.")

    def repair(self, instance: Instance) -> None:
        """It is saved where it is; raises Unpublishable for one that has no name yet."""
        host = HOST.get(instance.context)
        host.run_in_main_thread(host.save)
        CollectScene().process(instance.context)
