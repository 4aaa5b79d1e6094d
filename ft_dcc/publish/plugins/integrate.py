"""Integrators: upload the files and write those on the studio's disk, then create the version in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ClassVar

from ft_dcc.errors import ServerError, ServerUnreachable, StorageError, TaskNotFound, TransferFailed
from ft_dcc.files import atomic, placing
from ft_dcc.files.checksum import sha256_of
from ft_dcc.media import EncodedFile, presets
from ft_dcc.production import review_sessions, versions
from ft_dcc.publish import encode_source, models, progress, slots, version_files, version_number, version_transaction
from ft_dcc.publish.pipeline.pyblish_adapter import INTEGRATOR, REVIEW, Instance, InstancePlugin, RerunFrom
from ft_dcc.publish.plugins.extract import EncodeFrames
from ft_dcc.review.feedback import mark_addressed
from ft_dcc.session import Session
from ft_dcc.session.events.event import Event
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transfer.transfer import upload
from ft_dcc.session.transport.cancellation import run_cancellable

# Reading and hashing wait for the disk, and for each other only a little.
_THREADS = 4


class Integrator(InstancePlugin):
    """Brings one source to the server."""

    order = INTEGRATOR
    families: ClassVar[list[str]] = [REVIEW]


class UploadComponents(Integrator):
    """Upload the version's files, which are invisible until the version exists."""

    label = "Upload"

    def process(self, instance: Instance) -> None:
        """Set COMPONENTS; a repetition uploads nothing twice. Raise TransferFailed or ServerUnreachable."""
        files: list[EncodedFile | models.ExtraComponent] = [slots.MOVIE.get(instance), slots.THUMBNAIL.get(instance)]
        files += [*(slots.OUTPUTS.find(instance) or []), *(slots.EXTRAS.find(instance) or [])]
        slots.COMPONENTS.set(instance, [_upload(instance, file) for file in files])


def _upload(instance: Instance, file: EncodedFile | models.ExtraComponent) -> models.Component:
    reporter, source = slots.PROGRESS.get(instance.context), slots.SOURCE.get(instance).name
    component_id = models.derived_id(slots.VERSION_ID.get(instance), file.component_name)

    def on_bytes(sent: int, total: int) -> None:
        reporter.report(progress.Progress(f"upload {file.component_name}", source, sent, total, "bytes"))

    session, sha256 = slots.SESSION.get(instance.context), sha256_of(file.path, reporter.raise_if_cancelled)
    size = upload(
        session,
        file.path,
        component_id=component_id,
        name=file.component_name,
        file_type=file.path.suffix,
        on_bytes=on_bytes,
        equal_to=_equal_component(session, slots.ASSET.get(instance).id, file.component_name, sha256),
    )
    return models.Component(component_id, file.component_name, size, sha256)


def _equal_component(session: Session, asset_id: str, name: str, sha256: str) -> str:
    """Return the newest component of the asset with this name and these bytes, "" without one or on an ftrack site."""
    if "largest_piece" not in session.server_information:
        return ""
    found = session.query(
        f"select id from FileComponent where version.asset_id is {quoted(asset_id)} and name is {quoted(name)}"
        f" and metadata any (key is {quoted(versions.CHECKSUM_KEY)} and value is {quoted(sha256)})"
        " order by version.version descending"
    ).first()
    return "" if found is None else str(found["id"])


class StoreFiles(Integrator):
    """Copy or register the version's files on disk."""

    label = "Files on disk"

    def process(self, instance: Instance) -> None:
        """Set STORED; raise StorageError or TargetTaken. A repetition copies nothing twice."""
        try:
            slots.STORED.set(instance, [_store(instance, target) for target in slots.TARGETS.find(instance) or []])
        except placing.TargetTaken as error:
            if slots.REQUEST.get(instance.context).version_from == version_number.FROM_FILE:
                version_files.roll_back(instance)
                raise
            # Another publish was faster: nothing was shown with this number yet.
            version_number.renumber(instance)
            raise RerunFrom(str(error), since=EncodeFrames) from error
        except StorageError:
            # Part of a sequence is of no use, least of all on a full disk.
            with contextlib.suppress(StorageError):
                version_files.roll_back(instance)
            raise


def _store(instance: Instance, target: models.Target) -> models.StoredFiles:
    members = version_files.members_of(instance, target)
    raise_if_cancelled = slots.PROGRESS.get(instance.context).raise_if_cancelled
    write: Callable[[Path, Path], str]
    if target.is_copy:
        claim = placing.Claim.take(target.path, slots.VERSION_ID.get(instance), [path for _, _, path in members])
        write = partial(claim.place, on_block=raise_if_cancelled)
    else:
        known = version_files.known_checksum(instance, target)
        write = partial(_checksum, known, on_block=raise_if_cancelled)
    count = encode_source.progress_of_frames(instance, "store", len(members))

    def store(member: tuple[str, Path, Path]) -> models.StoredFile:
        name, source, path = member
        checksum = write(source, path)
        return models.StoredFile(name, version_files.identifier_of(target, name), path.stat().st_size, checksum)

    files = []
    with ThreadPoolExecutor(_THREADS) as executor:
        running = [executor.submit(store, member) for member in members]
        try:
            for number, each in enumerate(running):
                files.append(each.result())
                count(number)
        finally:
            for each in running:
                each.cancel()
    padding = None if not files or not files[0].member else version_files.padding_of(target.path)
    return models.StoredFiles(target, padding, tuple(files))


def _checksum(known: str | None, source: Path, path: Path, on_block: Callable[[], object]) -> str:
    with atomic.storage_errors(f"{source} cannot be read", "Publish it again."):
        source.stat()
        return known or sha256_of(source, on_block)


class RegisterVersion(Integrator):
    """Create the version with all of its parts."""

    label = "Register"

    def process(self, instance: Instance) -> None:
        """Set REGISTERED; raise ServerError, ServerUnreachable, ReviewSessionClosed, TaskNotFound or RerunFrom."""
        # A response can be lost after the server has done the work, and another publish can create the same asset or
        # review session at the same moment. So the version is looked up before the request and once more after an
        # error.
        session, version_id = slots.SESSION.get(instance.context), slots.VERSION_ID.get(instance)
        version = version_transaction.version_number(session, version_id)
        if version is None:
            version_number.confirm(instance, EncodeFrames)
            try:
                session.call(version_transaction.make_version_ops(instance))
            except (ServerError, ServerUnreachable) as error:
                if version_transaction.version_number(session, version_id) is None:
                    version_number.confirm(instance, EncodeFrames)
                    _check_uploads_exist(instance, error)
                    session.call(version_transaction.make_version_ops(instance))
            version = version_transaction.version_number(session, version_id)
        if version is None:
            raise ServerError(
                f"The server accepted version {version_id}, but it cannot be found. Contact the administrator of "
                f"{session.server_url}."
            )
        entries = version_transaction.review_entries(instance)
        slots.REGISTERED.set(
            instance,
            models.PublishedVersion(
                source=instance.name,
                version_id=version_id,
                version=version,
                asset_id=slots.ASSET.get(instance).id,
                components=tuple(slots.COMPONENTS.get(instance)),
                review_session_id=entries[0].review_session_id if entries else None,
                review_session_object_id=entries[0].review_session_object_id if entries else None,
                review_entries=entries,
                paths=tuple(each.target.path for each in slots.STORED.find(instance) or []),
            ),
        )


def _check_uploads_exist(instance: Instance, refusal: ServerError | ServerUnreachable) -> None:
    """Raise TaskNotFound for a deleted task; for lost uploads RerunFrom, or TransferFailed the second time in a run."""
    session, task = slots.SESSION.get(instance.context), slots.TASK.get(instance.context)
    uploaded = slots.COMPONENTS.get(instance)
    if session.query(f"select id from Context where id is {quoted(task.id)}").first() is None:
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


class KeepFiles(Integrator):
    """Give back the claims of the version's files, and let the newest movie have its own name."""

    label = "Newest movie"

    def process(self, instance: Instance) -> None:
        """Raise StorageError."""
        version_files.release(instance)
        registered, session = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context)
        path = version_files.latest_path(instance, registered.version)
        if path is not None:
            placing.replace_latest(
                slots.MOVIE.get(instance).path,
                path,
                lambda: version_number.newest_number(session, registered.asset_id) <= registered.version,
                slots.PROGRESS.get(instance.context).raise_if_cancelled,
            )


class NumberReview(Integrator):
    """Write the version's number, which the server assigns, into its review entries."""

    label = "Review entry"

    def process(self, instance: Instance) -> None:
        """Set the review session objects' version to "Version 3", like ftrack; raise ServerUnreachable."""
        registered, session = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context)
        if registered.review_entries:
            ids = (entry.review_session_object_id for entry in registered.review_entries)
            session.call([review_sessions.label_version_op(each, registered.version) for each in ids])


class EncodeOnSite(Integrator):
    """Let the site encode the movie that it got, if the setting says so."""

    label = "Encode on the site"

    def process(self, instance: Instance) -> None:
        """Start the site's encode once, and add a warning; raise ServerError or ServerUnreachable."""
        source = next((each for each in slots.COMPONENTS.get(instance) if each.name == models.SITE_SOURCE), None)
        if source is None:
            return
        session, version_id = slots.SESSION.get(instance.context), slots.VERSION_ID.get(instance)
        is_encoded = f"version_id is {quoted(version_id)} and name is {presets.REVIEW.component_name}"
        if session.query(f"select id from FileComponent where {is_encoded}").first() is None:
            component = session.query(f"select id from FileComponent where id is {quoted(source.id)}").one()
            session.encode_media(component, version_id, keep_original=False)
        warning = "the site encodes the movie, and shows it when it is encoded"
        slots.WARNINGS.set(instance, [*(slots.WARNINGS.find(instance) or []), warning])


class AddressNotes(Integrator):
    """Mark the reviewers' notes that the version answers."""

    label = "Addressed notes"

    def process(self, instance: Instance) -> None:
        """Mark each note and write a reply that names the version; raise ServerError or ServerUnreachable."""
        registered, session = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context)
        name = f"{slots.ASSET.get(instance).name} v{registered.version:03d}"
        for note_id in slots.OPTIONS.get(instance.context).addresses:
            mark_addressed(session, note_id, registered.version_id, name)


class FindLink(Integrator):
    """Find the URL at which the version can be reviewed."""

    label = "Link"

    def process(self, instance: Instance) -> None:
        """Set LINK, if there is a review session."""
        session, registered = slots.SESSION.get(instance.context), slots.REGISTERED.get(instance)
        review_id, object_id = registered.review_session_id, registered.review_session_object_id
        if review_id is not None and object_id is not None:
            link = review_sessions.version_link(session, review_id, object_id, registered.version_id)
            slots.LINK.set(instance, link)


class NotifyStudio(Integrator):
    """Publish an event about the version, if requested."""

    label = "Notify"

    def process(self, instance: Instance) -> None:
        """Send an event ``ft_dcc.published`` with the ids; raise EventHubConnectionError."""
        if not slots.REQUEST.get(instance.context).notify:
            return
        registered, hub = slots.REGISTERED.get(instance), slots.SESSION.get(instance.context).event_hub
        task = slots.TASK.get(instance.context)
        data = {
            "version_id": registered.version_id,
            "version": registered.version,
            "asset_id": registered.asset_id,
            "task_id": task.id if task.is_task else None,
            "review_session_ids": [entry.review_session_id for entry in registered.review_entries],
            "link": slots.LINK.find(instance),
        }

        def send() -> None:
            connects = not hub.connected
            if connects:
                hub.connect()
            try:
                hub.publish(Event("ft_dcc.published", data=data))
            finally:
                if connects:
                    hub.disconnect(unsubscribe=False)

        run_cancellable(send)
