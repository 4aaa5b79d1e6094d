"""``ft-dcc studio``: manage users, keys and contents of a studio."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ft_dcc.accounts.local_server import require_server, studio_folder
from ft_dcc.cli.terminal.inputs import AbsolutePath, force, refuse_existing, studio_data
from ft_dcc.cli.terminal.output import CommandGroup, Output
from ft_dcc.errors import SettingInvalid
from ft_dcc.files.atomic import atomic_path, new_file, storage_errors, temporary_file
from ft_dcc.settings.toml_file import parse_toml

if TYPE_CHECKING:
    from ft_dcc.server.admin.service import StudioAdmin

_FILE = AbsolutePath(dir_okay=False)


@click.group(cls=CommandGroup)
def command() -> None:
    """Manage users, keys and contents of a studio, whether its server runs or not."""


@command.command(short_help="Load the entities of a file into a studio.")
@click.argument("file", type=_FILE)
@studio_data
def load(output: Output, file: Path, data: Path | None) -> None:
    """Load entities into a studio from a file with one JSON object per line, in one transaction.

    A line contains __entity_type__ and attributes of that type with their ids; it may refer to later lines. Existing
    entities are updated. FILE may be - for stdin.
    """
    with _open_lines(file) as lines, _admin(data) as admin:
        count = admin.load(lines)
    output.result(f"Loaded {count} entities.", {"entities": count})


@command.command(short_help="Write the entities of a studio to a file.")
@click.argument("file", type=_FILE, default=Path("-"))
@studio_data
@force
def dump(output: Output, file: Path, data: Path | None, force: bool) -> None:
    """Write all entities of a studio to a file, one JSON object per line.

    Media and keys are not included; use ft-dcc serve backup for a complete copy.
    """
    require_server("The studio server")
    from ft_dcc.server.admin.service import export_lines

    lines = export_lines(data or studio_folder())
    if str(file) == "-":
        sys.stdout.buffer.writelines(lines)
        return
    refuse_existing(file, force=force)
    errors = storage_errors(f"{file} cannot be written", "Choose a writable folder.")
    # Readable by the owner only, because the lines contain passphrases.
    with errors, atomic_path(file) as draft, new_file(draft, is_private=True) as target:
        count = sum(1 for line in lines if target.write(line))
    output.result(f"{file}: {count} entities", {"file": str(file), "entities": count})


@command.command(short_help="Copy a project from a site into a studio, or to a site.")
@click.option("--project", required=True, help="Name of the project.")
@click.option("--media", is_flag=True, help="Copy media files, too; always done with --to.")
@click.option("--to", "address", metavar="ADDRESS", help="Copy from the studio to this site.")
@click.option("--project-schema", metavar="NAME", help="With --to: project schema of a new project.")
@click.option("--dry-run", is_flag=True, help="With --to: print what would be copied.")
@studio_data
def copy(
    output: Output,
    project: str,
    media: bool,
    address: str | None,
    project_schema: str | None,
    dry_run: bool,
    data: Path | None,
) -> int:
    """Copy a project and all that belongs to it from a site into a studio, in one transaction.

    A repeated copy updates the studio; entities that were deleted on the site are kept. Passphrases, keys and roles
    are not copied. FTRACK_SERVER, FTRACK_API_USER and FTRACK_API_KEY select the site, an ftrack site or a studio.

    With --to, the studio's project is copied to the site at ADDRESS, after ft-dcc login ADDRESS. A repeated copy adds
    what is missing there, and changes nothing that exists. Users, statuses and types are those of the site.
    """
    from ft_dcc.cli.copy_project import copy_project, copy_to_site

    if address is not None:
        return copy_to_site(output, project, data, address, project_schema=project_schema, dry_run=dry_run)
    if dry_run or project_schema is not None:
        raise click.UsageError("--dry-run and --project-schema need --to.")
    copy_project(output, project, data, with_media=media)
    return 0


@command.command(short_help="Create a user or change the role.")
@click.argument("name")
@click.option("--role", help="The only security role of the user.")
@click.option("--project", "projects", multiple=True, help="Limit the role to this project; may be repeated.")
@studio_data
def user(output: Output, name: str, role: str | None, projects: tuple[str, ...], data: Path | None) -> None:
    """Create a user, or change the role of an existing user.

    A new user has the role User on all projects that are not private, and needs a key to sign in.
    """
    report = _run(data, "user", name=name, role=role, projects=list(projects))
    roles = []
    for held in report["roles"]:
        limit = held["projects"]
        where = "all open projects" if isinstance(limit, str) else ", ".join(limit) or "no project"
        roles.append(f"{held['role']} on {where}")
    output.result(f"{name}: {', '.join(roles) or 'no role'}", report)


@command.command(short_help="Create or revoke API keys of a user.")
@click.option("--user", "username", required=True, help="The user of the key.")
@click.option("--revoke", metavar="ID", help="Revoke the key with this id from `studio keys`, or all.")
@studio_data
def key(output: Output, username: str, revoke: str | None, data: Path | None) -> None:
    """Create an API key and show it once: the studio stores only its hash."""
    if revoke is not None:
        report = _run(data, "revoke", user=username, key=revoke)
        return output.result(f"Revoked keys of {username}: {report['revoked']}", report)
    report = _run(data, "key", user=username)
    lines = [f"{name}={report[name]}" for name in ("FTRACK_API_USER", "FTRACK_API_KEY")]
    return output.result("\n".join(lines), report)


@command.command(name="sign-in", short_help="Print a one-time URL that signs a browser in.")
@click.option("--user", "username", help="User to sign in (default: the studio's first user).")
@studio_data
def sign_in(output: Output, username: str | None, data: Path | None) -> None:
    """Print a URL that signs a browser in without a key; it works once, for 15 minutes.

    Programs can then sign in through that browser with one click.
    """
    folder = data or studio_folder()
    with _admin(folder) as admin:
        if admin.served is None:
            raise SettingInvalid(f"No server runs on {folder}. Start it first: ft-dcc serve --data {folder}")
        report = admin.run("sign-in", user=username or admin.served.api_user)
    output.result(report["address"], {"address": report["address"]})


@command.command(short_help="List the keys of a studio.")
@click.option("--user", "username", help="Only keys of this user.")
@studio_data
def keys(output: Output, username: str | None, data: Path | None) -> None:
    """List keys by id, with user, creation and last use; the keys themselves are not shown."""
    report = _run(data, "keys", user=username)
    lines = []
    for found in report["keys"]:
        event, time = ("revoked", found["revoked_at"]) if found["revoked_at"] else ("used", found["last_used_at"])
        created = f"{found['username']:<20}  created {_format_time(found['created_at'])}"
        lines.append(f"{found['id'][:8]}  {created}  {event} {_format_time(time)}  {found['label']}".rstrip())
    output.result("\n".join(lines), report)


@command.command(name="audit", short_help="Show the audit log.")
@click.option("--entity", metavar="ID", help="Only changes of this entity.")
@click.option("--user", "username", help="Only changes by this user.")
@click.option(
    "--limit", "--most", "limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="Maximum number."
)
@studio_data
def show_audit(output: Output, entity: str | None, username: str | None, limit: int, data: Path | None) -> None:
    """Show changes, newest first: time (UTC), user, action, entity and names of attributes."""
    report = _run(data, "audit", entity=entity, user=username, most=limit)
    lines = [
        f"{_format_time(found['at'])}  {found['username']:<16}  {found['action']:<16}  {found['entity_type']} "
        f"{found['entity_id']}  {' '.join(found['attributes'])}{found['detail']}".rstrip()
        for found in report["changes"]
    ]
    output.result("\n".join(lines) or "There are no changes.", report)


@command.group(short_help="Send new versions, notes and verdicts to other programs.")
def webhook() -> None:
    """Send new versions, notes and verdicts of a project to other programs."""


@webhook.command(name="add", short_help="Add a webhook to a project.")
@click.argument("project")
@click.argument("url")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "slack"]),
    default="json",
    show_default=True,
    help="Form of the messages.",
)
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(["version.created", "note.created", "verdict.set"]),
    help="Only this event; may be repeated (default: all).",
)
@studio_data
def add_webhook(output: Output, project: str, url: str, form: str, events: tuple[str, ...], data: Path | None) -> None:
    """Send messages of PROJECT to URL, and print the secret that signs those in JSON; it is shown once."""
    report = _run(data, "webhook-add", project=project, url=url, form=form, events=list(events))
    output.result(f"webhook {report['webhook_id'][:8]}\nsecret {report['secret']}", report)


@webhook.command(name="list", short_help="List the webhooks of all projects.")
@studio_data
def list_webhooks(output: Output, data: Path | None) -> None:
    """List webhooks with their host, waiting messages and last error; secrets are not shown."""
    report = _run(data, "webhooks")
    lines = [
        f"{found['id'][:8]}  {found['project']}  {found['form']} to {found['host']}  {', '.join(found['events'])}  "
        f"{found['waiting']} waiting  {found['error']}".rstrip()
        for found in report["webhooks"]
    ]
    output.result("\n".join(lines) or "There are no webhooks.", report)


@webhook.command(name="test", short_help="Send a test message.")
@click.argument("webhook_id", metavar="WEBHOOK")
@studio_data
def test_webhook(output: Output, webhook_id: str, data: Path | None) -> None:
    """Queue a test message; the list shows its error if it is not accepted."""
    report = _run(data, "webhook-test", webhook=webhook_id)
    output.result("A message is queued. See: ft-dcc studio webhook list", report)


@webhook.command(name="remove", short_help="Remove a webhook.")
@click.argument("webhook_id", metavar="WEBHOOK")
@studio_data
def remove_webhook(output: Output, webhook_id: str, data: Path | None) -> None:
    """Remove a webhook and the messages that wait for it."""
    report = _run(data, "webhook-remove", webhook=webhook_id)
    output.result(f"The webhook {report['webhook_id'][:8]} is removed.", report)


@command.command(short_help="Show or change statuses, types, workflows and roles.")
@click.argument("file", type=_FILE, required=False)
@studio_data
def vocabulary(output: Output, file: Path | None, data: Path | None) -> None:
    """Print the statuses, task types, workflows, project schemas and roles as TOML, or apply such a FILE.

    Entries that FILE leaves out stay as they are. "remove = true" in an entry deletes it, unless it is in use, and
    name = "New name" renames it. A file in version control gives several studios the same statuses.
    """
    if file is None:
        found = _run(data, "vocabulary")
        return output.result("\n".join(_toml_lines(found)), found)
    with _open_lines(file) as lines:
        document = parse_toml(file, lines.read().decode("utf-8-sig"))
    report = _run(data, "vocabulary-set", document=document)
    output.result(", ".join(f"{report[what]} {what}" for what in ("created", "changed", "removed")), report)
    return None


@command.command(short_help="Check the database, the media and the backups of a studio.")
@click.option("--backups", type=AbsolutePath(file_okay=False), help="Folder of nightly backups.")
@studio_data
def check(output: Output, backups: Path | None, data: Path | None) -> int:
    """Check a studio for damage: its database, the checksums of all media, and its nightly backups.

    Its server may run, and then /health shows the result. Exit code 1 if anything is damaged or missing.
    """
    require_server("The studio server")
    from ft_dcc.server.admin.check import check_studio

    found = check_studio(data or studio_folder(), backups)
    summary = f"Checked the database, {found.media_files} media files and {found.backups} backups"
    report = {"media_files": found.media_files, "backups": found.backups, "problems": found.problems}
    output.result("\n".join([*found.messages, f"{summary}: {len(found.messages) or 'no'} problems."]), report)
    return 1 if found.messages else 0


@contextmanager
def _admin(data: Path | None) -> Iterator[StudioAdmin]:
    require_server("The studio server")
    from ft_dcc.server.admin.service import open_admin

    with open_admin(data or studio_folder()) as admin:
        yield admin


def _run(data: Path | None, command: str, **arguments: Any) -> dict[str, Any]:
    with _admin(data) as admin:
        return admin.run(command, **arguments)


def _toml_lines(document: dict[str, Any]) -> Iterator[str]:
    # A string, list or number is in TOML what it is in JSON; a table within an entry is not.
    def text(value: Any) -> str:
        if isinstance(value, dict):
            return f"{{{', '.join(f'{text(key)} = {text(each)}' for key, each in value.items())}}}"
        return json.dumps(value, ensure_ascii=False)

    for section, entries in document.items():
        for name, entry in entries.items():
            yield f"[{section}.{text(name)}]"
            yield from (f"{key} = {text(value)}" for key, value in entry.items())
            yield ""


def _open_lines(file: Path) -> BinaryIO:
    if str(file) == "-":
        copy = temporary_file()  # the caller closes it
        copy.writelines(sys.stdin.buffer)
        copy.seek(0)
        return copy
    try:
        return file.open("rb")
    except OSError as error:
        raise SettingInvalid(f"{file} cannot be read: {error.strerror}. Check the path.") from error


def _format_time(time: float | None) -> str:
    return "never" if time is None else datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M")
