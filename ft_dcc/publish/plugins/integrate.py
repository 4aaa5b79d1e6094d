"""Integrators: upload the files, then create the version in one transaction."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ft_dcc.errors import ServerError, ServerUnreachable, TaskNotFound, TransferFailed
from ft_dcc.files.checksum import sha256_of
from ft_dcc.media import EncodedFile
from ft_dcc.production import review_sessions
from ft_dcc.publish import burnin_values, models, progress, slots, version_transaction
from ft_dcc.publish.pipeline.pyblish_adapter import INTEGRATOR, REVIEW, Instance, InstancePlugin, RerunFrom
from ft_dcc.publish.plugins.extract import EncodeFrames
from ft_dcc.review.feedback import mark_addressed
from ft_dcc.session.events.event import Event
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transfer.transfer import upload
from ft_dcc.session.transport.cancellation import run_cancellable

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.events.hub import EventHub


class UploadComponents(InstancePlugin):
    """Upload the version's files, which are invisible until the version exists."""

    order = INTEGRATOR
    label = "Upload"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set COMPONENTS; a repetition uploads nothing twice. Raise TransferFailed or ServerUnreachable."""
        made = (slots.MOVIE.get(instance), slots.THUMBNAIL.get(instance), *(slots.OUTPUTS.find(instance) or []))
        files: list[EncodedFile | models.ExtraComponent] = [*made, *(slots.EXTRAS.find(instance) or [])]
        slots.COMPONENTS.set(instance, [_upload(instance, file) for file in files])


def _upload(instance: Instance, file: EncodedFile | models.ExtraComponent) -> models.Component:
    reporter, source = slots.PROGRESS.get(instance.context), slots.SOURCE.get(instance).name
    component_id = models.derived_id(slots.VERSION_ID.get(instance), file.component_name)

    def on_bytes(sent: int, total: int) -> None:
        reporter.report(progress.Progress(f"upload {file.component_name}", source, sent, total, "bytes"))

    size = upload(
        slots.SESSION.get(instance.context),
        file.path,
        component_id=component_id,
        name=file.component_name,
        file_type=file.path.suffix,
        on_bytes=on_bytes,
    )
    return models.Component(component_id, file.component_name, size, sha256_of(file.path, reporter.raise_if_cancelled))


class RegisterVersion(InstancePlugin):
    """Create the version with all of its parts."""

    order = INTEGRATOR
    label = "Register"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set REGISTERED.

        Raises ServerError, ServerUnreachable, ReviewSessionClosed, TaskNotFound or RerunFrom.

        A response can be lost after the server has done the work, and another publish can create the same asset or
        review session at the same moment. So the version is looked up before the request and once more after an error.
        """
        session, version_id = slots.SESSION.get(instance.context), slots.VERSION_ID.get(instance)
        version = version_number(session, version_id)
        if version is None:
            _check_burnt_in_number(instance)
            try:
                session.call(version_transaction.make_version_ops(instance))
            except (ServerError, ServerUnreachable) as error:
                if version_number(session, version_id) is None:
                    _check_burnt_in_number(instance)
                    _check_uploads_exist(instance, error)
                    session.call(version_transaction.make_version_ops(instance))
            version = version_number(session, version_id)
        if version is None:
            raise ServerError(
                f"The server accepted version {version_id}, but it cannot be found. Contact the administrator of "
                f"{session.server_url}."
            )
        entries = version_transaction.review_entries(instance)
        first = entries[0] if entries else None
        slots.REGISTERED.set(
            instance,
            models.PublishedVersion(
                source=instance.name,
                version_id=version_id,
                version=version,
                asset_id=slots.ASSET.get(instance).id,
                components=tuple(slots.COMPONENTS.get(instance)),
                review_session_id=first.review_session_id if first is not None else None,
                review_session_object_id=first.review_session_object_id if first is not None else None,
                review_entries=entries,
            ),
        )


def _check_burnt_in_number(instance: Instance) -> None:
    """Raise RerunFrom and update VERSION if another version has the number that is burnt in."""
    burnt_in = slots.VERSION.find(instance)
    if burnt_in is not None and burnt_in != burnin_values.next_number(instance):
        slots.VERSION.set(instance, burnin_values.next_number(instance))
        raise RerunFrom(f"Version {burnt_in} was published by another user in the meantime.", since=EncodeFrames)


def _check_uploads_exist(instance: Instance, refusal: ServerError | ServerUnreachable) -> None:
    """Raise TaskNotFound if the task was deleted, RerunFrom if uploads are gone, as after a restored backup.

    Uploads are repeated once in a run, then TransferFailed is raised.
    """
    session, task, uploaded = (
        slots.SESSION.get(instance.context),
        slots.TASK.get(instance.context),
        slots.COMPONENTS.get(instance),
    )
    if session.query(f"select id from Task where id is {quoted(task.id)}").first() is None:
        job = slots.JOB.get(instance.context).id
        raise TaskNotFound(
            f"The task {task.path} does not exist on {session.server_url} any more. "
            f"Publish {slots.MOVIE.get(instance).path} to another task, then remove this job: ft-dcc queue drop {job}."
        )
    ids = ", ".join(quoted(component.id) for component in uploaded)
    is_missing = getattr(refusal, "error_code", None) == "media_missing"
    if is_missing or len(session.query(f"select id from FileComponent where id in ({ids})").all()) < len(uploaded):
        is_repeated = slots.UPLOADS_REPEATED.find(instance)
        # A later run may repeat them again.
        slots.UPLOADS_REPEATED.set(instance, not is_repeated)
        if is_repeated:
            message = f"The uploads did not arrive a second time. Check the network. ({refusal})"
            raise TransferFailed(message) from refusal
        raise RerunFrom("The server has lost the uploaded files.", since=UploadComponents)


def version_number(session: Session, version_id: str) -> int | None:
    """Return the number of the version with this id, or None if it does not exist."""
    found = session.query(f"select version from AssetVersion where id is {quoted(version_id)}").first()
    return None if found is None else int(found["version"])


class NumberReview(InstancePlugin):
    """Write the version's number, which the server assigns, into its review entries."""

    order = INTEGRATOR
    label = "Review entry"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set the review session objects' version to "Version 3", like ftrack; raise ServerUnreachable."""
        registered, session = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context)
        if registered.review_entries:
            session.call(
                [
                    review_sessions.label_version_op(entry.review_session_object_id, registered.version)
                    for entry in registered.review_entries
                ]
            )


class AddressNotes(InstancePlugin):
    """Mark the reviewers' notes that the version answers."""

    order = INTEGRATOR
    label = "Addressed notes"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Mark each note and write a reply that names the version; raise ServerError or ServerUnreachable."""
        registered, session = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context)
        for note_id in slots.OPTIONS.get(instance.context).addresses:
            mark_addressed(
                session, note_id, registered.version_id, f"{slots.ASSET.get(instance).name} v{registered.version:03d}"
            )


class FindLink(InstancePlugin):
    """Find the URL at which the version can be reviewed."""

    order = INTEGRATOR
    label = "Link"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Set LINK, if there is a review session."""
        registered = slots.REGISTERED.get(instance)
        if registered.review_session_id is not None and registered.review_session_object_id is not None:
            session = slots.SESSION.get(instance.context)
            slots.LINK.set(
                instance,
                review_sessions.version_link(
                    session, registered.review_session_id, registered.review_session_object_id, registered.version_id
                ),
            )


class NotifyStudio(InstancePlugin):
    """Publish an event about the version, if requested."""

    order = INTEGRATOR
    label = "Notify"
    families: ClassVar[list[str]] = [REVIEW]

    def process(self, instance: Instance) -> None:
        """Send an event ``ft_dcc.published`` with the ids; raise EventHubConnectionError."""
        if not slots.REQUEST.get(instance.context).notify:
            return
        registered, hub = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context).event_hub
        data = {
            "version_id": registered.version_id,
            "version": registered.version,
            "asset_id": registered.asset_id,
            "task_id": slots.TASK.get(instance.context).id,
            "review_session_ids": [entry.review_session_id for entry in registered.review_entries],
            "link": slots.LINK.find(instance),
        }
        run_cancellable(partial(_send_event, hub, Event("ft_dcc.published", data=data)))


def _send_event(hub: EventHub, event: Event) -> None:
    connects = not hub.connected
    if connects:
        hub.connect()
    try:
        hub.publish(event)
    finally:
        if connects:
            hub.disconnect(unsubscribe=False)
