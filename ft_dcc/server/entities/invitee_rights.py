"""The rights of an invitee on the review page, which are words in ``ReviewSessionInvitee.rights``."""

from __future__ import annotations

from typing import Any

from ft_dcc.server.entities.batch import Row
from ft_dcc.server.errors import ValidationError

WRITE_RIGHTS = frozenset(("comment", "draw", "decide"))
ALL_RIGHTS = WRITE_RIGHTS | {"download", "present"}
_WORDS = ("view", "comment", "draw", "decide", "download", "present")
# Of invitees that were created by clients that do not know the attribute.
_DEFAULT_RIGHTS = WRITE_RIGHTS


def rights_of(text: Any) -> frozenset[str]:
    """Return the rights in the value of an invitee; every invitee may view."""
    return _DEFAULT_RIGHTS if text is None else frozenset(str(text).split()) & ALL_RIGHTS


def check_rights(_row: Row, changed: Row) -> None:
    """Raise ValidationError if the changed values of an invitee contain an unknown right."""
    unknown = sorted(set(str(changed.get("rights") or "").split()) - set(_WORDS))
    if unknown:
        raise ValidationError(f"There is no right '{unknown[0][:40]}'. An invitee can have {', '.join(_WORDS)}.")
