"""The contract that every host must fulfil: the checks of ``ft-dcc accept``, and what those do not see."""

from __future__ import annotations

from pathlib import Path

import pytest

from ft_dcc.acceptance.checks import CONTRACT
from ft_dcc.acceptance.host_under_test import CheckContext, Skipped
from ft_dcc.errors import Error
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


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.name)
def test_host_passes_the_check(tested_host, check, tmp_path):
    folder = tmp_path / "check"
    folder.mkdir()
    try:
        check.function(CheckContext(tested_host, folder, task=""))
    except Skipped as error:
        pytest.skip(str(error))


def test_a_host_reports_name_and_version(host):
    assert host.name and host.version[0].isdigit()


def test_a_frame_is_written_when_it_is_reported(host, request_of):
    request, sizes = request_of(), []
    host.playblast(request, lambda frame: sizes.append(size_of(request.directory / f"shot.{frame}.png")))
    assert sizes == [(64, 36)] * 3


def test_the_same_frame_is_drawn_identically_twice(host, request_of):
    first = sha256_of(host.playblast(request_of("1002", name="first"), ignore).path(1002))
    assert sha256_of(host.playblast(request_of("1002", name="second"), ignore).path(1002)) == first


def test_a_range_of_one_frame_is_captured(host, request_of):
    assert len(host.playblast(request_of("1005"), ignore)) == 1


@pytest.mark.parametrize("resolution", ["5x7", "63x35", "64x36", "36x64"])
def test_the_images_have_the_requested_size(host, request_of, resolution):
    frames = host.playblast(request_of("1001", resolution), ignore)
    assert "{}x{}".format(*size_of(frames.path(1001))) == resolution


def test_each_camera_can_be_captured(host, request_of):
    for source in host.scene().sources:
        assert host.playblast(request_of("1001", source=source, name=source), ignore).missing() == ()


def test_remember_task_stores_the_task(host):
    host.remember_task("d6b9")
    assert host.scene().task_id == "d6b9"
    host.remember_task("e7c0")
    assert host.scene().task_id == "e7c0"


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
