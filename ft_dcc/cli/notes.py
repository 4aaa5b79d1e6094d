"""``ft-dcc notes``: the notes of reviewers on a task, a version or the user's own versions."""

from __future__ import annotations

import io
import textwrap
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from ft_dcc.cli.terminal.inputs import connected, export_options, export_target
from ft_dcc.cli.terminal.output import Output, ReportingGroup, as_plain, format_local_time
from ft_dcc.errors import Cancelled, Error, SettingInvalid, UserFixableError
from ft_dcc.files.atomic import storage_errors, write_atomically
from ft_dcc.production import review_content, tasks, versions
from ft_dcc.review import feedback
from ft_dcc.review.notes import Note, ReviewedSession, ReviewedVersion
from ft_dcc.session import Session

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.models import PublishRequest

_TEXT_WIDTH = 92
_MAX_REMINDERS, _REMINDER_WIDTH = 10, 80
_DEFAULT_SIZE = (1920, 1080)


def _selection(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--open", "is_open", is_flag=True, help="Only notes that are not done."),
        click.option("--mine", is_flag=True, help="Versions that you published (default)."),
        click.option("--version", metavar="VERSION", help="A version: id, or PROJECT/SEQUENCE/SHOT/ASSET/v003."),
        click.option("--task", metavar="TASK", help="Versions of a task: id, or PROJECT/SEQUENCE/SHOT/TASK."),
    ):
        function = option(function)
    return function


@click.group(cls=ReportingGroup, invoke_without_command=True)
@_selection
def command(output: Output, **selection: Any) -> None:
    """Show the notes of reviewers, newest version first; frames are the numbers of the shot.

    NOTE is the id of a note, or its first eight characters.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    with connected() as session:
        found = _read(session, **selection)
    lines = [line for version in found for line in _describe(version)]
    reports = [as_plain(version) for version in found]
    for version, report in zip(found, reports):
        for note, values in zip(version.notes, report["notes"]):
            replies = [{name: reply[name] for name in ("id", "author", "date", "text")} for reply in values["replies"]]
            values.update(is_open=note.is_open, is_done=note.is_done, replies=replies)
    output.result("\n".join(lines) or "There are no notes.", {"versions": reports})


@command.command(short_help="Answer a note.")
@click.argument("note", metavar="NOTE")
@click.argument("text", metavar="TEXT")
def reply(output: Output, note: str, text: str) -> None:
    """Write a reply to a note."""
    if not text.strip():
        raise SettingInvalid("The reply is empty. Write a text.")
    with connected() as session:
        reply_id = feedback.write_reply(session, feedback.find_note_id(session, note), text.strip())
    output.result("The reply is written.", {"reply_id": reply_id})


@command.command(short_help="Mark notes as done.")
@click.argument("notes", metavar="NOTE...", nargs=-1, required=True)
@click.option("--reopen", is_flag=True, help="Open them again.")
def done(output: Output, notes: tuple[str, ...], reopen: bool) -> None:
    """Mark notes as done, or open them again with --reopen."""
    with connected() as session:
        ids = [feedback.find_note_id(session, note) for note in notes]
        feedback.set_done(session, ids, is_done=not reopen)
    count = "1 note is" if len(ids) == 1 else f"{len(ids)} notes are"
    output.result(f"{count} {'open again' if reopen else 'done'}.", {"note_ids": ids, "is_done": not reopen})


@command.command(short_help="Write notes to a file.")
@_selection
@export_options("pdf", "csv", "otio", "drawings")
def export(output: Output, format_name: str, to: Path | None, force: bool, **selection: Any) -> None:
    """Write notes and drawings to a file of another program.

    PDF has drawings on empty frames; the drawings of the newest version that has any are an archive for Maya.
    """
    from ft_dcc.review.export.document import to_pdf
    from ft_dcc.review.export.otio import to_otio
    from ft_dcc.review.export.spreadsheet import to_csv

    target = export_target(to, "notes", review_content.SUFFIXES[format_name], force=force)
    with connected() as session:
        found = _read(session, **selection)
    sorted_versions = []
    for version in found:
        # Notes on the whole version come first, then the others by frame.
        notes = tuple(sorted(version.notes, key=lambda note: (note.frame is not None, note.frame or 0)))
        sorted_versions.append(attrs.evolve(version, notes=notes))
    content = ReviewedSession("Notes", "", tuple(sorted_versions))
    makers: dict[str, Callable[[], bytes]] = {
        # Excel reads UTF-8 only with a byte order mark.
        "csv": lambda: to_csv(content.versions).encode("utf-8-sig"),
        "pdf": lambda: to_pdf(content),
        "otio": lambda: to_otio(content).encode(),
        "drawings": lambda: _grease_pencil(found),
    }
    made = makers[format_name]()
    with storage_errors(f"{target} cannot be written", "Choose another file."):
        write_atomically(target, made)
    output.result(str(target), {"path": str(target), "format": format_name})


def _grease_pencil(found: Sequence[ReviewedVersion]) -> bytes:
    from ft_dcc.review.export.raster import write_drawings

    # Frames of different versions would lie on top of each other.
    newest = next((version for version in found if any(note.drawing for note in version.notes)), None)
    if newest is None:
        raise UserFixableError("There are no drawings to export. Choose another version with --version.")
    clip, content = newest.clip, io.BytesIO()
    size = (clip.width, clip.height) if clip is not None and newest.aspect else _DEFAULT_SIZE
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        write_drawings(archive, newest, lambda _: size, f"{newest.asset}_{newest.name}")
    return content.getvalue()


def _read(session: Session, task: str | None, version: str | None, mine: bool, is_open: bool) -> list[ReviewedVersion]:
    """Return the chosen versions that have notes; with ``is_open`` their open notes only."""
    if sum((task is not None, version is not None, mine)) > 1:
        raise click.UsageError("Give only one of --task, --version and --mine.")
    if task is not None:
        found = list(feedback.of_task(session, tasks.find_task(session, task)["id"]))
    elif version is not None:
        found = feedback.of_versions(session, [versions.find_version_id(session, version)])
    else:
        found = list(feedback.of_user(session, session.api_user))
    if is_open:
        found = [attrs.evolve(each, notes=each.open_notes) for each in found]
    return [each for each in found if each.notes]


def _describe(version: ReviewedVersion) -> list[str]:
    """Return the lines of a version: a heading, then each note with its text and replies."""
    verdicts = ", ".join(f"{verdict.author}: {verdict.status}" for verdict in version.verdicts if verdict.review)
    count = f"{len(version.open_notes)} of {len(version.notes)} open"
    heading = f"{version.path} {version.asset} {version.name}, {version.status}, {count}"
    lines = [f"{heading}; {verdicts}" if verdicts else heading]
    for note in version.notes:
        frame = "-" if note.frame is None else str(note.frame)
        if note.frame is not None and note.end_frame is not None and note.end_frame > note.frame:
            frame += f"-{note.end_frame}"
        state = "done" if note.is_done else "open" if note.is_open else "own"
        extras = [note.author, format_local_time(note.date) if note.date else "", *note.labels]
        extras += ["drawing"] if note.drawing else []
        extras += [f"addressed in {note.addressed_in}"] if note.addressed_in else []
        lines.append(f"  {note.id[:8]}  {frame:>9}  {state:<4}  {', '.join(filter(None, extras))}")
        lines += _indented(note.text, "      ")
        lines += _indented(note.problem, "      ! ")
        for answer in note.replies:
            lines += _indented(f"{answer.author}: {answer.text}", "      > ")
    return lines


def _indented(text: str, start: str) -> list[str]:
    return [
        line
        for part in text.splitlines()
        for line in textwrap.wrap(part, _TEXT_WIDTH, initial_indent=start, subsequent_indent=start)
    ]


def find_open_notes(session: Session, request: PublishRequest, host: Host | None) -> list[tuple[ReviewedVersion, Note]]:
    """Return the notes on the task's versions that wait for an answer; the publish itself reports errors."""
    try:
        task = request.task or (None if host is None else host.run_in_main_thread(host.scene).task_id)
        if not task:
            return []
        addressed = [feedback.find_note_id(session, note) for note in request.addresses]
        return feedback.unanswered_notes_of_task(session, tasks.find_task(session, task)["id"], addressed)
    except Cancelled:
        raise
    except Error:
        return []


def print_open_notes(output: Output, found: list[tuple[ReviewedVersion, Note]]) -> None:
    """Remind of the notes on the task's versions that wait for an answer, before it is too late to address them."""
    if not found:
        return
    count = "1 open note" if len(found) == 1 else f"{len(found)} open notes"
    output.message(f"{count}, which --addresses can name:")
    for version, note in found[:_MAX_REMINDERS]:
        frame = "" if note.frame is None else f"frame {note.frame}, "
        text = textwrap.shorten(" ".join(note.text.split()) or "a drawing", _REMINDER_WIDTH, placeholder=" …")
        output.message(f"  {note.id[:8]}  {version.title}, {frame}{note.author}: {text}")
    if len(found) > _MAX_REMINDERS:
        output.message(f"  and {len(found) - _MAX_REMINDERS} more: ft-dcc notes --task {found[0][0].task_id} --open")
