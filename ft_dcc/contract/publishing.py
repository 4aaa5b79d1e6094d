"""Checks that publish from the host program and compare the result on the server."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.errors import Error
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import OpensScenes
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.scene_order import SceneAnswer, SceneOrder, answer_order

_REVIEW = "Acceptance"


def check_publish(context: CheckContext) -> Mapping[str, Any]:
    """Publish a capture, and check that it is in a review session and the scene is restored."""
    context.target.reopen(context.folder / "scene")
    request = context.request("1001-1003")
    before = context.target.state()
    figures: Mapping[str, Any] = context.run_in_thread(lambda: _publish(context, (request.source,)))
    require_equal(context.target.state(), before, "the scene has changed")
    return figures


def check_publish_of_files(context: CheckContext) -> Mapping[str, Any]:
    """Publish existing frames; the host's Python encodes and uploads them."""
    for frame in (1001, 1002, 1003):
        _write_image(context.folder / f"disk.{frame}.png", frame)
    figures: Mapping[str, Any] = context.run_in_thread(
        lambda: _publish(context, (str(context.folder / "disk.%04d.png"),))
    )
    return figures


def check_scene_file(context: CheckContext) -> Mapping[str, Any]:
    """Publish a saved scene twice, as ``ft-dcc batch`` does: it is opened each time, and published once."""
    if context.target.has_window:
        raise Skipped("scenes are captured without a window")
    context.target.reopen(context.folder / "scene")
    scene, host = context.host.scene().path, context.host
    if scene is None or not isinstance(host, OpensScenes):
        raise Error("the scene was not saved, or the program opens no scenes")
    request = _request(context, ())
    order = SceneOrder(scene, request, context.folder / "jobs", "scene-file", context.folder / "answer.json")
    started, versions = time.monotonic(), []
    for _ in range(2):
        answer_order(order, host)
        published = SceneAnswer.read(order.answer).published
        versions += [] if published is None else [version.version_id for version in published.versions]
    require_equal((len(versions), len(set(versions))), (2, 1), "the number of answers and of versions")
    return {"seconds": round(time.monotonic() - started, 2)}


def _publish(context: CheckContext, source: tuple[str, ...]) -> Mapping[str, Any]:
    import requests

    from ft_dcc.publish.publisher import publish
    from ft_dcc.session import Session

    request = _request(context, source)
    started = time.monotonic()
    with Session() as session:
        published = publish(request, session, context.host, jobs=context.folder / "jobs").first
        seconds = time.monotonic() - started
        component = session.query(
            f"Component where version_id is {published.version_id} and name is ftrackreview-mp4"
        ).one()
        info = component["metadata"]["ft_dcc"]
    require_equal('"frame_count": 3' in info and '"first_frame": 1001' in info, True, f"the movie is wrong: {info}")
    require_equal(requests.get(published.link or "", timeout=60).status_code, 200, "the link does not open")
    return {"seconds": round(seconds, 2)}


def _request(context: CheckContext, source: tuple[str, ...]) -> PublishRequest:
    return PublishRequest(
        task=context.task,
        source=source,
        review=(_REVIEW,),
        frame_range=FrameRange(1001, 1003),
        fps=Fraction(24),
        resolution=Resolution(64, 36),
    )


def _write_image(path: Path, grey: int) -> None:
    """Write a grey PNG of 64x36 without an image library, which not every program has."""
    rows = (b"\x00" + bytes([grey % 256] * 64)) * 36
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 64, 36, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


CHECKS = (
    Check("publish", "A playblast is published to a review session", check_publish),
    Check("publish of files", "Existing frames are published to a review session", check_publish_of_files),
)
# For programs whose scenes are captured in a process of their own.
SCENE_FILE = Check("scene file", "A scene file is opened and published once, without a window", check_scene_file)
