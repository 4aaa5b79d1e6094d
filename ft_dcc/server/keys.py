"""``reset_remote``: a user's API key is replaced."""

from __future__ import annotations

from ft_dcc.errors import Forbidden, ValidationError
from ft_dcc.server.access import issue_key, revoke_keys
from ft_dcc.server.entities.batch import Answer, Batch, Operation


def reset_remote(batch: Batch, operation: Operation) -> Answer:
    """The user has a new API key, which the answer tells, and no other."""
    if operation.get("reset_type") != "api_key":
        raise ValidationError("Only an api_key can be reset. Send that as reset_type.")
    user_id = operation.get("entity_key") or batch.caller.id
    if not isinstance(user_id, str) or batch.row("User", user_id) is None:
        raise ValidationError(f"There is no user '{user_id}' whose API key could be reset.")
    if user_id != batch.caller.id and not batch.rights.is_administrator:
        raise Forbidden("Only an administrator of the studio may reset the API key of somebody else. Ask one.")
    revoke_keys(batch.connection, user_id)
    return {"action": "reset_remote", "data": {"api_key": issue_key(batch.connection, user_id)}}
