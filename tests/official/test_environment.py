"""The official client and ft-dcc in one environment."""

import json
from pathlib import Path

import tomli
from doubles.programs import run_process

# Prints those of its arguments that the environment does not meet.
SCRIPT = """
import importlib.metadata, json, sys
from pip._vendor.packaging.requirements import Requirement

def is_met(wanted):
    try:
        return wanted.specifier.contains(importlib.metadata.version(wanted.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False

print(json.dumps([text for text in sys.argv[1:] if not is_met(Requirement(text))]))
"""


def run(*arguments):
    return run_process(*arguments)


def test_the_requirements_of_the_client_and_of_ft_dcc_fit_together(official_python: Path) -> None:
    checked = run(official_python, "-m", "pip", "check", "--disable-pip-version-check")
    assert (checked.returncode, checked.stdout) == (0, "No broken requirements found.\n")
    # Not those of the installed metadata, which an editable installation does not update.
    project = Path(__file__).parents[2] / "pyproject.toml"
    own = tomli.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    found = run(official_python, "-c", SCRIPT, *own)
    assert found.returncode == 0, found.stderr
    assert len(own) > 5 and json.loads(found.stdout) == []
