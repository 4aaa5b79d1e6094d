"""A web server on this machine that gives scripted answers, the last one for ever, and keeps the requests."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs


@attrs.frozen
class Request:
    method: str
    path: str
    headers: dict
    body: bytes


@attrs.define
class ScriptedServer:
    """The requests, and the answers to them: status, headers and content; status 0 cuts the connection."""

    port: int
    answers: list = attrs.field(factory=lambda: [(200, {}, b"")])
    requests: list = attrs.field(factory=list)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        script, body = self.server.script, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        script.requests.append(Request(self.command, self.path, dict(self.headers), body))
        status, headers, content = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
        if status == 0:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        # What was announced and is not there is never going to come.
        self.close_connection = int(headers.get("Content-Length", len(content))) != len(content)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names are http.server's

    def log_message(self, *_):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Do nothing: a client that does not trust the certificate ends the connection."""


@contextmanager
def scripted_server(address=("127.0.0.1", 0), family=socket.AF_INET, tls=None):
    """Run a server within the block, with TLS if there is a context."""
    Server.address_family = family
    with Server(address, Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.script = ScriptedServer(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.script
        server.shutdown()
        thread.join()
