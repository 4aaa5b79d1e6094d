import json
import sys

import pytest
from doubles.nuke.sample_script import set_knobs

VALUES = [*("ft_dcc_publish", "ft_dcc_task", "ft_dcc_review", "ft_dcc_comment", "ft_dcc_frames", "ft_dcc_colour")]
TAB = ["ft_dcc_tab", *VALUES, "ft_dcc_publish_now"]


@pytest.fixture
def tab(nuke):
    from ft_dcc_nuke import tab

    return tab


@pytest.fixture
def write(nuke):
    return nuke.find("Write1")


def ours(node):
    return [knob.name() for knob in node._knobs.values() if knob.is_users]


def test_adding_the_tab_twice_keeps_the_values(tab, write):
    tab.add(write)
    assert ours(write) == TAB and write._knobs["ft_dcc_publish"].value() == "ask"
    labels = [write.knob(name).label() for name in TAB]
    assert labels[:4] == ["ft-dcc", "publish after render", "task", "review session"]
    assert labels[4:] == ["comment", "frames", "colour of the movie", "Publish the last render"]
    set_knobs(write, ft_dcc_publish="always", ft_dcc_comment="Edges")
    tab.add(write)
    assert ours(write) == TAB
    entered = {"ft_dcc_publish": "always", "ft_dcc_comment": "Edges"}
    assert tab.read_options(write) == {**dict.fromkeys(VALUES, ""), **entered}


def test_a_knob_that_the_artist_has_removed_counts_as_empty(tab, write):
    tab.add(write)
    set_knobs(write, ft_dcc_task="Film/SQ010/SH010/Comp")
    write.removeKnob(write.knob("ft_dcc_comment"))
    options = tab.read_options(write)
    assert (options["ft_dcc_comment"], options["ft_dcc_task"]) == ("", "Film/SQ010/SH010/Comp")


def test_removing_the_tab_once_or_twice_removes_all_knobs(nuke, tab, write):
    before = json.dumps(write.text())
    tab.add(write)
    tab.remove(write)
    tab.remove(write)
    assert json.dumps(write.text()) == before


def test_the_tab_is_saved_in_the_script_and_copied_with_the_node(nuke, tab, write, tmp_path):
    tab.add(write)
    set_knobs(write, ft_dcc_task="Film/SQ/SH/Comp", ft_dcc_publish="always")
    assert tab.read_options(nuke.paste(write)) == tab.read_options(write)
    nuke.root.save(tmp_path / "comp.nk")
    nuke.open(tmp_path / "comp.nk")
    assert tab.read_options(nuke.find("Write1"))["ft_dcc_task"] == "Film/SQ/SH/Comp"


def test_the_tab_stores_no_code_in_the_script_but_that_of_its_button(nuke, tab, write, tmp_path):
    tab.add(write)
    kinds = {knob.Class(): knob.name() for knob in write._knobs.values() if knob.is_users}
    assert sorted(kinds) == ["Enumeration_Knob", "PyScript_Knob", "String_Knob", "Tab_Knob"]
    assert kinds["PyScript_Knob"] == "ft_dcc_publish_now"
    callbacks = {name: knob.value() for name, knob in write._knobs.items() if "ender" in name}
    assert (len(callbacks), set(callbacks.values())) == (5, {""})


def test_the_button_publishes_the_last_render_or_says_that_ft_dcc_is_missing(nuke, tab, write, monkeypatch):
    from ft_dcc_nuke import commands

    tab.add(write)
    published = []
    monkeypatch.setattr(commands, "publish_renders_of", lambda node: published.append(node.path))
    nuke.contexts.append(write)
    exec(write._knobs["ft_dcc_publish_now"].value(), {"nuke": nuke.module})  # noqa: S102 - as Nuke does
    assert (published, nuke.messages) == (["Write1"], [])
    monkeypatch.setitem(sys.modules, "ft_dcc_nuke", None)
    exec(write._knobs["ft_dcc_publish_now"].value(), {"nuke": nuke.module})  # noqa: S102 - as Nuke does
    assert (published, nuke.messages) == (["Write1"], ["ft-dcc is not installed here."])
    nuke.contexts.clear()


def test_the_owner_of_a_write_in_a_group_is_the_group_with_the_tab(nuke, tab):
    group = nuke.make("Group", "Out")
    write = nuke.make("Write", parent=nuke.make("Group", "Inside", group))
    assert tab.find_owner(write) is None
    tab.add(group)
    assert tab.find_owner(write) is group
    tab.add(write)
    assert tab.find_owner(write) is write


def test_a_new_write_gets_the_tab_switched_off_if_the_setting_is_true(nuke, monkeypatch):
    import ft_dcc_nuke

    ft_dcc_nuke.start_window()
    assert ours(nuke.create_as_user("Write")) == []
    monkeypatch.setenv("FT_DCC_TAB_ON_NEW_WRITES", "true")
    made = nuke.create_as_user("Write")
    assert ours(made) == TAB and made._knobs["ft_dcc_publish"].value() == "off"
    assert ours(nuke.create_as_user("Read")) == []


def test_a_write_is_created_despite_invalid_settings(nuke, monkeypatch):
    import ft_dcc_nuke

    ft_dcc_nuke.start_window()
    monkeypatch.setenv("FT_DCC_TAB_ON_NEW_WRITES", "perhaps")
    assert ours(nuke.create_as_user("Write")) == []
    assert "'perhaps' is not a boolean" in nuke.messages[-1]
