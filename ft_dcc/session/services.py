"""What a server does on request: encode media, invite people, give out addresses and keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ft_dcc.errors import ServerError
from ft_dcc.session import operations
from ft_dcc.session.codec import new_id
from ft_dcc.session.entity import Entity
from ft_dcc.session.symbol import SERVER_LOCATION_ID

if TYPE_CHECKING:
    from ft_dcc.session.session import Session

_KINDS_WITH_BYTES = ("FileComponent",)


class Services:
    """The requests of a session that are neither questions nor changes.

    A server that does not know one of them answers with ServerCompatibilityError.
    """

    # What the session has, and this builds on.
    if TYPE_CHECKING:
        call: Callable[[Mapping[str, Any] | Sequence[Mapping[str, Any]]], list[Any]]
        commit: Callable[[], None]
        get: Callable[[str, str], Entity | None]

    def encode_media(
        self,
        media: str | os.PathLike[str] | Entity,
        version_id: str | None = None,
        keep_original: bool | str = "auto",
    ) -> Entity:
        """Return the job that makes films and pictures for browsers of a file, or of a file component on the server.

        What is pending in this thread is committed first when the media is a file. The results become components of
        the version; of a file that was given by its path nothing else is kept unless ``keep_original`` is True.
        Raises ValueError for any other media, ServerError, TransferFailed.
        """
        if isinstance(media, Entity) and media.entity_type in _KINDS_WITH_BYTES:
            keep = True if keep_original == "auto" else bool(keep_original)
            return self._encode(media["id"], version_id, keep)
        if not isinstance(media, (str, os.PathLike)):
            raise ValueError(f"{media!r} cannot be encoded. Give the path of a file, or a FileComponent.")
        keep = False if keep_original == "auto" else bool(keep_original)
        self.commit()
        component_id = _upload_source(cast("Session", self), Path(media), version_id if keep else None)
        try:
            return self._encode(component_id, version_id, keep)
        except ServerError:
            self.call(operations.delete("FileComponent", component_id))
            raise

    def _encode(self, component_id: str, version_id: str | None, keep_original: bool) -> Entity:
        answer = self.call(
            {
                "action": "encode_media",
                "component_id": component_id,
                "version_id": version_id,
                "keep_original": keep_original,
            }
        )[0]
        job = self.get("Job", answer["job_id"])
        if job is None:
            raise ServerError(f"The server encodes {component_id} as job {answer['job_id']}, and has no such job.")
        return job

    def get_upload_metadata(
        self, component_id: str, file_name: str, file_size: int, checksum: str | None = None
    ) -> dict[str, Any]:
        """Return the ``url`` that takes a component's bytes with one PUT, and the ``headers`` to send with them.

        ``checksum`` is the MD5 of the bytes in base64.
        """
        answer: dict[str, Any] = self.call(
            {
                "action": "get_upload_metadata",
                "component_id": component_id,
                "file_name": file_name,
                "file_size": file_size,
                "checksum": checksum,
            }
        )[0]
        return answer

    def get_widget_url(self, name: str, entity: Entity | None = None, theme: str | None = None) -> str:
        """Return the address of a widget of the site (info, tasks, tasks_browser), which is valid for minutes.

        ``theme`` is light or dark.
        """
        operation: dict[str, Any] = {"action": "get_widget_url", "name": name, "theme": theme}
        if entity is not None:
            operation.update(entity_type=entity.entity_type, entity_key=list(entity.primary_key))
        return str(self.call(operation)[0]["widget_url"])

    def send_user_invite(self, user: Entity) -> None:
        """The user, who is committed, gets an e-mail that lets him in."""
        self.send_user_invites([user])

    def send_user_invites(self, users: Iterable[Entity]) -> None:
        """Each of the users, who are committed, gets an e-mail that lets him in."""
        self.call([{"action": "send_user_invite", "user_id": user["id"]} for user in users])

    def send_review_session_invite(self, invitee: Entity) -> None:
        """The invitee, who is committed, gets an e-mail with the way into the review session."""
        self.send_review_session_invites([invitee])

    def send_review_session_invites(self, invitees: Iterable[Entity]) -> None:
        """Each invitee, who is committed, gets an e-mail with the way into the review session."""
        action = "send_review_session_invite"
        self.call([{"action": action, "review_session_invitee_id": invitee["id"]} for invitee in invitees])

    def reset_remote(self, reset_type: str, entity: Entity | None = None) -> dict[str, Any]:
        """Return what the server put in the place of something it has reset: ``api_key`` of a user."""
        operation: dict[str, Any] = {"action": "reset_remote", "reset_type": reset_type}
        if entity is not None:
            operation.update(entity_type=entity.entity_type, entity_key=entity["id"])
        answer: dict[str, Any] = self.call(operation)[0]["data"]
        return answer

    def delayed_job(self, job_type: str, values: Mapping[str, Any] | None = None) -> Entity:
        """Return the job of long work that the server does by itself: ``symbol.JOB_SYNC_USERS_LDAP``."""
        job: Entity = self.call({**(values or {}), "action": "delayed_job", "job_type": job_type})[0]["data"]
        return job


def _upload_source(session: Session, path: Path, version_id: str | None) -> str:
    """Return the id of a new component in the server's location with the bytes of the file."""
    # requests is loaded by whoever transfers something.
    from ft_dcc.session.transfer import upload

    component_id = new_id()
    upload(session, path, component_id=component_id, name="main", file_type=path.suffix)
    session.call(
        [
            placing(component_id),
            *([operations.update("FileComponent", component_id, {"version_id": version_id})] if version_id else []),
        ]
    )
    return component_id


def placing(component_id: str) -> dict[str, Any]:
    """Return the operation that says that the server's location has the bytes of a component."""
    data = {
        "id": new_id(),
        "component_id": component_id,
        "location_id": SERVER_LOCATION_ID,
        "resource_identifier": component_id,
    }
    return operations.create("ComponentLocation", data)
