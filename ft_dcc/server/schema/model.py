"""Entity types, their attributes and relations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.server.errors import ValidationError

SCALARS = (
    *("text", "date", "boolean", "integer", "number", "variable", "object", "json", "entity_type", "foreign key"),
    "secret",  # a text that can be written and never read
)


@attrs.frozen
class Join:
    """The columns of two entity types by which a relation joins them.

    ``way`` is "to one", "to many", "through" (a type of links), "up" or "down" (a tree). ``local`` belongs to the
    owner, ``remote`` to the target; ``condition`` is an attribute of the target and the value that it must have.
    """

    way: str
    local: tuple[str, ...]
    remote: tuple[str, ...]
    link: str = ""
    link_local: str = ""
    link_remote: str = ""
    condition: tuple[str, str] | None = None


@attrs.frozen
class Attribute:
    """One attribute of an entity type.

    ``kind`` is one of SCALARS, "reference", "collection" or "mapping". ``target`` is the entity type that a relation or
    a foreign key leads to ("*" for any) and ``rows`` the type whose rows it uses. ``column`` is None for computed
    attributes. ``rule`` states what happens when the target of the foreign key is deleted: "owned" entities are
    deleted with it, "kept" ones prevent it, and for others the key is cleared.
    """

    name: str
    kind: str
    target: str = ""
    rows: str = ""
    alias: str = ""
    column: str | None = None
    default: Any = None
    join: Join | None = None
    rule: str = ""
    choices: tuple[str, ...] = ()
    is_hidden: bool = False

    @property
    def is_scalar(self) -> bool:
        """Whether the attribute has one value, which is not an entity."""
        return self.kind in SCALARS

    @property
    def is_many(self) -> bool:
        """Whether the attribute is a list of entities."""
        return self.kind in ("collection", "mapping")

    @property
    def related(self) -> Join:
        """The join of the relation; raises ValidationError for a scalar."""
        if self.join is None:
            raise ValidationError(f"'{self.name}' is not a relation. Use its value instead.")
        return self.join


@attrs.frozen(eq=False)
class EntityType:
    """One entity type: its attributes by name, including inherited ones, and its lists and flags.

    Types with the same ``family`` share a table. A "view" has the rows of its base under its own name; a
    "materialised" type has a computed row for every entity and configuration, and no table.
    """

    name: str
    base: str
    family: str
    table: str
    attributes: Mapping[str, Attribute]
    key: tuple[str, ...]
    lists: Mapping[str, tuple[str, ...]]
    flags: frozenset[str]

    @property
    def is_private(self) -> bool:
        """Whether the type is missing from the schema that clients see."""
        return not self.flags.isdisjoint(("private", "mixin"))

    @property
    def is_view(self) -> bool:
        """Whether the rows are those of the base, under another name."""
        return "view" in self.flags

    @property
    def is_abstract(self) -> bool:
        """Whether only subtypes of this one can be created."""
        return "abstract" in self.flags

    @property
    def always_returned(self) -> list[str]:
        """The attributes that every answer has in addition to the key; they are declared by their columns."""
        names = {attribute.alias or name: name for name, attribute in self.attributes.items()}
        names.update({name: name for name in self.attributes})
        columns = [*self.lists.get("system", ()), *self.lists.get("classifier", ())]
        return [names[column] for column in (column.lstrip("_") for column in columns) if column in names]

    def in_order(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values in the order of the attributes, and others behind them."""
        return {**{name: values[name] for name in self.attributes if name in values}, **values}

    @property
    def is_materialised(self) -> bool:
        """Whether there is one computed row for each entity and configuration."""
        return "materialised" in self.flags


@attrs.frozen(eq=False)
class Schema:
    """All entity types by name."""

    types: Mapping[str, EntityType]
    children: Mapping[str, tuple[str, ...]] = attrs.field(init=False)
    _reach: dict[tuple[str, str], Attribute | None] = attrs.field(init=False, factory=dict, repr=False)

    @children.default
    def _collect_children(self) -> Mapping[str, tuple[str, ...]]:
        names: dict[str, list[str]] = {name: [] for name in self.types}
        for entity_type in self.types.values():
            if entity_type.base and not entity_type.is_view:
                names[entity_type.base].append(entity_type.name)
        return {name: tuple(found) for name, found in names.items()}

    def __getitem__(self, name: str) -> EntityType:
        if (entity_type := self.types.get(name)) is None:
            raise _unknown_type(name)
        return entity_type

    def public(self, name: str) -> EntityType:
        """Return a type that clients may use; raises ValidationError for others."""
        if self[name].is_private:
            raise _unknown_type(name)
        return self[name]

    def __iter__(self) -> Iterator[EntityType]:
        return iter(self.types.values())

    def with_subtypes(self, name: str) -> tuple[str, ...]:
        """Return the names of the type and its subtypes, whose rows a query on it finds."""
        found = [name]
        for child in self.children[name]:
            found.extend(self.with_subtypes(child))
        return tuple(found)

    def attribute(self, type_name: str, name: str) -> Attribute | None:
        """Return the attribute of a type, or of the first of its subtypes that has it, or None."""
        if (type_name, name) not in self._reach:
            owners = (self.types[owner].attributes for owner in self.with_subtypes(type_name))
            self._reach[type_name, name] = next((found[name] for found in owners if name in found), None)
        return self._reach[type_name, name]

    def family_of(self, root: str) -> list[EntityType]:
        """Return the types that share the table of this root."""
        return [entity_type for entity_type in self if entity_type.family == root]


def _unknown_type(name: str) -> ValidationError:
    return ValidationError(f"There is no entity type '{name[:80]}'. The query_schemas action lists all types.")
