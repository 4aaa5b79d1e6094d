"""A publish of so many sources with plugins that do nothing: ``python -m bench.idle COUNT`` prints its milliseconds."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ft_dcc.publish import plugins
from ft_dcc.publish.engine import Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import Publisher
from ft_dcc.session import Session


class CollectMany(ContextPlugin):
    """As many sources as were asked for."""

    order = 0

    def process(self, context: Context) -> None:
        """Each is an instance."""
        for number in range(int(sys.argv[1])):
            context.create_instance(f"source {number}", family="review", families=["frames"])


def idle(name: str, order: float) -> type[InstancePlugin]:
    """Return a plugin that does nothing to each instance."""

    def process(self: InstancePlugin, instance: Instance) -> None:
        pass

    return type(name, (InstancePlugin,), {"order": order, "process": process})


def main() -> None:
    """Publish, with a plugin of ours that does nothing for each that does something."""
    plugins.PLUGINS = (CollectMany, *(idle(f"Idle{each.__name__}", each.order) for each in plugins.PLUGINS))
    plugins.find_plugins()
    with tempfile.TemporaryDirectory() as folder, Session() as session:
        publisher = Publisher(session, jobs=Path(folder))
        before = time.perf_counter()
        publisher.publish(PublishRequest("task", review="", notify=False))
        print((time.perf_counter() - before) * 1000)


if __name__ == "__main__":
    main()
