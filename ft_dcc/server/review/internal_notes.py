"""Notes that only users of the studio see: those with an internal label, and all replies to them.

Internal is the label with the name "Internal", unless the studio's setting ``internal_labels`` of the group ``REVIEW``
lists others by their names or ids, such as ``["Internal", "Supervisor"]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from sqlalchemy import ColumnElement, Connection, select

from ft_dcc.server.schema.tables import Tables

_DEFAULT = ("internal",)


def internal_labels(connection: Connection, tables: Tables) -> set[str]:
    """Return the ids of the labels whose notes are internal."""
    label, setting = tables.families("NoteLabel", "Setting")
    value = select(setting.c.value).where(setting.c.group == "REVIEW", setting.c.name == "internal_labels")
    stored, names = connection.scalar(value), set(_DEFAULT)
    # A setting that cannot be read must not show the notes to guests.
    with suppress(ValueError, TypeError):
        found = json.loads(stored or "")
        names = {str(each).strip().lower() for each in found} if isinstance(found, list) else names
    rows = connection.execute(select(label.c.id, label.c.name))
    return {row.id for row in rows if names & {str(row.id).lower(), (row.name or "").strip().lower()}}


def internal_notes(connection: Connection, tables: Tables, condition: ColumnElement[bool]) -> set[str]:
    """Return the ids of the internal ones among the notes that meet a condition on their table."""
    labels = internal_labels(connection, tables)
    note, link = tables.families("Note", "NoteLabelLink")
    # By their ids, what the notes answer.
    answered: dict[str, str | None] = {}
    labelled: set[str] = set()
    linked = (
        select(link.c.note_id).join_from(note, link, link.c.note_id == note.c.id).where(link.c.label_id.in_(labels))
    )
    while labels:
        rows = connection.execute(select(note.c.id, note.c.in_reply_to_id).where(condition)).all()
        answered |= {row.id: row.in_reply_to_id for row in rows}
        labelled |= set(connection.scalars(linked.where(condition)))
        # Clients of the old API set one category in place of labels.
        is_category = note.c.category_id.in_(labels)
        labelled |= set(connection.scalars(select(note.c.id).where(condition, is_category)))
        # A reply can be on another entity than the note that it answers.
        pending = {row.in_reply_to_id for row in rows if row.in_reply_to_id is not None} - answered.keys()
        if not pending:
            break
        condition = note.c.id.in_(pending)
    return with_replies(answered, labelled)


def with_replies(answered: Mapping[str, str | None], note_ids: set[str]) -> set[str]:
    """Return the notes and all that answer them; ``answered`` has for each note the one that it answers."""
    found: set[str] = set()
    added = note_ids
    while added:
        found |= added
        added = {note_id for note_id, parent_id in answered.items() if parent_id in added} - found
    return found
