"""What the server adds to an entity that is created: dates, owners, version numbers, statuses."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from sqlalchemy import func, select, update

from ft_dcc.errors import ValidationError
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.defaults import default_status, default_task_type, project_of_asset
from ft_dcc.server.query.values import now
from ft_dcc.server.rights import DEFAULT_ROLE
from ft_dcc.server.schema.model import EntityType
from ft_dcc.server.schema.tables import TYPE_COLUMN

Derivation = Callable[[Batch, EntityType, Row], None]

_NOW = {"AssetVersion": "date", "List": "date", "Note": "date", "Timer": "start", "Timelog": "start"}
_BY_CALLER = ("AssetVersion", "Note", "Timer", "Timelog", "Job", "List")
_COMPONENT_KINDS = {"ContainerComponent": "container", "SequenceComponent": "sequence"}


def add_derived(batch: Batch, entity_type: EntityType, row: Row) -> None:
    """Complete the row of a new entity."""
    columns = batch.table(entity_type).c
    if TYPE_COLUMN in columns:
        row[TYPE_COLUMN] = entity_type.base if entity_type.is_view else entity_type.name
    if (column := _NOW.get(entity_type.family)) is not None:
        _fill(row, column, now())
    if "created_at" in entity_type.attributes:
        _fill(row, "created_at", now())
    if "created_by_id" in entity_type.attributes:
        _fill(row, "created_by_id", batch.caller.id)
    if entity_type.family in _BY_CALLER and not batch.caller.is_guest:
        _fill(row, "user_id", batch.caller.id)
    if (derive := _DERIVATIONS.get(entity_type.family)) is not None:
        derive(batch, entity_type, row)


def _fill(row: Row, column: str, value: object) -> None:
    if row.get(column) is None:
        row[column] = value


def _derive_context(batch: Batch, entity_type: EntityType, row: Row) -> None:
    if entity_type.name == "Project":
        _derive_project(batch, row)
        return
    _fill(row, "parent_id", row.get("project_id"))
    parent = batch.row("Context", row["parent_id"])
    if parent is None:
        raise ValidationError(f"A {entity_type.name} needs a parent that exists. Send parent_id.")
    row["project_id"] = parent["project_id"]
    row["context_type"] = "task"
    for column in ("sort", "bid"):
        _fill(row, column, 0.0)
    if entity_type.name == "Task":
        _fill(row, "type_id", default_task_type(batch, row["project_id"]))
    _fill(row, "status_id", default_status(batch, row["project_id"], entity_type.name, row))


def _derive_project(batch: Batch, row: Row) -> None:
    row["context_type"], row["project_id"] = "show", row["id"]
    _fill(row, "status", "active")
    _fill(row, "full_name", row.get("name"))
    table = batch.table(batch.studio.schema["ProjectSchema"])
    _fill(row, "project_schema_id", batch.connection.scalar(select(table.c.id).limit(1)))
    context = batch.table(batch.studio.schema["Context"])
    same = select(context.c.id).where(context.c.name == row["name"], context.c[TYPE_COLUMN] == "Project")
    if batch.connection.scalar(same.where(context.c.id != row["id"])) is not None:
        raise ValidationError(f"DuplicateEntryError: there is a project {row['name']!r} already. Choose another name.")


def _derive_version(batch: Batch, _type: EntityType, row: Row) -> None:
    asset = batch.row("Asset", row.get("asset_id"))
    if asset is None:
        raise ValidationError("An AssetVersion needs an asset that exists. Send asset_id.")
    if row.get("version") is None:
        table = batch.table(batch.studio.schema["AssetVersion"])
        newest = select(func.max(table.c.version)).where(table.c.asset_id == row["asset_id"])
        row["version"] = (batch.connection.scalar(newest) or 0) + 1
    _fill(row, "status_id", default_status(batch, project_of_asset(batch, asset), "AssetVersion", row))


def _derive_component(_batch: Batch, entity_type: EntityType, row: Row) -> None:
    _fill(row, "system_type", _COMPONENT_KINDS.get(entity_type.name, "file"))


def _derive_user(_batch: Batch, entity_type: EntityType, row: Row) -> None:
    if entity_type.name == "User":
        for column in ("is_active", "is_otp_enabled", "is_totp_enabled", "require_details_update"):
            _fill(row, column, 0)
    else:
        _fill(row, "local", 1)


def _derive_note(batch: Batch, _type: EntityType, row: Row) -> None:
    _fill(row, "thread_activity", row["date"])
    if (answered := batch.row("Note", row.get("in_reply_to_id"))) is not None:
        _fill(row, "parent_id", answered["parent_id"])
        _fill(row, "parent_type", answered["parent_type"])


def _derive_review_session(_batch: Batch, _type: EntityType, row: Row) -> None:
    _fill(row, "start_date", row["created_at"])
    for column in ("passphrase_enabled", "is_moderated"):
        _fill(row, column, 0)
    # Whoever publishes gets a link that opens; a private session is one that was made so.
    _fill(row, "shareable_url_enabled", 1)


def _derive_review_object(batch: Batch, _type: EntityType, row: Row) -> None:
    _fill(row, "created_at", now())
    table = batch.table(batch.studio.schema["ReviewSessionObject"])
    last = select(func.max(table.c.sort_order)).where(table.c.review_session_id == row.get("review_session_id"))
    if row.get("sort_order") is None:
        row["sort_order"] = (batch.connection.scalar(last) or 0.0) + 1.0
    version = batch.row("AssetVersion", row.get("version_id"))
    if version is None:
        raise ValidationError("A ReviewSessionObject needs a version that exists. Send asset_version.")
    asset = batch.row("Asset", version["asset_id"]) or {}
    row["name"] = row.get("name") or asset.get("name") or ""
    row["version"] = row.get("version") or f"Version {version['version']}"


def _derive_invitee(_batch: Batch, _type: EntityType, row: Row) -> None:
    _fill(row, "created_from_shared_url", 0)


def _derive_link(batch: Batch, entity_type: EntityType, row: Row) -> None:
    """A custom attribute link knows what kinds it joins from its configuration."""
    configuration = batch.row("CustomAttributeLinkConfiguration", row.get("configuration_id"))
    if configuration is None:
        raise ValidationError(f"A {entity_type.name} needs a configuration that exists. Send configuration_id.")
    kinds = {"task": "Context", "show": "Context", "assetversion": "AssetVersion"}
    origin = str(configuration["entity_type"])
    row["from_entity_type"] = kinds.get(origin, origin.capitalize())
    row["to_entity_type"] = entity_type.name.replace("CustomAttributeLink", "")


def _derive_id(_batch: Batch, entity_type: EntityType, _row: Row) -> None:
    raise ValidationError(f"{entity_type.name} is written by the server alone. Change the entity itself.")


_DERIVATIONS: dict[str, Derivation] = {
    "Context": _derive_context,
    "AssetVersion": _derive_version,
    "Component": _derive_component,
    "Resource": _derive_user,
    "Note": _derive_note,
    "ReviewSession": _derive_review_session,
    "ReviewSessionObject": _derive_review_object,
    "ReviewSessionInvitee": _derive_invitee,
    "CustomAttributeLink": _derive_link,
    "StatusChange": _derive_id,
    "Event": _derive_id,
}


def finish_created(batch: Batch, entity_type: EntityType, row: Row) -> None:
    """Do what follows from a new entity elsewhere."""
    if entity_type.name == "Note" and not batch.caller.is_guest:
        # At the end, because the batch may still assign the recipients and would take this one away.
        batch.at_end.append(lambda: _add_recipient(batch, row["id"]))
    elif entity_type.name == "User":
        _give_default_role(batch, row["id"])
    elif entity_type.name == "NoteLabelLink":
        note = batch.table(batch.studio.schema["Note"])
        first = update(note).where(note.c.id == row["note_id"], note.c.category_id.is_(None))
        batch.connection.execute(first.values(category_id=row["label_id"]))


def _give_default_role(batch: Batch, user_id: str) -> None:
    """A new user works on all projects that are not private, until an administrator says otherwise."""
    role = batch.table(batch.studio.schema["SecurityRole"])
    role_id = batch.connection.scalar(select(role.c.id).where(role.c.name == DEFAULT_ROLE))
    if role_id is not None:
        held = {"id": str(uuid4()), "user_id": user_id, "security_role_id": role_id, "is_all_open_projects": 1}
        batch.insert(batch.studio.schema["UserSecurityRole"], held)


def _add_recipient(batch: Batch, note_id: str) -> None:
    """Whoever writes a note hears of what follows, unless the batch has deleted it."""
    if batch.row("Note", note_id) is None:
        return
    recipient = batch.studio.schema["Recipient"]
    batch.insert(recipient, {"note_id": note_id, "resource_id": batch.caller.id})
