"""Every operation that the schema allows is sent to a closed review session, and nothing of its record changes.

What is compared is the review page and the stored rows, not the rules of the guard.
"""

import json
from uuid import uuid4

import attrs
import pytest
from doubles.operations import delete, keyed, lines, update
from doubles.reviews import INVITEE, PAST
from run_options import sample

from ft_dcc.server.admin.import_export import export_entities, import_entities
from ft_dcc.server.errors import HttpError, ReviewSessionClosedError, ValidationError
from ft_dcc.server.review.access import authorize_user
from ft_dcc.server.review.content import read_review
from ft_dcc.server.schema.tables import TYPE_COLUMN

from .conftest import reference

# What the page shows of the production around the session, under the names that it has there now.
PRODUCTION = ("asset", "asset_type", "path", "task", "group", "stack", "author")
VALUES = {
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

    client: object
    session: str
    rows: dict
    other: dict[str, str]

    def record(self):
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

    def _stored(self, connection, family):
        table = self.client.studio.store.tables.by_family[family]
        keys = self.client.studio.schema[family].key
        own = {tuple(row[name] for name in keys) for row in self.rows[family]}
        found = [dict(row) for row in connection.execute(table.select()).mappings()]
        return [row for row in found if tuple(row[name] for name in keys) in own]


def fill(tree, prefix):
    """Return the ids of a session with one row of each kind, and the operations that create it."""
    ids = {name: f"{prefix}-{name}-{uuid4().hex[:8]}" for name in FAMILIES}
    item, parent = {"review_session_object_id": ids["object"]}, {"parent_type": "ReviewSessionObject"}
    invitee = {"review_session_invitee_id": ids["invitee"]}
    operations = [
        keyed("Asset", id=ids["asset"], name=f"{prefix} playblast", context_id=tree.shot),
        keyed("AssetVersion", id=ids["version"], asset_id=ids["asset"], comment="Blocking"),
        keyed("ReviewSession", id=ids["session"], name=f"{prefix} dailies", project_id=tree.project),
        keyed("ReviewSessionObject", id=ids["object"], review_session_id=ids["session"], version_id=ids["version"]),
        keyed("ReviewSessionInvitee", id=ids["invitee"], review_session_id=ids["session"], **INVITEE),
        keyed("ReviewSessionObjectStatus", id=ids["status"], status="approved", **item, **invitee),
        keyed("ReviewSessionObjectAnnotation", id=ids["annotation"], frame_number=1010, data="[]", **item),
        keyed("Note", id=ids["note"], content="Lift the chin.", parent_id=ids["object"], **parent),
        keyed("Note", id=ids["reply"], content="Done.", in_reply_to_id=ids["note"]),
        keyed("Note", id=ids["deep"], content="Thanks.", parent_id=ids["reply"], parent_type="Note"),
        keyed("SequenceComponent", id=ids["component"], name="frames", version_id=ids["version"], padding=4),
        keyed("FileComponent", id=ids["member"], name="1001", container_id=ids["component"]),
        keyed("FileComponent", id=ids["drawing"], name="drawing"),
        keyed("NoteComponent", note_id=ids["note"], component_id=ids["drawing"]),
        keyed("FileComponent", id=ids["sketch"], name="sketch"),
        keyed("ReviewSessionObjectAnnotationComponent", component_id=ids["sketch"], frame_number="1010", **item),
    ]
    for name in ("session", "object", "status", "invitee", "annotation", "note", "component", "member", "version"):
        common = {"parent_id": ids[name], "parent_type": OPEN_TYPES[name]}
        operations.append(keyed("Metadata", key="ft_dcc", value='{"frame": 1010}', **common))
        if name != "version":  # Its settings belong to the production.
            operations.append(keyed("EntitySetting", group="a", name="b", value="c", **common))
    return ids, operations


@pytest.fixture
def closed(client, tree):
    schema, tables = client.studio.schema, client.studio.store.tables
    before = {family: keys_of(client, family) for family in tables.by_family}
    ids, operations = fill(tree, "closed")
    (label,) = client.query("NoteLabel limit 1") or [{"id": client.create("NoteLabel", name="Director")}]
    client.call(*operations, keyed("NoteLabelLink", note_id=ids["note"], label_id=label["id"]))
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


def keys_of(client, family):
    table, keys = client.studio.store.tables.by_family[family], client.studio.schema[family].key
    with client.studio.store.reading() as connection:
        return {tuple(row[name] for name in keys) for row in connection.execute(table.select()).mappings()}


def operations_on(closed):
    """Yield updates and deletions of each row of the record, with each attribute, and creations of each type in it."""
    schema = closed.client.studio.schema
    version = [{"id": closed.other["closed version"], TYPE_COLUMN: "AssetVersion"}]
    for family, rows in {**closed.rows, "AssetVersion": version}.items():
        for row in rows:
            entity_type = schema[row.get(TYPE_COLUMN, family)]
            key = [row[name] for name in entity_type.key]
            for name, value in changed_values(closed, entity_type):
                yield update(entity_type.name, *key, **{name: value})
            if family != "ReviewSession":  # An administrator may delete the whole.
                yield delete(entity_type.name, *key)
    for owner in ("asset", "version"):
        yield delete(FAMILIES[owner], closed.other[f"closed {owner}"])
    yield from lists_that_take_members(closed)
    yield from moves(closed)
    yield from creations(closed)


def changed_values(closed, entity_type):
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
                yield name, key if attribute.kind == "foreign key" else reference(attribute.rows, key)


def targets(closed, attribute, start=""):
    """Return the ids that an attribute can refer to: all of them if it is declared for no type."""
    target = closed.client.studio.schema.types.get(attribute.rows)
    names = [name for name in closed.other if name.startswith(start)]
    if target is not None and target.family in FAMILIES.values():
        names = [name for name in names if FAMILIES[name.split()[-1]] == target.family]
    return [closed.other[name] for name in names]


def lists_that_take_members(closed):
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
            yield update(OPEN_TYPES[name], closed.other[name], **{attribute.name: members})


def moves(closed):
    """Yield updates that move an entity of the open session into the closed one, by its keys and by lists there."""
    schema = closed.client.studio.schema
    for name, entity_type in OPEN_TYPES.items():
        for attribute in schema[entity_type].attributes.values():
            if attribute.kind == "foreign key" and attribute.column:
                for target in targets(closed, attribute, "closed "):
                    yield update(entity_type, closed.other[name], **{attribute.name: target})
        for owner, owner_type in OPEN_TYPES.items():
            for attribute in schema[owner_type].attributes.values():
                if attribute.is_many and attribute.rows == entity_type:
                    members = [reference(entity_type, closed.other[name])]
                    yield update(owner_type, closed.other[f"closed {owner}"], **{attribute.name: members})


def creations(closed):
    """Yield creations of each type, with each key to an entity of the session."""
    record = {*closed.rows, "CustomAttributeValue"}
    for entity_type in closed.client.studio.schema:
        if entity_type.is_private or entity_type.is_abstract or entity_type.family not in record:
            continue
        keys = [each for each in entity_type.attributes.values() if each.kind == "foreign key" and each.column]
        for attribute in keys:
            for target in targets(closed, attribute, "closed "):
                data = {name: VALUES["text"] if name != "id" else uuid4().hex for name in entity_type.key}
                data.update({attribute.name: target})
                yield keyed(entity_type.name, **data)
                if "parent_type" in entity_type.attributes:
                    yield keyed(entity_type.name, **data, parent_type="Task")


def test_no_operation_changes_the_record_of_a_closed_session(closed: ClosedReview) -> None:
    before, wrong, rejected = closed.record(), [], 0
    members, operations = members_of(closed), list(operations_on(closed))
    assert len(operations) > 1_500
    chosen = sample(operations, 3)
    for operation in chosen:
        try:
            closed.client.call(operation)
        except ReviewSessionClosedError:
            rejected += 1
            continue
        except HttpError:
            continue
        if closed.record() != before or members_of(closed) != members:
            wrong.append(operation)
            before, members = closed.record(), members_of(closed)
    assert wrong == []
    assert rejected > 0.4 * len(chosen)


def members_of(closed: ClosedReview) -> list[int]:
    """Return how many entities clients find in the session by each path that leads to it."""
    item, version = closed.other["closed object"], closed.other["closed version"]
    session, note = closed.session, closed.other["closed note"]
    expressions = [
        *(f"{name} where review_session_id is {session}" for name in ("ReviewSessionObject", "ReviewSessionInvitee")),
        f"ReviewSessionObjectStatus where review_session_object_id is {item}",
        f"ReviewSessionObjectAnnotation where review_session_object_id is {item}",
        f"Note where in_reply_to_id is {note}",
        f"Component where version_id is {version}",
        f"Metadata where parent_id is {version}",
        *(f"{name} where note_id is {note}" for name in ("NoteLabelLink", "Recipient", "NoteComponent")),
        *(f"{name} where parent_id in ({session}, {item}, {note})" for name in ("Note", "Metadata", "EntitySetting")),
    ]
    return [len(closed.client.query(expression)) for expression in expressions]


def load(client, *entities):
    import_entities(client.studio, lines(*entities))


def test_an_import_of_each_row_with_another_value_is_rejected(closed: ClosedReview) -> None:
    client, before, rejected = closed.client, closed.record(), 0
    with client.studio.store.reading() as connection:
        entities = [json.loads(line) for line in export_entities(client.studio, connection)]
    load(client, *entities)  # The same values change nothing.
    ids = {str(row.get("id")) for rows in closed.rows.values() for row in rows}
    schema = client.studio.schema
    for line in entities:
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


def test_a_closed_session_is_imported_as_a_whole_in_any_order_of_its_lines(client, tree):
    ids, operations = fill(tree, "copied")
    entities = [{TYPE_COLUMN: each["entity_type"], **each["entity_data"]} for each in operations]
    for entity in entities:
        if entity[TYPE_COLUMN] == "ReviewSession":
            entity["end_date"] = "2020-01-01T00:00:00"
    load(client, *reversed(entities))
    load(client, *entities)
    items = f"ReviewSessionObject where review_session_id is {ids['session']}"
    assert client.names(f"select name from {items}") == ["copied playblast"]
    with pytest.raises(ReviewSessionClosedError):
        client.update("ReviewSessionObject", ids["object"], name="changed")
