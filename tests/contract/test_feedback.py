"""The contract of hosts that show drawings of reviewers in the scene."""

import pytest
from doubles import drawings

from ft_dcc.errors import CameraMissing
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import GoesToFrames, PlayblastRequest

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


def test_the_frame_of_a_note_is_set(feedback_host):
    host = feedback_host.host
    assert isinstance(host, GoesToFrames)
    before = feedback_host.state()
    host.go_to_frame(1009)
    assert feedback_host.state() != before and host.current_frame() == 1009
