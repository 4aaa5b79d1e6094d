"""A script runs with only its import changed, and the same comes of each of its lines."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from doubles.command_line import account_variables

SCRIPT = Path(__file__).parent / "scripts" / "idioms.py"


def test_common_idioms_have_the_same_result(official, studio_server, tmp_path):
    names = [f"idioms_{uuid4().hex[:8]}" for _ in range(2)]
    theirs = official("idioms", "ftrack_api", names[0], str(tmp_path))
    environment = {**os.environ, **account_variables(studio_server)}
    command = [sys.executable, str(SCRIPT), "ft_dcc", names[1], str(tmp_path)]
    ours = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert ours.returncode == 0, ours.stderr[-3000:]
    assert json.loads(ours.stdout) == theirs
    # Enough of them are no errors, so that the two do not only fail alike.
    assert len(theirs) == 98
    assert sum(str(each).startswith("raises") for each in theirs.values()) == 24
