"""``ft-dcc review``: the review sessions of a site or studio, and the mails that a studio kept."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

import attrs
import click

from ft_dcc import review_sessions
from ft_dcc.cli.connection import connected
from ft_dcc.cli.output import Output, reporting
from ft_dcc.cli.values import MOMENT
from ft_dcc.config import read_settings
from ft_dcc.errors import ServerError, SettingInvalid
from ft_dcc.local_studio import need_server, studio_folder
from ft_dcc.review_sessions import Person, Review, need_review

_project = click.option("--project", help="Name of its project, where several have a review session of this name.")
_review = click.argument("name", metavar="REVIEW")
_starts = click.option("--starts", type=MOMENT, help="When it opens, as 2026-12-24 or '2026-12-24 18:00', local time.")
_ends = click.option("--ends", type=MOMENT, help="When it closes, likewise.")


@click.group(name="review", short_help="Show, schedule and close review sessions; invite people.")
def command() -> None:
    """Show, schedule and close review sessions; invite people.

    REVIEW is the name of a review session, its id, or the first eight characters of that.
    """


@command.command(name="list", short_help="List review sessions.")
@click.option("--project", help="Only this project's.")
@reporting
def list_reviews(output: Output, project: str | None) -> None:
    """List review sessions, the newest first: id, state, project, name, until when."""
    with connected() as session:
        reviews = review_sessions.find_reviews(session, project)
    lines = [f"{found.id[:8]}  {found.state:<7}  {found.project}  {found.name}{_dates(found)}" for found in reviews]
    output.result("\n".join(lines) or "There is no review session.", {"reviews": [_facts(found) for found in reviews]})


@command.command(short_help="Show one: link, versions, statuses, invitees.")
@_review
@_project
@reporting
def show(output: Output, name: str, project: str | None) -> None:
    """Show a review session: its link, its versions with what was said of them, and who is invited."""
    with connected() as session:
        found = need_review(session, name, project)
        content = review_sessions.read_content(session, found)
    lines = [_sentence(found), found.link or ""]
    for version in content["versions"]:
        said = ", ".join(f"{status['who']}: {status['status']}" for status in version["statuses"])
        lines.append(f"  {version['name']} ({version['version']}), notes: {version['notes']}{said and '; '}{said}")
    for person in content["invitees"]:
        sent = f"sent {person['sent']}" if person["sent"] else "not sent"
        lines.append(f"  {person['name']} <{person['email']}>, {sent}")
    output.result("\n".join(line for line in lines if line), {**_facts(found), **content})


@command.command(short_help="Make one.")
@_review
@click.option("--project", required=True, help="Name of its project.")
@_starts
@_ends
@reporting
def create(
    output: Output, name: str, project: str, starts: datetime.datetime | None, ends: datetime.datetime | None
) -> None:
    """Make a review session of a project, open from now on unless --starts says when."""
    with connected() as session:
        _tell(output, review_sessions.create_review(session, project, name, _given(starts, ends)))


@command.command(name="open", short_help="Open a closed one again.")
@_review
@_project
@click.option("--ends", type=MOMENT, help="Until when; else without an end.")
@reporting
def open_(output: Output, name: str, project: str | None, ends: datetime.datetime | None) -> None:
    """Open a review session, which takes versions, notes and statuses again; links of invitees are good again."""
    with connected() as session:
        _tell(output, review_sessions.open_again(session, need_review(session, name, project), ends))


@command.command(short_help="Close one: it takes nothing new.")
@_review
@_project
@reporting
def close(output: Output, name: str, project: str | None) -> None:
    """Close a review session: it takes no versions, notes, statuses or invitees, and links of invitees open nothing."""
    with connected() as session:
        _tell(output, review_sessions.close(session, need_review(session, name, project)))


@command.command(short_help="Say when one opens and closes.")
@_review
@_project
@_starts
@_ends
@reporting
def schedule(
    output: Output,
    name: str,
    project: str | None,
    starts: datetime.datetime | None,
    ends: datetime.datetime | None,
) -> None:
    """Say when a review session opens and closes."""
    if starts is None and ends is None:
        raise click.UsageError("Give --starts, --ends, or both.")
    with connected() as session:
        _tell(output, review_sessions.schedule(session, need_review(session, name, project), _given(starts, ends)))


@command.command(short_help="Print the link, or say to whom it opens.")
@_review
@_project
@click.option("--private/--public", "is_private", default=None, help="Whether it opens to those with the link alone.")
@reporting
def link(output: Output, name: str, project: str | None, is_private: bool | None) -> None:
    """Print the link of a review session; --private switches it off, so that invitees alone come in."""
    with connected() as session:
        found = need_review(session, name, project)
        if is_private is not None:
            found = review_sessions.share(session, found, is_private=is_private)
        if found.link is None:
            raise SettingInvalid(f"{session.server_url} gives its links to invitees alone. Use: ft-dcc review invite")
    text = f"'{found.name}' is private: its link opens nothing. Invite people." if found.is_private else found.link
    output.result(text, _facts(found))


@command.command(short_help="Set or take away the passphrase.")
@_review
@_project
@click.option("--off", is_flag=True, help="It asks for no passphrase.")
@reporting
def passphrase(output: Output, name: str, project: str | None, off: bool) -> None:
    """Set the passphrase of a review session. It is asked for, or read from what comes in: never an argument."""
    said = None if off else click.prompt("Passphrase", hide_input=sys.stdin.isatty(), err=True)
    with connected() as session:
        _tell(output, review_sessions.set_passphrase(session, need_review(session, name, project), said))


@command.command(short_help="Invite people by mail.")
@_review
@click.argument("people", metavar="'NAME <MAIL>'...", nargs=-1, required=True)
@_project
@reporting
def invite(output: Output, name: str, people: tuple[str, ...], project: str | None) -> None:
    """Send each of the people a link of his own; a link that was sent before is void then."""
    wanted = [Person.parse(text) for text in people]
    with connected() as session:
        invited = review_sessions.invite(session, need_review(session, name, project), wanted)
    words = {True: "the mail is in the studio's outbox: ft-dcc review outbox", False: "sent"}
    lines = [f"{found.name} <{found.email}>: {found.reason or words[found.is_kept]}" for found in invited]
    output.result("\n".join(lines), {"invited": [attrs.asdict(found) for found in invited]})
    for warning in dict.fromkeys(found.warning for found in invited if found.warning):
        output.say(warning)
    if any(found.reason for found in invited):
        raise ServerError("Not every mail was sent. Those in the outbox are sent again by and by.")


@command.command(short_help="Take an invitation back.")
@_review
@click.argument("who", metavar="MAIL")
@_project
@click.option("--remove", is_flag=True, help="Remove the invitee, too, with all that he said.")
@reporting
def revoke(output: Output, name: str, who: str, project: str | None, remove: bool) -> None:
    """Take an invitation back: the links of this invitee open nothing any more."""
    with connected() as session:
        revoked = review_sessions.revoke(session, need_review(session, name, project), who, is_removed=remove)
    output.result(f"{revoked} is invited no more.", {"name": revoked, "is_removed": remove})


@command.command(short_help="Show the mails that a studio kept.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the studio; else your own local studio's.",
)
@click.option("--send", is_flag=True, help="Send them now, by the studio's mail server.")
@click.option("--drop", metavar="ID", help="Forget the mail with this id, or all of them.")
@reporting
def outbox(output: Output, data: Path | None, send: bool, drop: str | None) -> None:
    """Show the mails that a studio could not send, or has no mail server for, with the links in them.

    They are files in the folder of the studio, and are shown on the machine that it is on.
    """
    need_server("The outbox of a studio")
    if data is None and read_settings().get("server") is not None:
        raise SettingInvalid("The mails of a studio are on its own machine. Name its folder there with --data.")
    _show_outbox(output, data or studio_folder(), is_sending=send, dropped=drop)


def _show_outbox(output: Output, folder: Path, *, is_sending: bool, dropped: str | None) -> None:
    from ft_dcc.server.mail import read_post
    from ft_dcc.server.outbox import letters

    post = read_post(folder)
    for letter in letters(post.outbox):
        if dropped in (letter.id, "all"):
            letter.forget()
    sent = [letter.id for letter, reason in post.send_waiting(is_everything=True) if not reason] if is_sending else []
    left = list(letters(post.outbox))
    lines = [f"{len(sent)} sent."] if is_sending else []
    for letter in left:
        lines += [
            f"{letter.id}  {letter.date}  {letter.to}  {letter.subject}",
            *(f"    {x}" for x in letter.text.splitlines()),
        ]
        lines += [f"    Not sent: {letter.reason}"] if letter.reason else []
    facts = [
        {name: str(getattr(letter, name)) for name in ("id", "date", "to", "subject", "text", "reason", "path")}
        for letter in left
    ]
    output.result("\n".join(lines) or "The outbox is empty.", {"sent": sent, "mails": facts})
    if is_sending and left:
        raise ServerError(f"{len(left)} of the mails stay in the outbox: {left[0].reason}")


def _given(starts: datetime.datetime | None, ends: datetime.datetime | None) -> dict[str, Any]:
    return {name: value for name, value in (("start_date", starts), ("end_date", ends)) if value is not None}


def _tell(output: Output, review: Review) -> None:
    output.result(_sentence(review), _facts(review))


def _sentence(review: Review) -> str:
    words = [f"{review.project}: '{review.name}' is {review.state}{_dates(review)}"]
    words += ["private"] if review.is_private else []
    words += ["with a passphrase"] if review.has_passphrase else []
    return ", ".join(words)


def _dates(review: Review) -> str:
    if review.state == "to come" and review.start is not None:
        return f", opens {_local(review.start)}"
    if review.end is None:
        return ""
    return f", {'since' if review.state == 'closed' else 'until'} {_local(review.end)}"


def _local(moment: datetime.datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _facts(review: Review) -> dict[str, Any]:
    facts = attrs.asdict(review)
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in facts.items()}
