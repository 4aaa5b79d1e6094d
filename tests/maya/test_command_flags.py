"""The commands and flags in the adapter's sources, checked for every supported Maya without running them."""

from pathlib import Path

import pytest
from doubles.maya import contract
from doubles.maya.lint import YEARS, find_errors, uses

SOURCES = sorted((Path(__file__).resolve().parents[2] / "hosts" / "maya" / "ft_dcc_maya").rglob("*.py"))


def test_every_command_of_the_adapter_is_valid_in_every_supported_maya():
    found = [f"{path.name}: {each}" for path in SOURCES for each in find_errors(path.read_text(encoding="utf-8"))]
    assert found == []
    assert sum(1 for path in SOURCES for _ in uses(path.read_text(encoding="utf-8"))) > 90


def test_the_flags_of_the_look_exist_in_every_supported_maya(maya):
    from ft_dcc_maya import look

    known = contract.commands()["modelEditor"]
    for name in (*look.VIEWPORT_HELPERS, *look._RENDERABLES):
        assert set(YEARS) <= known[name].years, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("cmds.playblats(frame=[1])", "no Maya has the command playblats"),
        ("cmds.playblast(ofScreen=True)", "playblast has no flag ofScreen in Maya 2023, 2024, 2025, 2026"),
        ("cmds.playblast(p=100)", "playblast has no flag p in Maya 2023, 2024, 2025, 2026"),
        ("cmds.playblast(gamma=1.0)", "playblast has no flag gamma in Maya 2023, 2024, 2025"),
        ("cmds.playblast(saveDepth=True)", "playblast has no flag saveDepth in Maya 2026"),
        ("cmds.playblast(percent='100')", "playblast: Invalid arguments for flag 'percent'.  Expected int, got str"),
        ("cmds.playblast(percent=True)", "playblast: Invalid arguments for flag 'percent'.  Expected int, got bool"),
        ("cmds.playblast(viewer='no')", "playblast: Invalid arguments for flag 'viewer'.  Expected bool, got str"),
        (
            "cmds.window('w', widthHeight=(1, 2, 3))",
            "window: Invalid arguments for flag 'widthHeight'.  Expected int, int, got (1, 2, 3)",
        ),
        ("stack.callback(cmds.undoInfo, state_=True)", "undoInfo has no flag state_ in Maya 2023, 2024, 2025, 2026"),
        ("cmds.modelEditor('p', edit=True, lineAAEnable=True)", "modelEditor has no flag lineAAEnable"),
    ],
)
def test_an_invalid_call_is_reported(call, message):
    (found,) = find_errors(call)
    assert found.startswith(f"line 1: {message}")
