"""Output of commands: messages on stderr, the result on stdout as text or JSON."""

from __future__ import annotations

import contextlib
import difflib
import functools
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Callable

import attrs
import click

from ft_dcc.errors import Error, UserFixableError, ValidationFailed, ValidationIssue


@attrs.frozen
class Output:
    """The output options of a command; with ``as_json`` stdout contains the report only."""

    as_json: bool = False
    debug: bool = False
    quiet: bool = False

    def message(self, text: str) -> None:
        """Print a message as one line on stderr, unless its reader has closed it."""
        try:
            click.echo(one_line(text), err=True)
        except BrokenPipeError:
            drop_stderr()

    def result(self, text: str | Sequence[str], report: Mapping[str, Any]) -> None:
        """Print the result of the command: a text, or a line for each of several texts."""
        shown = text if isinstance(text, str) else "\n".join(map(one_line, text))
        click.echo(_as_json(report) if self.as_json else shown)
        sys.stdout.flush()

    def fail(self, error: BaseException) -> None:
        """Print an error, one line for each issue, and the traceback with ``--debug``."""
        if self.debug:
            traceback.print_exception(type(error), error, error.__traceback__)
        for line in _lines(error):
            self.message(line)
        if self.as_json:
            click.echo(_as_json({"error": _error_report(error)}))


def one_line(text: str) -> str:
    """Return the text with a space for each line break, which names of cameras, nodes and files can contain."""
    return " ".join(text.splitlines())


def drop_stderr() -> None:
    """Discard all further output on stderr, for one whose reader has closed it, as in ``2>&1 | head -1``."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        # Tests and host programs may have a stream without a file.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(null, sys.stderr.fileno())
    finally:
        os.close(null)


class CommandGroup(click.Group):
    """A group that names the nearest command for one that does not exist."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of the arguments; name the nearest one for a command that does not exist."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(context):
            near = difflib.get_close_matches(args[0], self.list_commands(context), 1, 0.5)
            hint = f"Did you mean {near[0]}?" if near else f"List them with: {context.command_path} --help."
            raise click.UsageError(f"There is no command {args[0]!r}. {hint}", context)
        return super().resolve_command(context, args)


def _error_report(error: BaseException) -> dict[str, Any]:
    """Return the class, the lines, the problems and the job of an error; a problem has the fields of its check."""
    problems: tuple[ValidationIssue, ...] = ()
    if isinstance(error, ValidationFailed):
        problems = error.problems
    elif isinstance(error, UserFixableError) and error.problem is not None:
        problems = (error.problem,)
    return {
        "class": type(error).__name__,
        "lines": _lines(error),
        "problems": [problem._asdict() for problem in problems],
        "job": error.details.get("job") if isinstance(error, Error) else None,
    }


def _as_json(report: Mapping[str, Any]) -> str:
    """Return the report as JSON, with escapes where stdout is not UTF-8, as a pipe on Windows."""
    is_utf_8 = (sys.stdout.encoding or "utf-8").lower().replace("_", "-") == "utf-8"
    return json.dumps(report, indent=2, ensure_ascii=not is_utf_8)


def problem_line(problem: ValidationIssue) -> str:
    """Return the line for an issue: source, check, message and repair."""
    source = f"{problem.instance}: " if problem.instance else ""
    return f"{source}{problem.check}: {problem.message}{_repair_hint(problem)}"


def _repair_hint(problem: ValidationIssue | None) -> str:
    if problem is None or problem.repair is None:
        return ""
    return f' {problem.repair}: --repair="{problem.check}"'


def _lines(error: BaseException) -> list[str]:
    if isinstance(error, ValidationFailed):
        return [problem_line(problem) for problem in error.problems]
    if isinstance(error, UserFixableError):
        return [" ".join(str(error).split()) + _repair_hint(error.problem)]
    if isinstance(error, Error):
        return [" ".join(str(error).split())]
    # Not an error of the suite, so a defect.
    return [f"Unexpected error: {type(error).__name__}: {error}. Repeat with --debug for the traceback."]


def reporting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options ``--json`` and ``--debug`` to a command, and pass it the Output as first argument."""

    @functools.wraps(function)
    def wrapped(output: Output, as_json: bool, debug: bool, **options: Any) -> Any:
        return function(output, **options)

    command: Any = wrapped
    for decorate in (
        click.pass_obj,
        click.option("--debug", is_flag=True, help="Print the traceback."),
        click.option("--json", "as_json", is_flag=True, help="Print a machine-readable report."),
    ):
        command = decorate(command)
    return command  # type: ignore[no-any-return]


def format_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows with the same keys as a table with a heading; columns without a value are left out."""
    rows = [{name: one_line(text) for name, text in row.items()} for row in rows]
    columns = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in columns]
    lines = [[name.upper() for name in columns], *([row[name] for name in columns] for row in rows)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)


def format_local_time(time: datetime) -> str:
    """Return a time in the time zone of this machine, without seconds."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")
