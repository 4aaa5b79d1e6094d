"""The official Python client, in an environment that also has the requirements of ft-dcc."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from doubles.command_line import account_variables


@pytest.fixture
def official(official_python, studio_server, tmp_path):
    """Run ``scripts/NAME.py`` with the official client and return what it prints, which is JSON."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("FTRACK_", "PYTHON"))},
        **account_variables(studio_server),
        "FTRACK_API_SCHEMA_CACHE_PATH": str(tmp_path),
    }

    def run(name, *arguments):
        script = Path(__file__).parent / "scripts" / f"{name}.py"
        command = [str(official_python), str(script), *arguments]
        options = {"env": environment, "cwd": tmp_path, "check": False}
        done = subprocess.run(command, capture_output=True, encoding="utf-8", **options)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run
