"""Requests that are neither queries nor changes: encode media, send invitations, get addresses and keys."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ft_dcc.errors import ServerError
from ft_dcc.session import operations
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.interface import SessionInterface
from ft_dcc.session.transport.codec import new_id


class ServerActions(SessionInterface):
    """The session's methods for requests that are neither queries nor changes.

    They raise ServerCompatibilityError if the server does not support the action.
    """

    def encode_media(
        self,
        media: str | os.PathLike[str] | Entity,
        version_id: str | None = None,
        keep_original: bool | str = "auto",
    ) -> Entity:
        """Start to encode a file, or a file component of the server, for browsers and return the job.

        For a file, the changes of this thread are committed first, and the uploaded original is kept only if
        ``keep_original`` is True. The encoded files become components of the version. Raises ValueError for any other
        media, ServerError, TransferFailed.
        """
        if isinstance(media, Entity) and media.entity_type == "FileComponent":
            keep = True if keep_original == "auto" else bool(keep_original)
            return self._encode(media["id"], version_id, keep)
        if not isinstance(media, (str, os.PathLike)):
            raise ValueError(f"{media!r} cannot be encoded. Pass the path of a file, or a FileComponent.")
        keep = False if keep_original == "auto" else bool(keep_original)
        self.commit()
        component_id = _upload_source(self, Path(media), version_id if keep else None)
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
            raise ServerError(f"The server created job {answer['job_id']} for {component_id}, but it cannot be found.")
        return job

    def get_upload_metadata(
        self, component_id: str, file_name: str, file_size: int, checksum: str | None = None
    ) -> dict[str, Any]:
        """Return the ``url`` for a PUT of a component's bytes, and the ``headers`` to send with them.

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
        """Return the address of a widget of the site (info, tasks, tasks_browser), which expires after minutes.

        ``theme`` is light or dark.
        """
        operation: dict[str, Any] = {"action": "get_widget_url", "name": name, "theme": theme}
        if entity is not None:
            operation.update(entity_type=entity.entity_type, entity_key=list(entity.primary_key))
        return str(self.call(operation)[0]["widget_url"])

    def send_user_invite(self, user: Entity) -> None:
        """Mail an invitation to a committed user."""
        self.send_user_invites([user])

    def send_user_invites(self, users: Iterable[Entity]) -> None:
        """Mail an invitation to each of the committed users."""
        self.call([{"action": "send_user_invite", "user_id": user["id"]} for user in users])

    def send_review_session_invite(self, invitee: Entity) -> None:
        """Mail the link to the review session to a committed invitee."""
        self.send_review_session_invites([invitee])

    def send_review_session_invites(self, invitees: Iterable[Entity]) -> None:
        """Mail the link to the review session to each of the committed invitees."""
        action = "send_review_session_invite"
        self.call([{"action": action, "review_session_invitee_id": invitee["id"]} for invitee in invitees])

    def reset_remote(self, reset_type: str, entity: Entity | None = None) -> dict[str, Any]:
        """Reset a value on the server, like a user's ``api_key``, and return the new one."""
        operation: dict[str, Any] = {"action": "reset_remote", "reset_type": reset_type}
        if entity is not None:
            operation.update(entity_type=entity.entity_type, entity_key=entity["id"])
        answer: dict[str, Any] = self.call(operation)[0]["data"]
        return answer

    def delayed_job(self, job_type: str, values: Mapping[str, Any] | None = None) -> Entity:
        """Start a background job of the server, like ``symbol.JOB_SYNC_USERS_LDAP``, and return it."""
        job: Entity = self.call({**(values or {}), "action": "delayed_job", "job_type": job_type})[0]["data"]
        return job


def _upload_source(session: SessionInterface, path: Path, version_id: str | None) -> str:
    """Upload the file as a new component of the server's location and return the component's id."""
    # requests is imported only by sessions that transfer files.
    from ft_dcc.session.transfer.transfer import upload

    component_id = new_id()
    upload(session, path, component_id=component_id, name="main", file_type=path.suffix)
    session.call(
        [
            operations.add_to_server_location(component_id),
            *([operations.update("FileComponent", component_id, {"version_id": version_id})] if version_id else []),
        ]
    )
    return component_id
