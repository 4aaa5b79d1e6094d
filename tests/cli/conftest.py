import pytest
from doubles.batch_folder import Batch, running_dask


@pytest.fixture
def batch(studio_server, session, tmp_path):
    return Batch(studio_server, session, tmp_path)


@pytest.fixture
def dask_cluster(batch):
    pytest.importorskip("distributed")
    with running_dask(batch, workers=2) as cluster:
        yield cluster
