import threading
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.nuke.knobs import knobs_of
from doubles.nuke.nodes import Format
from doubles.nuke.sample_script import set_knobs
from doubles.shots import ignore
from run_options import wait_until

from ft_dcc.errors import CameraMissing, Cancelled, CaptureFailed, StorageError, UserFixableError
from ft_dcc.frames import FrameRange, Frames, Resolution
from ft_dcc.host import ComparedMovie, Footage, PlayblastRequest, find_footage
from ft_dcc.media import ocio
from ft_dcc.review.drawings import Drawing
from ft_dcc.ui.background_queries import BackgroundQueries


@pytest.fixture
def request_of(tmp_path):
    def make(frames="1001-1003", **values):
        parts = {"source": "Write1", "resolution": Resolution(64, 36), "directory": tmp_path / "frames"}
        return PlayblastRequest(**{**parts, "name": "shot", **values}, frame_range=FrameRange.parse(frames))

    return make


@pytest.mark.parametrize(("fps", "rate"), [(23.976, "24000/1001"), (29.97, "30000/1001"), (24.0, "24"), (12.5, "25/2")])
def test_the_frame_rate_is_exact_and_not_rounded(nuke, host, fps, rate):
    set_knobs(nuke.root, fps=fps)
    assert host.scene().fps == Fraction(rate)


def test_sources_list_selected_nodes_first_and_no_disabled_ones(nuke, host):
    group = nuke.make("Group", "Out")
    nuke.make("Write", parent=group)
    set_knobs(nuke.make("Write"), disable=True)
    # The Read is selected in the sample script.
    assert host.scene().sources == ("Read1", "Write1", "Out.Write1")
    with group:
        assert host.scene().sources == ("Read1", "Write1", "Out.Write1")
    nuke.selection = [group.children[0]]
    assert host.scene().sources == ("Out.Write1", "Write1", "Read1")


def test_without_a_selection_writes_precede_reads(nuke, host):
    nuke.selection = []
    nuke.make("Read")
    nuke.make("Write", "Write10")
    nuke.make("Write")
    assert host.scene().sources == ("Write1", "Write2", "Write10", "Read1", "Read2")


def test_the_files_of_a_write_are_its_footage(nuke, host, tmp_path):
    assert host.footage("Write1") is None
    write = nuke.find("Write1")
    set_knobs(write, use_limit=True, first=1003, last=1005, colorspace="sRGB")
    nuke.render(write, 1003, 1005)
    before = nuke.state()
    assert host.footage("Write1") == Footage(
        str(tmp_path / "out" / "comp.%04d.png"), FrameRange(1003, 1005), "srgb_tx", ""
    )
    assert nuke.state() == before


def test_a_path_or_an_empty_read_has_no_footage(nuke, host, tmp_path):
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
        ("Gamma1.8", "g18_rec709_tx"),
        ("Gamma2.2", "g22_rec709_tx"),
        ("Gamma2.4", "g24_rec709_tx"),
        ("AlexaV3LogC", "AlexaV3LogC"),
        ("ACES/ACES - ACEScg", "ACES - ACEScg"),
    ],
)
def test_colour_spaces_are_translated_to_the_names_of_the_core(nuke, host, shown, name):
    from ft_dcc_nuke.node_info import colour_space_of

    set_knobs(nuke.find("Write1"), colorspace=shown)
    assert colour_space_of(nuke.find("Write1")) == name
    set_knobs(nuke.find("Write1"), raw=True)
    assert colour_space_of(nuke.find("Write1")) == "lin_rec709"
    assert colour_space_of(nuke.make("Noise")) == ""


def test_each_translated_colour_space_is_one_of_the_built_in_config(nuke):
    OpenImageIO = pytest.importorskip("OpenImageIO", reason="OpenImageIO is not installed")  # noqa: N806
    from ft_dcc_nuke.node_info import ocio_name

    config = OpenImageIO.ColorConfig(ocio.BUILT_IN)
    names = ("linear", "sRGB", "Gamma1.8", "Gamma2.2", "Gamma2.4", "rec709")
    assert [
        name for name in names if config.getColorSpaceIndex(config.resolve(ocio_name(name, is_ocio=False))) < 0
    ] == []


def test_with_ocio_colour_spaces_have_the_names_of_the_config(nuke, host):
    from ft_dcc_nuke.node_info import colour_space_of, ocio_config_path

    write = nuke.find("Write1")
    assert ocio_config_path() == ""
    set_knobs(nuke.root, colorManagement="OCIO", OCIO_config="custom", customOCIOConfigPath="/studio/config.ocio")
    assert ocio_config_path() == "/studio/config.ocio"
    set_knobs(nuke.root, OCIO_config="aces_1.2", OCIOConfigPath="/nuke/aces_1.2/config.ocio")
    assert ocio_config_path() == "/nuke/aces_1.2/config.ocio"
    for shown, name in {
        "ACES/ACES - ACEScg": "ACES - ACEScg",
        "scene_linear (ACES - ACEScg)": "ACES - ACEScg",
        "default (scene_linear (ACES - ACEScg))": "ACES - ACEScg",
        "ARRI LogC3 (EI800)": "ARRI LogC3 (EI800)",
        "default": "",
    }.items():
        write._knobs["colorspace"]._value = shown
        assert colour_space_of(write) == name
    set_knobs(write, raw=True)
    assert colour_space_of(write) == "scene_linear"


def test_files_with_an_output_transform_for_a_display_are_not_converted_again(nuke, host, tmp_path):
    from ft_dcc_nuke.node_info import colour_space_of

    write = nuke.find("Write1")
    set_knobs(write, transformType="display", colorspace="sRGB")
    assert colour_space_of(write) == "display"
    # A raw file has neither.
    set_knobs(write, raw=True)
    assert colour_space_of(write) == "lin_rec709"
    # An older Nuke has no such knob.
    del write._knobs["transformType"]
    set_knobs(write, raw=False)
    assert colour_space_of(write) == "srgb_tx"


def test_disabled_undo_stays_disabled_after_a_capture(nuke, host, request_of):
    nuke.undo_locks = 1
    host.playblast(request_of(), ignore)
    assert nuke.undo_locks == 1


# The double computes the effects of their other knobs.
def test_an_image_of_the_input_is_black_outside_of_the_node_and_a_png(nuke, host, request_of):
    seen = []
    nuke.inspectors.append(
        lambda: seen.extend((node._knobs, [each.path for each in node._inputs]) for node in nuke.root.children[2:])
    )
    host.playblast(request_of("1001"), ignore)
    (reformat, source), (write, above) = seen
    assert (reformat["black_outside"]._value, write["file_type"]._value) == (True, "png")
    assert (source, above) == (["Read1"], ["Reformat1"])


@pytest.mark.parametrize("path", ["D:\\plates\\plate.%04d.exr", "D:/plates/plate.%04d.exr"])
def test_a_source_is_labelled_with_the_name_of_its_file(nuke, host, path):
    nuke.find("Read1")._knobs["file"]._value = path
    assert host.scene().labels["Read1"] == "plate.%04d.exr"


@pytest.mark.parametrize("has_registries", [True, False])
def test_callbacks_of_the_studio_do_not_run_for_a_capture(nuke, host, request_of, has_registries):
    """Run them only in a Nuke without the registries; in both they are the same afterwards."""
    if not has_registries:
        for name in [name for name in nuke.module.callbacks.__dict__ if name in ("onCreates", "beforeRenders")]:
            del nuke.module.callbacks.__dict__[name]
    calls = []
    add_callbacks_of_the_studio(nuke, calls)
    before = {event: {kind: list(each) for kind, each in found.items()} for event, found in nuke.registered.items()}
    host.playblast(request_of("1001"), ignore)
    assert calls == ([] if has_registries else ["OnCreate", "OnCreate", "BeforeRender"])
    assert nuke.registered == before
    nuke.render(nuke.find("Write1"), 1001, 1001)
    assert calls[-1:] == ["AfterRender"]


EVENTS_OF_NODES = (
    *("OnCreate", "OnDestroy", "KnobChanged", "UpdateUI", "ValidateFilename"),
    *("BeforeRender", "BeforeFrameRender", "RenderProgress", "AfterFrameRender", "AfterRender"),
)


def add_callbacks_of_the_studio(nuke, calls):
    for event in EVENTS_OF_NODES:
        getattr(nuke.module, f"add{event}")(lambda *_, event=event: calls.append(event), nodeClass="*")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("DeepWrite", "X1 writes deep images, which no movie can show."),
        ("WriteGeo", "X1 writes geometry, which no movie can show."),
        ("Precomp", "X1 is another script. Publish a Write inside of it, or a Read of its files."),
        ("LiveGroup", "X1 is a group of another script."),
        ("Group", "X1 is a group. Publish a Write inside of it."),
        ("Gizmo", "X1 is a group. Publish a Write inside of it."),
        ("Blur", "X1 is no Read or Write. Choose another source."),
        ("Write", "X1 is disabled"),
        (None, "The script has no Read or Write called X1."),
    ],
)
def test_what_cannot_be_published_is_refused_in_a_sentence(nuke, host, request_of, kind, reason):
    if kind is not None:
        nuke.make(kind, "X1")._knobs["disable"]._value = True
    assert "X1" not in host.scene().sources and host.footage("X1") is None
    with pytest.raises(CameraMissing, match=reason):
        host.playblast(request_of("1001", source="X1"), ignore)


@pytest.mark.parametrize("kind", ["LiveGroup", "Precomp", "Group"])
def test_a_write_in_a_locked_group_is_published_from_its_files_only(nuke, host, request_of, tmp_path, kind):
    group = nuke.make(kind, "G1")
    write = nuke.make("Write", parent=group)
    group.is_locked = kind != "Precomp"
    assert "G1.Write1" in host.scene().sources and host.footage("G1.Write1") is None
    with pytest.raises(CaptureFailed, match=f"G1.Write1 is in a locked {kind}, in which no node can be created"):
        host.playblast(request_of("1001", source="G1.Write1"), ignore)
    set_knobs(write, file=(tmp_path / "out" / "comp.%04d.png").as_posix())
    nuke.render(write, 1001, 1002)
    assert host.footage("G1.Write1") is not None


def test_a_write_without_a_file_is_captured(nuke, host, request_of):
    set_knobs(nuke.find("Write1"), file="")
    assert host.playblast(request_of("1001", source="Write1"), ignore).missing() == ()


def test_a_capture_restores_nodes_undo_and_flags(nuke, host, request_of):
    for is_modified in (False, True):
        nuke.root.is_modified = is_modified
        before = nuke.state()
        host.playblast(request_of(), ignore)
        assert nuke.state() == before


def test_a_capture_during_a_render_is_refused(nuke, host, request_of):
    nuke.is_executing = True
    with pytest.raises(CaptureFailed, match="Nuke renders"):
        host.playblast(request_of("1001"), ignore)


def test_a_write_with_views_is_named_with_one_of_them(nuke, host, request_of):
    nuke.view_names = ["left", "right"]
    set_knobs(nuke.find("Write1"), file="/out/%V.%04d.png")
    with pytest.raises(CameraMissing, match="Choose Write1 left or Write1 right"):
        host.playblast(request_of("1001", source="Write1"), ignore)
    seen = []
    nuke.inspectors.append(lambda: seen.append(nuke.view))
    host.playblast(request_of("1001", source="Write1 right"), ignore)
    assert seen == ["right"]


def test_a_script_of_several_shots_remembers_the_task_of_each(nuke, host):
    host.remember_task("of the script")
    assert host.scene().task_id == "of the script"
    (variables,) = [knob for knob in knobs_of("Root", 16) if knob.name() == "gsv"]
    nuke.root._bind(variables)
    for shot in ("sh010", "sh020"):
        variables._value = {"__default__": {"show": "Film"}, "Shots": {"Shot": shot}}
        assert host.scene().task_id is None
        host.remember_task(f"of {shot}")
    variables._value = {"__default__": {"shot": "sh010"}}
    assert host.scene().task_id == "of sh010"
    variables._value = {}
    assert host.scene().task_id == "of the script"


@pytest.mark.parametrize("kind", ["Write", "Reformat", "*"])
def test_defaults_of_a_studio_run_nothing_and_change_nothing_in_a_capture(nuke, host, request_of, kind):
    knobs = [
        name for name in nuke.find("Write1")._knobs if type(nuke.find("Write1")._knobs[name]).__name__ == "PythonKnob"
    ]
    assert len(knobs) == 10
    defaults = {f"{kind}.{name}": f"nuke.root().setModified(True); ran.append({name!r})" for name in knobs}
    flags = ("flip", "flop", "turn", "pbb", "use_limit", "raw", "disable")
    defaults.update(
        {"Write.file": "/studio/%04d.exr", "Reformat.center": "false", **{f"*.{name}": "true" for name in flags}}
    )
    before, seen = nuke.state(), []
    nuke.inspectors.append(lambda: seen.append({each._kind: each._knobs for each in nuke.root.children[2:]}))
    for name, text in defaults.items():
        nuke.module.knobDefault(name, text)
    host.playblast(request_of("1001-1002"), ignore)
    assert (nuke.state(), nuke.knob_defaults) == (before, defaults)
    assert len(nuke.drawn) == 2 and all("/studio" not in path for _, _, path, _ in nuke.drawn)
    write, reformat = seen[-1]["Write"], seen[-1]["Reformat"]
    found = {name: knobs[name]._value for knobs in (write, reformat) for name in flags if name in knobs}
    assert found == dict.fromkeys(flags, False) and reformat["center"]._value is True
    with pytest.raises(NameError, match="ran"):
        nuke.module.createNode("Write" if kind == "*" else kind, inpanel=False)


def test_callbacks_of_the_studio_run_for_the_nodes_of_the_artist(nuke):
    calls = []
    add_callbacks_of_the_studio(nuke, calls)
    write = nuke.module.nodes.Write()
    write["file"].setValue(nuke.find("Write1")["file"].value())
    nuke.render(write, 1001, 1001)
    nuke.module.delete(write)
    assert set(calls) == set(EVENTS_OF_NODES)


@pytest.mark.parametrize("show", ["feedback", "movie"])
def test_callbacks_of_the_studio_do_not_run_for_shown_drawings_and_movies(nuke, host, tmp_path, show):
    images = Frames(str(tmp_path / "image.%05d.png"), FrameRange(1, 1), Fraction(24), Resolution(64, 36))
    images.path(1).write_bytes(b"png")
    calls = []
    add_callbacks_of_the_studio(nuke, calls)
    if show == "feedback":
        host.show_feedback([Drawing("d", "Ida Berg", 1003, ())])
        host.clear_feedback()
    else:
        host.show_movie(ComparedMovie("main v001", images, 1001))
        host.clear_movie()
    assert calls == []


def test_callbacks_that_are_added_during_a_capture_stay_behind_the_earlier_ones(nuke):
    from ft_dcc_nuke.maintained import without_callbacks

    calls = []
    nuke.module.addBeforeRender(calls.append, ("first",))
    with without_callbacks():
        nuke.module.addBeforeRender(calls.append, ("second",))
        nuke.module.addAfterRender(calls.append, ("third",))
    nuke.render(nuke.find("Write1"), 1001, 1001)
    assert calls == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("process", "shown", "expected"),
    [
        (
            "ACES 1.0 - SDR Video (Rec.1886 Rec.709 - Display)",
            "",
            ("display", "Rec.1886 Rec.709 - Display", "ACES/ACES 1.0 - SDR Video"),
        ),
        # A display that the Write does not offer, and a Viewer without a view.
        ("Raw (P3 - Display)", "", ("colorspace", "sRGB - Display", "Raw")),
        ("None", "", ("colorspace", "sRGB - Display", "Raw")),
        # The tab precedes the Viewer.
        ("None", "sRGB - Display/Raw", ("display", "sRGB - Display", "Raw")),
        (None, "", ("colorspace", "sRGB - Display", "Raw")),
    ],
)
def test_with_ocio_a_capture_has_the_colours_of_the_tab_or_the_viewer(nuke, host, request_of, process, shown, expected):
    from ft_dcc_nuke import tab

    set_knobs(nuke.root, colorManagement="OCIO")
    if process is not None:
        nuke.viewer = nuke.make("Viewer")
        set_knobs(nuke.viewer, viewerProcess=process)
    if shown:
        tab.add(nuke.find("Write1"), "off")
        set_knobs(nuke.find("Write1"), ft_dcc_colour=shown)
    found = []

    def inspect():
        write = nuke.root.children[-1]
        found.append(tuple(write._knobs[name]._value for name in ("transformType", "ocioDisplay", "ocioView")))

    nuke.inspectors.append(inspect)
    host.playblast(request_of("1001"), ignore)
    assert found[0][0] == expected[0]
    assert found == [expected] or expected[0] == "colorspace"


def test_the_display_is_chosen_on_a_write_with_the_other_names_of_its_knobs(nuke):
    from ft_dcc_nuke.node_info import use_display_colours

    set_knobs(nuke.root, colorManagement="OCIO")
    knobs = nuke.find("Write1")._knobs
    knobs["display"], knobs["view"] = knobs.pop("ocioDisplay"), knobs.pop("ocioView")
    use_display_colours(nuke.find("Write1"), "Rec.1886 Rec.709 - Display/ACES 1.0 - SDR Video")
    found = tuple(knobs[name]._value for name in ("transformType", "display", "view"))
    assert found == ("display", "Rec.1886 Rec.709 - Display", "ACES/ACES 1.0 - SDR Video")


def test_without_ocio_a_capture_has_the_colours_of_the_viewer(nuke, host, request_of):
    nuke.viewer, found = nuke.make("Viewer"), []
    nuke.inspectors.append(lambda: found.append(nuke.root.children[-1]._knobs["colorspace"]._value))
    for process in ("rec709", "None"):
        set_knobs(nuke.viewer, viewerProcess=process)
        host.playblast(request_of("1001"), ignore)
    assert found == ["rec709", "default (linear)"]


def test_in_a_terminal_no_viewer_is_asked(terminal, request_of):
    from ft_dcc_nuke.host import NukeHost

    set_knobs(terminal.root, colorManagement="OCIO")
    assert NukeHost().playblast(request_of("1001"), ignore).missing() == ()


def test_a_write_in_a_group_is_captured_in_its_group(nuke, host, request_of):
    outer = nuke.make("Group", "Shot")
    inner = nuke.make("Group", "Out", parent=outer)
    noise, write = nuke.make("Noise", parent=inner), nuke.make("Write", parent=inner)
    write.setInput(0, noise)
    nuke.group, before = outer, nuke.state()
    made = []
    nuke.inspectors.append(lambda: made.extend(inner.children[2:]))
    frames = host.playblast(request_of("1001-1002", source="Shot.Out.Write1"), ignore)
    assert frames.missing() == () and made[0]._inputs == [noise]
    assert (nuke.state(), nuke.group) == (before, outer)


def test_an_anamorphic_capture_keeps_the_shape_of_its_pixels(nuke, host, request_of):
    seen = []
    nuke.formats.append(Format(64, 36, "anamorphic", 2.0))
    set_knobs(nuke.root, format="anamorphic")
    nuke.inspectors.append(lambda: seen.append(nuke.find("Reformat1")["box_pixel_aspect"].value()))
    frames = host.playblast(request_of("1001"), ignore)
    assert (host.scene().pixel_aspect, frames.pixel_aspect, seen) == (Fraction(2), Fraction(2), [2.0])
    assert str(host.scene().resolution) == "64x36"
    set_knobs(nuke.root, format="small")
    assert host.scene().pixel_aspect is None


@pytest.mark.parametrize(
    ("aspect", "exact"), [(1.09, Fraction(109, 100)), (1.459, Fraction(1459, 1000)), (0.91, Fraction(91, 100))]
)
def test_the_aspect_of_pixels_keeps_three_decimal_places(nuke, host, aspect, exact):
    nuke.formats.append(Format(64, 36, "television", aspect))
    set_knobs(nuke.root, format="television")
    assert host.scene().pixel_aspect == exact


def test_a_gizmo_or_a_missing_input_is_reported_and_nothing_is_changed(nuke, host, request_of):
    write = nuke.make("Write", parent=nuke.make("Group", "Inside", parent=nuke.make("Gizmo", "StudioWrite")))
    write.setInput(0, nuke.make("Noise", parent=write._parent))
    nuke.find("Write1")._inputs = []
    before = nuke.state()
    with pytest.raises(
        CaptureFailed, match=r"^StudioWrite.Inside.Write1 is in a gizmo, in which no node can be created\. "
    ):
        host.playblast(request_of(source="StudioWrite.Inside.Write1"), ignore)
    with pytest.raises(CaptureFailed, match=r"^Nothing flows into Write1 that can be captured\. Connect its input\.$"):
        host.playblast(request_of(), ignore)
    assert nuke.state() == before


def test_a_change_between_two_frames_is_kept_can_be_undone_and_counts_as_modified(nuke, host, request_of):
    def change(frame):
        if frame == 1002:
            nuke.find("Read1")["first"].setValue(995)

    nuke.undo.clear()
    host.playblast(request_of("1001-1004"), change)
    assert nuke.find("Read1")._knobs["first"]._value == 995
    assert (nuke.root.is_modified, nuke.undo, nuke.undo_locks) == (True, ["first"], 0)


def test_between_two_frames_the_script_has_no_node_of_the_capture(nuke, host, request_of):
    set_knobs(nuke.root, proxy=True)
    before, found = nuke.state(), []
    host.playblast(request_of("1001-1003"), lambda frame: found.append(nuke.state()))
    assert found == [before] * 3


@pytest.mark.parametrize("has_registries", [True, False])
def test_a_capture_in_a_group_with_the_tab_records_no_render(nuke, host, request_of, has_registries):
    import ft_dcc_nuke
    from ft_dcc_nuke import maintained, tab

    from ft_dcc.renders.renders import read_renders

    if not has_registries:
        for name in maintained.REGISTRIES:
            del nuke.module.callbacks.__dict__[name]
    ft_dcc_nuke.start()
    group = nuke.make("Group")
    nuke.make("Write", parent=group)._inputs = [nuke.make("Read", parent=group)]
    tab.add(group, tab.ALWAYS)
    host.playblast(request_of("1001-1002", source="Group1.Write1"), ignore)
    assert list(read_renders()) == []
    # The artist's own render, of a node that has the name of the temporary one now, is recorded.
    write = nuke.make("Write", parent=group)
    set_knobs(write, file=str(request_of().directory / "own.%04d.png"))
    nuke.render(write, 1001, 1001)
    assert [render.execution.node for render in read_renders()] == ["Group1.Write2"]


def test_a_node_created_between_two_frames_lands_in_the_open_group(nuke, host, request_of):
    group = nuke.make("Group")
    nuke.make("Write", parent=group)._inputs = [nuke.make("Read", parent=group)]
    new = []
    host.playblast(request_of("1001-1002", source="Group1.Write1"), lambda frame: new.append(nuke.make("Noise").path))
    assert new == ["Noise1", "Noise2"]


def test_a_source_deleted_between_two_frames_is_named_in_the_error(nuke, host, request_of):
    with pytest.raises(CaptureFailed, match="Write1 was deleted while it was captured"):
        host.playblast(request_of("1001-1004", source="Write1"), lambda frame: nuke.delete(nuke.find("Write1")))
    assert nuke.undo_locks == 0


def test_a_script_opened_between_two_frames_ends_the_capture(nuke, host, request_of):
    with pytest.raises(CaptureFailed, match="was deleted while it was captured"):
        host.playblast(request_of("1001-1004"), lambda frame: nuke.clear())
    assert (nuke.root.children, nuke.root.is_modified) == ([], False)


def test_an_image_of_another_size_raises_capture_failed(nuke, host, request_of, monkeypatch):
    monkeypatch.setattr("doubles.nuke.rendering._size", lambda *_: Resolution(32, 18))
    with pytest.raises(CaptureFailed, match="Frame 1001 is 32x18; expected 64x36"):
        host.playblast(request_of(), ignore)


def test_a_frame_that_nuke_did_not_write_is_reported_despite_an_earlier_image(nuke, host, request_of, monkeypatch):
    host.playblast(request_of("1001"), ignore)
    monkeypatch.setattr(nuke.module, "execute", lambda *_: None)
    with pytest.raises(CaptureFailed, match="did not write frame 1001"):
        host.playblast(request_of("1001"), ignore)


def test_nodes_with_errors_are_found_in_linear_time_in_a_wide_graph(nuke):
    from ft_dcc_nuke.capture import nodes_with_errors

    flow = nuke.find("Read1")
    for _ in range(60):
        merge = nuke.make("Merge")
        merge._inputs, flow = [flow, flow], merge
    nuke.find("Write1")._inputs = [flow]
    nuke.find("Read1").has_error = True
    assert nodes_with_errors("Write1") == ["Read1"]


def test_each_frame_is_executed_separately_in_the_main_view(nuke, host, request_of, monkeypatch):
    calls, execute = [], nuke.module.execute

    def record(node, *arguments):
        calls.append(arguments)
        execute(node, *arguments)

    monkeypatch.setattr(nuke.module, "execute", record)
    nuke.view_names = ["left", "right"]
    host.playblast(request_of("1001-1002"), ignore)
    assert calls == [(1001, 1001, 1, ["left"]), (1002, 1002, 1, ["left"])]


def test_a_cancel_in_nuke_cancels_and_restores_the_script(nuke, host, request_of):
    nuke.cancel_at = 1002
    before = nuke.state()
    with pytest.raises(Cancelled, match="cancelled in Nuke at frame 1002"):
        host.playblast(request_of(), ignore)
    assert nuke.state() == before


def test_a_failed_render_raises_an_error_with_the_message_of_nuke(nuke, host, request_of):
    set_knobs(nuke.find("Write1"), disable=False)
    nuke.inspectors.append(lambda: (_ for _ in ()).throw(RuntimeError("Write: no licence")))
    before = nuke.state()
    with pytest.raises(CaptureFailed, match="no licence"):
        host.playblast(request_of(), ignore)
    assert nuke.state() == before


def test_background_queries_of_the_script_wait_for_a_capture_and_others_do_not(nuke, host, request_of):
    queries, seen, before = BackgroundQueries(lambda: None), [], host.scene().sources

    def query(frame):
        if frame == 1001:
            queries.remember_task(host, "d6b9")
            queries.read_settings()
            wait_until(lambda: queries.settings is not None, "the settings")
        seen.append((queries.scene, queries.settings is not None))

    thread = threading.Thread(target=lambda: host.playblast(request_of(), query))
    thread.start()
    nuke.serve(thread)
    while not queries.wait(0):
        nuke.idle()
    assert seen == [(None, True)] * 3
    # The nodes of the capture were never among the sources, and the script is marked as modified.
    assert (queries.scene.sources, queries.scene.task_id) == (before, "d6b9")
    assert host.scene().is_modified


def test_a_call_outside_of_the_main_thread_is_recorded_as_misuse(nuke, host, request_of):
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


def test_save_needs_a_script_with_a_name_and_an_existing_folder(nuke, host, tmp_path):
    with pytest.raises(UserFixableError, match="never been saved"):
        host.save()
    set_knobs(nuke.root, name=str(tmp_path / "comp.nk"))
    nuke.root.is_modified = True
    assert host.save() == tmp_path / "comp.nk"
    assert (host.scene().is_modified, host.scene().path) == (False, tmp_path / "comp.nk")
    set_knobs(nuke.root, name=str(tmp_path / "gone" / "comp.nk"))
    with pytest.raises(StorageError, match="Nuke cannot save the script"):
        host.save()


def test_configure_adds_a_format_only_if_there_is_none_with_square_pixels(nuke, host):
    nuke.formats.append(Format(1998, 1080, "anamorphic", 2.0))
    for size in (Resolution(1998, 1080), Resolution(1998, 1080), Resolution(64, 36)):
        host.configure(FrameRange(1001, 1048, 8), Fraction(24000, 1001), size)
        assert str(host.scene().resolution) == str(size)
    assert [each.name() for each in nuke.formats] == ["small", "2K_Super_35", "anamorphic", "ft_dcc_1998x1080"]
    assert (host.scene().frame_range, host.scene().fps) == (FrameRange(993, 1056), Fraction(24000, 1001))


def test_the_task_is_stored_in_an_invisible_knob(nuke, host, tmp_path):
    host.remember_task("a5e2")
    assert nuke.root.is_modified
    host.remember_task("d6b9")
    nuke.root.save(tmp_path / "comp.nk")
    nuke.open(tmp_path / "comp.nk")
    assert host.scene().task_id == "d6b9"
    assert nuke.root._knobs["ft_dcc_task_id"].flags == nuke.module.INVISIBLE


def test_a_broken_node_in_an_unused_branch_does_not_count(nuke, host):
    from ft_dcc_nuke.capture import nodes_with_errors

    broken, switch = nuke.make("Read"), nuke.make("Switch")
    broken.has_error = True
    switch._inputs = [nuke.find("Read1"), broken]
    nuke.find("Write1")._inputs = [switch]
    assert nodes_with_errors("Write1") == []
    set_knobs(switch, which=1)
    assert nodes_with_errors("Write1") == ["Read2"]


@pytest.mark.parametrize("edition", ["nc", "indie"])
def test_where_python_reaches_ten_nodes_the_selected_ones_are_offered(nuke, host, edition):
    assert host.scene().sources_note == ""
    nuke.env[edition] = True
    for _ in range(20):
        nuke.make("Read")
    nuke.selection = [nuke.find("Write1"), nuke.find("Read3")]
    assert host.scene().sources == ("Write1", "Read3")
    assert host.scene().sources_note.startswith("Only the selected Reads and Writes are listed: ")
    with pytest.raises(CameraMissing, match="ten nodes only in this edition of Nuke, so Read1 must be selected"):
        host.select("Read1")


def test_a_relative_file_name_becomes_absolute(nuke, host):
    from ft_dcc_nuke.node_info import node_pattern

    set_knobs(nuke.find("Write1"), file="out/comp.%04d.png")
    assert node_pattern(nuke.find("Write1"), "") == str(Path.cwd() / "out" / "comp.%04d.png")
    set_knobs(nuke.root, project_directory="/shots/sh010")
    assert node_pattern(nuke.find("Write1"), "") == str(Path("/shots/sh010/out/comp.%04d.png").absolute())
    # The directory may be an expression.
    set_knobs(nuke.root, name="/shots/sh020/comp.nk", project_directory="[file dirname [value root.name]]")
    assert node_pattern(nuke.find("Write1"), "") == str(Path("/shots/sh020/out/comp.%04d.png").absolute())


def test_select_selects_only_the_named_node(nuke, host):
    nuke.selection = [nuke.find("Read1")]
    source = "Write1"
    host.select(source)
    assert [node.fullName() for node in nuke.selection] == [source]
    with pytest.raises(CameraMissing):
        host.select("NoSuchNode")
    assert [node.fullName() for node in nuke.selection] == [source]


def test_the_files_of_a_view_have_the_evaluated_name(nuke, host, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOW", tmp_path.as_posix())
    nuke.view_names = ["left", "right"]
    set_knobs(nuke.find("Write1"), file="[getenv SHOW]/%V.%04d.png")
    for view in nuke.view_names:
        (tmp_path / f"{view}.1001.png").write_bytes(b"")
        assert host.footage(f"Write1 {view}").pattern == str(tmp_path / f"{view}.%04d.png")
