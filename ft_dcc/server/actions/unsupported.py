"""Actions of a large site that the studio server does not have: each is refused with an alternative."""

from __future__ import annotations

from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation
from ft_dcc.server.errors import ValidationError

_REASONS = {
    "delayed_job": "There is no directory to import users from. Create them as User entities.",
    "configure_totp": "There is no second factor. Users authenticate with their API key.",
    "send_user_invite": "Users are not invited by mail. Create an API key with reset_remote and pass it on.",
}


def _refuse(_batch: Batch, operation: Operation) -> Answer:
    name = str(operation["action"])
    raise ValidationError(f"'{name}' is not supported by this server. {_REASONS[name]}")


UNSUPPORTED_ACTIONS: dict[str, Action] = dict.fromkeys(_REASONS, _refuse)
