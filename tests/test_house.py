"""The rules of the house, checked by the tools that know them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from doubles.pythons import need_python

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN_NAMES = {"utils", "util", "lib", "helpers", "helper", "common", "base", "manager", "misc"}


def run(*arguments: str) -> None:
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tracked(*suffixes: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    ).stdout
    return [ROOT / name for name in names.split("\0") if name.endswith(suffixes) and (ROOT / name).exists()]


def test_the_linter_finds_nothing():
    run(sys.executable, "-m", "ruff", "check", ".")


def test_the_formatter_changes_nothing():
    run(sys.executable, "-m", "ruff", "format", "--check", ".")


def test_the_types_are_right():
    run(sys.executable, "-m", "mypy")


def test_nobody_imports_whom_he_must_not():
    run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def test_no_module_has_a_name_that_says_nothing():
    assert [path for path in tracked(".py", ".ts") if path.stem in FORBIDDEN_NAMES] == []


def test_importing_the_suite_loads_nothing_heavy():
    script = "import sys, ft_dcc, ft_dcc.frames, ft_dcc.host; print(sorted({n.partition('.')[0] for n in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True).stdout
    for name in ("requests", "pyblish", "sqlalchemy", "starlette", "lark", "click", "bpy", "websocket"):
        assert f"'{name}'" not in loaded


def test_the_core_is_written_in_the_python_of_the_oldest_host():
    for path in tracked(".py"):
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 9))


def test_the_core_loads_in_python_3_9():
    python = need_python("3.9")
    # Pure Python only, so the packages of this environment serve that one, too.
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    script = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}]; sys.path.append({packages!r})\n"
        "import ft_dcc.config, ft_dcc.desk, ft_dcc.errors, ft_dcc.frames, ft_dcc.host, ft_dcc.media, ft_dcc.session"
    )
    run(python, "-c", script)


def test_the_architecture_names_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.relative_to(ROOT).parts[1] for path in tracked(".py") if path.is_relative_to(ROOT / "ft_dcc")}
    names = {f"ft_dcc/{room}" if room.endswith(".py") else f"ft_dcc/{room}/" for room in rooms - {"__init__.py"}}
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_every_decision_has_its_number_and_leads_where_it_says():
    pages = tracked(".md")
    decisions = [page for page in pages if page.parent.name == "decisions"]
    wrong = [page.name for page in decisions if not page.read_text("utf-8").startswith(f"# {page.name[:4]} ")]
    assert wrong == []
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text("utf-8"))]
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_nothing_says_where_it_was_made():
    machine = re.compile(r"(?<![\w.])/(?:work|root)/")
    texts = tracked(".py", ".md", ".toml", ".ts", ".css", ".html", ".txt", ".yaml", "Makefile")
    assert [path.name for path in texts if machine.search(path.read_text(encoding="utf-8"))] == []
