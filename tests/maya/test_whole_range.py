"""A capture of the whole range in one playblast, which the setting ``maya_capture`` chooses."""

from __future__ import annotations

import pytest

from ft_dcc.errors import Cancelled, CaptureFailed, SettingInvalid
from ft_dcc.frames import Resolution
from ft_dcc.host_support.capture_files import png_size


def ignore(frame):
    pass


@pytest.fixture(autouse=True)
def whole_range(monkeypatch):
    monkeypatch.setenv("FT_DCC_MAYA_CAPTURE", "range")


def playblasts(maya):
    return [call.flags for call in maya.calls if call.command == "playblast"]


def test_all_frames_with_handles_are_drawn_in_one_playblast(maya, host, request_of, monkeypatch):
    before, reported = maya.state(), []
    request = request_of("1003-1004+2")
    frames = host.playblast(request, reported.append)
    assert len(playblasts(maya)) == 1
    assert maya.state() == before
    assert reported == [1001, 1002, 1003, 1004, 1005, 1006]
    assert sorted(path.name for path in request.directory.iterdir()) == [f"shot.{frame}.png" for frame in reported]
    images = [frames.path(frame).read_bytes() for frame in reported]
    monkeypatch.setenv("FT_DCC_MAYA_CAPTURE", "frames")
    again = host.playblast(request, ignore)
    assert [again.path(frame).read_bytes() for frame in reported] == images
    assert len(playblasts(maya)) == 7


def test_the_view_has_the_same_settings_as_frame_by_frame(maya, host, request_of, monkeypatch):
    host.playblast(request_of("1001"), ignore)
    monkeypatch.setenv("FT_DCC_MAYA_CAPTURE", "frames")
    host.playblast(request_of("1001"), ignore)
    whole, single = maya.drawn
    assert (whole.view, whole.settings, whole.camera) == (single.view, single.settings, single.camera)


def test_a_view_on_sequence_time_takes_no_image(maya, host, request_of):
    maya.scene.add_sequencer()
    maya.interface.sequence_panel = "modelPanel2"
    frames = host.playblast(request_of("1001-1003"), ignore)
    assert len({frames.path(frame).read_bytes() for frame in (1001, 1002, 1003)}) == 3


def test_points_in_the_name_and_numbers_of_three_digits_are_kept(host, request_of):
    request = request_of("99-101", name="sh010.v002")
    assert host.playblast(request, ignore).missing() == ()
    names = ["sh010.v002.0099.png", "sh010.v002.0100.png", "sh010.v002.0101.png"]
    assert sorted(path.name for path in request.directory.iterdir()) == names


def test_frames_below_zero_are_captured_one_by_one(maya, host, request_of):
    frames = host.playblast(request_of("-1-1"), ignore)
    assert (len(playblasts(maya)), frames.missing()) == (3, ())


def test_escape_cancels_at_the_first_missing_frame_and_restores_the_scene(maya, host, request_of):
    before, maya.escape_at, reported = maya.state(), 1003, []
    host_request = request_of("1001-1012")
    host_request.directory.mkdir()
    (host_request.directory / "shot.1005.png").write_bytes(b"of an earlier capture")
    with pytest.raises(Cancelled, match="at frame 1003"):
        host.playblast(host_request, reported.append)
    assert (maya.state(), reported) == (before, [1001, 1002])
    assert sorted(path.name for path in host_request.directory.iterdir()) == ["shot.1001.png", "shot.1002.png"]


def test_a_failure_names_the_first_missing_frame(maya, host, request_of):
    before, maya.fail_at = maya.state(), 1003
    with pytest.raises(CaptureFailed, match=r"did not write frame 1003 .*No space left on device"):
        host.playblast(request_of("1001-1012"), ignore)
    assert maya.state() == before


def test_images_of_windows_are_cropped(maya, host, request_of):
    pytest.importorskip("Qt")
    maya.is_windows = True
    frames = host.playblast(request_of("1001-1002", resolution=Resolution(63, 35)), ignore)
    assert [png_size(frames.path(frame)) for frame in (1001, 1002)] == [Resolution(63, 35)] * 2


def test_a_whole_range_is_captured_without_a_window(maya, request_of):
    from ft_dcc_maya.host import MayaHost

    maya.is_batch = True
    assert MayaHost().playblast(request_of("1001-1003"), ignore).missing() == ()
    assert len(playblasts(maya)) == 1


def test_another_way_is_refused_with_the_known_ones(host, request_of, monkeypatch):
    monkeypatch.setenv("FT_DCC_MAYA_CAPTURE", "film")
    with pytest.raises(SettingInvalid, match="'film' is not one of frames, range"):
        host.playblast(request_of("1001"), ignore)
