"""Mistakes put into an adapter on purpose, one at a time: the tests of a double are worth what they catch of them.

A double is trusted because it refuses what the program refuses. Here that is tried: a name of the program's is
misspelt, a value is of another kind, an argument is left out, and some test must fail.
"""

from __future__ import annotations

import ast
import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]


@attrs.frozen
class Mutation:
    """One mistake: in which file and line, what it is in words, and the file's text with it."""

    file: str
    line: int
    words: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.words}"


def mutations(package: Path, module: str) -> list[Mutation]:
    """Return every mistake that can be made where the package speaks with the program, which it knows as ``module``."""
    found = []
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Nobody looks at them while it runs: they are the type checker's.
        silent = {id(inner) for node in ast.walk(tree) for outer in _annotations(node) for inner in ast.walk(outer)}
        for number, node in enumerate(ast.walk(tree)):
            if id(node) in silent:
                continue
            for how, (words, _) in enumerate(_mistakes(node, module)):
                broken = copy.deepcopy(tree)
                target = next(each for at, each in enumerate(ast.walk(broken)) if at == number)
                list(_mistakes(target, module))[how][1]()
                name = path.relative_to(package).as_posix()
                found.append(Mutation(name, getattr(node, "lineno", 0), words, ast.unparse(broken)))
    return found


def _annotations(node: ast.AST) -> list[ast.AST]:
    found = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    return [each for each in found if each is not None]


def _mistakes(node: ast.AST, module: str) -> Iterator[tuple[str, object]]:
    """Yield what can go wrong at this node, in words, and the function that makes it go wrong there."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
        yield f"{module}.{node.attr} is misspelt", lambda: setattr(node, "attr", f"{node.attr}_")
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        constant = node.slice
        yield f"[{constant.value!r}] is misspelt", lambda: setattr(constant, "value", f"{constant.value}_")
    if isinstance(node, ast.Call) and _is_of(node.func, module):
        for keyword in [each for each in node.keywords if each.arg]:
            yield f"{keyword.arg}= is misspelt", lambda keyword=keyword: setattr(keyword, "arg", f"{keyword.arg}_")
            yield f"{keyword.arg}= is left out", lambda keyword=keyword: node.keywords.remove(keyword)
        for place, argument in enumerate(node.args):
            if isinstance(argument, ast.Constant):
                wrong = 7.5 if isinstance(argument.value, str) else "wrong"
                yield (
                    f"{argument.value!r} is of another kind",
                    lambda place=place, wrong=wrong: node.args.__setitem__(place, ast.Constant(wrong)),
                )


def _is_of(function: ast.expr, module: str) -> bool:
    """Whether a call is one of the program's: of its module, or of a value that it gave and that is set."""
    if not isinstance(function, ast.Attribute):
        return False
    inner = function.value
    while isinstance(inner, (ast.Attribute, ast.Call)):
        inner = inner.value if isinstance(inner, ast.Attribute) else inner.func
    return (isinstance(inner, ast.Name) and inner.id == module) or function.attr == "setValue"


def is_caught(mutation: Mutation, package: Path, tests: Sequence[str], folder: Path) -> bool:
    """Whether one of the tests fails when the package has the mistake."""
    broken = folder / package.name
    shutil.copytree(package, broken, ignore=shutil.ignore_patterns("__pycache__"))
    (broken / mutation.file).write_text(mutation.text, encoding="utf-8")
    path = os.pathsep.join(map(str, (folder, ROOT, ROOT / "tests")))
    # Without the bytecode that another mistake of the same second has left.
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{mutation}: the tests could not be run: {done.stdout[-2000:]}")
    return done.returncode == 1
