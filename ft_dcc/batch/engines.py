"""The engines of this process: ``local`` workers, and ``dask://HOST:PORT``, whose workers share the folders."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import attrs

from ft_dcc import errors
from ft_dcc.accounts.local_server import get_account
from ft_dcc.batch import plan, unit
from ft_dcc.batch.plan import ItemResult, Plan, PlannedItem
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings
from ft_dcc.system import child_process

OnProgress = Callable[[int, PlannedItem, "dict[str, Any]"], None]
OnResult = Callable[[ItemResult], None]
# A worker that dies is replaced, and its item is tried again this often.
MAX_ATTEMPTS = 3
_END_TIMEOUT_SECONDS = 0.7
# A worker of Dask that is killed loses its item, which another one then resumes.
RETRIES = 2
CONNECT_TIMEOUT_SECONDS = 20


def run_local(plan_to_run: Plan, workers: int, on_progress: OnProgress, on_result: OnResult) -> None:
    """Publish the items of the plan that are left, in ``workers`` processes.

    ``on_progress`` gets the number of the worker, the item and the progress; both callbacks are called in this thread.
    When this function is interrupted, every worker has ended, and their jobs resume in the next run.
    """
    todo = plan_to_run.todo
    count = min(workers, len(todo))
    environment = dict(os.environ)
    if read_settings().get("decoder_threads") is None:
        # The workers share the processors when they read their sources.
        environment["FT_DCC_DECODER_THREADS"] = str(math.ceil(_processors() / max(1, count)))
    own_processors: list[int] = []
    if hasattr(os, "sched_getaffinity") and not any(item.scene is not None for item in todo):
        # Threads that stay on one processor share its cache: two workers on two processors need 4 % less time. A scene
        # is captured with all processors, and the system distributes the workers if there are fewer or more of them.
        own_processors = sorted(os.sched_getaffinity(0))
    own_processors = own_processors if len(own_processors) == count else []
    engine = _Engine(plan_to_run, queue.Queue(), queue.Queue(), environment, own_processors)
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
    processes: set[child_process.Process[str]] = attrs.field(factory=set, init=False)
    stopped: threading.Event = attrs.field(factory=threading.Event, init=False)
    lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def work(self, number: int) -> None:
        """Publish waiting items with one process, which is replaced when it dies."""
        process: child_process.Process[str] | None = None
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

    def _start(self, number: int) -> child_process.Process[str] | None:
        with self.lock:
            if self.stopped.is_set():
                return None
            # Ctrl-C in the terminal reaches the parent only, which ends the worker with its children.
            process = child_process.start(
                [sys.executable, "-m", "ft_dcc.batch.unit", str(self.plan.folder / plan.ITEMS)],
                stdin=child_process.PIPE,
                stdout=child_process.PIPE,
                encoding="utf-8",
                env=self.environment,
            )
            if self.own_processors:
                # The process has one thread so far; its later threads and ffmpeg inherit the processor.
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(process.pid, {self.own_processors[number]})
            self.processes.add(process)
            return process

    def _publish(self, number: int, process: child_process.Process[str], item: PlannedItem) -> ItemResult | None:
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
            # A worker whose stdin is open was not told to end yet. On Windows it could not end its children.
            is_ending = self.waiting.empty() and (process.stdin is None or process.stdin.closed)
            if not is_ending and sys.platform != "win32":
                process.terminate()
        for process in running:
            with contextlib.suppress(child_process.TimeoutExpired):
                process.wait(_END_TIMEOUT_SECONDS if sys.platform != "win32" else 0)
            child_process.end_tree(process)


def _close(process: child_process.Process[str]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 2


def default_workers(items: Sequence[PlannedItem]) -> int:
    """Return the number of workers without a choice: one for two processors, since each runs ffmpeg beside itself."""
    return max(1, min(len(items), _processors() // 2 + 1))


def run_dask(plan_to_run: Plan, address: str, on_result: Callable[[ItemResult], None], tls: Mapping[str, Path]) -> None:
    """Publish the items that are left on the cluster at ``address``; ``on_result`` is called in this thread.

    Dask runs any code that a client sends, so addresses of other machines need ``tls``, the files of a connection by
    their names in ``distributed.Security``. Raises MissingExtra,
    SettingInvalid, or EncodeFailed if the cluster does not answer.
    """
    try:
        from distributed import Client, Security, as_completed
    except ImportError as error:
        raise errors.MissingExtra("dask", "The engine dask://") from error
    host = address.rpartition(":")[0].strip("[]")
    if not tls and host not in ("localhost", "127.0.0.1", "::1"):
        raise errors.SettingInvalid(
            f"Dask workers run any code, so {address} needs TLS. Give --tls-ca, --tls-cert and --tls-key."
        )
    files = {name: str(path) for name, path in tls.items()}
    security = Security(**files, require_encryption=True) if tls else None
    url = f"{'tls' if tls else 'tcp'}://{address}"
    try:
        client = Client(url, security=security, timeout=CONNECT_TIMEOUT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise errors.SettingInvalid(f"The Dask scheduler {address} does not answer: {error}. Start it.") from error
    with client:
        folder = str(plan_to_run.folder)
        items = {
            client.submit(
                _run_item, folder, item.index, pure=False, retries=RETRIES, key=f"{item.key}-{item.job}"
            ): item
            for item in plan_to_run.todo
        }
        for future in as_completed(list(items), loop=client.loop):
            try:
                values = future.result()
                on_result(ItemResult(**{**values, "problems": tuple(values["problems"])}))
            except Exception as error:  # noqa: BLE001 - an error of Dask, such as KilledWorker, is one of its item
                on_result(ItemResult.of(items[future], plan.FAILED, [f"{type(error).__name__}: {error}"]))


def _run_item(folder: str, index: int) -> dict[str, Any]:
    opened, account = plan.Plan.open(Path(folder) / plan.ITEMS), get_account()
    with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
        result = unit.publish_item(opened.items[index], opened.folder / plan.RESULTS, session)
    return attrs.asdict(result)
