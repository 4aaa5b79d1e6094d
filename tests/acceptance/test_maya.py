from __future__ import annotations

import pytest
from doubles.maya import stage
from doubles.maya.program import running

from ft_dcc.acceptance.run import accept, failed


@pytest.fixture
def ordered(monkeypatch, studio_server, project_task):
    for name, value in (
        ("FTRACK_SERVER", studio_server.server_url),
        ("FTRACK_API_USER", studio_server.api_user),
        ("FTRACK_API_KEY", studio_server.api_key),
    ):
        monkeypatch.setenv(name, value)
    return project_task["id"]


def test_a_maya_with_a_window_passes(ordered):
    with running(stage.build(2025)) as maya:
        import ft_dcc_maya
        from ft_dcc_maya.acceptance import MayaRig

        ft_dcc_maya.install()
        answer = accept(MayaRig(), ordered)
    assert failed(answer) == []
    skipped = [each["name"] for each in answer["checks"] if each["outcome"] == "skipped"]
    assert skipped == ["escape", "no window"]
    assert (answer["host"], answer["version"], answer["window"]) == ("Maya", "2025", True)
    assert "offScreen" in answer["facts"]["flags"]["playblast"]
    assert maya.misuses == []
