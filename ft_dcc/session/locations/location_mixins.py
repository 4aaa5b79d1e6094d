"""Kinds of locations, which plugins mix into a studio's location: ``mixin(location, UnmanagedLocationMixin)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ft_dcc.session.entities.entity import Entity
    from ft_dcc.session.locations.location import Location

    _Location = Location
else:
    # At run time they use the methods of the location that they are mixed into.
    _Location = object


def mixin(instance: Entity, mixin_class: type, name: str | None = None) -> None:
    """Mix a class into one object, before its own class; raises TypeError if the layouts conflict.

    Call it from a subscriber of ``ftrack.api.session.configure-location``, because it lasts only as long as the object.
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
    """A location that leaves files where they are and only records their paths."""

    __slots__ = ()

    manages_data = False


class MemoryLocationMixin(_Location):
    """A location whose content is recorded in memory, not on the server."""

    __slots__ = ()

    @property
    def local_identifiers(self) -> dict[str, str]:
        """The resource identifiers by component id."""
        setup = self.setup
        if setup.local_identifiers is None:
            setup.local_identifiers = {}
        return setup.local_identifiers


class OriginLocationMixin(MemoryLocationMixin, UnmanagedLocationMixin):
    """The location of files before they are published; its sources are paths."""

    __slots__ = ()


class ServerLocationMixin(_Location):
    """Files on the ftrack server, which also has their thumbnails: ``get_thumbnail_url``."""

    __slots__ = ()
