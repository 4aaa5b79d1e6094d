"""The connection settings of a session, and the server's compatibility."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ServerCompatibilityError, SettingInvalid
from ft_dcc.settings.server_url import check_server_url

if TYPE_CHECKING:
    from ft_dcc.session.transport.http import Transport

_MIN_SERVER_VERSION = (3, 3, 11)


class Connection:
    """A server, a user and the server's information; omitted arguments are read from the environment.

    Raises SettingInvalid for missing or invalid settings, AuthenticationError, ServerCompatibilityError,
    ServerUnreachable.
    """

    def __init__(
        self,
        server_url: str | None,
        api_key: str | None,
        api_user: str | None,
        *,
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
        self._api_key = _setting("api_key", api_key or os.environ.get("FTRACK_APIKEY"), "FTRACK_API_KEY")
        self.transport: Transport = Transport(
            self.server_url,
            self._api_key,
            self.api_user,
            timeout=timeout,
            cookies=cookies,
            headers=headers,
            strict_api=bool(strict_api),
        )
        results = json.loads(self.transport.post([{"action": "query_server_information"}]))
        self.server_information: dict[str, Any] = results[0] if results and isinstance(results[0], dict) else {}
        self.check_server_compatibility()

    @property
    def api_key(self) -> str:
        """The user's API key."""
        return self._api_key

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self.transport.is_closed

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
        if (
            len(numbers) == 3
            and all(number.isdigit() for number in numbers)
            and tuple(int(number) for number in numbers) < _MIN_SERVER_VERSION
        ):
            raise ServerCompatibilityError(f"{self.server_url} runs ftrack {version}. Update it to 3.3.11 or newer.")


def _setting(argument: str, value: str | None, variable: str) -> str:
    value = value or os.environ.get(variable)
    if not value:
        raise SettingInvalid(f"The session needs {argument}. Pass it, or set {variable}.")
    return value


def _check_timeout(seconds: float) -> None:
    if not isinstance(seconds, (int, float)) or seconds <= 0:
        raise SettingInvalid(f"The time-out {seconds!r} is invalid. Pass a positive number of seconds.")
