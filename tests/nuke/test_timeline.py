"""Items of a timeline of Nuke Studio, on the double, as sources of the host and as commands of the menus."""

from __future__ import annotations

import inspect
from fractions import Fraction

import pytest
from doubles.nuke import timeline
from doubles.nuke.sample_script import set_knobs

from ft_dcc.errors import CameraMissing, Error
from ft_dcc.frames import FrameRange

PLATE = "/plates/sh010/plate.%04d.exr"


@pytest.fixture
def studio(nuke):
    with timeline.studio(nuke) as program:
        yield program


@pytest.fixture
def offered(studio):
    from ft_dcc_nuke.timeline import offered

    offered.offer([])
    return offered


def test_an_item_of_a_sequence_is_the_files_that_it_shows_with_the_frames_around_it(studio, offered, host):
    studio.add("sh010", studio.clip(PLATE, first=86400, duration=100, colour="linear"), (8, 55))
    names, refusals = offered.offer(studio.selected)
    assert (names, refusals) == (["cut_v3/sh010"], [])
    footage = host.footage("cut_v3/sh010")
    assert (footage.pattern, footage.fps, footage.colour_space) == (PLATE, Fraction(24000, 1001), "lin_rec709")
    assert footage.cut == FrameRange(86408, 86455, handles=8, tail=44) and footage.frame_range is None


def test_frames_of_a_movie_are_counted_from_0(studio, offered, host):
    studio.add("sh010", studio.clip("/plates/day1.mov", duration=200), (100, 147))
    offered.offer(studio.selected)
    assert host.footage("cut_v3/sh010").cut == FrameRange(100, 147, handles=100, tail=52)


def test_an_item_with_a_still_image_has_no_cut(studio, offered, host, tmp_path):
    studio.add("sh010", studio.clip(str(tmp_path / "title.png"), duration=1), (0, 0))
    offered.offer(studio.selected)
    footage = host.footage("cut_v3/sh010")
    assert (footage.cut, footage.fps) == (None, None)


def test_offered_items_are_the_first_sources_of_the_scene_with_shot_file_and_group(studio, offered, host):
    studio.add("sh020", studio.clip(PLATE), (0, 9), at=100)
    studio.add("sh010", studio.clip("/plates/day1.mov"), (0, 9), at=50)
    offered.offer(studio.selected)
    scene = host.scene()
    assert scene.sources == ("cut_v3/sh010", "cut_v3/sh020", "Read1", "Write1")
    assert scene.shots == {"cut_v3/sh010": "sh010", "cut_v3/sh020": "sh020"}
    assert [scene.labels[name] for name in scene.sources[:2]] == ["day1.mov", "plate.%04d.exr"]
    assert [scene.groups[name] for name in scene.sources] == ["Timeline", "Timeline", "Reads", "Writes"]


def test_offered_items_stay_while_the_selection_changes_until_they_are_deleted(studio, offered, host):
    item = studio.add("sh010", studio.clip(PLATE), (0, 9))
    offered.offer(studio.selected)
    studio.selected = []
    assert host.scene().sources[0] == "cut_v3/sh010"
    item._track = None
    assert host.scene().sources == ("Read1", "Write1")
    with pytest.raises(CameraMissing, match=r"^cut_v3/sh010 is no longer in the timeline\. Select the items and"):
        host.footage("cut_v3/sh010")
    item._exists = False
    assert host.scene().shots == {}
    offered.offer([])
    assert host.footage("cut_v3/sh010") is None


def test_items_of_one_name_are_told_apart_by_their_track_and_their_place(studio, offered):
    above = timeline.VideoTrack(studio.nuke, "V2", studio.sequence)
    for at, track in ((0, None), (50, None), (0, above)):
        studio.add("sh010", studio.clip(PLATE), (0, 9), at=at, track=track)
    studio.add("a/b", studio.clip(PLATE), (0, 9), at=90)
    names, _ = offered.offer(studio.selected)
    assert names == ["cut_v3/sh010 on V1 at 0", "cut_v3/sh010 on V2", "cut_v3/sh010 on V1 at 50", "cut_v3/a_b"]


def test_selecting_a_source_selects_its_item(studio, offered, host):
    first = studio.add("sh010", studio.clip(PLATE), (0, 9))
    studio.add("sh020", studio.clip(PLATE), (0, 9), at=10)
    offered.offer(studio.selected)
    host.select("cut_v3/sh010")
    assert studio.selected == [first]
    host.select("Write1")
    assert [node.path for node in studio.nuke.selection] == ["Write1"]


def change(**values):
    def apply(studio, item):
        for name, value in values.items():
            setattr(item, f"_{name}", value)

    return apply


def add_time_warp(span, linked=False, is_enabled=True, kind="TimeWarp"):
    def apply(studio, item):
        effect = timeline.EffectTrackItem(studio.nuke, kind, span, [item] if linked else [])
        effect._is_enabled = is_enabled
        studio.track._layers = ((effect,),)

    return apply


EXPORT = "Export it, and publish the exported file."
REFUSED = [
    (change(is_enabled=False), "is disabled. Enable it first."),
    (change(is_present=False), "is offline. Reconnect its media first."),
    (change(speed=2.0), f"is retimed to 200 %. {EXPORT}"),
    (change(speed=-1.0, shown=(9, 0)), f"is reversed. {EXPORT}"),
    (change(speed=0.0), f"is a freeze frame. {EXPORT}"),
    (change(shown=(0.5, 9.5)), f"does not show its media frame by frame. {EXPORT}"),
    (change(duration=20), f"does not show its media frame by frame. {EXPORT}"),
    (add_time_warp((9, 20)), f"has a TimeWarp. {EXPORT}"),
    (add_time_warp((500, 600), linked=True), f"has a TimeWarp. {EXPORT}"),
]


@pytest.mark.parametrize(("apply", "sentence"), REFUSED)
def test_an_item_that_does_not_show_its_files_frame_by_frame_is_refused_by_name(studio, offered, apply, sentence):
    apply(studio, studio.add("sh010", studio.clip(PLATE), (0, 9)))
    assert offered.offer(studio.selected) == ([], [f"cut_v3/sh010 {sentence}"])


@pytest.mark.parametrize(
    ("span", "is_refused"), [((40, 49), False), ((40, 50), True), ((59, 70), True), ((60, 70), False)]
)
def test_a_time_warp_counts_if_one_frame_of_it_lies_over_the_item(studio, offered, span, is_refused):
    item = studio.add("sh010", studio.clip(PLATE), (0, 9), at=50)
    add_time_warp(span)(studio, item)
    assert offered.offer(studio.selected)[0] == ([] if is_refused else ["cut_v3/sh010"])


@pytest.mark.parametrize(
    "apply",
    [
        add_time_warp((10, 20)),
        add_time_warp((0, 9), is_enabled=False),
        add_time_warp((0, 9), kind="Grade"),
        change(speed=1.0000001, shown=(0.00000001, 9.0)),
    ],
)
def test_effects_that_do_not_retime_the_item_are_allowed(studio, offered, apply):
    apply(studio, studio.add("sh010", studio.clip(PLATE), (0, 9)))
    assert offered.offer(studio.selected) == (["cut_v3/sh010"], [])


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("/comps/sh010.nk", "is a comp. Render it, and publish its render."),
        ("/plates/sh010_%V.%04d.exr", "has several views. Add the files of each view to the dialog."),
    ],
)
def test_clips_that_are_no_plain_files_are_refused_by_name(studio, offered, pattern, sentence):
    studio.add("sh010", studio.clip(pattern), (0, 9))
    assert offered.offer(studio.selected) == ([], [f"cut_v3/sh010 {sentence}"])


def test_a_nested_sequence_is_refused_by_name(studio, offered):
    studio.add("act1", timeline.SequenceOfTracks(studio.nuke, "act1", (24, 1)), (0, 9))
    assert offered.offer(studio.selected) == ([], [f"cut_v3/act1 is a nested sequence. {EXPORT}"])


def test_linked_sound_tracks_and_effects_of_a_selection_are_left_out(studio, offered):
    studio.add("sh010", studio.clip(PLATE), (0, 9))
    studio.add("sh010", studio.clip("/sound/day1.wav"), (0, 9), track=studio.sound)
    studio.selected += [studio.track, timeline.EffectTrackItem(studio.nuke, "Grade", (0, 9))]
    assert offered.offer(studio.selected) == (["cut_v3/sh010"], [])


def test_an_item_that_was_retimed_after_it_was_offered_is_refused_by_name(studio, offered, host):
    item = studio.add("sh010", studio.clip(PLATE), (0, 9))
    offered.offer(studio.selected)
    item._speed = 2.0
    with pytest.raises(CameraMissing, match=r"^cut_v3/sh010 is retimed to 200 %\."):
        host.footage("cut_v3/sh010")


def test_colour_spaces_of_clips_have_the_names_of_the_config(studio, offered, host):
    for number, colour in enumerate(("raw", "default (sRGB)", "AlexaV3LogC", "")):
        studio.add(f"sh{number}", studio.clip(PLATE, colour=colour), (0, 9), at=number)
    names, _ = offered.offer(studio.selected)
    assert [host.footage(name).colour_space for name in names] == ["lin_rec709", "srgb_tx", "AlexaV3LogC", ""]
    studio.nuke.root._knobs["colorManagement"]._value = "OCIO"
    assert host.footage(names[0]).colour_space == "scene_linear"


def test_a_sequence_without_a_frame_rate_leaves_it_to_the_scene(studio, offered, host):
    studio.sequence._rate = (0, 1)
    studio.add("sh010", studio.clip(PLATE), (0, 9))
    offered.offer(studio.selected)
    assert host.footage("cut_v3/sh010").fps is None


@pytest.fixture
def package(studio):
    import ft_dcc_nuke

    ft_dcc_nuke.start()
    ft_dcc_nuke.start_window()
    yield ft_dcc_nuke
    ft_dcc_nuke.uninstall()


@pytest.fixture
def shown(monkeypatch):
    from ft_dcc_nuke import commands

    opened = []
    monkeypatch.setattr(commands, "_show", lambda page, sources=(): opened.append((page, list(sources))))
    return opened


@pytest.mark.parametrize("subtype", ["kTimeline", "kSpreadsheet"])
def test_a_right_click_offers_the_command_which_opens_the_dialog_with_the_items(studio, package, shown, subtype):
    studio.add("sh010", studio.clip(PLATE), (0, 9))
    (action,) = studio.right_click(subtype).actions
    assert (action.text, action.is_enabled) == ("Publish to ft-dcc…", True)
    action.trigger()
    assert (shown, studio.nuke.messages) == ([("publish", ["cut_v3/sh010"])], [])


def test_the_command_is_disabled_without_images_and_left_out_on_the_head_of_a_track(studio, package):
    (action,) = studio.right_click().actions
    assert not action.is_enabled
    studio.selected = [studio.track]
    assert studio.right_click().actions == []
    assert [each.is_enabled for each in studio.right_click(sender=object()).actions] == [False]


def test_installing_twice_adds_the_command_once_and_uninstalling_removes_it(studio, package):
    import ft_dcc_nuke

    ft_dcc_nuke.start_window()
    assert len(studio.right_click().actions) == 1
    ft_dcc_nuke.uninstall()
    assert studio.right_click().actions == [] and not any(studio.handlers.values())


def test_the_menu_bar_has_the_command_in_nuke_studio_only(nuke):
    import ft_dcc_nuke

    ft_dcc_nuke.start_window()
    assert "Publish timeline items…" not in nuke.menus["Nuke"].entries["ft-dcc"].entries
    with timeline.studio(nuke):
        ft_dcc_nuke.start_window()
        assert list(nuke.menus["Nuke"].entries["ft-dcc"].entries)[1] == "Publish timeline items…"
        assert "Publish timeline items…" not in nuke.menus["Node Graph"].entries["ft-dcc"].entries
        ft_dcc_nuke.uninstall()


def press(studio):
    studio.nuke.menus["Nuke"].entries["ft-dcc"].entries["Publish timeline items…"]()


def test_the_menu_bar_uses_the_active_timeline_if_another_view_is_in_use(studio, package, shown):
    studio.add("sh010", studio.clip(PLATE), (0, 9))
    studio.view = None
    press(studio)
    assert shown == [("publish", ["cut_v3/sh010"])]


@pytest.mark.parametrize("has_active_sequence", [True, False])
def test_without_selected_items_a_message_says_what_to_select(studio, package, shown, has_active_sequence):
    studio.has_active_sequence, studio.view = has_active_sequence, None
    press(studio)
    assert (shown, studio.nuke.messages) == ([], ["Select the items to publish in a timeline."])


def test_refused_items_are_named_and_the_others_are_offered(studio, package, shown):
    studio.add("sh010", studio.clip(PLATE), (0, 9))
    studio.add("sh020", studio.clip(PLATE), (0, 9), at=10)._is_enabled = False
    press(studio)
    assert studio.nuke.messages == ["Not published:\ncut_v3/sh020 is disabled. Enable it first."]
    assert shown == [("publish", ["cut_v3/sh010"])]


def test_files_of_an_item_do_not_come_from_the_open_script(studio, offered, host, tmp_path):
    studio.add("sh010", studio.clip(PLATE), (0, 9))
    offered.offer(studio.selected)
    set_knobs(studio.nuke.root, name=str(tmp_path / "comp.nk"))
    scene = host.scene()
    assert set(scene.shots) == {"cut_v3/sh010"} and "Read1" not in scene.shots


def test_each_method_of_the_double_names_its_source():
    kinds = [each for each in vars(timeline).values() if inspect.isclass(each) and issubclass(each, timeline._Strict)]
    methods = {
        f"{kind.__name__}.{name}": method.__doc__ or ""
        for kind in kinds
        for name, method in vars(kind).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    assert len(methods) > 25
    assert [name for name, text in methods.items() if not text.startswith("Source: ")] == []


def methods_of(kind):
    return {name for each in kind.__mro__ for name, value in vars(each).items() if inspect.isfunction(value)}


def test_the_acceptance_kit_asks_nuke_studio_for_each_method_of_the_double(studio):
    import hiero.core
    from ft_dcc_nuke.acceptance.script_checks import TIMELINE_METHODS, check_timeline

    found = {
        kind: {name for name in methods_of(getattr(hiero.core, kind)) if not name.startswith("_")}
        for kind in TIMELINE_METHODS
    }
    assert found == {kind: set(names.split()) for kind, names in TIMELINE_METHODS.items()}
    check_timeline(None)


def test_the_acceptance_kit_names_a_method_that_nuke_studio_does_not_have(studio, monkeypatch):
    from ft_dcc_nuke.acceptance.script_checks import check_timeline

    monkeypatch.delattr(timeline.Clip, "sourceIn")
    with pytest.raises(Error, match=r"Clip\.sourceIn"):
        check_timeline(None)


def test_the_acceptance_kit_skips_the_check_in_plain_nuke(nuke):
    from ft_dcc_nuke.acceptance.script_checks import check_timeline

    from ft_dcc.acceptance.host_under_test import Skipped

    with pytest.raises(Skipped, match=r"^this is not Nuke Studio$"):
        check_timeline(None)
