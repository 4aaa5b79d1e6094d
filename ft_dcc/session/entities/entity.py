"""An entity of the server, read and written like a dictionary, and the base of its attributes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ft_dcc.errors import ImmutableAttributeError, NotUniqueError, OperationError, UnrecognisedAttributeError
from ft_dcc.session.operations import Operations, UpdateEntityOperation
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET, Symbol
from ft_dcc.session.transport.codec import new_id

if TYPE_CHECKING:
    from ft_dcc.session.transport.http import Transport

_log = logging.getLogger(__name__)

# Values of these types are returned as they are; all others are converted by their attribute.
_PLAIN_TYPES = frozenset({str, int, float, bool})


class Delegated:
    """An attribute of a class that is kept in another object, which is an attribute of the instance."""

    def __init__(self, target: str, name: str, documentation: str) -> None:
        self._target, self._name, self.__doc__ = target, name, documentation

    def __get__(self, instance: object, kind: type | None = None) -> Any:
        return self if instance is None else getattr(getattr(instance, self._target), self._name)

    def __set__(self, instance: object, value: Any) -> None:
        setattr(getattr(instance, self._target), self._name, value)


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
        return entity.stored_value(self.name) if entity.state is CREATED or entity.is_changed(self.name) else NOT_SET

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

    def stored(self, value: Any) -> Any:
        """Return the form in which an assigned value is stored."""
        return value

    def restored(self, current: Any, before: Any) -> Any:
        """Return the value that replaces the current one if its assignment is reverted."""
        return before

    def check_mutable(self, entity: Entity) -> None:
        """Raise ImmutableAttributeError if the attribute has a value that must not change."""
        if not self.mutable and self.is_set(entity):
            raise ImmutableAttributeError(
                f"{self.name} of {entity!r} cannot be changed: by the server's schema it can be set only once."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class FetchGroup:
    """Entities that came with one response and are completed together: a missing value is fetched for all of them."""

    __slots__ = ("is_result", "is_stale", "members")

    def __init__(self, *, is_result: bool = True, is_stale: bool = False) -> None:
        # A response that only completes other results does not regroup their entities.
        self.is_result = is_result
        # Values from a cache never overwrite what the session has.
        self.is_stale = is_stale
        self.members: dict[str, list[Entity]] = {}

    def lacking(self, entity_type: str, name: str) -> list[Entity]:
        """Return the entities of a type that have no value for this attribute."""
        return [entity for entity in self.members.get(entity_type, ()) if entity.stored_value(name) is NOT_SET]


class Entity(MutableMapping[str, Any]):
    """An entity of a session; the session has one object for each.

    A value that was in no response yet is fetched when it is read, for all entities of the same result at once.
    """

    __slots__ = ("__weakref__", "_before", "_group", "_values", "session", "state")

    entity_type: ClassVar[str] = ""
    attributes: ClassVar[Attributes] = Attributes()
    # Attributes of ftrack's documentation that the site's schema does not have.
    alias_attributes: ClassVar[Mapping[str, Attribute]] = {}
    primary_key_attributes: ClassVar[list[str]] = []
    default_projections: ClassVar[list[str]] = []
    defaults: ClassVar[tuple[Attribute, ...]] = ()
    # Attributes whose values many entities have in common: the ids of other entities, and types.
    shared_values: ClassVar[frozenset[str]] = frozenset()

    # A SessionInterface, and the methods that scripts call.
    session: Any
    state: Symbol
    # The server's values, replaced by those that were assigned since.
    _values: dict[str, Any]
    # The server's values of the attributes that were assigned since.
    _before: dict[str, Any] | None
    _group: FetchGroup | None

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The values that identify the entity among those of its type."""
        return tuple([str(self._values[name]) for name in self.primary_key_attributes])

    def __getitem__(self, name: str) -> Any:
        try:
            value = self._values[name]
        except KeyError:
            return self._load(name)
        if value.__class__ in _PLAIN_TYPES:
            return value
        attribute = self.attributes.get(name)
        return value if attribute is None else attribute.public_value(self, value)

    def __setitem__(self, name: str, value: Any) -> None:
        self.attribute(name).set_local_value(self, value)

    def __delitem__(self, name: str) -> None:
        self.attribute(name)
        self.assign(name, NOT_SET)

    def __iter__(self) -> Iterator[str]:
        return iter(self.attributes.keys())

    def __len__(self) -> int:
        return len(self.attributes)

    def __contains__(self, name: object) -> bool:
        return name in self.attributes

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Entity):
            return NotImplemented
        return self.entity_type == other.entity_type and self.primary_key == other.primary_key

    def __hash__(self) -> int:
        return hash((self.entity_type, self.primary_key))

    def __repr__(self) -> str:
        name = self._values.get("name")
        label = f" {name!r}" if isinstance(name, str) else ""
        return f"<{self.entity_type} {', '.join(self.primary_key)}{label}>"

    def __bool__(self) -> bool:
        return True

    def values(self) -> Any:
        """Return all values; missing ones are fetched in one request."""
        self._fetch_missing()
        return super().values()

    def items(self) -> Any:
        """Return all names and values; missing ones are fetched in one request."""
        self._fetch_missing()
        return super().items()

    def clear(self) -> None:
        """Discard every value that was assigned and not committed."""
        for name in list(self._before or ()):
            self.assign(name, NOT_SET)

    def to_wire(self) -> dict[str, Any]:
        """Return the reference to the entity that requests contain."""
        reference = {name: str(self._values[name]) for name in self.primary_key_attributes}
        return {"__entity_type__": self.entity_type, **reference}

    def attribute(self, name: str) -> Attribute:
        """Return the attribute of that name, or raise UnrecognisedAttributeError."""
        try:
            return self.attributes[name]
        except KeyError:
            if name in self.alias_attributes:
                return self.alias_attributes[name]
            hint = suggestion(name, self.attributes.keys())
            raise UnrecognisedAttributeError(f"{self.entity_type} has no attribute {name!r}.{hint}") from None

    @classmethod
    def check_data(cls, data: Mapping[str, Any]) -> None:
        """Raise ValueError if an entity of this type cannot be created with these values."""

    @classmethod
    def initial_values(cls, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the values of a new entity with this data, and the values that are assigned after its creation.

        The latter are the relations to many entities and the aliases. Raises OperationError if the data is not a
        mapping, or lacks a part of the key.
        """
        if not isinstance(data, Mapping):
            raise OperationError(
                f"A {cls.entity_type} cannot be made of {data!r}. Give a dictionary of its attributes."
            )
        cls.check_data(data)
        values = {attribute.name: attribute.default() for attribute in cls.defaults if attribute.name not in data}
        later = {}
        for name, value in data.items():
            if name in cls.alias_attributes:
                later[name] = value
            elif name not in cls.attributes:
                _log.warning("A %s has no attribute %r; its value is not sent.", cls.entity_type, name)
            elif cls.attributes[name].is_many:
                later[name] = value
            elif value is not NOT_SET:
                values[name] = value
        missing = [name for name in cls.primary_key_attributes if name not in values]
        if missing:
            raise OperationError(f"A {cls.entity_type} cannot be created without {', '.join(missing)}.")
        return values, later

    # The methods below are for the session's own modules.

    def stored_value(self, name: str) -> Any:
        """Return the value as it is stored, without a request, or NOT_SET."""
        return self._values.get(name, NOT_SET)

    def persisted_value(self, name: str) -> Any:
        """Return the server's value, without a request, or NOT_SET; later assignments are ignored."""
        if self.state is CREATED:
            return NOT_SET
        return self._before[name] if self._before is not None and name in self._before else self.stored_value(name)

    def replace_stored(self, name: str, value: Any) -> None:
        """Store another form of the current value, without recording a change."""
        self._values[name] = value

    def is_changed(self, name: str) -> bool:
        """Return whether a value was assigned and not committed."""
        return self._before is not None and name in self._before

    def assign(self, name: str, value: Any, before: Any = None) -> None:
        """Assign a value and record the change.

        ``before`` is the value that ``revert`` restores, for a collection that was changed in place.
        """
        old = self._values.get(name, NOT_SET) if before is None else before
        if self.state is not CREATED:
            if self._before is None:
                self._before = {}
            self._before.setdefault(name, old)
        if value is NOT_SET:
            self.revert(name)
        else:
            self._values[name] = self.attributes[name].stored(value)
        key = {part: str(self._values[part]) for part in self.primary_key_attributes}
        operation = UpdateEntityOperation(self.entity_type, key, name, old, value)
        if not self.session.record_operations:
            self.session.unrecorded_operations.push(operation)
            return
        if self.state is NOT_SET and value is not NOT_SET:
            self.state = MODIFIED
        self.session.recorded_operations.push(operation)

    def revert(self, name: str) -> None:
        """Restore the server's value."""
        before = (self._before or {}).pop(name, NOT_SET)
        if before is NOT_SET:
            self._values.pop(name, None)
        else:
            self._values[name] = self.attributes[name].restored(self._values.get(name), before)
        self.mark_committed(name)

    def mark_committed(self, name: str) -> None:
        """Treat the assigned value as the server's."""
        if self._before is not None:
            self._before.pop(name, None)
            if not self._before:
                self._before = None
        if self._before is None and self.state is MODIFIED:
            self.state = NOT_SET

    def invalidate(self, name: str) -> None:
        """Discard the server's value, so that it is fetched when it is read next."""
        if not self.is_changed(name):
            self._values.pop(name, None)

    def update_from_server(self, values: dict[str, Any]) -> None:
        """Store the values of a response; uncommitted assignments stay in effect."""
        if self._before is None:
            self._values.update(values)
            return
        for name, value in values.items():
            (self._before if name in self._before else self._values)[name] = value

    def peers(self) -> list[Entity]:
        """Return the entities of the same type that came with the same response."""
        return [] if self._group is None else list(self._group.members.get(self.entity_type, ()))

    def _load(self, name: str) -> Any:
        attribute = self.attribute(name)
        value = attribute.derived_value(self)
        if value is not NOT_SET:
            return value
        if self.state is CREATED:
            return attribute.missing_value(self)
        session = self.session
        # A cache is read even if the server must not be asked.
        session._identity_map.read_cached(self.entity_type, self.primary_key)
        if name not in self._values and session.auto_populate:
            peers = [] if self._group is None else self._group.lacking(self.entity_type, name)
            session.populate(peers or [self], ", ".join(self.projections(attribute)))
            if not attribute.is_many:
                # The server would leave the value out again. A collection is never taken as empty for that.
                for each in peers or [self]:
                    each._values.setdefault(name, NOT_SET)
        value = self._values.get(name, NOT_SET)
        return attribute.missing_value(self) if value is NOT_SET else attribute.public_value(self, value)

    def projections(self, attribute: Attribute) -> list[str]:
        """Return the projections of a query that fetches the attribute."""
        target = getattr(attribute, "entity_type", None)
        return attribute.projections(self.session.types[target].default_projections if target else ())

    def _fetch_missing(self) -> None:
        if self.state is CREATED or not self.session.auto_populate:
            return
        missing = [attribute for name, attribute in self.attributes.items() if name not in self._values]
        if missing:
            wanted = [projection for attribute in missing for projection in self.projections(attribute)]
            self.session.populate(self, ", ".join(wanted))


# The session's own modules cannot import it.
class SessionInterface(Protocol):
    """The part of a session that its own modules use, described in its class. Parts whose modules use it are Any."""

    server_url: str
    api_user: str
    api_key: str
    event_hub: Any
    server_information: dict[str, Any]
    transport: Transport
    # The class of each entity type, by name.
    types: Any
    events: Any
    location_setups: Any
    query: Callable[[Any], Any]
    get: Callable[[str, Any], Entity | None]
    get_loaded: Callable[[str, str], Entity | None]
    create: Callable[[str, Mapping[str, Any]], Entity]
    reconstruct: Callable[[str, Mapping[str, Any]], Entity]
    delete: Callable[[Entity], None]
    discard: Callable[[Entity], None]
    populate: Callable[[Any, str], None]
    commit: Callable[[], None]
    call: Callable[[Any], list[Any]]
    post: Callable[[list[Any]], bytes]
    custom_attribute_configurations: Callable[[], list[Entity]]
    location: Callable[[str], Any]
    create_component: Callable[[Any, Mapping[str, Any], Any], Entity]
    get_component_availabilities: Callable[[Any, Any], list[dict[str, float]]]
    encode_media: Callable[[Any, str, Any], Entity]
    send_user_invite: Callable[[Entity], None]
    reset_remote: Callable[[str, Entity], dict[str, Any]]

    @property
    def recorded_operations(self) -> Operations:
        """The uncommitted changes of this thread."""


def require_entity(value: object, action: str) -> None:
    """Raise OperationError if the value is not an entity; ``action`` completes "cannot be …"."""
    if not isinstance(value, Entity):
        raise OperationError(
            f"{value!r} cannot be {action}: it is not an entity. "
            "Pass an entity that get(), query() or create() returned."
        )


def suggestion(name: object, names: Iterable[str]) -> str:
    """Return a sentence that proposes the most similar of the names, or an empty text."""
    # Imported only to report a mistake.
    import difflib

    near = difflib.get_close_matches(str(name), names, 1)
    return f" Did you mean {near[0]!r}?" if near else ""
