from __future__ import annotations

import pytest


@pytest.fixture
def ordered(signed_in, project_task):
    """The server of the tests is in the environment; the task's id."""
    return project_task["id"]
