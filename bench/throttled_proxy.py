"""Run a TCP proxy with limited upload bandwidth: ``python -m bench.throttled_proxy PORT BYTES_PER_SECOND``."""

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

_BLOCK_BYTES = 4096


@contextmanager
def throttled(server_url: str, rate: float) -> Iterator[str]:
    """Start a proxy process that sends at most ``rate`` bytes per second to the server; yield its URL."""
    command = [sys.executable, "-m", "bench.throttled_proxy", str(urlsplit(server_url).port), str(rate)]
    proxy = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[1], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert proxy.stdout is not None
        yield proxy.stdout.readline().strip()
    finally:
        proxy.terminate()
        proxy.wait(10)


def main() -> None:
    """Accept connections and forward both directions until the process is terminated."""
    port, rate = int(sys.argv[1]), float(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        while True:
            client, _ = listening.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_forward, args=(client, server, rate), daemon=True).start()
            threading.Thread(target=_forward, args=(server, client, None), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket, rate: float | None) -> None:
    # Large socket buffers would accept the whole file at once.
    source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * _BLOCK_BYTES)
    while block := source.recv(_BLOCK_BYTES):
        target.sendall(block)
        if rate is not None:
            time.sleep(len(block) / rate)
    target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
