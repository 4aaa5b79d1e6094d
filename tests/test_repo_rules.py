"""Rules of the repository: lint, types, imports, names and the layout of the tree."""

from __future__ import annotations

import ast
import graphlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import grimp
import pytest
import tomli
from doubles.programs import run_process
from doubles.pythons import need_python

ROOT = Path(__file__).resolve().parents[1]
MEANINGLESS_NAMES = {"utils", "util", "lib", "helpers", "helper", "common", "base", "manager", "misc"}
LOOSE_CORE_MODULES = {"__init__", "__main__", "errors", "frames", "host", "plain_text"}
LOOSE_SERVER_MODULES = {*("__init__", "__main__", "app", "background", "context", "errors", "identity", "run")}
MAX_MODULES_PER_FOLDER = 16


def run(*arguments: str) -> None:
    done = run_process(*arguments, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def tracked(*suffixes: str, below: str = "") -> list[Path]:
    names = run_process("git", "ls-files", "-z", *([below] if below else []), cwd=ROOT, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name.endswith(suffixes) and (ROOT / name).is_file()]


def test_a_package_that_imports_its_modules_is_imported_before_them():
    """Two threads that import such a package and one of its modules at once get an unfinished module."""
    core = tracked(".py", below="ft_dcc") + tracked(".py", below="hosts")
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in core
        if path.name == "__init__.py" and path.is_relative_to(ROOT / "ft_dcc")
    }
    eager = {
        package
        for package in packages
        if any(module.startswith(f"{package}.") for module in top_level_imports(ROOT / package.replace(".", "/")))
    }
    assert eager == {"ft_dcc.media"}
    found = [
        f"{path.relative_to(ROOT)}: {node.module}"
        for path in core
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and not path.is_relative_to(ROOT / "ft_dcc" / "media")
        if any(node.module.startswith(f"{package}.") for package in eager)
    ]
    assert found == [], "Write: from ft_dcc.media import <name or module>"


def top_level_imports(package: Path) -> list[str]:
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]


def test_modules_do_not_import_each_other():
    """They do not do so for types and inside functions, either; CycleError names the modules of a circle."""
    packages = ("ft_dcc", "ft_dcc_blender", "ft_dcc_maya", "ft_dcc_nuke", "ft_dcc_qt")
    graph = grimp.build_graph(*packages, cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()


def test_no_module_has_a_meaningless_name():
    assert [path for path in tracked(".py", ".ts") if path.stem in MEANINGLESS_NAMES] == []


def test_only_the_named_modules_lie_beside_the_packages():
    loose = {path.stem for path in tracked(".py", below="ft_dcc") if path.parent == ROOT / "ft_dcc"}
    assert loose == LOOSE_CORE_MODULES
    loose = {path.stem for path in tracked(".py", below="ft_dcc/server") if path.parent == ROOT / "ft_dcc" / "server"}
    assert loose <= LOOSE_SERVER_MODULES


def test_no_folder_has_more_modules_than_a_reader_can_survey():
    modules = [*tracked(".py", below="ft_dcc"), *tracked(".py", below="hosts")]
    counts = Counter(path.parent for path in modules if path.stem != "__init__")
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES_PER_FOLDER} == {}


def test_each_package_of_the_core_says_what_it_holds():
    packages = [path for path in tracked(".py", below="ft_dcc") if path.name == "__init__.py"]
    assert [path for path in packages if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def retired(kind: str) -> dict[str, str]:
    """Return the retired words of the glossary whose note begins with this kind, and what replaces each."""
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    found = {row[0].strip("`"): row[1] for row in rows if len(row) == 3 and re.match(rf"{kind}\b", row[2])}
    assert found
    return found


def words_of(identifier: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)]


def python_identifiers(path: Path) -> Iterator[str]:
    """Yield the names that a Python file gives: modules, classes, functions, parameters and assigned names."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


def typescript_identifiers(path: Path) -> Iterator[str]:
    yield path.stem
    declared = r"\b(?:const|let|var|function|class|interface|type|enum)\s+([A-Za-z_$][\w$]*)"
    yield from re.findall(declared, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("suffix", "identifiers"), [(".py", python_identifiers), (".ts", typescript_identifiers)])
def test_no_identifier_contains_a_retired_word(suffix, identifiers):
    words = retired("word")
    found = {
        f"{path.relative_to(ROOT)}: {name} ({word} -> {words[word]})"
        for path in tracked(suffix)
        for name in identifiers(path)
        for word in words_of(name)
        if word in words
    }
    assert sorted(found) == []


def test_no_class_or_module_has_a_retired_name():
    classes, modules = retired("class"), retired("module")
    paths = {path.relative_to(ROOT).as_posix() for path in tracked(".py")}
    found = {
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in tracked(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name in classes
    }
    assert sorted(found | paths & modules.keys()) == []


def test_the_code_has_the_syntax_of_the_oldest_host_python():
    for path in tracked(".py"):
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 9))


# What operating systems do differently, each with the modules that do it for all others.
OWNERS = {
    "subprocess": {"ft_dcc/system/child_process.py"},
    "signal": {"ft_dcc/system/signals.py", "ft_dcc/system/child_process.py"},
    "tempfile": {"ft_dcc/files/atomic.py"},
    "rename": {"ft_dcc/files/atomic.py"},
    "requests": {"ft_dcc/system/http_sessions.py"},
}
RENAMES = {"os.replace", "os.rename", "os.renames", "shutil.move"}
REQUESTS = {f"requests.{name}" for name in ("get", "post", "put", "head", "request", "Session", "session")}


def calls_of_the_system(source: str) -> Iterator[str]:
    """Yield the owner's key of each call that only an owner may make."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            yield from (name for name in names if name in OWNERS and name != "requests")
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in RENAMES:
            yield "rename"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called, name = ast.unparse(node.func), node.func.attr
            # str.replace has two arguments; that of Path has one.
            if name in ("replace", "rename") and len(node.args) == 1 and not node.keywords:
                yield "rename" if called != "mapping.replace" else "a mapping"
            elif called in REQUESTS:
                yield "requests"
            elif name in ("Popen", "Process"):
                yield "subprocess"


def test_only_their_owners_call_what_systems_do_differently():
    found = {
        f"{path.relative_to(ROOT)}: {kind}"
        for path in [*tracked(".py", below="ft_dcc"), *tracked(".py", below="hosts")]
        for kind in calls_of_the_system(path.read_text(encoding="utf-8"))
        if path.relative_to(ROOT).as_posix() not in OWNERS.get(kind, {path.relative_to(ROOT).as_posix()})
    }
    assert sorted(found) == [], "Call ft_dcc.system or ft_dcc.files.atomic, see CONTRIBUTING.md"


@pytest.mark.parametrize(
    "line",
    [
        *("import subprocess", "from tempfile import mkdtemp", "import os.path, signal", "import os; os.replace(a, b)"),
        *("Path(a).replace(b)", "a.rename(b)", "shutil.move(a, b)", "requests.get(url)", "child_process.Process(a)"),
    ],
)
def test_a_call_of_the_system_is_recognised(line):
    assert len(list(calls_of_the_system(line))) == 1


def test_the_core_can_be_imported_in_python_3_9():
    python = need_python("3.9")
    # The packages are pure Python, so that those of this environment serve Python 3.9 as well.
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    script = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}]; sys.path.append({packages!r})\n"
        "import ft_dcc.errors, ft_dcc.frames, ft_dcc.host, ft_dcc.media, ft_dcc.session\n"
        "import ft_dcc.settings.resolve, ft_dcc.ui.publish_controller"
    )
    run(python, "-c", script)


def test_the_architecture_page_names_each_package():
    text = (ROOT / "docs" / "contributor" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.relative_to(ROOT).parts[1] for path in tracked(".py", below="ft_dcc")}
    names = {f"ft_dcc/{room}" if room.endswith(".py") else f"ft_dcc/{room}/" for room in rooms - {"__init__.py"}}
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_each_decision_starts_with_its_number_and_links_resolve():
    pages = tracked(".md")
    decisions = [page for page in pages if page.parent.name == "decisions" and page.stem != "index"]
    wrong = [page.name for page in decisions if not page.read_text("utf-8").startswith(f"# {page.name[:4]} ")]
    assert wrong == []
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:\\]+)[^):]*\)", page.read_text("utf-8"))]
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def pins(path: Path) -> dict[str, str]:
    """Return the pinned version of each package, by its normalised name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^\s;\\]+)", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


@pytest.mark.parametrize("name", ["demo", "test", "release"])
def test_a_lock_file_has_the_versions_of_the_constraints_and_a_hash_of_each(name):
    lock, constraints = ROOT / ".ci" / "lock" / f"{name}.txt", pins(ROOT / "constraints.txt")
    different = {
        package: version for package, version in pins(lock).items() if constraints.get(package, version) != version
    }
    assert different == {}, "Run `make lock`."
    packages = re.split(r"^(?=\S)", lock.read_text(encoding="utf-8"), flags=re.M)
    assert [package for package in packages if package.strip() and "--hash=sha256:" not in package] == []


def test_the_lock_files_contain_every_dependency():
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    names = {"demo": ("cli", "media", "colour", "server", "blender"), "test": ("dev", "docs"), "release": ("release",)}
    for lock, wanted in names.items():
        requirements = [*project["dependencies"], *(each for extra in wanted for each in extras[extra])]
        needed = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", each)[0]).lower() for each in requirements}
        assert needed - set(pins(ROOT / ".ci" / "lock" / f"{lock}.txt")) == set(), "Run `make lock`."


def test_the_bill_of_materials_has_each_package_of_the_page_the_fonts_and_ffmpeg(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    bill = import_module("check_release").complete_bill({"components": []}, "ffmpeg version 7.0.2-static Copyright")
    packages = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"].items()
    own = [name.partition("node_modules/")[2] for name, facts in packages if name and not facts.get("dev")]
    own.append("@fontsource-variable/inter")
    assert {part["name"] for part in bill["components"]} == {*own, "DejaVu Sans", "ffmpeg"}
    licenses = (ROOT / "ft_dcc" / "server" / "static" / "licenses.txt").read_text("utf-8")
    assert all(f"{name}\n\n" in licenses for name in own)


def test_no_file_contains_a_path_of_the_machine_it_was_made_on():
    machine = re.compile(r"(?<![\w.])/(?:work|root)/")
    texts = tracked(".py", ".md", ".toml", ".ts", ".css", ".html", ".txt", ".yaml", "Makefile")
    assert [path.name for path in texts if machine.search(path.read_text(encoding="utf-8"))] == []
