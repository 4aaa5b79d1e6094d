"""What each attribute of an entity type is: how it is read, written and asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ImmutableAttributeError
from ft_dcc.session.codec import Moment
from ft_dcc.session.collection import Collection, KeyValues
from ft_dcc.session.custom_attributes import CustomAttributes
from ft_dcc.session.symbol import CREATED, NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class Attribute:
    """A scalar attribute."""

    __slots__ = ("default_value", "is_computed", "is_immutable", "name")

    is_relation = False
    is_many = False

    def __init__(
        self, name: str, *, default: Any = NOT_SET, is_immutable: bool = False, is_computed: bool = False
    ) -> None:
        self.name = name
        self.default_value = default
        self.is_immutable = is_immutable
        self.is_computed = is_computed

    def default(self) -> Any:
        """Return the value that a new entity starts with, or NOT_SET; ``{uid}`` is a new id each time."""
        return str(uuid.uuid4()) if self.default_value == "{uid}" else self.default_value

    def projections(self, default_projections: Iterable[str]) -> list[str]:
        """Return what a query has to name so that the attribute comes with its answer."""
        return [self.name]

    def opened(self, entity: Entity, value: Any) -> Any:
        """Return the stored value as it is read; a date is parsed now, and stays parsed."""
        if value.__class__ is Moment:
            value = value.parsed()
            entity.keep(self.name, value)
        return value

    def known(self, entity: Entity) -> Any:
        """Return the value that follows from others, NOT_SET when none does."""
        return NOT_SET

    def absent(self, entity: Entity) -> Any:
        """Return what is read when nothing is known and the server is not asked."""
        return NOT_SET

    def assign(self, entity: Entity, value: Any) -> None:
        """Give the entity this value and record it; raises ImmutableAttributeError."""
        self.refuse_when_fixed(entity)
        entity.change(self.name, value)

    def refuse_when_fixed(self, entity: Entity) -> None:
        """Raise ImmutableAttributeError when the attribute has a value and may not get another."""
        if self.is_immutable and entity.stored(self.name) is not NOT_SET:
            raise ImmutableAttributeError(
                f"{self.name} of {entity!r} cannot be changed: the server's schema fixes it once it has a value."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class ReferenceAttribute(Attribute):
    """One other entity, or None."""

    __slots__ = ("entity_type",)

    is_relation = True

    def __init__(self, name: str, entity_type: str, *, is_immutable: bool = False) -> None:
        super().__init__(name, is_immutable=is_immutable)
        self.entity_type = entity_type

    def projections(self, default_projections: Iterable[str]) -> list[str]:
        """Return the paths of what the other entity shows by default."""
        return [f"{self.name}.{projection}" for projection in default_projections]

    def known(self, entity: Entity) -> Any:
        """Return the entity whose id is known, when the session has it already; None when there is none."""
        key = entity.stored(f"{self.name}_id")
        if key is None or key is NOT_SET:
            return key
        found = entity.session.known(self.entity_type, key)
        return NOT_SET if found is None else found


class CollectionAttribute(Attribute):
    """Many other entities."""

    __slots__ = ("entity_type",)

    is_relation = True
    is_many = True

    def __init__(self, name: str, entity_type: str, *, is_immutable: bool = False) -> None:
        super().__init__(name, is_immutable=is_immutable)
        self.entity_type = entity_type

    def opened(self, entity: Entity, value: Any) -> Any:
        """Return the collection; the same object each time, until the server answers with another content."""
        if not isinstance(value, Collection):
            value = Collection(entity, self.name, value or [], is_mutable=not self.is_immutable)
            entity.keep(self.name, value)
        return value

    def absent(self, entity: Entity) -> Any:
        """Return an empty collection, which looks at the server before it is changed."""
        is_complete = entity.state is CREATED
        value = Collection(entity, self.name, [], is_mutable=not self.is_immutable, is_complete=is_complete)
        if is_complete:
            entity.keep(self.name, value)
        return value

    def assign(self, entity: Entity, value: Any) -> None:
        """Replace the whole content; raises DuplicateItemInCollectionError."""
        self.refuse_when_fixed(entity)
        collection = Collection(entity, self.name, [], is_mutable=True)
        collection.fill(value)
        entity.change(self.name, collection)


class KeyValueAttribute(CollectionAttribute):
    """Entities with a key and a value, read and written as a dictionary: metadata."""

    __slots__ = ()

    mapping: type[KeyValues] = KeyValues

    def opened(self, entity: Entity, value: Any) -> Any:
        """Return the mapping; the same object until the server answers with another content."""
        if not isinstance(value, KeyValues):
            value = self.mapping(Collection(entity, self.name, value or [], is_mutable=True), self.entity_type)
            entity.keep(self.name, value)
        return value

    def absent(self, entity: Entity) -> Any:
        """Return an empty mapping, which looks at the server before it is changed."""
        is_complete = entity.state is CREATED
        value = self.mapping(Collection(entity, self.name, [], is_complete=is_complete), self.entity_type)
        if is_complete:
            entity.keep(self.name, value)
        return value

    def assign(self, entity: Entity, value: Mapping[str, Any]) -> None:
        """Make the mapping hold exactly these keys and values."""
        mapping: KeyValues = entity[self.name]
        mapping.replace(value)


class CustomAttributesAttribute(KeyValueAttribute):
    """The values of a site's own attributes, read and written as a dictionary."""

    __slots__ = ()

    mapping = CustomAttributes
