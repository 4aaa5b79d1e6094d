"""Mistakes that a generator makes in the sources of an adapter, in their logic and not only in their calls.

Each is one small change that a person could have made: a comparison is reversed, a number is off by one, a condition is
negated, a call is missing, two arguments are swapped, a constant or a result is another one.
"""

from __future__ import annotations

import ast
import copy
import random
from pathlib import Path

import attrs

_OPPOSITES = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@attrs.frozen
class Mistake:
    """One mistake: the source of ``path`` with a few bytes changed."""

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


def sample(paths, count, seed):
    """Return this many mistakes in the files, the same for the same seed, at most one of a kind on each line."""
    found = {(each.path, each.line, each.kind): each for path in paths for each in find_mistakes(path)}
    every = [found[key] for key in sorted(found, key=lambda key: (str(key[0]), *key[1:]))]
    return random.Random(seed).sample(every, min(count, len(every)))


def find_mistakes(path):
    source = path.read_bytes()
    tree = ast.parse(source)
    left_out = {id(inner) for outer in _without_behaviour(tree) for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        for kind, changed, after in () if id(node) in left_out else _changes(node):
            if id(changed) in left_out:
                continue
            start, end = _span(source, changed)
            before = source[start:end].decode("utf-8")
            yield Mistake(path, changed.lineno, kind, before, after, source[:start] + after.encode() + source[end:])


def _without_behaviour(tree):
    """Yield the parts that are not behaviour: annotations, docstrings, messages, names of types, sizes of caches."""
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if part is not None:
                yield part
        if isinstance(node, (ast.JoinedStr, ast.Raise)):
            # Positions inside of an f-string are wrong before Python 3.12.
            yield node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("TypeVar", "functools.lru_cache"):
            yield node
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield node


def _changes(node):
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPPOSITES:
        reversed_node = copy.deepcopy(node)
        reversed_node.ops = [_OPPOSITES[type(node.ops[0])]()]
        yield "comparison", node, f"({ast.unparse(reversed_node)})"
    if isinstance(node, ast.BoolOp):
        other = copy.deepcopy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and, or", node, f"({ast.unparse(other)})"
    if isinstance(node, (ast.If, ast.IfExp, ast.While)) and not isinstance(node.test, (ast.Compare, ast.BoolOp)):
        yield "condition", node.test, f"(not ({ast.unparse(node.test)}))"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "call", node.value, "None"
    if isinstance(node, ast.Return) and node.value is not None and not _is_empty(node.value):
        yield "result", node.value, "None"
    if isinstance(node, ast.Call):
        yield from _swapped(node)
    if isinstance(node, ast.Constant):
        yield from _other_constants(node)


def _swapped(node):
    is_symmetric = isinstance(node.func, ast.Name) and node.func.id in ("max", "min")
    if is_symmetric or len(node.args) < 2 or any(isinstance(each, ast.Starred) for each in node.args[:2]):
        return
    if ast.dump(node.args[0]) != ast.dump(node.args[1]):
        other = copy.deepcopy(node)
        other.args[:2] = reversed(other.args[:2])
        yield "arguments", node, ast.unparse(other)


def _other_constants(node):
    value = node.value
    if isinstance(value, bool):
        yield "constant", node, repr(not value)
    elif isinstance(value, int):
        yield "off by one", node, repr(value + 1)
    elif isinstance(value, float):
        yield "constant", node, repr(value * 2 + 1)
    elif isinstance(value, str) and " " not in value:
        # A text with spaces is a sentence.
        yield "constant", node, repr(f"{value}x")


def _is_empty(node):
    """Return whether the value is empty or None, for which None would do as well."""
    return not node.value if isinstance(node, ast.Constant) else not getattr(node, "elts", True)


def _span(source, node):
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    assert node.end_lineno is not None and node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
