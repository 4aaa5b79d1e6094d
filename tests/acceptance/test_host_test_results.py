"""The README agrees with the recorded results of host programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from doubles.maya import contract

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
