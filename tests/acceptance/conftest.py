from __future__ import annotations

import pytest


@pytest.fixture
def ordered(monkeypatch, studio_server, project_task):
    """The server of the tests is in the environment; the task's id."""
    for name, value in (
        ("FTRACK_SERVER", studio_server.server_url),
        ("FTRACK_API_USER", studio_server.api_user),
        ("FTRACK_API_KEY", studio_server.api_key),
    ):
        monkeypatch.setenv(name, value)
    return project_task["id"]
