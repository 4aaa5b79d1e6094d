"""Compare transfers of large files with those of a minimal Starlette route; curl is the client of both."""

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

from bench.datasets import ServerProcess
from bench.table import Row

MAX_EXTRA_MEMORY_MIB = 64.0
_COMPONENT = str(uuid4())


def uploads(ours: ServerProcess, bare: ServerProcess, folder: Path, size: int, pairs: int) -> Iterator[Row]:
    """Yield rows for the upload rate until the file is durable, and for the additional memory of the server."""
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


def downloads(ours: ServerProcess, bare: ServerProcess, folder: Path, size: int, pairs: int) -> Iterator[Row]:
    """Yield rows for the download rate of the file that ``uploads`` left on both servers."""
    signed = _call(ours, action="generate_signed_url", component_id=_COMPONENT)["signed_url"]
    yield from _compared("download", size, ours, lambda: _curl(signed), lambda: _curl(f"{bare.url}/file/big"), pairs)


def _compared(
    title: str,
    size: int,
    ours: ServerProcess,
    measure_ours: Callable[[], None],
    measure_theirs: Callable[[], None],
    pairs: int,
) -> Iterator[Row]:
    before = _peak_memory(ours)
    rates = [(_rate(size, measure_theirs), _rate(size, measure_ours)) for _ in range(pairs)]
    title = f"{title} of {size / 2**30:g} GiB"
    yield Row(title, [pair[0] for pair in rates], [pair[1] for pair in rates], 0.9, "MB/s", "bare route", is_least=True)
    extra = _peak_memory(ours) - before
    yield Row(f"{title}: extra memory", [MAX_EXTRA_MEMORY_MIB], [extra], 1.0, "MiB", "the goal")


def _rate(size: int, move: Callable[[], None]) -> float:
    if hasattr(os, "sync"):
        # The next measurement must not wait for dirty pages of the one before.
        os.sync()
    before = time.perf_counter()
    move()
    return size / 1e6 / (time.perf_counter() - before)


def _curl(url: str, *options: str) -> None:
    program = shutil.which("curl")
    if program is None:
        raise SystemExit("Files are sent with curl. Install it: apt-get install curl")
    subprocess.run([program, "--silent", "--fail", *options, url], check=True, stdout=subprocess.DEVNULL)


def _call(server: ServerProcess, **operation: Any) -> dict[str, Any]:
    headers = {**server.headers, "Content-Type": "application/json", "ftrack-strict-api": "true"}
    request = urllib.request.Request(f"{server.url}/api", json.dumps([operation]).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310  the URL is that of the server started by this process
        found: dict[str, Any] = json.load(answer)[0]
    return found


def _peak_memory(server: ServerProcess) -> float:
    """Return the peak resident memory of the process in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
