"""Mutations of an adapter's sources, in its calls to the host program only.

A name or flag gets another letter; a value becomes another one of its kind, or of another kind; a statement is left
out. Each is a plausible error, and each must be detected.
"""

from __future__ import annotations

import ast
from pathlib import Path

import attrs

# The modules of the host programs, and methods of their objects that take values.
PROGRAMS = ("cmds", "mel", "utils", "nuke")
METHODS = (
    "setValue",
    "setExpression",
    "fromScript",
    "setXYpos",
    "setInput",
    "addMenu",
    "addCommand",
    "findItem",
    "removeItem",
    "setFlag",
    "knob",
)


@attrs.frozen
class Mutation:
    """One mutation: the source of ``path`` with a few bytes changed."""

    path: Path
    line: int
    kind: str
    before: str
    after: str
    source: bytes

    @property
    def text(self):
        return self.path.read_text(encoding="utf-8").splitlines()[self.line - 1].strip()

    def __str__(self):
        return f"{self.path.name}:{self.line}: {self.kind}: {self.before} -> {self.after}"


def find_mutations(path):
    source = path.read_bytes()
    tree = ast.parse(source)
    # Annotations are covered by the type checker.
    types = {id(inner) for node in ast.walk(tree) for outer in _types(node) for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        for kind, changed, after in () if id(node) in types else _changes(node):
            start, end = span(source, changed)
            before = source[start:end].decode("utf-8")
            yield Mutation(path, changed.lineno, kind, before, after, source[:start] + after.encode() + source[end:])


def _types(node):
    found = (getattr(node, "annotation", None), getattr(node, "returns", None))
    return [each for each in found if each is not None]


def _changes(node):
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "left out", node.value, "None"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in PROGRAMS:
        yield "name", node, f"{node.value.id}.{node.attr}x"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        yield "knob", node.slice, repr(f"{node.slice.value}x")
    if not isinstance(node, ast.Call) or not _is_host_call(node):
        return
    for keyword in node.keywords:
        if keyword.arg is not None:
            yield "flag", keyword, f"{keyword.arg}x={ast.unparse(keyword.value)}"
    for value in (*node.args, *(keyword.value for keyword in node.keywords if keyword.arg is not None)):
        yield from _other_values(value)


def _is_host_call(call):
    function = call.func
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr in METHODS:
        return True
    given = (each for each in (function, *call.args) if isinstance(each, ast.Attribute))
    return any(isinstance(each.value, ast.Name) and each.value.id in PROGRAMS for each in given)


def _other_values(node):
    if isinstance(node, (ast.Tuple, ast.List)):
        for each in node.elts:
            yield from _other_values(each)
    if not isinstance(node, ast.Constant) or node.value is None:
        return
    value = node.value
    if isinstance(value, bool):
        yield "value", node, repr(not value)
        yield "kind", node, "'x'"
    elif isinstance(value, (int, float)):
        yield "value", node, repr(value + 1)
        yield "kind", node, "'x'"
    elif isinstance(value, str):
        yield "value", node, repr(f"{value}x")
        yield "kind", node, "5"


def span(source, node):
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    assert node.end_lineno is not None and node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
