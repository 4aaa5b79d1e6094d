"""``ft-dcc notes``: the notes of reviewers on a task, a version or the user's own versions."""

from __future__ import annotations

import io
import textwrap
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from ft_dcc.cli.terminal.inputs import connected
from ft_dcc.cli.terminal.output import CommandGroup, Output, format_local_time, reporting
from ft_dcc.errors import Cancelled, Error, SettingInvalid, StorageError, UserFixableError
from ft_dcc.files.atomic import write_atomically
from ft_dcc.review.notes import Note, ReviewedSession, ReviewedVersion

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.models import PublishRequest
    from ft_dcc.session import Session

_TEXT_WIDTH = 92
_MAX_REMINDERS, _REMINDER_WIDTH = 10, 80
_DEFAULT_SIZE = (1920, 1080)


def _selection(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose versions."""
    for option in (
        click.option("--open", "is_open", is_flag=True, help="Only notes that are not done."),
        click.option("--mine", is_flag=True, help="Versions that you published (default)."),
        click.option("--version", metavar="VERSION", help="A version: id, or PROJECT/SEQUENCE/SHOT/ASSET/v003."),
        click.option("--task", metavar="TASK", help="Versions of a task: id, or PROJECT/SEQUENCE/SHOT/TASK."),
    ):
        function = option(function)
    return function


@click.group(
    cls=CommandGroup,
    name="notes",
    short_help="Show, answer and export notes of reviewers.",
    invoke_without_command=True,
)
@_selection
@reporting
@click.pass_context
def command(context: click.Context, /, output: Output, **selection: Any) -> None:
    """Show the notes of reviewers, newest version first; frames are the numbers of the shot.

    NOTE is the id of a note, or its first eight characters.
    """
    if context.invoked_subcommand is not None:
        return
    with connected() as session:
        versions = _read(session, **selection)
    lines = [line for version in versions for line in _describe(version)]
    report = {"versions": [_as_report(version) for version in versions]}
    output.result("\n".join(lines) or "There are no notes.", report)


@command.command(short_help="Answer a note.")
@click.argument("note", metavar="NOTE")
@click.argument("text", metavar="TEXT")
@reporting
def reply(output: Output, note: str, text: str) -> None:
    """Write a reply to a note."""
    from ft_dcc.review import feedback

    if not text.strip():
        raise SettingInvalid("The reply is empty. Write a text.")
    with connected() as session:
        reply_id = feedback.write_reply(session, feedback.find_note_id(session, note), text.strip())
    output.result("The reply is written.", {"reply_id": reply_id})


@command.command(short_help="Mark notes as done.")
@click.argument("notes", metavar="NOTE...", nargs=-1, required=True)
@click.option("--reopen", is_flag=True, help="Open them again.")
@reporting
def done(output: Output, notes: tuple[str, ...], reopen: bool) -> None:
    """Mark notes as done, or open them again with --reopen."""
    from ft_dcc.review import feedback

    with connected() as session:
        ids = [feedback.find_note_id(session, note) for note in notes]
        feedback.set_done(session, ids, is_done=not reopen)
    count = "1 note is" if len(ids) == 1 else f"{len(ids)} notes are"
    output.result(f"{count} {'open again' if reopen else 'done'}.", {"note_ids": ids, "is_done": not reopen})


@command.command(short_help="Write notes to a file.")
@_selection
@click.option("--csv", "csv", type=click.Path(dir_okay=False, path_type=Path), help="Spreadsheet, a line a note.")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), help="PDF with drawings on empty frames.")
@click.option("--otio", type=click.Path(dir_okay=False, path_type=Path), help="OpenTimelineIO with drawings (ORI).")
@click.option(
    "--grease-pencil",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Archive of drawn frames for Maya; needs --task or --version.",
)
@reporting
def export(
    output: Output,
    csv: Path | None,
    pdf: Path | None,
    otio: Path | None,
    grease_pencil: Path | None,
    **selection: Any,
) -> None:
    """Write notes and drawings to files of other programs; give at least one file."""
    if not (csv or pdf or otio or grease_pencil):
        raise click.UsageError("Give --csv, --pdf, --otio or --grease-pencil.")
    with connected() as session:
        versions = _read(session, **selection)
    written = []
    notes = ReviewedSession("Notes", "", tuple(attrs.evolve(each, notes=_by_frame(each)) for each in versions))
    if csv is not None:
        from ft_dcc.review.export.spreadsheet import to_csv

        # Excel reads UTF-8 only with a byte order mark.
        written.append(_write(csv, to_csv(notes.versions).encode("utf-8-sig")))
    if pdf is not None:
        from ft_dcc.review.export.document import to_pdf

        written.append(_write(pdf, to_pdf(notes)))
    if otio is not None:
        from ft_dcc.review.export.otio import to_otio

        written.append(_write(otio, to_otio(notes).encode()))
    if grease_pencil is not None:
        written.append(_write(grease_pencil, _grease_pencil(versions)))
    output.result("\n".join(written), {"paths": written})


def _by_frame(version: ReviewedVersion) -> tuple[Note, ...]:
    """Return notes on the whole version first, then the others by frame."""
    return tuple(sorted(version.notes, key=lambda note: (note.frame is not None, note.frame or 0)))


def _grease_pencil(versions: Sequence[ReviewedVersion]) -> bytes:
    from ft_dcc.review.export.grease_pencil import write_drawings

    # Frames of different versions would lie on top of each other.
    newest = next((version for version in versions if any(note.drawing for note in version.notes)), None)
    if newest is None:
        raise UserFixableError("There are no drawings to export. Choose another version with --version.")
    clip, content = newest.clip, io.BytesIO()
    size = (clip.width, clip.height) if clip is not None and newest.aspect else _DEFAULT_SIZE
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        write_drawings(archive, newest, lambda _: size, f"{newest.asset}_{newest.name}")
    return content.getvalue()


def _write(path: Path, content: bytes) -> str:
    try:
        write_atomically(path, content)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}. Choose another file.") from error
    return str(path)


def _read(session: Session, task: str | None, version: str | None, mine: bool, is_open: bool) -> list[ReviewedVersion]:
    """Return the chosen versions that have notes; with ``is_open`` their open notes only."""
    from ft_dcc.production.tasks import find_task
    from ft_dcc.production.versions import find_version_id
    from ft_dcc.review import feedback

    if sum((task is not None, version is not None, mine)) > 1:
        raise click.UsageError("Give only one of --task, --version and --mine.")
    if task is not None:
        found = list(feedback.of_task(session, find_task(session, task)["id"]))
    elif version is not None:
        found = feedback.of_versions(session, [find_version_id(session, version)])
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
        lines += _describe_note(note)
    return lines


def _describe_note(note: Note) -> list[str]:
    frame = "-" if note.frame is None else str(note.frame)
    if note.frame is not None and note.end_frame is not None and note.end_frame > note.frame:
        frame = f"{note.frame}-{note.end_frame}"
    state = "done" if note.is_done else "open" if note.is_open else "own"
    extras = [
        note.author,
        format_local_time(note.date) if note.date else "",
        *note.labels,
        *(["drawing"] if note.drawing else []),
    ]
    extras += [f"addressed in {note.addressed_in}"] if note.addressed_in else []
    lines = [f"  {note.id[:8]}  {frame:>9}  {state:<4}  {', '.join(extra for extra in extras if extra)}"]
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


def _as_report(version: ReviewedVersion) -> dict[str, Any]:
    report: dict[str, Any] = _plain(attrs.asdict(version))
    for note, values in zip(version.notes, report["notes"]):
        replies = [{name: reply[name] for name in ("id", "author", "date", "text")} for reply in values["replies"]]
        values.update(is_open=note.is_open, is_done=note.is_done, replies=replies)
    return report


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else value


def find_open_notes(session: Session, request: PublishRequest, host: Host | None) -> ReviewedVersion | None:
    """Return the last version of the task with its open notes, or None; the publish itself reports errors."""
    from ft_dcc.production.tasks import find_task
    from ft_dcc.review.feedback import find_note_id, open_notes_of_last_version

    try:
        task = request.task or (None if host is None else host.run_in_main_thread(host.scene).task_id)
        if not task:
            return None
        addressed = [find_note_id(session, note) for note in request.addresses]
        return open_notes_of_last_version(session, find_task(session, task)["id"], addressed)
    except Cancelled:
        raise
    except Error:
        return None


def print_open_notes(output: Output, version: ReviewedVersion | None) -> None:
    """Remind of the open notes of the last version, before it is too late to address them."""
    if version is None:
        return
    count = "1 open note" if len(version.notes) == 1 else f"{len(version.notes)} open notes"
    output.message(f"{count} on {version.asset} {version.name}, which --addresses can name:")
    for note in version.notes[:_MAX_REMINDERS]:
        frame = "" if note.frame is None else f"frame {note.frame}, "
        text = " ".join(note.text.split()) or "a drawing"
        output.message(
            f"  {note.id[:8]}  {frame}{note.author}: {textwrap.shorten(text, _REMINDER_WIDTH, placeholder=' …')}"
        )
    if len(version.notes) > _MAX_REMINDERS:
        output.message(f"  and {len(version.notes) - _MAX_REMINDERS} more: ft-dcc notes --version {version.id} --open")
