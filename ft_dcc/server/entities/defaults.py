"""The initial status and type of an entity, from the schema of its project."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from ft_dcc.server.entities.batch import Batch, Row


def project_of_asset(batch: Batch, asset: Row) -> str | None:
    """Return the id of the project of an asset."""
    context = batch.row("Context", asset["context_id"])
    return None if context is None else context["project_id"]


def default_status(batch: Batch, project_id: str | None, type_name: str, row: Row) -> str | None:
    """Return the id of the first status that the project allows for a new entity of this type, or None."""
    key = ("status", project_id, type_name, row.get("type_id"), row.get("object_type_id"))
    return batch.memoize(key, lambda: _find_status(batch, project_id, type_name, row))


def _find_status(batch: Batch, project_id: str | None, type_name: str, row: Row) -> str | None:
    schema = _project_schema(batch, project_id)
    if schema is None:
        return None
    if type_name == "Task":
        return _first(batch, _workflow_statuses(batch, _task_workflow(batch, schema, row)))
    if type_name == "AssetVersion":
        return _first(batch, _workflow_statuses(batch, schema["asset_version_workflow_schema_id"]))
    part, link, status = batch.table("Schema"), batch.table("SchemaStatus"), batch.table("Status")
    joined = link.join(part, link.c.schema_id == part.c.id).join(status, status.c.id == link.c.status_id)
    found = select(status.c.id).select_from(joined).order_by(link.c.sort, status.c.sort)
    own = found.where(part.c.project_schema_id == schema["id"], part.c.object_type_id == row.get("object_type_id"))
    return _first(batch, own)


def default_task_type(batch: Batch, project_id: str | None) -> str | None:
    """Return the id of the first task type that the project allows, or None."""
    return batch.memoize(("type", project_id), lambda: _find_task_type(batch, project_id))


def _find_task_type(batch: Batch, project_id: str | None) -> str | None:
    schema = _project_schema(batch, project_id)
    if schema is None:
        return None
    link, kind = batch.table("TaskTypeSchemaType"), batch.table("Type")
    found = select(kind.c.id).select_from(link.join(kind, kind.c.id == link.c.type_id)).order_by(kind.c.sort)
    return _first(batch, found.where(link.c.task_type_schema_id == schema["task_type_schema_id"]))


def _project_schema(batch: Batch, project_id: str | None) -> Row | None:
    project = batch.row("Context", project_id)
    return None if project is None else batch.row("ProjectSchema", project["project_schema_id"])


def _task_workflow(batch: Batch, schema: Row, row: Row) -> Any:
    override = batch.table("ProjectSchemaOverride")
    found = select(override.c.workflow_schema_id).where(
        override.c.project_schema_id == schema["id"], override.c.type_id == row.get("type_id")
    )
    return batch.connection.scalar(found) or schema["task_workflow_schema_id"]


def _workflow_statuses(batch: Batch, workflow_id: Any) -> Select[Any]:
    link, status = batch.table("WorkflowSchemaStatus"), batch.table("Status")
    found = select(status.c.id).select_from(link.join(status, status.c.id == link.c.status_id))
    return found.where(link.c.workflow_schema_id == workflow_id).order_by(status.c.sort)


def _first(batch: Batch, found: Select[Any]) -> str | None:
    first: str | None = batch.connection.scalar(found.limit(1))
    return first
