from __future__ import annotations

import pytest


@pytest.fixture
def task_id(signed_in, project_task):
    """Return the id of a task on the server that the environment names."""
    return project_task["id"]
