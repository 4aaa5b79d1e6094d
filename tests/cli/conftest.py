from __future__ import annotations

import pytest
from doubles.batch_folder import Batch, running_dask


@pytest.fixture
def batch(studio_server, session, tmp_path):
    return Batch(studio_server, session, tmp_path)


@pytest.fixture
def dask_cluster(batch):
    """Yield the address of a Dask scheduler with two workers, and the workers."""
    pytest.importorskip("distributed")
    with running_dask(batch) as cluster:
        yield cluster
