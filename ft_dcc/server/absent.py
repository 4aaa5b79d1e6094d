"""Actions of a large site that a studio of one process does not have: each is refused by name, with a way around."""

from __future__ import annotations

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Action, Answer, Batch, Operation

_REASONS = {
    "delayed_job": "There is no directory to take users from. Create them as User entities.",
    "configure_totp": "There is no second factor here. Users come in by their API key.",
    "send_user_invite": "There is no mail to users here. Give the user an API key with reset_remote and pass it on.",
}


def _refuse(_batch: Batch, operation: Operation) -> Answer:
    name = str(operation["action"])
    raise ValidationError(f"'{name}' is not done here. {_REASONS[name]}")


ABSENT: dict[str, Action] = dict.fromkeys(_REASONS, _refuse)
