"""Progress of a publish: a bar for each step on a terminal, lines of text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from ft_dcc import plain_text
from ft_dcc.cli.terminal.output import drop_stderr
from ft_dcc.publish.progress import OnProgress, Progress

_BYTES, _COUNT = DownloadColumn(binary_units=True), MofNCompleteColumn()


class _Console(Console):
    """A console on stderr that is silent after its reader has closed it; rich would exit the program."""

    def on_broken_pipe(self) -> None:
        """Drop all further output."""
        self.quiet = True
        drop_stderr()


class _Amount(ProgressColumn):
    def render(self, task: Task) -> Text:
        return (_BYTES if task.fields["unit"] == "bytes" else _COUNT).render(task)


def format_rate(progress: Progress) -> str:
    """Return the rate and the remaining time as text, or "" while they are unknown."""
    if progress.rate is None or progress.seconds_left is None:
        return ""
    is_bytes = progress.unit == "bytes"
    rate = f"{progress.rate / 2**20:.1f} MiB/s" if is_bytes else f"{progress.rate:.1f} {progress.unit}/s"
    return f", {rate}, {progress.seconds_left:.0f} s left"


@contextmanager
def progress_display(*, is_quiet: bool = False) -> Iterator[OnProgress]:
    """Yield a callback that shows progress on stderr unless ``is_quiet``; output of plugins goes to stderr, too."""
    console = _Console(stderr=True)
    with redirect_stdout(sys.stderr):
        if is_quiet:
            yield lambda _progress: None
            return
        if not console.is_terminal:
            yield _Lines(console)
            return
        # In a narrow window the name is shortened, so that each bar takes one line.
        name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=2))
        bar = BarColumn(None, table_column=Column(no_wrap=True, ratio=1))
        rate = TextColumn("{task.fields[rate]}", markup=False, table_column=Column(no_wrap=True))
        tasks: dict[tuple[str, str], TaskID] = {}
        with Bars(name, bar, _Amount(Column(no_wrap=True)), rate, console=console, expand=True) as bars:

            def show(progress: Progress) -> None:
                key = (progress.step, progress.source)
                if key not in tasks:
                    description = plain_text.single_line(f"{progress.step} {progress.source}")
                    tasks[key] = bars.add_task(description, total=progress.total, unit=progress.unit, rate="")
                rate_text = format_rate(progress).strip(", ")
                bars.update(tasks[key], completed=progress.done, total=progress.total, rate=rate_text)

            yield show


class _Lines:
    """Prints a line at the start, each quarter and the end of a step, because a log keeps every line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._quarters: dict[tuple[str, str], int] = {}

    def __call__(self, progress: Progress) -> None:
        key = (progress.step, progress.source)
        quarter = 4 * progress.done // max(progress.total, 1)
        if self._quarters.get(key) == quarter:
            return
        self._quarters[key] = quarter
        amount = f"{progress.done} of {progress.total} {progress.unit}{format_rate(progress)}"
        line = plain_text.single_line(f"{progress.step} {progress.source}: {amount}")
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
