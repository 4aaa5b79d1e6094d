"""Connections on which a request was begun and does not go on, or none ever comes: they are let go after a while.

Whoever opens many of them, on purpose or because a program of theirs hangs, would keep others from coming in.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

# Longer than an upload may pause (it is told why) and than a connection is kept for the next request.
SECONDS = 80


class Line(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # it is a class, chosen by what is installed
    """A connection that knows when something came last."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.heard = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self.heard = time.monotonic()
        super().data_received(data)

    @property
    def is_waited_for(self) -> bool:
        """Whether the server can do nothing before more comes."""
        cycle = self.cycle
        is_answered = cycle is not None and not cycle.more_body and not cycle.response_complete
        return not is_answered and not self.flow.read_paused


def let_go_of_silent(connections: Iterable[object]) -> None:
    """Connections that have been waited for too long are closed."""
    since = time.monotonic() - SECONDS
    for line in tuple(connections):
        if isinstance(line, Line) and line.heard < since and line.is_waited_for:
            line.transport.close()
