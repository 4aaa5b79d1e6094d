"""Output of commands: messages on stderr, the result on stdout as text or JSON."""

from __future__ import annotations

import functools
import json
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Callable

import attrs
import click

from ft_dcc.errors import Error, UserFixableError, ValidationFailed, ValidationIssue


@attrs.frozen
class Output:
    """The output options of a command; with ``as_json`` stdout contains the report only."""

    as_json: bool = False
    debug: bool = False

    def message(self, text: str) -> None:
        """Print a message on stderr."""
        click.echo(text, err=True)

    def result(self, text: str, report: Mapping[str, Any]) -> None:
        """Print the result of the command."""
        click.echo(_as_json(report) if self.as_json else text)
        sys.stdout.flush()

    def fail(self, error: BaseException) -> None:
        """Print an error, one line for each issue, and the traceback with ``--debug``."""
        if self.debug:
            traceback.print_exception(type(error), error, error.__traceback__)
        for line in _lines(error):
            self.message(line)
        if self.as_json:
            click.echo(_as_json({"error": _error_report(error)}))


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
    return f' {problem.repair}: --repair "{problem.check}"'


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
