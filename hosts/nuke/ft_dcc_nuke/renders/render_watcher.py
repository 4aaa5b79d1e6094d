"""The background thread of a Nuke window: it publishes what was rendered there and is complete.

It starts with the first render, sleeps until it is woken, and touches Nuke only through the main thread.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import nuke

from ft_dcc_nuke.maintained import run_in_main_thread

from . import WINDOW_VARIABLE

if TYPE_CHECKING:
    from ft_dcc.renders.publish import CurrentRender, RenderResult
    from ft_dcc.renders.renders import Render

# The processes of a background render cannot wake the thread.
_POLL_INTERVAL_SECONDS, _POLL_DURATION_SECONDS = 5.0, 24 * 3600.0


class RenderWatcher:
    """The thread of one window, and what it has reported already."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # Calls of wake, and how many of them have been handled.
        self._requested = self._handled = 0
        self._is_stopped = False
        self._thread: threading.Thread | None = None
        self._started_at = time.time()
        self._poll_until = 0.0
        self._reported: set[tuple[str, str]] = set()

    @property
    def is_working(self) -> bool:
        """Return whether a call of ``wake`` has not been handled completely."""
        with self._changed:
            return self._requested != self._handled

    def wake(self, *, poll: bool = False) -> None:
        """Check the renders now, and with ``poll`` every few seconds for a day."""
        with self._changed:
            if poll:
                self._poll_until = time.monotonic() + _POLL_DURATION_SECONDS
            self._requested += 1
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ft-dcc renders", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after its current work."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                is_polling = time.monotonic() < self._poll_until
                self._changed.wait_for(
                    lambda: self._is_stopped or self._requested != self._handled,
                    _POLL_INTERVAL_SECONDS if is_polling else None,
                )
                if self._is_stopped:
                    return
                requested = self._requested
            try:
                self._check_renders()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it is printed, and the next render is tried
                _print(f"ft-dcc cannot publish the render: {error}")
            with self._changed:
                self._handled = requested

    def _check_renders(self) -> None:
        from ft_dcc.renders.publish import ASKS, INCOMPLETE, PUBLISHING, READY, publish_ready, renders_of_window
        from ft_dcc.ui.menu_commands import open_publisher

        current = renders_of_window(os.environ.get(WINDOW_VARIABLE, ""), self._started_at)
        for each in current:
            render = each.render
            if each.state == INCOMPLETE and render.is_ended:
                if (render.id, each.text) not in self._reported:
                    self._reported.add((render.id, each.text))
                    _print(f"{render.execution.node} is not published yet: {each.text} ({render.source}).")
            elif each.state == ASKS and self._is_confirmed(each):
                _publish_now(render)
        complete = [each.render for each in current if each.state in (READY, PUBLISHING)]
        if complete:
            with open_publisher() as publisher:
                for result in publish_ready(publisher, complete):
                    _report(result)

    def _is_confirmed(self, current: CurrentRender) -> bool:
        from ft_dcc.renders.publish import decline

        if run_in_main_thread(lambda: bool(nuke.ask(current.question)), timeout=None):
            return True
        decline(current.render)
        return False


_watcher = RenderWatcher()


def wake(*, poll: bool = False) -> None:
    """Publish now what is complete; with ``poll``, check every few seconds, for another process that renders."""
    _watcher.wake(poll=poll)


def stop() -> None:
    """Stop publishing; the next render starts a new thread."""
    global _watcher
    _watcher.stop()
    _watcher = RenderWatcher()


def _publish_now(render: Render) -> None:
    from ft_dcc.errors import Error
    from ft_dcc.renders.publish import RenderResult, publish_render
    from ft_dcc.ui.menu_commands import open_publisher

    try:
        with open_publisher() as publisher:
            _report(RenderResult(render, publish_render(render, publisher)))
    except Error as error:
        _report(RenderResult(render, error=error))


def _report(result: RenderResult) -> None:
    from ft_dcc.frames import format_ranges

    render = result.render
    node = render.execution.node
    if result.published is not None:
        new = format_ranges(tuple(frame for frame in render.frames if frame in (render.wanted or ())))
        remarks = (f"New frames: {new}." if render.older else "", f"{remark}." if (remark := render.remark) else "")
        _print(" ".join(filter(None, (f"{node} is in review.", result.published.first.link, *remarks))))
    elif result.error is not None:
        _print(f"{node} is not published: {result.error}")


def _print(message: str) -> None:
    """Print to the Script Editor: a dialog would interrupt the artist."""
    print(message, file=sys.stderr)  # noqa: T201
