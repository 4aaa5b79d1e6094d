"""The kinds of attributes: how their values are read, written and fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.session.entities.collection import Collection, KeyValues
from ft_dcc.session.entities.custom_attributes import CustomAttributes, SparseCustomAttributes
from ft_dcc.session.entities.entity import Attribute, Entity
from ft_dcc.session.symbol import CREATED, NOT_SET
from ft_dcc.session.transport.codec import LazyDateTime


class ScalarAttribute(Attribute):
    """A plain value; ``data_type`` is string, integer, float, boolean, datetime, variable or object."""

    __slots__ = ("data_type",)

    def __init__(
        self, name: str, data_type: str, default_value: Any = NOT_SET, mutable: bool = True, computed: bool = False
    ) -> None:
        super().__init__(name, default_value, mutable, computed)
        self.data_type = data_type

    def public_value(self, entity: Entity, value: Any) -> Any:
        """Return the stored value; a date is parsed on the first access."""
        if value.__class__ is LazyDateTime:
            value = value.parsed()
            entity.replace_stored(self.name, value)
        return value


class ReferenceAttribute(Attribute):
    """A reference to one other entity, or None."""

    __slots__ = ("entity_type",)

    is_relation = True

    def __init__(self, name: str, entity_type: str, mutable: bool = True) -> None:
        super().__init__(name, mutable=mutable)
        self.entity_type = entity_type

    def projections(self, default_projections: Iterable[str]) -> list[str]:
        """Return the paths of the other entity's default projections."""
        return [f"{self.name}.{projection}" for projection in default_projections]

    def derived_value(self, entity: Entity) -> Any:
        """Return the entity with the stored id if it was loaded before, or None if the id is None."""
        key = entity.stored_value(f"{self.name}_id")
        if key is None or key is NOT_SET:
            return key
        found = entity.session.get_loaded(self.entity_type, key)
        return NOT_SET if found is None else found


class CollectionAttribute(Attribute):
    """A relation to many other entities."""

    __slots__ = ("entity_type",)

    is_relation = True
    is_many = True
    collection_class: type = Collection

    def __init__(self, name: str, entity_type: str, mutable: bool = True) -> None:
        super().__init__(name, mutable=mutable)
        self.entity_type = entity_type

    def public_value(self, entity: Entity, value: Any) -> Any:
        """Return the collection; it is the same object until a response replaces it."""
        if not isinstance(value, Collection):
            value = Collection(entity, self, self.mutable, value or [])
            entity.replace_stored(self.name, value)
        return value

    def missing_value(self, entity: Entity) -> Any:
        """Return an empty collection, which is fetched before its first change."""
        is_complete = entity.state is CREATED
        value = Collection(entity, self, self.mutable, is_complete=is_complete)
        if is_complete:
            entity.replace_stored(self.name, value)
        return value

    def set_local_value(self, entity: Entity, value: Any) -> None:
        """Replace the whole content; raises DuplicateItemInCollectionError for a repeated item."""
        self.check_mutable(entity)
        collection = Collection(entity, self)
        collection.set_initial(value)
        entity.assign(self.name, collection)

    def stored(self, value: Any) -> Any:
        """Return the collection, or the mapping of its entities if there is one."""
        return value if value.view is None else value.view

    def restored(self, current: Any, before: Any) -> Any:
        """Return the current collection with the content of before, so that references to it stay valid."""
        collection = current.collection if isinstance(current, KeyValues) else current
        if not isinstance(collection, Collection) or not isinstance(before, list):
            return before
        collection.restore(before)
        return current


class KeyValueAttribute(CollectionAttribute):
    """Entities with a key and a value, read and written as a dictionary, like metadata."""

    __slots__ = ()

    collection_class: type[KeyValues] = KeyValues

    def public_value(self, entity: Entity, value: Any) -> Any:
        """Return the mapping; it is the same object until a response replaces it."""
        if not isinstance(value, KeyValues):
            value = self.collection_class(Collection(entity, self, data=value or []), self.entity_type)
            entity.replace_stored(self.name, value)
        return value

    def missing_value(self, entity: Entity) -> Any:
        """Return an empty mapping, which is fetched before its first change."""
        is_complete = entity.state is CREATED
        value = self.collection_class(Collection(entity, self, is_complete=is_complete), self.entity_type)
        if is_complete:
            entity.replace_stored(self.name, value)
        return value

    def set_local_value(self, entity: Entity, value: Mapping[str, Any]) -> None:
        """Replace the content of the mapping."""
        mapping: KeyValues = entity[self.name]
        mapping.replace(value)


class CustomAttributesAttribute(KeyValueAttribute):
    """The values of custom attributes, read and written as a dictionary."""

    __slots__ = ()

    collection_class = CustomAttributes


class SparseCustomAttributesAttribute(KeyValueAttribute):
    """The values of custom attributes on a server that stores no value for unset ones."""

    __slots__ = ()

    collection_class = SparseCustomAttributes
