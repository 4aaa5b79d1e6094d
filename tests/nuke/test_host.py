from __future__ import annotations

import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.nuke.stage import set_knobs

from ft_dcc.errors import CameraMissing, Cancelled, CaptureFailed, DiskUnusable, Unpublishable
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import BringsPlugins, Footage, KnowsFootage, PlayblastRequest, find_footage
from ft_dcc.lookups import Lookups


@pytest.fixture
def request_of(tmp_path):
    def make(frames="1001-1003", **values):
        parts = {"source": "Write1", "resolution": Resolution(64, 36), "directory": tmp_path / "frames"}
        return PlayblastRequest(**{**parts, "name": "shot", **values}, frame_range=FrameRange.parse(frames))

    return make


def ignore(frame):
    pass


def test_it_is_what_a_publish_asks_for(host):
    assert isinstance(host, KnowsFootage) and isinstance(host, BringsPlugins)
    assert (host.name, host.version) == ("Nuke", "15.1v3")
    assert host.plugins.joinpath("validate_script.py").is_file()


@pytest.mark.parametrize(("fps", "rate"), [(23.976, "24000/1001"), (29.97, "30000/1001"), (24.0, "24"), (12.5, "25/2")])
def test_the_rate_is_the_exact_one_and_not_the_whole_number(nuke, host, fps, rate):
    set_knobs(nuke.root, fps=fps)
    assert host.scene().fps == Fraction(rate)


def test_what_is_selected_goes_first_then_writes_and_what_is_disabled_is_no_source(nuke, host):
    group = nuke.make("Group", "Out")
    nuke.make("Write", parent=group)
    set_knobs(nuke.make("Write"), disable=True)
    assert host.scene().sources == ("Read1", "Out.Write1", "Write1")
    nuke.selection = [group.children[0]]
    assert host.scene().sources[0] == "Out.Write1"


def test_it_does_not_matter_into_which_group_the_artist_looks(nuke, host):
    group = nuke.make("Group", "Out")
    with group:
        assert host.scene().sources == ("Read1", "Write1")


def test_what_a_write_has_written_is_published_as_it_is(nuke, host, tmp_path):
    assert host.footage("Write1") is None
    write = nuke.find("Write1")
    set_knobs(write, use_limit=True, first=1003, last=1005, colorspace="sRGB")
    nuke.render(write, 1003, 1005)
    before = nuke.state()
    assert host.footage("Write1") == Footage(
        str(tmp_path / "out" / "comp.%04d.png"), FrameRange(1003, 1005), "srgb_tx", ""
    )
    assert nuke.state() == before


def test_what_is_no_source_has_no_footage(nuke, host, tmp_path):
    assert find_footage(host, str(tmp_path / "x.%04d.png")) is None
    set_knobs(nuke.find("Read1"), file="")
    assert host.footage("Read1") is None


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("linear", "lin_rec709"),
        ("default (linear)", "lin_rec709"),
        ("sRGB", "srgb_tx"),
        ("rec709", "g24_rec709_tx"),
        ("AlexaV3LogC", "AlexaV3LogC"),
        ("ACES/ACES - ACEScg", "ACES - ACEScg"),
    ],
)
def test_the_colour_space_has_the_name_that_the_core_knows(nuke, host, shown, name):
    from ft_dcc_nuke.colours import space_of

    set_knobs(nuke.find("Write1"), colorspace=shown)
    assert space_of(nuke.find("Write1")) == name
    set_knobs(nuke.find("Write1"), raw=True)
    assert space_of(nuke.find("Write1")) == "lin_rec709"


def test_with_ocio_the_names_are_the_configs_own(nuke, host):
    from ft_dcc_nuke.colours import config_of_script, space_of

    write = nuke.find("Write1")
    assert config_of_script() == ""
    set_knobs(nuke.root, colorManagement="OCIO", OCIO_config="custom", customOCIOConfigPath="/studio/config.ocio")
    assert config_of_script() == "/studio/config.ocio"
    set_knobs(nuke.root, OCIO_config="aces_1.2", OCIOConfigPath="/nuke/aces_1.2/config.ocio")
    assert config_of_script() == "/nuke/aces_1.2/config.ocio"
    for shown, name in {
        "ACES/ACES - ACEScg": "ACES - ACEScg",
        "scene_linear (ACES - ACEScg)": "ACES - ACEScg",
        "default (scene_linear (ACES - ACEScg))": "ACES - ACEScg",
        "ARRI LogC3 (EI800)": "ARRI LogC3 (EI800)",
        "default": "",
    }.items():
        write._knobs["colorspace"]._value = shown
        assert space_of(write) == name
    set_knobs(write, raw=True)
    assert space_of(write) == "scene_linear"


def test_a_capture_leaves_no_node_no_step_to_undo_and_no_flag(nuke, host, request_of):
    before = nuke.state()
    host.playblast(request_of(), ignore)
    assert nuke.state() == before
    nuke.root.is_modified = True
    before = nuke.state()
    host.playblast(request_of(), ignore)
    assert nuke.state() == before


def test_undo_that_somebody_has_switched_off_stays_off(nuke, host, request_of):
    nuke.undo_locks = 1
    host.playblast(request_of(), ignore)
    assert nuke.undo_locks == 1


# Reviewed by a person: a double cannot know that a knob mattered, so what is asked for is written down.
def test_this_is_all_that_a_capture_asks_of_its_nodes(nuke, host, request_of):
    seen = []

    def look(frame):
        for node in nuke.root.children[2:]:
            usual = {knob.name(): knob._value for knob in type(node)(nuke, node._kind, "x", None)._knobs.values()}
            seen.append({name: k._value for name, k in node._knobs.items() if k._value != usual[name]})

    host.playblast(request_of("1001"), look)
    reformat, write = seen
    assert reformat == {
        "type": "to box",
        "box_width": 64,
        "box_height": 36,
        "box_fixed": True,
        "resize": "fit",
        "black_outside": True,
    }
    assert sorted(write) == ["file", "file_type"] and write["file_type"] == "png"


def test_what_flows_into_the_write_is_what_is_captured(nuke, host, request_of):
    flows = []

    def look(frame):
        flows.extend([None if each is None else each.path for each in node._inputs] for node in nuke.root.children[2:])

    host.playblast(request_of("1001"), look)
    assert flows == [["Read1"], ["Reformat1"]]


def test_a_write_in_a_group_is_captured_in_its_group(nuke, host, request_of):
    outer = nuke.make("Group", "Shot")
    inner = nuke.make("Group", "Out", parent=outer)
    noise, write = nuke.make("Noise", parent=inner), nuke.make("Write", parent=inner)
    write.setInput(0, noise)
    nuke.group, before = outer, nuke.state()
    made = []
    frames = host.playblast(
        request_of("1001-1002", source="Shot.Out.Write1"), lambda _: made.extend(inner.children[2:])
    )
    assert frames.missing() == () and made[0]._inputs == [noise]
    assert (nuke.state(), nuke.group) == (before, outer)


def test_where_no_node_can_be_made_or_nothing_flows_it_is_said_and_nothing_is_changed(nuke, host, request_of):
    gizmo = nuke.make("Gizmo", "StudioWrite")
    write = nuke.make("Write", parent=nuke.make("Group", "Inside", parent=gizmo))
    write.setInput(0, nuke.make("Noise", parent=write._parent))
    nuke.find("Write1")._inputs = []
    before = nuke.state()
    with pytest.raises(
        CaptureFailed, match=r"^StudioWrite.Inside.Write1 is in a gizmo, in which no node can be made\. "
    ):
        host.playblast(request_of(source="StudioWrite.Inside.Write1"), ignore)
    with pytest.raises(CaptureFailed, match=r"^Nothing flows into Write1 that can be captured\. Connect its input\.$"):
        host.playblast(request_of(), ignore)
    assert nuke.state() == before


def test_a_capture_is_of_full_size_and_proxy_mode_is_on_afterwards(nuke, host, request_of):
    set_knobs(nuke.root, proxy=True)
    before = nuke.state()
    assert host.playblast(request_of("1001-1002"), ignore).missing() == ()
    assert nuke.state() == before


def test_a_picture_of_another_size_is_not_taken_for_the_one_asked_for(nuke, host, request_of, monkeypatch):
    monkeypatch.setattr("doubles.nuke.rendering._size", lambda *_: Resolution(32, 18))
    with pytest.raises(CaptureFailed, match="at 32x18, wanted is 64x36"):
        host.playblast(request_of(), ignore)


def test_a_picture_of_an_earlier_capture_does_not_pass_for_one_that_nuke_did_not_write(
    nuke, host, request_of, monkeypatch
):
    host.playblast(request_of("1001"), ignore)
    monkeypatch.setattr(nuke.module, "execute", lambda *_: None)
    with pytest.raises(CaptureFailed, match="wrote no picture of frame 1001"):
        host.playblast(request_of("1001"), ignore)


def test_nodes_that_are_reached_in_many_ways_are_looked_at_once(nuke):
    from ft_dcc_nuke.capture import broken_nodes

    flow = nuke.find("Read1")
    for _ in range(60):
        merge = nuke.make("Merge")
        merge._inputs, flow = [flow, flow], merge
    nuke.find("Write1")._inputs = [flow]
    nuke.find("Read1").has_error = True
    assert broken_nodes("Write1") == ["Read1"]


def test_each_frame_of_a_capture_is_a_render_of_its_own(nuke, host, request_of, monkeypatch):
    asked, execute = [], nuke.module.execute

    def look(node, *arguments):
        asked.append(arguments)
        execute(node, *arguments)

    monkeypatch.setattr(nuke.module, "execute", look)
    nuke.view_names = ["left", "right"]
    host.playblast(request_of("1001-1002"), ignore)
    assert asked == [(1001, 1001, 1, ["left"]), (1002, 1002, 1, ["left"])]


def test_a_cancel_in_nuke_cancels_and_the_script_is_as_it_was(nuke, host, request_of):
    nuke.cancel_at = 1002
    before = nuke.state()
    with pytest.raises(Cancelled, match="cancelled in Nuke at frame 1002"):
        host.playblast(request_of(), ignore)
    assert nuke.state() == before


def test_what_nuke_says_of_a_failure_is_told(nuke, host, request_of):
    set_knobs(nuke.find("Write1"), disable=False)
    nuke.module.addBeforeFrameRender(lambda: (_ for _ in ()).throw(RuntimeError("Write: no licence")))
    before = nuke.state()
    with pytest.raises(CaptureFailed, match="no licence"):
        host.playblast(request_of(), ignore)
    assert nuke.state() == before


@pytest.mark.parametrize(
    "folder", ["with space", "brace {x}", "hash ####", "über", "percent %04d", "[exec ls]", "$HOME"]
)
def test_the_folders_name_is_taken_as_it_is(host, request_of, tmp_path, folder):
    host.playblast(request_of("1001", directory=tmp_path / folder), ignore)
    assert [path.name for path in (tmp_path / folder).iterdir()] == ["shot.1001.png"]


def test_a_source_that_is_not_there_is_named(host, request_of):
    with pytest.raises(CameraMissing, match="no Read or Write called Blur1"):
        host.playblast(request_of(source="Blur1"), ignore)


def test_the_window_lives_between_two_frames_of_a_capture_from_another_thread(nuke, host, request_of):
    answers, lived = [], []

    def capture():
        nuke.later(lambda: lived.append(len(nuke.drawn)), (), {})
        answers.append(host.playblast(request_of(), ignore))

    thread = threading.Thread(target=capture)
    thread.start()
    nuke.serve(thread)
    assert answers[0].missing() == () and lived == [0]


def test_what_a_dialog_asks_of_the_script_waits_for_the_end_of_a_capture_and_nothing_else_does(nuke, host, request_of):
    lookups, seen, before = Lookups(lambda: None), [], host.scene().sources

    def ask(frame):
        if frame == 1001:
            lookups.remember_task(host, "d6b9")
            lookups.read_settings()
        # Long enough for an answer that does not wait.
        time.sleep(0.1)
        seen.append((lookups.scene, lookups.settings is not None))

    thread = threading.Thread(target=lambda: host.playblast(request_of(), ask))
    thread.start()
    nuke.serve(thread)
    while not lookups.wait(0):
        nuke.idle()
    assert seen[1:] == [(None, True), (None, True)]
    # The nodes of the capture were never among its sources, and the script knows that it has a task to be saved.
    assert (lookups.scene.sources, lookups.scene.task_id) == (before, "d6b9")
    assert host.scene().is_modified


def test_nothing_is_asked_of_nuke_outside_of_its_main_thread(nuke, host, request_of):
    errors = []

    def ask():
        try:
            host.scene()
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert "outside of the main thread" in errors[0]
    assert nuke.misuses.pop().endswith("where Nuke may crash")


def test_a_terminal_has_no_other_thread_to_wait_for(terminal):
    from ft_dcc_nuke.host import NukeHost

    answers = []
    thread = threading.Thread(target=lambda: answers.append(NukeHost().run_in_main_thread(lambda: 7)))
    thread.start()
    thread.join(10)
    assert answers == [7]


def test_saving_is_for_a_script_with_a_name(nuke, host, tmp_path):
    with pytest.raises(Unpublishable, match="never been saved"):
        host.save()
    set_knobs(nuke.root, name=str(tmp_path / "comp.nk"))
    nuke.root.is_modified = True
    assert host.save() == tmp_path / "comp.nk"
    assert (host.scene().is_modified, host.scene().path) == (False, tmp_path / "comp.nk")
    set_knobs(nuke.root, name=str(tmp_path / "gone" / "comp.nk"))
    with pytest.raises(DiskUnusable, match="Nuke cannot save the script"):
        host.save()


def test_a_shots_settings_make_a_format_only_where_there_is_none(nuke, host):
    for size in (Resolution(1998, 1080), Resolution(1998, 1080), Resolution(64, 36)):
        host.configure(FrameRange(1001, 1048, 8), Fraction(24000, 1001), size)
        assert str(host.scene().resolution) == str(size)
    assert [each.name() for each in nuke.formats] == ["small", "2K", "ft_dcc_1998x1080"]
    assert (host.scene().frame_range, host.scene().fps) == (FrameRange(993, 1056), Fraction(24000, 1001))


def test_the_task_is_kept_in_the_script_and_not_shown(nuke, host, tmp_path):
    host.remember_task("a5e2")
    host.remember_task("d6b9")
    nuke.root.save(tmp_path / "comp.nk")
    nuke.open(tmp_path / "comp.nk")
    assert host.scene().task_id == "d6b9"
    assert nuke.root._knobs["ft_dcc_task_id"].flags == nuke.module.INVISIBLE


def test_nodes_with_an_error_are_found_before_anything_is_rendered(nuke, host):
    from ft_dcc_nuke.capture import broken_nodes

    assert broken_nodes("Write1") == []
    nuke.find("Read1").has_error = True
    assert broken_nodes("Write1") == ["Read1"]


def test_a_path_of_nukes_is_an_absolute_one(nuke, host):
    from ft_dcc_nuke.facts import pattern_of

    set_knobs(nuke.find("Write1"), file="out/comp.%04d.png")
    assert pattern_of(nuke.find("Write1")) == str(Path.cwd() / "out" / "comp.%04d.png")
    set_knobs(nuke.root, project_directory="/shots/sh010")
    assert pattern_of(nuke.find("Write1")) == str(Path("/shots/sh010/out/comp.%04d.png").absolute())


def test_the_node_that_is_meant_is_selected_and_nothing_else(nuke, host):
    nuke.selection = [nuke.find("Read1")]
    source = "Write1"
    host.select(source)
    assert [node.fullName() for node in nuke.selection] == [source]
    with pytest.raises(CameraMissing):
        host.select("NoSuchNode")
    assert [node.fullName() for node in nuke.selection] == [source]
