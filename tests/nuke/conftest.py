from __future__ import annotations

import pytest
from doubles.nuke import stage
from doubles.nuke.program import running


@pytest.fixture
def nuke(tmp_path, monkeypatch):
    """The double in its window with the small script open; what it was misused for fails the test."""
    _at_home(tmp_path, monkeypatch)
    with running(stage.build(tmp_path)) as program:
        yield program
    assert program.misuses == []


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """The same without a window, as a farm has it."""
    _at_home(tmp_path, monkeypatch)
    with running(stage.build(tmp_path, is_gui=False)) as program:
        yield program
    assert program.misuses == []


def _at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    for name in ("FT_DCC_RENDER", "FT_DCC_RENDER_FRAMES", "FT_DCC_NUKE_WINDOW", "OCIO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def host(nuke):
    from ft_dcc_nuke.host import NukeHost

    return NukeHost()
