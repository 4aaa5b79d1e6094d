"""The queue of all work that clients and visitors cause: encodes, exports, and whatever is made of their files.

Each lane runs one work at a time; its visitors take turns. What a work does with a file, it does in processes of its
own, which end when the work is cancelled. Work that must survive a restart is stored where it is submitted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ft_dcc.errors import Cancelled, EncodeFailed, Error
from ft_dcc.files.atomic import make_temporary_folder, remove_tree, temporary_file
from ft_dcc.server import background, errors
from ft_dcc.server.work.budgets import Owner, TokenBucket, read_budgets
from ft_dcc.system import child_process

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.005, 0.1
# Until background work is tried again that a full disk has stopped.
_RETRY_SECONDS, _DISK_RETRY_SECONDS, _HOUR = 10.0, 60.0, 3600.0
_MAX_LOG_BYTES, _MAX_REMEMBERED = 4096, 10_000


@attrs.define(eq=False)
class Work:
    """One piece of work: its kind, who causes it, the function that does it, and its result."""

    kind: str
    owner: Owner
    function: Callable[[Work], Any]
    seconds: float
    # Of the files that it makes.
    parent: Path | None = None
    key: str = ""
    is_background: bool = False
    ready_at: float = 0.0
    future: Future[Any] = attrs.field(factory=Future)
    cpu_seconds: float = 0.0
    since: float = attrs.field(factory=time.monotonic)
    _cancelled: threading.Event = attrs.field(factory=threading.Event)

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody needs the result any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Cancel the work; its process ends within a moment."""
        self._cancelled.set()
        self.future.cancel()

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield a new folder for the files of the work, which is removed afterwards; raises InsufficientStorage."""
        with errors.writing_to_disk():
            if self.parent is not None:
                self.parent.mkdir(exist_ok=True)
            folder = make_temporary_folder(parent=self.parent)
        try:
            yield folder
        finally:
            remove_tree(folder)

    def run(self, command: Sequence[str], watch: Callable[[], None] = lambda: None) -> bytes:
        """Run a program and return its output; the program and its children end with the work and with this process.

        ``watch`` is called again and again meanwhile, and once afterwards; what it raises ends the program. Raises
        Cancelled, and EncodeFailed with the end of its log if it fails or takes too long.
        """
        with temporary_file() as made, temporary_file() as log:
            code = self._run(command, made, log, watch)
            if self.is_cancelled:
                raise Cancelled("The work was cancelled.")
            if code is None:
                raise EncodeFailed(f"Work on a file took longer than {self.seconds:g} seconds and was stopped.")
            watch()
            log.seek(max(0, log.seek(0, os.SEEK_END) - _MAX_LOG_BYTES))
            if code != 0:
                text = log.read().decode(errors="replace")
                raise EncodeFailed(f"A program cannot read a file and stopped with code {code}.", text)
            made.seek(0)
            return made.read()

    def _run(self, command: Sequence[str], made: Any, log: Any, watch: Callable[[], None]) -> int | None:
        """Return the exit code, or None if the program was stopped."""
        began_at, pause, code = time.monotonic(), _FIRST_PAUSE_SECONDS, None
        process: child_process.Process[bytes] = child_process.start(
            command,
            env=child_process.environment_without_secrets(),
            stdin=child_process.PIPE,
            stdout=made,
            stderr=log,
            ends_with_this=True,
            is_background=True,
        )
        try:
            while code is None and not self.is_cancelled and time.monotonic() - began_at < self.seconds:
                self._cancelled.wait(pause)
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)
                watch()
                code = self._poll(process, began_at)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            if code is None:
                child_process.end_tree(process)
                self.cpu_seconds += time.monotonic() - began_at
        return code

    def _poll(self, process: child_process.Process[bytes], began_at: float) -> int | None:
        """Return the exit code of a process that has ended, and charge its time."""
        if sys.platform == "win32":  # Its time is not known there.
            used = time.monotonic() - began_at
            code = process.poll()
        else:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            used = usage.ru_utime + usage.ru_stime
            code = process.returncode = os.waitstatus_to_exitcode(status) if pid else None
        self.cpu_seconds += 0 if code is None else used
        return code


class WorkQueue:
    """The work that waits and runs, in lanes; safe to use from several threads.

    ``folder`` is emptied: what a server that was killed has left there belongs to no work.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        self.folder, self._now = folder, now
        remove_tree(folder)
        self.activity = background.ActivityCounter()
        self._budgets = read_budgets()
        # The CPU seconds of visitors and of sessions, which are forgiven evenly over an hour.
        self._accounts = [TokenBucket(limit, limit / _HOUR, now) for limit in self._budgets.cpu_seconds]
        self._waiting: dict[str, list[Work]] = {limits.lane: [] for limits in self._budgets.work.values()}
        self._running: dict[str, Work] = {}
        self._by_key: dict[tuple[str, str], Work] = {}
        # By lane and visitor, a number that grows with each work.
        self._served: Counter[tuple[str, str]] = Counter()
        self._changed = threading.Condition()
        self._threads: dict[str, threading.Thread] = {}
        self._is_stopping = False

    def submit(
        self, kind: str, owner: Owner, function: Callable[[Work], Any], *, is_background: bool = False, key: str = ""
    ) -> Work:
        """Add work to its lane; raises TooManyRequests when its owner has no budget left for it.

        Background work waits for the budget of its owner, and for space on a full disk. Work of the same kind and key
        that waits or runs is returned instead.
        """
        limits = self._budgets.work[kind]
        work = Work(kind, owner, function, limits.seconds, self.folder, key, is_background)
        wait = 0.0 if is_background else self._retry_after(work)
        with self._changed:
            if key and (known := self._by_key.get((kind, key))) is not None:
                return known
            waiting = [each.owner for each in self._waiting[limits.lane] if each.kind == kind]
            is_full = (
                len(waiting) >= limits.in_all
                or (owner.visitor and sum(each.visitor == owner.visitor for each in waiting) >= limits.of_visitor)
                or (owner.session and sum(each.session == owner.session for each in waiting) >= limits.of_session)
            )
            if is_full or wait > 0:
                text = f"Too much work of the kind '{kind}' was asked for. Wait a minute, then try again."
                raise errors.TooManyRequests(text, max(wait, _RETRY_SECONDS))
            self._waiting[limits.lane].append(work)
            if key:
                self._by_key[kind, key] = work
            self._changed.notify_all()
            if limits.lane not in self._threads and not self._is_stopping:
                run = partial(self._run_lane, limits.lane)
                self._threads[limits.lane] = threading.Thread(target=run, name=f"ft-dcc-{limits.lane}", daemon=True)
                self._threads[limits.lane].start()
        return work

    async def result(self, work: Work, receive: Receive) -> Any:
        """Return the result of work for a request; it is cancelled when the client leaves."""
        leaving = asyncio.ensure_future(wait_for_disconnect(receive))
        finished = asyncio.ensure_future(asyncio.wrap_future(work.future))
        try:
            await asyncio.wait({leaving, finished}, return_when=asyncio.FIRST_COMPLETED)
            if not finished.done():
                raise ClientDisconnect
            return finished.result()
        finally:
            leaving.cancel()
            if not work.future.done():
                work.cancel()

    def _run_next(self, lane: str) -> bool:
        """Run the work of a lane whose visitor has waited longest; return whether there was any."""
        with self._changed:
            work = self._take(lane)
        if work is None:
            return False
        is_waiting = False
        try:
            with self.activity.track():
                if work.future.running() or work.future.set_running_or_notify_cancel():
                    work.future.set_result(work.function(work))
        except Exception as error:  # noqa: BLE001  the error is that of the one who waits
            is_waiting = work.is_background and isinstance(error, errors.InsufficientStorage) and not work.is_cancelled
            if not work.future.cancelled() and not is_waiting:
                work.future.set_exception(error)
            is_known = isinstance(error, Error)
            _log.log(logging.INFO if is_known else logging.ERROR, "Work failed: %s", error, exc_info=not is_known)
        finally:
            for bucket, key in self._accounts_of(work):
                bucket.consume(key, work.cpu_seconds)
            with self._changed:
                del self._running[lane]
                work.cpu_seconds, work.ready_at = 0.0, self._now() + _DISK_RETRY_SECONDS
                if is_waiting:
                    self._waiting[lane].append(work)
                else:
                    self._by_key.pop((work.kind, work.key), None)
                self._changed.notify_all()
        return True

    def describe(self) -> list[dict[str, Any]]:
        """Return what runs and waits, for the administration page."""
        now = time.monotonic()
        with self._changed:
            found = [*self._running.values(), *(work for works in self._waiting.values() for work in works)]
            count = len(self._running)
        facts = ({"kind": work.kind, "seconds": round(now - work.since), **attrs.asdict(work.owner)} for work in found)
        return [{**each, "is_running": index < count} for index, each in enumerate(facts)]

    def stop(self) -> None:
        """Cancel all work; no thread of the queue runs afterwards."""
        with self._changed:
            self._is_stopping = True
            for work in (*self._running.values(), *(each for works in self._waiting.values() for each in works)):
                work.cancel()
            self._waiting = {lane: [] for lane in self._waiting}
            self._changed.notify_all()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _take(self, lane: str) -> Work | None:
        """Return the next work of a lane as the running one, or None if all of it must wait."""
        self._waiting[lane] = [work for work in self._waiting[lane] if not work.is_cancelled]
        now = self._now()
        ready = [work for work in self._waiting[lane] if work.ready_at <= now and self._retry_after(work) == 0]
        if not ready:
            return None
        # The publishes of users come before what visitors ask for.
        work = min(ready, key=lambda each: (self._is_charged(each), self._served[lane, each.owner.visitor]))
        if len(self._served) > _MAX_REMEMBERED:
            self._served.clear()
        self._served[lane, work.owner.visitor] = max(self._served.values(), default=0) + 1
        self._waiting[lane].remove(work)
        self._running[lane] = work
        return work

    def _is_charged(self, work: Work) -> bool:
        return self._budgets.work[work.kind].is_charged

    def _accounts_of(self, work: Work) -> list[tuple[TokenBucket, str]]:
        names = (work.owner.visitor, work.owner.session) if self._is_charged(work) else ()
        return [pair for pair in zip(self._accounts, names) if pair[1]]

    def _retry_after(self, work: Work) -> float:
        """Return the seconds until the owner may cause more work; 0 if that is now."""
        return max((bucket.retry_after(key, 0) for bucket, key in self._accounts_of(work)), default=0.0)

    def _run_lane(self, lane: str) -> None:
        while not self._is_stopping:
            if not self._run_next(lane):
                with self._changed:
                    if not self._is_stopping:
                        # Budgets return with time, of which nothing notifies.
                        self._changed.wait(_RETRY_SECONDS if self._waiting[lane] else None)


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client of a request has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
