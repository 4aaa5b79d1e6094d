"""The contents of a new database: locations, types, statuses, a project schema, custom attributes and a user.

``seed.json`` has the rows by entity type, with the same ids in every studio: a value ``=Status:Approved`` is the id of
that entity. Clients carry the ids of locations and of the priority "None" in their code (symbol.py of
ftrack-python-api and the defaults of its schemas).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from ft_dcc.server.schema.tables import Tables

# The location whose files are on the server, on every site.
SERVER_LOCATION_ID = "3a372bde-05bc-11e4-8908-20c9d081909b"
_NAMESPACE = UUID("5b1c9a34-0d44-4d4f-9a3e-8f0e2c7b6d11")


def seed(connection: Connection, tables: Tables) -> None:
    """Insert what every studio needs, with the same ids in every studio; rows that exist are not changed."""
    for type_name, rows in {**seed_rows(), **_schema_parts()}.items():
        connection.execute(tables.insertions[type_name], rows)


def fixed_id(kind: str, name: str) -> str:
    """Return the id that a seeded entity has in every studio."""
    return str(uuid5(_NAMESPACE, f"{kind}:{name}"))


@functools.cache
def seed_rows() -> Mapping[str, list[dict[str, Any]]]:
    """Return the rows of ``seed.json`` by entity type, with all values as the database stores them."""
    text = resources.files("ft_dcc.server.database").joinpath("seed.json").read_text(encoding="utf-8")
    return {
        type_name: [{name: _stored(value) for name, value in row.items()} for row in rows]
        for type_name, rows in json.loads(text).items()
    }


def _stored(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("="):
        return fixed_id(*value[1:].split(":"))
    return json.dumps(value) if isinstance(value, dict) else value


def _schema_parts() -> dict[str, list[dict[str, Any]]]:
    """Return the rows that give the project schema every status and type, for the object types that have them."""
    schema_id, workflow_id = fixed_id("ProjectSchema", "VFX"), fixed_id("WorkflowSchema", "VFX")
    types_id = fixed_id("TaskTypeSchema", "VFX")
    statuses, types = ([row["id"] for row in seed_rows()[name]] for name in ("Status", "Type"))
    rows: dict[str, list[dict[str, Any]]] = {
        "WorkflowSchemaStatus": [{"workflow_schema_id": workflow_id, "status_id": status} for status in statuses],
        "TaskTypeSchemaType": [{"task_type_schema_id": types_id, "type_id": found} for found in types],
        **{name: [] for name in ("Schema", "SchemaStatus", "SchemaType", "ProjectSchemaObjectType")},
    }
    for found in seed_rows()["ObjectType"]:
        part, key = fixed_id("Schema", found["name"]), found["id"]
        rows["Schema"].append({"id": part, "object_type_id": key, "project_schema_id": schema_id})
        rows["ProjectSchemaObjectType"].append({"object_type_id": key, "project_schema_id": schema_id})
        if found["is_statusable"]:
            rows["SchemaStatus"].extend({"schema_id": part, "status_id": s, "sort": i} for i, s in enumerate(statuses))
        if found["is_typeable"]:
            rows["SchemaType"].extend({"schema_id": part, "type_id": t, "sort": i} for i, t in enumerate(types))
    return rows
