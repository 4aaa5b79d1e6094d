"""The server that a session talks to, and as whom."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ft_dcc.errors import ServerCompatibilityError, SettingInvalid

if TYPE_CHECKING:
    from ft_dcc.session.wire import Wire

_OLDEST_SERVER = (3, 3, 11)


class Connection:
    """A server, one of its users, and what it said of itself; what is not given is in the environment.

    Raises SettingInvalid for what is missing or cannot be used, AuthenticationError, ServerCompatibilityError,
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
        # requests takes longer to import than all the rest, and who only imports the suite never needs it.
        from ft_dcc.session.wire import Wire

        _check_timeout(timeout)
        _check_mappings(cookies=cookies, headers=headers)
        self.server_url = _address(_given("server_url", server_url, "FTRACK_SERVER"))
        self.api_user = _given("api_user", api_user, "FTRACK_API_USER")
        self._api_key = _given("api_key", api_key or os.environ.get("FTRACK_APIKEY"), "FTRACK_API_KEY")
        self.wire: Wire = Wire(
            self.server_url,
            self._api_key,
            self.api_user,
            timeout=timeout,
            cookies=cookies,
            headers=headers,
            strict_api=bool(strict_api),
        )
        answer = json.loads(self.wire.post([{"action": "query_server_information"}]))
        self.server_information: dict[str, Any] = answer[0] if answer and isinstance(answer[0], dict) else {}
        self.check_server_compatibility()

    @property
    def api_key(self) -> str:
        """The key of the user."""
        return self._api_key

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self.wire.is_closed

    @property
    def request_timeout(self) -> float:
        """Seconds that the server may be silent; SettingInvalid is raised for what is no such number."""
        return self.wire.timeout[1]

    @request_timeout.setter
    def request_timeout(self, seconds: float) -> None:
        _check_timeout(seconds)
        self.wire.set_timeout(seconds)

    def check_server_compatibility(self) -> None:
        """Raise ServerCompatibilityError for a server that is too old to be talked to."""
        version = self.server_information.get("version")
        if not isinstance(version, str):
            raise ServerCompatibilityError(f"{self.server_url} does not say its version. Is it an ftrack server?")
        numbers = version.split(".")[:3]
        if (
            len(numbers) == 3
            and all(number.isdigit() for number in numbers)
            and tuple(int(number) for number in numbers) < _OLDEST_SERVER
        ):
            raise ServerCompatibilityError(f"{self.server_url} runs ftrack {version}. Update it to 3.3.11 or newer.")


def _given(argument: str, value: str | None, variable: str) -> str:
    value = value or os.environ.get(variable)
    if not value:
        raise SettingInvalid(f"The session needs {argument}. Give it, or set {variable}.")
    return value


def _address(server_url: str) -> str:
    if not server_url.lower().startswith(("http://", "https://")):
        raise SettingInvalid(f"{server_url!r} is no address of a server. Write it like https://studio.example.com.")
    return server_url.rstrip("/")


def _check_timeout(seconds: float) -> None:
    if not isinstance(seconds, (int, float)) or seconds <= 0:
        raise SettingInvalid(f"A time-out of {seconds!r} cannot be used. Give it in seconds.")


def _check_mappings(**mappings: Mapping[str, str] | None) -> None:
    for argument, value in mappings.items():
        if value is not None and not isinstance(value, Mapping):
            raise TypeError(f"The session's {argument} are names with their values, not a {type(value).__name__}.")
