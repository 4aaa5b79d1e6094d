"""Publish sources with plugins that do nothing: ``python -m bench.idle COUNT`` prints the milliseconds."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.pipeline import registry
from ft_dcc.publish.pipeline.pyblish_adapter import Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.publisher import Publisher
from ft_dcc.session import Session


class CollectMany(ContextPlugin):
    """Create the requested number of sources."""

    order = 0

    def process(self, context: Context) -> None:
        """Create one instance per source."""
        for number in range(int(sys.argv[1])):
            context.create_instance(f"source {number}", family="review", families=["frames"])


def idle(name: str, order: float) -> type[InstancePlugin]:
    """Return a plugin that does nothing to each instance."""

    def process(self: InstancePlugin, instance: Instance) -> None:
        pass

    return type(name, (InstancePlugin,), {"order": order, "process": process})


def main() -> None:
    """Replace each plugin by one that does nothing, publish, and print the duration in milliseconds."""
    registry.PLUGINS = (CollectMany, *(idle(f"Idle{each.__name__}", each.order) for each in registry.PLUGINS))
    registry.find_plugins()
    with tempfile.TemporaryDirectory() as folder, Session() as session:
        publisher = Publisher(session, jobs=Path(folder))
        before = time.perf_counter()
        publisher.publish(PublishRequest("task", review="", notify=False))
        print((time.perf_counter() - before) * 1000)


if __name__ == "__main__":
    main()
