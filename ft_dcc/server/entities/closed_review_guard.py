"""Refuse additions to review sessions that have ended."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ft_dcc.errors import ReviewSessionClosedError
from ft_dcc.server.database import clock
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.schema.model import EntityType

_SESSION, _OBJECT = "ReviewSession", "ReviewSessionObject"
# The families that belong to a session: the columns that lead there, and the families that they may lead to. The
# parent_type of a note comes from the client and may be wrong, so every possible family is searched.
_PARENT_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    _OBJECT: (("review_session_id", _SESSION),),
    "ReviewSessionInvitee": (("review_session_id", _SESSION),),
    "ReviewSessionObjectStatus": (
        ("review_session_object_id", _OBJECT),
        ("review_session_invitee_id", "ReviewSessionInvitee"),
    ),
    "ReviewSessionObjectAnnotation": (("review_session_object_id", _OBJECT),),
    "ReviewSessionObjectAnnotationComponent": (("review_session_object_id", _OBJECT),),
    "Note": (("parent_id", _OBJECT), ("parent_id", _SESSION), ("parent_id", "Note"), ("in_reply_to_id", "Note")),
    "NoteComponent": (("note_id", "Note"),),
}
# Values that reviewers wrote must not change. Other entities must not move, but may be sorted and renamed.
_PROTECTED_COLUMNS = {
    "ReviewSessionObjectStatus": frozenset(("status",)),
    "ReviewSessionObjectAnnotation": frozenset(("data", "frame_number")),
    "Note": frozenset(("content",)),
}


def belongs_to_sessions(entity_type: EntityType) -> bool:
    """Return whether entities of this type can be part of a review session."""
    return entity_type.family in _PARENT_KEYS


def check_open(batch: Batch, entity_type: EntityType, row: Row, changed: Collection[str] | None = None) -> None:
    """Raise ReviewSessionClosedError if the entity is in a session that has ended.

    ``changed`` are the columns that an update changes, or None for a new entity.
    """
    parent_keys = _PARENT_KEYS.get(entity_type.family)
    if parent_keys is None:
        return
    checked = {column for column, _ in parent_keys} | _PROTECTED_COLUMNS.get(entity_type.family, frozenset())
    if changed is not None and checked.isdisjoint(changed):
        return
    for session in _sessions(batch, entity_type.family, row, set()):
        if session["end_date"] is not None and session["end_date"] <= clock.now_text():
            raise ReviewSessionClosedError(
                f"The review session '{session['name']}' is closed and accepts no new {entity_type.name}. "
                "Reopen it first: set a later end_date, or none."
            )


def _sessions(batch: Batch, family: str, row: Row, seen: set[tuple[str, Any]]) -> Iterator[Row]:
    """Yield the review sessions that an entity belongs to."""
    for column, target in _PARENT_KEYS[family]:
        key = row.get(column)
        if key is None or (target, key) in seen:
            continue
        seen.add((target, key))
        found = _session(batch, key) if target == _SESSION else batch.row(target, key)
        if found is not None and target == _SESSION:
            yield found
        elif found is not None:
            yield from _sessions(batch, target, found, seen)


def _session(batch: Batch, session_id: str) -> Row | None:
    batch.ensure_created(session_id)
    # Not memoized: an earlier operation of the batch may have closed the session.
    statement = batch.tables.by_id[_SESSION]
    found = batch.connection.execute(statement, {"id": session_id}).mappings().first()
    return None if found is None else dict(found)
