"""The local engine: a bounded number of worker processes on this machine."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, Callable

import attrs

from ft_dcc.batch import plan
from ft_dcc.batch.plan import ItemResult, Plan, PlannedItem
from ft_dcc.settings.resolve import read_settings

OnProgress = Callable[[int, PlannedItem, "dict[str, Any]"], None]
OnResult = Callable[[ItemResult], None]
# A worker that dies is replaced, and its item is tried again this often.
MAX_ATTEMPTS = 3
_END_TIMEOUT_SECONDS = 0.7


def run_local(plan_to_run: Plan, workers: int, on_progress: OnProgress, on_result: OnResult) -> None:
    """Publish the items of the plan that are left, in ``workers`` processes.

    ``on_progress`` gets the number of the worker, the item and the progress; both callbacks are called in this thread.
    When this function is interrupted, every worker has ended, and their jobs resume in the next run.
    """
    todo = plan_to_run.todo
    count = min(workers, len(todo))
    engine = _Engine(plan_to_run, queue.Queue(), queue.Queue(), _environment(count), _own_processors(todo, count))
    for item in todo:
        engine.waiting.put(item)
    threads = [threading.Thread(target=engine.work, args=(number,), daemon=True) for number in range(count)]
    try:
        for thread in threads:
            thread.start()
        left = len(todo)
        while left:
            # With a time-out, so that Windows handles Ctrl-C in between.
            with contextlib.suppress(queue.Empty):
                number, item, event = engine.events.get(timeout=0.1)
                if isinstance(event, ItemResult):
                    left -= 1
                    on_result(event)
                else:
                    on_progress(number, item, event)
    finally:
        engine.stop()
        for thread in threads:
            thread.join()


@attrs.frozen
class _Engine:
    plan: Plan
    waiting: queue.Queue[PlannedItem]
    events: queue.Queue[tuple[int, PlannedItem, ItemResult | dict[str, Any]]]
    environment: dict[str, str]
    # The only processor of each worker; empty when the system distributes them.
    own_processors: Sequence[int]
    processes: set[subprocess.Popen[str]] = attrs.field(factory=set, init=False)
    stopped: threading.Event = attrs.field(factory=threading.Event, init=False)
    lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def work(self, number: int) -> None:
        """Publish waiting items with one process, which is replaced when it dies."""
        process: subprocess.Popen[str] | None = None
        while not self.stopped.is_set():
            try:
                item = self.waiting.get_nowait()
            except queue.Empty:
                break
            for attempt in range(1, MAX_ATTEMPTS + 1):
                process = process if process is not None and process.poll() is None else self._start(number)
                if process is None:
                    return
                result = self._publish(number, process, item)
                if result is not None or self.stopped.is_set():
                    break
                if attempt == MAX_ATTEMPTS:
                    code = process.wait()
                    text = f"The worker stopped {attempt} times with code {code}. Publish the item alone to see why."
                    result = ItemResult.of(item, plan.FAILED, [text])
            if result is not None:
                self.events.put((number, item, result))
        if process is not None:
            _close(process)

    def _start(self, number: int) -> subprocess.Popen[str] | None:
        with self.lock:
            if self.stopped.is_set():
                return None
            # Its own process group: Ctrl-C in the terminal reaches the parent only, which ends it with its children.
            process = subprocess.Popen(
                [sys.executable, "-m", "ft_dcc.batch.worker", str(self.plan.folder / plan.ITEMS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env=self.environment,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
            if self.own_processors:
                # The process has one thread so far; its later threads and ffmpeg inherit the processor.
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(process.pid, {self.own_processors[number]})
            self.processes.add(process)
            return process

    def _publish(self, number: int, process: subprocess.Popen[str], item: PlannedItem) -> ItemResult | None:
        """Return the result of the item, None if the worker died."""
        if process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(f"{item.index}\n")
            process.stdin.flush()
        except OSError:
            _close(process)
            return None
        for line in process.stdout:
            event = json.loads(line)
            if "result" in event:
                return ItemResult(**{**event["result"], "problems": tuple(event["result"]["problems"])})
            self.events.put((number, item, event["progress"]))
        _close(process)
        return None

    def stop(self) -> None:
        """End all workers and their child processes."""
        with self.lock:
            self.stopped.set()
            running = [process for process in self.processes if process.poll() is None]
        for process in running:
            if not self.waiting.empty() or self._is_busy(process):
                process.terminate()
        for process in running:
            try:
                process.wait(_END_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                _kill_group(process)

    def _is_busy(self, process: subprocess.Popen[str]) -> bool:
        """Return whether the worker was not told to end yet."""
        return process.stdin is not None and not process.stdin.closed


def _close(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a worker, which the end of its stdin causes."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _environment(workers: int) -> dict[str, str]:
    """Return the environment of the workers, which share the processors when they read their sources."""
    if read_settings().get("decoder_threads") is not None:
        return dict(os.environ)
    return {**os.environ, "FT_DCC_DECODER_THREADS": str(math.ceil(_processors() / max(1, workers)))}


def _own_processors(items: Sequence[PlannedItem], workers: int) -> list[int]:
    """Return a processor for each worker when there are as many; else an empty list, and the system distributes them.

    Threads that stay on one processor share its cache: two workers on two processors need 4 % less time. A scene is
    captured with all processors.
    """
    if not hasattr(os, "sched_getaffinity") or any(item.scene is not None for item in items):
        return []
    processors = sorted(os.sched_getaffinity(0))
    return processors if len(processors) == workers else []


def _processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 2


def _kill_group(process: subprocess.Popen[str]) -> None:
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def default_workers(items: Sequence[PlannedItem]) -> int:
    """Return the number of workers without a choice: one for two processors, since each runs ffmpeg beside itself."""
    return max(1, min(len(items), _processors() // 2 + 1))
