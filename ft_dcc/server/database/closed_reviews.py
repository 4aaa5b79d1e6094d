"""Reject changes to closed review sessions by triggers on the writer's connection, whatever statement makes them.

The record of a session is the session itself, the rows of ``_OWNERS`` that lead to it, and the versions in it with
their media. Decision 0320 has the reasons.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event, select, text
from sqlalchemy.engine import ExceptionContext

from ft_dcc.server.database import clock, seed
from ft_dcc.server.errors import ReviewSessionClosedError
from ft_dcc.server.schema.tables import ROW_COLUMN, Tables

_SESSION, _OBJECT, _INVITEE, _NOTE = "ReviewSession", "ReviewSessionObject", "ReviewSessionInvitee", "Note"
_STATUS, _ANNOTATION = "ReviewSessionObjectStatus", "ReviewSessionObjectAnnotation"
_VERSION, _COMPONENT = "AssetVersion", "Component"
_DESCRIBED = (_SESSION, _OBJECT, _INVITEE, _STATUS, _ANNOTATION, _NOTE, _COMPONENT)
# The families that a row of each family may belong to, each with the column that leads there.
_OWNERS: dict[str, tuple[tuple[str, str], ...]] = {
    _OBJECT: ((_SESSION, "review_session_id"),),
    _INVITEE: ((_SESSION, "review_session_id"),),
    _STATUS: ((_OBJECT, "review_session_object_id"), (_INVITEE, "review_session_invitee_id")),
    _ANNOTATION: ((_OBJECT, "review_session_object_id"),),
    "ReviewSessionObjectAnnotationComponent": ((_OBJECT, "review_session_object_id"),),
    _NOTE: (*((each, "parent_id") for each in (_SESSION, _OBJECT, _INVITEE, _NOTE)), (_NOTE, "in_reply_to_id")),
    "NoteComponent": ((_NOTE, "note_id"),),
    "NoteLabelLink": ((_NOTE, "note_id"),),
    "Recipient": ((_NOTE, "note_id"),),
    _COMPONENT: ((_VERSION, "version_id"), (_COMPONENT, "container_id")),
    "ComponentLocation": ((_COMPONENT, "component_id"),),
    "Metadata": tuple((each, "parent_id") for each in (*_DESCRIBED, _VERSION)),
    "EntitySetting": tuple((each, "parent_id") for each in _DESCRIBED),
}
# Rows that refer to a version or a component, and so put it into a session.
_USERS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    _VERSION: ((_OBJECT, "version_id", _SESSION, "review_session_id"),),
    _COMPONENT: (
        ("NoteComponent", "component_id", _NOTE, "note_id"),
        ("ReviewSessionObjectAnnotationComponent", "component_id", _OBJECT, "review_session_object_id"),
    ),
}
# What the page shows of a version. Its status and links belong to the production.
_VERSION_COLUMNS = ("asset_id", "version", "comment", "date", "user_id", "task_id", "thumbnail_id")
# The columns that control access to a session can change while it is closed.
_ACCESS_COLUMNS = ("end_date", "availability", "shareable_url_enabled", "passphrase", "passphrase_enabled")
_IS_PAST = "end_date <= ft_dcc_now()"
_VERBS = {"INSERT": "added", "UPDATE": "changed", "DELETE": "deleted"}
_MESSAGE = "The review session is closed."


class ClosedReviewGuard:
    """The triggers of one database, and the sessions that the running transaction may change nevertheless.

    It has no lock: all transactions run on the writer's thread.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._guarded: Collection[str] | None = None
        self._unlocked: frozenset[str] = frozenset()
        self._rejected = ("", "", "", "")

    def install(self, engine: Engine) -> None:
        """Add the triggers to every connection that the engine opens from now on."""
        statements = list(_trigger_statements(self._tables))

        def rejects(session_id: str, name: str, family: str, verb: str) -> bool:
            if session_id in self._unlocked or (self._guarded is not None and session_id not in self._guarded):
                return False
            self._rejected = (session_id, name, family, verb)
            return True

        @event.listens_for(engine, "connect")
        def add_triggers(connection: sqlite3.Connection, _record: object) -> None:
            connection.create_function("ft_dcc_now", 0, clock.now_text)
            connection.create_function("ft_dcc_rejects", 4, rejects)
            for statement in statements:
                connection.execute(statement)

        @event.listens_for(engine, "handle_error")
        def explain(context: ExceptionContext) -> None:
            if str(context.original_exception) == _MESSAGE:
                raise self._error() from context.original_exception

    @contextmanager
    def unlocking(self, session_ids: Collection[str]) -> Iterator[None]:
        """Accept changes to these sessions inside the block."""
        before, self._unlocked = self._unlocked, self._unlocked | frozenset(session_ids)
        try:
            yield
        finally:
            self._unlocked = before

    @contextmanager
    def guarding_only(self, session_ids: Collection[str]) -> Iterator[None]:
        """Reject changes to these sessions only inside the block."""
        before, self._guarded = self._guarded, session_ids
        try:
            yield
        finally:
            self._guarded = before

    def _error(self) -> ReviewSessionClosedError:
        session_id, name, family, verb = self._rejected
        change = f"A {family} of it cannot be {verb}."
        whole = " Only an administrator may delete the session as a whole." if verb == _VERBS["DELETE"] else ""
        return ReviewSessionClosedError(
            f"The review session '{name}' is closed. {change} "
            f"Reopen the session first: set a later end_date, or none.{whole}",
            session_id,
            change,
        )


def for_reader(
    error: ReviewSessionClosedError, connection: Connection, tables: Tables, projects: Collection[str] | None
) -> ReviewSessionClosedError:
    """Return the error, without the name of a session in no project that the caller can read; None stands for all."""
    session = tables.by_family[_SESSION]
    project = connection.scalar(select(session.c.project_id).where(session.c.id == error.session_id))
    if projects is None or project in projects:
        return error
    return ReviewSessionClosedError(
        f"A review session that you cannot access is closed. {error.change} Ask an administrator to reopen it."
    )


def closed_session_names(connection: Connection, tables: Tables, ids: Collection[str] | None = None) -> dict[str, str]:
    """Return the names of the closed sessions by their ids, of all or of these."""
    session = tables.by_family[_SESSION]
    statement = select(session.c.id, session.c.name).where(text(_IS_PAST))
    if ids is not None:
        statement = statement.where(session.c.id.in_(ids))
    return {row.id: row.name or "" for row in connection.execute(statement)}


def _trigger_statements(tables: Tables) -> Iterator[str]:
    """Yield the statements that create the triggers."""
    for family in (*_OWNERS, _VERSION):
        yield _trigger(tables, family, "UPDATE", _closed_sessions(tables, family, ("OLD", "NEW")))
        yield _trigger(tables, family, "DELETE", _closed_sessions(tables, family, ("OLD",)))
        if family != _VERSION:  # A new version is in no session.
            yield _trigger(tables, family, "INSERT", _closed_sessions(tables, family, ("NEW",)))
    # A session that is open after an update was open before, or is reopened by it.
    later = "SELECT OLD.id AS id, OLD.name AS name, max(OLD.end_date, NEW.end_date) AS end_date"
    yield _trigger(tables, _SESSION, "UPDATE", f"SELECT id, name FROM ({later}) WHERE {_IS_PAST}")
    yield _trigger(tables, _SESSION, "DELETE", f"SELECT OLD.id AS id, OLD.name AS name WHERE OLD.{_IS_PAST}")


def _trigger(tables: Tables, family: str, verb: str, sessions: str) -> str:
    table = tables.by_family[family]
    condition = _condition(tables, family, verb)
    return (
        f"CREATE TEMP TRIGGER closed_review_{verb.lower()}_{table.name} AFTER {verb} ON {table.name} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}') FROM ({sessions}) "
        f"WHERE ft_dcc_rejects(id, name, '{family}', '{_VERBS[verb]}'); END"
    )


def _condition(tables: Tables, family: str, verb: str) -> str:
    """Return the WHEN clause: the columns that may not change, of locations only that of the server.

    The last condition is whether the row can be in a session at all, which is much faster than the query.
    """
    rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[verb]
    conditions = []
    if verb == "UPDATE":
        columns = [column.name for column in tables.by_family[family].c if column.name != ROW_COLUMN]
        if family == _SESSION:
            columns = [name for name in columns if name not in _ACCESS_COLUMNS]
        elif family == _VERSION:
            columns = [name for name in columns if name in _VERSION_COLUMNS]
        elif family == _INVITEE:
            # An invitation can be revoked at any time.
            columns = [name for name in columns if name != "revoked_at"]
        changed = (f'OLD."{name}" IS NOT NEW."{name}"' for name in columns)
        conditions.append(f"({' OR '.join(changed)})")
    if family == "ComponentLocation":
        on_server = (f"{row}.location_id = '{seed.SERVER_LOCATION_ID}'" for row in rows)
        conditions.append(f"({' OR '.join(on_server)})")
    if family != _SESSION:
        conditions.append(f"({' OR '.join(each for row in rows for each in _paths(tables, family, row))})")
    return f"WHEN {' AND '.join(conditions)} " if conditions else ""


def _paths(tables: Tables, family: str, row: str, depth: int = 0) -> Iterator[str]:
    """Yield the conditions of which a row in a session fulfils one."""
    for target, column in _OWNERS.get(family, ()):
        table, alias = tables.by_family[target].name, f"t{depth}"
        found = f"EXISTS (SELECT 1 FROM {table} {alias} WHERE {alias}.id = {row}.{column}"
        if target == _COMPONENT != family:
            further = " OR ".join(_paths(tables, target, alias, depth + 1))
            yield f"{found} AND ({further}))"
        elif target == _VERSION:
            yield f"EXISTS (SELECT 1 FROM {tables.by_family[_OBJECT].name} o WHERE o.version_id = {row}.{column})"
        else:
            yield f"{found})"
    for user, key, _, _ in _users(tables, family):
        yield f"EXISTS (SELECT 1 FROM {user} u WHERE u.{key} = {row}.id)"


def _closed_sessions(tables: Tables, family: str, rows: Collection[str]) -> str:
    """Return the query for the closed sessions that a row of a family belongs to."""
    starts = [f"SELECT '{target}', {row}.{column}" for row in rows for target, column in _OWNERS.get(family, ())]
    for row in rows:
        for user, key, target, column in _users(tables, family):
            starts.append(f"SELECT '{target}', t.{column} FROM {user} t WHERE t.{key} = {row}.id")
    # CROSS JOIN keeps the order of the tables, so that each step is a search by key.
    step = "FROM up CROSS JOIN {} t WHERE up.kind = '{}' AND t.{} = up.id"
    above_all: dict[str, None] = {}
    pending = [family]
    while pending:
        here = pending.pop()
        found = [target for target, _ in _OWNERS.get(here, ())] + [each[2] for each in _users(tables, here)]
        pending += [each for each in found if each not in above_all and each != _SESSION]
        above_all.update(dict.fromkeys(each for each in found if each != _SESSION))
    steps = []
    for above in above_all:
        own = tables.by_family[above].name
        owners = _OWNERS.get(above, ())
        steps += [f"SELECT '{to}', t.{column} {step.format(own, above, 'id')}" for to, column in owners]
        for user, key, target, column in _users(tables, above):
            steps.append(f"SELECT '{target}', t.{column} {step.format(user, above, key)}")
    return (
        f"WITH RECURSIVE up(kind, id) AS ({' UNION '.join([*starts, *steps])}) "
        f"SELECT s.id AS id, s.name AS name FROM up CROSS JOIN {tables.by_family[_SESSION].name} s "
        f"WHERE up.kind = '{_SESSION}' AND s.id = up.id AND s.{_IS_PAST}"
    )


def _users(tables: Tables, family: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the tables that refer to a family, their key, and the family and column that they lead to."""
    for user, key, target, column in _USERS.get(family, ()):
        yield tables.by_family[user].name, key, target, column
