import os
import signal
import socket
import stat
import threading
from pathlib import Path

import pytest
import requests
from doubles.operations import Clock
from doubles.server_processes import start_process
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.admin.commands import run_command
from ft_dcc.server.background import ActivityCounter, IdleTimer
from ft_dcc.server.context import open_server_context, start_for_clients, write_credentials
from ft_dcc.server.database.data_folder import Credentials
from ft_dcc.server.errors import InvalidCredentials
from ft_dcc.server.http.connections import BindAddress


@pytest.fixture
def start_in_vain(tmp_path):
    """Start a server that must refuse, and return the one line it says beside its log."""

    def start(*arguments: object) -> str:
        process = start_process([*map(str, arguments)], "", tmp_path / "server.log")
        with process.stdout:
            assert (process.stdout.read(), process.wait(TIMEOUT_SECONDS)) == ("", 1)
        lines = (tmp_path / "server.log").read_text("utf-8").splitlines()
        (line,) = [line for line in lines if not line.startswith("{")]
        return line

    return start


def test_credentials_are_stored_in_a_private_file(server_process):
    path = server_process.data / "credentials.env"
    assert path.read_text("utf-8") == server_process.credentials.as_environment()
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((server_process.data / "secret").stat().st_mode) == 0o600


def test_second_server_on_one_folder_is_rejected(start_server, start_in_vain):
    server = start_server()
    assert start_in_vain("--data", server.data) == (
        f"Another server works on {server.data}. Use or stop that one, or name another folder."
    )
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200


def test_data_folder_that_is_a_file_is_rejected(tmp_path, start_in_vain):
    (tmp_path / "file").write_text("")
    assert "cannot hold a studio" in start_in_vain("--data", tmp_path / "file" / "below")


def test_port_in_use_is_named_in_the_error(tmp_path, start_in_vain):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lines = start_in_vain("--data", tmp_path / "studio", "--port", port)
    assert lines.startswith(f"The server cannot listen at 127.0.0.1, port {port}: ")
    refused = start_in_vain("--data", tmp_path / "studio", "--host", "no.such.host.invalid")
    assert refused.startswith("The server cannot listen at no.such.host.invalid")
    assert "allow plain HTTP" in start_in_vain("--data", tmp_path / "other", "--host", "0.0.0.0")
    assert not (tmp_path / "other" / "studio.db").exists()


def test_damaged_secret_is_not_replaced(tmp_path):
    with open_server_context(tmp_path):
        pass
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(StorageError, match="Restore it from a backup"), open_server_context(tmp_path):
        pass
    assert (tmp_path / "secret").read_bytes() == b"short"


def test_read_only_data_folder_is_rejected(tmp_path, mounting, start_in_vain):
    assert "cannot hold a studio" in start_in_vain("--data", mounting(tmp_path / "disk", "ro") / "studio")


def test_lost_credentials_are_recreated(tmp_path):
    keys = []
    for _ in range(2):
        with open_server_context(tmp_path) as studio:
            written = write_credentials(studio, "http://studio.test")
            assert studio.authenticator.authenticate("10.0.0.1", "admin", written.api_key).username == "admin"
            keys.append(written.api_key)
        (tmp_path / "credentials.env").unlink()
    assert keys[0] != keys[1]


def test_a_revoked_key_is_replaced_in_the_credentials_and_gives_no_sign_in_link_at_the_next_start(tmp_path):
    with open_server_context(tmp_path) as studio:
        assert "/user/sign_in/" in start_for_clients(studio, "http://studio.test").describe()
        before = Credentials.read(tmp_path / "credentials.env")
        run_command(studio, "revoke", {"user": "admin", "key": "all"})
        replaced = Credentials.read(tmp_path / "credentials.env")
        assert replaced.api_key != before.api_key and replaced.server_url == "http://studio.test"
        with pytest.raises(InvalidCredentials):
            studio.authenticator.authenticate("10.0.0.1", "admin", before.api_key)
        start = start_for_clients(studio, "http://studio.test").describe()
        assert "sign_in" not in start and replaced.api_key not in start
        assert Credentials.read(tmp_path / "credentials.env") == replaced


def test_server_answers_at_an_ipv6_address(start_server):
    with socket.socket(socket.AF_INET6) as probe:
        if probe.connect_ex(("::1", 1)) not in (111, 61, 10061):
            pytest.skip("this machine has no IPv6 loopback")
    server = start_server(None, "--host", "::1")
    assert server.url.startswith("http://[::1]:")
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200


needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for another process")


@needs_signals
def test_an_interrupt_stops_the_server_with_exit_code_0(start_server):
    server = start_server()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(TIMEOUT_SECONDS) == 0
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
            goes_on.wait(TIMEOUT_SECONDS)
            yield b"x" * 3_000_000

        outcomes = []

        def send():
            try:
                outcomes.append(requests.put(url, data=body(), timeout=TIMEOUT_SECONDS).status_code)
            except requests.ConnectionError:
                outcomes.append("cut off")

        sender = threading.Thread(target=send)
        sender.start()
        assert under_way.wait(TIMEOUT_SECONDS)
        server.process.terminate()
        assert server.process.wait(timeout=TIMEOUT_SECONDS) == 0
        goes_on.set()
        sender.join(TIMEOUT_SECONDS)
        assert outcomes in ([503], ["cut off"])
        assert list((server.data / "incoming").iterdir()) == []
        assert "Traceback" not in server.log

    def test_truncated_download_is_detected_by_the_client(self, start_server, http_client_for):
        server = start_server()
        http_client = http_client_for(server)
        # More than the buffers of a connection hold.
        movie = http_client.upload(b"x" * 20_000_000)
        got = http_client.get("/component/get", movie, stream=True)
        assert got.raw.read(1000) == b"x" * 1000
        server.process.terminate()
        assert server.process.wait(timeout=TIMEOUT_SECONDS) == 0
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            for _ in got.iter_content(1 << 20):
                pass


def test_server_with_a_certificate_serves_https(start_server, certificate):
    server = start_server(None, "--certificate", str(certificate[0]), "--private-key", str(certificate[1]))
    assert server.url.startswith("https://127.0.0.1:")
    url = server.url.replace("127.0.0.1", "localhost")
    answer = requests.get(f"{url}/health", verify=str(certificate[0]), timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200
    ask = [{"action": "query", "expression": "select thumbnail_url from User"}]
    sent = {"json": ask, "headers": server.headers, "verify": certificate[0]}
    answer = requests.post(f"{url}/api", **sent, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url.replace("https", "http"), timeout=TIMEOUT_SECONDS)


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_plain_http_for_other_machines_requires_permission(host):
    address, refused = BindAddress(host, 0), "Name a certificate, or allow plain HTTP"
    with pytest.raises(SettingInvalid, match=refused), address.listening():
        pass
    with BindAddress(host, 0, is_plain_allowed=True).listening() as listener:
        assert listener.getsockname()[1] > 0


def test_loopback_address_requires_no_certificate():
    for host in ("127.0.0.1", "localhost"):
        with BindAddress(host, 0).listening() as listener:
            assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("fault", ["missing", "no certificate", "the key of another", "a key alone"])
def test_unusable_certificate_is_named_in_the_error(tmp_path, certificate, fault):
    made, key = certificate
    other = tmp_path / "other.pem"
    other.write_text("nothing", "utf-8")
    endpoint = {
        "missing": BindAddress("127.0.0.1", 0, tmp_path / "nowhere.pem", key),
        "no certificate": BindAddress("127.0.0.1", 0, other, key),
        "the key of another": BindAddress("127.0.0.1", 0, made, other),
        "a key alone": BindAddress("127.0.0.1", 0, None, key),
    }[fault]
    with pytest.raises(SettingInvalid, match="certificate"), endpoint.listening():
        pass


def test_server_url_is_reachable_from_this_machine():
    assert BindAddress("0.0.0.0", 0).url(8000) == "http://127.0.0.1:8000"
    assert BindAddress("::", 0).url(8000) == "http://[::1]:8000"
    assert BindAddress("studio.example", 0, Path("a.pem")).url(443) == "https://studio.example:443"


def test_server_is_idle_after_so_many_minutes_without_a_client() -> None:
    clock = Clock(0)
    idleness = IdleTimer(ActivityCounter(), 30, clock)
    clock.seconds = 1800
    assert not idleness.is_expired(0, 0)
    clock.seconds = 1801
    assert idleness.is_expired(0, 0)
    assert not IdleTimer(ActivityCounter(), None, clock).is_expired(0, 0)


def test_idle_time_restarts_with_a_client_or_a_request() -> None:
    clock = Clock(0)
    idleness = IdleTimer(ActivityCounter(), 30, clock)
    clock.seconds = 2000
    assert not idleness.is_expired(1, 0)
    clock.seconds = 3000
    assert not idleness.is_expired(0, 7)
    clock.seconds = 4801
    assert idleness.is_expired(0, 7)


def test_server_is_not_idle_while_work_is_running() -> None:
    clock, work = Clock(0), ActivityCounter()
    idleness = IdleTimer(work, 30, clock)
    with work.track():
        clock.seconds = 9000
        assert not idleness.is_expired(0, 0)
    clock.seconds = 10000
    assert not idleness.is_expired(0, 0)
    clock.seconds = 10801
    assert idleness.is_expired(0, 0)
