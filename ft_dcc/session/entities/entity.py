"""An entity of the server, read and written like a dictionary."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar

from ft_dcc.errors import OperationError, UnrecognisedAttributeError
from ft_dcc.session.entities.attribute import Attribute, Attributes
from ft_dcc.session.entities.collection import Collection, KeyValues
from ft_dcc.session.operations import UpdateEntityOperation
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET, Symbol

if TYPE_CHECKING:
    from ft_dcc.session.entities.entity_context import EntitySession, FetchGroup

_log = logging.getLogger(__name__)

# Values of these types are returned as they are; all others are converted by their attribute.
_PLAIN_TYPES = frozenset({str, int, float, bool})


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

    session: EntitySession
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

    @property
    def is_new(self) -> bool:
        """Whether the entity is created with the next commit."""
        return self.state is CREATED

    @property
    def is_unchanged(self) -> bool:
        """Whether no assignment is uncommitted."""
        return self._before is None

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
            view = value.view if isinstance(value, Collection) else None
            self._values[name] = value if view is None else view
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
        current = self._values.get(name)
        if isinstance(current, KeyValues):
            current = current.collection
        if before is NOT_SET:
            self._values.pop(name, None)
        elif isinstance(current, Collection) and isinstance(before, list):
            current.restore(before)
        else:
            self._values[name] = before
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

    def fill_missing(self, values: dict[str, Any]) -> None:
        """Store the values of attributes that have none."""
        for name, value in values.items():
            self._values.setdefault(name, value)

    def fetch_collection(self, name: str) -> list[Entity]:
        """Fetch a relation to many entities and return its content."""
        self.session.populate(self, name)
        return list(self._values.get(name) or ())

    def _load(self, name: str) -> Any:
        attribute = self.attribute(name)
        value = attribute.derived_value(self)
        if value is not NOT_SET:
            return value
        if self.state is CREATED:
            return attribute.missing_value(self)
        session = self.session
        # A cache is read even if the server must not be asked.
        session.load_from_cache(self)
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
