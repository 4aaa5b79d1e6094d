"""One thing on the server, read and written like a dictionary."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar

from ft_dcc.errors import OperationError, UnrecognisedAttributeError
from ft_dcc.session.attribute import Attribute, Attributes
from ft_dcc.session.collection import Collection, KeyValues
from ft_dcc.session.operations import UpdateEntityOperation
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET, Symbol

if TYPE_CHECKING:
    from ft_dcc.session.group import Group
    from ft_dcc.session.session import Session

_log = logging.getLogger(__name__)

# Values of these types are what they are; all others are looked at by their attribute before they are given out.
_PLAIN = frozenset({str, int, float, bool})


class Entity(MutableMapping[str, Any]):
    """An entity of a session; there is one object for each.

    A value that was not in any answer yet is fetched when it is read, for all entities of the same result at once.
    """

    __slots__ = ("__weakref__", "_before", "_group", "_values", "session", "state")

    entity_type: ClassVar[str] = ""
    attributes: ClassVar[Attributes] = Attributes()
    # What the published documents call attributes, and the server does not have.
    words: ClassVar[Mapping[str, Attribute]] = {}
    primary_key_attributes: ClassVar[list[str]] = []
    default_projections: ClassVar[list[str]] = []
    defaults: ClassVar[tuple[Attribute, ...]] = ()
    # The names of values that many entities have in common: the ids of others, and kinds.
    shared_values: ClassVar[frozenset[str]] = frozenset()

    session: Session
    state: Symbol
    # What the server said, with what was assigned since on top of it.
    _values: dict[str, Any]
    # What the server said about the attributes that were assigned since.
    _before: dict[str, Any] | None
    _group: Group | None

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The values that identify the entity among those of its type."""
        return tuple([str(self._values[name]) for name in self.primary_key_attributes])

    def __getitem__(self, name: str) -> Any:
        try:
            value = self._values[name]
        except KeyError:
            return self._missing(name)
        if value.__class__ in _PLAIN:
            return value
        attribute = self.attributes.get(name)
        return value if attribute is None else attribute.opened(self, value)

    def __setitem__(self, name: str, value: Any) -> None:
        self.attribute(name).set_local_value(self, value)

    def __delitem__(self, name: str) -> None:
        self.attribute(name)
        self.change(name, NOT_SET)

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
        """Return all values; those that are missing come with one request."""
        self._fetch_missing()
        return super().values()

    def items(self) -> Any:
        """Return all names and values; those that are missing come with one request."""
        self._fetch_missing()
        return super().items()

    def clear(self) -> None:
        """Forget every value that was assigned and not committed."""
        for name in list(self._before or ()):
            self.change(name, NOT_SET)

    def to_wire(self) -> dict[str, Any]:
        """Return the reference that stands for the entity in a request."""
        reference = {name: str(self._values[name]) for name in self.primary_key_attributes}
        return {"__entity_type__": self.entity_type, **reference}

    def attribute(self, name: str) -> Attribute:
        """Return the attribute of that name; raises UnrecognisedAttributeError."""
        try:
            return self.attributes[name]
        except KeyError:
            if name in self.words:
                return self.words[name]
            hint = meant(name, self.attributes.keys())
            raise UnrecognisedAttributeError(f"{self.entity_type} has no attribute {name!r}.{hint}") from None

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> None:
        """Raise when an entity of this type cannot be created with these values."""

    @classmethod
    def starting_values(cls, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the values of a new entity with this data, and its content of relations to many, which follows.

        Raises OperationError for what is no mapping, and when a part of the key is missing.
        """
        if not isinstance(data, Mapping):
            raise OperationError(
                f"A {cls.entity_type} cannot be made of {data!r}. Give a dictionary of its attributes."
            )
        cls.check(data)
        values = {attribute.name: attribute.default() for attribute in cls.defaults if attribute.name not in data}
        later = {}
        for name, value in data.items():
            if name in cls.words:
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

    # What follows is for the session and its parts.

    def stored(self, name: str) -> Any:
        """Return the value as it is kept, without asking the server: NOT_SET when there is none."""
        return self._values.get(name, NOT_SET)

    def persisted(self, name: str) -> Any:
        """Return what the server said, without what was assigned since: NOT_SET when it has not."""
        if self.state is CREATED:
            return NOT_SET
        return self._before[name] if self._before is not None and name in self._before else self.stored(name)

    def keep(self, name: str, value: Any) -> None:
        """Keep another form of the value that is there already."""
        self._values[name] = value

    @property
    def is_new(self) -> bool:
        """Whether the server does not know the entity yet."""
        return self.state is CREATED

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing was assigned that is not committed."""
        return self._before is None

    def is_changed(self, name: str) -> bool:
        """Whether a value was assigned that is not committed."""
        return self._before is not None and name in self._before

    def change(self, name: str, value: Any, before: Any = None) -> None:
        """Assign a value and record that; ``before`` is what to go back to, when the value itself was changed."""
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
        if self.session.record_operations:
            if self.state is NOT_SET and value is not NOT_SET:
                self.state = MODIFIED
            self.session.recorded_operations.push(
                UpdateEntityOperation(self.entity_type, self._key_by_name(), name, old, value)
            )

    def revert(self, name: str) -> None:
        """Hold the server's value again."""
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
        self.settle(name)

    def settle(self, name: str) -> None:
        """Take the assigned value for the server's."""
        if self._before is not None:
            self._before.pop(name, None)
            if not self._before:
                self._before = None
        if self._before is None and self.state is MODIFIED:
            self.state = NOT_SET

    def drop(self, name: str) -> None:
        """Forget a value, so that it is fetched when it is read next."""
        if not self.is_changed(name):
            self._values.pop(name, None)

    def receive(self, values: dict[str, Any]) -> None:
        """Take the values of an answer; what was assigned and not committed stays on top of them."""
        if self._before is None:
            self._values.update(values)
            return
        for name, value in values.items():
            (self._before if name in self._before else self._values)[name] = value

    def peers(self) -> list[Entity]:
        """Return the entities of the same type that came with the same answer."""
        return [] if self._group is None else list(self._group.members.get(self.entity_type, ()))

    def complete(self, values: dict[str, Any]) -> None:
        """Take the values that are not known yet."""
        for name, value in values.items():
            self._values.setdefault(name, value)

    def fetch(self, name: str) -> list[Entity]:
        """Return the content of a relation to many, asked for now."""
        self.session.populate(self, name)
        return list(self._values.get(name) or ())

    def _missing(self, name: str) -> Any:
        attribute = self.attribute(name)
        value = attribute.known(self)
        if value is not NOT_SET:
            return value
        if self.state is CREATED:
            return attribute.absent(self)
        session = self.session
        # What lies in a cache is known, whether or not the server may be asked.
        session.layers.find(self.entity_type, self.primary_key)
        if name not in self._values and session.auto_populate:
            peers = [] if self._group is None else self._group.lacking(self.entity_type, name)
            session.populate(peers or [self], ", ".join(self.projections(attribute)))
            if not attribute.is_many:
                # What the server leaves out it leaves out again; a collection is never taken for empty like this.
                for each in peers or [self]:
                    each._values.setdefault(name, NOT_SET)
        value = self._values.get(name, NOT_SET)
        return attribute.absent(self) if value is NOT_SET else attribute.opened(self, value)

    def projections(self, attribute: Attribute) -> list[str]:
        """Return what a query has to name so that the attribute comes with its answer."""
        target = getattr(attribute, "entity_type", None)
        return attribute.projections(self.session.types[target].default_projections if target else ())

    def _fetch_missing(self) -> None:
        if self.state is CREATED or not self.session.auto_populate:
            return
        missing = [attribute for name, attribute in self.attributes.items() if name not in self._values]
        if missing:
            wanted = [projection for attribute in missing for projection in self.projections(attribute)]
            self.session.populate(self, ", ".join(wanted))

    def _key_by_name(self) -> dict[str, str]:
        return {name: str(self._values[name]) for name in self.primary_key_attributes}


def require_entity(value: object, done: str) -> None:
    """Raise OperationError for what is no entity, and so cannot be ``done`` with what was asked for."""
    if not isinstance(value, Entity):
        raise OperationError(
            f"{value!r} cannot be {done}: it is no entity. Give what get(), query() or create() return."
        )


def meant(name: object, names: Iterable[str]) -> str:
    """Return the sentence that proposes the name most like this one, or nothing."""
    # Only mistakes need it.
    import difflib

    near = difflib.get_close_matches(str(name), names, 1)
    return f" Did you mean {near[0]!r}?" if near else ""
