"""Beside a window: a thread that looks what was rendered in it, and publishes what is complete.

It begins with the first render, sleeps until somebody wakes it, and touches nothing of Nuke but through the main
thread.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import nuke

from . import main_thread
from .publishing import connected
from .recording import WINDOW_VARIABLE

if TYPE_CHECKING:
    from ft_dcc.publish.rendered import Tended
    from ft_dcc.renders import Render

# The processes of a background render cannot wake us.
_PAUSE_SECONDS, _PATIENCE_SECONDS = 5.0, 24 * 3600.0


class Watch:
    """One window's thread: when it looks, and what it has said already. ``is_at_work`` from a wish to its end."""

    def __init__(self) -> None:
        self.is_at_work = False
        self._is_stopped = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = time.time()
        self._often_until = 0.0
        self._said: set[tuple[str, str]] = set()

    def look(self, *, often: bool = False) -> None:
        """It looks now, and ``often`` from now on, for a day, while something is not complete."""
        if often:
            self._often_until = time.monotonic() + _PATIENCE_SECONDS
        self.is_at_work = True
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ft-dcc renders", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """The thread ends, after what it is at."""
        self._is_stopped = True
        self._wake.set()

    def _run(self) -> None:
        while True:
            is_often = time.monotonic() < self._often_until
            self.is_at_work = self._wake.is_set()
            self._wake.wait(_PAUSE_SECONDS if is_often else None)
            if self._is_stopped:
                return
            self._wake.clear()
            try:
                self._look()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it is said, and the next render gets its chance
                _say(f"ft-dcc cannot publish the render: {error}")

    def _look(self) -> None:
        from ft_dcc.publish.rendered import ASKS, INCOMPLETE, PUBLISHING, READY, state_of

        states = {render: state_of(render) for render in self._renders()}
        for render, state in states.items():
            if state == INCOMPLETE and render.is_ended:
                self._tell_missing(render)
            elif state == ASKS and self._is_wanted(render):
                _publish_now(render)
        if any(state in (READY, PUBLISHING) for state in states.values()):
            for tended in _publish(render for render in states if states[render] in (READY, PUBLISHING)):
                _tell(tended)

    def _renders(self) -> list[Render]:
        from ft_dcc.renders import read_renders

        window = os.environ.get(WINDOW_VARIABLE, "")
        # A file system's clock may be a little behind ours.
        found = read_renders(since=self._begun - 60)
        return [render for render in found if window and render.execution.window == window]

    def _tell_missing(self, render: Render) -> None:
        from ft_dcc.frames import ranges

        why = render.problem or f"{ranges(render.missing)} of {render.source} is missing."
        if (render.id, why) not in self._said:
            self._said.add((render.id, why))
            _say(f"{render.execution.node} is not published yet: {why}")

    def _is_wanted(self, render: Render) -> bool:
        from ft_dcc.publish.rendered import decline

        question = f"{render.execution.node} is rendered ({render.wanted}). Publish it for review?"
        if main_thread.run(lambda: bool(nuke.ask(question)), patience=None):
            return True
        decline(render)
        return False


_watch = Watch()


def look() -> None:
    """The thread looks at once what can be published."""
    _watch.look()


def stop() -> None:
    """Nobody looks any more."""
    _watch.stop()


def look_often() -> None:
    """The thread looks every few seconds: a process that we do not hear of renders."""
    _watch.look(often=True)


def _publish_now(render: Render) -> None:
    """The render is a version, or it is said why not."""
    from ft_dcc.errors import Error
    from ft_dcc.publish.rendered import Tended, publish_render

    try:
        with connected() as publisher:
            _tell(Tended(render, publish_render(render, publisher)))
    except Error as error:
        _tell(Tended(render, error=error))


def _publish(renders: Iterable[Render]) -> Iterator[Tended]:
    from ft_dcc.publish.rendered import tend

    with connected() as publisher:
        yield from tend(publisher, renders)


def _tell(tended: Tended) -> None:
    node = tended.render.execution.node
    if tended.published is not None:
        _say(f"{node} is in review. {tended.published.first.link or ''}".strip())
    elif tended.error is not None:
        _say(f"{node} is not published: {tended.error}")


def _say(sentence: str) -> None:
    """A sentence in the Script Editor: a dialog would come in the middle of the artist's work."""
    print(sentence, file=sys.stderr)  # noqa: T201
