"""Kinds of locations, as a plugin mixes them into one of its studio's: ``mixin(location, UnmanagedLocationMixin)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ft_dcc.session.entity import Entity
    from ft_dcc.session.location import Location

    _Location = Location
else:
    # They take the methods of the location that they are mixed into.
    _Location = object


def mixin(instance: Entity, mixin_class: type, name: str | None = None) -> None:
    """The object is also one of this class, whose methods come first; raises TypeError where that cannot be.

    That lasts as long as the object: do it when the session's ``configure-location`` event says so.
    """
    kind = type(instance)
    if mixin_class in kind.__mro__:
        return
    made = type(name or f"{kind.__name__}{mixin_class.__name__}", (mixin_class, kind), {"__slots__": ()})
    try:
        instance.__class__ = made
    except TypeError as error:
        raise TypeError(
            f"{mixin_class.__name__} cannot be mixed into a {kind.entity_type}. Give it __slots__ = ()."
        ) from error


class UnmanagedLocationMixin(_Location):
    """Files stay where they are; the location only notes where."""

    __slots__ = ()

    manages_data = False


class MemoryLocationMixin(_Location):
    """The server is told nothing; the session remembers what is in the location."""

    __slots__ = ()

    @property
    def remembered(self) -> dict[str, str]:
        """The resource identifiers by component id."""
        setup = self.setup
        if setup.remembered is None:
            setup.remembered = {}
        return setup.remembered


class OriginLocationMixin(MemoryLocationMixin, UnmanagedLocationMixin):
    """Where files came from, in this session; its sources are paths."""

    __slots__ = ()


class ServerLocationMixin(_Location):
    """Files on the ftrack server, which also makes pictures of them: ``get_thumbnail_url``."""

    __slots__ = ()
