"""What entities of some types can do beyond holding values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ft_dcc.session.entity import Entity


class Note(Entity):
    """A note, with its replies."""

    __slots__ = ()

    def create_reply(self, content: str, author: Entity) -> Entity:
        """Return a new note that answers this one; it is sent with the next commit."""
        reply = self.session.create("Note", {"content": content, "author": author})
        self["replies"].append(reply)
        return reply


class Job(Entity):
    """Work that somebody does for somebody, and how far it is."""

    __slots__ = ()

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> None:
        """Raise ValueError for a type of job that only the server makes."""
        if data.get("type", "api_job") != "api_job":
            raise ValueError(f"A job of type {data['type']!r} cannot be created. Leave the type out, or use 'api_job'.")


KINDS: dict[str, type[Entity]] = {"Job": Job, "Note": Note}
