"""The official client's own test suite, against a studio of its own.

It is not part of the package, and takes minutes: name a checkout of ftrackhq/ftrack-python in OFFICIAL_SUITE to run it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUITE = os.environ.get("OFFICIAL_SUITE", "")
# Not the server: one wants the bytes of one picture library, the caches in files a dbm of the system, and the time-outs
# are races of a tenth of a millisecond.
NOT_OURS = re.compile(r"test_get_thumbnail_url|\[(file|persisted)\]|test_(read|write|remove)_timeout")


@pytest.mark.skipif(not SUITE, reason="OFFICIAL_SUITE names no checkout of ftrackhq/ftrack-python")
@pytest.mark.timeout(1800)
def test_the_official_clients_own_suite_passes(tmp_path: Path, start_server: Callable[[], Any]) -> None:
    server = start_server()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("FTRACK_", "PYTHON"))},
        "FTRACK_SERVER": server.url,
        "FTRACK_API_USER": server.credentials.api_user,
        "FTRACK_API_KEY": server.credentials.api_key,
    }
    python = tmp_path / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    wanted = ("ftrack-python-api==3.1.0", "pytest<8", "pytest-mock", "mock", "flaky", "termcolor")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
    fill = Path(__file__).parent / "scripts" / "suite_studio.py"
    subprocess.run([str(python), str(fill)], env=environment, check=True, capture_output=True)
    command = [str(python), "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "-rfE", "test/unit"]
    done = subprocess.run(command, cwd=SUITE, env=environment, capture_output=True, encoding="utf-8", check=False)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    assert [name for name in failed if not NOT_OURS.search(name)] == [], done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 525
