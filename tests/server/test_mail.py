"""Invitations by a real mail server: with STARTTLS and a login, and what happens when it refuses."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests
from aiosmtpd.smtp import SMTP, AuthResult

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.mail import Post, read_post
from ft_dcc.server.outbox import letters

USER, PASSWORD = "reviews", "correct horse"


@attrs.define
class MailServer:
    """A mail server on this machine, and what it has taken."""

    port: int = 0
    taken: list[Any] = attrs.field(factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(envelope)
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=is_right or None)


@contextmanager
def serving(**options: Any) -> Iterator[MailServer]:
    """A mail server works inside, on a thread of its own."""
    mail, loop = MailServer(), asyncio.new_event_loop()
    if "auth_required" in options:
        options["authenticator"] = mail.authenticate
    making = loop.create_server(lambda: SMTP(mail, loop=loop, hostname="localhost", **options), "127.0.0.1", 0)
    # The loop runs on its own thread from the start: the browser's driver keeps one running on this thread.
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(making, loop).result(30)
    mail.port = server.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate, and it is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture
def mail_server(certificate: tuple[Path, Path]) -> Iterator[MailServer]:
    """A mail server that wants STARTTLS and a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(tls_context=context, require_starttls=True, auth_required=True) as mail:
        yield mail


def settings(mail: MailServer, certificate: tuple[Path, Path], **more: str) -> dict[str, str]:
    names = {"HOST": "localhost", "PORT": str(mail.port), "USER": USER, "PASSWORD": PASSWORD, "CA": str(certificate[0])}
    names.update({"FROM": "Reviews <reviews@example.com>"}, **more)
    return {f"FT_DCC_SMTP_{name}": value for name, value in names.items()}


def letter_to(address: str) -> EmailMessage:
    message = EmailMessage()
    message["To"], message["Subject"] = address, "Review: Dailies"
    message.set_content("Hello Ida,\n\nhttp://studio.test/review/1/2\n")
    return message


def test_a_letter_goes_out_by_starttls_and_login(tmp_path, mail_server, certificate):
    post = read_post(tmp_path, settings(mail_server, certificate))
    assert post.deliver(letter_to("ida@example.com")) == ""
    (taken,) = mail_server.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("reviews@example.com", ["ida@example.com"])
    assert b"From: Reviews <reviews@example.com>" in taken.content
    assert not post.outbox.exists()


def test_a_wrong_password_is_said_and_the_letter_goes_out_with_the_right_one(tmp_path, mail_server, certificate):
    wrong = read_post(tmp_path, settings(mail_server, certificate, PASSWORD="battery staple"))
    reason = wrong.deliver(letter_to("ida@example.com"))
    assert reason == (
        "The mail server localhost refused the login of reviews. Check FT_DCC_SMTP_USER and FT_DCC_SMTP_PASSWORD."
    )
    (kept,) = letters(wrong.outbox)
    assert (kept.to, kept.reason) == ("ida@example.com", reason)
    assert "battery staple" not in kept.path.read_text("utf-8")
    assert [found for _, found in wrong.send_waiting(is_everything=False)] == [reason]
    right = read_post(tmp_path, settings(mail_server, certificate))
    assert [found for _, found in right.send_waiting(is_everything=False)] == [""]
    (taken,) = mail_server.taken
    assert b"Reason" not in taken.content
    assert list(letters(right.outbox)) == []


def test_what_was_kept_without_a_mail_server_is_sent_when_somebody_says_so(tmp_path, mail_server, certificate):
    assert Post(tmp_path).deliver(letter_to("ida@example.com")) == ""
    post = read_post(tmp_path, settings(mail_server, certificate))
    assert list(post.send_waiting(is_everything=False)) == []
    assert [reason for _, reason in post.send_waiting(is_everything=True)] == [""]
    assert len(mail_server.taken) == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"CA": ""}, "cannot prove who it is. Name the certificates to trust in FT_DCC_SMTP_CA."),
        ({"PORT": "9"}, "cannot be reached at port 9 (ConnectionRefusedError)."),
    ],
)
def test_what_is_wrong_with_the_mail_server_is_one_sentence(tmp_path, mail_server, certificate, more, reason):
    post = read_post(tmp_path, settings(mail_server, certificate, **more))
    assert post.deliver(letter_to("ida@example.com")) == f"The mail server localhost {reason}"
    assert len(list(letters(post.outbox))) == 1


def test_a_mail_server_without_encryption_is_not_told_the_password(tmp_path, certificate):
    with serving() as mail:
        post = read_post(tmp_path, settings(mail, certificate))
        reason = post.deliver(letter_to("ida@example.com"))
    assert reason.startswith("The mail server localhost does not offer starttls or a login.")
    with pytest.raises(SettingInvalid, match="not sent in the clear"):
        read_post(tmp_path, settings(mail, certificate, SECURITY="none"))


def test_a_server_sends_by_itself_what_was_not_taken_before(
    tmp_path: Path, mail_server: MailServer, certificate: tuple[Path, Path], start_server: Callable[..., Any]
) -> None:
    data = tmp_path / "studio"
    data.mkdir()
    read_post(data, settings(mail_server, certificate, PASSWORD="wrong")).deliver(letter_to("ida@example.com"))
    words = settings(mail_server, certificate)
    (data / "mail.env").write_text("".join(f"{name}={value}\n" for name, value in words.items()), "utf-8")
    start_server(data)
    until = time.monotonic() + 30
    while not mail_server.taken and time.monotonic() < until:
        time.sleep(0.05)
    assert [taken.rcpt_tos for taken in mail_server.taken] == [["ida@example.com"]]


def test_links_of_reviews_begin_with_the_public_address(tmp_path, start_server):
    data = tmp_path / "studio"
    data.mkdir()
    (data / "mail.env").write_text("FT_DCC_PUBLIC_URL=https://reviews.example.com/\n", "utf-8")
    server = start_server(data)
    project = {"__entity_type__": "Project", "id": "film", "name": "film"}
    review = {"__entity_type__": "ReviewSession", "id": "dailies", "name": "Dailies", "project_id": "film"}
    operations = [
        {"action": "create", "entity_type": data["__entity_type__"], "entity_data": data} for data in (project, review)
    ]
    operations.append({"action": "query", "expression": "select review_url from ReviewSession"})
    answers = requests.post(f"{server.url}/api", json=operations, headers=server.headers, timeout=30).json()
    assert answers[2]["data"][0]["review_url"].startswith("https://reviews.example.com/review/dailies/")
