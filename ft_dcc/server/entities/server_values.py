"""The values that the server adds to a new entity: dates, owners, version numbers, statuses."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from sqlalchemy import func, select, update

from ft_dcc.errors import ValidationError
from ft_dcc.server.auth.permissions import DEFAULT_ROLE
from ft_dcc.server.database import clock
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.entities.defaults import default_status, default_task_type, project_of_asset
from ft_dcc.server.schema import model, tables

AddValues = Callable[[Batch, model.EntityType, Row], None]

_DATE_COLUMNS = {"AssetVersion": "date", "List": "date", "Note": "date", "Timer": "start", "Timelog": "start"}
_CALLER_FAMILIES = ("AssetVersion", "Note", "Timer", "Timelog", "Job", "List")
_COMPONENT_KINDS = {"ContainerComponent": "container", "SequenceComponent": "sequence"}


def add_server_values(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    """Add the server's values to the row of a new entity; raises ValidationError."""
    columns = batch.tables[entity_type].c
    if tables.TYPE_COLUMN in columns:
        row[tables.TYPE_COLUMN] = entity_type.base if entity_type.is_view else entity_type.name
    if (column := _DATE_COLUMNS.get(entity_type.family)) is not None:
        _set_default(row, column, clock.now_text())
    if "created_at" in entity_type.attributes:
        _set_default(row, "created_at", clock.now_text())
    if "created_by_id" in entity_type.attributes and not batch.caller.is_guest:
        _set_default(row, "created_by_id", batch.caller.id)
    if entity_type.family in _CALLER_FAMILIES and not batch.caller.is_guest:
        _set_default(row, "user_id", batch.caller.id)
    if (derive := _VALUES_BY_FAMILY.get(entity_type.family)) is not None:
        derive(batch, entity_type, row)


def _set_default(row: Row, column: str, value: object) -> None:
    if row.get(column) is None:
        row[column] = value


def _add_context_values(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    if entity_type.name == "Project":
        _add_project_values(batch, row)
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


def _add_project_values(batch: Batch, row: Row) -> None:
    if row.get("parent_id") is not None:
        raise ValidationError("A Project has no parent. Leave parent_id out.")
    row["context_type"], row["project_id"] = "show", row["id"]
    _set_default(row, "status", "active")
    _set_default(row, "full_name", row.get("name"))
    table = batch.table("ProjectSchema")
    _set_default(row, "project_schema_id", batch.connection.scalar(select(table.c.id).limit(1)))


def check_project_name(batch: Batch, project_id: str, name: str | None) -> None:
    """Raise ValidationError if another project that the caller can read has this name.

    A project that the caller cannot read makes no difference, because a refusal would confirm that it exists.
    """
    context, readable = batch.table("Context"), batch.permissions.projects
    same = select(context.c.id).where(context.c.name == name, context.c[tables.TYPE_COLUMN] == "Project")
    others = set(batch.connection.scalars(same)) - {project_id}
    if others if readable is None else others.intersection(readable):
        raise ValidationError(f"DuplicateEntryError: there is a project {name!r} already. Choose another name.")


def _add_version_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    asset = batch.row("Asset", row.get("asset_id"))
    if asset is None:
        raise ValidationError("An AssetVersion needs an asset that exists. Send asset_id.")
    if row.get("version") is None:
        table = batch.table("AssetVersion")
        newest = select(func.max(table.c.version)).where(table.c.asset_id == row["asset_id"])
        row["version"] = (batch.connection.scalar(newest) or 0) + 1
    _set_default(row, "status_id", default_status(batch, project_of_asset(batch, asset), "AssetVersion", row))


def _add_component_values(_batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    _set_default(row, "system_type", _COMPONENT_KINDS.get(entity_type.name, "file"))


def _add_user_values(_batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    if entity_type.name == "User":
        for column in ("is_active", "is_otp_enabled", "is_totp_enabled", "require_details_update"):
            _set_default(row, column, 0)
    else:
        _set_default(row, "local", 1)


def _add_note_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    _set_default(row, "thread_activity", row["date"])
    if (answered := batch.row("Note", row.get("in_reply_to_id"))) is not None:
        _set_default(row, "parent_id", answered["parent_id"])
        _set_default(row, "parent_type", answered["parent_type"])


def _add_review_session_values(_batch: Batch, _type: model.EntityType, row: Row) -> None:
    _set_default(row, "start_date", row["created_at"])
    for column in ("passphrase_enabled", "is_moderated"):
        _set_default(row, column, 0)
    # A published link must open, so sessions are shareable unless they are created as private.
    _set_default(row, "shareable_url_enabled", 1)


def _add_review_object_values(batch: Batch, _type: model.EntityType, row: Row) -> None:
    _set_default(row, "created_at", clock.now_text())
    table = batch.table("ReviewSessionObject")
    last = select(func.max(table.c.sort_order)).where(table.c.review_session_id == row.get("review_session_id"))
    if row.get("sort_order") is None:
        row["sort_order"] = (batch.connection.scalar(last) or 0.0) + 1.0
    version = batch.row("AssetVersion", row.get("version_id"))
    if version is None:
        raise ValidationError("A ReviewSessionObject needs a version that exists. Send asset_version.")
    asset = batch.row("Asset", version["asset_id"]) or {}
    row["name"] = row.get("name") or asset.get("name") or ""
    row["version"] = row.get("version") or f"Version {version['version']}"


def _add_invitee_values(_batch: Batch, _type: model.EntityType, row: Row) -> None:
    _set_default(row, "created_from_shared_url", 0)


def _add_custom_link_values(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    """Set the types that a custom attribute link joins, from its configuration."""
    configuration = batch.row("CustomAttributeLinkConfiguration", row.get("configuration_id"))
    if configuration is None:
        raise ValidationError(f"A {entity_type.name} needs a configuration that exists. Send configuration_id.")
    kinds = {"task": "Context", "show": "Context", "assetversion": "AssetVersion"}
    origin = str(configuration["entity_type"])
    row["from_entity_type"] = kinds.get(origin, origin.capitalize())
    row["to_entity_type"] = entity_type.name.replace("CustomAttributeLink", "")


def _refuse_create(_batch: Batch, entity_type: model.EntityType, _row: Row) -> None:
    raise ValidationError(f"{entity_type.name} is written by the server alone. Change the entity itself.")


_VALUES_BY_FAMILY: dict[str, AddValues] = {
    "Context": _add_context_values,
    "AssetVersion": _add_version_values,
    "Component": _add_component_values,
    "Resource": _add_user_values,
    "Note": _add_note_values,
    "ReviewSession": _add_review_session_values,
    "ReviewSessionObject": _add_review_object_values,
    "ReviewSessionInvitee": _add_invitee_values,
    "CustomAttributeLink": _add_custom_link_values,
    "StatusChange": _refuse_create,
    "Event": _refuse_create,
}


def after_create(batch: Batch, entity_type: model.EntityType, row: Row) -> None:
    """Write the other entities that a new entity implies: recipients, roles and note categories."""
    if entity_type.name == "Note" and not batch.caller.is_guest:
        # At the end, because an assignment of recipients in this batch would remove this one.
        batch.before_commit.append(lambda: _add_recipient(batch, row["id"]))
    elif entity_type.name == "User":
        _give_default_role(batch, row["id"])
    elif entity_type.name == "NoteLabelLink":
        note = batch.table("Note")
        first = update(note).where(note.c.id == row["note_id"], note.c.category_id.is_(None))
        batch.connection.execute(first.values(category_id=row["label_id"]))


def _give_default_role(batch: Batch, user_id: str) -> None:
    """Give a new user the default role on all projects that are not private."""
    role = batch.table("SecurityRole")
    role_id = batch.connection.scalar(select(role.c.id).where(role.c.name == DEFAULT_ROLE))
    if role_id is not None:
        row = {"id": str(uuid4()), "user_id": user_id, "security_role_id": role_id, "is_all_open_projects": 1}
        batch.insert("UserSecurityRole", row)


def _add_recipient(batch: Batch, note_id: str) -> None:
    """Make the author of a note one of its recipients, unless the batch has deleted the note."""
    # The batch may have closed the review session after it created the note.
    with batch.services.store.closed_reviews.guarding_only(()):
        if batch.row("Note", note_id) is not None:
            batch.insert("Recipient", {"note_id": note_id, "resource_id": batch.caller.id})
