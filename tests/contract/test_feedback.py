"""The contract of hosts that show drawings of reviewers in the scene."""

import json
import re

import pytest
from doubles import drawings

from ft_dcc.contract.host_under_test import CheckContext
from ft_dcc.errors import CameraMissing
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import GoesToFrames, PlayblastRequest
from ft_dcc.host_support.camera_settings import pack_settings
from ft_dcc.review.notes import Note, ReviewedVersion
from ft_dcc.ui.feedback_controller import show_drawings

SHAPES = [
    {"kind": "pen", "colour": "#ff0000", "width": 0.02, "points": [[0.1, 0.2, 0.5], [0.3, 0.4, 1.0]]},
    {"kind": "arrow", "colour": "#00ff00", "width": 0.01, "opacity": 0.5, "from": [0.9, 0.9], "to": [0.5, 0.5]},
    {"kind": "text", "colour": "#ffffff", "at": [0.1, 0.1], "text": "Lower", "size": 0.1},
]


def drawing(frame, text="Arm too high", **values):
    return drawings.drawing(frame, *SHAPES, text=text, **values)


def capture(host, folder, name):
    folder.mkdir(exist_ok=True)
    values = {"source": host.scene().sources[0], "directory": folder, "name": name}
    request = PlayblastRequest(frame_range=FrameRange(1002, 1002), resolution=Resolution(64, 36), **values)
    return host.playblast(request, lambda _: None).path(1002).read_bytes()


def test_shown_drawings_change_the_scene_and_are_cleared_without_a_trace(feedback_host):
    before, host = feedback_host.state(), feedback_host.host
    host.clear_feedback()
    assert feedback_host.state() == before
    for clear in (host.clear_feedback, lambda: host.show_feedback([])):
        assert host.show_feedback([drawing(1002), drawing(1004, end_frame=1006)]) == []
        assert feedback_host.state() != before
        assert not clear()
        assert feedback_host.state() == before


def test_a_second_call_replaces_the_drawings(feedback_host):
    host = feedback_host.host
    host.show_feedback([drawing(1003)])
    once = feedback_host.state()
    host.show_feedback([drawing(1002), drawing(1005), drawing(1006)])
    host.show_feedback([drawing(1003)])
    assert feedback_host.state() == once


def test_drawings_are_not_captured(feedback_host, tmp_path):
    before = capture(feedback_host.host, tmp_path / "frames", "before")
    feedback_host.host.show_feedback([drawing(1002)])
    assert capture(feedback_host.host, tmp_path / "frames", "after") == before


def test_drawings_outside_of_the_scene_are_one_sentence(feedback_host):
    before = feedback_host.state()
    (sentence,) = feedback_host.host.show_feedback([drawing(1), drawing(99999)])
    assert sentence.startswith("2 notes are outside of the scene's frames")
    assert feedback_host.state() == before


def test_a_missing_source_changes_nothing(feedback_host):
    before = feedback_host.state()
    with pytest.raises(CameraMissing):
        feedback_host.host.show_feedback([drawing(1002)], "deleted")
    assert feedback_host.state() == before


def test_a_camera_that_has_changed_since_the_version_is_named_and_its_drawings_are_marked(feedback_host, tmp_path):
    host, source = feedback_host.host, feedback_host.host.scene().sources[0]
    context = CheckContext(feedback_host, tmp_path, "")
    before, labels = feedback_host.state(), []
    settings = json.loads(json.dumps(pack_settings(host.camera_settings(source, range(1001, 1013)))))
    assert feedback_host.state() == before and list(settings) == ["1001-1012"]
    note = Note("note", ("AssetVersion", "version"), "Ida Berg", None, "Arm too high", 1002, drawing=drawing(1002))
    facts = {"task_id": None, "path": "", "artist": "", "date": None, "status": ""}
    version = ReviewedVersion("version", 3, "main", **facts, notes=(note,), source=source, camera_settings=settings)

    def show():
        shown = context.run_in_thread(lambda: show_drawings(host, [version]))
        labels.append([each.label for each in shown[0]])
        return shown[1]

    assert show() == []
    feedback_host.change_camera()
    sentence = next(each for each in show() if "has another" in each)
    assert re.fullmatch(
        rf"{source} has another .+ \(.+, now .+\) than in main v003, so drawings on it may .+\.", sentence
    )
    assert labels[0] == [""] and re.fullmatch(r"[a-z ]+ changed", labels[1][0])
    host.clear_feedback()


def test_settings_of_a_missing_camera_raise_camera_missing(feedback_host):
    with pytest.raises(CameraMissing):
        feedback_host.host.camera_settings("deleted", [1001])


def test_the_frame_of_a_note_is_set(feedback_host):
    host = feedback_host.host
    assert isinstance(host, GoesToFrames)
    before = feedback_host.state()
    host.go_to_frame(1009)
    assert feedback_host.state() != before and host.current_frame() == 1009
