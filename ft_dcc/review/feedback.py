"""Read the feedback on versions from an ftrack site or a studio server, and write replies and done states."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import attrs

from ft_dcc.errors import EventHubConnectionError, NotFoundError, ServerCompatibilityError
from ft_dcc.review import parse, stored_values
from ft_dcc.review.notes import Note, ReviewedVersion, unanswered_notes
from ft_dcc.session import Session, operations
from ft_dcc.session.events.event import CONNECTED, Event
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transport.codec import new_id

PAGE_SIZE = 100
# The names of these types in events, which differ between servers in case only.
_FEEDBACK_EVENT_TYPES = frozenset(("note", "reviewsessionobjectstatus", "reviewsessionobjectannotation"))

_VERSIONS = (
    "select id, version, date, comment, link, task_id, task.name, asset.name, status.name,"
    " user.first_name, user.last_name, user.username,"
    " thumbnail_id, metadata.key, metadata.value, components.name, components.metadata.key, components.metadata.value,"
    " review_session_objects.id, review_session_objects.review_session.name,"
    " review_session_objects.review_session.review_session_invitees.name,"
    " review_session_objects.statuses.status, review_session_objects.statuses.created_at,"
    " review_session_objects.statuses.invitee.name,"
    " status_changes.date, status_changes.status.name, status_changes.user.first_name,"
    " status_changes.user.last_name, status_changes.user.username"
    " from AssetVersion where {condition} order by date descending, version descending, id"
)
_NOTES = "select {names} from Note where parent_id in ({ids}) and in_reply_to_id is none order by date, id"
_NOTE_NAMES = (
    "id, content, date, parent_id, parent_type, metadata.key, metadata.value, author.first_name, author.last_name,"
    " author.username, replies.content, replies.date, replies.metadata.key, replies.metadata.value,"
    " replies.author.first_name, replies.author.last_name, replies.author.username,"
    " note_components.component.name, note_components.component.file_type"
)
# Attributes that not every site has.
_OPTIONAL_NOTE_NAMES = {
    "frame_number": ("frame_number",),
    "completed_at": ("completed_at", "completed_by.first_name", "completed_by.last_name", "completed_by.username"),
    "note_label_links": ("note_label_links.label.name",),
    "category": ("category.name",),
}
_ANNOTATIONS = (
    "select id, frame_number, data, review_session_object_id from ReviewSessionObjectAnnotation"
    " where review_session_object_id in ({ids})"
)

_STATES = "select id, status.name, thumbnail_id from AssetVersion where id in ({ids})"
_HISTORIES = 'select parent_id, key, value from Metadata where parent_id in ({ids}) and key is "ft_dcc"'


def of_task(session: Session, task_id: str) -> Iterator[ReviewedVersion]:
    """Yield the versions of a task with their feedback, newest first."""
    return find_feedback(session, f"task_id is {quoted(task_id)}")


def of_asset(session: Session, asset_id: str) -> Iterator[ReviewedVersion]:
    """Yield the versions of an asset with their feedback, newest first."""
    return find_feedback(session, f"asset_id is {quoted(asset_id)}")


def of_user(session: Session, username: str) -> Iterator[ReviewedVersion]:
    """Yield the versions that a user published with their feedback, newest first."""
    return find_feedback(session, f"user.username is {quoted(username)}")


def of_versions(session: Session, version_ids: Iterable[str]) -> list[ReviewedVersion]:
    """Return these versions with their feedback; raise NotFoundError if one does not exist."""
    wanted = list(version_ids)
    if not wanted:
        return []
    found = {version.id: version for version in find_feedback(session, f"id in ({listed(wanted)})")}
    missing = [version_id for version_id in wanted if version_id not in found]
    if missing:
        raise NotFoundError(f"There is no version {missing[0]} on {session.server_url}. Check the id.")
    return [found[version_id] for version_id in wanted]


def unanswered_notes_of_task(
    session: Session, task_id: str, addressed: Iterable[str] = ()
) -> list[tuple[ReviewedVersion, Note]]:
    """Return the notes on all versions of a task that wait for an answer, by frame, without those ``addressed``."""
    answered = set(addressed)
    found = unanswered_notes(of_task(session, task_id))
    return [(version, note) for version, note in found if note.id not in answered]


def find_feedback(session: Session, condition: str, page_size: int = PAGE_SIZE) -> Iterator[ReviewedVersion]:
    """Yield the versions that fulfil the condition of a query with their feedback, newest first."""
    # Two requests for each page: one for the versions, one for all of their notes and drawings.
    offset = 0
    while True:
        # One more than the page has, which tells whether there is another page.
        paging = f" offset {offset} limit {page_size + 1}"
        found = run_queries(session, [_VERSIONS.format(condition=condition) + paging])[0]
        versions = found[:page_size]
        if not versions:
            return
        yield from parse.parse_versions(versions, *_feedback_on(session, versions))
        if len(found) <= page_size:
            return
        offset += page_size


def _feedback_on(session: Session, versions: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the notes on versions, their drawings, and the metadata of their verdicts, from one request."""
    items = [item for version in versions for item in version["review_session_objects"]]
    object_ids, status_ids = [item["id"] for item in items], [each["id"] for item in items for each in item["statuses"]]
    parents = [*(version["id"] for version in versions), *object_ids]
    # A site may be older than drawings.
    drawn_ids = object_ids if "ReviewSessionObjectAnnotation" in session.types else []
    properties = _properties(session, "Note")
    optional = [name for required, names in _OPTIONAL_NOTE_NAMES.items() if required in properties for name in names]
    optional += ["note_components.url"] if "url" in _properties(session, "NoteComponent") else []
    notes = _NOTES.replace("{names}", ", ".join((_NOTE_NAMES, *optional)))
    expressions = [
        template.format(ids=listed(ids)) if ids else ""
        for template, ids in ((notes, parents), (_ANNOTATIONS, drawn_ids), (_HISTORIES, status_ids))
    ]
    found = iter(run_queries(session, list(filter(None, expressions))))
    for expression in expressions:
        yield next(found) if expression else []


def _properties(session: Session, entity_type: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = session.types.schemas.get(entity_type, {})
    properties: Mapping[str, Any] = schema.get("properties", {})
    return properties


def listed(ids: Iterable[str]) -> str:
    """Return the ids as the list of a query."""
    return ", ".join(map(quoted, ids))


def run_queries(session: Session, expressions: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Return the results of queries as plain data, in one request.

    The session's entities are left alone: feedback is read beside the artist's own changes. A server sends the
    attributes of an entity once in an answer, so that the parts are put together here.
    """
    answers = json.loads(session.post([operations.query(expression) for expression in expressions]))
    known: dict[tuple[str, str], dict[str, Any]] = {}
    return [[_merged(entity, known) for entity in answer["data"]] for answer in answers]


def _merged(value: Any, known: dict[tuple[str, str], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_merged(each, known) for each in value]
    if not isinstance(value, dict) or "__entity_type__" not in value:
        return value
    identity = str(value.get("id") or (value.get("parent_id"), value.get("key"), value.get("note_id")))
    if "component_id" in value:
        identity += str(value["component_id"])
    entity = known.setdefault((value["__entity_type__"], identity), {})
    for name, part in value.items():
        entity[name] = _merged(part, known)
    return entity


def find_note_id(session: Session, id_or_start: str) -> str:
    """Return the id of the note with this id or beginning of eight or more characters; raise NotFoundError."""
    condition = f"id is {quoted(id_or_start)}"
    if 8 <= len(id_or_start) < 36 and not set(id_or_start) - set("0123456789abcdef-"):
        condition = f'id like "{id_or_start}%"'
    found = run_queries(session, [f"select id from Note where {condition} limit 2"])[0]
    if len(found) != 1:
        raise NotFoundError(
            f"{'Two notes start with' if found else 'There is no note'} {id_or_start} on {session.server_url}. "
            "Give the id that ft-dcc notes --json prints."
        )
    return str(found[0]["id"])


def write_reply(session: Session, note_id: str, text: str) -> str:
    """Write a reply to a note and return its id; raise NotFoundError if the note was deleted."""
    data = _reply(session, _read_note(session, note_id), text)
    session.call([operations.create("Note", data)])
    return str(data["id"])


def _reply(session: Session, note: Mapping[str, Any], text: str) -> dict[str, Any]:
    place = {"in_reply_to_id": note["id"], "parent_id": note["parent_id"], "parent_type": note["parent_type"]}
    return {"id": new_id(), "content": text, **place, "user_id": _user_id(session)}


def set_done(session: Session, note_ids: Iterable[str], *, is_done: bool = True) -> None:
    """Mark notes as done by the session's user, or open them again.

    Raises NotFoundError, and ServerCompatibilityError if the site has no such state.
    """
    if "completed_at" not in _properties(session, "Note"):
        raise ServerCompatibilityError(f"Notes on {session.server_url} have no state. Write a reply instead.")
    wanted = list(note_ids)
    for note_id in wanted:
        _read_note(session, note_id)
    values: dict[str, Any] = {"completed_at": None, "completed_by_id": None}
    if is_done:
        # A site shows the state of notes that are tasks only.
        values = {"completed_at": datetime.now(timezone.utc), "completed_by_id": _user_id(session), "is_todo": True}
    session.call([operations.update("Note", note_id, values) for note_id in wanted])


def mark_addressed(session: Session, note_id: str, version_id: str, version: str) -> None:
    """Mark a note as answered by a version, which is named as in "main v004", and write a reply that says so.

    Repeating it changes nothing. A note that was deleted in the meantime is skipped.
    """
    query = f"select id, parent_id, parent_type, metadata.key, metadata.value from Note where id is {quoted(note_id)}"
    found = run_queries(session, [query])[0]
    if not found:
        return
    value, text = stored_values.addressed_mark(version_id, version)
    known = {entry["key"]: entry["value"] for entry in found[0]["metadata"]}
    if known.get(stored_values.ADDRESSED_KEY) == value:
        return
    entry = {"parent_id": note_id, "parent_type": "Note", "key": stored_values.ADDRESSED_KEY, "value": value}
    reply = _reply(session, found[0], text)
    mark = operations.create("Metadata", entry)
    if stored_values.ADDRESSED_KEY in known:
        mark = operations.update("Metadata", (note_id, stored_values.ADDRESSED_KEY), {"value": value})
    # One transaction, so that a repetition finds both or nothing.
    session.call([mark, operations.create("Note", reply)])


@attrs.frozen
class VersionState:
    """The name of the status, "" if there is none, and the component of the thumbnail."""

    status: str = ""
    thumbnail_id: str | None = None


def read_states(session: Session, version_ids: Iterable[str]) -> dict[str, VersionState]:
    """Return the states of these versions by their ids, from one request; deleted versions are missing."""
    ids = tuple(version_ids)
    if not ids:
        return {}
    states = {}
    for version in run_queries(session, [_STATES.format(ids=listed(ids))])[0]:
        status = str((version.get("status") or {}).get("name") or "")
        states[version["id"]] = VersionState(status, version.get("thumbnail_id") or None)
    return states


def _read_note(session: Session, note_id: str) -> Mapping[str, Any]:
    found = run_queries(session, [f"select id, parent_id, parent_type from Note where id is {quoted(note_id)}"])[0]
    if not found:
        raise NotFoundError(f"There is no note {note_id} on {session.server_url}. Load the notes again.")
    return found[0]


def _user_id(session: Session) -> str:
    user = session.query(f"select id from User where username is {quoted(session.api_user)}").one()
    return str(user["id"])


def watch(session: Session, on_feedback: Callable[[], object]) -> threading.Thread:
    """Call the function after a note, drawing or verdict was written, changed or deleted, in the returned thread.

    It is also called after each connection, as soon as the server has the subscription: what was written before that,
    or during an interruption, causes no event. The thread ends when the session is closed. Without an event hub the
    function is never called. Raises EventHubConnectionError if the session is closed.
    """

    def receive(event: Event) -> None:
        entities = event["data"].get("entities", ())
        names = {str(entity.get(name, "")).lower() for entity in entities for name in ("entityType", "entity_type")}
        if not names.isdisjoint(_FEEDBACK_EVENT_TYPES):
            on_feedback()

    hub = session.event_hub
    # A server handles the packets of a connection in their order, so this event returns after the subscription.
    topic = f"ft-dcc.feedback.{new_id()}"
    hub.subscribe("topic=ftrack.update", receive)
    hub.subscribe(f"topic={topic}", lambda _: on_feedback())
    hub.subscribe(f"topic={CONNECTED}", lambda _: hub.publish(Event(topic), on_error="ignore"))
    if hub.connected:
        hub.publish(Event(topic), on_error="ignore")
    hub.connect_in_background()

    def wait() -> None:
        # The session may be closed before this thread begins.
        with suppress(EventHubConnectionError):
            hub.wait()

    thread = threading.Thread(target=wait, name="ft-dcc feedback", daemon=True)
    thread.start()
    return thread
