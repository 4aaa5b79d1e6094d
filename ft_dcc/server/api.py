"""The ftrack protocol's one endpoint: a list of operations in, a list of answers out, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from sqlalchemy import Connection

from ft_dcc.errors import BadRequest, ValidationError
from ft_dcc.server.absent import ABSENT
from ft_dcc.server.access import Caller
from ft_dcc.server.asking import ASKING
from ft_dcc.server.audit import record
from ft_dcc.server.encoding import encode_media
from ft_dcc.server.entities.batch import Action, Batch, Operation
from ft_dcc.server.entities.changes import Changes
from ft_dcc.server.entities.create import create
from ft_dcc.server.entities.delete import remove
from ft_dcc.server.entities.update import change
from ft_dcc.server.keys import reset_remote
from ft_dcc.server.rights import Rights, rights_of
from ft_dcc.server.roles import ROLES
from ft_dcc.server.studio import Studio
from ft_dcc.server.updates import NOBODY, Origin, announce, describe
from ft_dcc.server.uploads import complete_upload, join_parts

# Actions that change the database; one of them makes the whole request a writing one.
WRITING: dict[str, Action] = {
    "create": create,
    "update": change,
    "delete": remove,
    "reset_remote": reset_remote,
    "complete_multipart_upload": complete_upload,
    "encode_media": encode_media,
    **ROLES,
}
# What runs before the transaction, because it takes long and touches only files.
BEFORE: dict[str, Callable[[Studio, Operation], None]] = {"complete_multipart_upload": join_parts}
ACTIONS: dict[str, Action] = {**ASKING, **WRITING, **ABSENT}


@attrs.frozen
class Outcome:
    """What a transaction leaves to be done: answers to be sent, files to be removed, listeners to be told."""

    answers: list[Any]
    removed_components: list[str]
    updates: list[dict[str, Any]]


def answer(
    studio: Studio,
    user: Caller,
    operations: list[Mapping[str, Any]],
    base_url: str,
    origin: Origin = NOBODY,
    *,
    is_denormalized: bool = False,
    rights: Rights | None = None,
) -> list[Any]:
    """Answer the operations of one request, all or none; they may refer to each other in any order.

    ``base_url`` is the address that the client sees the server at, without a slash at its end; ``origin`` is told to
    those who listen for changes; denormalized, an entity is told in full wherever it occurs. ``rights``
    are the user's own unless others are given. Raises a Refused.
    """
    for operation in operations:
        _check(operation)
    for operation in operations:
        if (prepare := BEFORE.get(str(operation["action"]))) is not None:
            prepare(studio, operation)

    def run(connection: Connection) -> Outcome:
        changes = Changes(is_wanted=studio.events.has_listeners)
        allowed = rights or rights_of(connection, studio.store.tables, user.id)
        batch = Batch(studio, user, connection, base_url, list(operations), ACTIONS, changes, allowed, is_denormalized)
        answers = batch.run()
        record(connection, user, [pair for pair in zip(operations, answers) if pair[0]["action"] in WRITING])
        return Outcome(answers, batch.removed_components, describe(batch))

    if not any(operation["action"] in WRITING for operation in operations):
        with studio.store.reading() as connection:
            return run(connection).answers
    outcome = studio.store.write(run, lambda done: announce(studio.events, user, origin, done.updates))
    for component_id in outcome.removed_components:
        studio.files.remove(component_id)
    if any(operation["action"] == "encode_media" for operation in operations):
        studio.media_to_encode.set()
    return outcome.answers


def _check(operation: Operation) -> None:
    name = operation.get("action")
    if not isinstance(name, str):
        raise BadRequest("An operation does not name its action. Add it.")
    if name not in ACTIONS:
        # Clients look for these very words.
        raise ValidationError(f"Invalid action u'{name[:80]}'")
