"""A script runs with only its import changed, and the same comes of each of its lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from ft_dcc.server.database.data_folder import Credentials

SCRIPT = Path(__file__).parent / "scripts" / "idioms.py"


def test_common_idioms_have_the_same_result(
    official: Callable[..., Any], studio_server: Credentials, tmp_path: Path
) -> None:
    names = [f"idioms_{uuid4().hex[:8]}" for _ in range(2)]
    theirs = official("idioms", "ftrack_api", names[0], str(tmp_path))
    environment = {
        **os.environ,
        "FTRACK_SERVER": studio_server.server_url,
        "FTRACK_API_USER": studio_server.api_user,
        "FTRACK_API_KEY": studio_server.api_key,
    }
    command = [sys.executable, str(SCRIPT), "ft_dcc", names[1], str(tmp_path)]
    ours = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert ours.returncode == 0, ours.stderr[-3000:]
    assert json.loads(ours.stdout) == theirs
    # Enough of them are no errors, so that the two do not only fail alike.
    assert len(theirs) == 98
    assert sum(str(each).startswith("raises") for each in theirs.values()) == 24
