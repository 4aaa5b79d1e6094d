from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading

import pytest
import requests

from ft_dcc.session import Session


def start_in_vain(*arguments: object) -> str:
    """Start a server that must refuse, and return the one line it says beside its log."""
    command = [sys.executable, "-m", "ft_dcc.server", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_first_start_creates_a_usable_studio(start_server):
    server = start_server()
    reached = server.credentials
    with Session(reached.server_url, reached.api_key, reached.api_user) as session:
        assert session.query('select name from Status where name is "Approved"').one()["name"] == "Approved"


def test_credentials_are_stored_in_a_private_file(start_server):
    server = start_server()
    path = server.data / "credentials.env"
    assert path.read_text("utf-8") == server.credentials.as_environment()
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((server.data / "secret").stat().st_mode) == 0o600


def test_restart_keeps_all_data(start_server, http_client_for):
    first = start_server()
    movie = http_client_for(first).upload(b"film")
    first.stop()
    second = start_server()
    assert second.credentials.api_key == first.credentials.api_key
    assert http_client_for(second).get("/component/get", movie).content == b"film"


def test_killed_server_restarts_with_acknowledged_data(start_server, http_client_for):
    first = start_server()
    movie = http_client_for(first).upload(b"film")
    first.process.kill()
    first.process.wait(timeout=30)
    assert http_client_for(start_server()).get("/component/get", movie).content == b"film"


def test_second_server_on_one_folder_is_rejected(start_server):
    server = start_server()
    assert start_in_vain("--data", server.data) == (
        f"Another server works on {server.data}. Use or stop that one, or name another folder."
    )
    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200


def test_data_folder_that_is_a_file_is_rejected(tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot hold a studio" in start_in_vain("--data", tmp_path / "file")
    assert "cannot hold a studio" in start_in_vain("--data", tmp_path / "file" / "below")


def test_port_in_use_is_named_in_the_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lines = start_in_vain("--data", tmp_path / "studio", "--port", port)
    assert lines.startswith(f"The server cannot listen at 127.0.0.1, port {port}: ")


@pytest.mark.parametrize("arguments", [("--port", 65536), ("--port", -1), ("--host", "no.such.host.invalid")])
def test_invalid_bind_address_is_rejected(tmp_path, arguments):
    assert start_in_vain("--data", tmp_path / "studio", *arguments).startswith("The server cannot listen at ")


def test_damaged_secret_is_not_replaced(start_server):
    server = start_server()
    server.stop()
    (server.data / "secret").write_bytes(b"short")
    assert "Restore it from a backup" in start_in_vain("--data", server.data)
    assert (server.data / "secret").read_bytes() == b"short"


def test_invalid_database_file_is_rejected(tmp_path):
    (tmp_path / "studio.db").write_bytes(b"no database" * 1000)
    assert "cannot be opened" in start_in_vain("--data", tmp_path)
    assert (tmp_path / "studio.db").read_bytes() == b"no database" * 1000


def test_read_only_data_folder_is_rejected(tmp_path, mounting):
    assert "cannot hold a studio" in start_in_vain("--data", mounting(tmp_path / "disk", "ro") / "studio")


def test_lost_credentials_are_recreated(start_server):
    server = start_server()
    server.stop()
    (server.data / "credentials.env").unlink()
    again = start_server()
    reached = again.credentials
    assert reached.api_key != server.credentials.api_key
    with Session(reached.server_url, reached.api_key, reached.api_user) as session:
        assert session.query("User").first()["username"] == "admin"


def test_server_answers_at_an_ipv6_address(start_server):
    with socket.socket(socket.AF_INET6) as probe:
        if probe.connect_ex(("::1", 1)) not in (111, 61, 10061):
            pytest.skip("this machine has no IPv6 loopback")
    server = start_server(None, "--host", "::1")
    assert server.url.startswith("http://[::1]:")
    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200


needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for another process")


@needs_signals
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_stops_the_server_with_exit_code_0(start_server, name):
    server = start_server()
    server.process.send_signal(getattr(signal, name))
    assert server.process.wait(timeout=30) == 0
    assert "Traceback" not in server.log


@needs_signals
class TestShutdownDuringTransfer:
    def test_upload_during_shutdown_leaves_no_file(self, start_server, http_client_for):
        server = start_server()
        url = http_client_for(server).announce(http_client_for(server).create_component(), 50_000_000)["url"]
        under_way, goes_on = threading.Event(), threading.Event()

        def body():
            yield b"x" * 3_000_000
            under_way.set()
            goes_on.wait(30)
            yield b"x" * 3_000_000

        outcomes = []

        def send():
            try:
                outcomes.append(requests.put(url, data=body(), timeout=60).status_code)
            except requests.ConnectionError:
                outcomes.append("cut off")

        sender = threading.Thread(target=send)
        sender.start()
        assert under_way.wait(30)
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0
        goes_on.set()
        sender.join(30)
        assert outcomes in ([503], ["cut off"])
        assert list((server.data / "incoming").iterdir()) == []
        assert "Traceback" not in server.log

    def test_truncated_download_is_detected_by_the_client(self, start_server, http_client_for):
        server = start_server()
        http_client = http_client_for(server)
        movie = http_client.upload(b"x" * 50_000_000)
        got = http_client.get("/component/get", movie, stream=True)
        assert got.raw.read(1000) == b"x" * 1000
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            for _ in got.iter_content(1 << 20):
                pass
