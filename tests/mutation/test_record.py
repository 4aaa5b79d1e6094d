"""The recorded calls of the adapter to Maya, which are reviewed whenever they change.

``FT_DCC_WRITE_RECORD=1`` writes the record again.
"""

from __future__ import annotations

import os
from pathlib import Path

from mutation import maya_calls

RECORD = Path(__file__).with_name("maya_record.txt")


def test_the_calls_to_maya_equal_the_reviewed_record():
    found = "".join(f"{line[2:]}\n" for line in maya_calls.record_calls() if line.startswith("> "))
    if os.environ.get("FT_DCC_WRITE_RECORD"):
        RECORD.write_text(found, encoding="utf-8")
    assert found == RECORD.read_text(encoding="utf-8")
