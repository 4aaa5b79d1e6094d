"""What is special about entity types beyond the schema and the access rules, in one table: ``RULES``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from uuid import uuid4

import attrs
from sqlalchemy import func, select, update

from ft_dcc.server.auth.permissions import DEFAULT_ROLE
from ft_dcc.server.database import clock, seed
from ft_dcc.server.entities import changes, review_rules
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.defaults import default_status, default_task_type, project_of_asset
from ft_dcc.server.errors import MediaMissing, ValidationError
from ft_dcc.server.schema import model, tables
from ft_dcc.server.storage import published_media

_HISTORY = {"Context": "TypedContextStatusChange", "AssetVersion": "AssetVersionStatusChange"}


@attrs.frozen(kw_only=True)
class EntityRule:
    """The rules of an entity type, or of all types of a family, as functions of a batch and a row.

    All of them may raise ValidationError. Rows are changed in place. Imports use ``stored_values`` and ``add_values``.
    """

    # Columns that a new entity gets unless they are sent: its date, whether ``user_id`` is the caller, fixed values.
    date: str = ""
    has_user: bool = False
    defaults: Mapping[str, object] = {}
    # Columns that ``add_values`` sets, and whether they follow from other rows.
    derived: tuple[str, ...] = ()
    reads_others: bool = False
    # Whether the server alone writes entities, as part of changes of others.
    is_history: bool = False
    # Returns the columns that are stored in place of those that a create or an update sent, by the id and the latter.
    stored_values: Callable[[Batch, str, Row], Row] = lambda batch, entity_id, sent: {}
    # Completes the row of a new entity: with the owner that it needs, and with the values of the server.
    add_owner: Callable[[Batch, Row], None] = lambda batch, row: None
    add_values: Callable[[Batch, model.EntityType, Row], None] = lambda batch, entity_type, row: None
    # Checks new values of a row; those of a new entity are the row itself.
    check_values: Callable[[Row, Row], None] = lambda row, changed: None
    # Called for a new entity that the caller may create, and before an update is stored, which may change more.
    before_create: Callable[[Batch, Row], None] = lambda batch, row: None
    before_update: Callable[[Batch, model.EntityType, Row, Row], None] = lambda batch, entity_type, row, changed: None
    # Called when the new or changed row is stored, and when a new entity is recorded.
    check_stored: Callable[[Batch, Row], None] = lambda batch, row: None
    after_create: Callable[[Batch, Row], None] = lambda batch, row: None


@functools.lru_cache(maxsize=1024)
def rules_of(entity_type: model.EntityType) -> tuple[EntityRule, ...]:
    """Return the rules of the type itself and of its family, in this order."""
    return tuple(RULES[name] for name in dict.fromkeys((entity_type.name, entity_type.family)) if name in RULES)


def stored_values(batch: Batch, entity_type: model.EntityType, entity_id: str, sent: Row) -> Row:
    """Return the columns that are stored in place of these columns of a create or an update."""
    return {
        name: value
        for rule in rules_of(entity_type)
        for name, value in rule.stored_values(batch, entity_id, sent).items()
    }


def add_server_values(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    """Add the server's values to the row of a new entity."""
    columns = batch.tables[entity_type].c
    if tables.TYPE_COLUMN in columns:
        row[tables.TYPE_COLUMN] = entity_type.base if entity_type.is_view else entity_type.name
    if "created_at" in entity_type.attributes:
        _set_default(row, "created_at", clock.now_text())
    if "created_by_id" in entity_type.attributes and not batch.caller.is_guest:
        _set_default(row, "created_by_id", batch.caller.id)
    for rule in rules_of(entity_type):
        if rule.is_history:
            raise ValidationError(f"{entity_type.name} is written by the server alone. Change the entity itself.")
        if rule.has_user and not batch.caller.is_guest:
            _set_default(row, "user_id", batch.caller.id)
        for column, value in {**rule.defaults, **({rule.date: clock.now_text()} if rule.date else {})}.items():
            _set_default(row, column, value)
        rule.add_values(batch, entity_type, row)


def server_columns(entity_type: model.EntityType) -> frozenset[str]:
    """Return the columns that :func:`add_server_values` fills in, beside that of the type."""
    own_rules = rules_of(entity_type)
    names = {name for rule in own_rules for name in (rule.date, *rule.defaults, *rule.derived)}
    names |= {"user_id"} if any(rule.has_user for rule in own_rules) else set()
    names |= set() if any(rule.is_history for rule in own_rules) else {"created_at", "created_by_id"}
    return frozenset(names & {attribute.column for attribute in entity_type.attributes.values()})


def _set_default(row: Row, column: str, value: object) -> None:
    if row.get(column) is None:
        row[column] = value


def _add_context_values(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    if entity_type.name == "Project":  # It has a rule of its own.
        return
    _set_default(row, "parent_id", row.get("project_id"))
    parent = batch.row("Context", row["parent_id"])
    if parent is None:
        raise ValidationError(f"A {entity_type.name} needs a parent that exists. Send parent_id.")
    row["project_id"] = parent["project_id"]
    row["context_type"] = "task"
    for column in ("sort", "bid"):
        _set_default(row, column, 0.0)
    if entity_type.name == "Task":
        _set_default(row, "type_id", default_task_type(batch, row["project_id"]))
    _set_default(row, "status_id", default_status(batch, row["project_id"], entity_type.name, row))


def _add_project_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    if row.get("parent_id") is not None:
        raise ValidationError("A Project has no parent. Leave parent_id out.")
    row["context_type"], row["project_id"] = "show", row["id"]
    _set_default(row, "status", "active")
    _set_default(row, "full_name", row.get("name"))
    table = batch.table("ProjectSchema")
    _set_default(row, "project_schema_id", batch.connection.scalar(select(table.c.id).limit(1)))


def _check_project_name(batch: Batch, row: Row) -> None:
    """Raise ValidationError if another project that the caller can read has this name.

    A project that the caller cannot read makes no difference, because a refusal would confirm that it exists.
    """
    context, readable = batch.table("Context"), batch.permissions.projects
    same = select(context.c.id).where(context.c.name == row["name"], context.c[tables.TYPE_COLUMN] == "Project")
    others = set(batch.connection.scalars(same)) - {row["id"]}
    if others if readable is None else others.intersection(readable):
        raise ValidationError(f"DuplicateEntryError: there is a project {row['name']!r} already. Choose another name.")


def _add_version_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    asset = batch.row("Asset", row.get("asset_id"))
    if asset is None:
        raise ValidationError("An AssetVersion needs an asset that exists. Send asset_id.")
    if row.get("version") is None:
        table = batch.table("AssetVersion")
        newest = select(func.max(table.c.version)).where(table.c.asset_id == row["asset_id"])
        row["version"] = (batch.connection.scalar(newest) or 0) + 1
    _set_default(row, "status_id", default_status(batch, project_of_asset(batch, asset), "AssetVersion", row))


def _add_note_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    _set_default(row, "thread_activity", row["date"])
    if (answered := batch.row("Note", row.get("in_reply_to_id"))) is not None:
        _set_default(row, "parent_id", answered["parent_id"])
        _set_default(row, "parent_type", answered["parent_type"])


def _add_custom_link_values(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    """Set the types that a custom attribute link joins, from its configuration."""
    configuration = batch.row("CustomAttributeLinkConfiguration", row.get("configuration_id"))
    if configuration is None:
        raise ValidationError(f"A {entity_type.name} needs a configuration that exists. Send configuration_id.")
    kinds = {"task": "Context", "show": "Context", "assetversion": "AssetVersion"}
    origin = str(configuration["entity_type"])
    row["from_entity_type"] = kinds.get(origin, origin.capitalize())
    row["to_entity_type"] = entity_type.name.replace("CustomAttributeLink", "")


def _check_uploaded(batch: Batch, row: Row) -> None:
    """Raise MediaMissing if a component is added to the server's location without all of its bytes."""
    if row["location_id"] != seed.SERVER_LOCATION_ID:
        return
    component, files = batch.row("Component", row["component_id"]), batch.services.media
    # Sequences and containers have no bytes of their own.
    if component is None or component[tables.TYPE_COLUMN] != "FileComponent":
        return
    name = str(component["name"])[:80]
    if not files.exists(component["id"]):
        raise MediaMissing(f"The bytes of the component {name!r} are not on the server. Upload them first.")
    size = files.size(component["id"])
    if component["size"] and component["size"] != size:
        raise MediaMissing(
            f"The component {name!r} has {component['size']:.0f} bytes, and {size} were uploaded. Upload it again."
        )


def _check_uploader(batch: Batch, row: Row) -> None:
    if not batch.permissions.is_administrator:
        published_media.check_uploader(batch.connection, batch.services.media, row["id"], batch.caller.id)


def _record_status_change(batch: Batch, entity_type: model.EntityType, row: Row, changed: Row) -> None:
    """Add a new status to the history.

    It is not published: for subscribers the update of the status is the change, and this row only its history.
    """
    if "status_id" not in changed:
        return
    values = {
        "id": str(uuid4()),
        tables.TYPE_COLUMN: _HISTORY[entity_type.family],
        "parent_id": row["id"],
        "parent_type": entity_type.name,
        "date": clock.now_text(),
        "user_id": batch.caller.id,
        "from_status_id": row["status_id"],
        "status_id": changed["status_id"],
    }
    batch.connection.execute(batch.table("StatusChange").insert().values(values))


def _move_context(batch: Batch, entity_type: model.EntityType, row: Row, changed: Row) -> None:
    """Move what is below a context to its new project; raises ValidationError for the place, and PayloadTooLarge."""
    _record_status_change(batch, entity_type, row, changed)
    if "project_id" in changed:
        parent = batch.row("Context", changed.get("parent_id", row["parent_id"]))
        if parent is None or parent["project_id"] != changed["project_id"]:
            raise ValidationError(f"'{row['name']}' belongs to the project of its parent. Change parent_id instead.")
    if changed.get("parent_id") is None:
        return
    table, parent = batch.table("Context"), batch.row("Context", changed["parent_id"])
    if parent is None:
        raise ValidationError(f"There is no context '{changed['parent_id']}' to move '{row['name']}' to.")
    above = select(table.c.id, table.c.parent_id).where(table.c.id == parent["id"]).cte(recursive=True)
    above = above.union(select(table.c.id, table.c.parent_id).join(above, table.c.id == above.c.parent_id))
    if row["id"] in set(batch.connection.scalars(select(above.c.id))):
        raise ValidationError(f"'{row['name']}' cannot be moved below itself. Choose another parent.")
    project_id = parent["project_id"]
    if project_id == row["project_id"]:
        return
    changed["project_id"] = project_id
    below = select(table.c.id).where(table.c.parent_id == row["id"]).cte(recursive=True)
    child = table.alias()
    below = below.union(select(child.c.id).join(below, child.c.parent_id == below.c.id))
    inside = set(batch.connection.scalars(select(below.c.id).limit(batch.max_implied_rows)))
    batch.count_implied_changes(
        len(inside),
        f"Moving '{row['name']}' to another project moves everything below it",
        "Move what is below it first, in several requests.",
    )
    for moved in batch.rows_to_report(table, table.c.id.in_(inside)):
        moved_type = changes.stored_type(batch.schema, "Context", moved)
        batch.changes.record_updated(moved_type, moved, {"project_id": project_id})
    batch.connection.execute(update(table).where(table.c.id.in_(inside)).values(project_id=project_id))


def _check_project_update(batch: Batch, _type: model.EntityType, row: Row, changed: Row) -> None:
    if changed.keys() & {"parent_id", "project_id"}:
        raise ValidationError("A Project has no parent and no other project. Leave parent_id and project_id out.")
    if "name" in changed:
        _check_project_name(batch, {**row, **changed})


def _add_author_as_recipient(batch: Batch, row: Row) -> None:
    """Make the author of a note one of its recipients, unless the batch deletes the note."""

    def add() -> None:
        # The batch may have closed the review session after it created the note.
        with batch.services.store.closed_reviews.guarding_only(()):
            if batch.row("Note", row["id"]) is not None:
                batch.insert("Recipient", {"note_id": row["id"], "resource_id": batch.caller.id})

    if not batch.caller.is_guest:
        # At the end, because an assignment of recipients in this batch would remove this one.
        batch.before_commit.append(add)


def _set_first_category(batch: Batch, row: Row) -> None:
    note = batch.table("Note")
    first = update(note).where(note.c.id == row["note_id"], note.c.category_id.is_(None))
    batch.connection.execute(first.values(category_id=row["label_id"]))


def _give_default_role(batch: Batch, row: Row) -> None:
    """Give a new user the default role on all projects that are not private."""
    role = batch.table("SecurityRole")
    role_id = batch.connection.scalar(select(role.c.id).where(role.c.name == DEFAULT_ROLE))
    if role_id is not None:
        held = {"id": str(uuid4()), "user_id": row["id"], "security_role_id": role_id, "is_all_open_projects": 1}
        batch.insert("UserSecurityRole", held)


# The rules by the name of a type or of a family.
RULES: Mapping[str, EntityRule] = {
    "Context": EntityRule(
        derived=("context_type", "project_id", "parent_id", "status_id", "type_id", "sort", "bid"),
        reads_others=True,
        add_values=_add_context_values,
        before_update=_move_context,
    ),
    "Project": EntityRule(
        derived=("full_name", "status", "project_schema_id"),
        add_values=_add_project_values,
        before_create=_check_project_name,
        before_update=_check_project_update,
    ),
    "AssetVersion": EntityRule(
        date="date",
        has_user=True,
        derived=("version", "status_id"),
        reads_others=True,
        add_values=_add_version_values,
        before_update=_record_status_change,
        check_stored=review_rules.follow_version,
    ),
    "Component": EntityRule(defaults={"system_type": "file"}),
    "ContainerComponent": EntityRule(defaults={"system_type": "container"}),
    "SequenceComponent": EntityRule(defaults={"system_type": "sequence"}),
    "FileComponent": EntityRule(before_create=_check_uploader),
    "ComponentLocation": EntityRule(check_stored=_check_uploaded),
    "User": EntityRule(
        defaults=dict.fromkeys(("is_active", "is_otp_enabled", "is_totp_enabled", "require_details_update"), 0),
        after_create=_give_default_role,
    ),
    "Group": EntityRule(defaults={"local": 1}),
    "Job": EntityRule(has_user=True),
    "List": EntityRule(date="date", has_user=True),
    "Timelog": EntityRule(date="start", has_user=True),
    "Timer": EntityRule(date="start", has_user=True),
    "Note": EntityRule(
        date="date",
        has_user=True,
        derived=("thread_activity", "parent_id", "parent_type"),
        reads_others=True,
        add_values=_add_note_values,
        after_create=_add_author_as_recipient,
    ),
    "NoteLabelLink": EntityRule(after_create=_set_first_category),
    "ReviewSession": EntityRule(
        # A published link must open, so sessions are shareable unless they are created as private.
        defaults={"passphrase_enabled": 0, "is_moderated": 0, "is_watermarked": 0, "shareable_url_enabled": 1},
        derived=("start_date",),
        stored_values=review_rules.passphrase_columns,
        add_owner=review_rules.add_default_project,
        add_values=review_rules.add_review_session_values,
        check_values=review_rules.check_review_dates,
    ),
    "ReviewSessionObject": EntityRule(
        derived=("sort_order", "name", "version"),
        reads_others=True,
        add_values=review_rules.add_review_object_values,
        after_create=review_rules.add_items_below,
    ),
    "ReviewSessionInvitee": EntityRule(
        defaults={"created_from_shared_url": 0},
        check_values=review_rules.check_rights,
        before_create=review_rules.check_address,
        before_update=review_rules.check_new_address,
    ),
    "CustomAttributeLink": EntityRule(
        derived=("from_entity_type", "to_entity_type"), reads_others=True, add_values=_add_custom_link_values
    ),
    "StatusChange": EntityRule(is_history=True),
    "Event": EntityRule(is_history=True),
}
