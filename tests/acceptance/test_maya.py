from __future__ import annotations

from doubles.maya import stage
from doubles.maya.program import running

from ft_dcc.acceptance.run import accept, failed


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
