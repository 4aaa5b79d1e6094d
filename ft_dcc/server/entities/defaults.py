"""The initial status and type of an entity, from the schema of its project."""

from __future__ import annotations

import functools

from sqlalchemy import bindparam, select

from ft_dcc.server.database.connections import Prepared
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
    if type_name not in ("Task", "AssetVersion"):
        wanted = {"schema": schema["id"], "object_type": row.get("object_type_id")}
        return _first(batch, "object type status", wanted)
    workflow: str | None = schema["asset_version_workflow_schema_id"]
    if type_name == "Task":
        override = _first(batch, "workflow override", {"schema": schema["id"], "type": row.get("type_id")})
        workflow = override or schema["task_workflow_schema_id"]
    return _first(batch, "workflow status", {"workflow": workflow})


def default_task_type(batch: Batch, project_id: str | None) -> str | None:
    """Return the id of the first task type that the project allows, or None."""

    def find() -> str | None:
        schema = _project_schema(batch, project_id)
        return None if schema is None else _first(batch, "task type", {"schema": schema["task_type_schema_id"]})

    return batch.memoize(("type", project_id), find)


def _project_schema(batch: Batch, project_id: str | None) -> Row | None:
    project = batch.row("Context", project_id)
    return None if project is None else batch.row("ProjectSchema", project["project_schema_id"])


def _first(batch: Batch, name: str, parameters: Row) -> str | None:
    rows = _statements(batch.tables)[name].rows(batch.connection, parameters)
    return rows[0][0] if rows else None


@functools.lru_cache(maxsize=16)
def _statements(tables: Tables) -> dict[str, Prepared]:
    """Return the statements for the first status, workflow or type that a project schema has for an entity."""
    part, status, kind = (tables.by_family[name] for name in ("Schema", "Status", "Type"))
    of_part, of_workflow, of_types, override = (
        tables.by_family[name]
        for name in ("SchemaStatus", "WorkflowSchemaStatus", "TaskTypeSchemaType", "ProjectSchemaOverride")
    )
    joined = of_part.join(part, of_part.c.schema_id == part.c.id).join(status, status.c.id == of_part.c.status_id)
    found = {
        "object type status": select(status.c.id)
        .select_from(joined)
        .where(part.c.project_schema_id == bindparam("schema"))
        .where(part.c.object_type_id.is_not_distinct_from(bindparam("object_type")))
        .order_by(of_part.c.sort, status.c.sort),
        "workflow status": select(status.c.id)
        .join_from(of_workflow, status, status.c.id == of_workflow.c.status_id)
        .where(of_workflow.c.workflow_schema_id == bindparam("workflow"))
        .order_by(status.c.sort),
        "workflow override": select(override.c.workflow_schema_id)
        .where(override.c.project_schema_id == bindparam("schema"))
        .where(override.c.type_id.is_not_distinct_from(bindparam("type"))),
        "task type": select(kind.c.id)
        .join_from(of_types, kind, kind.c.id == of_types.c.type_id)
        .where(of_types.c.task_type_schema_id == bindparam("schema"))
        .order_by(kind.c.sort),
    }
    return {name: Prepared(statement.limit(1)) for name, statement in found.items()}
