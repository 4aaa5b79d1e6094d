import pytest
from doubles.batch_folder import Batch


@pytest.fixture
def batch(studio_server, session, tmp_path):
    return Batch(studio_server, session, tmp_path)
