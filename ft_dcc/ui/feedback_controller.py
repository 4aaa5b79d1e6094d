"""The feedback on the versions of one task, for every panel and dialog; all work is done in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ft_dcc.errors import CameraMissing, Error
from ft_dcc.host import GoesToFrames, Host, ShowsFeedback
from ft_dcc.host_support.main_thread import run_when_idle
from ft_dcc.review.drawings import Drawing
from ft_dcc.review.notes import Note, ReviewedVersion, drawings_for_scene, unanswered_notes, versions_to_show
from ft_dcc.ui import background, texts

if TYPE_CHECKING:
    from ft_dcc.session import Session

_MAX_MESSAGE_LENGTH = 80


def show_drawings(
    host: Host, versions: Sequence[ReviewedVersion], source: str | None = None
) -> tuple[list[Drawing], list[str]]:
    """Show the drawings of the open notes on the versions in the scene, in an idle moment.

    Returns the drawings, and a sentence for each problem. ``source`` is by default what the first of the versions was
    captured from, or the first source of the scene if that does not exist any more.
    """
    if not isinstance(host, ShowsFeedback):
        raise Error(f"{host.name} cannot show drawings. See them on the review page.")
    feedback_host: ShowsFeedback = host
    scene = run_when_idle(host, host.scene)
    drawings, first, problems = drawings_for_scene(versions), next(iter(versions), None), list[str]()
    if first is not None and drawings and None not in (scene.task_id, first.task_id) and scene.task_id != first.task_id:
        problems.append(f"The open scene belongs to another task than {first.asset} {first.name}. Check the shot.")

    def show(name: str | None) -> list[str]:
        return run_when_idle(host, partial(feedback_host.show_feedback, drawings, name))

    return drawings, [*problems, *show_with_source(show, source, first, "Its drawings are")]


def show_with_source(
    show: Callable[[str | None], list[str]], source: str | None, version: ReviewedVersion | None, what: str
) -> list[str]:
    """Show something of the version with the source, by default the one that the version was captured from.

    If that does not exist any more, it is shown with the first source of the scene. Returns a sentence for each
    problem; ``what`` begins the one about the source, such as "It is".
    """
    captured = None if version is None else version.source or None
    try:
        return show(source or captured)
    except CameraMissing:
        if source is not None or captured is None or version is None:
            raise
    origin = f"The scene has no {captured}, which {version.asset} {version.name} was captured from."
    return [f"{origin} {what} shown with the first source of the scene.", *show(None)]


class FeedbackController(background.BackgroundWork):
    """The versions of a task with their notes."""

    def __init__(self, on_change: Callable[[], object]) -> None:
        self._action_error = self._reading_error = ""
        super().__init__(on_change)
        self.task_id: str | None = None
        self.versions: tuple[ReviewedVersion, ...] = ()
        self.is_shown = False
        # The number of notes that arrived since ``mark_seen``, and the newest of them.
        self.unseen_count, self.message = 0, ""
        # The reply that could not be written, until the next one.
        self.unsent_text = ""
        # Sentences about drawings that are not shown.
        self.problems: tuple[str, ...] = ()
        self._watched: Session | None = None
        self._watch_lock = threading.Lock()

    @property
    def error(self) -> str:
        """The message of the last action of the user if it failed, else that of the last reading, else ""."""
        return self._action_error or self._reading_error

    @error.setter
    def error(self, message: str) -> None:
        self._action_error = message

    @property
    def open_count(self) -> int:
        """The number of notes on all versions that wait for an answer."""
        return len(unanswered_notes(self.versions))

    def unanswered_notes(self, task_id: str | None) -> list[tuple[ReviewedVersion, Note]]:
        """Return the notes on all versions of the task that wait for an answer, if they were read."""
        return unanswered_notes(self.versions) if task_id == self.task_id else []

    def find_note(self, note_id: str | None) -> Note | None:
        """Return the note with this id if it was read."""
        notes = (note for version in self.versions for note in version.notes)
        return next((note for note in notes if note.id == note_id), None)

    def read(self, session: Session, task_id: str) -> None:
        """Read the feedback on the versions of a task, and again when something new arrives."""
        if task_id != self.task_id:
            self.task_id, self.versions, self.unseen_count, self.message = task_id, (), 0, ""
        self.is_loading = True

        def work() -> None:
            # Notes are also read when an event arrives; that must not replace the error of a reply.
            error = background.error_message_of("Reading notes", lambda: self._read(session, task_id))
            # Another task may have been chosen, or the user signed out, meanwhile.
            if task_id == self.task_id:
                self._reading_error = error
            self._on_change()

        self._worker.run("Reading notes", work)

    def reply(self, session: Session, note: Note, text: str) -> None:
        """Write a reply to a note and read the notes again."""

        def work() -> None:
            from ft_dcc.review import feedback

            try:
                feedback.write_reply(session, note.id, text)
            except Exception:
                self.unsent_text = text
                raise
            self._read_again(session)

        # The note is part of the kind, so that a second reply does not replace a waiting one.
        self.run(f"Replying to {note.id} with {text}", work)

    def set_done(self, session: Session, note: Note, *, is_done: bool = True) -> None:
        """Mark a note as done, or open it again, and read the notes again."""

        def work() -> None:
            from ft_dcc.review import feedback

            feedback.set_done(session, [note.id], is_done=is_done)
            self._read_again(session)

        self.run(f"Marking {note.id}", work)

    def show(self, host: Host, versions: Sequence[ReviewedVersion] | None = None, source: str | None = None) -> None:
        """Show the drawings of the open notes in the scene, by default of the newest version and those that wait."""
        shown = versions_to_show(self.versions) if versions is None else versions

        def work() -> None:
            drawings, problems = show_drawings(host, shown, source)
            self.problems, self.is_shown = tuple(problems), bool(drawings)

        self.run("Showing drawings", work, uses_scene=True)

    def hide(self, host: Host | None) -> None:
        """Remove the drawings from the scene."""

        def work() -> None:
            if host is not None and isinstance(host, ShowsFeedback):
                run_when_idle(host, host.clear_feedback)
            self.is_shown, self.problems = False, ()

        self.run("Showing drawings", work, uses_scene=True)

    def go_to_frame(self, host: Host, frame: int) -> None:
        """Set the current frame of the scene."""

        def work() -> None:
            if not isinstance(host, GoesToFrames):
                raise Error(f"{host.name} has no timeline.")
            run_when_idle(host, partial(host.go_to_frame, frame))

        self.run("Going to a frame", work, uses_scene=True)

    def take_unsent_text(self) -> str:
        """Return the reply that could not be written, once."""
        text, self.unsent_text = self.unsent_text, ""
        return text

    def mark_seen(self) -> None:
        """Reset the count of new notes."""
        self.unseen_count, self.message = 0, ""

    def clear(self) -> None:
        """Discard everything that was read; the session is about to be closed."""
        super().clear()
        self.task_id, self.versions, self._watched = None, (), None
        self.unseen_count, self.message, self.unsent_text, self.problems = 0, "", "", ()
        self._reading_error = ""

    def _read_again(self, session: Session) -> None:
        if self.task_id is not None:
            self._read(session, self.task_id)

    def _read(self, session: Session, task_id: str) -> None:
        from ft_dcc.review import feedback

        try:
            self._watch(session)
            versions = tuple(feedback.of_task(session, task_id))
        finally:
            self.is_loading = False
        if task_id != self.task_id:
            return
        known = {note.id for version in self.versions for note in version.notes}
        new = [note for version in versions for note in version.notes if note.is_open and note.id not in known]
        if self.versions and new:
            self.unseen_count += len(new)
            text = f"{new[-1].author}: {texts.note_text(new[-1])}"
            is_short = len(text) <= _MAX_MESSAGE_LENGTH
            self.message = text if is_short else f"{text[: _MAX_MESSAGE_LENGTH - 1]}…"
        self.versions, self._reading_error = versions, ""

    def _watch(self, session: Session) -> None:
        """Read again when feedback arrives, once a session."""
        from ft_dcc.review import feedback

        with self._watch_lock:
            if self._watched is session:
                return
            self._watched = session

        def receive() -> None:
            if self._watched is session and self.task_id is not None:
                self.read(session, self.task_id)

        feedback.watch(session, receive)
