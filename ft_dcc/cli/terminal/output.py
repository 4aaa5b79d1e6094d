"""Output of commands: messages on stderr, the result on stdout as text or JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

import attrs
import click

from ft_dcc import errors, plain_text


@attrs.frozen
class Output:
    """The output options of a command; with ``as_json`` stdout contains the report only."""

    as_json: bool = False
    debug: bool = False
    quiet: bool = False
    # What the log file says of the start of the command; "" starts none.
    logged: str = ""

    def message(self, text: str) -> None:
        """Print a message as one line on stderr, unless its reader has closed it."""
        try:
            click.echo(plain_text.single_line(text), err=True)
        except BrokenPipeError:
            drop_stderr()

    def result(self, text: str | Sequence[str], report: Mapping[str, Any]) -> None:
        """Print the result of the command: a text, or a line for each of several texts."""
        shown = text if isinstance(text, str) else "\n".join(map(plain_text.single_line, text))
        click.echo(_as_json(report) if self.as_json else plain_text.printable(shown))
        sys.stdout.flush()

    def fail(self, error: BaseException) -> None:
        """Print an error, one line for each issue, and the traceback with ``--debug``."""
        if self.debug:
            traceback.print_exception(type(error), error, error.__traceback__)
        lines = _lines(error)
        for line in lines:
            self.message(line)
        if not self.as_json:
            return
        problems: tuple[errors.ValidationIssue, ...] = ()
        if isinstance(error, errors.ValidationFailed):
            problems = error.problems
        elif isinstance(error, errors.UserFixableError) and error.problem is not None:
            problems = (error.problem,)
        job = error.details.get("job") if isinstance(error, errors.Error) else None
        report = {"lines": lines, "problems": [problem._asdict() for problem in problems], "job": job}
        click.echo(_as_json({"error": {"class": type(error).__name__, **report}}))


def drop_stderr() -> None:
    """Discard all further output on stderr, for one whose reader has closed it, as in ``2>&1 | head -1``."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        # Tests and host programs may have a stream without a file.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(null, sys.stderr.fileno())
    finally:
        os.close(null)


# The options of every command; they are read from the arguments before click parses them.
_REPORT_OPTIONS = (
    click.Option(["--json"], is_flag=True, expose_value=False, help="Print a machine-readable report."),
    click.Option(["--debug"], is_flag=True, expose_value=False, help="Print the traceback."),
)


class Command(click.Command):
    """A command with ``--json`` and ``--debug``, whose function gets the Output as its first argument."""

    def __init__(self, *names: Any, **values: Any) -> None:
        super().__init__(*names, **_with_output(values))
        # Imported late: --help needs no command.
        from ft_dcc.cli.terminal.completion import complete_names

        complete_names(self.params)


def _with_output(values: dict[str, Any]) -> dict[str, Any]:
    options = [*values["params"], *_REPORT_OPTIONS]
    return {**values, "callback": click.pass_obj(values["callback"]), "params": options}


class CommandGroup(click.Group):
    """A group of such commands that names the nearest command for one that does not exist."""

    command_class = Command
    group_class = type

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of the arguments; name the nearest one for a command that does not exist."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(context):
            otherwise = f"List them with: {context.command_path} --help."
            hint = errors.nearest_hint(args[0], self.list_commands(context), 0.5, otherwise)
            raise click.UsageError(f"There is no command {args[0]!r}. {hint}", context)
        return super().resolve_command(context, args)


class ReportingGroup(CommandGroup):
    """A group that is such a command itself, when none of its commands is named."""

    def __init__(self, *names: Any, **values: Any) -> None:
        super().__init__(*names, **_with_output(values))


def as_plain(instance: Any) -> dict[str, Any]:
    """Return the fields of an attrs instance as plain data: times in ISO 8601, rates as "24/1"."""
    return attrs.asdict(instance, value_serializer=_plain)


def _plain(_instance: Any, _field: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else value


def _as_json(report: Mapping[str, Any]) -> str:
    """Return the report as JSON, with escapes where stdout is not UTF-8, as a pipe on Windows."""
    is_utf_8 = (sys.stdout.encoding or "utf-8").lower().replace("_", "-") == "utf-8"
    return plain_text.escape_json(json.dumps(report, indent=2, ensure_ascii=not is_utf_8))


def problem_line(problem: errors.ValidationIssue) -> str:
    """Return the line for an issue: source, check, message and repair."""
    source = f"{problem.instance}: " if problem.instance else ""
    return f"{source}{problem.check}: {problem.message}{_option_hint(problem.option)}{_repair_hint(problem)}"


def _option_hint(option: str) -> str:
    # Imported only to report a problem: --help is to load little.
    from ft_dcc.settings.publish_options import OPTIONS

    name, _, value = option.partition(" ")
    return f" Add {' '.join(filter(None, (f'--{OPTIONS[name].flag}', value)))} to publish it so." if name else ""


def _repair_hint(problem: errors.ValidationIssue | None) -> str:
    if problem is None or problem.repair is None:
        return ""
    return f' {problem.repair}: --repair="{problem.check}"'


def _lines(error: BaseException) -> list[str]:
    if isinstance(error, errors.ValidationFailed):
        return [problem_line(problem) for problem in error.problems]
    if isinstance(error, errors.UserFixableError):
        return [" ".join(str(error).split()) + _option_hint(error.option) + _repair_hint(error.problem)]
    if isinstance(error, errors.Error):
        return [" ".join(str(error).split())]
    # Not an error of the suite, so a defect.
    return [f"Unexpected error: {type(error).__name__}: {error}. Repeat with --debug for the traceback."]


def format_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows with the same keys as a table with a heading; columns without a value are left out."""
    rows = [{name: plain_text.single_line(text) for name, text in row.items()} for row in rows]
    columns = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in columns]
    lines = [[name.upper() for name in columns], *([row[name] for name in columns] for row in rows)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)


def format_local_time(time: datetime) -> str:
    """Return a time in the time zone of this machine, without seconds."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")
