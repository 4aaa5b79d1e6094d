"""Run the type check and the unit tests of the page's sources, if Node is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"


@pytest.mark.parametrize("script", ["check", "test"])
def test_sources_pass_type_check_and_unit_tests(script):
    npm = shutil.which("npm")
    if npm is None or not (WEB / "node_modules").is_dir():
        pytest.skip("the tools of the page are not installed: npm --prefix web ci")
    done = subprocess.run(
        [npm, "--prefix", str(WEB), "run", script], capture_output=True, encoding="utf-8", timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
