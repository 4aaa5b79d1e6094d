"""The Python versions of this machine: on the PATH, or where pyenv and uv install them."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest


def need_python(version):
    return _find(version) or pytest.skip(f"there is no Python {version} on this machine")


@functools.cache
def _find(version):
    homes = [Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python"]
    kept = [path for home in homes for path in home.glob(f"*{version}.*/bin/python{version}")]
    for candidate in filter(None, (shutil.which(f"python{version}"), *map(str, kept))):
        if not subprocess.run([candidate, "-c", "1"], capture_output=True, check=False).returncode:
            return candidate
    return ""
