from __future__ import annotations

import os

import pytest
from doubles.nuke import sample_script
from doubles.nuke.program import running


@pytest.fixture
def nuke(tmp_path, monkeypatch):
    """Yield the double with a window and the small script open; fail the test if the double was misused."""
    _use_own_folders(tmp_path, monkeypatch)
    with running(sample_script.build(tmp_path)) as program:
        yield program
    assert program.misuses == []


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """Yield the double without a window, as on a farm."""
    _use_own_folders(tmp_path, monkeypatch)
    with running(sample_script.build(tmp_path, is_gui=False)) as program:
        yield program
    assert program.misuses == []


def _use_own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setenv("FT_DCC_RENDERS", str(tmp_path / "renders"))
    if "FTRACK_SERVER" not in os.environ:
        # Otherwise the watcher of the renders would start the user's own local studio.
        for name, value in {
            "FTRACK_SERVER": "http://127.0.0.1:1",
            "FTRACK_API_USER": "a",
            "FTRACK_API_KEY": "k",
        }.items():
            monkeypatch.setenv(name, value)
    for name in ("FT_DCC_RENDER", "FT_DCC_RENDER_FRAMES", "FT_DCC_NUKE_WINDOW", "OCIO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def host(nuke):
    from ft_dcc_nuke.host import NukeHost

    return NukeHost()
