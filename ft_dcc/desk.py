"""What a panel or a dialog shows: workers write it down here, and drawing only reads it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ft_dcc.errors import Cancelled, Error, Problem, Problems, ServerUnreachable, TaskNotFound
from ft_dcc.lookups import Lookups
from ft_dcc.main_thread import outlive_broken_pipes

if TYPE_CHECKING:
    from ft_dcc.credentials import Account
    from ft_dcc.host import Host
    from ft_dcc.publish.progress import Progress
    from ft_dcc.publish.records import Published, PublishedVersion, PublishRequest, Task
    from ft_dcc.publish.run import Judgement, Publisher
    from ft_dcc.review import OpenReview
    from ft_dcc.session import Session

log = logging.getLogger(__name__)

DEFAULT_REVIEW = "Review"


def _nothing() -> None:
    """Nobody wants to be told."""


def _join(thread: threading.Thread, seconds: float) -> None:
    thread.join(seconds)


class Desk:
    """One artist at work: signed in or not, what may be chosen, the publish that runs and those that are done.

    One piece of work runs at a time, in a thread of its own; ``lookups`` answers questions beside it. ``on_begin`` is
    called by whoever begins some, ``on_change`` by any thread after something here has changed, ``wait(thread,
    seconds)`` by whoever waits: a program whose main thread serves others does so in it.
    """

    def __init__(
        self,
        on_begin: Callable[[], object] = _nothing,
        on_change: Callable[[], object] = _nothing,
        wait: Callable[[threading.Thread, float], object] = _join,
    ) -> None:
        self._on_begin, self._on_change, self._wait = on_begin, on_change, wait
        self.session: Session | None = None
        self.server = self.user = ""
        self.tasks: dict[str, Task] = {}
        self.reviews: dict[str, tuple[str, ...]] = {}
        self.open_reviews: tuple[OpenReview, ...] = ()
        self.doing = ""
        # How many pieces of work are through: one may begin and end between two looks.
        self.finished = 0
        self.progress: Progress | None = None
        self.problems: tuple[Problem, ...] = ()
        self.error = ""
        self.published: list[tuple[str, PublishedVersion]] = []
        self.is_partly_publishable = False
        self._judgement: Judgement | None = None
        self._asked: tuple[PublishRequest, Host | None] | None = None
        self._is_repaired = False
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self.lookups = Lookups(on_change)

    @property
    def is_busy(self) -> bool:
        """Whether a worker is at it."""
        return self._thread is not None

    @property
    def is_publishing(self) -> bool:
        """Whether something is on its way to the server."""
        return self.is_busy and self.doing in ("publish", "resume")

    @property
    def is_waiting(self) -> bool:
        """Whether what was judged waits for the artist, and nothing of it was captured or sent."""
        return self._judgement is not None

    @property
    def is_capturing(self) -> bool:
        """Whether the scene is borrowed, or about to be."""
        return self.is_busy and self.doing == "publish" and (self.progress is None or self.progress.step == "capture")

    def task(self, task_id: str | None) -> Task | None:
        """The task with this id, as far as it was fetched or found."""
        if not task_id:
            return None
        found = next((task for task in self.lookups.found if task.id == task_id), None)
        return self.tasks.get(task_id) or found

    def find_task(self, task_id: str) -> None:
        """The task with this id is known, in a moment; it may be one of somebody else's."""
        session = self.session

        def work() -> None:
            from ft_dcc.publish.records import Task
            from ft_dcc.tasks import find_task

            if session is not None:
                self.tasks = {**self.tasks, task_id: Task.of(find_task(session, task_id))}

        self.lookups.run("Looking for the task", work)

    def usual_review(self, task_id: str | None) -> str:
        """The review session for whoever chooses none: the newest of the task's project that is open, or a new one."""
        task = self.task(task_id)
        open_ones = self.reviews.get(task.project_id, ()) if task else ()
        return open_ones[0] if open_ones else DEFAULT_REVIEW

    def sign_in(self, account: Account, then: Callable[[], object] = _nothing) -> None:
        """A session is open and what can be chosen is fetched, in a moment; ``then`` runs in the worker after it."""
        self._begin("sign in", lambda: self._open(account, then))

    def sign_in_later(
        self, wait_for_account: Callable[[Callable[[], bool]], Account | None], then: Callable[[Account], object]
    ) -> None:
        """A session is open as soon as it is known who it is for; ``then`` is given that. For None, nothing happens."""

        def work() -> None:
            account = wait_for_account(self._cancel.is_set)
            if account is not None:
                self._open(account, lambda: then(account))

        self._begin("sign in", work)

    def refresh(self, task_id: str | None = None) -> None:
        """Tasks and review sessions are fetched anew, in a moment."""
        self._begin("refresh", lambda: self._fetch(task_id))

    def read_reviews(self) -> None:
        """The review sessions that are open are known anew, in a moment, whatever else is done."""
        session = self.session
        if session is not None:
            self.lookups.run("Looking for review sessions", lambda: self._fetch_reviews(session))

    def publish(self, request: PublishRequest, host: Host | None = None) -> None:
        """It is judged, and where there is no problem captured, encoded and published, in a while.

        Problems are in ``problems``, and can be repaired; files wait in the queue when the server does not answer.
        """
        self._begin("publish", lambda: self._publish(request, host))

    def publish_rest(self) -> None:
        """What of the judged publish has no problem is published, in a while.

        A repair may have brought another problem, as a scene that is not saved: then that is in ``problems`` first.
        """
        self._begin("publish", self._publish_rest)

    def repair(self, *problems: Problem) -> None:
        """The problems' repairs have run, and what is wrong then is in ``problems``, in a moment."""
        self._begin("repair", lambda: self._repair(problems), self.problems)

    def resume(self, job_id: str, host: Host | None = None) -> None:
        """A job of the queue has gone on, in a while."""
        self._begin("resume", lambda: self._note(self._publisher(host).resume(job_id)))

    def drop(self, job_id: str) -> None:
        """A job of the queue is gone, with what it had uploaded, in a moment."""
        self._begin("drop", lambda: self._publisher(None).drop(job_id))

    def cancel(self) -> None:
        """Whatever is published stops within a moment, and leaves nothing."""
        self._cancel.set()

    def wait(self, seconds: float) -> bool:
        """Whether the worker is through within these seconds; the caller is the main thread, and serves it."""
        thread = self._thread
        if thread is not None:
            self._wait(thread, seconds)
        return not self.is_busy

    def close(self) -> None:
        """Signed out; a worker is told to stop, its job stays in the queue, and nothing that was fetched is kept."""
        self.lookups.forget()
        session, self.session = self.session, None
        if session is not None:
            session.close()
        # After the session: whoever leaves gives nothing up.
        self._cancel.set()
        if not self.is_busy:
            self._give_up()
        self.server, self.user, self.tasks, self.reviews = "", "", {}, {}
        self.open_reviews = ()
        self.progress, self.problems, self.error, self.published = None, (), "", []
        self._on_change()

    def _begin(self, doing: str, function: Callable[[], None], problems: tuple[Problem, ...] = ()) -> None:
        if self.is_busy:
            return
        self.doing, self.progress, self.problems, self.error = doing, None, problems, ""
        self.is_partly_publishable = False
        # The same one: what was judged goes on with it.
        self._cancel.clear()
        outlive_broken_pipes()
        self._thread = threading.Thread(target=self._work, args=(function,), name=f"ft-dcc {doing}", daemon=True)
        self._thread.start()
        self._on_begin()

    def _work(self, function: Callable[[], None]) -> None:
        from ft_dcc.session.background import interruptible

        try:
            with interruptible(self._check):
                function()
        except Problems as error:
            self.problems = error.problems
        except Cancelled:
            self.error = "Cancelled."
        except Error as error:
            self.error = str(error)
        except Exception as error:
            log.exception("%s failed", self.doing)
            self.error = f"{self.doing} failed: {error}. The details are in the log."
        finally:
            # Whoever asks from now on is told that the work is over, though this thread still has a breath to take.
            self._thread = None
            self.finished += 1
            self._on_change()

    def _check(self) -> None:
        if self._cancel.is_set():
            raise Cancelled(f"{self.doing} was cancelled.")

    def _open(self, account: Account, then: Callable[[], object]) -> None:
        from ft_dcc.session import Session

        session = Session(account.server, account.key, account.user)
        try:
            self._check()
        except Cancelled:
            session.close()
            raise
        self.session, self.server, self.user = session, session.server_url, account.user
        then()
        self._fetch(None)

    def _fetch(self, task_id: str | None) -> None:
        from ft_dcc.publish.records import Task
        from ft_dcc.tasks import find_task, tasks_of

        session = self.session
        if session is None:
            return
        found = tasks_of(session, self.user)
        if task_id and task_id not in {task["id"] for task in found}:
            with suppress(TaskNotFound):
                found.append(find_task(session, task_id))
        self.tasks = {task.id: task for task in sorted(map(Task.of, found), key=lambda task: task.path)}
        self._fetch_reviews(session)

    def _fetch_reviews(self, session: Session) -> None:
        from ft_dcc.review import open_reviews

        self.open_reviews = tuple(open_reviews(session))
        self.reviews = _grouped((each.project_id, each.name) for each in self.open_reviews)

    def _publisher(self, host: Host | None) -> Publisher:
        from ft_dcc.publish.run import Publisher

        def tell(progress: Progress) -> None:
            self.progress = progress
            self._on_change()

        if self.session is None:
            raise Error("Nobody is signed in. Sign in first.")
        return Publisher(self.session, host, tell, cancel=self._cancel)

    def _publish(self, request: PublishRequest, host: Host | None, known: tuple[Problem, ...] = ()) -> None:
        """It is judged, and where there is no problem but those that the artist knows, it is published."""
        self._give_up()
        publisher = self._publisher(host)
        try:
            judgement = publisher.judge(request)
        except ServerUnreachable as error:
            error.message += publisher.postpone(request)
            raise
        self._judgement, self._asked, self._is_repaired = judgement, (request, host), False
        if not set(judgement.problems) <= set(known):
            self.is_partly_publishable = judgement.has_publishable
            raise Problems(judgement.problems)
        self._publish_judged()

    def _publish_rest(self) -> None:
        if self._judgement is not None and self._asked is not None and self._is_repaired:
            self._publish(*self._asked, known=self._judgement.problems)
        else:
            self._publish_judged()

    def _publish_judged(self) -> None:
        judgement, self._judgement = self._judgement, None
        if judgement is not None:
            self._note(judgement.publish())

    def _repair(self, problems: Iterable[Problem]) -> None:
        judgement, failed = self._judgement, []
        if judgement is None:
            raise Error("What was judged is not there any more. Publish again.")
        self._is_repaired = True
        try:
            for problem in problems:
                try:
                    judgement.repair(problem)
                except Cancelled:
                    raise
                except Error as error:
                    # The others' repairs have nothing to do with it.
                    failed.append(str(error))
        finally:
            self.problems = judgement.problems
            self.is_partly_publishable = judgement.has_publishable
        if failed:
            raise Error(" ".join(dict.fromkeys(failed)))

    def _give_up(self) -> None:
        judgement, self._judgement = self._judgement, None
        if judgement is not None:
            judgement.give_up()

    def _note(self, published: Published) -> None:
        self.problems = published.problems
        self.published = [*((published.task, version) for version in published.versions), *self.published]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        grouped[key] = (*grouped.get(key, ()), value)
    return grouped
