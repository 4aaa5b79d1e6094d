"""Integrators: the files go up first, and then one transaction makes the version, or nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ft_dcc import review
from ft_dcc.errors import ServerError, ServerUnreachable, TaskNotFound
from ft_dcc.media import Media
from ft_dcc.publish.batch import make_batch, review_entries
from ft_dcc.publish.draw import next_number
from ft_dcc.publish.engine import INTEGRATOR, REVIEW, Instance, InstancePlugin, Outdated
from ft_dcc.publish.extract import EncodeFrames
from ft_dcc.publish.progress import Progress
from ft_dcc.publish.records import Component, Extra, Registered, derived_id
from ft_dcc.publish.slots import (
    ASSET,
    COMPONENTS,
    EXTRAS,
    FILM,
    JOB,
    LINK,
    OUTPUTS,
    PULSE,
    REGISTERED,
    REQUEST,
    SESSION,
    SOURCE,
    TASK,
    THUMBNAIL,
    VERSION,
    VERSION_ID,
)
from ft_dcc.session.background import attended
from ft_dcc.session.event import Event
from ft_dcc.session.expression import quoted
from ft_dcc.session.transfer import upload

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.hub import EventHub


class UploadComponents(InstancePlugin):
    """The film and the thumbnail are on the server, where nobody sees them yet."""

    order = INTEGRATOR
    label = "Upload"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """COMPONENTS holds them, and a studio's own; repeating it is harmless.

        Raises TransferFailed or ServerUnreachable.
        """
        made = (FILM.get(instance), THUMBNAIL.get(instance), *(OUTPUTS.find(instance) or []))
        files: list[Media | Extra] = [*made, *(EXTRAS.find(instance) or [])]
        COMPONENTS.set(instance, [_upload(instance, file) for file in files])


def _upload(instance: Instance, media: Media | Extra) -> Component:
    pulse, source = PULSE.get(instance.context), SOURCE.get(instance).name
    component_id = derived_id(VERSION_ID.get(instance), media.component_name)

    def on_bytes(sent: int, total: int) -> None:
        pulse.beat(Progress(f"upload {media.component_name}", source, sent, total, "bytes"))

    size = upload(
        SESSION.get(instance.context),
        media.path,
        component_id=component_id,
        name=media.component_name,
        file_type=media.path.suffix,
        on_bytes=on_bytes,
    )
    return Component(component_id, media.component_name, size)


class RegisterVersion(InstancePlugin):
    """The version exists, complete and in its review session."""

    order = INTEGRATOR
    label = "Register"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """REGISTERED holds the version.

        Raises ServerError, ServerUnreachable, ReviewSessionClosed, TaskNotFound or Outdated.

        An answer can be lost after the server has done the work, and somebody else can make the same asset or
        review session at the same moment: so it looks before it asks, and looks and asks once more after an error.
        """
        session, version_id = SESSION.get(instance.context), VERSION_ID.get(instance)
        version = version_number(session, version_id)
        if version is None:
            _refuse_outdated(instance)
            try:
                session.call(make_batch(instance))
            except (ServerError, ServerUnreachable):
                if version_number(session, version_id) is None:
                    _refuse_outdated(instance)
                    _refuse_lost(instance)
                    session.call(make_batch(instance))
            version = version_number(session, version_id)
        if version is None:
            raise ServerError(f"{session.server_url} took the version {version_id} and does not have it.")
        entries = review_entries(instance)
        first = entries[0] if entries else None
        REGISTERED.set(
            instance,
            Registered(
                version_id,
                version,
                ASSET.get(instance).id,
                first.review_session_id if first is not None else None,
                first.review_session_object_id if first is not None else None,
                entries,
            ),
        )


def _refuse_outdated(instance: Instance) -> None:
    """Raise Outdated, with the number of the next version in VERSION, if the one in the pictures was taken."""
    drawn = VERSION.find(instance)
    if drawn is not None and drawn != next_number(instance):
        VERSION.set(instance, next_number(instance))
        raise Outdated(f"Version {drawn} was published by somebody else meanwhile.", since=EncodeFrames)


def _refuse_lost(instance: Instance) -> None:
    """Raise TaskNotFound if the task was deleted, Outdated if what was sent is gone, as where a backup was put back."""
    session, task, sent = SESSION.get(instance.context), TASK.get(instance.context), COMPONENTS.get(instance)
    if session.query(f"select id from Task where id is {quoted(task.id)}").first() is None:
        job = JOB.get(instance.context).id
        raise TaskNotFound(
            f"The task {task.path} is not on {session.server_url} any more. Publish {FILM.get(instance).path} "
            f"to another one, then give this up: ft-dcc queue drop {job}."
        )
    ids = ", ".join(quoted(component.id) for component in sent)
    if len(session.query(f"select id from FileComponent where id in ({ids})").all()) < len(sent):
        raise Outdated("The server has lost what was sent.", since=UploadComponents)


def version_number(session: Session, version_id: str) -> int | None:
    """Return the number of the version with this id, or None when there is none."""
    found = session.query(f"select version from AssetVersion where id is {quoted(version_id)}").first()
    return None if found is None else int(found["version"])


class NumberReview(InstancePlugin):
    """Reviewers read the version's number, which only the server knew."""

    order = INTEGRATOR
    label = "Review entry"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """The review session object says "Version 3", as ftrack writes it; raises ServerUnreachable."""
        made, session = REGISTERED.get(instance), SESSION.get(instance.context)
        if made.review_entries:
            session.call(
                [review.numbering(entry.review_session_object_id, made.version) for entry in made.review_entries]
            )


class FindLink(InstancePlugin):
    """It is known where the version can be seen."""

    order = INTEGRATOR
    label = "Link"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """LINK holds the address, when there is a review session."""
        made = REGISTERED.get(instance)
        if made.review_session_id is not None and made.review_session_object_id is not None:
            session = SESSION.get(instance.context)
            LINK.set(
                instance, review.link(session, made.review_session_id, made.review_session_object_id, made.version_id)
            )


class NotifyStudio(InstancePlugin):
    """Whoever listens on the event hub knows of the version, where that is asked for."""

    order = INTEGRATOR
    label = "Notify"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """An event ``ft_dcc.published`` was sent, with the ids; raises EventHubConnectionError."""
        if not REQUEST.get(instance.context).notify:
            return
        made, hub = REGISTERED.get(instance), SESSION.get(instance.context).event_hub
        data = {
            "version_id": made.version_id,
            "version": made.version,
            "asset_id": made.asset_id,
            "task_id": TASK.get(instance.context).id,
            "review_session_ids": [entry.review_session_id for entry in made.review_entries],
            "link": LINK.find(instance),
        }
        attended(partial(_tell, hub, Event("ft_dcc.published", data=data)))


def _tell(hub: EventHub, event: Event) -> None:
    is_ours = not hub.connected
    if is_ours:
        hub.connect()
    try:
        hub.publish(event)
    finally:
        if is_ours:
            hub.disconnect(unsubscribe=False)
