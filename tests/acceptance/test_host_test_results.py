"""The README agrees with the recorded results of host programs, and a page shows the results of a run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from doubles.maya import contract

from ft_dcc.contract.host_under_test import CheckContext
from ft_dcc.contract.run import results_page, summary

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "host-test-results"
ANSWERS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
UNTESTED = "contract-tested, not host-tested"


def rows(host):
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## What is verified how")[2]
    return [line for line in text.splitlines() if line.startswith(f"| {host} ")]


def test_the_readme_marks_hosts_without_results_as_untested():
    for host in ("Maya", "Nuke", "Blender"):
        has_answered = any(answer["host"] == host for answer in ANSWERS.values())
        assert rows(host) and (UNTESTED in "\n".join(rows(host))) is not has_answered, host


@pytest.mark.parametrize("name", ANSWERS)
def test_a_results_file_is_complete_and_has_no_user_paths(name):
    answer = ANSWERS[name]
    assert answer["format"] == 1
    window = "-window" if answer["window"] else ""
    system = answer["system"].split()[0].lower()
    assert name == f"{answer['host'].lower()}-{answer['version']}-{system}{window}.json"
    assert {each["outcome"] for each in answer["checks"]} <= {"passed", "failed", "skipped"}
    assert all(each["why"] for each in answer["checks"] if each["outcome"] != "passed")
    assert not re.search(r"/home/|/Users/|\\\\Users|/tmp/|C:", json.dumps(answer))


@pytest.mark.parametrize("name", ANSWERS)
def test_failed_checks_are_listed_in_the_readme(name):
    answer = ANSWERS[name]
    short = ".".join(answer["version"].split(".")[:2])
    told = [row for row in rows(answer["host"]) if short in row]
    assert told, f"{short} is in no row of the README's table"
    for each in answer["checks"]:
        assert each["outcome"] != "failed" or each["name"] in "\n".join(told)


@pytest.mark.parametrize("name", [name for name, answer in ANSWERS.items() if answer["host"] == "Maya"])
def test_recorded_maya_flags_agree_with_the_double(name):
    answer = ANSWERS[name]
    year = min(int(answer["version"][:4]), contract.NEWEST)
    for command, flags in answer["facts"]["flags"].items():
        known = {flag.name for flag in contract.commands()[command].values() if year in flag.years}
        assert known <= {*flags, "query", "edit"}, command


def report_of(*checks):
    names = ("name", "title", "outcome", "why", "figures")
    return {
        "host": "Maya",
        "version": "2026",
        "window": True,
        "system": "Linux x86_64",
        "date": "2026-01-31",
        "checks": [dict(zip(names, check)) for check in checks],
    }


REPORT = report_of(
    ("frames", "Each frame is a complete image", "passed", "", {"seconds per frame": 0.1}),
    ("png", "An image has the colour type", "failed", "expected <8>", {}),
    ("escape", "Escape ends a playblast", "skipped", "no user is present", {}),
)


def test_the_summary_says_in_words_what_passed_and_failed():
    assert list(summary(REPORT)) == [
        "Maya 2026 with its window, Linux x86_64, on 2026-01-31.",
        "1 of 2 checks passed.",
        "Failed: An image has the colour type.",
        "1 were not run, each for the reason in its row.",
    ]


def test_the_page_has_the_images_of_a_check_side_by_side_and_escapes_texts():
    images = {"frames": [{"caption": "frame 1001", "png": "AAAA"}, {"caption": "frame <1006>", "png": "BBBB"}]}
    page = results_page(REPORT, images)
    row = page.partition("Each frame is a complete image")[2].partition("</tr>")[0]
    assert row.index("base64,AAAA") < row.index("base64,BBBB") and row.count("<figure>") == 2
    assert "frame &lt;1006&gt;" in row and "seconds per frame: 0.1" in row
    assert "expected &lt;8&gt;" in page and "<8>" not in page
    assert page.count("http") == 0


def test_a_image_is_kept_although_its_file_is_removed(tmp_path):
    image = tmp_path / "shot.png"
    image.write_bytes(b"png")
    context = CheckContext(None, tmp_path, "")
    context.show("frame 1001", image)
    image.unlink()
    assert context.images == [{"caption": "frame 1001", "png": "cG5n"}]
