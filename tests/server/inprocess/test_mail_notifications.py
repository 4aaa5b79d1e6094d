"""Mails about new versions and feedback, and the switch for them."""

from __future__ import annotations

import json
import re
import time
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import attrs
import pytest
from doubles.event_loop import run_coroutine
from doubles.operations import create, keyed
from doubles.reviews import FUTURE, PAST, review_operations

from ft_dcc.errors import SettingInvalid
from ft_dcc.server.app import make_app
from ft_dcc.server.identity import Caller
from ft_dcc.server.mail.mailer import read_mailer
from ft_dcc.server.notifications.webhooks import WebhookClient
from ft_dcc.server.notifications.worker import process_notifications

from .conftest import StudioClient


@attrs.define
class RecordingMailServer:
    """A mail server that keeps the messages that it takes."""

    host: str = "mail.test"
    port: int = 25
    sender: str = "Reviews <reviews@example.com>"
    messages: list = attrs.field(factory=list)
    error: Exception | None = None

    def send(self, message):
        if self.error is not None:
            raise self.error
        self.messages.append(message)


@attrs.frozen
class Browser:
    """A browser that calls the application of a studio directly."""

    app: object

    def get(self, url):
        return run_coroutine(self._request("GET", url, b""))

    def post(self, url, **fields):
        return run_coroutine(self._request("POST", url, urlencode(fields).encode()))

    async def _request(self, method, url, body):
        parts = urlsplit(url)
        headers = [(b"host", b"studio.test")]
        scope = {"type": "http", "method": method, "path": parts.path, "raw_path": parts.path.encode()}
        scope.update(query_string=parts.query.encode(), headers=headers, client=("127.0.0.1", 1), scheme="http")
        scope.update(server=("studio.test", 80), http_version="1.1", root_path="")
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent).decode()
        return SimpleNamespace(status_code=sent[0]["status"], text=text)


@pytest.fixture
def mail(studio):
    studio.mailer.server, studio.mailer.own_url = RecordingMailServer(), "http://studio.test"
    studio.mailer.sends_notifications = True
    # What other tests of the module have recorded.
    process_notifications(studio, WebhookClient(), time.time())
    studio.mailer.server.messages.clear()
    yield studio.mailer.server
    studio.mailer.server = None


@pytest.fixture
def run(studio):
    """Send mails about what was recorded."""
    return lambda: process_notifications(studio, WebhookClient(), time.time())


@pytest.fixture
def reviewed(client, tree):
    """Create an artist with version 3 of an asset in a review session, and an invited reviewer; return the ids."""
    artist = str(uuid4())
    version = {"version": 3, "task_id": tree.animation, "user_id": artist}
    ids, operations = review_operations(tree.project, tree.shot, **version)
    ids.artist, ids.artist_email = artist, f"ida-{artist[:8]}@example.com"
    ida = {"username": f"ida{artist[:8]}", "first_name": "Ida", "email": ids.artist_email}
    # The entry of the version is added by the tests.
    operations = [each for each in operations if each["entity_type"] != "ReviewSessionObject"]
    client.call(create("User", id=artist, is_active=True, **ida), *operations)
    return ids


def invite(client, reviewed):
    (answer,) = client.call({"action": "send_review_session_invite", "review_session_invitee_id": reviewed.invitee})
    assert answer["sent"]
    client.studio.mailer.server.messages.clear()


def add_entry(client, reviewed, **values):
    data = {"review_session_id": reviewed.session, "version_id": reviewed.version, "name": "sh010", "description": ""}
    return client.create("ReviewSessionObject", **{**data, **values})


def write_note(client, reviewed, text, parent=None, **values):
    parent_type, parent_id = parent or ("AssetVersion", reviewed.version)
    return client.create("Note", content=text, parent_id=parent_id, parent_type=parent_type, **values)


def plain(message):
    return message.get_body(("plain",)).get_content()


def test_invitee_gets_one_mail_about_versions_that_were_added_together(client, mail, run, reviewed):
    invite(client, reviewed)
    client.update("AssetVersion", reviewed.version, comment="Second pass")
    add_entry(client, reviewed)
    add_entry(client, reviewed, name="again")
    run()
    (message,) = mail.messages
    assert (message["To"], message["Subject"]) == ("Ada Example <ada@example.com>", "2 new versions in Dailies")
    assert "  - sh010 playblast v003: Second pass\n" in plain(message)
    link = re.search(rf"http://studio\.test(/review/{reviewed.session}/\S+)", plain(message))[1]
    page = Browser(make_app(client.studio)).get(f"{link}/data")
    assert (page.status_code, json.loads(page.text)["visitor"]) == (200, "Ada Example")
    run()
    assert len(mail.messages) == 1


def test_person_without_a_valid_link_gets_no_mail(client, mail, run, reviewed):
    add_entry(client, reviewed)
    run()
    invite(client, reviewed)
    add_entry(client, reviewed)
    client.call({"action": "revoke_review_session_invite", "review_session_invitee_id": reviewed.invitee})
    run()
    assert mail.messages == []


@pytest.mark.parametrize("values", [{"end_date": PAST}, {"start_date": FUTURE}])
def test_versions_of_a_session_that_is_not_open_are_not_mailed(client, mail, run, reviewed, values):
    invite(client, reviewed)
    add_entry(client, reviewed)
    client.update("ReviewSession", reviewed.session, **values)
    run()
    assert mail.messages == []


def test_artist_gets_the_notes_and_verdicts_on_a_version(client, mail, run, reviewed):
    entry = add_entry(client, reviewed)
    note = write_note(client, reviewed, "Arm too <high>\n& late", ("ReviewSessionObject", entry))
    client.call(keyed("Metadata", parent_id=note, parent_type="Note", key="ft_dcc", value='{"frame": 1010}'))
    status = {"review_session_object_id": entry, "review_session_invitee_id": reviewed.invitee}
    verdict = client.create("ReviewSessionObjectStatus", status="seen", **status)
    client.update("ReviewSessionObjectStatus", verdict, status="require_changes")
    write_note(client, reviewed, "On the version")
    run()
    message, other = mail.messages
    assert message["To"] == f"Ida <{reviewed.artist_email}>"
    assert message["Subject"] == "1 new note and 1 verdict on sh010 playblast v003"
    text, html = plain(message), message.get_body(("html",)).get_content()
    assert "  - Frame 1010, admin: Arm too <high> & late\n  - Ada Example: asks for changes\n" in text
    assert f"  http://studio.test/review/{reviewed.session}\n" in text
    assert "Arm too &lt;high&gt; &amp; late" in html
    assert "<high>" not in html
    assert "/review/" not in plain(other)


def test_own_notes_deleted_notes_and_notes_on_other_entities_are_not_mailed(client, mail, run, reviewed, tree):
    artist = StudioClient(client.dispatcher, Caller(reviewed.artist, "ida"))
    role = client.query('select id from SecurityRole where name is "Administrator"')[0]["id"]
    client.create("UserSecurityRole", user_id=reviewed.artist, security_role_id=role, is_all_open_projects=True)
    write_note(artist, reviewed, "My own note")
    client.delete("Note", write_note(client, reviewed, "Withdrawn"))
    write_note(client, reviewed, "On the shot", ("Shot", tree.shot))
    run()
    assert mail.messages == []


def test_link_in_a_mail_switches_mails_off_and_on_again(client, mail, run, reviewed):
    # Addresses are the same in any case.
    client.update("User", reviewed.artist, email=reviewed.artist_email.upper())

    def mails_after(text):
        write_note(client, reviewed, text)
        run()
        return len(mail.messages)

    assert mails_after("One") == 1
    (message,) = mail.messages
    link = message["List-Unsubscribe"].strip("<>")
    assert link in plain(message)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    browser = Browser(make_app(client.studio))
    page = browser.get(link)
    assert (page.status_code, 'value="off"' in page.text, 'value="on"' in page.text) == (200, True, False)
    assert mails_after("Two") == 2
    client.update("User", reviewed.artist, email=reviewed.artist_email)
    assert 'value="on"' in browser.post(link, **{"List-Unsubscribe": "One-Click"}).text
    assert mails_after("Three") == 2
    assert 'value="off"' in browser.post(link, mails="on").text
    assert mails_after("Four") == 3
    browser.post(link, mails="off")
    assert mails_after("Five") == 3


@pytest.mark.parametrize("token", ["x", "x.y", "e30.AAAA"])
def test_forged_link_changes_nothing(client, token):
    browser = Browser(make_app(client.studio))
    for answer in (browser.get(f"/notifications/{token}"), browser.post(f"/notifications/{token}")):
        assert (answer.status_code, "This link is not valid" in answer.text) == (404, True)


def test_mail_that_fails_ends_and_repeats_no_other(client, mail, run, reviewed, studio, monkeypatch):
    mail.error = OSError("down")
    write_note(client, reviewed, "Arm too high")
    run()
    texts = [path.read_text("utf-8") for path in studio.mailer.outbox.glob("*.eml")]
    assert sum(reviewed.artist_email in text for text in texts) == 1
    mail.error = RuntimeError("a mistake in the mail")
    write_note(client, reviewed, "Two")
    run()
    mail.error = None
    run()
    assert mail.messages == []


def test_studio_without_a_mail_server_or_with_mails_switched_off_collects_none(client, mail, run, reviewed, studio):
    studio.mailer.sends_notifications = False
    write_note(client, reviewed, "One")
    run()
    studio.mailer.sends_notifications = True
    studio.mailer.server = None
    write_note(client, reviewed, "Two")
    run()
    studio.mailer.server = mail
    run()
    assert mail.messages == []


def test_mails_are_switched_off_in_the_settings(tmp_path):
    assert read_mailer(tmp_path, {}).sends_notifications
    assert not read_mailer(tmp_path, {"FT_DCC_MAIL_NOTIFICATIONS": "false"}).sends_notifications
    with pytest.raises(SettingInvalid, match="FT_DCC_MAIL_NOTIFICATIONS must be true or false, not 'no'"):
        read_mailer(tmp_path, {"FT_DCC_MAIL_NOTIFICATIONS": "no"})


def test_many_and_long_notes_are_shortened(client, mail, run, reviewed):
    place = {"parent_id": reviewed.version, "parent_type": "AssetVersion"}
    client.call(*(create("Note", content=f"Note {number} " + "x" * 2000, **place) for number in range(60)))
    run()
    (message,) = mail.messages
    assert message["Subject"] == "60 new notes on sh010 playblast v003"
    assert plain(message).count("  - ") == 51
    assert "  - and 10 more\n" in plain(message)
    assert max(map(len, plain(message).splitlines())) < 600


def test_names_with_line_ends_add_no_header(client, mail, run, reviewed):
    client.update("User", reviewed.artist, first_name="Ida\r\nBcc: eve@example.com")
    client.update("Asset", reviewed.asset, name="main\r\nBcc: eve@example.com")
    write_note(client, reviewed, "Arm \x1b[31m\u202e<img src=x>")
    run()
    (message,) = mail.messages
    assert message["Bcc"] is None
    text = message.get_body(("html",)).get_content() + plain(message).replace("<img", "")
    assert [each for each in ("\x1b", "\u202e", "<img") if each in text] == []
    assert "\n" not in message["Subject"]


@pytest.mark.parametrize("is_review_closed", [False, True])
def test_no_mail_tells_an_artist_about_a_project_that_was_closed(client, mail, run, reviewed, tree, is_review_closed):
    if is_review_closed:
        other = client.create("Project", name=str(uuid4()), is_private=True)
        review = client.create("ReviewSession", name="Private", project_id=other)
        entry = add_entry(client, reviewed, review_session_id=review)
        write_note(client, reviewed, "secret", ("ReviewSessionObject", entry))
    else:
        write_note(client, reviewed, "secret")
        client.update("Project", tree.project, is_private=True)
    run()
    assert mail.messages == []
    write_note(client, reviewed, "open")
    client.update("Project", tree.project, is_private=False)
    run()
    (message,) = mail.messages
    assert "secret" not in plain(message)
    assert "open" in plain(message)
