"""A slow line to a server, in a process of its own: ``python -m bench.slow_line PORT BYTES_A_SECOND``."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

_BLOCK = 4096


@contextmanager
def slowed(server_url: str, rate: float) -> Iterator[str]:
    """Lend the address of a line on which so many bytes a second go to the server."""
    command = [sys.executable, "-m", "bench.slow_line", str(urlsplit(server_url).port), str(rate)]
    line = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[1], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert line.stdout is not None
        yield line.stdout.readline().strip()
    finally:
        line.terminate()
        line.wait(10)


def main() -> None:
    """Pass on whatever comes, for ever."""
    port, rate = int(sys.argv[1]), float(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        while True:
            client, _ = listening.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_pass_on, args=(client, server, rate), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, None), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, rate: float | None) -> None:
    # Small buffers, or the sender would believe that all of it has gone.
    source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * _BLOCK)
    while block := source.recv(_BLOCK):
        target.sendall(block)
        if rate is not None:
            time.sleep(len(block) / rate)
    target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
