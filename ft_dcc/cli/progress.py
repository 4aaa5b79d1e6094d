"""Progress of a publish: a bar for each step on a terminal, a line for each step where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from ft_dcc.publish.progress import OnProgress, Progress

_COLUMNS: dict[str, DownloadColumn | MofNCompleteColumn] = {
    "bytes": DownloadColumn(binary_units=True),
    "frames": MofNCompleteColumn(),
}


class _Amount(ProgressColumn):
    """Frames are counted, bytes are measured."""

    def render(self, task: Task) -> Text:
        return _COLUMNS[task.fields["unit"]].render(task)


def pace(progress: Progress) -> str:
    """Return how fast it goes and what is left, for a person; nothing as long as nobody can know."""
    if progress.rate is None or progress.seconds_left is None:
        return ""
    is_bytes = progress.unit == "bytes"
    rate = f"{progress.rate / 2**20:.1f} MiB/s" if is_bytes else f"{progress.rate:.1f} {progress.unit}/s"
    return f", {rate}, {progress.seconds_left:.0f} s left"


class _Rate(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["rate"])


@contextmanager
def shown_progress() -> Iterator[OnProgress]:
    """What is called with the return value appears on stderr while the block runs, and so does what plugins print."""
    console = Console(stderr=True)
    with redirect_stdout(sys.stderr):
        if not console.is_terminal:
            yield _Lines(console)
            return
        # In a narrow window a name gets shorter, and each bar still takes one line.
        name = TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=2))
        bar = BarColumn(None, table_column=Column(no_wrap=True, ratio=1))
        amount, rate = _Amount(Column(no_wrap=True)), _Rate(Column(no_wrap=True))
        with Bars(name, bar, amount, rate, console=console, expand=True) as bars:
            yield _Bars(bars)


class _Bars:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        key = (progress.step, progress.source)
        if key not in self._tasks:
            description = f"{progress.step} {progress.source}"
            self._tasks[key] = self._bars.add_task(description, total=progress.total, unit=progress.unit, rate="")
        self._bars.update(
            self._tasks[key], completed=progress.done, total=progress.total, rate=pace(progress).strip(", ")
        )


class _Lines:
    """A log keeps every line, so a step says when it begins, at each quarter, and when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._quarters: dict[tuple[str, str], int] = {}

    def __call__(self, progress: Progress) -> None:
        key = (progress.step, progress.source)
        quarter = 4 * progress.done // max(progress.total, 1)
        if self._quarters.get(key) == quarter:
            return
        self._quarters[key] = quarter
        line = f"{progress.step} {progress.source}: {progress.done} of {progress.total} {progress.unit}{pace(progress)}"
        self._console.print(line, highlight=False, soft_wrap=True)
