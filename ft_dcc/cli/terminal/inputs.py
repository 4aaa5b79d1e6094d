"""What commands take: option types, and the session of the settings."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from ft_dcc import errors, frames
from ft_dcc.accounts import credentials
from ft_dcc.accounts.credentials import Account
from ft_dcc.accounts.local_server import get_account
from ft_dcc.settings.resolve import Settings, read_settings

if TYPE_CHECKING:
    from ft_dcc.session import Session


def find_account(settings: Settings | None = None) -> Account:
    """Return the account of the settings, completed by ``ft-dcc login``, or of the local studio, which is started.

    Raises SettingInvalid for a server without user or key, and what ``get_account`` raises.
    """
    settings = read_settings() if settings is None else settings
    if settings.get("key") is None and (last := credentials.last_login()) is not None:
        server, user = settings.get("server") or last[0], settings.get("user") or last[1]
        stored = credentials.load_credentials(server, user)
        if stored is not None:
            return stored
    return get_account(settings)


def configured_server() -> str | None:
    """Return the server of the settings or of the last login, None for the local studio, which is not started."""
    last = credentials.last_login()
    server = read_settings().get("server") or (last[0] if last is not None else None)
    return server.rstrip("/") if server else None


def find_account_at(address: str) -> Account:
    """Return the account at this address: of the settings if they name it, else of ``ft-dcc login``.

    A key is never sent to another server than its own. Raises SettingInvalid without an account.
    """
    settings, server = read_settings(), address.rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise errors.SettingInvalid(f"{address} is not a server's address. Write it as https://studio.example.com.")
    if (settings.get("server") or server).rstrip("/") == server and settings.get("key") is not None:
        return Account(server, settings.require("user"), settings.require("key"))
    last = credentials.last_login()
    user = last[1] if last is not None and last[0] == server else settings.get("user")
    stored = credentials.load_credentials(server, user) if user is not None else None
    if stored is None:
        raise errors.SettingInvalid(f"There is no login for {server}. Sign in first: ft-dcc login {server}")
    return stored


@contextmanager
def connected() -> Iterator[Session]:
    """Open a session on the server of the settings or of the last login, or on the local studio."""
    account = find_account()
    # Imported late: usage errors and --help need no session.
    from ft_dcc.session import Session

    with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
        yield session


class ParsedText(click.ParamType):  # type: ignore[type-arg] # not subscriptable in every supported click
    """A text that a function converts; its SettingInvalid is wrong usage."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the converted text."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except errors.SettingInvalid as error:
            self.fail(str(error), param, ctx)


class AbsolutePath(click.Path):
    """A path that is made absolute where it comes in, since other processes have other working folders."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the absolute path; "-" is kept."""
        path = super().convert(value, param, ctx)
        return path if not isinstance(path, Path) or str(path) == "-" else path.absolute()


def _parse_time(text: str) -> datetime.datetime:
    """Return a time in UTC; text without a time zone is in the zone of this machine."""
    try:
        # fromisoformat() accepts the Z of ISO 8601 only since Python 3.11.
        return datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00")).astimezone(datetime.timezone.utc)
    except ValueError as error:
        raise errors.SettingInvalid(f"'{text}' is not a time. Write it as 2026-12-24 or '2026-12-24 18:00'.") from error


def _parse_end(text: str) -> datetime.datetime:
    """Return a time in UTC that has not passed; a date without a time means the end of that day."""
    is_date = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()) is not None
    end = _parse_time(f"{text.strip()} 23:59:59" if is_date else text)
    if end <= datetime.datetime.now(datetime.timezone.utc):
        raise errors.SettingInvalid(f"{text} has passed. Give a later time.")
    return end


FRAME_RANGE = ParsedText("range", frames.FrameRange.parse)
FRAME_RATE = ParsedText("rate", frames.frame_rate)
RESOLUTION = ParsedText("size", frames.Resolution.parse)
TIME = ParsedText("time", _parse_time)
END_TIME = ParsedText("time", _parse_end)
