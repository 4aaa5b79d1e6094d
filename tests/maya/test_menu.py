from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from ft_dcc.errors import SettingInvalid


@pytest.fixture
def package(maya):
    import ft_dcc_maya

    return ft_dcc_maya


@pytest.fixture
def shown(monkeypatch):
    """The pages that the dialog was asked for; the dialog itself has tests of its own."""
    asked = []
    dialog, qt = ModuleType("ft_dcc_qt"), ModuleType("Qt")
    dialog.__dict__["show"] = lambda host, page, parent: asked.append((host.name, page, parent))
    widgets = ModuleType("Qt.QtWidgets")
    widgets.__dict__["QApplication"] = type("QApplication", (), {"instance": staticmethod(lambda: None)})
    qt.__dict__["QtWidgets"] = widgets
    for name, module in (("ft_dcc_qt", dialog), ("Qt", qt), ("Qt.QtWidgets", widgets)):
        monkeypatch.setitem(sys.modules, name, module)
    return asked


def press(maya, label):
    item = next(c for c in maya.interface.controls.values() if c.kind == "item" and c.values["label"] == label)
    item.values["command"](False)


def controls(maya, kind):
    return [control.values["label"] for control in maya.interface.controls.values() if control.kind == kind]


def test_what_came_along_is_looked_for_last_and_once(maya, package, monkeypatch):
    vendored = str(Path(package.__file__).parents[2] / "vendored")
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != vendored])
    package.start()
    package.start()
    assert (sys.path[-1], sys.path.count(vendored)) == (vendored, 1)


def test_installing_twice_leaves_one_of_each(maya, package):
    package.install()
    package.install()
    assert controls(maya, "menu") == ["ft-dcc"]
    assert len(controls(maya, "item")) == 6
    assert controls(maya, "button") == ["mine", "ft-dcc"]


def test_removing_leaves_everything_as_it_was_also_twice(maya, package):
    before = maya.state()
    package.install()
    package.uninstall()
    package.uninstall()
    assert maya.state() == before


def test_a_button_that_the_artist_took_away_does_not_come_back(maya, package):
    package.install()
    button = next(name for name, c in maya.interface.controls.items() if c.values.get("label") == "ft-dcc")
    maya.call("deleteUI", next(n for n, c in maya.interface.controls.items() if c.kind == "button" and n != button))
    maya.call("deleteUI", next(n for n, c in maya.interface.controls.items() if c.kind == "button"))
    package.install()
    assert controls(maya, "button") == []


def test_a_maya_without_shelves_gets_the_menu(maya, package, monkeypatch):
    monkeypatch.setitem(
        sys.modules["maya.mel"].__dict__, "eval", lambda script: "MayaWindow" if "Main" in script else ""
    )
    package.install()
    assert controls(maya, "menu") == ["ft-dcc"] and controls(maya, "button") == ["mine"]


@pytest.mark.parametrize(
    ("label", "page"),
    [
        ("Publish for review…", "publish"),
        ("Review sessions", "reviews"),
        ("Queue", "queue"),
        ("Settings", "settings"),
        ("About", "about"),
    ],
)
def test_each_command_opens_its_page_of_the_dialog(maya, package, shown, label, page):
    package.install()
    press(maya, label)
    assert (shown, maya.interface.said) == ([("Maya", page, None)], [])


def test_the_shelf_button_opens_the_dialog_and_says_so_when_the_module_is_gone(maya, package, shown, monkeypatch):
    package.install()
    button = next(c for c in maya.interface.controls.values() if c.kind == "button" and c.name != "artistsButton")
    assert button.values["sourceType"] == "python"
    exec(button.values["command"], {})  # noqa: S102 - as Maya does
    assert [page for _, page, _ in shown] == ["publish"]
    monkeypatch.setitem(sys.modules, "ft_dcc_maya", None)
    exec(button.values["command"], {})  # noqa: S102 - as Maya does
    assert maya.interface.said == ["ft-dcc is not installed any more. Remove this button."]


def test_what_goes_wrong_is_one_sentence(maya, package, shown, monkeypatch, capsys):
    def fail(host, page, parent):
        raise SettingInvalid("The server's address is missing. Set FTRACK_SERVER.")

    monkeypatch.setitem(sys.modules["ft_dcc_qt"].__dict__, "show", fail)
    package.install()
    press(maya, "About")
    assert maya.interface.said == ["The server's address is missing. Set FTRACK_SERVER."]

    def crash(host, page, parent):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(sys.modules["ft_dcc_qt"].__dict__, "show", crash)
    press(maya, "About")
    assert maya.interface.said[1:] == [
        "ft-dcc failed: ZeroDivisionError: division by zero. The Script Editor has the details."
    ]
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("goes_well", [True, False])
def test_what_comes_of_publish_again_is_told_when_mayas_main_thread_is_idle(maya, package, monkeypatch, goes_well):
    from ft_dcc_maya import commands

    begun, may_go_on = [], threading.Event()

    def publish(request, host):
        begun.append((request, threading.current_thread() is threading.main_thread()))
        may_go_on.wait(10)
        if not goes_well:
            raise SettingInvalid("The server's address is missing. Set FTRACK_SERVER.")
        return "Version 3 is in review."

    monkeypatch.setattr("ft_dcc.publish.queue.last_request", lambda host, task: "the last one")
    monkeypatch.setattr(commands, "_published", publish)
    package.install()
    press(maya, "Publish again")
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "ft-dcc publish"]
    assert maya.interface.said == []
    may_go_on.set()
    thread.join(10)
    assert (begun, maya.interface.said) == ([("the last one", False)], [])
    maya.idle()
    wrong = "The server's address is missing. Set FTRACK_SERVER."
    assert maya.interface.said == ["Version 3 is in review." if goes_well else wrong]


def test_with_nothing_to_repeat_publish_again_opens_the_dialog(maya, package, shown, monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    package.install()
    press(maya, "Publish again")
    assert [page for _, page, _ in shown] == ["publish"]
