"""What entities of some types can do beyond holding values."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.session.component import Component, Pictured
from ft_dcc.session.entity import Entity
from ft_dcc.session.location import Location
from ft_dcc.session.people import User
from ft_dcc.session.workflow import ProjectSchema


class Note(Entity):
    """A note, with its replies."""

    __slots__ = ()

    def create_reply(self, content: str, author: Entity) -> Entity:
        """Return a new note that answers this one; it is sent with the next commit."""
        reply = self.session.create("Note", {"content": content, "author": author})
        self["replies"].append(reply)
        return reply


class Noted(Entity):
    """Whatever notes can be written on."""

    __slots__ = ()

    def create_note(
        self,
        content: str,
        author: Entity,
        recipients: Iterable[Entity] | None = None,
        category: Entity | None = None,
        labels: Iterable[Entity] | None = None,
    ) -> Entity:
        """Return a new note on this; it is sent with the next commit.

        ``recipients`` are users and groups. A category is the one label of older scripts; ValueError is raised for
        both, and for labels on a server that has none.
        """
        session, wanted = self.session, list(labels or ())
        has_labels = "NoteLabel" in session.types
        data = {"content": content, "author": author}
        if wanted and category is not None:
            raise ValueError("A note gets either a category or labels. Give the category as one of the labels.")
        if wanted and not has_labels:
            raise ValueError(f"{session.server_url} has no labels for notes. Give a category.")
        if category is not None and has_labels:
            warnings.warn("Give labels=[…] instead of a category.", PendingDeprecationWarning, stacklevel=2)
            wanted = [category]
        elif category is not None:
            data["category_id"] = category["id"]
        note = session.create("Note", data)
        self["notes"].append(note)
        for resource in recipients or ():
            link = {"note_id": note["id"], "resource_id": resource["id"]}
            note["recipients"].append(session.create("Recipient", link))
        for label in wanted:
            session.create("NoteLabelLink", {"label_id": label["id"], "note_id": note["id"]})
        return note


class AssetVersion(Entity):
    """One state of an asset."""

    __slots__ = ()

    def create_component(
        self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None, location: Any = None
    ) -> Entity:
        """Return a new component of this version for a file or a sequence, see ``Session.create_component()``.

        It is put into no location unless one is given.
        """
        values = {name: value for name, value in (data or {}).items() if name != "version_id"}
        return self.session.create_component(path, {**values, "version": self}, location)

    def encode_media(self, media: str | os.PathLike[str] | Entity, keep_original: bool | str = "auto") -> Entity:
        """Return the job that gives this version what browsers play of a file, or of a file component on the server.

        See ``Session.encode_media()``.
        """
        return self.session.encode_media(media, version_id=self["id"], keep_original=keep_original)


class Job(Entity):
    """Work that somebody does for somebody, and how far it is."""

    __slots__ = ()

    @classmethod
    def check(cls, data: Mapping[str, Any]) -> None:
        """Raise ValueError for a type of job that only the server makes."""
        if data.get("type", "api_job") != "api_job":
            raise ValueError(f"A job of type {data['type']!r} cannot be created. Leave the type out, or use 'api_job'.")


KINDS: dict[str, type[Entity]] = {
    "AssetVersion": AssetVersion,
    "Component": Component,
    "ContainerComponent": Component,
    "FileComponent": Component,
    "Job": Job,
    "Location": Location,
    "Note": Note,
    "ProjectSchema": ProjectSchema,
    "SequenceComponent": Component,
    "User": User,
}


def kinds_of(schema: Mapping[str, Any]) -> tuple[type[Entity], ...]:
    """Return the classes that say what the entities of this schema can do."""
    kinds = [KINDS[schema["id"]]] if schema["id"] in KINDS else []
    if "notes" in schema["properties"]:
        kinds.append(Noted)
    if "thumbnail_id" in schema["properties"]:
        kinds.append(Pictured)
    return tuple(kinds) or (Entity,)
