"""A script runs with only its import changed, and the same comes of each of its lines."""

import json
import os
import sys
from pathlib import Path
from uuid import uuid4

from doubles.command_line import account_variables
from doubles.programs import run_process

SCRIPT = Path(__file__).parent / "scripts" / "idioms.py"


def test_common_idioms_have_the_same_result(official, studio_server, tmp_path):
    names = [f"idioms_{uuid4().hex[:8]}" for _ in range(2)]
    theirs = official("idioms", "ftrack_api", names[0], str(tmp_path))
    environment = {**os.environ, **account_variables(studio_server)}
    ours = run_process(sys.executable, SCRIPT, "ft_dcc", names[1], tmp_path, env=environment)
    assert ours.returncode == 0, ours.stderr[-3000:]
    assert json.loads(ours.stdout) == theirs
    # Enough of them are no errors, so that the two do not only fail alike.
    assert len(theirs) == 98
    assert sum(str(each).startswith("raises") for each in theirs.values()) == 24
