"""The files of docs/admin/server: nginx before a studio server, and the service of systemd that starts it."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import requests
import websocket
import yaml
from doubles.programs import run_process
from doubles.reviews import make_review
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.errors import LocationError
from ft_dcc.session import SERVER_LOCATION_ID, Session

FILES = Path(__file__).resolve().parents[2] / "docs" / "admin" / "server"
SERVICE = (FILES / "ft-dcc.service").read_text("utf-8")
LARGE = 300 << 20


@contextmanager
def running_nginx(folder, server, certificate, listener, **changes):
    """Run nginx with the documented file, in which only names, paths and ports are others; yield its log."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    folder.mkdir()
    text, log = (FILES / "nginx.conf").read_text("utf-8"), folder / "access.log"
    for old, new in {
        "127.0.0.1:8080": server.partition("://")[2],
        "listen 80;": f"listen unix:{folder}/plain;",
        "listen 443 ssl": f"listen 127.0.0.1:{listener.getsockname()[1]} ssl",
        "/etc/nginx/tls/studio.example.com.pem": str(certificate[0]),
        "/etc/nginx/tls/studio.example.com.key": str(certificate[1]),
        "server_name studio.example.com": "server_name localhost",
        "/var/log/nginx/ft-dcc.log": str(log),
        **changes,
    }.items():
        assert old in text
        text = text.replace(old, new)
    paths = "".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "ft-dcc.conf").write_text(text, "utf-8")
    (folder / "nginx.conf").write_text(
        f"daemon off; {'user root;' if os.geteuid() == 0 else ''} pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ {paths} include {folder}/ft-dcc.conf; }}\n",
        "utf-8",
    )
    # nginx takes over the open port, as it does from a running nginx in an upgrade.
    process = subprocess.Popen(
        [nginx, "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"],
        env={**os.environ, "NGINX": f"{listener.fileno()};"},
        pass_fds=[listener.fileno()],
    )
    try:
        yield log
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)
        assert "[emerg]" not in (folder / "error.log").read_text("utf-8")


@pytest.fixture(scope="module")
def behind_nginx(start_module_server, certificate, tmp_path_factory):
    """Yield a server with the environment of the service, its address behind nginx, and the log of nginx."""
    folder, listener = tmp_path_factory.mktemp("proxy"), socket.create_server(("127.0.0.1", 0))
    url = f"https://localhost:{listener.getsockname()[1]}"
    variables = dict(re.findall(r"^Environment=(\w+)=(\S+)", SERVICE, re.M))
    variables |= {"FT_DCC_PUBLIC_URL": url, "FT_DCC_LOCAL_STUDIO": str(folder / "studio")}
    server = start_module_server(folder / "studio", change=f"import os; os.environ.update({variables})")
    with listener, ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        yield server, url, stack.enter_context(running_nginx(folder / "nginx", server.url, certificate, listener))


@pytest.fixture
def session(behind_nginx):
    server, url, _ = behind_nginx
    with Session(url, server.credentials.api_key, server.credentials.api_user) as session:
        yield session


def test_large_upload_range_request_and_no_key_in_the_log(behind_nginx, session, tmp_path):
    server, url, log = behind_nginx
    with (tmp_path / "film.mov").open("wb") as file:
        file.truncate(LARGE)
    location = session.get("Location", SERVER_LOCATION_ID)
    component = session.create_component(str(tmp_path / "film.mov"), location=location)
    session.commit()
    query = {"id": component["id"], "username": session.api_user, "apiKey": session.api_key}
    part = {"Range": f"bytes={LARGE - 10}-"}
    answer = requests.get(f"{url}/component/get", params=query, headers=part, timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.content) == (206, bytes(10))
    assert answer.headers["Content-Range"] == f"bytes {LARGE - 10}-{LARGE - 1}/{LARGE}"
    logged = log.read_text("utf-8")
    assert " PUT 200 " in logged and " GET 206 " in logged and session.api_key not in logged
    for path in (server.data / "media").rglob("*"):
        if path.is_file():
            path.unlink()


def test_event_hub_review_page_and_live_page(behind_nginx, session, http_client_for, certificate):
    server, url, _ = behind_nginx
    received = threading.Event()
    session.event_hub.connect()
    session.event_hub.subscribe("topic=ft-dcc.test", lambda _event: received.set())
    review = make_review(http_client_for(server))
    assert review.link.startswith(f"{url}/review/")
    page = requests.get(review.link, timeout=TIMEOUT_SECONDS)
    assert page.status_code == 200 and "<script" in page.text
    # A client with one thread: two threads that read and write one connection of OpenSSL can lose the request.
    trusted = {"ca_certs": str(certificate[0])}
    with closing(websocket.create_connection(f"wss{review.link[5:]}/live", TIMEOUT_SECONDS, sslopt=trusted)) as live:
        assert json.loads(live.recv())["type"] == "hello"
    with requests.get(f"{review.link}/events", stream=True, timeout=TIMEOUT_SECONDS) as events:
        assert b"hello" in next(line for line in events.iter_lines() if line.startswith(b"data: "))
    publish_event(session, "ft-dcc.test")
    wait_until(lambda: (session.event_hub.wait(0.1), received.is_set())[1], "the event")


def publish_event(session: Session, topic: str) -> None:
    from ft_dcc.session.events.event import Event

    session.event_hub.publish(Event(topic))


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/metrics/", "/%6Detrics", "/review/../metrics"])
def test_metrics_are_refused_with_and_without_a_key(behind_nginx, path):
    server, url, _ = behind_nginx
    login = (server.credentials.api_user, server.credentials.api_key)
    for auth in (None, login):
        request = requests.Request("GET", url, auth=auth).prepare()
        request.url = f"{url}{path}"
        with requests.Session() as client:
            assert client.send(request, verify=os.environ["REQUESTS_CA_BUNDLE"]).status_code == 403
    assert requests.get(f"{server.url}/metrics", auth=login, timeout=TIMEOUT_SECONDS).status_code == 200


def test_an_upload_that_a_proxy_refuses_names_its_limit(behind_nginx, certificate, tmp_path):
    server, listener = behind_nginx[0], socket.create_server(("127.0.0.1", 0))
    (tmp_path / "film.mov").write_bytes(bytes(17_000_000))
    change = {"client_max_body_size 0;": "client_max_body_size 1m;"}
    with listener, running_nginx(tmp_path / "nginx", server.url, certificate, listener, **change):
        known = server.credentials
        with Session(f"https://localhost:{listener.getsockname()[1]}", known.api_key, known.api_user) as session:
            location = session.get("Location", SERVER_LOCATION_ID)
            limit = r"(status 413|closed after \d+ of 17000000 bytes).*client_max_body_size"
            with pytest.raises(LocationError, match=limit):
                session.create_component(str(tmp_path / "film.mov"), location=location)


def test_the_service_is_valid_and_starts_the_server_with_options_that_exist(tmp_path: Path) -> None:
    from ft_dcc.cli.serve import command

    start = next(line for line in SERVICE.splitlines() if line.startswith("ExecStart=")).split()
    image = (FILES / "Dockerfile").read_text("utf-8")
    in_image = json.loads(image[image.index('CMD ["ft-dcc"') + 4 :])
    for arguments in (start[2:], in_image[2:]):
        command.make_context("serve", arguments).close()
    services = yaml.safe_load((FILES / "compose.yaml").read_text("utf-8"))["services"]
    assert services["nginx"]["volumes"][0].partition(":")[0] == "./nginx.conf"
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "ft-dcc.service"
    unit.write_text(SERVICE.replace("/opt/ft-dcc/bin/ft-dcc", shutil.which("true") or "/bin/true"), "utf-8")
    done = run_process(systemd, "verify", unit)
    assert (done.returncode, done.stderr) == (0, "")
