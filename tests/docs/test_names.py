"""The files, modules and commands that the documentation names exist, and each decision is in the index."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import click
import pytest

from ft_dcc.cli.main import command
from ft_dcc.publish import slots

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
)
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
TOP_FOLDERS = ("ft_dcc", "hosts", "tests", "web", "docs", "bench")
# On the architecture page, paths below ft_dcc are written without it.
CORE_FOLDERS = ("server", "session", "publish", "settings", "media")


def text_of(page: Path) -> str:
    """Return the text of a page without the names that the glossary retires."""
    return page.read_text(encoding="utf-8").partition("## Retired terms")[0]


def exists(name: str) -> bool:
    folder = ROOT if name.startswith(TOP_FOLDERS) else ROOT / "ft_dcc"
    return any(folder.glob(name.rstrip("/"))) if "*" in name else (folder / name).exists()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_paths_on_a_page_exist(page):
    names = "|".join((*TOP_FOLDERS, *CORE_FOLDERS))
    paths = set(re.findall(rf"`((?:{names})/[\w./*-]*)`", text_of(page)))
    assert sorted(path for path in paths if not exists(path)) == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_modules_and_their_attributes_on_a_page_exist(page):
    missing = []
    for name in set(re.findall(r"`(ft_dcc(?:_[a-z]+)?(?:\.[A-Za-z_]+)+)(?:\(.*?\))?[^`]*`", text_of(page))):
        if (page.name, name.partition(".")[0]) != ("blender.md", "ft_dcc_blender") and not can_import(name):
            missing.append(name)
    assert sorted(missing) == []


def can_import(name: str) -> bool:
    """Return whether this is a file, a key of a slot, an event topic, or a module with these attributes."""
    keys = {slot.key for slot in vars(slots).values() if isinstance(slot, slots.Slot)}
    if name.endswith((".toml", ".py")) or name in keys or name == "ft_dcc.published":
        return True
    module, *attributes = name.split(".")
    found: Any = importlib.import_module(module)
    for attribute in attributes:
        if not hasattr(found, attribute):
            try:
                importlib.import_module(f"{found.__name__}.{attribute}")
            except ImportError:
                return False
        found = getattr(found, attribute)
    return True


def find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that the words begin with, and the words behind it."""
    found: click.Command = command
    while words and isinstance(found, click.Group):
        below = found.get_command(click.Context(found), words[0])
        if below is None:
            break
        found, words = below, words[1:]
    return found, words


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_options_in_code_blocks_exist(page):
    unknown = []
    for block in re.findall(r"^ *```console\n(.*?)^ *```", text_of(page), re.M | re.S):
        for line in re.findall(r"^(?:.*bin/)?ft-dcc (.*)", block, re.M):
            found, rest = find_command(line.partition("#")[0].split())
            known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
            is_incomplete = isinstance(found, click.Group) and not found.invoke_without_command
            unknown += [line] * is_incomplete + [word for word in rest if word.startswith("--") and word not in known]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_in_the_text_exist(page):
    commands = re.findall(r"`ft-dcc ([a-z]+(?: [a-z]+)?)\b", text_of(page))
    assert [words for words in commands if find_command(words.split())[0] is command] == []


DECISION_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
INDEX = (DECISION_FOLDER / "index.md").read_text(encoding="utf-8")
DECISIONS = sorted(path for path in DECISION_FOLDER.glob("*.md") if path.name != "index.md")


def test_index_lists_every_page_with_number_title_status_and_area():
    rows = []
    for page in DECISIONS:
        text = page.read_text(encoding="utf-8")
        number, title = re.match(r"# (\d{4}) (.+)\n", text).groups()
        status, area = re.search(r"^Status: (\w+)\. Area: (\w+)\.", text, re.M).groups()
        rows.append(f"| {number} | [{title}]({page.name}) | {status} | {area} |")
    assert re.findall(r"^\| \d{4} \| \[.+$", INDEX, re.M) == rows


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name[:4])
def test_page_has_the_standard_sections(page):
    assert re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.M) == ["Context", "Decision", "Consequences"]


def test_no_number_is_used_twice():
    numbers = re.findall(r"^\| (\d{4}) \|", INDEX, re.M)
    assert len(numbers) == len(set(numbers))
