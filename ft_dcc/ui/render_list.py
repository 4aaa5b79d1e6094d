"""The recorded renders of the open script, for every panel and dialog; they are read in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from ft_dcc.frames import format_ranges
from ft_dcc.host import RecordsRenders
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.ui.background_queries import LatestOnlyWorker, error_message_of

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.renders.renders import Render


@attrs.frozen
class RecordedRender:
    """A render with its state; ``problem`` is what it lacks, "" for nothing."""

    render: Render
    state: str
    problem: str

    @property
    def frames(self) -> str:
        """The frames that were rendered."""
        return format_ranges(self.render.frames)


class RenderList:
    """The renders of one script, the newest first; a worker thread changes it, drawing only reads it.

    ``on_change`` is called by the worker after a change.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self.renders: tuple[RecordedRender, ...] = ()
        self.is_loading = self.is_loaded = False
        self.error = ""
        self._on_change = on_change
        self._worker = LatestOnlyWorker()

    def read(self, host: Host) -> None:
        """Read the renders of the script that the host has open."""
        self.is_loading = True

        def load() -> None:
            from ft_dcc.renders.renders import read_renders

            if not isinstance(host, RecordsRenders):
                return
            script = run_when_idle(host, host.render_script)
            found = read_renders(script=script)
            self.renders = tuple(_recorded(render) for render in reversed(found))

        def work() -> None:
            self.error = error_message_of("Reading the renders", load)
            self.is_loading, self.is_loaded = False, True
            self._on_change()

        self._worker.run("Reading the renders", work)

    def wait(self, seconds: float) -> bool:
        """Wait until idle; return whether that happened within these seconds."""
        return self._worker.wait(seconds)

    def clear(self) -> None:
        """Discard what was read."""
        self._worker.clear()
        self.renders, self.error, self.is_loaded = (), "", False


def _recorded(render: Render) -> RecordedRender:
    from ft_dcc.renders.publish import state_of

    missing = f"missing {format_ranges(render.missing)}" if render.missing else render.problem
    return RecordedRender(render, state_of(render), missing)
