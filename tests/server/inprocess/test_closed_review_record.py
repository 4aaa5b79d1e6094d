"""Every operation that the schema allows is sent to a closed review session, and nothing of its record changes.

What is compared is the review page and the stored rows, not the rules of the guard.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import attrs
import pytest
from doubles.reviews import PAST

from ft_dcc.server.admin.import_export import export_entities, import_entities
from ft_dcc.server.errors import HttpError, ReviewSessionClosedError, ValidationError
from ft_dcc.server.review.access import authorize_user
from ft_dcc.server.review.content import read_review
from ft_dcc.server.schema.tables import TYPE_COLUMN

# What the page shows of the production around the session, under the names that it has there now.
PRODUCTION = ("asset", "asset_type", "path", "task", "group", "stack", "author")
VALUES: dict[str, Any] = {
    "text": "changed",
    "date": {"__type__": "datetime", "value": "2031-05-01T12:00:00"},
    "boolean": True,
    "integer": 7_000,
    "number": 7_000.5,
    "variable": "changed",
    "object": "changed",
    "json": "{}",
    "entity_type": "Task",
    "secret": "changed",
}
# The families of the rows that `fill` creates.
FAMILIES = {
    "session": "ReviewSession",
    "object": "ReviewSessionObject",
    "invitee": "ReviewSessionInvitee",
    "status": "ReviewSessionObjectStatus",
    "annotation": "ReviewSessionObjectAnnotation",
    "version": "AssetVersion",
    "asset": "Asset",
    **dict.fromkeys(("note", "reply", "deep"), "Note"),
    **dict.fromkeys(("component", "member", "drawing", "sketch"), "Component"),
}
# The types of the rows that are not components of notes.
OPEN_TYPES = {name: family for name, family in FAMILIES.items() if family != "Component"}
OPEN_TYPES |= {"component": "SequenceComponent", "member": "FileComponent"}


@attrs.frozen(eq=False)
class ClosedReview:
    """A closed session with a row of each kind in it, and another that is open."""

    client: Any
    session: str
    rows: dict[str, list[dict[str, Any]]]
    other: dict[str, str]

    def record(self) -> Any:
        """Return what the page shows and all rows of the record."""
        studio = self.client.studio
        with studio.store.reading() as connection:
            access = authorize_user(studio, connection, self.session, self.client.caller, "Ada")
            page = read_review(connection, studio.store.tables, access)
            for entry in page["entries"]:
                for name in PRODUCTION:
                    entry.pop(name, None)
                for note in entry["notes"]:
                    note.pop("author")
            stored = {family: self._stored(connection, family) for family in self.rows}
        del page["project"], page["labels"], page["visitor"]
        return page, stored

    def _stored(self, connection: Any, family: str) -> list[Any]:
        table = self.client.studio.store.tables.by_family[family]
        keys = self.client.studio.schema[family].key
        own = {tuple(row[name] for name in keys) for row in self.rows[family]}
        found = [dict(row) for row in connection.execute(table.select()).mappings()]
        return [row for row in found if tuple(row[name] for name in keys) in own]


def of(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


def create(entity_type: str, **data: Any) -> dict[str, Any]:
    """Return a creation, without an id if none is given."""
    return {"action": "create", "entity_type": entity_type, "entity_data": data}


def fill(tree: Any, prefix: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the ids of a session with one row of each kind, and the operations that create it."""
    ids = {name: f"{prefix}-{name}-{uuid4().hex[:8]}" for name in FAMILIES}
    item, parent = {"review_session_object_id": ids["object"]}, {"parent_type": "ReviewSessionObject"}
    operations = [
        create("Asset", id=ids["asset"], name=f"{prefix} playblast", context_id=tree.shot),
        create("AssetVersion", id=ids["version"], asset_id=ids["asset"], comment="Blocking"),
        create("ReviewSession", id=ids["session"], name=f"{prefix} dailies", project_id=tree.project),
        create("ReviewSessionObject", id=ids["object"], review_session_id=ids["session"], version_id=ids["version"]),
        create(
            "ReviewSessionInvitee",
            id=ids["invitee"],
            review_session_id=ids["session"],
            name="Bo",
            email="bo@example.com",
        ),
        create(
            "ReviewSessionObjectStatus",
            id=ids["status"],
            status="approved",
            review_session_invitee_id=ids["invitee"],
            **item,
        ),
        create("ReviewSessionObjectAnnotation", id=ids["annotation"], frame_number=1010, data="[]", **item),
        create("Note", id=ids["note"], content="Lift the chin.", parent_id=ids["object"], **parent),
        create("Note", id=ids["reply"], content="Done.", in_reply_to_id=ids["note"]),
        create("Note", id=ids["deep"], content="Thanks.", parent_id=ids["reply"], parent_type="Note"),
        create("SequenceComponent", id=ids["component"], name="frames", version_id=ids["version"], padding=4),
        create("FileComponent", id=ids["member"], name="1001", container_id=ids["component"]),
        create("FileComponent", id=ids["drawing"], name="drawing"),
        create("NoteComponent", note_id=ids["note"], component_id=ids["drawing"]),
        create("FileComponent", id=ids["sketch"], name="sketch"),
        create("ReviewSessionObjectAnnotationComponent", component_id=ids["sketch"], frame_number="1010", **item),
    ]
    described = {"session": "ReviewSession", "object": "ReviewSessionObject", "status": "ReviewSessionObjectStatus"}
    described.update(invitee="ReviewSessionInvitee", annotation="ReviewSessionObjectAnnotation", note="Note")
    for name, entity_type in {**described, "component": "SequenceComponent", "member": "FileComponent"}.items():
        common = {"parent_id": ids[name], "parent_type": entity_type}
        operations.append(create("Metadata", key="ft_dcc", value='{"frame": 1010}', **common))
        operations.append(create("EntitySetting", group="a", name="b", value="c", **common))
    return ids, operations


@pytest.fixture
def closed(client: Any, tree: Any) -> ClosedReview:
    schema, tables = client.studio.schema, client.studio.store.tables
    before = {family: keys_of(client, family) for family in tables.by_family}
    ids, operations = fill(tree, "closed")
    (label,) = client.query("NoteLabel limit 1") or [{"id": client.create("NoteLabel", name="Director")}]
    client.call(*operations, create("NoteLabelLink", note_id=ids["note"], label_id=label["id"]))
    rows = {}
    for family, table in tables.by_family.items():
        with client.studio.store.reading() as connection:
            found = [dict(row) for row in connection.execute(table.select()).mappings()]
        new = [row for row in found if tuple(row[name] for name in schema[family].key) not in before[family]]
        if new and family not in ("Asset", "AssetVersion", "Event", "Feed"):
            rows[family] = new
    other, operations = fill(tree, "other")
    client.call(*operations)
    client.update("ReviewSession", ids["session"], end_date=PAST)
    other.update({f"closed {name}": key for name, key in ids.items()})
    return ClosedReview(client, ids["session"], rows, other)


def keys_of(client: Any, family: str) -> set[tuple[Any, ...]]:
    table, keys = client.studio.store.tables.by_family[family], client.studio.schema[family].key
    with client.studio.store.reading() as connection:
        return {tuple(row[name] for name in keys) for row in connection.execute(table.select()).mappings()}


def operations_on(closed: ClosedReview) -> Iterator[dict[str, Any]]:
    """Yield updates and deletions of each row of the record, with each attribute, and creations of each type in it."""
    schema = closed.client.studio.schema
    version = [{"id": closed.other["closed version"], TYPE_COLUMN: "AssetVersion"}]
    for family, rows in {**closed.rows, "AssetVersion": version}.items():
        for row in rows:
            entity_type = schema[row.get(TYPE_COLUMN, family)]
            key = {"entity_type": entity_type.name, "entity_key": [row[name] for name in entity_type.key]}
            for name, value in changed_values(closed, entity_type):
                yield {"action": "update", **key, "entity_data": {name: value}}
            if family != "ReviewSession":  # An administrator may delete the whole.
                yield {"action": "delete", **key}
    for owner in ("asset", "version"):
        family = {"asset": "Asset", "version": "AssetVersion"}[owner]
        yield {"action": "delete", "entity_type": family, "entity_key": [closed.other[f"closed {owner}"]]}
    yield from lists_that_take_members(closed)
    yield from moves(closed)
    yield from creations(closed)


def changed_values(closed: ClosedReview, entity_type: Any) -> Iterator[tuple[str, Any]]:
    kept = {
        "ReviewSession": {"end_date", "availability", "shareable_url_enabled", "passphrase", "passphrase_enabled"},
        # The production of a version goes on.
        "AssetVersion": {"status", "status_id", "is_published"},
    }.get(entity_type.name, set())
    for name, attribute in entity_type.attributes.items():
        if name in entity_type.key or name in kept:
            continue
        if attribute.is_many:
            yield name, []
        elif attribute.kind in VALUES:
            yield name, VALUES[attribute.kind]
        else:
            yield name, None
            for key in targets(closed, attribute):
                yield name, key if attribute.kind == "foreign key" else of(attribute.rows, key)


def targets(closed: ClosedReview, attribute: Any, start: str = "") -> list[str]:
    """Return the ids that an attribute can refer to: all of them if it is declared for no type."""
    target = closed.client.studio.schema.types.get(attribute.rows)
    names = [name for name in closed.other if name.startswith(start)]
    if target is not None and target.family in FAMILIES.values():
        names = [name for name in names if FAMILIES[name.split()[-1]] == target.family]
    return [closed.other[name] for name in names]


def lists_that_take_members(closed: ClosedReview) -> Iterator[dict[str, Any]]:
    """Yield updates that move members of the closed session into lists of the open one."""
    schema = closed.client.studio.schema
    for name in ("session", "object", "invitee", "note", "version", "component"):
        for attribute in schema[OPEN_TYPES[name]].attributes.values():
            target = schema.types.get(attribute.rows)
            if not attribute.is_many or target is None or target.family not in closed.rows:
                continue
            members = [
                {"__entity_type__": attribute.rows, **{part: row[part] for part in target.key}}
                for row in closed.rows[target.family]
            ]
            key = {"entity_type": OPEN_TYPES[name], "entity_key": [closed.other[name]]}
            yield {"action": "update", **key, "entity_data": {attribute.name: members}}


def moves(closed: ClosedReview) -> Iterator[dict[str, Any]]:
    """Yield updates that move an entity of the open session into the closed one, by its keys and by lists there."""
    schema = closed.client.studio.schema
    for name, entity_type in OPEN_TYPES.items():
        key = {"entity_type": entity_type, "entity_key": [closed.other[name]]}
        for attribute in schema[entity_type].attributes.values():
            if attribute.kind == "foreign key" and attribute.column:
                for target in targets(closed, attribute, "closed "):
                    yield {"action": "update", **key, "entity_data": {attribute.name: target}}
        for owner, owner_type in OPEN_TYPES.items():
            into = {"entity_type": owner_type, "entity_key": [closed.other[f"closed {owner}"]]}
            for attribute in schema[owner_type].attributes.values():
                if attribute.is_many and attribute.rows == entity_type:
                    members = [of(entity_type, closed.other[name])]
                    yield {"action": "update", **into, "entity_data": {attribute.name: members}}


def creations(closed: ClosedReview) -> Iterator[dict[str, Any]]:
    """Yield creations of each type, with each key to an entity of the session."""
    record = {*closed.rows, "CustomAttributeValue"}
    for entity_type in closed.client.studio.schema:
        if entity_type.is_private or entity_type.is_abstract or entity_type.family not in record:
            continue
        keys = [each for each in entity_type.attributes.values() if each.kind == "foreign key" and each.column]
        for attribute in keys:
            for target in targets(closed, attribute, "closed "):
                data: dict[str, Any] = {
                    name: VALUES["text"] if name != "id" else uuid4().hex for name in entity_type.key
                }
                data.update({attribute.name: target})
                yield create(entity_type.name, **data)
                if "parent_type" in entity_type.attributes:
                    yield create(entity_type.name, **data, parent_type="Task")


def test_no_operation_changes_the_record_of_a_closed_session(closed: ClosedReview) -> None:
    before, wrong, rejected, count = closed.record(), [], 0, 0
    members = {family: len(list(rows)) for family, rows in members_of(closed).items()}
    for operation in operations_on(closed):
        count += 1
        try:
            closed.client.call(operation)
        except ReviewSessionClosedError:
            rejected += 1
            continue
        except HttpError:
            continue
        if closed.record() != before or {name: len(rows) for name, rows in members_of(closed).items()} != members:
            wrong.append(operation)
            before = closed.record()
            members = {name: len(rows) for name, rows in members_of(closed).items()}
    assert wrong == []
    assert count > 1_500
    assert rejected > 1_000


def members_of(closed: ClosedReview) -> dict[str, Any]:
    """Return what clients find in the session by paths that lead to it."""
    query, session = closed.client.query, closed.session
    item, version = closed.other["closed object"], closed.other["closed version"]
    note = closed.other["closed note"]
    return {
        "objects": query(f"ReviewSessionObject where review_session_id is {session}"),
        "invitees": query(f"ReviewSessionInvitee where review_session_id is {session}"),
        "statuses": query(f"ReviewSessionObjectStatus where review_session_object_id is {item}"),
        "annotations": query(f"ReviewSessionObjectAnnotation where review_session_object_id is {item}"),
        "notes": query(f"Note where parent_id in ({session}, {item}, {note})"),
        "replies": query(f"Note where in_reply_to_id is {note}"),
        "components": query(f"Component where version_id is {version}"),
        "labels": query(f"NoteLabelLink where note_id is {note}"),
        "recipients": query(f"Recipient where note_id is {note}"),
        "files": query(f"NoteComponent where note_id is {note}"),
        "metadata": query(f"Metadata where parent_id in ({session}, {item}, {note})"),
        "settings": query(f"EntitySetting where parent_id in ({session}, {item}, {note})"),
    }


def exported(client: Any) -> list[dict[str, Any]]:
    with client.studio.store.reading() as connection:
        return [json.loads(line) for line in export_entities(client.studio, connection)]


def load(client: Any, *lines: dict[str, Any]) -> None:
    import_entities(client.studio, io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))


def test_an_import_of_each_row_with_another_value_is_rejected(closed: ClosedReview) -> None:
    client, before, rejected = closed.client, closed.record(), 0
    lines = exported(client)
    load(client, *lines)  # The same values change nothing.
    ids = {str(row.get("id")) for rows in closed.rows.values() for row in rows}
    schema = client.studio.schema
    for line in lines:
        entity_type = schema[line[TYPE_COLUMN]]
        if line.get("id") not in ids and not ids.intersection(map(str, (line.get(n) for n in entity_type.key))):
            continue
        for name, attribute in entity_type.attributes.items():
            if name in entity_type.key or attribute.kind not in ("text", "number") or attribute.column is None:
                continue
            if entity_type.name == "ReviewSession" and name == "availability":
                continue
            with pytest.raises(ValidationError, match=r"Line 1: The review session 'closed dailies' is closed"):
                load(client, {**line, name: VALUES[attribute.kind]})
            rejected += 1
    assert closed.record() == before
    assert rejected > 20


def test_a_closed_session_is_imported_as_a_whole_in_any_order_of_its_lines(client: Any, tree: Any) -> None:
    ids, operations = fill(tree, "copied")
    lines = [{TYPE_COLUMN: each["entity_type"], **each["entity_data"]} for each in operations]
    for line in lines:
        if line[TYPE_COLUMN] == "ReviewSession":
            line["end_date"] = "2020-01-01T00:00:00"
    load(client, *reversed(lines))
    load(client, *lines)
    assert client.names(f"select name from ReviewSessionObject where review_session_id is {ids['session']}") == [
        "copied playblast"
    ]
    with pytest.raises(ReviewSessionClosedError):
        client.update("ReviewSessionObject", ids["object"], name="changed")
