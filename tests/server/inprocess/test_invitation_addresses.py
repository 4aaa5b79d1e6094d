"""Invitations: odd addresses are refused, odd names do not end the mail's header, and their number is limited."""

from functools import partial
from uuid import uuid4

import attrs
import pytest
from doubles.operations import create, delete

from ft_dcc.server.errors import Conflict, DuplicateEntryError, ValidationError
from ft_dcc.server.identity import Caller
from ft_dcc.server.review import invitations
from ft_dcc.server.review.user_actions import find_user_access


def invite(client, tree, name, email):
    session = client.create("ReviewSession", project_id=tree.project)
    invitee = client.create("ReviewSessionInvitee", name=name, email=email, review_session_id=session)
    return client.call({"action": "send_review_session_invite", "review_session_invitee_id": invitee})[0]


ODD_ADDRESSES = (
    *(
        *("m\u00fcller@example.com", "a@b..c", ".a@b.c", "a.@b.c", "a..b@c.d", "a@.b", "a@b.", "a@[", "a@b\u2028c"),
        *("@", "a@"),
    ),
    *("(a)@b.c", "a@b(c", "\\@b.c", "a@\u2028", "a b@c.d", "a@b@c", "", "a"),
)


@pytest.mark.parametrize("email", ODD_ADDRESSES)
def test_addresses_that_no_mail_server_takes_are_refused(client, tree, email):
    with pytest.raises(ValidationError, match=r"e-mail address|needs 'email'"):
        invite(client, tree, "Ida", email)


def test_one_address_is_one_invitee_of_a_session(client, tree):
    session, other = (client.create("ReviewSession", project_id=tree.project) for _ in range(2))
    ida, again, bo = (
        create("ReviewSessionInvitee", review_session_id=session, name=name, email=email)
        for name, email in (("Ida", "ida@example.com"), ("I. Berg", " IDA@Example.com"), ("Bo", "bo@example.com"))
    )
    refused = pytest.raises(DuplicateEntryError, match=r"ida@example\.com is invited already, as Ida")
    with refused:
        client.call(ida, again)
    for _ in range(2):  # A client repeats a request whose answer was lost.
        client.call(ida, bo)
    with refused:
        client.call(again)
    with refused:
        client.update("ReviewSessionInvitee", bo["entity_data"]["id"], email="Ida@example.com")
    client.update("ReviewSessionInvitee", bo["entity_data"]["id"], email="Bo@example.com", rights="view")
    client.create("ReviewSessionInvitee", review_session_id=other, name="Ida", email="ida@example.com")
    # A user with this address, whose verdicts need an invitee, and a copy of it on another server.
    user = find_user_access(client.dispatcher, client.caller, session).invitee_id
    client.create("ReviewSessionInvitee", id=user, review_session_id=session, name="Ida", email="ida@example.com")
    names = client.names(f"select name from ReviewSessionInvitee where review_session_id is {session} order by name")
    assert names == ["Bo", "Ida", "Ida"]


@pytest.mark.parametrize("name", ["Ida\u2028Bcc: x@y.z", "Ida\u2029", "\x85", "M\u00fcller, Ida", '"', "\\", "a" * 500])
def test_odd_names_are_written_in_one_line(client, tree, name):
    assert invite(client, tree, name, "ida@example.com")["sent"] is True


def test_one_more_link_is_not_mailed_and_leaves_the_earlier_ones_valid(client, tree):
    operation = {"action": "send_review_session_invite"}
    answer = invite(client, tree, "Ida", "ida@example.com")
    invitee, mails = answer["data"]["id"], len(list(client.studio.mailer.outbox.glob("*.eml")))
    copied = client.call({**operation, "review_session_invitee_id": invitee, "link_only": True})[0]["link"]
    assert len(list(client.studio.mailer.outbox.glob("*.eml"))) == mails
    with client.studio.store.reading() as connection:
        found = [invitations.find_invitation(connection, each.rsplit("/", 1)[1]) for each in (copied, answer["link"])]
    assert [(row.invitee_id, row.revoked_at) for row in found] == [(invitee, None)] * 2


@attrs.define
class Sender:
    """A user whose invitations have low limits, and a clock that stands still."""

    client: object
    tree: object
    seconds: float = 1000.0

    def session(self) -> str:
        return str(self.client.create("ReviewSession", name="daily", project_id=self.tree.project))

    def invitations(self, session, number):
        """Return operations that send mails to one invitee of a session."""
        values = {"name": "Ida", "email": "ida@example.com", "review_session_id": session}
        invitee = self.client.create("ReviewSessionInvitee", **values)
        return [{"action": "send_review_session_invite", "review_session_invitee_id": invitee}] * number

    def outbox(self) -> int:
        return sum(1 for _ in self.client.studio.mailer.outbox.glob("*.eml"))


@pytest.fixture
def sender(client, tree, monkeypatch):
    sender = Sender(client, tree)
    monkeypatch.setitem(invitations._OF_SESSION, "burst", 4)
    monkeypatch.setitem(invitations._OF_USER, "burst", 6)
    limit = invitations.InvitationLimit(lambda: sender.seconds)
    action = partial(invitations.send_review_session_invite, client.studio.mailer, limit)
    monkeypatch.setitem(client.dispatcher.actions.all, "send_review_session_invite", action)
    return sender


def test_invitations_beyond_a_limit_are_refused_and_send_nothing(sender: Sender) -> None:
    session, before = sender.session(), sender.outbox()
    send = sender.invitations(session, 1)
    with pytest.raises(Conflict, match=r"for the review 'daily'.*try again in 1 minutes"):
        sender.client.call(*send * 5)
    assert sender.outbox() == before
    sender.client.call(*send * 4)
    with pytest.raises(Conflict, match="for the review 'daily'"):
        sender.client.call(*send)
    assert sender.outbox() == before + 4
    sender.seconds += 3600
    sender.client.call(*send)


def test_invitations_of_one_user_are_limited_over_all_sessions(sender: Sender) -> None:
    first, second, third = (sender.invitations(sender.session(), 3) for _ in range(3))
    sender.client.call(*first, *second)
    with pytest.raises(Conflict, match="by 'admin'"):
        sender.client.call(*third)
    role = sender.client.query('SecurityRole where name is "Administrator"')[0]["id"]
    user = sender.client.create("User", username=uuid4().hex)
    sender.client.create("UserSecurityRole", user_id=user, security_role_id=role)
    attrs.evolve(sender.client, caller=Caller(user, "other")).call(*third)


def test_a_request_that_fails_counts_no_invitations(sender: Sender) -> None:
    send, failing = sender.invitations(sender.session(), 4), delete("None")
    for _ in range(3):
        with pytest.raises(ValidationError):
            sender.client.call(*send, failing)
    sender.client.call(*send)
