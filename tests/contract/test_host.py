"""The contract that every host must fulfil."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from ft_dcc.errors import CameraMissing, Cancelled, Error, StorageError
from ft_dcc.files.checksum import sha256_of
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


def size_of(image: Path) -> tuple[int, int]:
    """Return width and height from the header of a PNG (PNG, 11.2.1)."""
    header = image.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def test_a_host_reports_name_and_version(host):
    assert host.name and host.version[0].isdigit()


def test_the_scene_has_exact_values(host):
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == ("1001-1012", Fraction(24), "64x36")
    assert isinstance(scene.fps, Fraction)
    assert (scene.path, scene.task_id, len(scene.sources)) == (None, None, 2)


def test_reading_the_scene_twice_returns_the_same_and_changes_nothing(tested_host):
    before = tested_host.state()
    assert tested_host.host.scene() == tested_host.host.scene()
    assert tested_host.state() == before


def test_a_playblast_writes_every_frame_of_the_range_with_handles(host, request_of):
    reported = []
    frames = host.playblast(request_of("1003-1004+2"), reported.append)
    assert reported == [1001, 1002, 1003, 1004, 1005, 1006]
    assert (str(frames.frame_range), frames.fps, str(frames.resolution)) == ("1003-1004+2", Fraction(24), "64x36")
    assert frames.missing() == ()
    assert sorted(path.name for path in frames.path(1001).parent.iterdir()) == [f"shot.{n}.png" for n in reported]


def test_a_frame_is_written_when_it_is_reported(host, request_of):
    request, sizes = request_of(), []
    host.playblast(request, lambda frame: sizes.append(size_of(request.directory / f"shot.{frame}.png")))
    assert sizes == [(64, 36)] * 3


def test_frames_of_an_animation_differ(host, request_of):
    frames = host.playblast(request_of("1001-1004"), ignore)
    assert len({frames.path(frame).read_bytes() for frame in frames.frame_range}) == 4


def test_the_same_frame_is_drawn_identically_twice(host, request_of):
    first = sha256_of(host.playblast(request_of("1002", name="first"), ignore).path(1002))
    assert sha256_of(host.playblast(request_of("1002", name="second"), ignore).path(1002)) == first


def test_a_range_of_one_frame_is_captured(host, request_of):
    assert len(host.playblast(request_of("1005"), ignore)) == 1


def test_negative_frames_are_captured(host, request_of):
    frames = host.playblast(request_of("-2-1"), ignore)
    assert frames.missing() == ()
    assert (frames.path(-2).name, frames.path(0).name) == ("shot.-0002.png", "shot.0000.png")


@pytest.mark.parametrize("resolution", ["5x7", "63x35", "64x36", "36x64"])
def test_the_images_have_the_requested_size(host, request_of, resolution):
    frames = host.playblast(request_of("1001", resolution), ignore)
    assert "{}x{}".format(*size_of(frames.path(1001))) == resolution


def test_each_camera_can_be_captured(host, request_of):
    for source in host.scene().sources:
        assert host.playblast(request_of("1001", source=source, name=source), ignore).missing() == ()


def test_the_scene_is_restored_after_a_playblast(tested_host, request_of):
    before = tested_host.state()
    tested_host.host.playblast(request_of(), ignore)
    assert tested_host.state() == before


def test_an_exception_in_on_frame_ends_the_capture_and_the_scene_is_restored(tested_host, request_of):
    def cancel(frame):
        if frame == 1002:
            raise Cancelled("Stopped.")

    before, request = tested_host.state(), request_of("1001-1012")
    with pytest.raises(Cancelled):
        tested_host.host.playblast(request, cancel)
    assert tested_host.state() == before
    assert not (request.directory / "shot.1003.png").exists()


def test_a_missing_camera_is_named_and_nothing_is_written(tested_host, request_of):
    before, request = tested_host.state(), request_of(source="Nobody")
    with pytest.raises(CameraMissing, match="Nobody"):
        tested_host.host.playblast(request, ignore)
    assert tested_host.state() == before
    assert list(request.directory.iterdir()) == []


def test_a_frame_that_cannot_be_written_raises_storage_error(tested_host, request_of):
    before, request = tested_host.state(), request_of("1001-1003")
    (request.directory / "shot.1002.png").mkdir()
    with pytest.raises(StorageError, match="1002"):
        tested_host.host.playblast(request, ignore)
    assert tested_host.state() == before


def test_remember_task_stores_the_task(host):
    host.remember_task("d6b9")
    assert host.scene().task_id == "d6b9"
    host.remember_task("e7c0")
    assert host.scene().task_id == "e7c0"


def test_configure_sets_range_rate_and_size(host):
    host.configure(FrameRange(993, 1056), Fraction(24000, 1001), Resolution(1920, 1080))
    scene = host.scene()
    assert (str(scene.frame_range), scene.fps, str(scene.resolution)) == (
        "993-1056",
        Fraction(24000, 1001),
        "1920x1080",
    )


def test_save_of_an_unnamed_scene_raises_an_error(host):
    with pytest.raises(Error):
        host.save()
    assert host.scene().path is None


def test_a_call_on_the_main_thread_runs_immediately(host):
    assert host.run_in_main_thread(lambda: 7) == 7


def test_a_call_from_another_thread_returns_its_result(tested_host):
    future = tested_host.in_thread(lambda: tested_host.host.run_in_main_thread(tested_host.host.scene))
    assert str(future.result(1).frame_range) == "1001-1012"


def test_an_exception_of_a_call_is_raised_in_the_calling_thread(tested_host):
    future = tested_host.in_thread(lambda: tested_host.host.run_in_main_thread(lambda: 1 / 0))
    assert isinstance(future.exception(1), ZeroDivisionError)


def test_a_playblast_can_be_started_from_another_thread(tested_host, request_of):
    request = request_of("1001-1002")
    future = tested_host.in_thread(lambda: tested_host.host.playblast(request, ignore))
    assert future.result(1).missing() == ()
