import os
import threading

import pytest
from doubles.nuke import sample_script
from doubles.nuke.program import running
from doubles.shots import run_in_thread


@pytest.fixture
def nuke(tmp_path, monkeypatch):
    """Yield the double with a window and the small script open; fail the test if the double was misused."""
    _use_own_folders(tmp_path, monkeypatch)
    with running(sample_script.build(tmp_path)) as program:
        yield program
    assert (program.misuses, program.undo_groups) == ([], [])


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    _use_own_folders(tmp_path, monkeypatch)
    with running(sample_script.build(tmp_path, is_gui=False)) as program:
        yield program
    assert (program.misuses, program.undo_groups) == ([], [])


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
    for name in ("FT_DCC_RENDER", "FT_DCC_RENDER_FRAMES", "OCIO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def save(nuke, host, tmp_path):
    """Return a function that saves the script, calls another one at once, and waits for what follows a save."""

    def save_script(then):
        nuke.module.scriptSaveAs(str(tmp_path / "comp.nk"))
        then()

    def save(then=lambda: None):
        run_in_thread(nuke, lambda: host.run_in_main_thread(lambda: save_script(then)))
        for other in threading.enumerate():
            if other is not threading.current_thread() and other._target is nuke.module.executeInMainThread:
                other.join()
        nuke.idle()

    return save


@pytest.fixture
def host(nuke):
    from ft_dcc_nuke.host import NukeHost

    return NukeHost()
