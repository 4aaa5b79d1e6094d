"""``ft-dcc studio``: what is in a studio, and who may come in."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ft_dcc.cli.output import Output, reporting
from ft_dcc.errors import DiskUnusable, SettingInvalid
from ft_dcc.local_studio import need_server, studio_folder

if TYPE_CHECKING:
    from ft_dcc.server.owner import Owner

_FILE = click.Path(dir_okay=False, path_type=Path)
_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the studio; else your own local studio's.",
)


@click.group(name="studio", short_help="Fill a studio, and say who may come in.")
def command() -> None:
    """Fill a studio, and say who may come in; while a server works on it or not."""


@command.command(short_help="Put the entities of a file into a studio.")
@click.argument("file", type=_FILE)
@_data
@reporting
def load(output: Output, file: Path, data: Path | None) -> None:
    """Put entities into a studio, one JSON object a line, all or none.

    A line has __entity_type__ and any attributes of that type, ids as given; it may refer to lines further down. An
    entity that is there already gets the values of its line. FILE may be - for what comes in.
    """
    with _reading(file) as lines, _owner(data) as owner:
        count = owner.load(lines)
    output.result(f"{count} entities are in the studio.", {"entities": count})


@command.command(short_help="Write the entities of a studio into a file.")
@click.argument("file", type=_FILE, default=Path("-"))
@_data
@reporting
def dump(output: Output, file: Path, data: Path | None) -> None:
    """Write all entities of a studio, one JSON object a line, as they are at this moment.

    Media and keys are not among them: ft-dcc serve backup has everything.
    """
    need_server("The studio server")
    from ft_dcc.server.owner import dumped

    count = _write(file, dumped(data or studio_folder()))
    if str(file) != "-":
        output.result(f"{file}: {count} entities", {"file": str(file), "entities": count})


@command.command(short_help="Copy a project of a site into a studio.")
@click.option("--project", required=True, help="Name of the project on the site that FTRACK_SERVER names.")
@click.option("--media", is_flag=True, help="Copy films and pictures, too.")
@click.option("--with-schema", is_flag=True, help="Give the studio the site's entity types first; no server may run.")
@_data
@reporting
def copy(output: Output, project: str, media: bool, with_schema: bool, data: Path | None) -> None:
    """Fetch all that belongs to a project from a site, and put it into a studio, all or none.

    Repeated, it brings what has changed; nothing is there twice, and what is gone on the site stays. Passphrases,
    keys and roles are not copied. The site is any ftrack site or studio: FTRACK_SERVER, FTRACK_API_USER and
    FTRACK_API_KEY say where it is and who asks.
    """
    from ft_dcc.cli.project_copying import copy_project

    copy_project(output, project, data, with_media=media, with_schema=with_schema)


@command.command(short_help="Make a user.")
@click.argument("name")
@click.option("--role", help="Security role: this one and no other.")
@click.option("--project", "projects", multiple=True, help="Limits the role to this project; may be repeated.")
@_data
@reporting
def user(output: Output, name: str, role: str | None, projects: tuple[str, ...], data: Path | None) -> None:
    """Make a user, or change the role of one who is there.

    A new user has the role User, on all projects that are not private. To come in, a user needs a key.
    """
    with _owner(data) as owner:
        report = owner.run("user", name=name, role=role, projects=list(projects))
    words = [f"{held['role']} on {_projects(held['projects'])}" for held in report["roles"]]
    output.result(f"{name}: {', '.join(words) or 'no role'}", report)


@command.command(short_help="Make a key for a user, or revoke keys.")
@click.option("--user", "username", required=True, help="Whose key.")
@click.option("--revoke", metavar="ID", help="Revoke the key with this id, as `studio keys` shows it, or all of them.")
@_data
@reporting
def key(output: Output, username: str, revoke: str | None, data: Path | None) -> None:
    """Make an API key and show it, this once: the studio keeps only its hash."""
    with _owner(data) as owner:
        if revoke is not None:
            report = owner.run("revoke", user=username, key=revoke)
            output.result(f"Keys of {username} that are good no more: {report['revoked']}", report)
            return
        report = owner.run("key", user=username)
    output.result("\n".join(f"{name}={report[name]}" for name in ("FTRACK_API_USER", "FTRACK_API_KEY")), report)


@command.command(name="sign-in", short_help="Print an address that signs a browser in, once.")
@click.option("--user", "username", help="As whom; else as the studio's first user.")
@_data
@reporting
def sign_in(output: Output, username: str | None, data: Path | None) -> None:
    """Print an address that signs a browser in without a key: once, and for a quarter of an hour.

    Programs then sign in there with one click.
    """
    folder = data or studio_folder()
    with _owner(folder) as owner:
        if owner.served is None:
            raise SettingInvalid(f"No server works on {folder}. Start it first: ft-dcc serve --data {folder}")
        report = owner.run("sign-in", user=username or owner.served.api_user)
        address = f"{owner.served.server_url}{report['path']}"
    output.result(address, {"address": address})


@command.command(short_help="List the keys of a studio.")
@click.option("--user", "username", help="Only this user's.")
@_data
@reporting
def keys(output: Output, username: str | None, data: Path | None) -> None:
    """List keys: id, user, when made, when last used. No key is told."""
    with _owner(data) as owner:
        report = owner.run("keys", user=username)
    lines = [
        f"{found['id'][:8]}  {found['username']:<20}  made {_day(found['created_at'])}  "
        + (f"revoked {_day(found['revoked_at'])}" if found["revoked_at"] else f"used {_day(found['last_used_at'])}")
        + (f"  {found['label']}" if found["label"] else "")
        for found in report["keys"]
    ]
    output.result("\n".join(lines), report)


@command.command(name="audit", short_help="Show who changed what.")
@click.option("--entity", metavar="ID", help="Only changes of this entity.")
@click.option("--user", "username", help="Only what this user changed.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@_data
@reporting
def show_audit(output: Output, entity: str | None, username: str | None, most: int, data: Path | None) -> None:
    """Show who changed what and when, the newest first: time (UTC), user, action, entity, and names of attributes."""
    with _owner(data) as owner:
        report = owner.run("audit", entity=entity, user=username, most=most)
    lines = [
        f"{_day(found['at'])}  {found['username']:<16}  {found['action']:<16}  {found['entity_type']} "
        f"{found['entity_id']}  {' '.join(found['attributes'])}".rstrip()
        for found in report["changes"]
    ]
    output.result("\n".join(lines) or "Nothing was changed.", report)


@contextmanager
def _owner(data: Path | None) -> Iterator[Owner]:
    need_server("The studio server")
    from ft_dcc.server.owner import owner_of

    with owner_of(data or studio_folder()) as owner:
        yield owner


@contextmanager
def _reading(file: Path) -> Iterator[BinaryIO]:
    """The lines of the file, which can be read twice."""
    if str(file) == "-":
        with tempfile.TemporaryFile() as copy:
            copy.writelines(sys.stdin.buffer)
            copy.seek(0)
            yield copy
        return
    try:
        lines = file.open("rb")
    except OSError as error:
        raise SettingInvalid(f"{file} cannot be read: {error.strerror}. Check the name.") from error
    with lines:
        yield lines


def _write(file: Path, lines: Iterable[bytes]) -> int:
    """Write the lines, whole or not at all; nobody else can read the file, for there are passphrases in it."""
    if str(file) == "-":
        return sum(1 for line in lines if sys.stdout.buffer.write(line))
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            count = sum(1 for line in lines if target.write(line))
        draft.replace(file)
    except OSError as error:
        raise DiskUnusable(f"{file} cannot be written: {error.strerror}. Check the folder.") from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def _projects(limit: Any) -> str:
    return "all open projects" if isinstance(limit, str) else ", ".join(limit) or "no project"


def _day(moment: float | None) -> str:
    return "never" if moment is None else datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M")
