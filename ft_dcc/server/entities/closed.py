"""A review session that has ended takes nothing new, whoever asks; opened again, it does."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ft_dcc.errors import ReviewSessionClosedError
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.query.values import now
from ft_dcc.server.schema.model import EntityType

_SESSION, _OBJECT = "ReviewSession", "ReviewSessionObject"
# What belongs to a session, by family: the columns, and the families that they may lead to on the way there. What the
# parent_type of a note says is the client's word, so every family is looked at.
_WAYS: dict[str, tuple[tuple[str, str], ...]] = {
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
# What reviewers said stays what they said. Of the rest only a new place counts: a producer may still sort and rename.
_SAID = {
    "ReviewSessionObjectStatus": frozenset(("status",)),
    "ReviewSessionObjectAnnotation": frozenset(("data", "frame_number")),
    "Note": frozenset(("content",)),
}


def belongs_to_sessions(entity_type: EntityType) -> bool:
    """Whether entities of this type can be part of a review session."""
    return entity_type.family in _WAYS


def check_open(batch: Batch, entity_type: EntityType, row: Row, changed: Collection[str] | None = None) -> None:
    """The entity, new or with these columns changed, is in no session that has ended.

    Raises ReviewSessionClosedError.
    """
    ways = _WAYS.get(entity_type.family)
    if ways is None:
        return
    telling = {column for column, _ in ways} | _SAID.get(entity_type.family, frozenset())
    if changed is not None and telling.isdisjoint(changed):
        return
    for session in _sessions(batch, entity_type.family, row, set()):
        if session["end_date"] is not None and session["end_date"] <= now():
            raise ReviewSessionClosedError(
                f"The review session '{session['name']}' is closed and takes no new {entity_type.name}. "
                "Open it again first: give it a later end_date, or none."
            )


def _sessions(batch: Batch, family: str, row: Row, seen: set[tuple[str, Any]]) -> Iterator[Row]:
    """Yield the review sessions that an entity belongs to."""
    for column, target in _WAYS[family]:
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
    batch.need(session_id)
    # Read anew: what the batch remembers may be from before it closed the session.
    statement = batch.studio.store.tables.by_id[_SESSION]
    found = batch.connection.execute(statement, {"id": session_id}).mappings().first()
    return None if found is None else dict(found)
