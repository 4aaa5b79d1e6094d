import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["maya", "nuke"])
def host(request):
    return request.param


@pytest.fixture
def adapter(host, tmp_path, monkeypatch):
    adapter = tmp_path / f"ft_dcc_{host}"
    shutil.copytree(ROOT / "hosts" / host / adapter.name, adapter, ignore=shutil.ignore_patterns("__pycache__"))
    # Mistakes are compiled in memory only: two of them in one second must not be taken for each other.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return adapter
