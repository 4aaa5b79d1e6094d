"""Large files to and from the studio server, against the same with a bare route; both with curl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.studios import Running
from bench.table import Row

MOST_MEMORY = 64.0
_COMPONENT = str(uuid4())


def uploads(ours: Running, bare: Running, folder: Path, size: int, pairs: int) -> Iterator[Row]:
    """How long each takes to have the file on the disk, and the memory that ours takes for it."""
    big = folder / "big.bin"
    with big.open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    source = ["--upload-file", str(big)]

    def send() -> None:
        announced = _call(ours, action="get_upload_metadata", component_id=_COMPONENT, file_name="big", file_size=size)
        _curl(announced["url"], *source)

    create = {"id": _COMPONENT, "name": "big", "file_type": ".bin", "size": size}
    _call(ours, action="create", entity_type="FileComponent", entity_data=create)
    yield from _compared("upload", size, ours, send, lambda: _curl(f"{bare.url}/file/big", *source), pairs)
    big.unlink()


def downloads(ours: Running, bare: Running, folder: Path, size: int, pairs: int) -> Iterator[Row]:
    """The same on the way back; the uploads have left the file with both."""
    signed = _call(ours, action="generate_signed_url", component_id=_COMPONENT)["signed_url"]
    yield from _compared("download", size, ours, lambda: _curl(signed), lambda: _curl(f"{bare.url}/file/big"), pairs)


def _compared(
    title: str, size: int, ours: Running, mine: Callable[[], None], theirs: Callable[[], None], pairs: int
) -> Iterator[Row]:
    before = _peak_memory(ours)
    rates = [(_rate(size, theirs), _rate(size, mine)) for _ in range(pairs)]
    title = f"{title} of {size / 2**30:g} GiB"
    yield Row(title, [pair[0] for pair in rates], [pair[1] for pair in rates], 0.9, "MB/s", "bare route", is_least=True)
    extra = _peak_memory(ours) - before
    yield Row(f"{title}: extra memory", [MOST_MEMORY], [extra], 1.0, "MiB", "the goal")


def _rate(size: int, move: Callable[[], None]) -> float:
    if hasattr(os, "sync"):
        # What the one before left to be written to the disk is not for the next one to wait for.
        os.sync()
    before = time.perf_counter()
    move()
    return size / 1e6 / (time.perf_counter() - before)


def _curl(url: str, *options: str) -> None:
    program = shutil.which("curl")
    if program is None:
        raise SystemExit("Files are sent with curl. Install it: apt-get install curl")
    subprocess.run([program, "--silent", "--fail", *options, url], check=True, stdout=subprocess.DEVNULL)


def _call(server: Running, **operation: Any) -> dict[str, Any]:
    head = {**server.head, "Content-Type": "application/json", "ftrack-strict-api": "true"}
    request = urllib.request.Request(f"{server.url}/api", json.dumps([operation]).encode(), head)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310  it is the server that was started here
        found: dict[str, Any] = json.load(answer)[0]
    return found


def _peak_memory(server: Running) -> float:
    """Return the most MiB that the process ever had in memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
