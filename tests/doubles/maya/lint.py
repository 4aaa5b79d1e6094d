"""Check each call of a Maya command in a source text against the flags of every supported year.

Only what is visible in the text is checked: names of commands and flags, numbers of values, and kinds of literals.
"""

from __future__ import annotations

import ast

import attrs
from doubles.maya import contract

YEARS = (2023, 2024, 2025, 2026)
_UNKNOWN = object()


@attrs.frozen
class Use:
    """One call in a source text: the command, and its flags with their literal values."""

    line: int
    command: str
    flags: dict[str, object]


def uses(source):
    """Yield every call of ``cmds.x(…)``, and of a function that gets ``cmds.x`` as an argument to call."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        given = [command for argument in node.args if (command := _command(argument))]
        for command in filter(None, (_command(node.func), *given)):
            flags = {keyword.arg: _literal(keyword.value) for keyword in node.keywords if keyword.arg is not None}
            yield Use(node.lineno, command, flags)


def find_errors(source):
    """Yield one sentence for everything that Maya of some year would refuse."""
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


def _refusal(flag, value, flags):
    is_query = flags.get("query") is True
    if value is _UNKNOWN or (is_query and isinstance(value, bool)):
        return None
    try:
        contract.check_value(flag, value)
    except TypeError as error:
        return str(error)
    return None


def _command(node):
    is_command = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cmds"
    return node.attr if isinstance(node, ast.Attribute) and is_command else None


def _literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return _UNKNOWN
