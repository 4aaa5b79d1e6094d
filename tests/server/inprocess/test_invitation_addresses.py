"""Invitations to odd addresses are refused with a sentence, and odd names do not end the mail's header."""

from __future__ import annotations

from typing import Any

import pytest

from ft_dcc.errors import ValidationError


def invite(client: Any, tree: Any, name: str, email: str) -> dict[str, Any]:
    session = client.create("ReviewSession", project_id=tree.project)
    invitee = client.create("ReviewSessionInvitee", name=name, email=email, review_session_id=session)
    operation = {"action": "send_review_session_invite", "review_session_invitee_id": invitee}
    answer: dict[str, Any] = client.call(operation)[0]
    return answer


@pytest.mark.parametrize(
    "email",
    [
        *(
            "m\u00fcller@example.com",
            "a@b..c",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@.b",
            "a@b.",
            "a@[",
            "a@b\u2028c",
            "@",
            "a@",
        ),
        *("(a)@b.c", "a@b(c", "\\@b.c", "a@\u2028", "a b@c.d", "a@b@c", "", "a"),
    ],
)
def test_addresses_that_no_mail_server_takes_are_refused(client: Any, tree: Any, email: str) -> None:
    with pytest.raises(ValidationError, match=r"e-mail address|needs 'email'"):
        invite(client, tree, "Ida", email)


@pytest.mark.parametrize("name", ["Ida\u2028Bcc: x@y.z", "Ida\u2029", "\x85", "M\u00fcller, Ida", '"', "\\", "a" * 500])
def test_odd_names_are_written_in_one_line(client: Any, tree: Any, name: str) -> None:
    assert invite(client, tree, name, "ida@example.com")["sent"] is True
