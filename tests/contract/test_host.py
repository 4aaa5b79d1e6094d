"""What every host must do, whichever program it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from ft_dcc.errors import CameraMissing, Cancelled, DiskUnusable, Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest


@pytest.fixture
def request_of(host, tmp_path):
    def make(frames="1001-1003", resolution="64x36", **values):
        folder = tmp_path / "frames"
        folder.mkdir(exist_ok=True)
        parts = {"source": host.scene().sources[0], "directory": folder, "name": "shot", **values}
        return PlayblastRequest(frame_range=FrameRange.parse(frames), resolution=Resolution.parse(resolution), **parts)

    return make


def ignore(frame):
    pass


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height from the header of a PNG (PNG, 11.2.1)."""
    header = picture.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def test_a_host_says_what_it_is(host):
    assert host.name and host.version[0].isdigit()


def test_the_scene_is_read_in_exact_values(host):
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == ("1001-1012", Fraction(24), "64x36")
    assert isinstance(scene.fps, Fraction)
    assert (scene.path, scene.task_id, len(scene.sources)) == (None, None, 2)


def test_reading_the_scene_twice_gives_the_same_and_changes_nothing(rig):
    before = rig.state()
    assert rig.host.scene() == rig.host.scene()
    assert rig.state() == before


def test_a_playblast_is_every_frame_of_the_range_with_its_handles(host, request_of):
    told = []
    frames = host.playblast(request_of("1003-1004+2"), told.append)
    assert told == [1001, 1002, 1003, 1004, 1005, 1006]
    assert (str(frames.frame_range), frames.fps, str(frames.resolution)) == ("1003-1004+2", Fraction(24), "64x36")
    assert frames.missing() == ()
    assert sorted(path.name for path in frames.path(1001).parent.iterdir()) == [f"shot.{n}.png" for n in told]


def test_a_frame_is_on_disk_when_it_is_told(host, request_of):
    request, sizes = request_of(), []
    host.playblast(request, lambda frame: sizes.append(size_of(request.directory / f"shot.{frame}.png")))
    assert sizes == [(64, 36)] * 3


def test_no_two_frames_show_the_same_when_something_moves(host, request_of):
    frames = host.playblast(request_of("1001-1004"), ignore)
    assert len({frames.path(frame).read_bytes() for frame in frames.frame_range}) == 4


def test_the_same_frame_looks_the_same_twice(host, request_of):
    first = host.playblast(request_of("1002", name="first"), ignore).path(1002).read_bytes()
    assert host.playblast(request_of("1002", name="second"), ignore).path(1002).read_bytes() == first


def test_one_frame_is_a_range(host, request_of):
    assert len(host.playblast(request_of("1005"), ignore)) == 1


def test_frames_below_zero_are_frames(host, request_of):
    frames = host.playblast(request_of("-2-1"), ignore)
    assert frames.missing() == ()
    assert (frames.path(-2).name, frames.path(0).name) == ("shot.-0002.png", "shot.0000.png")


@pytest.mark.parametrize("resolution", ["5x7", "63x35", "64x36", "36x64"])
def test_the_size_is_the_one_that_was_asked_for(host, request_of, resolution):
    frames = host.playblast(request_of("1001", resolution), ignore)
    assert "{}x{}".format(*size_of(frames.path(1001))) == resolution


def test_each_camera_can_be_captured(host, request_of):
    for source in host.scene().sources:
        assert host.playblast(request_of("1001", source=source, name=source), ignore).missing() == ()


def test_the_scene_is_as_it_was_after_a_playblast(rig, request_of):
    before = rig.state()
    rig.host.playblast(request_of(), ignore)
    assert rig.state() == before


def test_what_on_frame_raises_ends_the_capture_and_the_scene_is_as_it_was(rig, request_of):
    def cancel(frame):
        if frame == 1002:
            raise Cancelled("Stopped.")

    before, request = rig.state(), request_of("1001-1012")
    with pytest.raises(Cancelled):
        rig.host.playblast(request, cancel)
    assert rig.state() == before
    assert not (request.directory / "shot.1003.png").exists()


def test_a_camera_that_is_not_there_is_named_and_nothing_is_written(rig, request_of):
    before, request = rig.state(), request_of(source="Nobody")
    with pytest.raises(CameraMissing, match="Nobody"):
        rig.host.playblast(request, ignore)
    assert rig.state() == before
    assert list(request.directory.iterdir()) == []


def test_a_frame_that_cannot_be_written_is_a_disk_that_cannot_be_used(rig, request_of):
    before, request = rig.state(), request_of("1001-1003")
    (request.directory / "shot.1002.png").mkdir()
    with pytest.raises(DiskUnusable, match="1002"):
        rig.host.playblast(request, ignore)
    assert rig.state() == before


def test_a_task_is_remembered(host):
    host.remember_task("d6b9")
    assert host.scene().task_id == "d6b9"
    host.remember_task("e7c0")
    assert host.scene().task_id == "e7c0"


def test_a_scene_takes_the_settings_of_its_shot(host):
    host.configure(FrameRange(993, 1056), Fraction(24000, 1001), Resolution(1920, 1080))
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == (
        "993-1056",
        Fraction(24000, 1001),
        "1920x1080",
    )


def test_a_scene_without_a_name_is_not_saved_somewhere(host):
    with pytest.raises(Error):
        host.save()
    assert host.scene().path is None


def test_a_call_on_the_main_thread_is_carried_out_at_once(host):
    assert host.run_in_main_thread(lambda: 7) == 7


def test_a_call_from_another_thread_comes_back(rig):
    future = rig.in_thread(lambda: rig.host.run_in_main_thread(rig.host.scene))
    assert str(future.result(1).frame_range) == "1001-1012"


def test_an_error_of_a_call_from_another_thread_comes_back(rig):
    future = rig.in_thread(lambda: rig.host.run_in_main_thread(lambda: 1 / 0))
    assert isinstance(future.exception(1), ZeroDivisionError)


def test_a_playblast_can_be_asked_for_by_another_thread(rig, request_of):
    request = request_of("1001-1002")
    future = rig.in_thread(lambda: rig.host.playblast(request, ignore))
    assert future.result(1).missing() == ()
