"""Publish a scene of Maya or Nuke: start the program without a window, give it an order, and wait for its answer."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import queue
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs

from ft_dcc import errors
from ft_dcc.accounts.credentials import Account
from ft_dcc.install import host_discovery, host_launcher
from ft_dcc.media import ffmpeg
from ft_dcc.publish import progress, scene_order
from ft_dcc.publish.scene_order import SceneAnswer, SceneOrder
from ft_dcc.settings.resolve import read_settings, source_of
from ft_dcc.system import child_process

# The programs of the scene files that are captured in a process of their own.
PROGRAMS = {".ma": "maya", ".mb": "maya", ".nk": "nuke"}
_LIMITED_SUFFIXES = (".nknc", ".nkind")
_START = (
    "from ft_dcc_{host}.host import {title}Host; from ft_dcc.publish.scene_order import run_order; "
    "run_order({title}Host())"
)
# Not the line of a successful start, as in 'Using "nuke_r" licence.'
_LICENCE = re.compile(r"licen[cs]", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(no|not|none|cannot|can't|unable|fail\w*|error\w*|denied|expired|invalid|unavailable|missing)\b", re.IGNORECASE
)
_POLL_INTERVAL_SECONDS = 0.1
# How long a program may take to quit after its answer.
_QUIT_TIMEOUT_SECONDS = 30
# How long output may arrive after the end of a program, from its child processes.
_DRAIN_SECONDS = 1
_OUTPUT_LINES, _SHOWN_LINES = 200, 3


def program_of(scene: Path) -> str | None:
    """Return "maya", "nuke" or None for a file; raise SceneUnreadable for Nuke Indie, whose Python has ten nodes."""
    suffix = scene.suffix.lower()
    if suffix in _LIMITED_SUFFIXES:
        raise errors.SceneUnreadable(
            f"{scene} is a script of Nuke Indie or Non-commercial, which cannot be captured without a window. "
            "Publish it in Nuke, or give the frames that it rendered."
        )
    return PROGRAMS.get(suffix)


def require_program(host: str, path: Path | None = None) -> host_discovery.Program:
    """Return the given, the set or the newest program; raise HostMissing, or SettingInvalid for an old Python."""
    given, title = path or read_settings().get(host), host_discovery.TITLES[host]
    machine = host_discovery.Machine.here()
    found = [host_discovery.program_at(host, Path(given))] if given else host_discovery.find_programs(host, machine)
    if not found:
        searched = ", ".join(host_discovery.search_paths(host, machine))
        raise errors.HostMissing(
            f"{title} was not found in {searched}. Install it, or set {source_of(host)} to the path of the program."
        )
    host_discovery.python_of_version(host, found[-1].version)
    return found[-1]


def publish_scene(
    order: SceneOrder, account: Account, on_progress: progress.OnProgress | None = None, path: Path | None = None
) -> SceneAnswer:
    """Start the program of the order's scene, by default that of the settings, and return its answer.

    The program ends before this function does, also when it is interrupted. Raises HostMissing, SceneUnreadable,
    CaptureFailed if the program ends without an answer or makes no progress, and what the publish raises.
    """
    host = program_of(order.scene)
    if host is None:
        raise errors.SceneUnreadable(f"{order.scene} is no scene of Maya or Nuke. Give a .ma, .mb or .nk file.")
    if not order.scene.is_file():
        raise errors.SceneUnreadable(f"{order.scene} does not exist. Give the path of a scene.")
    program = require_program(host, path)
    with host_launcher.temporary_installation(program, with_ffmpeg=False) as (folder, environment):
        # The program may change its working folder.
        sounds = tuple(os.path.abspath(text) for text in order.request.sounds)  # noqa: PTH100 - as the publisher does
        order = attrs.evolve(order, answer=folder / "answer.json", request=attrs.evolve(order.request, sounds=sounds))
        order.save(folder / "order.json")
        environment.update(
            {
                scene_order.ORDER: str(folder / "order.json"),
                # Not in the command line, which other users of the machine can read.
                **account.as_environment(),
                "FT_DCC_JOBS": str(order.jobs),
                "FT_DCC_FFMPEG": str(ffmpeg.find("A capture")),
            }
        )
        start = _START.format(host=host, title=host_discovery.TITLES[host])
        command = host_launcher.headless_command(program, folder, start)
        with _running(command, environment) as process:
            run = _Run(program, order, process, on_progress)
            run.wait()
        return run.answer()


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[child_process.Process[bytes]]:
    """Start the program, and end it with its child processes on exit; raise HostMissing if it cannot be started."""
    started: list[child_process.Process[bytes]] = []

    def start() -> None:
        try:
            # Ctrl-C reaches this process only, which ends the program and its children.
            process = child_process.start(
                command,
                env=environment,
                ends_with_this=True,
                stdin=child_process.PIPE,
                stdout=child_process.PIPE,
                stderr=child_process.STDOUT,
            )
        except OSError as error:
            raise errors.HostMissing(f"{command[0]} cannot be started: {error.strerror}. Install it again.") from error
        started.append(process)

    try:
        # Ctrl-C interrupts the main thread only, so that it cannot lose the process while it starts.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(start).result()
        (process,) = started
        yield process
    finally:
        for process in started:
            child_process.end_tree(process)
            if process.stdin is not None:
                # Where a wrapper started the program elsewhere, the end of its stdin ends it.
                with contextlib.suppress(OSError):
                    process.stdin.close()


@attrs.define
class _Run:
    """One run of a program: its events, its last output, and how far it came."""

    program: host_discovery.Program
    order: SceneOrder
    process: child_process.Process[bytes]
    on_progress: progress.OnProgress | None
    output: collections.deque[str] = attrs.field(factory=lambda: collections.deque(maxlen=_OUTPUT_LINES), init=False)
    is_started: bool = attrs.field(default=False, init=False)

    def wait(self) -> None:
        """Pass on the progress until the program has ended or answered; raise CaptureFailed without progress."""
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        minutes = float(read_settings().require("scene_timeout"))
        last_sign, answered = time.monotonic(), None
        while True:
            now = time.monotonic()
            try:
                # With a time-out, so that Windows handles Ctrl-C in between.
                line = lines.get(timeout=_POLL_INTERVAL_SECONDS)
            except queue.Empty:
                answered = now if answered is None and self.order.answer.is_file() else answered
                has_ended = self.process.poll() is not None and now - last_sign > _DRAIN_SECONDS
                if has_ended or (answered is not None and now - answered > _QUIT_TIMEOUT_SECONDS):
                    return
                if now - last_sign > minutes * 60:
                    raise errors.CaptureFailed(
                        f"{self.program} made no progress for {minutes:g} minutes with {self.order.scene} and was "
                        f"stopped. {self._last_output()} Open the scene to see what it waits for, or raise "
                        "FT_DCC_SCENE_TIMEOUT."
                    ) from None
                continue
            if line is None:
                # The exit code belongs to the error message.
                with contextlib.suppress(child_process.TimeoutExpired):
                    self.process.wait(_QUIT_TIMEOUT_SECONDS)
                return
            last_sign = now
            self._handle(line)

    def _read(self, lines: queue.Queue[str | None]) -> None:
        if self.process.stdout is not None:
            # Closed by this thread: a child process that has left the group may keep the pipe open.
            with self.process.stdout as output:
                for line in output:
                    lines.put(line.decode("utf-8", "replace").rstrip())
        lines.put(None)

    def _handle(self, line: str) -> None:
        before, mark, text = line.partition(scene_order.EVENT)
        if before.strip():
            self.output.append(before.strip())
        if not mark:
            return
        try:
            event = json.loads(text)
        except ValueError:
            # Output of another thread lies in the line: the next event has newer values.
            return
        self.is_started = True
        if "progress" in event and self.on_progress is not None:
            self.on_progress(progress.Progress(**event["progress"]))

    def answer(self) -> SceneAnswer:
        """Return the answer of the program that has ended; raise the error in it, or CaptureFailed without one."""
        if self.order.answer.is_file():
            # How a program quits after its answer does not matter: some crash then.
            return SceneAnswer.read(self.order.answer)
        licence = next((line for line in self.output if _LICENCE.search(line) and _REFUSAL.search(line)), None)
        if not self.is_started and licence is not None:
            raise errors.CaptureFailed(
                f"{self.program} has no licence: {_sentence(licence)} Free a licence and publish {self.order.scene} "
                "again."
            )
        what = f"while it captured {self.order.scene}" if self.is_started else "before it could start"
        raise errors.CaptureFailed(
            f"{self.program} stopped with code {self.process.returncode} {what}. {self._last_output()} "
            "Open the scene in the program to see why."
        )

    def _last_output(self) -> str:
        lines = list(self.output)[-_SHOWN_LINES:]
        return f"Its last output: {_sentence(' '.join(lines))}" if lines else "It printed nothing."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
