"""The kinds of attributes: how their values are read, written and fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ImmutableAttributeError, NotUniqueError
from ft_dcc.session.entities.collection import Collection, KeyValues
from ft_dcc.session.entities.custom_attributes import CustomAttributes, SparseCustomAttributes
from ft_dcc.session.symbol import CREATED, NOT_SET
from ft_dcc.session.transport.codec import LazyDateTime, new_id

if TYPE_CHECKING:
    from ft_dcc.session.entities.entity import Entity


class Attributes(dict[str, "Attribute"]):
    """The attributes of an entity type by their names. Iteration yields the attributes, like ``ftrack_api``."""

    def __init__(self, attributes: Iterable[Attribute] = ()) -> None:
        super().__init__((attribute.name, attribute) for attribute in attributes)

    def __iter__(self) -> Iterator[Attribute]:  # type: ignore[override]
        return iter(self.values())

    def keys(self) -> list[str]:  # type: ignore[override]
        """Return the names as a list, like ``ftrack_api``."""
        return list(super().keys())

    def __contains__(self, item: object) -> bool:
        return super().__contains__(item.name if isinstance(item, Attribute) else item)

    def add(self, attribute: Attribute) -> None:
        """Add an attribute, or raise NotUniqueError if its name is in use."""
        if attribute.name in self:
            raise NotUniqueError(f"There is an attribute {attribute.name!r} already. Remove it first.")
        self[attribute.name] = attribute

    def remove(self, attribute: Attribute) -> None:
        """Remove an attribute."""
        del self[attribute.name]


class Attribute:
    """An attribute of an entity type."""

    __slots__ = ("computed", "default_value", "mutable", "name")

    is_relation = False
    is_many = False

    def __init__(self, name: str, default_value: Any = NOT_SET, mutable: bool = True, computed: bool = False) -> None:
        self.name = name
        self.default_value = default_value
        # An immutable attribute can be set once.
        self.mutable = mutable
        # Whether the server computes the value, which is then not written to caches.
        self.computed = computed

    def default(self) -> Any:
        """Return the value of a new entity, or NOT_SET; ``{uid}`` stands for a new id."""
        return new_id() if self.default_value == "{uid}" else self.default_value

    def get_value(self, entity: Entity) -> Any:
        """Return the entity's value; it is fetched if it is missing."""
        return entity[self.name]

    def get_local_value(self, entity: Entity) -> Any:
        """Return the value that was assigned and not committed, or NOT_SET."""
        return entity.stored_value(self.name) if entity.is_new or entity.is_changed(self.name) else NOT_SET

    def get_remote_value(self, entity: Entity) -> Any:
        """Return the server's value, or NOT_SET, without a request."""
        return entity.persisted_value(self.name)

    def set_local_value(self, entity: Entity, value: Any) -> None:
        """Assign the value and record the change, or raise ImmutableAttributeError."""
        self.check_mutable(entity)
        entity.assign(self.name, value)

    def set_remote_value(self, entity: Entity, value: Any) -> None:
        """Store the value as the server's."""
        entity.update_from_server({self.name: value})

    def populate_remote_value(self, entity: Entity) -> None:
        """Fetch the server's value."""
        entity.session.populate(entity, ", ".join(entity.projections(self)))

    def is_set(self, entity: Entity) -> bool:
        """Return whether the entity has a value, without a request."""
        return entity.stored_value(self.name) is not NOT_SET

    def is_modified(self, entity: Entity) -> bool:
        """Return whether an uncommitted assignment differs from the server's value."""
        local = self.get_local_value(entity)
        return local is not NOT_SET and bool(local != self.get_remote_value(entity))

    def projections(self, default_projections: Iterable[str]) -> list[str]:
        """Return the projections of a query that fetches the attribute."""
        return [self.name]

    def public_value(self, entity: Entity, value: Any) -> Any:
        """Return the stored value in the form that callers get."""
        return value

    def derived_value(self, entity: Entity) -> Any:
        """Return the value that follows from other attributes, or NOT_SET."""
        return NOT_SET

    def missing_value(self, entity: Entity) -> Any:
        """Return the value that is read if none is stored and no request is made."""
        return NOT_SET

    def check_mutable(self, entity: Entity) -> None:
        """Raise ImmutableAttributeError if the attribute has a value that must not change."""
        if not self.mutable and self.is_set(entity):
            raise ImmutableAttributeError(
                f"{self.name} of {entity!r} cannot be changed: by the server's schema it can be set only once."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


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
