"""Each call of a Maya command in a source text, judged by the tables of every year that the adapter is for.

Only what the text itself says is judged: names of commands and flags, how many values, and literal values' kinds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import attrs
from doubles.maya import contract
from doubles.maya.contract import Flag

YEARS = (2023, 2024, 2025, 2026)
_UNKNOWN = object()


@attrs.frozen
class Use:
    """One call in a source text: the command, and its flags with their values as far as they are literals."""

    line: int
    command: str
    flags: dict[str, object]


def uses(source: str) -> Iterator[Use]:
    """Every call of ``cmds.x(…)``, and of a function that is given ``cmds.x`` to call with what follows."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        given = [command for argument in node.args if (command := _command(argument))]
        for command in filter(None, (_command(node.func), *given)):
            flags = {word.arg: _literal(word.value) for word in node.keywords if word.arg is not None}
            yield Use(node.lineno, command, flags)


def mistakes(source: str) -> Iterator[str]:
    """What some year's Maya would refuse, one sentence each."""
    for use in uses(source):
        known = contract.commands().get(use.command)
        if known is None:
            yield f"line {use.line}: no Maya has the command {use.command}"
            continue
        for name, value in use.flags.items():
            flag = known.get(name)
            lacking = [year for year in YEARS if flag is None or year not in flag.years]
            if flag is None or lacking:
                yield f"line {use.line}: {use.command} has no flag {name} in Maya {', '.join(map(str, lacking))}"
            elif (refusal := _refusal(flag, value, use.flags)) is not None:
                yield f"line {use.line}: {use.command}: {refusal}"


def _refusal(flag: Flag, value: object, flags: dict[str, object]) -> str | None:
    is_query = flags.get("query") is True
    if value is _UNKNOWN or (is_query and isinstance(value, bool)):
        return None
    try:
        contract.check_value(flag, value)
    except TypeError as error:
        return str(error)
    return None


def _command(node: ast.expr) -> str | None:
    is_command = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cmds"
    return node.attr if isinstance(node, ast.Attribute) and is_command else None


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return _UNKNOWN
