"""The index of the decisions agrees with their pages, and each page has the standard form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
INDEX = (FOLDER / "index.md").read_text(encoding="utf-8")
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "index.md")


def test_index_lists_every_page_with_number_title_status_and_area():
    rows = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        number, title = re.match(r"# (\d{4}) (.+)\n", text).groups()
        status, area = re.search(r"^Status: (\w+)\. Area: (\w+)\.", text, re.M).groups()
        rows.append(f"| {number} | [{title}]({page.name}) | {status} | {area} |")
    assert re.findall(r"^\| \d{4} \| \[.+$", INDEX, re.M) == rows


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_page_has_the_standard_sections(page):
    assert re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.M) == ["Context", "Decision", "Consequences"]


def test_no_number_is_used_twice():
    numbers = re.findall(r"^\| (\d{4}) \|", INDEX, re.M)
    assert len(numbers) == len(set(numbers))
