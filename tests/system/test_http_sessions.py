import pytest
import requests

from ft_dcc.session import Session
from ft_dcc.system.http_sessions import new_http_session

DEAD = "http://127.0.0.1:9"


def proxy_of_the_environment(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)
    # With an exception of its own, websocket-client has none for this machine.
    monkeypatch.setenv("NO_PROXY", "intranet.test")


def proxy_of_the_registry(monkeypatch):
    """Set a proxy of Windows with the usual exception "<local>": names without a dot."""
    monkeypatch.setattr("requests.utils.getproxies", lambda: {"http": DEAD, "https": DEAD})
    monkeypatch.setattr("requests.utils.proxy_bypass", lambda host: "." not in host)


@pytest.mark.parametrize("set_proxy", [proxy_of_the_environment, proxy_of_the_registry])
def test_a_proxy_of_the_system_is_not_used_for_this_machine(studio_server, set_proxy, monkeypatch):
    set_proxy(monkeypatch)
    account = {"api_user": studio_server.api_user, "api_key": studio_server.api_key}
    with Session(server_url=studio_server.server_url, auto_connect_event_hub=True, **account) as session:
        assert session.query("User").first() is not None
        session.event_hub.wait(0)
    with pytest.raises(requests.exceptions.ProxyError), new_http_session() as other:
        other.get("http://studio.test/")
