"""``ft-dcc ui`` on a machine where Qt cannot open a window, and ``ft-dcc demo`` without Blender."""

import os
import sys

import pytest
from doubles.programs import run_process

CLI = (sys.executable, "-m", "ft_dcc.cli.main")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 has these libraries")


def ft_dcc(*arguments, code="", **environ):
    command = CLI if not code else (sys.executable, "-c", f"{code}\nfrom ft_dcc.cli.main import main\nmain()")
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    known = {name: value for name, value in os.environ.items() if name not in hidden}
    return run_process(*command, *arguments, env={**known, **environ})


@linux
def test_dialog_without_a_display_ends_with_one_sentence():
    pytest.importorskip("Qt.QtWidgets")
    done = ft_dcc("ui")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("There is no display: DISPLAY is not set.")


@linux
def test_display_that_does_not_answer_is_named():
    desktop = pytest.importorskip("ft_dcc_qt.desktop")
    done = run_process(
        *(sys.executable, "-c", "import ft_dcc_qt.desktop as desktop; desktop.check_display([])"),
        env={**os.environ, "DISPLAY": ":987", "QT_QPA_PLATFORM": "xcb"},
    )
    assert "DisplayMissing: The display :987 does not answer." in done.stderr
    assert desktop.missing_library("libfoo.so.1: cannot open").message.startswith(
        "The dialog needs the system library libfoo.so.1."
    )


@linux
def test_missing_system_library_is_named_with_its_package(monkeypatch):
    desktop = pytest.importorskip("ft_dcc_qt.desktop")
    from ft_dcc.errors import DisplayMissing

    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")

    def without_library(name):
        raise OSError("libxcb-cursor.so.0: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(desktop.ctypes, "CDLL", without_library)
    with pytest.raises(DisplayMissing) as caught:
        desktop.check_display([])
    assert str(caught.value) == (
        "The dialog needs the system library libxcb-cursor.so.0. Install it, on Debian and Ubuntu: "
        "sudo apt install libxcb-cursor0"
    )


def test_demo_without_blender_ends_with_one_sentence(tmp_path):
    done = ft_dcc("demo", "--data", str(tmp_path / "studio"), code="import sys; sys.modules['bpy'] = None")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert 'pip install "ft-dcc[blender]"' in done.stderr
    assert not (tmp_path / "studio").exists()
