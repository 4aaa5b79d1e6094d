"""The recorded renders of the open script, for every panel and dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ft_dcc.frames import format_ranges
from ft_dcc.host import RecordsRenders
from ft_dcc.host_support.main_thread import run_when_idle

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


def recorded_renders(host: Host) -> tuple[RecordedRender, ...]:
    """Return the renders of the script that the host has open, the newest first."""
    from ft_dcc.renders.publish import state_of
    from ft_dcc.renders.renders import read_renders

    if not isinstance(host, RecordsRenders):
        return ()
    script = run_when_idle(host, host.render_script)
    found = []
    for render in reversed(read_renders(script=script)):
        missing = f"missing {format_ranges(render.missing)}" if render.missing else render.problem
        found.append(RecordedRender(render, state_of(render), missing))
    return tuple(found)
