from __future__ import annotations

import pytest
from doubles.nuke import sample_script
from doubles.nuke.program import running

from ft_dcc.acceptance.run import accept, failed

# A window would go on to publish what is rendered there.
_OF_A_TERMINAL = [
    "escape",
    "timeline",
    "scene file",
    "render",
    "views",
    "proxy",
    "group",
    "filter",
    "exception",
    "broken note",
]


@pytest.mark.parametrize("is_gui", [True, False], ids=["window", "terminal"])
def test_all_checks_pass_in_the_nuke_double(task_id, tmp_path, monkeypatch, is_gui):
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    with running(sample_script.build(tmp_path, is_gui=is_gui)) as nuke:
        import ft_dcc_nuke
        from ft_dcc_nuke.acceptance import NukeUnderTest

        ft_dcc_nuke.start()
        if is_gui:
            ft_dcc_nuke.start_window()
        rig = NukeUnderTest()
        # The double's event loop is no Qt.
        rig.process_events_until = nuke.serve
        answer = accept(rig, task_id)
    assert failed(answer) == []
    skipped = [each["name"] for each in answer["checks"] if each["outcome"] == "skipped"]
    assert skipped == (_OF_A_TERMINAL if is_gui else ["menu", "escape", "menu twice", "timeline"])
    assert (answer["host"], answer["version"], answer["window"]) == ("Nuke", "15.1v3", is_gui)
    assert nuke.misuses == []
