from pathlib import Path

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.http.connections import BindAddress


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
