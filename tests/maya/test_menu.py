import sys
import threading
from types import ModuleType

import pytest

from ft_dcc.errors import SettingInvalid
from ft_dcc.review.drawings import parse_drawing


@pytest.fixture
def package(maya):
    import ft_dcc_maya

    return ft_dcc_maya


@pytest.fixture
def shown(monkeypatch):
    opened = []
    dialog, qt = ModuleType("ft_dcc_qt"), ModuleType("Qt")
    dialog.__dict__["show"] = lambda host, page, parent: opened.append((host.name, page, parent))
    widgets = ModuleType("Qt.QtWidgets")
    widgets.__dict__["QApplication"] = type("QApplication", (), {"instance": staticmethod(lambda: None)})
    qt.__dict__["QtWidgets"] = widgets
    for name, module in (("ft_dcc_qt", dialog), ("Qt", qt), ("Qt.QtWidgets", widgets)):
        monkeypatch.setitem(sys.modules, name, module)
    return opened


def press(maya, label):
    item = next(c for c in maya.interface.controls.values() if c.kind == "item" and c.values["label"] == label)
    item.values["command"](False)


def controls(maya, kind):
    return [control.values["label"] for control in maya.interface.controls.values() if control.kind == kind]


def test_the_menu_is_added_after_what_the_studio_has_deferred(maya, package):
    from maya import cmds

    found = []
    package.start()
    cmds.evalDeferred(lambda: found.extend(controls(maya, "menu")))
    maya.idle()
    assert (found, controls(maya, "menu")) == ([], ["ft-dcc"])


def test_uninstalling_once_or_twice_restores_the_interface(maya, package):
    before = maya.state()
    package.install()
    press(maya, "Add a button to the shelf")
    package.uninstall()
    package.uninstall()
    assert maya.state() == before


def test_the_button_is_added_on_request_and_once(maya, package):
    package.install()
    press(maya, "Add a button to the shelf")
    assert (controls(maya, "button"), maya.interface.messages) == (["mine", "ft-dcc"], [])
    press(maya, "Add a button to the shelf")
    assert controls(maya, "button") == ["mine", "ft-dcc"]
    assert maya.interface.messages == ["ft-dcc: a shelf has the button already."]


def test_a_button_that_lost_its_tag_in_a_restart_is_recognised_by_its_command(maya, package):
    package.install()
    press(maya, "Add a button to the shelf")
    button = next(c for c in maya.interface.controls.values() if c.kind == "button" and c.values["label"] == "ft-dcc")
    del button.values["docTag"]
    press(maya, "Add a button to the shelf")
    assert controls(maya, "button").count("ft-dcc") == 1
    package.uninstall()
    assert button.name not in maya.interface.controls


def test_commands_for_hotkeys_are_defined_once_and_not_saved(maya, package, shown):
    package.install()
    package.install()
    commands = maya.interface.run_time_commands
    assert sorted(commands) == ["ftDccNotes", "ftDccPublishAgain", "ftDccPublishForReview"]
    assert {(each["default"], each["commandLanguage"], each["category"]) for each in commands.values()} == {
        (True, "python", "ft-dcc")
    }
    exec(commands["ftDccPublishForReview"]["command"], {})  # noqa: S102 - as Maya does
    exec(commands["ftDccNotes"]["command"], {})  # noqa: S102 - as Maya does
    assert [page for _, page, _ in shown] == ["publish", "notes"]


@pytest.mark.parametrize("deletes", [True, False])
def test_the_menu_is_removed_whether_or_not_maya_deletes_the_commands(maya, package, deletes):
    maya.deletes_default_commands = deletes
    package.install()
    package.uninstall()
    assert controls(maya, "menu") == [] and bool(maya.interface.run_time_commands) is not deletes
    package.install()
    assert controls(maya, "menu") == ["ft-dcc"]


def test_the_menu_is_added_when_maya_has_no_shelves(maya, package, monkeypatch):
    monkeypatch.setitem(sys.modules["maya.mel"].__dict__, "eval", lambda text: "MayaWindow" if "Main" in text else "")
    package.install()
    press(maya, "Add a button to the shelf")
    assert controls(maya, "menu") == ["ft-dcc"] and controls(maya, "button") == ["mine"]
    assert maya.interface.messages == ["ft-dcc: no shelf is shown."]


@pytest.mark.parametrize(
    ("label", "page"),
    [
        ("Publish for review…", "publish"),
        ("My tasks", "tasks"),
        ("Review sessions", "reviews"),
        *(("Notes", "notes"), ("Queue", "queue"), ("Settings", "settings"), ("About", "about")),
    ],
)
def test_each_command_opens_its_page_of_the_dialog(maya, package, shown, label, page):
    package.install()
    press(maya, label)
    assert (shown, maya.interface.messages) == ([("Maya", page, None)], [])


@pytest.mark.parametrize("label", ["Publish for review…", "Show as a panel"])
def test_a_missing_dialog_is_reported_and_leaves_no_empty_panel(maya, package, monkeypatch, label):
    monkeypatch.setitem(sys.modules, "ft_dcc_qt", None)
    package.install()
    before = dict(maya.interface.controls)
    press(maya, label)
    assert maya.interface.messages == [
        "The dialog is not installed here. 'Publish again' and the command line ft-dcc work."
    ]
    assert maya.interface.controls == before


def test_the_shelf_button_opens_the_dialog_or_reports_a_missing_module(maya, package, shown, monkeypatch):
    package.install()
    press(maya, "Add a button to the shelf")
    button = next(c for c in maya.interface.controls.values() if c.kind == "button" and c.name != "artistsButton")
    assert (button.values["sourceType"], button.values["imageOverlayLabel"]) == ("python", "ft")
    exec(button.values["command"], {})  # noqa: S102 - as Maya does
    assert [page for _, page, _ in shown] == ["publish"]
    monkeypatch.setitem(sys.modules, "ft_dcc_maya", None)
    exec(button.values["command"], {})  # noqa: S102 - as Maya does
    assert maya.interface.messages == ["ft-dcc is not installed any more. Remove this button."]


def test_an_error_of_a_command_is_shown_in_one_sentence(maya, package, shown, monkeypatch, capsys):
    def fail(host, page, parent):
        raise SettingInvalid("The server's address is missing. Set FTRACK_SERVER.")

    monkeypatch.setitem(sys.modules["ft_dcc_qt"].__dict__, "show", fail)
    package.install()
    press(maya, "About")
    assert maya.interface.messages == ["The server's address is missing. Set FTRACK_SERVER."]

    def crash(host, page, parent):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(sys.modules["ft_dcc_qt"].__dict__, "show", crash)
    press(maya, "About")
    assert maya.interface.messages[1:] == [
        "ft-dcc failed: ZeroDivisionError: division by zero. The Script Editor has the details."
    ]
    assert "Traceback" in capsys.readouterr().err


def test_a_core_that_cannot_be_loaded_is_one_sentence_with_the_traceback_in_the_script_editor(
    maya, package, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "ft_dcc.ui.menu_commands", None)
    package.install()
    press(maya, "About")
    (message,) = maya.interface.messages
    assert message.startswith("ft-dcc cannot be loaded: ModuleNotFoundError: ")
    assert message.endswith("Install it again: ft-dcc install maya. The Script Editor has the details.")
    printed = capsys.readouterr().err
    assert "Traceback" in printed and "commands.py" in printed
    assert "Traceback" not in message


def test_publish_again_without_a_previous_publish_opens_the_dialog(maya, package, shown, monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_JOBS", str(tmp_path / "jobs"))
    package.install()
    press(maya, "Publish again")
    assert [page for _, page, _ in shown] == ["publish"]


def test_drawings_of_a_scene_without_a_task_are_one_sentence_and_shown_ones_are_removed(maya, package):
    from ft_dcc_maya import feedback
    from ft_dcc_maya.host import MayaHost

    package.install()
    MayaHost().show_feedback([parse_drawing('{"version": 2, "shapes": []}', 1003, text="Too high")])
    press(maya, "Hide drawings")
    assert feedback.find_groups() == []
    press(maya, "Show drawings")
    for thread in [each for each in threading.enumerate() if each.name == "ft-dcc publish"]:
        thread.join()
    maya.idle()
    assert maya.interface.messages == ["The scene has no task. Choose it in the dialog: Publish for review…"]


def test_the_work_file_of_the_task_is_made_and_saved_as_the_next_version(maya, package, signed_in, project_task, root):
    from ft_dcc_maya.host import MayaHost

    package.install()
    MayaHost().remember_task(project_task["id"])
    folder = root.joinpath(*(part["name"] for part in project_task["link"]))
    for number, label in enumerate(("Open or make the work file", "Save next version"), 1):
        press(maya, label)
        while any(each.name == "ft-dcc publish" for each in threading.enumerate()):
            maya.idle()
        maya.idle()
        path = folder / f"sh010_animation_v00{number}.ma"
        assert (maya.interface.messages[-1], MayaHost().scene().path) == (f"Saved as {path}.", path)
    assert MayaHost().scene().frame_range.start == 993
