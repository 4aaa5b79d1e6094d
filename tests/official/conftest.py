"""The official Python client, in an environment of its own: it pins versions that the project cannot share."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ft_dcc.server.database.data_folder import Credentials

RunOfficial = Callable[..., Any]


@pytest.fixture
def official(official_python: Path, studio_server: Credentials, tmp_path: Path) -> RunOfficial:
    """Run ``scripts/NAME.py`` with the official client and return what it prints, which is JSON."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("FTRACK_", "PYTHON"))},
        "FTRACK_SERVER": studio_server.server_url,
        "FTRACK_API_USER": studio_server.api_user,
        "FTRACK_API_KEY": studio_server.api_key,
        "FTRACK_API_SCHEMA_CACHE_PATH": str(tmp_path),
    }

    def run(name: str, *arguments: str) -> Any:
        script = Path(__file__).parent / "scripts" / f"{name}.py"
        command = [str(official_python), str(script), *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run
