"""Publishing from inside of a program, and what then is on the server."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ft_dcc.acceptance.rig import Bench, Check, demand
from ft_dcc.frames import FrameRange, Resolution

_REVIEW = "Acceptance"


def check_publish(bench: Bench) -> Mapping[str, Any]:
    """What was captured is a version in a review session, and the scene is as it was."""
    bench.rig.reopen(bench.folder / "scene")
    request = bench.request("1001-1003")
    before = bench.rig.state()
    figures: Mapping[str, Any] = bench.beside(lambda: _publish(bench, (request.source,)))
    demand(bench.rig.state(), before, "the scene has changed")
    return figures


def check_publish_of_files(bench: Bench) -> Mapping[str, Any]:
    """Frames that lie on the disk are a version in a review session: this program's Python encodes and uploads."""
    for frame in (1001, 1002, 1003):
        _write_picture(bench.folder / f"disk.{frame}.png", frame)
    figures: Mapping[str, Any] = bench.beside(lambda: _publish(bench, (str(bench.folder / "disk.%04d.png"),)))
    return figures


def _publish(bench: Bench, source: tuple[str, ...]) -> Mapping[str, Any]:
    import requests

    from ft_dcc.publish.records import PublishRequest
    from ft_dcc.publish.run import publish
    from ft_dcc.session import Session

    request = PublishRequest(
        task=bench.task,
        source=source,
        review=(_REVIEW,),
        frame_range=FrameRange(1001, 1003),
        fps=Fraction(24),
        resolution=Resolution(64, 36),
    )
    started = time.monotonic()
    with Session() as session:
        published = publish(request, session, bench.host, jobs=bench.folder / "jobs").first
        seconds = time.monotonic() - started
        component = session.query(
            f"Component where version_id is {published.version_id} and name is ftrackreview-mp4"
        ).one()
        facts = component["metadata"]["ft_dcc"]
    demand('"frame_count": 3' in facts and '"first_frame": 1001' in facts, True, f"the film is another one: {facts}")
    demand(requests.get(published.link or "", timeout=60).status_code, 200, "the link does not open")
    return {"seconds": round(seconds, 2)}


def _write_picture(path: Path, grey: int) -> None:
    """Write a grey PNG of 64x36; no picture library is in every program."""
    rows = (b"\x00" + bytes([grey % 256] * 64)) * 36
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 64, 36, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


CHECKS = (
    Check("publish", "A playblast is a version in a review session", check_publish),
    Check("publish of files", "Frames on the disk are a version in a review session", check_publish_of_files),
)
