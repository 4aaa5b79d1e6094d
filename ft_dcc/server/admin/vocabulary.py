"""Statuses, types, workflows, project schemas and roles of the studio as one document, with names in place of ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, select

from ft_dcc.errors import nearest_hint
from ft_dcc.server.entities.batch import Batch, create_operation, delete_operation, update_operation
from ft_dcc.server.entities.delete import delete_entity
from ft_dcc.server.entities.write import create_entity, update_entity
from ft_dcc.server.errors import ValidationError

# The sections of the document in the order in which they refer to each other: entity type, attributes, and references
# (attribute and type of the other entity).
_SECTIONS: dict[str, tuple[str, dict[str, type], dict[str, tuple[str, str]]]] = {
    "type": ("Type", {"color": str, "sort": int}, {}),
    "status": ("Status", {"color": str, "sort": int, "is_active": bool}, {"state": ("state", "State")}),
    "workflow": ("WorkflowSchema", {}, {}),
    "schema": (
        "ProjectSchema",
        {},
        {
            "tasks": ("task_workflow_schema_id", "WorkflowSchema"),
            "versions": ("asset_version_workflow_schema_id", "WorkflowSchema"),
        },
    ),
    "role": ("SecurityRole", {}, {}),
}
# Of a workflow its statuses, of a project schema the workflows of single types of tasks: rows of their own.
_KINDS = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
_ROWS = {"workflow": ("statuses", list), "schema": ("types", dict)}
Document = Mapping[str, Mapping[str, Mapping[str, Any]]]


def read_vocabulary(batch: Batch) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the sections with their entries by name, each as `apply_vocabulary` accepts it."""
    document: dict[str, dict[str, dict[str, Any]]] = {}
    for section, (type_name, attributes, references) in _SECTIONS.items():
        table, entries = batch.table(type_name), document.setdefault(section, {})
        order = table.c.sort if "sort" in attributes else table.c.name
        for row in batch.connection.execute(select(table).order_by(order)).mappings():
            entries[row["name"]] = {name: kind(row[name]) for name, kind in attributes.items() if row[name] is not None}
            for name, (column, target) in references.items():
                entries[row["name"]][name] = _name(batch, target, row[f"{column.removesuffix('_id')}_id"])
            if section in _ROWS:
                entries[row["name"]][_ROWS[section][0]] = _read_rows(batch, section, row["id"])
    return document


def apply_vocabulary(batch: Batch, document: Document) -> dict[str, int]:
    """Create, change and delete the entries that the document names, and return the number of each.

    Entries that it leaves out stay as they are; ``remove = true`` deletes one, ``name`` renames one. Raises
    ValidationError for an unknown section, entry or value, and Conflict for the deletion of an entry in use.
    """
    counts = {"created": 0, "changed": 0, "removed": 0}
    for section in document:
        if section not in _SECTIONS:
            raise ValidationError(f"There is no section [{section[:80]}]. {nearest_hint(section, _SECTIONS)}")
    removed = []
    for section in filter(document.__contains__, _SECTIONS):
        for name, entry in document[section].items():
            where = f"[{section}.{name[:80]}]"
            if not isinstance(entry, Mapping):
                raise ValidationError(f"{where} is no table. Write its values below {where}.")
            if entry.get("remove") is True:
                removed.append(delete_operation(_SECTIONS[section][0], _require_id(batch, _SECTIONS[section][0], name)))
            else:
                counts[_write_entry(batch, section, name, entry, where)] += 1
    for operation in reversed(removed):
        delete_entity(batch, operation)
    counts["removed"] = len(removed)
    # Ends the batch with the checks of its references.
    batch.run()
    return counts


def _write_entry(batch: Batch, section: str, name: str, entry: Mapping[str, Any], where: str) -> str:
    type_name, attributes, references = _SECTIONS[section]
    rows, kind = _ROWS.get(section, ("", list))
    known = {"name": str, **attributes, **dict.fromkeys(references, str), **({rows: kind} if rows else {})}
    for key, value in entry.items():
        if key not in known:
            raise ValidationError(f"{where} has no {key[:80]!r}. {nearest_hint(key, [*known, 'remove'])}")
        if type(value) is not known[key]:
            raise ValidationError(f"{where}: {key} is {value!r:.80}. It must be {_KINDS[known[key]]}.")
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", entry.get("color", "#000000")):
        raise ValidationError(f"{where}: color is {entry['color'][:80]!r}. Write it as #rrggbb.")
    values = {key: entry[key] for key in ("name", *attributes) if key in entry}
    for key, (column, target) in references.items():
        if key in entry:
            values[column] = _require_id(batch, target, entry[key])
    entity_id = _find_id(batch, type_name, name)
    if entity_id is None:
        created = {"id": str(uuid4()), "name": name, **values}
        if "sort" in attributes:
            last = batch.connection.scalar(select(func.max(batch.table(type_name).c.sort)))
            created.setdefault("sort", (last or 0) + 1)
        create_entity(batch, create_operation(type_name, created))
        entity_id, done = created["id"], "created"
    else:
        update_entity(batch, update_operation(type_name, entity_id, values))
        done = "changed"
    if rows in entry:
        _write_rows(batch, section, entity_id, entry[rows])
    return done


def _read_rows(batch: Batch, section: str, entity_id: str) -> Any:
    if section == "workflow":
        link, status = batch.table("WorkflowSchemaStatus"), batch.table("Status")
        names = select(status.c.name).join_from(status, link, link.c.status_id == status.c.id).order_by(status.c.sort)
        return list(batch.connection.scalars(names.where(link.c.workflow_schema_id == entity_id)))
    table = batch.table("ProjectSchemaOverride")
    found = batch.connection.execute(select(table).where(table.c.project_schema_id == entity_id)).all()
    return {_name(batch, "Type", row.type_id): _name(batch, "WorkflowSchema", row.workflow_schema_id) for row in found}


def _write_rows(batch: Batch, section: str, entity_id: str, wanted: Any) -> None:
    rows: list[dict[str, Any]]
    if section == "workflow":
        table_name, key = "WorkflowSchemaStatus", "workflow_schema_id"
        rows = [{"status_id": _require_id(batch, "Status", str(name))} for name in dict.fromkeys(map(str, wanted))]
    else:
        table_name, key = "ProjectSchemaOverride", "project_schema_id"
        rows = [
            {
                "id": str(uuid4()),
                "type_id": _require_id(batch, "Type", kind),
                "workflow_schema_id": _require_id(batch, "WorkflowSchema", str(workflow)),
            }
            for kind, workflow in wanted.items()
        ]
    table = batch.table(table_name)
    batch.connection.execute(delete(table).where(table.c[key] == entity_id))
    for row in rows:
        create_entity(batch, create_operation(table_name, {key: entity_id, **row}))


def _name(batch: Batch, type_name: str, entity_id: str) -> str:
    row = batch.row(type_name, entity_id)
    return "" if row is None else str(row["name"])


def _find_id(batch: Batch, type_name: str, name: str) -> str | None:
    table = batch.table(type_name)
    found: str | None = batch.connection.scalar(select(table.c.id).where(table.c.name == name))
    return found


def _require_id(batch: Batch, type_name: str, name: str) -> str:
    found = _find_id(batch, type_name, name)
    if found is None:
        known = batch.connection.scalars(select(batch.table(type_name).c.name)).all()
        raise ValidationError(f"There is no {type_name} {name[:80]!r}. {nearest_hint(name, known)}")
    return found
