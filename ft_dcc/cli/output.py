"""What a command prints: sentences for a person on stderr, the result on stdout, as text or as JSON."""

from __future__ import annotations

import functools
import json
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Callable

import attrs
import click

from ft_dcc.errors import Error, Problem, Problems, Unpublishable


@attrs.frozen
class Output:
    """Where a command's words go: ``--json`` leaves stdout to the one report."""

    as_json: bool = False
    debug: bool = False

    def say(self, sentence: str) -> None:
        """Print a sentence for a person."""
        click.echo(sentence, err=True)

    def result(self, text: str, report: Mapping[str, Any]) -> None:
        """Print what the command was asked for."""
        click.echo(_as_json(report) if self.as_json else text)
        sys.stdout.flush()

    def fail(self, error: BaseException) -> None:
        """Print what went wrong, in one line a problem; the traceback only with ``--debug``."""
        if self.debug:
            traceback.print_exception(type(error), error, error.__traceback__)
        for line in _lines(error):
            self.say(line)
        if self.as_json:
            click.echo(_as_json({"error": {"class": type(error).__name__, "lines": _lines(error)}}))


def _as_json(report: Mapping[str, Any]) -> str:
    """Return the report as JSON that is whole in whatever encoding stdout has: a pipe on Windows has not every sign."""
    is_utf_8 = (sys.stdout.encoding or "utf-8").lower().replace("_", "-") == "utf-8"
    return json.dumps(report, indent=2, ensure_ascii=not is_utf_8)


def problem_line(problem: Problem) -> str:
    """Return what is wrong with which source, and how to have it repaired."""
    return f"{problem.instance + ': ' if problem.instance else ''}{problem.check}: {problem.message}{_remedy(problem)}"


def _remedy(problem: Problem | None) -> str:
    if problem is None or problem.repair is None:
        return ""
    return f' {problem.repair}: --repair "{problem.check}"'


def _lines(error: BaseException) -> list[str]:
    if isinstance(error, Problems):
        return [problem_line(problem) for problem in error.problems]
    if isinstance(error, Unpublishable):
        return [" ".join(str(error).split()) + _remedy(error.problem)]
    if isinstance(error, Error):
        return [" ".join(str(error).split())]
    # Not one of ours: a defect. It is said as such, and where to see more.
    return [f"Something unexpected happened ({type(error).__name__}: {error}). Run it again with --debug to see where."]


def reporting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--json`` and ``--debug`` and, as its first argument, the Output."""

    @functools.wraps(function)
    def wrapped(output: Output, as_json: bool, debug: bool, **options: Any) -> Any:
        return function(output, **options)

    command: Any = wrapped
    for decorate in (
        click.pass_obj,
        click.option("--debug", is_flag=True, help="Show where an error came from."),
        click.option("--json", "as_json", is_flag=True, help="Print a machine-readable report."),
    ):
        command = decorate(command)
    return command  # type: ignore[no-any-return]
