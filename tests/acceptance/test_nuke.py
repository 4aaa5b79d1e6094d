from __future__ import annotations

import pytest
from doubles.nuke import sample_script
from doubles.nuke.program import running

from ft_dcc.contract.host_under_test import CheckContext
from ft_dcc.contract.run import accept, results_page
from ft_dcc.errors import Error

# A window would go on to publish what is rendered there. Those of a terminal run in test_acceptance_runner.py.
_OF_A_TERMINAL = ["escape", "scene file", "render", "views", "proxy", "group"]


def test_all_checks_pass_in_the_window_of_the_nuke_double(task_id, tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    with running(sample_script.build(tmp_path)) as nuke:
        import ft_dcc_nuke
        from ft_dcc_nuke.acceptance import NukeUnderTest

        ft_dcc_nuke.start()
        ft_dcc_nuke.start_window()
        rig = NukeUnderTest()
        # The double's event loop is no Qt.
        rig.process_events_until = nuke.serve
        answer = accept(rig, task_id)
    assert [each for each in answer["checks"] if each["outcome"] == "failed"] == []
    skipped = [each["name"] for each in answer["checks"] if each["outcome"] == "skipped"]
    assert skipped == _OF_A_TERMINAL
    assert (answer["host"], answer["version"], answer["window"]) == ("Nuke", "15.1v3", True)
    assert nuke.misuses == []
    row = results_page(answer, {}).partition("Callbacks that a studio adds for new, changed,")[2].partition("</tr>")[0]
    assert "(onCreate, knobChanged and others) do not run on the temporary nodes" in row and ">passed<" in row
    assert "KnobChanged, OnCreate, OnDestroy, RenderProgress" in row and "does not have: none" in row


def test_callbacks_of_the_studio_that_run_for_a_capture_are_named_by_the_check(tmp_path):
    with running(sample_script.build(tmp_path)) as nuke:
        from ft_dcc_nuke.acceptance import NukeUnderTest, check_studio_callbacks
        from ft_dcc_nuke.maintained import REGISTRIES

        for name in REGISTRIES:
            del nuke.module.callbacks.__dict__[name]
        rig = NukeUnderTest()
        rig.build()
        with pytest.raises(Error, match=r"ran on temporary nodes: .*'KnobChanged', 'OnCreate', 'OnDestroy'"):
            check_studio_callbacks(CheckContext(rig, tmp_path / "frames", ""))
