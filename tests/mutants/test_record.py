"""What the adapter says to Maya, word for word: a change of it is read by a person before it goes in.

``FT_DCC_WRITE_RECORD=1`` writes the record anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from mutants import maya_play

RECORD = Path(__file__).with_name("maya_record.txt")


def test_what_is_said_to_maya_is_what_was_read_and_agreed_to():
    found = "".join(f"{line[2:]}\n" for line in maya_play.play() if line.startswith("> "))
    if os.environ.get("FT_DCC_WRITE_RECORD"):
        RECORD.write_text(found, encoding="utf-8")
    assert found == RECORD.read_text(encoding="utf-8")
