"""The prose of the project has no misspelt words, no slips of style, and no refused phrases."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from doubles.programs import run_process

ROOT = Path(__file__).resolve().parents[2]
PHRASES = ROOT / ".ci" / "refused-phrases.txt"
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    ]
)


def refused_phrases() -> dict[str, str]:
    """Return the refused phrases with their replacements, the retired words of the glossary included."""
    lines = [line for line in PHRASES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    phrases = dict(line.split(" -> ", 1) for line in lines)
    retired = re.findall(r"^\| `([^`]+)` \| (.+?) \| word\b", GLOSSARY.read_text(encoding="utf-8"), re.M)
    return {**phrases, **dict(retired)}


def prose_of(page: Path) -> str:
    """Return the text of a page with its line breaks, without code, links' targets, and tables of retired terms."""
    text = page.read_text(encoding="utf-8")
    if page == GLOSSARY:
        text = text.partition("## Retired terms")[0]
    text = re.sub(r"^ *```.*?^ *```$", lambda found: "\n" * found[0].count("\n"), text, flags=re.M | re.S)
    text = re.sub(r"(?<!`)`[^`]+`(?!`)|(?<=\])\([^)]*\)", "", text)
    # Labels of a user interface are quoted in bold or italics.
    return re.sub(r"\*\*?[^*\n]+\*\*?", "", text)


def findings_in(text: str, phrases: dict[str, str]) -> list[str]:
    """Return a line for each refused phrase in the text."""
    found = []
    for phrase, replacement in phrases.items():
        pattern = r"\b" + re.escape(phrase).replace(r"\ ", r"\s+") + r"s?\b"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"line {line}: {match[0]!r}; write: {replacement}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_has_no_refused_phrase(page):
    assert findings_in(prose_of(page), refused_phrases()) == []


def test_refused_phrase_is_found_across_a_line_break_and_not_in_code(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("The client `is told`.\n\n```text\nis told\n```\n\nThen it is\ntold.\n", encoding="utf-8")
    assert findings_in(prose_of(page), {"is told": "is reported"}) == ["line 7: 'is\\ntold'; write: is reported"]


def test_codespell_finds_nothing():
    run(sys.executable, "-m", "codespell_lib", *map(str, PAGES))


def test_proselint_finds_nothing(tmp_path):
    copies = []
    for page in PAGES:
        copies.append(tmp_path / page.relative_to(ROOT).as_posix().replace("/", "_"))
        copies[-1].write_text(prose_of(page), encoding="utf-8")
    config = str(ROOT / ".ci" / "proselint.json")
    run(sys.executable, "-m", "proselint", "check", "--config", config, *map(str, copies))


def run(*command: str) -> None:
    done = run_process(*command, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
