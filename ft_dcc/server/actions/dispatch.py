"""Answer API requests: a list of operations in, a list of answers out, in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from typing import Any
from weakref import WeakValueDictionary

import attrs
from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection

from ft_dcc.errors import WouldBlock
from ft_dcc.server.auth.api_keys import active_user_since
from ft_dcc.server.auth.permissions import Permissions, permissions_of
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import audit_log, closed_reviews, connections
from ft_dcc.server.entities import changes, history
from ft_dcc.server.entities.batch import Action, Batch, Operation
from ft_dcc.server.errors import BadRequest, Forbidden, PayloadTooLarge, ReviewSessionClosedError, ValidationError
from ft_dcc.server.events import update_events
from ft_dcc.server.http.rate_limit import Slots
from ft_dcc.server.identity import Caller
from ft_dcc.server.query.loader import QueryContext

_MAX_INLINE_QUERIES = 4
_MAX_THREADS_PER_USER = 5
MAX_OPERATIONS = 5_000
# Each of these has the same answer in one request, which can be large.
_CONSTANT_ACTIONS, _MAX_CONSTANT_ACTIONS = frozenset(("query_schemas", "query_server_information")), 10
MAX_READ_SECONDS, MAX_WRITE_QUERY_SECONDS = 20.0, 2.0
MAX_READ_CHARACTERS = 64 << 20
# Nobody else can write until a transaction ends. Work is counted and not measured, so that the same request is
# accepted on a slow machine and on a fast one.
# Of one transaction, and of the transactions of one user that run or wait at once; one unit is a small create.
MAX_UNITS = 5_000
# Deriving the hash of a passphrase takes as long as hundreds of other changes, which is its purpose.
_UNITS = {"delete": 5, "query": 5, "search": 5, "encode_media": 20, "send_review_session_invite": 20}
_PASSPHRASE_UNITS = 250


@attrs.frozen(eq=False)
class ActionRegistry:
    """The actions by name: those that only read, and those that write, with what runs before and after them.

    One writing operation makes the whole request a writing one. ``prepare`` runs before the transaction, because it
    takes long and touches only files; ``on_commit`` runs once after a committed request with such an operation.
    ``permission_actions`` are the names of the actions that change what users may do.
    """

    reading: Mapping[str, Action]
    writing: Mapping[str, Action]
    prepare: Mapping[str, Callable[[Operation], None]]
    on_commit: dict[str, Callable[[], None]]
    permission_actions: frozenset[str]
    all: Mapping[str, Action] = attrs.field(
        init=False, default=attrs.Factory(lambda self: {**self.reading, **self.writing}, takes_self=True)
    )


@attrs.frozen
class CommitResult:
    """The answers of a transaction, and the work that it leaves: files to remove, changes to publish, mail to send."""

    answers: list[Any]
    removed_components: list[str]
    updates: list[update_events.EntityUpdate]
    after_commit: list[Callable[[], None]]


class Dispatcher:
    """Answers the requests of a studio with the actions of a registry."""

    def __init__(self, context: ServerContext, actions: ActionRegistry) -> None:
        self.context, self.actions = context, actions
        # Requests of a user wait while too much work of the same user waits for the writer.
        self._writing = Slots("changes", MAX_UNITS)
        self._threads: WeakValueDictionary[str, CapacityLimiter] = WeakValueDictionary()

    def answer(
        self,
        caller: Caller,
        operations: list[Operation],
        base_url: str = "",
        *,
        is_denormalized: bool = False,
        permissions: Permissions | None = None,
        may_change_closed: bool = False,
        valid_since: float | None = None,
    ) -> list[Any]:
        """Answer the operations of one request, all or none; they may refer to each other in any order.

        ``base_url`` is the address of the server as the client knows it, without a slash at the end; ``permissions``
        replace those of the caller. ``may_change_closed`` is for work that the server finishes after a review session
        was closed. ``valid_since`` is when the user asked for work that the server does later: it is refused
        if the user was deactivated since, or a key of the user revoked. Raises HttpError.
        """
        request = ApiRequest(
            self,
            caller,
            list(operations),
            base_url,
            is_denormalized=is_denormalized,
            permissions=permissions,
            may_change_closed=may_change_closed,
            valid_since=valid_since,
        )
        request.prepare()
        if not request.is_writing:
            return request.read()
        return request.finish(self.context.store.write(request.run, request.publish))

    def query(self, caller: Caller, expression: str) -> list[dict[str, Any]]:
        """Return the entities that a query of a user finds, each of them complete."""
        (answer,) = self.answer(caller, [{"action": "query", "expression": expression}], is_denormalized=True)
        entities: list[dict[str, Any]] = answer["data"]
        return entities

    async def answer_async(
        self,
        caller: Caller,
        operations: list[Operation],
        base_url: str,
        *,
        client_token: str | None = None,
        push_token: str | None = None,
        is_denormalized: bool = False,
    ) -> list[Any]:
        """Answer the operations without blocking the event loop.

        The tokens are part of the published changes. With ``is_denormalized``, an entity is sent in full wherever it
        occurs. Fast queries run on the event loop: handing them to a thread and back takes longer than running them.
        """
        request = ApiRequest(self, caller, operations, base_url, (client_token, push_token), is_denormalized)
        if not request.is_writing:
            with suppress(WouldBlock):
                return request.read_inline()
            # So that the queries of one user leave room for those of others.
            limiter = self._threads.get(caller.id) or CapacityLimiter(_MAX_THREADS_PER_USER)
            self._threads[caller.id] = limiter
            return await to_thread.run_sync(request.read, limiter=limiter)
        if any(operation["action"] in self.actions.prepare for operation in operations):
            await to_thread.run_sync(request.prepare)
        # The requests of one user leave room for those of the others.
        account, units = caller.id, units_of(operations)
        await self._writing.wait(account, units)
        self._writing.acquire(account, units)
        loop = asyncio.get_running_loop()

        def release(_: object) -> None:
            # The loop is closed when the server stops.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._writing.release, account, units)

        try:
            # Done when the changes are on disk and have been published.
            submitted = self.context.store.submit(request.run, request.publish)
        except BaseException:
            self._writing.release(account, units)
            raise
        submitted.add_done_callback(release)
        # The transaction goes on when the client disconnects, and its result must still be consumed.
        result = await asyncio.shield(asyncio.wrap_future(submitted))
        if result.removed_components or result.after_commit:
            return await to_thread.run_sync(request.finish, result)
        return result.answers


@attrs.frozen(eq=False)
class ApiRequest:
    """One request: its operations, the caller, and the options of :meth:`Dispatcher.answer_async`."""

    dispatcher: Dispatcher
    caller: Caller
    operations: list[Operation]
    base_url: str
    origin: update_events.Origin = (None, None)
    is_denormalized: bool = False
    permissions: Permissions | None = None
    may_change_closed: bool = False
    valid_since: float | None = None

    def __attrs_post_init__(self) -> None:
        """Raise BadRequest or ValidationError for an operation without a known action, or for too many."""
        if len(self.operations) > MAX_OPERATIONS:
            raise PayloadTooLarge(f"A request has at most {MAX_OPERATIONS} operations. Send them in several requests.")
        for operation in self.operations:
            name = operation.get("action")
            if not isinstance(name, str):
                raise BadRequest("An operation does not name its action. Add it.")
            if name not in self.dispatcher.actions.all:
                # Clients match this text.
                raise ValidationError(f"Invalid action u'{name[:80]}'")
        if sum(operation["action"] in _CONSTANT_ACTIONS for operation in self.operations) > _MAX_CONSTANT_ACTIONS:
            raise PayloadTooLarge(
                f"A request asks at most {_MAX_CONSTANT_ACTIONS} times for the schema or for facts about the server. "
                "Once is enough."
            )
        if self.is_writing and (units := units_of(self.operations)) > MAX_UNITS:
            raise PayloadTooLarge(
                f"A transaction has at most {MAX_UNITS} units of work; this one has {units}. An operation is one unit, "
                "a deletion or query five, a new passphrase more. Send the operations in several requests."
            )

    @property
    def is_writing(self) -> bool:
        """Whether the request changes the database."""
        return any(operation["action"] in self.dispatcher.actions.writing for operation in self.operations)

    def read(self) -> list[Any]:
        """Return the answers to a request that changes nothing."""
        limits = MAX_READ_SECONDS, MAX_READ_CHARACTERS
        with self.dispatcher.context.store.reading() as connection, connections.read_limits(connection, *limits):
            return self.run(connection).answers

    def read_inline(self) -> list[Any]:
        """Return the answers to a few fast queries; raises WouldBlock for any other request."""
        expressions = [operation.get("expression") for operation in self.operations if operation["action"] == "query"]
        if not len(expressions) == len(self.operations) <= _MAX_INLINE_QUERIES:
            raise WouldBlock("Only a few queries are answered on the event loop.")
        context, commits = self.dispatcher.context, self.dispatcher.context.store.commits
        with context.store.inline_reader as connection:
            if len(expressions) > 1:
                connections.begin(connection)
            permissions = self.permissions or context.permission_cache.get(
                connection, context.store.tables, self.caller.id, commits
            )
            query_context = QueryContext(connection, self.base_url, permissions, self.caller.id)
            answers = []
            for expression in expressions:
                if not isinstance(expression, str):
                    raise WouldBlock("The query action reports this error.")
                found = context.planner.respond(
                    query_context, expression, is_denormalized=self.is_denormalized, inline_only=True
                )
                answers.append({"action": "query", **found})
            return answers

    def prepare(self) -> None:
        """Do the work that comes before the transaction."""
        for operation in self.operations:
            if (prepare := self.dispatcher.actions.prepare.get(str(operation["action"]))) is not None:
                prepare(operation)

    def finish(self, result: CommitResult) -> list[Any]:
        """Remove the files of deleted components, run the callbacks of the actions, and return the answers."""
        for component_id in result.removed_components:
            self.dispatcher.context.media.remove(component_id)
        for callback in result.after_commit:
            callback()
        return result.answers

    def publish(self, result: CommitResult) -> None:
        """Publish the changes of the committed transaction."""
        actions, registry = {str(operation["action"]) for operation in self.operations}, self.dispatcher.actions
        context = self.dispatcher.context
        if not actions.isdisjoint(registry.permission_actions) or update_events.affects_permissions(result.updates):
            context.events.refresh_permissions(context.store)
        update_events.publish_changes(context.events, self.caller, result.updates, self.origin)
        for name in actions & registry.on_commit.keys():
            registry.on_commit[name]()

    def run(self, connection: Connection) -> CommitResult:
        """Run the operations in the transaction of a connection."""
        context, actions = self.dispatcher.context, self.dispatcher.actions
        if self.valid_since is not None and active_user_since(connection, self.caller.id, self.valid_since) is None:
            raise Forbidden(
                f"'{self.caller.username}' was deactivated or has lost a key since. Ask again as a valid user."
            )
        batch = Batch(
            context,
            self.caller,
            connection,
            self.base_url,
            self.operations,
            actions.all,
            changes.ChangeSet(is_recording=self.is_writing),
            self.permissions or permissions_of(connection, context.store.tables, self.caller.id),
            self.is_denormalized,
            query_deadline=time.monotonic() + MAX_WRITE_QUERY_SECONDS if self.is_writing else None,
        )
        guard = context.store.closed_reviews
        try:
            with guard.guarding_only(()) if self.may_change_closed else nullcontext():
                answers = batch.run()
        except ReviewSessionClosedError as error:
            readable = batch.permissions.projects
            raise closed_reviews.for_reader(error, connection, context.store.tables, readable) from error.__cause__
        done = [pair for pair in zip(self.operations, answers) if pair[0]["action"] in actions.writing]
        audit_log.record(connection, self.caller, done)
        audit_log.record_events(connection, self.caller, done)
        history.record_history(batch)
        updates = update_events.describe_changes(batch) if context.events.needs_changes else []
        return CommitResult(answers, batch.removed_components, updates, batch.after_commit)


def units_of(operations: Iterable[Mapping[str, Any]]) -> int:
    """Return the work of the operations: one unit for each, each entity in a list, and more for what takes longer."""
    total = 0
    for operation in operations:
        total += _UNITS.get(operation["action"], 1)
        data = operation.get("entity_data")
        if isinstance(data, dict):
            total += sum(len(value) for value in data.values() if isinstance(value, list))
            total += _PASSPHRASE_UNITS if data.get("passphrase") else 0
    return total
