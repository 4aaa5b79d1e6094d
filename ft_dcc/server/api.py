"""The ftrack protocol's one endpoint: a list of operations in, a list of answers out, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import attrs
from anyio import to_thread
from sqlalchemy import Connection

from ft_dcc.errors import BadRequest, TakesLong, ValidationError
from ft_dcc.server.absent import ABSENT
from ft_dcc.server.access import Caller
from ft_dcc.server.asking import ASKING
from ft_dcc.server.audit import record
from ft_dcc.server.connections import begin
from ft_dcc.server.encoding import encode_media
from ft_dcc.server.entities.batch import Action, Batch, Operation
from ft_dcc.server.entities.changes import Changes
from ft_dcc.server.entities.create import create
from ft_dcc.server.entities.delete import remove
from ft_dcc.server.entities.update import change
from ft_dcc.server.invitations import INVITING
from ft_dcc.server.keys import reset_remote
from ft_dcc.server.query.level import Reader
from ft_dcc.server.rights import Rights, rights_of
from ft_dcc.server.roles import ROLES
from ft_dcc.server.studio import Studio
from ft_dcc.server.updates import NOBODY, Origin, announce, changes_standing, describe
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
    **INVITING,
}
# What decides who may come in, and see what.
_DECISIVE = frozenset(("reset_remote", *ROLES))
_MOST_AT_A_GLANCE = 4
# What runs before the transaction, because it takes long and touches only files.
BEFORE: dict[str, Callable[[Studio, Operation], None]] = {"complete_multipart_upload": join_parts}
ACTIONS: dict[str, Action] = {**ASKING, **WRITING, **ABSENT}


@attrs.frozen
class Outcome:
    """What a transaction leaves to be done: answers, files to be removed, listeners to be told, mail to be sent."""

    answers: list[Any]
    removed_components: list[str]
    updates: list[dict[str, Any]]
    after_commit: list[Callable[[], None]]


@attrs.frozen(eq=False)
class Asked:
    """One request: its operations, who sent it, and the address that the client sees the server at (without a slash).

    ``origin`` is told to those who listen for changes; denormalized, an entity is told in full wherever it occurs.
    ``rights`` are the caller's own unless others are given.
    """

    studio: Studio
    caller: Caller
    operations: list[Mapping[str, Any]]
    base_url: str
    origin: Origin = NOBODY
    is_denormalized: bool = False
    rights: Rights | None = None

    def __attrs_post_init__(self) -> None:
        """Raise a Refused when an operation is none."""
        for operation in self.operations:
            _check(operation)

    @property
    def is_writing(self) -> bool:
        """Whether the request changes the database."""
        return any(operation["action"] in WRITING for operation in self.operations)

    def read(self) -> list[Any]:
        """Return the answers to a request that changes nothing."""
        with self.studio.store.reading() as connection:
            return self._run(connection).answers

    def read_at_a_glance(self) -> list[Any]:
        """Return the answers to a few queries; raises TakesLong when they are none, or turn out not to be quick."""
        expressions = [operation.get("expression") for operation in self.operations if operation["action"] == "query"]
        if not len(expressions) == len(self.operations) <= _MOST_AT_A_GLANCE:
            raise TakesLong("Only a few queries are answered at once.")
        studio = self.studio
        commits = studio.store.commits
        with studio.store.glancing() as connection:
            if len(expressions) > 1:
                begin(connection)
            rights = self.rights or studio.known_rights.of(connection, studio.store.tables, self.caller.id, commits)
            reader = Reader(connection, self.base_url, rights.projects)
            return [{"action": "query", **self._tell(reader, expression)} for expression in expressions]

    def _tell(self, reader: Reader, expression: object) -> dict[str, Any]:
        if not isinstance(expression, str):
            raise TakesLong("What is wrong with it is told elsewhere.")
        return self.studio.queries.tell(reader, expression, is_denormalized=self.is_denormalized, is_glance=True)

    def prepare(self) -> None:
        """What comes before the transaction is done."""
        for operation in self.operations:
            if (prepare := BEFORE.get(str(operation["action"]))) is not None:
                prepare(self.studio, operation)

    @property
    def needs_preparation(self) -> bool:
        """Whether anything comes before the transaction."""
        return any(operation["action"] in BEFORE for operation in self.operations)

    def submit(self) -> Future[Outcome]:
        """Return what will be there once the changes are on the disk and those who listen have been told."""
        return self.studio.store.submit(self._run, self._announce)

    def finish(self, outcome: Outcome) -> list[Any]:
        """Return the answers, when the files of removed components are gone and mail is on its way, too."""
        for component_id in outcome.removed_components:
            self.studio.files.remove(component_id)
        for finish in outcome.after_commit:
            finish()
        return outcome.answers

    def _announce(self, outcome: Outcome) -> None:
        actions = {str(operation["action"]) for operation in self.operations}
        if not actions.isdisjoint(_DECISIVE) or changes_standing(outcome.updates):
            self.studio.events.refresh(self.studio.store)
        announce(self.studio.events, self.caller, self.origin, outcome.updates)
        if "encode_media" in actions:
            self.studio.media_to_encode.set()

    def _run(self, connection: Connection) -> Outcome:
        studio = self.studio
        changes = Changes(is_wanted=studio.events.has_listeners)
        rights = self.rights or rights_of(connection, studio.store.tables, self.caller.id)
        batch = Batch(
            studio,
            self.caller,
            connection,
            self.base_url,
            self.operations,
            ACTIONS,
            changes,
            rights,
            self.is_denormalized,
        )
        answers = batch.run()
        done = [pair for pair in zip(self.operations, answers) if pair[0]["action"] in WRITING]
        record(connection, self.caller, done)
        return Outcome(answers, batch.removed_components, describe(batch), batch.after_commit)


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

    The parameters are those of :class:`Asked`. Raises a Refused.
    """
    asked = Asked(studio, user, list(operations), base_url, origin, is_denormalized, rights)
    asked.prepare()
    return asked.finish(asked.submit().result()) if asked.is_writing else asked.read()


async def answer_soon(asked: Asked) -> list[Any]:
    """Answer the operations likewise, and let the event loop go on meanwhile.

    What is quick is read at once: to hand it to a thread and back takes longer than to read it.
    """
    if not asked.is_writing:
        with suppress(TakesLong):
            return asked.read_at_a_glance()
        return await to_thread.run_sync(asked.read)
    if asked.needs_preparation:
        await to_thread.run_sync(asked.prepare)
    # The transaction goes on when the request is given up, and then somebody must take what it returns.
    outcome = await asyncio.shield(asyncio.wrap_future(asked.submit()))
    if outcome.removed_components or outcome.after_commit:
        return await to_thread.run_sync(asked.finish, outcome)
    return outcome.answers


def _check(operation: Operation) -> None:
    name = operation.get("action")
    if not isinstance(name, str):
        raise BadRequest("An operation does not name its action. Add it.")
    if name not in ACTIONS:
        # Clients look for these very words.
        raise ValidationError(f"Invalid action u'{name[:80]}'")
