"""Mistakes planted into the adapter are caught by its tests on the double."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from doubles.mutations import is_caught, mutations

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "hosts" / "nuke" / "ft_dcc_nuke"
TESTS = [f"tests/nuke/test_{name}.py" for name in ("tab", "recording", "menu", "host", "publish")]
# The acceptance kit has tests of its own.
ALL = [each for each in mutations(PACKAGE, "nuke") if each.file != "acceptance.py"]
# One in each run; all of them take a quarter of an hour.
CHOSEN = ALL if os.environ.get("FT_DCC_MUTATIONS") == "all" else ALL[20:21]


@pytest.mark.parametrize("mutation", CHOSEN, ids=str)
def test_a_planted_mistake_is_caught(mutation, tmp_path):
    assert is_caught(mutation, PACKAGE, TESTS, tmp_path), str(mutation)


def test_there_are_many_places_for_a_mistake():
    assert len(ALL) > 100
