from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

from doubles.batch_folder import Batch, running_dask  # noqa: E402


@pytest.fixture
def batch(studio_server, session, tmp_path):
    return Batch(studio_server, session, tmp_path)


@pytest.fixture
def dask_cluster(batch):
    """Yield the address of a Dask scheduler with two workers, and the workers."""
    pytest.importorskip("distributed")
    with running_dask(batch) as cluster:
        yield cluster
