"""Invitations by a real mail server: with STARTTLS and a login, and what happens when it refuses."""

import asyncio
import shutil
import ssl
import threading
from contextlib import contextmanager
from email.message import EmailMessage

import attrs
import pytest
import requests
from aiosmtpd.smtp import SMTP, AuthResult
from doubles.reviews import review_operations
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.mail.mailer import Mailer, queued_messages, read_mailer

USER, PASSWORD = "reviews", "correct horse"


@attrs.define(slots=False)
class MailServer:
    """A mail server on this machine, and what it has taken."""

    port: int = 0
    taken: list = attrs.field(factory=list)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.taken.append(envelope)
        return "250 OK"

    def authenticate(self, server, session, envelope, mechanism, data):
        is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=is_right or None)


@contextmanager
def serving(**options):
    """Run a mail server on a thread within the context."""
    mail, loop = MailServer(), asyncio.new_event_loop()
    if "auth_required" in options:
        options["authenticator"] = mail.authenticate
    connections = []

    def accept() -> SMTP:
        connections.append(SMTP(mail, loop=loop, hostname="localhost", **options))
        return connections[-1]

    async def close() -> None:
        server.close()
        # The server's side of a connection ends after the client's; a loop that stops before leaves it open.
        while any(connection.transport is not None for connection in connections):
            await asyncio.sleep(0.01)

    making = loop.create_server(accept, "127.0.0.1", 0)
    # The loop runs on its own thread from the start: the browser's driver keeps one running on this thread.
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(making, loop).result(30)
    mail.port = server.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def mail_server(certificate):
    """Run a mail server that requires STARTTLS and a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(tls_context=context, require_starttls=True, auth_required=True) as mail:
        yield mail


def settings(mail, certificate, **more):
    names = {"HOST": "localhost", "PORT": str(mail.port), "USER": USER, "PASSWORD": PASSWORD, "CA": str(certificate[0])}
    names.update({"FROM": "Reviews <reviews@example.com>"}, **more)
    return {f"FT_DCC_SMTP_{name}": value for name, value in names.items()}


def letter_to(address: str) -> EmailMessage:
    message = EmailMessage()
    message["To"], message["Subject"] = address, "Review: Dailies"
    message.set_content("Hello Ida,\n\nhttp://studio.test/review/1/2\n")
    return message


def test_message_is_sent_with_starttls_and_login(tmp_path, mail_server, certificate):
    post = read_mailer(tmp_path, settings(mail_server, certificate))
    assert post.send(letter_to("ida@example.com")) == ""
    (taken,) = mail_server.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("reviews@example.com", ["ida@example.com"])
    assert b"From: Reviews <reviews@example.com>" in taken.content
    assert not post.outbox.exists()


def test_wrong_password_is_reported_and_the_message_is_sent_after_correction(tmp_path, mail_server, certificate):
    wrong = read_mailer(tmp_path, settings(mail_server, certificate, PASSWORD="battery staple"))
    reason = wrong.send(letter_to("ida@example.com"))
    refused = "The mail server localhost refused the login of reviews."
    assert reason == f"{refused} Check FT_DCC_SMTP_USER and FT_DCC_SMTP_PASSWORD."
    (kept,) = queued_messages(wrong.outbox)
    assert (kept.to, kept.reason) == ("ida@example.com", reason)
    assert "battery staple" not in kept.path.read_text("utf-8")
    assert [found for _, found in wrong.send_queued(is_everything=False)] == [reason]
    right = read_mailer(tmp_path, settings(mail_server, certificate))
    assert [found for _, found in right.send_queued(is_everything=False)] == [""]
    (taken,) = mail_server.taken
    assert b"Reason" not in taken.content
    assert list(queued_messages(right.outbox)) == []


def test_queued_messages_are_sent_on_command(tmp_path, mail_server, certificate):
    assert Mailer(tmp_path).send(letter_to("ida@example.com")) == ""
    post = read_mailer(tmp_path, settings(mail_server, certificate))
    assert list(post.send_queued(is_everything=False)) == []
    assert [reason for _, reason in post.send_queued(is_everything=True)] == [""]
    assert len(mail_server.taken) == 1


def test_message_during_which_the_server_was_killed_is_sent_on_command_only(tmp_path, mail_server, certificate):
    wrong = read_mailer(tmp_path, settings(mail_server, certificate, PASSWORD="wrong"))
    wrong.send(letter_to("ida@example.com"))
    post = read_mailer(tmp_path, settings(mail_server, certificate))

    async def copy(*_):
        (path,) = post.outbox.glob("*.eml*")
        shutil.copy(path, tmp_path)
        return "250 OK"

    mail_server.handle_DATA = copy
    assert [reason for _, reason in post.send_queued(is_everything=False)] == [""]
    (left,) = tmp_path.glob("*.eml*")
    shutil.move(left, post.outbox)
    assert list(post.send_queued(is_everything=False)) == []
    (kept,) = queued_messages(post.outbox)
    assert kept.reason == "The server stopped while it sent this mail. Send it again if it did not arrive."
    assert [reason for _, reason in post.send_queued(is_everything=True)] == [""]
    assert list(post.outbox.glob("*.eml*")) == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"CA": ""}, "cannot prove who it is. Name the certificates to trust in FT_DCC_SMTP_CA."),
        ({"PORT": "9"}, "cannot be reached at port 9 (ConnectionRefusedError)."),
    ],
)
def test_mail_server_error_is_one_sentence(tmp_path, mail_server, certificate, more, reason):
    post = read_mailer(tmp_path, settings(mail_server, certificate, **more))
    assert post.send(letter_to("ida@example.com")) == f"The mail server localhost {reason}"
    assert len(list(queued_messages(post.outbox))) == 1


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["451 Come back, secret", "550-No,\r\n550 secret", "secret", "x" * 9_000, None])
def test_a_mail_server_that_refuses_or_breaks_off_a_mail_is_one_sentence(tmp_path, step, answer):
    async def respond(server, *_):
        if answer is None:
            server.transport.abort()
        return answer

    with serving() as mail:
        setattr(mail, f"handle_{step}", respond)
        names = {"HOST": "localhost", "PORT": str(mail.port), "SECURITY": "none", "FROM": "reviews@example.com"}
        mailer = read_mailer(tmp_path, {f"FT_DCC_SMTP_{name}": value for name, value in names.items()})
        reason = mailer.send(letter_to("ida@example.com"))
    assert reason.startswith("The mail server localhost ") and "secret" not in reason and "\n" not in reason
    (kept,) = queued_messages(mailer.outbox)
    assert (kept.reason, kept.to) == (reason, "ida@example.com")


def test_password_is_not_sent_without_encryption(tmp_path, certificate):
    with serving() as mail:
        reason = read_mailer(tmp_path, settings(mail, certificate)).send(letter_to("ida@example.com"))
    assert reason.startswith("The mail server localhost does not offer starttls or a login.")
    with pytest.raises(SettingInvalid, match="not sent in the clear"):
        read_mailer(tmp_path, settings(mail, certificate, SECURITY="none"))


def test_server_retries_queued_messages(tmp_path, mail_server, certificate, start_server):
    data = tmp_path / "studio"
    data.mkdir()
    read_mailer(data, settings(mail_server, certificate, PASSWORD="wrong")).send(letter_to("ida@example.com"))
    words = settings(mail_server, certificate)
    (data / "mail.env").write_text("".join(f"{name}={value}\n" for name, value in words.items()), "utf-8")
    start_server(data)
    wait_until(lambda: mail_server.taken, "the message in the mail server")
    assert [taken.rcpt_tos for taken in mail_server.taken] == [["ida@example.com"]]


def invite_from(server, **headers):
    """Return the address of a new review session, and the text of the mail that invites to it."""
    ids, operations = review_operations()
    operations.append({"action": "send_review_session_invite", "review_session_invitee_id": ids.invitee})
    expression = f"select review_url from ReviewSession where id is {ids.session}"
    operations.append({"action": "query", "expression": expression})
    sent = {**server.headers, **headers}
    answers = requests.post(f"{server.url}/api", json=operations, headers=sent, timeout=TIMEOUT_SECONDS).json()
    (mail,) = (server.data / "outbox").glob("*.eml")
    return answers[-1]["data"][0]["review_url"], mail.read_text("utf-8").replace("=\n", "")


@pytest.mark.parametrize("public_url", ["", "https://reviews.example.com"])
def test_links_begin_with_the_public_url_and_never_with_the_host_header(tmp_path, start_server, public_url):
    data = tmp_path / "studio"
    data.mkdir()
    (data / "mail.env").write_text(f"FT_DCC_PUBLIC_URL={public_url}\n", "utf-8")
    server = start_server(data)
    address, text = invite_from(server, Host="attacker.example.com")
    assert f"{public_url or server.url}/review/" in text
    assert "attacker" not in text
    if public_url:
        assert address.startswith(f"{public_url}/review/")
