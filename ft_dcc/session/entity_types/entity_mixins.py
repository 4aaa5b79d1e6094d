"""The methods of entities of certain types: components, versions, notes, users and project schemas."""

from __future__ import annotations

import datetime
import logging
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from ft_dcc.errors import NoResultFoundError, NotUniqueError, ServerError
from ft_dcc.session.entities.entity import Entity, SessionInterface
from ft_dcc.session.locations.location import Location
from ft_dcc.session.query.expression import field, find
from ft_dcc.session.symbol import NOT_SET, ORIGIN_LOCATION_ID, SERVER_LOCATION_ID
from ft_dcc.session.transport.codec import to_datetime

_log = logging.getLogger(__name__)


class Component(Entity):
    """A file, a sequence of files, or a container of components."""

    __slots__ = ()
    session: SessionInterface

    def get_availability(self, locations: Iterable[Entity] | None = None) -> dict[str, float]:
        """Return the availability in per cent, by location id; None stands for all locations."""
        return self.session.get_component_availabilities([self], locations)[0]


class ThumbnailMixin(Entity):
    """An entity with a thumbnail."""

    __slots__ = ()
    session: SessionInterface

    def create_thumbnail(self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None) -> Entity:
        """Set the thumbnail to a JPEG, PNG, GIF, BMP or TIFF, commit and return it; raises LocationError."""
        session, values = self.session, dict(data or {})
        values["name"] = values.get("name") or "thumbnail"
        component = session.create_component(path, values, None)
        server, origin = session.location(SERVER_LOCATION_ID), session.location(ORIGIN_LOCATION_ID)
        server.add_component(component, origin)
        self["thumbnail_id"] = component["id"]
        session.commit()
        return component


class Note(Entity):
    """A note, with its replies."""

    __slots__ = ()
    session: SessionInterface

    def create_reply(self, content: str, author: Entity) -> Entity:
        """Return a new note in reply to this one; it is sent with the next commit."""
        reply = self.session.create("Note", {"content": content, "author": author})
        self["replies"].append(reply)
        return reply


class NotesMixin(Entity):
    """An entity with notes."""

    __slots__ = ()
    session: SessionInterface

    def create_note(
        self,
        content: str,
        author: Entity,
        recipients: Iterable[Entity] | None = None,
        category: Entity | None = None,
        labels: Iterable[Entity] | None = None,
    ) -> Entity:
        """Return a new note on this; it is sent with the next commit.

        ``recipients`` are users and groups. ``category`` is a single label, as in older scripts. Raises ValueError if
        both are given.
        """
        session, wanted = self.session, list(labels or ())
        if wanted and category is not None:
            raise ValueError("A note has either a category or labels. Pass the category as one of the labels.")
        if category is not None:
            warnings.warn("Pass labels=[…] instead of a category.", PendingDeprecationWarning, stacklevel=2)
            wanted = [category]
        note = session.create("Note", {"content": content, "author": author})
        self["notes"].append(note)
        for resource in recipients or ():
            link = {"note_id": note["id"], "resource_id": resource["id"]}
            note["recipients"].append(session.create("Recipient", link))
        for label in wanted:
            session.create("NoteLabelLink", {"label_id": label["id"], "note_id": note["id"]})
        return note


class AssetVersion(Entity):
    """A version of an asset."""

    __slots__ = ()
    session: SessionInterface

    def create_component(
        self, path: str | os.PathLike[str], data: Mapping[str, Any] | None = None, location: Any = None
    ) -> Entity:
        """Return a new component of this version, by default in no location, see ``Session.create_component()``."""
        values = {name: value for name, value in (data or {}).items() if name != "version_id"}
        return self.session.create_component(path, {**values, "version": self}, location)

    def encode_media(self, media: str | os.PathLike[str] | Entity, keep_original: bool | str = "auto") -> Entity:
        """Start to encode a file, or a file component of the server, for this version and return the job.

        See ``Session.encode_media()``.
        """
        return self.session.encode_media(media, self["id"], keep_original)


class Job(Entity):
    """A job of a user, with its progress."""

    __slots__ = ()

    @classmethod
    def check_data(cls, data: Mapping[str, Any]) -> None:
        """Raise ValueError for a type of job that only the server creates."""
        if data.get("type", "api_job") != "api_job":
            raise ValueError(f"A job of type {data['type']!r} cannot be created. Leave the type out, or use 'api_job'.")


class ProjectSchema(Entity):
    """The statuses and types that the entities of a project can have."""

    __slots__ = ()

    def get_statuses(self, schema: str, type_id: str | None = None) -> list[Entity]:
        """Return the statuses of an entity type, or of a task type; raises ValueError for one without any."""
        if schema == "Task":
            for override in self["_overrides"] if type_id is not None else ():
                if override["type_id"] == type_id:
                    return list(override["workflow_schema"]["statuses"])
            return list(self["_task_workflow"]["statuses"])
        if schema == "AssetVersion":
            return list(self["_version_workflow"]["statuses"])
        return self._allowed(schema, "SchemaStatus", "task_status", "statuses")

    def get_types(self, schema: str) -> list[Entity]:
        """Return the types of an entity type; raises ValueError for an entity type without types."""
        if schema == "Task":
            return list(self["_task_type_schema"]["types"])
        return self._allowed(schema, "SchemaType", "task_type", "types")

    def _allowed(self, entity_type: str, table: str, column: str, plural: str) -> list[Entity]:
        if entity_type not in self.session.types:
            raise ValueError(f"The server has no entity type {entity_type!r}.")
        attribute = self.session.types[entity_type].attributes.get("object_type_id")
        object_type_id = NOT_SET if attribute is None else attribute.default_value
        for part in self["_schemas"] if object_type_id is not NOT_SET else ():
            if part["type_id"] == object_type_id:
                rows = self.session.query(find(table).select(column).where(field("schema_id") == part["id"]))
                return [row[column] for row in rows]
        raise ValueError(f"{entity_type} has no {plural} in {self!r}.")


class User(Entity):
    """A user of the site."""

    __slots__ = ()
    session: SessionInterface

    def start_timer(
        self, context: Entity | None = None, comment: str = "", name: str | None = None, force: bool = False
    ) -> Entity:
        """Start a timer, commit all changes of this thread and return the timer.

        With ``force`` a running timer is stopped first. Otherwise NotUniqueError is raised if one is running.
        """
        if force:
            try:
                self.stop_timer()
            except NoResultFoundError:
                _log.debug("No timer of %r is running.", self)
        timer = self.session.create("Timer", {"user": self, "context": context, "name": name, "comment": comment})
        try:
            self.session.commit()
        except ServerError as error:
            if "DuplicateEntryError" not in str(error):
                raise
            # Otherwise the next commit would fail with it, too.
            self.session.discard(timer)
            raise NotUniqueError(
                f"A timer of {self!r} is already running. Stop it first, or start the new one with force=True."
            ) from error
        return timer

    def stop_timer(self) -> Entity:
        """Stop the timer, commit all changes and return the new timelog; raises NoResultFoundError without one."""
        timer = self.session.query(find("Timer").where(field("user_id") == self["id"])).one()
        start, now = to_datetime(timer["start"]), datetime.datetime.now(datetime.timezone.utc)
        if self.session.server_information.get("is_timezone_support_enabled") is False:
            # The server's times are local times without a zone.
            start, now = start.replace(tzinfo=None), datetime.datetime.now()
        values = {name: timer[name] for name in ("user_id", "context_id", "comment", "start", "name")}
        values["duration"] = max(0, int((now - start).total_seconds()))
        timelog = self.session.create("Timelog", values)
        self.session.delete(timer)
        self.session.commit()
        return timelog

    def send_invite(self) -> None:
        """Mail an invitation to the committed user."""
        self.session.send_user_invite(self)

    def reset_api_key(self) -> str:
        """Return a new API key of the user; the old one becomes invalid."""
        return str(self.session.reset_remote("api_key", self)["api_key"])


_MIXINS: dict[str, type[Entity]] = {
    **dict.fromkeys(("Component", "ContainerComponent", "FileComponent", "SequenceComponent"), Component),
    "AssetVersion": AssetVersion,
    "Job": Job,
    "Location": Location,
    "Note": Note,
    "ProjectSchema": ProjectSchema,
    "User": User,
}


def mixins_for(schema: Mapping[str, Any]) -> tuple[type[Entity], ...]:
    """Return the base classes of the entity type with this schema."""
    mixins = [_MIXINS[schema["id"]]] if schema["id"] in _MIXINS else []
    if "notes" in schema["properties"]:
        mixins.append(NotesMixin)
    if "thumbnail_id" in schema["properties"]:
        mixins.append(ThumbnailMixin)
    return tuple(mixins) or (Entity,)
