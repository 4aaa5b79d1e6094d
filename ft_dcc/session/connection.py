"""The connection of a session: its settings, and requests that are neither queries nor changes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ft_dcc.errors import ServerCompatibilityError, ServerError, SettingInvalid
from ft_dcc.session import operations
from ft_dcc.session.entities.entity import Delegated, Entity, SessionInterface
from ft_dcc.session.transport.codec import new_id
from ft_dcc.settings.server_url import check_server_url

_MIN_SERVER_VERSION = (3, 3, 11)


class Connection(SessionInterface):
    """A server, a user and the server's information; omitted arguments are read from the environment.

    Raises SettingInvalid for missing or invalid settings, AuthenticationError, ServerCompatibilityError,
    ServerUnreachable. The methods for requests that are neither queries nor changes, such as encoding media and sending
    invitations, raise ServerCompatibilityError if the server does not support the action.
    """

    closed = Delegated("transport", "is_closed", "Whether close() was called.")

    def __init__(
        self,
        server_url: str | None,
        api_key: str | None,
        api_user: str | None,
        timeout: float,
        cookies: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        strict_api: bool,
    ) -> None:
        # Imported late: requests takes longer to import than everything else, and many programs open no session.
        from ft_dcc.session.transport.http import Transport

        _check_timeout(timeout)
        for argument, value in (("cookies", cookies), ("headers", headers)):
            if value is not None and not isinstance(value, Mapping):
                raise TypeError(f"The session's {argument} must be a mapping, not a {type(value).__name__}.")
        url = _setting("server_url", server_url, "FTRACK_SERVER")
        check_server_url(url)
        self.server_url = url.rstrip("/")
        self.api_user = _setting("api_user", api_user, "FTRACK_API_USER")
        self.api_key = _setting("api_key", api_key or os.environ.get("FTRACK_APIKEY"), "FTRACK_API_KEY")
        self.transport = Transport(
            self.server_url, self.api_key, self.api_user, timeout, cookies, headers, bool(strict_api)
        )
        results = json.loads(self.transport.post([{"action": "query_server_information"}]))
        self.server_information = results[0] if results and isinstance(results[0], dict) else {}
        self.check_server_compatibility()

    @property
    def request_timeout(self) -> float:
        """The time-out of responses in seconds; SettingInvalid is raised for an invalid one."""
        return self.transport.timeout[1]

    @request_timeout.setter
    def request_timeout(self, seconds: float) -> None:
        _check_timeout(seconds)
        self.transport.set_timeout(seconds)

    def check_server_compatibility(self) -> None:
        """Raise ServerCompatibilityError if the server is too old."""
        version = self.server_information.get("version")
        if not isinstance(version, str):
            raise ServerCompatibilityError(f"{self.server_url} does not report its version. Is it an ftrack server?")
        numbers = version.split(".")[:3]
        is_numbered = len(numbers) == 3 and all(number.isdigit() for number in numbers)
        if is_numbered and tuple(map(int, numbers)) < _MIN_SERVER_VERSION:
            raise ServerCompatibilityError(f"{self.server_url} runs ftrack {version}. Update it to 3.3.11 or newer.")

    def encode_media(
        self, media: str | os.PathLike[str] | Entity, version_id: str | None = None, keep_original: bool | str = "auto"
    ) -> Entity:
        """Start to encode a file, or a file component of the server, for browsers and return the job.

        For a file, the changes of this thread are committed first, and the uploaded original is kept only if
        ``keep_original`` is True. The encoded files become components of the version. Raises ValueError for any other
        media, ServerError, TransferFailed.
        """
        if isinstance(media, Entity) and media.entity_type == "FileComponent":
            return self._encode(media["id"], version_id, bool(keep_original))
        if not isinstance(media, (str, os.PathLike)):
            raise ValueError(f"{media!r} cannot be encoded. Pass the path of a file, or a FileComponent.")
        # requests is imported only by sessions that transfer files.
        from ft_dcc.session.transfer.transfer import upload

        keep = bool(keep_original) and keep_original != "auto"
        path, component_id = Path(media), new_id()
        self.commit()
        upload(self, path, component_id=component_id, name="main", file_type=path.suffix)
        batch = [operations.add_to_server_location(component_id)]
        if keep and version_id:
            batch.append(operations.update("FileComponent", component_id, {"version_id": version_id}))
        self.call(batch)
        try:
            return self._encode(component_id, version_id, keep)
        except ServerError:
            self.call(operations.delete("FileComponent", component_id))
            raise

    def _encode(self, component_id: str, version_id: str | None, keep_original: bool) -> Entity:
        wanted = {"component_id": component_id, "version_id": version_id, "keep_original": keep_original}
        answer = self.call({"action": "encode_media", **wanted})[0]
        job = self.get("Job", answer["job_id"])
        if job is None:
            raise ServerError(f"The server created job {answer['job_id']} for {component_id}, but it cannot be found.")
        return job

    def get_upload_metadata(
        self, component_id: str, file_name: str, file_size: int, checksum: str | None = None
    ) -> dict[str, Any]:
        """Return the ``url`` and ``headers`` for a PUT of the bytes; ``checksum`` is their MD5 in base64."""
        file = {"component_id": component_id, "file_name": file_name, "file_size": file_size, "checksum": checksum}
        answer: dict[str, Any] = self.call({"action": "get_upload_metadata", **file})[0]
        return answer

    def get_widget_url(self, name: str, entity: Entity | None = None, theme: str | None = None) -> str:
        """Return the address, valid for minutes, of info, tasks or tasks_browser in the theme light or dark."""
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


def _setting(argument: str, value: str | None, variable: str) -> str:
    value = value or os.environ.get(variable)
    if not value:
        raise SettingInvalid(f"The session needs {argument}. Pass it, or set {variable}.")
    return value


def _check_timeout(seconds: float) -> None:
    if not isinstance(seconds, (int, float)) or seconds <= 0:
        raise SettingInvalid(f"The time-out {seconds!r} is invalid. Pass a positive number of seconds.")
