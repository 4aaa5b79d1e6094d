"""``ft-dcc review``: review sessions, invitations and the outbox of a studio."""

from __future__ import annotations

import datetime
import functools
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click

from ft_dcc.accounts.local_server import require_server, studio_folder
from ft_dcc.cli.terminal import inputs, progress
from ft_dcc.cli.terminal.output import Command, CommandGroup, Output, as_plain, format_local_time
from ft_dcc.errors import ServerError, SettingInvalid
from ft_dcc.production import delivery, review_content, review_sessions, versions
from ft_dcc.production.review_sessions import Review, get_review_session
from ft_dcc.publish.progress import Progress
from ft_dcc.session import Session
from ft_dcc.settings.resolve import read_settings

_project = click.option("--project", help="Project of the review session, if the name is not unique.")
_starts = click.option(
    "--starts", "start_date", type=inputs.TIME, help="Opening time, local: 2026-12-24 or '2026-12-24 18:00'."
)
_ends = click.option(
    "--ends",
    "end_date",
    type=inputs.END_TIME,
    help="Closing time, local: '2026-12-24 18:00', or 2026-12-24 for the end of that day.",
)


_status = click.option("--status", metavar="NAME", help="Only versions with this status, such as Approved.")
_task_type = click.option("--task-type", metavar="NAME", help="Only versions of tasks of this type.")


def _review(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a review session to a command, which gets the session and the review session."""

    @functools.wraps(function)
    def run(output: Output, name: str, project: str | None, **options: Any) -> Any:
        with inputs.connected() as session:
            return function(output, session, get_review_session(session, name, project), **options)

    return click.argument("name", metavar="REVIEW")(_project(run))


@click.group(cls=CommandGroup)
def command() -> None:
    """Create, schedule and close review sessions; invite people.

    REVIEW is the name of a review session, its id, or the first eight characters of the id.
    """


@command.command(name="list", short_help="List review sessions.")
@click.option("--project", help="Only review sessions of this project.")
def list_reviews(output: Output, project: str | None) -> None:
    """List review sessions, newest first: id, state, project, name and dates."""
    with inputs.connected() as session:
        reviews = review_sessions.find_reviews(session, project)
        revoked = review_content.find_revoked(session)
    lines = [
        f"{found.id[:8]}  {found.state:<9}  {found.project}  {found.name}{_dates(found)}"
        + (f", revoked: {', '.join(revoked[found.id])}" if found.id in revoked else "")
        for found in reviews
    ]
    reports = [{**as_plain(found), "revoked": revoked.get(found.id, [])} for found in reviews]
    output.result("\n".join(lines) or "There are no review sessions.", {"reviews": reports})


@command.command(short_help="Show link, versions, statuses and invitees.")
@_review
def show(output: Output, session: Session, found: Review) -> None:
    """Show the link, the versions with their statuses and note counts, and the invitees of a review session."""
    content = review_content.read_content(session, found)
    lines = [_describe(found), found.link or ""]
    for version in content["versions"]:
        statuses = f"; {', '.join(map(_describe_status, version['statuses']))}" if version["statuses"] else ""
        lines.append(f"  {version['name']} ({version['version']}), notes: {version['notes']}{statuses}")
    lines += [f"  {_describe_invitee(person)}" for person in content["invitees"]]
    output.result("\n".join(line for line in lines if line), {**as_plain(found), **content})


@command.command(short_help="Copy the versions to a folder.")
@_review
@click.option(
    "--to", "folder", type=inputs.AbsolutePath(file_okay=False), required=True, help="Folder of the delivery."
)
@click.option("--name", "rule", default=delivery.STANDARD_RULE, show_default=True, help="Rule for the names of files.")
@click.option(
    "--what", type=click.Choice(["movie", "frames"]), default="movie", show_default=True, help="Files to copy."
)
def deliver(output: Output, session: Session, found: Review, folder: Path, rule: str, what: str) -> int:
    """Copy the versions of a review session to a folder, with a CSV manifest of names, frames, checksums and statuses.

    Repeated, it copies only what is missing or differs. The rule has the fields {project}, {shot}, {asset}, {version}
    and {status}.
    """
    with progress.progress_display() as on_progress:
        version_ids = [each["version_id"] for each in review_content.read_content(session, found)["versions"]]

        def on_file(done: int, total: int, file: str) -> None:
            on_progress(Progress("deliver", file, done, total, "files"))

        result = delivery.deliver(session, version_ids, folder, rule=rule, frames=what == "frames", on_file=on_file)
    for problem in result.problems:
        output.message(problem)
    text = f"{result.copied} files copied, {result.unchanged} were there: {result.folder / delivery.MANIFEST}"
    output.result(text, as_plain(result))
    return int(bool(result.problems))


@command.command(short_help="Create a review session.")
@click.argument("name", metavar="REVIEW")
@click.option("--project", required=True, help="Name of its project.")
@_starts
@_ends
@click.option("--description", default="", metavar="TEXT", help="Description of the review session.")
def create(output: Output, name: str, project: str, **values: Any) -> None:
    """Create a review session in a project; it opens now, or at --starts."""
    given = {key: value for key, value in values.items() if value}
    with inputs.connected() as session:
        _print_review(output, review_sessions.create_review(session, project, name, given))


@command.command(short_help="Add versions, shots or sequences.")
@click.argument("items", metavar="[ITEM...]", nargs=-1)
@click.option("--to", "name", required=True, metavar="REVIEW", help="Review session: name, id, or beginning of the id.")
@click.option("--query", help="Also add what this query finds: \"Shot where status.name is 'In progress'\".")
@_status
@_task_type
@click.option("--description", default="", metavar="TEXT", help="Description that reviewers see.")
@_project
def add(output: Output, items: tuple[str, ...], name: str, project: str | None, description: str, **given: Any) -> None:
    """Add versions to a review session, or shots, assets, sequences and tasks, of which it follows the newest version.

    ITEM is an id, or a path such as Film/SQ010/SH010/Animation/v001. A sequence adds each of its shots, also those that
    are published later. What is in the session already stays as it is.
    """
    rule = given["status"], given["task_type"]
    with inputs.connected() as session:
        review = get_review_session(session, name, project)
        ids, entities = review_sessions.find_items(session, items, given["query"])
        if entities and "entity_id" not in session.types["ReviewSessionObject"].attributes:
            ids += review_sessions.versions_of(session, entities, rule)
            output.message(f"{session.server_url} follows no shots: their versions of now are added. Repeat it later.")
            entities = []
        added = review_sessions.add_versions(session, review, ids, description) if ids else []
        there = f", {len(ids) - len(added)} in it already" if ids else ""
        added += review_sessions.follow(session, review, entities, rule, description) if entities else []
    report = {"review": review.id, "added": added, "follows": entities}
    output.result(f"{len(added)} added to '{review.name}'{there}.", report)


@command.command(short_help="Collect what was published since the last session.")
@click.option("--project", required=True, help="Name of the project.")
@click.option(
    "--to", "name", metavar="REVIEW", help="Review session, created if needed (default: Dailies and the date)."
)
@click.option(
    "--since", type=inputs.TIME, help="Publishes after this time (default: the last review session of the project)."
)
@_status
@_task_type
def dailies(output: Output, project: str, name: str | None, since: datetime.datetime | None, **rule: Any) -> None:
    """Add every version that was published since the last review session of the project, by status and task type."""
    name = name or f"Dailies {datetime.date.today()}"
    with inputs.connected() as session:
        known = [each for each in review_sessions.find_reviews(session, project) if name in (each.name, each.id)]
        title, chosen = known[0].name if known else name, (rule["status"], rule["task_type"])
        ids = review_sessions.published_since(session, project, since, chosen, title)
        if not ids and not known:
            raise SettingInvalid(f"Nothing was published in {project} since then. Give --since, or other choices.")
        review = known[0] if known else review_sessions.create_review(session, project, name, {})
        added = review_sessions.add_versions(session, review, ids) if ids else []
    text = f"{len(added)} added to '{review.name}', {len(ids) - len(added)} in it already."
    output.result(
        "\n".join(filter(None, (text, review.link))), {"review": review.id, "added": added, "link": review.link}
    )


@click.command(cls=Command)
@click.argument("text", metavar="VERSION|REVIEW")
@click.option("--print", "is_printed", is_flag=True, help="Print the address only.")
def open_command(output: Output, text: str, is_printed: bool) -> None:
    """Open a version or a review session in the browser, and print its address.

    VERSION is an id, or a path such as Film/SQ010/SH010/Animation/v001; REVIEW is a name or an id.
    """
    with inputs.connected() as session:
        address = review_sessions.find_version_link(session, versions.find_version_id(session, text))
        if address is None:
            address = get_review_session(session, text).link
    if address is None:
        raise SettingInvalid(f"'{text}' has no shared link. Use: ft-dcc review invite.")
    if not is_printed:
        webbrowser.open(address)
    output.result(address, {"link": address})


@command.command(name="open", short_help="Reopen a review session.")
@_review
@click.option("--ends", type=inputs.END_TIME, help="Closing time (default: none).")
def open_(output: Output, session: Session, found: Review, ends: datetime.datetime | None) -> None:
    """Reopen a review session for versions, notes, statuses and other changes."""
    _print_review(output, review_sessions.reopen(session, found, ends))


@command.command(short_help="Close a review session.")
@_review
def close(output: Output, session: Session, found: Review) -> None:
    """Close a review session: nothing in it changes any more, and its links still show it."""
    _print_review(output, review_sessions.close(session, found))


@command.command(short_help="Set when a review session opens and closes.")
@_review
@_starts
@_ends
def schedule(output: Output, session: Session, found: Review, **dates: Any) -> None:
    """Set when a review session opens and closes."""
    given = {key: value for key, value in dates.items() if value is not None}
    if not given:
        raise click.UsageError("Give --starts, --ends, or both.")
    _print_review(output, review_sessions.schedule(session, found, given))


@command.command(short_help="Print the link, or set who can open it.")
@_review
@click.option("--private/--public", "is_private", default=None, help="Disable or enable the shared link.")
def link(output: Output, session: Session, found: Review, is_private: bool | None) -> None:
    """Print the shared link of a review session; with --private only the links of invitees work."""
    if is_private is not None:
        found = review_sessions.set_private(session, found, is_private=is_private)
    if found.link is None:
        raise SettingInvalid(f"{session.server_url} has no shared links. Use: ft-dcc review invite.")
    text = f"'{found.name}' is private: the shared link is disabled. Invite people." if found.is_private else found.link
    output.result(text, as_plain(found))


@command.command(short_help="Set or remove the passphrase.")
@_review
@click.option("--off", is_flag=True, help="Remove the passphrase.")
def passphrase(output: Output, session: Session, found: Review, off: bool) -> None:
    """Set the passphrase of a review session; it is prompted for, or read from stdin."""
    text = None if off else click.prompt("Passphrase", hide_input=sys.stdin.isatty(), err=True)
    _print_review(output, review_sessions.set_passphrase(session, found, text))


@command.command(short_help="Invite people by mail.")
@_review
@click.argument("people", metavar="'NAME <MAIL>'...", nargs=-1, required=True)
def invite(output: Output, session: Session, review: Review, people: tuple[str, ...]) -> None:
    """Mail each person their own link; earlier links stop working.

    Without a mail server of the studio, it prints the links for you to send.
    """
    invitees = [review_content.Invitee.parse(text) for text in people]
    invited = review_content.invite(session, review, invitees)
    outcomes = {True: "the mail is in the studio's outbox: ft-dcc review outbox", False: "sent"}
    lines = [f"{each.name} <{each.email}>: {each.reason or each.link or outcomes[each.is_kept]}" for each in invited]
    output.result("\n".join(lines), {"invited": [attrs.asdict(found) for found in invited]})
    for warning in dict.fromkeys(found.warning for found in invited if found.warning):
        output.message(warning)
    if any(found.reason for found in invited):
        raise ServerError("Not every mail was sent. The server tries again to send those in the outbox.")


@command.command(short_help="Revoke an invitation.")
@_review
@click.argument("email", metavar="[MAIL]", required=False)
@click.option("--remove", is_flag=True, help="Also remove the invitee with their notes and statuses.")
def revoke(output: Output, session: Session, found: Review, email: str | None, remove: bool) -> None:
    """Revoke an invitation: the links of this invitee stop working.

    It shows whose invitations are revoked; without MAIL, it does nothing else.
    """
    if remove and email is None:
        raise click.UsageError("Give the MAIL of the invitee to remove.")
    revoked = None if email is None else review_content.revoke(session, found, email, is_removed=remove)
    people = [each for each in review_content.read_content(session, found)["invitees"] if each["revoked"]]
    lines = [] if revoked is None else [f"The invitation of {revoked} is revoked."]
    lines += [f"  {_describe_invitee(person)}" for person in people]
    report = {"name": revoked, "is_removed": remove, "revoked": people}
    output.result("\n".join(lines) or f"No invitation to '{found.name}' is revoked.", report)


@command.command(short_help="Export a review session to a file.")
@_review
@inputs.export_options("pdf", "csv", "otio", "drawings", "movies")
def export(output: Output, session: Session, found: Review, format_name: str, to: Path | None, force: bool) -> None:
    """Export notes, drawings and verdicts of a review session of a studio server, or its movies."""
    target = inputs.export_target(to, found.name, review_content.SUFFIXES[format_name], force=force)
    written = review_content.export_review(session, found, format_name, target)
    output.result(str(written), {"path": str(written), "format": format_name})


@command.command(short_help="Show the unsent mails of a studio.")
@inputs.studio_data
@click.option("--send", is_flag=True, help="Send them now with the studio's mail server.")
@click.option("--drop", metavar="ID", help="Delete the mail with this id, or all.")
def outbox(output: Output, data: Path | None, send: bool, drop: str | None) -> None:
    """Show the mails that a studio could not send, or has no mail server for, with their links.

    The mails are files in the folder of the studio, so the command runs on the studio's machine.
    """
    require_server("The outbox of a studio")
    if data is None and read_settings().get("server") is not None:
        raise SettingInvalid("The mails of a studio are on its own machine. Run the command there, with --data FOLDER.")
    from ft_dcc.server.mail.mailer import queued_messages, read_mailer

    mailer = read_mailer(data or studio_folder())
    for message in queued_messages(mailer.outbox):
        if drop in (message.id, "all"):
            message.path.unlink(missing_ok=True)
    sent = [message.id for message, reason in mailer.send_queued(is_everything=True) if not reason] if send else []
    left = list(queued_messages(mailer.outbox))
    lines = [f"{len(sent)} sent."] if send else []
    for message in left:
        lines.append(f"{message.id}  {message.date}  {message.to}  {message.subject}")
        lines += [f"    {line}" for line in message.text.splitlines()]
        lines += [f"    Not sent: {message.reason}"] if message.reason else []
    names = ("id", "date", "to", "subject", "text", "reason", "path")
    mails = [{name: str(getattr(message, name)) for name in names} for message in left]
    output.result("\n".join(lines) or "The outbox is empty.", {"sent": sent, "mails": mails})
    if send and left:
        raise ServerError(f"{len(left)} mails remain in the outbox: {left[0].reason}")


def _print_review(output: Output, review: Review) -> None:
    output.result(_describe(review), as_plain(review))


def _describe(review: Review) -> str:
    parts = [f"{review.project}: '{review.name}' is {review.state}{_dates(review)}"]
    parts += ["private"] if review.is_private else []
    parts += ["with a passphrase"] if review.has_passphrase else []
    return ", ".join(parts)


def _describe_status(status: dict[str, Any]) -> str:
    earlier = ", ".join(_dated(each["status"], each["date"]) for each in status["history"][:-1])
    text = f"{status['who']}: {_dated(status['status'], status['date'])}"
    return f"{text} (before: {earlier})" if earlier else text


def _describe_invitee(person: dict[str, Any]) -> str:
    sent = _dated("sent", person["sent"]) if person["sent"] else "not sent"
    revoked = f", {_dated('revoked', person['revoked'])}" if person["revoked"] else ""
    return f"{person['name']} <{person['email']}>, {sent}{revoked}"


def _dated(text: str, date: str | None) -> str:
    return f"{text} {format_local_time(datetime.datetime.fromisoformat(date))}" if date else text


def _dates(review: Review) -> str:
    if review.state == "scheduled" and review.start is not None:
        return f", opens {format_local_time(review.start)}"
    if review.end is None:
        return ""
    return f", {'since' if review.state == 'closed' else 'until'} {format_local_time(review.end)}"
