"""What each attribute of an entity type is: how it is read, written and asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ImmutableAttributeError, NotUniqueError
from ft_dcc.session.codec import Moment, new_id
from ft_dcc.session.collection import Collection, KeyValues
from ft_dcc.session.custom_attributes import CustomAttributes, SparseCustomAttributes
from ft_dcc.session.symbol import CREATED, NOT_SET

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity


class Attributes(dict[str, "Attribute"]):
    """The attributes of an entity type by their names; it gives out the attributes themselves, one after the other."""

    def __init__(self, attributes: Iterable[Attribute] = ()) -> None:
        super().__init__((attribute.name, attribute) for attribute in attributes)

    def __iter__(self) -> Iterator[Attribute]:  # type: ignore[override]
        return iter(self.values())

    def keys(self) -> list[str]:  # type: ignore[override]
        """Return the names as a list, as scripts for the official client take them."""
        return list(super().keys())

    def __contains__(self, item: object) -> bool:
        return super().__contains__(item.name if isinstance(item, Attribute) else item)

    def add(self, attribute: Attribute) -> None:
        """Have one more; raises NotUniqueError when there is one of its name."""
        if attribute.name in self:
            raise NotUniqueError(f"There is an attribute {attribute.name!r} already. Remove it first.")
        self[attribute.name] = attribute

    def remove(self, attribute: Attribute) -> None:
        """Have one less."""
        del self[attribute.name]


class Attribute:
    """What all attributes have in common."""

    __slots__ = ("computed", "default_value", "mutable", "name")

    is_relation = False
    is_many = False

    def __init__(self, name: str, default_value: Any = NOT_SET, mutable: bool = True, computed: bool = False) -> None:
        self.name = name
        self.default_value = default_value
        # Otherwise it keeps the first value that it gets.
        self.mutable = mutable
        # Whether the server works it out, so that it is not kept for another day.
        self.computed = computed

    def default(self) -> Any:
        """Return the value that a new entity starts with, or NOT_SET; ``{uid}`` is a new id each time."""
        return new_id() if self.default_value == "{uid}" else self.default_value

    def get_value(self, entity: Entity) -> Any:
        """Return what the entity has, fetched if it is missing."""
        return entity[self.name]

    def get_local_value(self, entity: Entity) -> Any:
        """Return what was assigned and not committed, or NOT_SET."""
        return entity.stored(self.name) if entity.is_new or entity.is_changed(self.name) else NOT_SET

    def get_remote_value(self, entity: Entity) -> Any:
        """Return what the server said, or NOT_SET; it is not asked."""
        return entity.persisted(self.name)

    def set_local_value(self, entity: Entity, value: Any) -> None:
        """Give the entity this value and record it; raises ImmutableAttributeError."""
        self.refuse_when_fixed(entity)
        entity.change(self.name, value)

    def set_remote_value(self, entity: Entity, value: Any) -> None:
        """Take the value for the server's."""
        entity.receive({self.name: value})

    def populate_remote_value(self, entity: Entity) -> None:
        """Fetch what the server has."""
        entity.session.populate(entity, ", ".join(entity.projections(self)))

    def is_set(self, entity: Entity) -> bool:
        """Whether the entity has a value, assigned or from the server; it is not asked."""
        return entity.stored(self.name) is not NOT_SET

    def is_modified(self, entity: Entity) -> bool:
        """Whether another value than the server's was assigned and not committed."""
        local = self.get_local_value(entity)
        return local is not NOT_SET and bool(local != self.get_remote_value(entity))

    def projections(self, default_projections: Iterable[str]) -> list[str]:
        """Return what a query has to name so that the attribute comes with its answer."""
        return [self.name]

    def opened(self, entity: Entity, value: Any) -> Any:
        """Return the stored value as it is read."""
        return value

    def known(self, entity: Entity) -> Any:
        """Return the value that follows from others, NOT_SET when none does."""
        return NOT_SET

    def absent(self, entity: Entity) -> Any:
        """Return what is read when nothing is known and the server is not asked."""
        return NOT_SET

    def refuse_when_fixed(self, entity: Entity) -> None:
        """Raise ImmutableAttributeError when the attribute has a value and may not get another."""
        if not self.mutable and self.is_set(entity):
            raise ImmutableAttributeError(
                f"{self.name} of {entity!r} cannot be changed: the server's schema fixes it once it has a value."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class ScalarAttribute(Attribute):
    """A text, a number, a time …: ``data_type`` is string, integer, float, boolean, datetime, variable or object."""

    __slots__ = ("data_type",)

    def __init__(
        self, name: str, data_type: str, default_value: Any = NOT_SET, mutable: bool = True, computed: bool = False
    ) -> None:
        super().__init__(name, default_value, mutable, computed)
        self.data_type = data_type

    def opened(self, entity: Entity, value: Any) -> Any:
        """Return the stored value; a date is parsed now, and stays parsed."""
        if value.__class__ is Moment:
            value = value.parsed()
            entity.keep(self.name, value)
        return value


class ReferenceAttribute(Attribute):
    """One other entity, or None."""

    __slots__ = ("entity_type",)

    is_relation = True

    def __init__(self, name: str, entity_type: str, mutable: bool = True) -> None:
        super().__init__(name, mutable=mutable)
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
    collection_class: type = Collection

    def __init__(self, name: str, entity_type: str, mutable: bool = True) -> None:
        super().__init__(name, mutable=mutable)
        self.entity_type = entity_type

    def opened(self, entity: Entity, value: Any) -> Any:
        """Return the collection; the same object each time, until the server answers with another content."""
        if not isinstance(value, Collection):
            value = Collection(entity, self, self.mutable, value or [])
            entity.keep(self.name, value)
        return value

    def absent(self, entity: Entity) -> Any:
        """Return an empty collection, which looks at the server before it is changed."""
        is_complete = entity.state is CREATED
        value = Collection(entity, self, self.mutable, is_complete=is_complete)
        if is_complete:
            entity.keep(self.name, value)
        return value

    def set_local_value(self, entity: Entity, value: Any) -> None:
        """Replace the whole content; raises DuplicateItemInCollectionError."""
        self.refuse_when_fixed(entity)
        collection = Collection(entity, self)
        collection.fill(value)
        entity.change(self.name, collection)


class KeyValueAttribute(CollectionAttribute):
    """Entities with a key and a value, read and written as a dictionary: metadata."""

    __slots__ = ()

    collection_class: type[KeyValues] = KeyValues

    def opened(self, entity: Entity, value: Any) -> Any:
        """Return the mapping; the same object until the server answers with another content."""
        if not isinstance(value, KeyValues):
            value = self.collection_class(Collection(entity, self, data=value or []), self.entity_type)
            entity.keep(self.name, value)
        return value

    def absent(self, entity: Entity) -> Any:
        """Return an empty mapping, which looks at the server before it is changed."""
        is_complete = entity.state is CREATED
        value = self.collection_class(Collection(entity, self, is_complete=is_complete), self.entity_type)
        if is_complete:
            entity.keep(self.name, value)
        return value

    def set_local_value(self, entity: Entity, value: Mapping[str, Any]) -> None:
        """Make the mapping hold exactly these keys and values."""
        mapping: KeyValues = entity[self.name]
        mapping.replace(value)


class CustomAttributesAttribute(KeyValueAttribute):
    """The values of a site's own attributes, read and written as a dictionary."""

    __slots__ = ()

    collection_class = CustomAttributes


class SparseCustomAttributesAttribute(KeyValueAttribute):
    """The same of a server that keeps no value where nobody has set one."""

    __slots__ = ()

    collection_class = SparseCustomAttributes
