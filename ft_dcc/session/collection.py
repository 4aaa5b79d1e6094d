"""Relations to many: a list of entities, and a dictionary made of entities with a key and a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import TYPE_CHECKING, Any, overload

from ft_dcc.errors import (
    CollectionError,
    DuplicateItemInCollectionError,
    ImmutableCollectionError,
    UnrecognisedAttributeError,
)

if TYPE_CHECKING:
    from ft_dcc.session.attribute import Attribute
    from ft_dcc.session.entity import Entity


class Collection(MutableSequence["Entity"]):
    """The entities on the other side of a relation; each is in it once.

    What is sent on commit is the whole content, so one that was never read is read before it is changed.
    """

    __slots__ = ("_items", "_known", "attribute", "entity", "is_complete", "mutable", "view")

    def __init__(
        self,
        entity: Entity,
        attribute: Attribute,
        mutable: bool = True,
        data: Iterable[Entity] = (),
        *,
        is_complete: bool = True,
    ) -> None:
        self.entity = entity
        self.attribute = attribute
        self.mutable = mutable
        self.is_complete = is_complete
        self.view: KeyValues | None = None
        self._items = list(data)
        self._known: set[Entity] | None = None

    @overload
    def __getitem__(self, index: int) -> Entity: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entity]: ...
    def __getitem__(self, index: int | slice) -> Entity | list[Entity]:
        return self.current()[index]

    def __len__(self) -> int:
        return len(self.current())

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.current())

    def __contains__(self, item: object) -> bool:
        self.current()
        return item in self._members()

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            raise TypeError("A slice of a collection cannot be assigned. Assign the whole collection, or one item.")
        with _Change(self):
            if self._items[index] != value:
                self._refuse_unfit(value)
                self._items[index] = value
                self._known = None

    def __delitem__(self, index: int | slice) -> None:
        with _Change(self):
            del self._items[index]
            self._known = None

    def insert(self, index: int, item: Entity) -> None:
        """Put an entity before that place; raises DuplicateItemInCollectionError, ImmutableCollectionError."""
        with _Change(self):
            self._refuse_unfit(item)
            self._items.insert(index, item)
            self._members().add(item)

    def remove(self, value: Entity) -> None:
        """Take an entity out; raises ValueError when it is not in."""
        if value not in self:
            raise ValueError(f"{value!r} is not in {self.attribute.name} of {self.entity!r}.")
        super().remove(value)

    def fill(self, items: Iterable[Entity]) -> None:
        """Put these in without recording it; raises DuplicateItemInCollectionError."""
        for item in items:
            self._refuse_unfit(item)
            self._items.append(item)
            self._members().add(item)

    def restore(self, items: Iterable[Entity]) -> None:
        """Hold these again, as before a change that was taken back."""
        self._items = list(items)
        self._known = None
        if self.view is not None:
            self.view.forget()

    def complete(self) -> None:
        """Hold what the server holds, in case it was never asked."""
        self.current()
        if not self.is_complete:
            self.restore(self.entity.fetch(self.attribute.name))
            self.is_complete = True
            self.entity.keep(self.attribute.name, self if self.view is None else self.view)

    def to_wire(self) -> list[dict[str, Any]]:
        """Return a reference to each."""
        return [item.to_wire() for item in self.current()]

    def current(self) -> list[Entity]:
        """Return the content; when the server has answered since, this collection goes on with what it said."""
        stored = self.entity.stored(self.attribute.name)
        if stored.__class__ is list:
            self.restore(stored)
            self.is_complete = True
            self.entity.keep(self.attribute.name, self if self.view is None else self.view)
        else:
            other = stored.collection if isinstance(stored, KeyValues) else stored
            if other is not self and isinstance(other, Collection):
                # Somebody opened the answer first: both hold one list from now on.
                self._items, self._known = other._items, None
        return self._items

    def _members(self) -> set[Entity]:
        if self._known is None:
            self._known = set(self._items)
        return self._known

    def _refuse_unfit(self, value: Entity) -> None:
        if not hasattr(value, "primary_key"):
            raise CollectionError(
                f"{value!r} cannot be put into {self.attribute.name} of {self.entity!r}: it is no entity. "
                "Give one that get(), query() or create() returned."
            )
        if value in self._members():
            raise DuplicateItemInCollectionError(f"{value!r} is in {self.attribute.name} of {self.entity!r} already.")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Collection, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and set(self) == set(other)

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> list[Entity]:
        # What is done to a copy must not change the entity.
        return list(self.current())

    def __repr__(self) -> str:
        return f"<Collection {self.current()!r}>"


class _Change:
    """A change of a collection that is recorded when it succeeds."""

    __slots__ = ("before", "collection")

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.before: list[Entity] | None = None

    def __enter__(self) -> None:
        collection = self.collection
        if not collection.mutable:
            raise ImmutableCollectionError(
                f"{collection.attribute.name} of {collection.entity!r} cannot be changed, the server works it out."
            )
        collection.complete()
        # One copy for the first change is enough to take them all back.
        if not collection.entity.is_changed(collection.attribute.name):
            self.before = list(collection)

    def __exit__(self, error_type: object, *_: object) -> None:
        if error_type is None:
            self.collection.entity.change(self.collection.attribute.name, self.collection, before=self.before)


class KeyValues(MutableMapping[str, Any]):
    """Metadata: the keys and values of the entities in a collection."""

    __slots__ = ("_by_key", "collection", "entity_type")

    def __init__(self, collection: Collection, entity_type: str) -> None:
        self.collection = collection
        self.entity_type = entity_type
        self._by_key: dict[str, Entity] | None = None
        collection.view = self

    @property
    def attribute(self) -> Attribute:
        """The attribute that this is the value of."""
        return self.collection.attribute

    @attribute.setter
    def attribute(self, attribute: Attribute) -> None:
        self.collection.attribute = attribute

    @property
    def mutable(self) -> bool:
        """Whether it can be changed."""
        return self.collection.mutable

    @mutable.setter
    def mutable(self, mutable: bool) -> None:
        self.collection.mutable = mutable

    def forget(self) -> None:
        """Look at the collection again on the next access."""
        self._by_key = None

    def entities(self) -> dict[str, Entity]:
        """Return the entity behind each key."""
        items = self.collection.current()
        if self._by_key is None:
            self._by_key = {item["key"]: item for item in items}
        return self._by_key

    def __getitem__(self, key: str) -> Any:
        try:
            return self.entities()[key]["value"]
        except KeyError:
            raise self.missing(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        self.collection.complete()
        item = self.entities().get(key)
        if item is None:
            item = self.made(key, value)
            self.collection.append(item)
            self.entities()[key] = item
        else:
            item["value"] = value

    def __delitem__(self, key: str) -> None:
        self.collection.complete()
        item = self.entities().get(key)
        if item is None:
            raise self.missing(key)
        self.collection.remove(item)
        del self.entities()[key]
        item.session.delete(item)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entities())

    def __len__(self) -> int:
        return len(self.entities())

    def __contains__(self, key: object) -> bool:
        return key in self.entities()

    def __copy__(self) -> dict[str, Any]:
        # What is done to a copy must not change the entity.
        return dict(self)

    def keys(self) -> list[str]:  # type: ignore[override]
        """Return the keys as a list, as scripts for the official client take them."""
        return list(self)

    def replace(self, values: Mapping[str, Any]) -> None:
        """Hold exactly these; raises CollectionError for what is no mapping."""
        self.refuse_unfit(values)
        self.collection.complete()
        for key in [key for key in self if key not in values]:
            del self[key]
        self.update(values)

    def refuse_unfit(self, values: Any) -> None:
        """Raise CollectionError for what has no keys and values."""
        if not isinstance(values, Mapping):
            collection = self.collection
            raise CollectionError(
                f"{values!r} cannot be {collection.attribute.name} of {collection.entity!r}. Give a dictionary."
            )

    def made(self, key: str, value: Any) -> Entity:
        """Return a new entity for a key that is not there yet."""
        owner = self.collection.entity
        return owner.session.create(
            self.entity_type,
            {"parent_id": owner.primary_key[0], "parent_type": owner.entity_type, "key": key, "value": value},
        )

    def missing(self, key: str) -> UnrecognisedAttributeError:
        """Return the error for a key that is not there."""
        collection = self.collection
        return UnrecognisedAttributeError(f"{collection.attribute.name} of {collection.entity!r} has no {key!r}.")

    def to_wire(self) -> list[dict[str, Any]]:
        """Return a reference to each of the entities."""
        return self.collection.to_wire()

    def __repr__(self) -> str:
        return repr(dict(self))
