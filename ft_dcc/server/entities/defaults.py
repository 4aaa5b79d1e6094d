"""The initial status and type of an entity, from the schema of its project."""

from __future__ import annotations

import functools

from sqlalchemy import bindparam, select

from ft_dcc.server.database.prepared import Prepared
from ft_dcc.server.entities.batch import Batch, Row
from ft_dcc.server.schema.tables import Tables


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
        return _first(batch, _workflow_statuses(batch.tables), {"workflow": _task_workflow(batch, schema, row)})
    if type_name == "AssetVersion":
        workflow_id = schema["asset_version_workflow_schema_id"]
        return _first(batch, _workflow_statuses(batch.tables), {"workflow": workflow_id})
    wanted = {"schema": schema["id"], "object_type": row.get("object_type_id")}
    return _first(batch, _object_type_statuses(batch.tables), wanted)


def default_task_type(batch: Batch, project_id: str | None) -> str | None:
    """Return the id of the first task type that the project allows, or None."""
    return batch.memoize(("type", project_id), lambda: _find_task_type(batch, project_id))


def _find_task_type(batch: Batch, project_id: str | None) -> str | None:
    schema = _project_schema(batch, project_id)
    if schema is None:
        return None
    return _first(batch, _task_types(batch.tables), {"schema": schema["task_type_schema_id"]})


def _project_schema(batch: Batch, project_id: str | None) -> Row | None:
    project = batch.row("Context", project_id)
    return None if project is None else batch.row("ProjectSchema", project["project_schema_id"])


def _task_workflow(batch: Batch, schema: Row, row: Row) -> str | None:
    wanted = {"schema": schema["id"], "type": row.get("type_id")}
    default: str | None = schema["task_workflow_schema_id"]
    return _first(batch, _workflow_overrides(batch.tables), wanted) or default


def _first(batch: Batch, statement: Prepared, parameters: Row) -> str | None:
    rows = statement.rows(batch.connection, parameters)
    return rows[0][0] if rows else None


@functools.lru_cache(maxsize=16)
def _object_type_statuses(tables: Tables) -> Prepared:
    part, link, status = (tables.by_family[name] for name in ("Schema", "SchemaStatus", "Status"))
    joined = link.join(part, link.c.schema_id == part.c.id).join(status, status.c.id == link.c.status_id)
    is_wanted = (
        part.c.project_schema_id == bindparam("schema"),
        part.c.object_type_id.is_not_distinct_from(bindparam("object_type")),
    )
    found = select(status.c.id).select_from(joined).where(*is_wanted)
    return Prepared(found.order_by(link.c.sort, status.c.sort).limit(1))


@functools.lru_cache(maxsize=16)
def _task_types(tables: Tables) -> Prepared:
    link, kind = tables.by_family["TaskTypeSchemaType"], tables.by_family["Type"]
    found = select(kind.c.id).select_from(link.join(kind, kind.c.id == link.c.type_id))
    found = found.where(link.c.task_type_schema_id == bindparam("schema"))
    return Prepared(found.order_by(kind.c.sort).limit(1))


@functools.lru_cache(maxsize=16)
def _workflow_overrides(tables: Tables) -> Prepared:
    override = tables.by_family["ProjectSchemaOverride"]
    is_wanted = (
        override.c.project_schema_id == bindparam("schema"),
        override.c.type_id.is_not_distinct_from(bindparam("type")),
    )
    return Prepared(select(override.c.workflow_schema_id).where(*is_wanted).limit(1))


@functools.lru_cache(maxsize=16)
def _workflow_statuses(tables: Tables) -> Prepared:
    link, status = tables.by_family["WorkflowSchemaStatus"], tables.by_family["Status"]
    found = select(status.c.id).select_from(link.join(status, status.c.id == link.c.status_id))
    return Prepared(found.where(link.c.workflow_schema_id == bindparam("workflow")).order_by(status.c.sort).limit(1))
