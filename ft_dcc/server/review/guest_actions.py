"""Actions of visitors on the review page: write, edit, delete and complete notes, draw on a frame, set a status.

Each returns the change that it made, in the format that open pages get as well (web/src/model.ts, Change).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4, uuid5

import attrs
from sqlalchemy import Row, select

from ft_dcc.review.stored_values import NOTE_KEY, json_object
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.permissions import UNLIMITED
from ft_dcc.server.database import clock
from ft_dcc.server.encoding import queue, worker
from ft_dcc.server.entities.batch import Operation, create_operation, delete_operation, update_operation
from ft_dcc.server.errors import Conflict, DuplicateEntryError, Forbidden, NotFound, ValidationError
from ft_dcc.server.identity import Caller
from ft_dcc.server.review import attachments, content, earlier_notes, internal_notes, payload_values, user_actions
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.feedback import hidden_notes, notes_statement, read_change
from ft_dcc.server.work.budgets import Owner

STATUSES = ("approved", "require_changes", "seen")
_NO_NOTE = "This note was deleted meanwhile. Copy your text into a new note."
_MAX_NOTE_LENGTH = 10_000
_MAX_LABELS, _MAX_OBJECTS, _MAX_HISTORY = 20, 500, 50
_MAX_ASPECT = 100_000
# Ids are derived, so that two pages of one invitee that write at the same time write the same entity.
_ID_NAMESPACE = UUID("0f6f0f7c-6c6c-4d9b-8a46-0c8a2f6a6a7b")

Change = dict[str, Any]


def write_note(
    dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any], files: Sequence[attachments.Attachment] = ()
) -> Change:
    """Write a note of the visitor on a version, with its frames, drawing and files.

    Repeating it with the same id is harmless. Raises Forbidden, NotFound, ValidationError or ReviewSessionClosedError.
    """
    object_id = _require(dispatcher, access, payload.get("object"), "draw" if payload.get("drawing") else "comment")
    frame = payload_values.parse_frame(payload.get("frame"))
    end_frame = payload_values.parse_end_frame(payload.get("end_frame"), frame)
    shapes = payload_values.parse_shapes(payload["drawing"]) if payload.get("drawing") else ()
    if shapes and frame is None:
        raise ValidationError("The drawing has no frame. Send the frame number.")
    content = _parse_content(payload.get("content", ""), may_be_empty=bool(shapes or files))
    if content:
        user_actions.require_right(access, "comment")
    note_id = parse_note_id(payload)
    note: dict[str, Any] = {"id": note_id, "content": content, "parent_id": object_id}
    note["parent_type"] = "ReviewSessionObject"
    if payload.get("in_reply_to") is not None:
        note["in_reply_to_id"] = _note(dispatcher, access, payload["in_reply_to"]).id
    if frame is not None:
        note["frame_number"] = frame
    operations = [create_operation("Note", note)]
    invitee_id = access.invitee_id if access.user is None else None
    metadata = {"invitee_id": invitee_id, "frame": frame, "end_frame": end_frame}
    if shapes:
        metadata["annotation_id"] = str(uuid5(_ID_NAMESPACE, note_id))
        drawn_until = payload_values.parse_end_frame(payload.get("drawing_end"), frame)
        data = payload_values.to_annotation_data(shapes, access.name, _parse_aspect(payload.get("aspect")), drawn_until)
        annotation = {"id": metadata["annotation_id"], "frame_number": frame, "data": data}
        annotation["review_session_object_id"] = object_id
        operations.append(create_operation("ReviewSessionObjectAnnotation", annotation))
    operations.append(_metadata_operation("Note", note_id, metadata))
    operations += _links_of_note(dispatcher, access, note, payload, files)
    user_actions.write_as_visitor(dispatcher, access, operations)
    return read_change(dispatcher.context.store, access, object_id, [note_id])


def _links_of_note(
    dispatcher: Dispatcher,
    access: ReviewAccess,
    note: dict[str, Any],
    payload: dict[str, Any],
    files: Sequence[attachments.Attachment],
) -> list[Operation]:
    """Return the operations that link a new note with its labels, the people whom it mentions, and its files."""
    given = payload.get("labels", [])
    if not isinstance(given, list) or len(given) > _MAX_LABELS:
        raise ValidationError(f"The labels of a note are a list of at most {_MAX_LABELS} ids. Send that.")
    wanted, store = {str(each) for each in given}, dispatcher.context.store
    label, link = store.tables.families("NoteLabel", "NoteComponent")
    with store.reading() as connection:
        labels = set(connection.scalars(select(label.c.id).where(label.c.id.in_(wanted))))
        if access.user is None:
            labels -= internal_notes.internal_labels(connection, store.tables)
        # A note that is sent again has its files.
        stored = set(connection.scalars(select(link.c.component_id).where(link.c.note_id == note["id"])))
    if len(labels) < len(wanted):
        raise ValidationError("One of the labels was deleted meanwhile. Load the page again.")
    links = [{"note_id": note["id"], "label_id": label_id} for label_id in sorted(labels)]
    operations = [create_operation("NoteLabelLink", each) for each in links]
    operations += user_actions.mention_operations(
        dispatcher, access, note["id"], note["content"], payload.get("mentions", [])
    )
    for file in (each for each in files if each.id not in stored):
        operations += attachments.note_file_operations(file.id, note["id"], file.name, file.size)
    return operations


def edit_note(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> Change:
    """Replace the text of a note of the visitor.

    ``previous`` is the text that the visitor has edited. Raises Conflict if the note has another text by now, and
    Forbidden, NotFound, ValidationError or ReviewSessionClosedError.
    """
    note = _own_note(dispatcher, access, payload.get("note"))
    content = _parse_content(payload.get("content"), may_be_empty="annotation_id" in json_object(note.metadata))
    if note.content != content:
        if payload.get("previous") != note.content:
            raise Conflict("This note was changed on another page meanwhile. Compare the texts, then save again.")
        _update_note(dispatcher, access, note, {"content": content}, {"edited": f"{clock.now_text()}Z"})
    return read_change(dispatcher.context.store, access, note.parent_id, [note.id])


def _update_note(
    dispatcher: Dispatcher, access: ReviewAccess, note: Row[Any], values: dict[str, Any], changed: dict[str, Any]
) -> None:
    metadata = {**json_object(note.metadata), **changed}
    update = _metadata_operation("Note", note.id, metadata, is_new=note.metadata is None)
    user_actions.write_as_visitor(dispatcher, access, [update_operation("Note", note.id, values), update])


def delete_note(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> Change:
    """Delete a note of the visitor with its drawing; raises Conflict for a note with replies, which others wrote."""
    note = _own_note(dispatcher, access, payload.get("note"))
    store = dispatcher.context.store
    table = store.tables.by_family["Note"]
    with store.reading() as connection:
        if connection.scalar(select(table.c.id).where(table.c.in_reply_to_id == note.id).limit(1)) is not None:
            raise Conflict("People work with this note, so that it cannot be deleted. Edit its text instead.")
        files = attachments.attached_files(connection, store.tables, note.id, note.user_id)
    operations = [delete_operation("Note", note.id)]
    annotation_id = str(uuid5(_ID_NAMESPACE, note.id))
    # Another client may have written any id into the metadata.
    if json_object(note.metadata).get("annotation_id") == annotation_id:
        operations.append(delete_operation("ReviewSessionObjectAnnotation", annotation_id))
    user_actions.write_as_visitor(dispatcher, access, operations)
    # Files of guests have no author, so that no visitor has the right to delete them.
    removals = [delete_operation("FileComponent", component_id) for component_id in files]
    if removals:
        dispatcher.answer(Caller("", "server", is_guest=True), removals, permissions=UNLIMITED)
    return read_change(store, access, note.parent_id, [note.id])


def complete_note(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> Change:
    """Mark a note as done, or reopen it; raises Forbidden, NotFound, ValidationError or ReviewSessionClosedError."""
    note, is_done = _note(dispatcher, access, payload.get("note")), payload.get("done")
    if not isinstance(is_done, bool):
        raise ValidationError("The value of done is true or false. Send one of them.")
    if is_done != (note.completed_at is not None):
        completed_at = {"__type__": "datetime", "value": clock.now_text()} if is_done else None
        done_by = access.name if is_done else None
        _update_note(dispatcher, access, note, {"completed_at": completed_at}, {"done_by": done_by})
    return read_change(dispatcher.context.store, access, note.parent_id, [note.id])


def mark_addressed(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> Change:
    """Mark a note on an earlier version as answered by the version of ``object``; repeating it changes nothing.

    Raises Forbidden, NotFound or ReviewSessionClosedError.
    """
    store, object_id = dispatcher.context.store, _require(dispatcher, access, payload.get("object"), "comment")
    with store.reading() as connection:
        session_id = earlier_notes.session_of_note(connection, store.tables, access, payload.get("note"), object_id)
    own = attrs.evolve(access, review_session_id=session_id)
    note = _note(dispatcher, own, payload.get("note"))
    with store.reading() as connection:
        operations = earlier_notes.addressed_operations(connection, store.tables, note, object_id)
    if operations:
        if access.user is None:
            (reply,) = (each for each in operations if each["entity_type"] == "Note")
            reply_id = reply["entity_data"]["id"]
            operations.append(_metadata_operation("Note", reply_id, {"invitee_id": access.invitee_id}))
        user_actions.write_as_visitor(dispatcher, access, operations)
    return read_change(store, own, note.parent_id, [note.id])


def set_status(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> Change:
    """Set the visitor's status of a version; "seen" does not replace another status, unless ``replace`` is true.

    Raises Forbidden, NotFound, ValidationError or ReviewSessionClosedError.
    """
    object_id = _require(dispatcher, access, payload.get("object"), "decide")
    _write_statuses(dispatcher, access, [object_id], payload)
    return read_change(dispatcher.context.store, access, object_id, [])


def set_statuses(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> Change:
    """Set the visitor's status of several versions in one transaction; return a list of changes in ``changes``."""
    objects = payload.get("objects")
    if not isinstance(objects, list) or not 0 < len(objects) <= _MAX_OBJECTS:
        raise ValidationError(f"Send the ids of 1 to {_MAX_OBJECTS} versions as objects.")
    object_ids = [_require(dispatcher, access, each, "decide") for each in dict.fromkeys(map(str, objects))]
    _write_statuses(dispatcher, access, object_ids, payload)
    store = dispatcher.context.store
    changes = [read_change(store, access, object_id, []) for object_id in object_ids]
    return {"type": "changes", "changes": changes}


def _write_statuses(
    dispatcher: Dispatcher, access: ReviewAccess, object_ids: list[str], payload: dict[str, Any]
) -> None:
    status, may_replace = payload.get("status"), payload.get("replace") is True
    if status not in STATUSES:
        raise ValidationError(f"A status is one of {', '.join(STATUSES)}. Send one of them.")
    if access.user is not None and status == "seen" and not may_replace:
        return  # It would make an invitee of every user who opens the page.

    def write() -> None:
        operations, changed = user_actions.user_invitee_operations(dispatcher, access), []
        for object_id in object_ids:
            found = _status_operations(dispatcher, access, object_id, status, may_replace=may_replace)
            operations += found
            changed += [object_id] if found else []
        if changed:
            user_actions.write_as_visitor(dispatcher, access, operations, changed, status)

    try:
        write()
    except DuplicateEntryError:
        write()  # Another page of the visitor has created the status meanwhile.


def require_renditions(access: ReviewAccess) -> None:
    """Raise Forbidden where a movie carries the name of its viewer: its renditions are without."""
    if access.is_watermarked:
        raise Forbidden("Movies of this review carry your name and have one size. Play the movie itself.")


def request_rendition(
    renditions: worker.Renditions, owner: Owner, dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]
) -> dict[str, Any]:
    """Return the URL of a smaller movie with the same frames, or None while the server makes it.

    Raises NotFound, ValidationError, TooManyRequests, and EncodeFailed if it cannot be made.
    """
    require_renditions(access)
    lines = payload.get("lines")
    if lines not in worker.LINES:
        raise ValidationError(f"A rendition has {' or '.join(map(str, worker.LINES))} lines. Send one of them.")
    store = dispatcher.context.store
    with store.reading() as connection:
        object_id = str(payload.get("object"))
        component_id = content.movie_component(connection, store.tables, access.review_session_id, object_id)
    if component_id is None:
        raise NotFound(f"This version has no movie with the name {queue.MOVIE}. Load the page again.")
    is_made = renditions.request(component_id, lines, owner)
    return {"url": f"media/{component_id}/{lines}" if is_made else None}


def _status_operations(
    dispatcher: Dispatcher, access: ReviewAccess, object_id: str, status: str, *, may_replace: bool
) -> list[Operation]:
    stored, metadata = dispatcher.context.store.tables.families("ReviewSessionObjectStatus", "Metadata")
    is_own = (stored.c.review_session_object_id == object_id, stored.c.review_session_invitee_id == access.invitee_id)
    is_metadata = (metadata.c.parent_id == stored.c.id) & (metadata.c.key == NOTE_KEY)
    statement = (
        select(stored.c.id, stored.c.status, metadata.c.value.label("metadata"))
        .join_from(stored, metadata, is_metadata, isouter=True)
        .where(*is_own)
    )
    with dispatcher.context.store.reading() as connection:
        found = connection.execute(statement.limit(1)).first()
    if found is None:
        key = {"review_session_object_id": object_id, "review_session_invitee_id": access.invitee_id}
        status_id = str(uuid5(_ID_NAMESPACE, f"{object_id}/{access.invitee_id}"))
        create = create_operation("ReviewSessionObjectStatus", {"id": status_id, "status": status, **key})
        return [create] if status == "seen" else [create, _history_operation(status_id, None, status)]
    if found.status == status or (status == "seen" and not may_replace):
        return []
    update = update_operation("ReviewSessionObjectStatus", found.id, {"status": status})
    return [update, _history_operation(found.id, found.metadata, status)]


def _history_operation(status_id: str, stored: str | None, status: str) -> Operation:
    history = json_object(stored).get("history")
    past = history if isinstance(history, list) else []
    value = {"history": [*past, {"status": status, "date": f"{clock.now_text()}Z"}][-_MAX_HISTORY:]}
    return _metadata_operation("ReviewSessionObjectStatus", status_id, value, is_new=stored is None)


def _metadata_operation(parent_type: str, parent_id: str, values: dict[str, Any], *, is_new: bool = True) -> Operation:
    value = json.dumps({name: each for name, each in values.items() if each is not None}, sort_keys=True)
    if is_new:
        entry = {"parent_id": parent_id, "parent_type": parent_type, "key": NOTE_KEY, "value": value}
        return create_operation("Metadata", entry)
    return update_operation("Metadata", parent_id, {"value": value}, NOTE_KEY)


def _require(dispatcher: Dispatcher, access: ReviewAccess, object_id: object, right: str) -> str:
    """Return the object id of the request; raises Forbidden, and NotFound for an object of another session."""
    user_actions.require_right(access, right)
    item = dispatcher.context.store.tables.by_family["ReviewSessionObject"]
    statement = select(item.c.id).where(item.c.review_session_id == access.review_session_id)
    with dispatcher.context.store.reading() as connection:
        found: str | None = connection.scalar(statement.where(item.c.id == str(object_id)))
    if found is None:
        raise NotFound("This review session has no such version. Load the page again.")
    return found


def _note(dispatcher: Dispatcher, access: ReviewAccess, note_id: object) -> Row[Any]:
    """Return a note of the session with its metadata; raises Forbidden or NotFound."""
    store = dispatcher.context.store
    is_note = store.tables.by_family["Note"].c.id == str(note_id)
    with store.reading() as connection:
        found = connection.execute(notes_statement(store.tables, [is_note])).first()
    if found is None:
        raise NotFound(_NO_NOTE)
    _require(dispatcher, access, found.parent_id, "comment")
    with store.reading() as connection:
        if found.id in hidden_notes(connection, store.tables, access, found.parent_id):
            raise NotFound(_NO_NOTE)
    return found


def _own_note(dispatcher: Dispatcher, access: ReviewAccess, note_id: object) -> Row[Any]:
    note = _note(dispatcher, access, note_id)
    author = note.user_id or json_object(note.metadata).get("invitee_id")
    if author != (access.invitee_id if access.user is None else access.user.id):
        raise Forbidden("Another person wrote this note. Reply to it instead.")
    return note


def parse_note_id(payload: dict[str, Any]) -> str:
    """Return the id of the note in a payload, by default a new one; raises ValidationError."""
    try:
        return str(UUID(str(payload["id"]))) if "id" in payload else str(uuid4())
    except ValueError as error:
        raise ValidationError("The id of a note is a UUID. Send one, or none.") from error


def _parse_content(content: object, *, may_be_empty: bool) -> str:
    if not isinstance(content, str) or len(content) > _MAX_NOTE_LENGTH:
        raise ValidationError(f"A note has at most {_MAX_NOTE_LENGTH} characters. Write a shorter one.")
    if not content.strip() and not may_be_empty:
        raise ValidationError("The note is empty. Write or draw something.")
    return content.strip()


def _parse_aspect(value: object) -> list[int] | None:
    is_size = isinstance(value, list) and len(value) == 2
    if value is not None and not (
        is_size and all(isinstance(each, int) and 0 < each < _MAX_ASPECT for each in value)  # type: ignore[attr-defined]
    ):
        raise ValidationError("The aspect of a drawing is the image's [width, height] in pixels. Send that, or none.")
    return list(value) if isinstance(value, list) else None
