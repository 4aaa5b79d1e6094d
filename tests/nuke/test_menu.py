import sys
import threading
from types import ModuleType

import pytest
from doubles.nuke.sample_script import set_knobs

from ft_dcc.errors import SettingInvalid
from ft_dcc.review.drawings import parse_drawing


@pytest.fixture
def package(nuke):
    import ft_dcc_nuke

    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    yield ft_dcc_nuke
    ft_dcc_nuke.uninstall()


@pytest.fixture
def shown(monkeypatch):
    opened = []
    dialog, qt = ModuleType("ft_dcc_qt"), ModuleType("Qt")
    dialog.__dict__["show"] = lambda host, page, parent: opened.append((host.name, page, parent))
    widgets = ModuleType("Qt.QtWidgets")
    window = type("Window", (), {"metaObject": lambda self: self, "className": lambda self: self.kind})
    windows = [window(), window()]
    windows[0].kind, windows[1].kind = "QDialog", "Foundry::UI::DockMainWindow"
    application = type("Application", (), {"topLevelWidgets": staticmethod(lambda: windows)})
    widgets.__dict__["QApplication"] = type("QApplication", (), {"instance": staticmethod(application)})
    qt.__dict__["QtWidgets"] = widgets
    for name, module in (("ft_dcc_qt", dialog), ("Qt", qt), ("Qt.QtWidgets", widgets)):
        monkeypatch.setitem(sys.modules, name, module)
    return opened


def press(nuke, label):
    nuke.menus["Nuke"].entries["ft-dcc"].entries[label]()


def test_installing_twice_adds_one_menu_and_uninstalling_removes_it(nuke):
    import ft_dcc_nuke

    before = {name: menu.labels() for name, menu in nuke.menus.items()}
    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    ft_dcc_nuke.start_window()
    assert list(nuke.menus["Nuke"].entries) == ["ft-dcc"]
    assert len(nuke.menus["Nuke"].entries["ft-dcc"].entries) == 16
    assert list(nuke.menus["Node Graph"].entries["ft-dcc"].entries) == [
        "Publish for review…",
        "Publish renders of selected Writes",
        "Add the tab to selected Writes",
        "Remove the tab from selected Writes",
        "Renders",
    ]
    ft_dcc_nuke.uninstall()
    ft_dcc_nuke.uninstall()
    assert {name: menu.labels() for name, menu in nuke.menus.items()} == before
    assert not any(calls for each in nuke.registered.values() for calls in each.values())


@pytest.mark.parametrize(
    ("label", "page"),
    [
        ("Publish for review…", "publish"),
        ("Publish again", "publish"),
        ("My tasks", "tasks"),
        ("Review sessions", "reviews"),
        ("Renders", "renders"),
        *(("Notes", "notes"), ("Queue", "queue"), ("Settings", "settings"), ("About", "about")),
    ],
)
def test_each_command_opens_its_page_of_the_dialog_with_the_main_window_as_parent(nuke, package, shown, label, page):
    press(nuke, label)
    ((name, opened, parent),) = shown
    assert (name, opened, parent.className()) == ("Nuke", page, "Foundry::UI::DockMainWindow")
    assert nuke.messages == []


def test_the_dialog_is_a_panel_of_the_pane_menu_and_of_saved_workspaces(nuke, package, shown):
    sys.modules["ft_dcc_qt"].__dict__["dock"] = lambda host: f"the dialog of {host.name}"
    nuke.menus["Pane"].entries["ft-dcc"]()
    nuke.registered_panels["ft_dcc.dialog"]()
    assert nuke.panels == ["the dialog of Nuke"] * 2
    package.uninstall()
    assert (nuke.registered_panels, nuke.menus["Pane"].entries) == ({}, {})


def test_a_panel_that_cannot_be_made_is_explained(nuke, package, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ft_dcc_qt", None)
    with pytest.raises(ImportError):
        nuke.menus["Pane"].entries["ft-dcc"]()
    assert nuke.messages[0].startswith("ft-dcc cannot be loaded: ModuleNotFoundError: ")
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_dialog_is_reported_with_alternatives(nuke, package, monkeypatch):
    monkeypatch.setitem(sys.modules, "ft_dcc_qt", None)
    press(nuke, "Queue")
    assert nuke.messages == ["The dialog is not installed here. 'Publish renders' and the command line ft-dcc work."]


def test_the_tab_is_added_to_and_removed_from_selected_nodes(nuke, package):
    group = nuke.make("Group", "Out")
    nuke.make("Write", parent=nuke.make("Group", "Inside", group))
    nuke.selection = [nuke.find("Write1"), group, nuke.make("Group", "Empty"), nuke.find("Read1")]
    press(nuke, "Add the tab to selected Writes")
    press(nuke, "Add the tab to selected Writes")
    has = [node.path for node in nuke.root.every_node() if "ft_dcc_publish" in node._knobs]
    assert (has, nuke.messages) == (["Write1", "Out"], [])
    press(nuke, "Remove the tab from selected Writes")
    assert not any("ft_dcc_publish" in node._knobs for node in nuke.root.every_node())


def test_a_gizmo_gets_no_tab_but_an_explanation(nuke, package):
    gizmo = nuke.make("Gizmo", "StudioWrite")
    nuke.make("Write", parent=gizmo)
    nuke.selection = [gizmo]
    press(nuke, "Add the tab to selected Writes")
    assert nuke.messages == ["StudioWrite is a gizmo, whose knobs are defined in its file. Copy it to a group first."]
    assert "ft_dcc_publish" not in gizmo._knobs


def test_commands_without_a_selection_show_what_to_select(nuke, package):
    nuke.selection = []
    for label in (
        "Add the tab to selected Writes",
        "Remove the tab from selected Writes",
        "Publish renders of selected Writes",
    ):
        press(nuke, label)
    assert nuke.messages == [
        "Select a Write, or a group with a Write in it.",
        "Select the nodes to remove the tab from.",
        "Select the Writes whose renders to publish.",
    ]


def serve_until_finished(nuke):
    # Its thread may have ended already.
    for thread in [thread for thread in threading.enumerate() if thread.name == "ft-dcc publish"]:
        nuke.serve(thread)
    nuke.idle()
    return nuke.messages


def test_a_publish_from_the_menu_shows_its_result_when_it_has_finished(nuke, package, monkeypatch):
    from ft_dcc_nuke.renders import render_watcher

    from ft_dcc.renders import renders

    def fail(*_arguments):
        raise SettingInvalid("The server's address is missing. Set FTRACK_SERVER.")

    monkeypatch.setattr(render_watcher, "wake", lambda: None)
    write = nuke.find("Write1")
    nuke.selection = [write]
    press(nuke, "Add the tab to selected Writes")
    nuke.render(write, 1001, 1012)
    label, work = "Publish renders of selected Writes", "ft_dcc_nuke.commands._publish_render"
    threads, read = [], renders.read_renders

    def record_thread(**values):
        threads.append(threading.current_thread().name)
        return read(**values)

    monkeypatch.setattr(renders, "read_renders", record_thread)
    monkeypatch.setattr(work, lambda *_: record_thread() and "Version 3 is in review.")
    press(nuke, label)
    assert serve_until_finished(nuke) == ["Version 3 is in review."]
    assert threads == ["ft-dcc publish"] * 2
    monkeypatch.setattr(work, fail)
    press(nuke, label)
    assert serve_until_finished(nuke)[1:] == ["The server's address is missing. Set FTRACK_SERVER."]


def test_renders_of_another_script_are_not_published(nuke, package, tmp_path):
    from ft_dcc_nuke import tab

    write = nuke.find("Write1")
    tab.add(write, "off")
    set_knobs(nuke.root, name=str(tmp_path / "a.nk"))
    set_knobs(write, ft_dcc_publish="ask")
    nuke.answers = [False] * 9
    nuke.render(write, 1001, 1002)
    nuke.messages.clear()
    # Another script has a node of the same name.
    set_knobs(nuke.root, name=str(tmp_path / "b.nk"))
    nuke.selection = [write]
    press(nuke, "Publish renders of selected Writes")
    assert serve_until_finished(nuke) == [
        "No render of these nodes was recorded. Publish their files: Publish for review…"
    ]


def test_publish_renders_of_a_group_leaves_out_a_group_whose_name_begins_the_same(nuke, package, monkeypatch, tmp_path):
    from ft_dcc_nuke import commands, tab

    monkeypatch.setattr("ft_dcc_nuke.renders.render_watcher.wake", lambda: None)
    monkeypatch.setattr(commands, "_publish_render", lambda render: f"{render.execution.node} is in review.")
    for name in ("Group1", "Group10"):
        group = nuke.make("Group", name)
        set_knobs(nuke.make("Write", parent=group), file=(tmp_path / "out" / f"{name}.%04d.png").as_posix())
        tab.add(group, "ask")
        nuke.render(group, 1001, 1012)
    nuke.selection = [nuke.find("Group1")]
    press(nuke, "Publish renders of selected Writes")
    assert serve_until_finished(nuke) == ["Group1.Write1 is in review."]


def test_the_results_of_several_renders_are_a_line_each(nuke, package, monkeypatch, tmp_path):
    from ft_dcc_nuke import commands, tab
    from ft_dcc_nuke.renders import render_watcher

    def publish(render):
        if render.execution.node == "Write3":
            raise SettingInvalid("The server's address is missing.")
        return f"{render.execution.node} is in review."

    monkeypatch.setattr(render_watcher, "wake", lambda: None)
    monkeypatch.setattr(commands, "_publish_render", publish)
    for name in ("Write2", "Write3"):
        write = nuke.make("Write", name)
        set_knobs(write, file=(tmp_path / "out" / f"{name}.%04d.png").as_posix())
        tab.add(write, "ask")
        nuke.render(write, 1001, 1012)
    nuke.selection = [nuke.find("Write2"), nuke.find("Write3")]
    press(nuke, "Publish renders of selected Writes")
    (message,) = serve_until_finished(nuke)
    assert sorted(message.splitlines()) == ["The server's address is missing.", "Write2 is in review."]


def test_publish_renders_asks_before_it_publishes_an_incomplete_render(nuke, package, monkeypatch):
    from ft_dcc_nuke import commands, maintained

    monkeypatch.setattr("ft_dcc_nuke.renders.render_watcher.wake", lambda: None)
    monkeypatch.setattr(commands, "_publish_render", lambda render: "Version 1 is in review.")
    nuke.selection = [nuke.find("Write1")]
    press(nuke, "Add the tab to selected Writes")
    nuke.render(nuke.find("Write1"), 1001, 1009)
    nuke.answers = [False, True]
    run, limits = maintained.run_on_main_thread, []
    monkeypatch.setattr(
        maintained, "run_on_main_thread", lambda *a, **named: limits.append(named["timeout"]) or run(*a, **named)
    )
    press(nuke, "Publish renders of selected Writes")
    assert len(serve_until_finished(nuke)) == 1 and nuke.messages[0].endswith("1010-1012. Publish 1001-1009 as it is?")
    press(nuke, "Publish renders of selected Writes")
    assert serve_until_finished(nuke)[2:] == ["Version 1 is in review."]
    assert limits == [None, None]


def test_drawings_of_a_script_without_a_task_are_one_sentence_and_shown_ones_are_removed(nuke, package):
    from ft_dcc_nuke.host import NukeHost

    NukeHost().show_feedback([parse_drawing('{"version": 2, "shapes": []}', 1003, text="Too high")])
    assert [node._kind for node in nuke.root.children] == ["Read", "Write", "Group"]
    press(nuke, "Hide drawings")
    assert [node._kind for node in nuke.root.children] == ["Read", "Write"]
    for label in ("Show drawings", "Open or make the work file", "Save next version"):
        press(nuke, label)
        for thread in [each for each in threading.enumerate() if each.name == "ft-dcc publish"]:
            thread.join()
        nuke.idle()
    assert nuke.messages == ["The scene has no task. Choose it in the dialog: Publish for review…"] * 3
