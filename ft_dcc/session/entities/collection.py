"""Relations to many entities: lists, and dictionaries of entities with a key and a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from contextlib import contextmanager
from typing import Any, overload

from ft_dcc import errors
from ft_dcc.session.entities.entity import Attribute, Delegated, Entity


class Collection(MutableSequence[Entity]):
    """The entities of a relation to many, without duplicates.

    A commit sends the whole content, so a collection that was never read is fetched before its first change.
    """

    __slots__ = ("_item_set", "_items", "attribute", "entity", "is_complete", "mutable", "view")

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
        self._item_set: set[Entity] | None = None

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
        with self._change():
            if self._items[index] != value:
                self._check_new_item(value)
                self._items[index] = value
                self._item_set = None

    def __delitem__(self, index: int | slice) -> None:
        with self._change():
            del self._items[index]
            self._item_set = None

    def insert(self, index: int, item: Entity) -> None:
        """Insert an entity; raises DuplicateItemInCollectionError, ImmutableCollectionError."""
        with self._change():
            self._check_new_item(item)
            self._items.insert(index, item)
            self._members().add(item)

    def remove(self, value: Entity) -> None:
        """Remove an entity; raises ValueError if it is not in the collection."""
        if value not in self:
            raise ValueError(f"{value!r} is not in {self.attribute.name} of {self.entity!r}.")
        super().remove(value)

    def set_initial(self, items: Iterable[Entity]) -> None:
        """Add items without recording a change; raises DuplicateItemInCollectionError."""
        for item in items:
            self._check_new_item(item)
            self._items.append(item)
            self._members().add(item)

    def restore(self, items: Iterable[Entity]) -> None:
        """Replace the content without recording a change."""
        self._items = list(items)
        self._item_set = None
        if self.view is not None:
            self.view.invalidate()

    def load(self) -> None:
        """Fetch the content if it was never fetched."""
        self.current()
        if not self.is_complete:
            self.entity.session.populate(self.entity, self.attribute.name)
            self._adopt(self.entity.stored_value(self.attribute.name) or ())

    def to_wire(self) -> list[dict[str, Any]]:
        """Return a reference to each entity."""
        return [item.to_wire() for item in self.current()]

    def current(self) -> list[Entity]:
        """Return the content, replaced by that of the latest response."""
        stored = self.entity.stored_value(self.attribute.name)
        if stored.__class__ is list:
            self._adopt(stored)
        else:
            other = stored.collection if isinstance(stored, KeyValues) else stored
            if other is not self and isinstance(other, Collection):
                # Another collection took the response first: both share one list from now on.
                self._items, self._item_set = other._items, None
        return self._items

    def _adopt(self, items: Iterable[Entity]) -> None:
        self.restore(items)
        self.is_complete = True
        self.entity.replace_stored(self.attribute.name, self if self.view is None else self.view)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Load the content, and record its change if the block succeeds; raises ImmutableCollectionError."""
        name = self.attribute.name
        if not self.mutable:
            raise errors.ImmutableCollectionError(
                f"{name} of {self.entity!r} cannot be changed: the server computes it."
            )
        self.load()
        # The copy before the first change suffices to revert all of them.
        before = None if self.entity.is_changed(name) else list(self)
        yield
        self.entity.assign(name, self, before=before)

    def _members(self) -> set[Entity]:
        if self._item_set is None:
            self._item_set = set(self._items)
        return self._item_set

    def _check_new_item(self, value: Entity) -> None:
        if not hasattr(value, "primary_key"):
            raise errors.CollectionError(
                f"{value!r} cannot be added to {self.attribute.name} of {self.entity!r}: it is not an entity. "
                "Pass an entity that get(), query() or create() returned."
            )
        if value in self._members():
            raise errors.DuplicateItemInCollectionError(
                f"{value!r} is already in {self.attribute.name} of {self.entity!r}."
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Collection, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and set(self) == set(other)

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> list[Entity]:
        # A change of the copy must not change the entity.
        return list(self.current())

    def __repr__(self) -> str:
        return f"<Collection {self.current()!r}>"


class KeyValues(MutableMapping[str, Any]):
    """The keys and values of the entities in a collection, like metadata."""

    __slots__ = ("_by_key", "collection", "entity_type")

    attribute = Delegated("collection", "attribute", "The attribute that has this value.")
    mutable = Delegated("collection", "mutable", "Whether the mapping can be changed.")

    def __init__(self, collection: Collection, entity_type: str) -> None:
        self.collection = collection
        self.entity_type = entity_type
        self._by_key: dict[str, Entity] | None = None
        collection.view = self

    def invalidate(self) -> None:
        """Read the collection again on the next access."""
        self._by_key = None

    def entities(self) -> dict[str, Entity]:
        """Return the entity of each key."""
        items = self.collection.current()
        if self._by_key is None:
            self._by_key = {item["key"]: item for item in items}
        return self._by_key

    def __getitem__(self, key: str) -> Any:
        try:
            return self.entities()[key]["value"]
        except KeyError:
            raise self.missing_key_error(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        self.collection.load()
        item = self.entities().get(key)
        if item is None:
            item = self.create_item(key, value)
            self.collection.append(item)
            self.entities()[key] = item
        else:
            item["value"] = value

    def __delitem__(self, key: str) -> None:
        self.collection.load()
        item = self.entities().get(key)
        if item is None:
            raise self.missing_key_error(key)
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
        # A change of the copy must not change the entity.
        return dict(self)

    def keys(self) -> list[str]:  # type: ignore[override]
        """Return the keys as a list, like ``ftrack_api``."""
        return list(self)

    def replace(self, values: Mapping[str, Any]) -> None:
        """Replace the content; raises CollectionError if ``values`` is not a mapping."""
        self.check_mapping(values)
        self.collection.load()
        for key in [key for key in self if key not in values]:
            del self[key]
        self.update(values)

    def check_mapping(self, values: Any) -> None:
        """Raise CollectionError if ``values`` is not a mapping."""
        if not isinstance(values, Mapping):
            collection = self.collection
            raise errors.CollectionError(
                f"{values!r} cannot be {collection.attribute.name} of {collection.entity!r}. Pass a dictionary."
            )

    def create_item(self, key: str, value: Any) -> Entity:
        """Return a new entity for a key that does not exist yet."""
        owner = self.collection.entity
        values = {"parent_id": owner.primary_key[0], "parent_type": owner.entity_type, "key": key, "value": value}
        item: Entity = owner.session.create(self.entity_type, values)
        return item

    def missing_key_error(self, key: str) -> errors.UnrecognisedAttributeError:
        """Return the error for a key that does not exist."""
        collection = self.collection
        return errors.UnrecognisedAttributeError(
            f"{collection.attribute.name} of {collection.entity!r} has no {key!r}."
        )

    def to_wire(self) -> list[dict[str, Any]]:
        """Return a reference to each entity."""
        return self.collection.to_wire()

    def __repr__(self) -> str:
        return repr(dict(self))
