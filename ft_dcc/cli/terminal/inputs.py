"""What commands take: option types, and the session of the settings."""

from __future__ import annotations

import datetime
import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import click

from ft_dcc import errors, frames
from ft_dcc.accounts import credentials, local_server
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.session import Session


def find_account(*, starts_studio: bool = True) -> credentials.Account:
    """Return the account of the settings, ``ft-dcc login`` or the started local studio; raise as ``get_account``.

    Without ``starts_studio`` ServerUnreachable is raised if the local studio does not run.
    """
    settings = read_settings()
    if settings.get("key") is None and (last := credentials.last_login()) is not None:
        server, user = settings.get("server") or last[0], settings.get("user") or last[1]
        stored = credentials.load_credentials(server, user)
        if stored is not None:
            return stored
    if not starts_studio and settings.get("server") is None:
        folder = local_server.studio_folder(settings)
        running = local_server.read_account(folder) if local_server.is_running(folder) else None
        if running is None:
            raise errors.ServerUnreachable("The local studio does not run.")
        return running
    return local_server.get_account(settings)


def configured_server() -> str | None:
    """Return the server of the settings or of the last login, None for the local studio, which is not started."""
    last = credentials.last_login()
    server = read_settings().get("server") or (last[0] if last is not None else None)
    return server.rstrip("/") if server else None


def parse_address(address: str) -> str:
    """Return the address of a server without a slash at its end; raise SettingInvalid for another text."""
    if not address.startswith(("https://", "http://")):
        raise errors.SettingInvalid(f"{address} is not a server's address. Write it as https://studio.example.com.")
    return address.rstrip("/")


def find_account_at(address: str) -> credentials.Account:
    """Return the account at this address: of the settings if they name it, else of ``ft-dcc login``.

    A key is never sent to another server than its own. Raises SettingInvalid without an account.
    """
    settings, server = read_settings(), parse_address(address)
    if (settings.get("server") or server).rstrip("/") == server and settings.get("key") is not None:
        return credentials.Account(server, settings.require("user"), settings.require("key"))
    last = credentials.last_login()
    user = last[1] if last is not None and last[0] == server else settings.get("user")
    stored = credentials.load_credentials(server, user) if user is not None else None
    if stored is None:
        raise errors.SettingInvalid(f"There is no login for {server}. Sign in first: ft-dcc login {server}")
    return stored


def connected(account: credentials.Account | None = None) -> Session:
    """Open a session of the account: by default that of the settings or of the last login, or the local studio's."""
    account = account or find_account()
    # Imported late: usage errors and --help need no session.
    from ft_dcc.session import Session

    return Session(account.server, account.key, account.user)


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
        """Return the absolute path; "-" is kept, and "~" is the home folder, as cmd does not know it."""
        path = super().convert(Path(value).expanduser() if str(value).startswith("~") else value, param, ctx)
        return path if not isinstance(path, Path) or str(path) == "-" else path.absolute()


force = click.option("--force", is_flag=True, help="Replace a file that exists.")


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise UserFixableError for a file that exists, unless it may be replaced."""
    if os.path.lexists(path) and not force:  # exists() needs a permission
        raise errors.UserFixableError(f"{path} exists. Replace it with --force, or name another file.")


def export_options(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the options of an export: one of these formats, by default the first, and its file."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        kind = click.Choice(formats)
        chosen = click.option(
            "--format",
            "format_name",
            type=kind,
            default=formats[0],
            show_default=True,
            help="A document, a table, a timeline, or a zip file of images or movies.",
        )
        to = click.option("--to", type=AbsolutePath(), help="File or folder (default: the current folder).")
        return chosen(to(force(function)))

    return add


def export_target(to: Path | None, name: str, suffix: str, *, force: bool) -> Path:
    """Return the file of an export, in a folder with this name; raise UserFixableError as ``refuse_existing``."""
    target = to or Path()
    if target.is_dir():
        target /= re.sub(r'[<>:"/\\|?*]', "_", name) + suffix
    refuse_existing(target, force=force)
    return target


def expand_paths(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words with "~", "*" and "?" expanded, as shells of Windows do not; existing files are kept."""
    found: list[str] = []
    for word in words:
        path = os.path.expanduser(word)  # noqa: PTH111 - text, which may be a pattern
        has_wildcard = ("*" in path or "?" in path) and not os.path.lexists(path)
        # Not a set of characters: "[" is one of names.
        found += (sorted(glob.glob(path.replace("[", "[[]"))) if has_wildcard else []) or [path]  # noqa: PTH207 - text
    return tuple(found)


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


studio_data = click.option(
    "--data", type=AbsolutePath(file_okay=False), help="Folder of the studio (default: the local studio)."
)
FRAME_RANGE = ParsedText("range", frames.FrameRange.parse)
FRAME_RATE = ParsedText("rate", frames.frame_rate)
TIME = ParsedText("time", _parse_time)
END_TIME = ParsedText("time", _parse_end)
