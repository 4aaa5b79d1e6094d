"""Which statuses and types the entities of a project may have."""

from __future__ import annotations

from ft_dcc.session.entity import Entity
from ft_dcc.session.expression import field, find
from ft_dcc.session.symbol import NOT_SET


class ProjectSchema(Entity):
    """The rules of a project."""

    __slots__ = ()

    def get_statuses(self, schema: str, type_id: str | None = None) -> list[Entity]:
        """Return the statuses of an entity type, for tasks those of a task type where it has its own.

        Raises ValueError for an entity type that has none.
        """
        if schema == "Task":
            for override in self["_overrides"] if type_id is not None else ():
                if override["type_id"] == type_id:
                    return list(override["workflow_schema"]["statuses"])
            return list(self["_task_workflow"]["statuses"])
        if schema == "AssetVersion":
            return list(self["_version_workflow"]["statuses"])
        return self._allowed(schema, "SchemaStatus", "task_status", "statuses")

    def get_types(self, schema: str) -> list[Entity]:
        """Return the types of an entity type; raises ValueError for one that has none."""
        if schema == "Task":
            return list(self["_task_type_schema"]["types"])
        return self._allowed(schema, "SchemaType", "task_type", "types")

    def _allowed(self, entity_type: str, table: str, column: str, what: str) -> list[Entity]:
        """Return what the table allows for the object type of this entity type."""
        if entity_type not in self.session.types:
            raise ValueError(f"The server has no entity type {entity_type!r}.")
        attribute = self.session.types[entity_type].attributes.get("object_type_id")
        object_type_id = NOT_SET if attribute is None else attribute.default_value
        for part in self["_schemas"] if object_type_id is not NOT_SET else ():
            if part["type_id"] == object_type_id:
                rows = self.session.query(find(table).select(column).where(field("schema_id") == part["id"]))
                return [row[column] for row in rows]
        raise ValueError(f"{entity_type} has no {what} in {self!r}.")
