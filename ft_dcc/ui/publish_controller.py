"""The state behind a publish panel or dialog: worker threads change it, drawing only reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ft_dcc.errors import Cancelled, Error, ServerUnreachable, TaskNotFound, ValidationFailed, ValidationIssue
from ft_dcc.host_support.main_thread import is_scene_captured, run_when_idle
from ft_dcc.ui.activity_runner import ActivityRunner, do_nothing
from ft_dcc.ui.background import Loaded
from ft_dcc.ui.background_queries import BackgroundQueries, ImageCache, RecordedRender, recorded_renders
from ft_dcc.ui.feedback_controller import FeedbackController
from ft_dcc.ui.last_reviews import read_last_reviews, remember_reviews
from ft_dcc.ui.version_files import VersionFiles

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from ft_dcc.accounts.credentials import Account
    from ft_dcc.frames import FrameRange
    from ft_dcc.host import Host
    from ft_dcc.production.review_sessions import OpenReview
    from ft_dcc.publish.models import Published, PublishedVersion, PublishRequest, Shot, Task
    from ft_dcc.publish.progress import Progress
    from ft_dcc.publish.publisher import PublishCheck, Publisher
    from ft_dcc.renders.renders import Render
    from ft_dcc.review.feedback import VersionState
    from ft_dcc.review.my_tasks import MyTask
    from ft_dcc.review.notes import ReviewedVersion
    from ft_dcc.session import Session

DEFAULT_REVIEW = "Review"


class PublishController(ActivityRunner):
    """The login, the choices, the running publish and the finished ones of one artist; ``queries`` run beside them."""

    def __init__(
        self,
        on_start: Callable[[], object] = do_nothing,
        on_change: Callable[[], object] = do_nothing,
        wait: Callable[[threading.Thread, float], object] = threading.Thread.join,
    ) -> None:
        super().__init__(on_start, on_change, wait)
        self.session: Session | None = None
        self.server = self.user = ""
        self.tasks: dict[str, Task] = {}
        self.reviews: dict[str, tuple[str, ...]] = {}
        self.open_reviews: tuple[OpenReview, ...] = ()
        # What the shots of tasks want, by the id of the task.
        self.shots: dict[str, Shot] = {}
        self._last_reviews: Mapping[str, tuple[str, ...]] = {}
        self.statuses: tuple[str, ...] = ()
        self.published: list[tuple[str, PublishedVersion]] = []
        self.is_partly_publishable = False
        # The movies of a publish that waits for ``send`` or ``discard_preview``.
        self.previews: tuple[Path, ...] = ()
        # The last version of the task with its open notes, found when a publish was validated.
        self.reminder: ReviewedVersion | None = None
        self._pending_check: PublishCheck | None = None
        self._pending_request: PublishRequest | None = None
        self._pending_host: Host | None = None
        self._has_repairs = False
        self.queries = BackgroundQueries(on_change)
        self.feedback = FeedbackController(on_change)
        self.my_tasks: Loaded[tuple[MyTask, ...]] = Loaded("Reading your tasks", (), on_change)
        self.images = ImageCache(on_change)
        self.version_files = VersionFiles(on_change)
        # The status and thumbnail of the last versions of this machine, by their ids.
        self.version_states: Loaded[Mapping[str, VersionState]] = Loaded(
            "Reading the status of the last versions", {}, on_change
        )
        self.renders: Loaded[tuple[RecordedRender, ...]] = Loaded("Reading the renders", (), on_change)

    def require_session(self) -> Session:
        """Return the session; raise Error when the artist is not signed in."""
        if self.session is None:
            raise Error("You are not signed in. Sign in first.")
        return self.session

    @property
    def is_publishing(self) -> bool:
        """Whether a publish or a resumed job runs."""
        return self.is_busy and self.activity in ("publish", "resume")

    @property
    def has_pending_check(self) -> bool:
        """Whether a validated publish with issues waits for the artist's decision."""
        return self._pending_check is not None

    @property
    def is_capturing(self) -> bool:
        """Whether a capture has the scene, or a publish is validated before its capture.

        The step of the progress is no indication: frames are encoded while others are captured.
        """
        is_validating = self.activity == "publish" and self.progress is None
        return self.is_busy and (is_validating or is_scene_captured())

    def task(self, task_id: str | None) -> Task | None:
        """Return the task with this id if it was fetched or found."""
        if not task_id:
            return None
        return self.tasks.get(task_id) or next((task for task in self.queries.found_tasks if task.id == task_id), None)

    def find_task(self, task_id: str) -> None:
        """Fetch the task with this id in the background; the user need not be assigned to it."""
        session = self.session

        def work() -> None:
            from ft_dcc.production.tasks import find_task
            from ft_dcc.publish.models import Task

            if session is not None:
                self.tasks = {**self.tasks, task_id: Task.of(find_task(session, task_id))}

        self.queries.run("Finding the task", work)

    def read_shot(self, task: Task) -> None:
        """Read the range, rate and size that the task's shot wants into ``shots``, in the background."""
        session = self.session

        def work() -> None:
            from ft_dcc.publish.plugins.collect import read_shot

            if session is not None:
                self.shots = {**self.shots, task.id: read_shot(session, task.parent_id)}

        self.queries.run("Reading the shot", work)

    def read_my_tasks(self) -> None:
        """Read the tasks that are assigned to the user into ``my_tasks``."""
        session, user = self.require_session(), self.user

        def read() -> tuple[MyTask, ...]:
            from ft_dcc.review import my_tasks

            return tuple(my_tasks.of_user(session, user))

        self.my_tasks.load(read)

    def read_version_states(self) -> None:
        """Read the states of the recent versions of this server, once for each list of them."""
        session, versions = self.session, self.queries.recent_versions
        if session is None:
            return
        wanted = [version.id for version in versions if version.server == session.server_url and version.id]

        def read() -> Mapping[str, VersionState]:
            from ft_dcc.review.feedback import read_states

            return read_states(session, wanted) if wanted else {}

        self.version_states.load(read, key=versions)

    def read_renders(self, host: Host) -> None:
        """Read the renders of the script that the host has open into ``renders``."""
        self.renders.load(partial(recorded_renders, host))

    def default_reviews(self, task_id: str | None) -> tuple[str, ...]:
        """Return the review sessions of the last publish to the task's project if they are open.

        Otherwise it is the newest open one, or the name for a new one.
        """
        task = self.task(task_id)
        open_ones = self.reviews.get(task.project_id, ()) if task else ()
        last = self._last_reviews.get(task.project_id, ()) if task else ()
        return last if last and set(last) <= set(open_ones) else open_ones[:1] or (DEFAULT_REVIEW,)

    def sign_in(self, account: Account, then: Callable[[], object] = do_nothing) -> None:
        """Open a session and fetch the choices; ``then`` runs on the worker once the session is open."""
        self._start("sign in", lambda: self._open(account, then))

    def sign_in_with(
        self, wait_for_account: Callable[[Callable[[], bool]], Account | None], then: Callable[[Account], object]
    ) -> None:
        """Sign in with the account that ``wait_for_account`` returns; do nothing for None.

        ``wait_for_account`` runs on the worker and takes a function that returns whether it is cancelled.
        """

        def work() -> None:
            account = wait_for_account(self._cancel.is_set)
            if account is not None:
                self._open(account, lambda: then(account))

        self._start("sign in", work)

    def refresh(self, task_id: str | None = None) -> None:
        """Fetch tasks and review sessions again."""
        self._start("refresh", lambda: self._fetch(task_id))

    def create_task(
        self, path: str, host: Host | None = None, *, frame_range: FrameRange | None = None, fps: Fraction | None = None
    ) -> None:
        """Create the task at this path with all missing parents, and store it in the scene.

        Range and rate are written to the shot. A task that exists already is used.
        """
        self._start("create task", lambda: self._create_task(path, host, frame_range, fps))

    def refresh_reviews(self) -> None:
        """Fetch the open review sessions again in the background."""
        session = self.session
        if session is not None:
            self.queries.run("Finding review sessions", lambda: self._fetch_reviews(session))

    def publish(self, request: PublishRequest, host: Host | None = None) -> None:
        """Validate the request and publish it if there are no issues.

        Issues are put into ``problems`` and can be repaired. A request is queued if the server does not answer.
        """

        def work() -> None:
            self._validate(request, host)
            self._publish_checked()

        self._start("publish", work)

    def preview(self, request: PublishRequest, host: Host | None = None) -> None:
        """Validate the request, capture and encode it, and put the movies into ``previews`` without sending them."""
        self._start("publish", lambda: self._preview(request, host))

    def send_preview(self) -> None:
        """Publish exactly the movies of ``previews``."""
        # Not "publish": that activity captures first.
        self._start("resume", self._publish_checked)

    def discard_preview(self) -> None:
        """Delete the movies of ``previews``."""
        self._start("drop", self._discard_check)

    def publish_valid(self) -> None:
        """Publish the sources of the pending check that have no issues.

        After a repair, which may cause another issue such as an unsaved scene, the request is validated again.
        """
        self._start("publish", self._publish_valid)

    def repair(self, *problems: ValidationIssue) -> None:
        """Run the repairs of the issues and put the remaining issues into ``problems``."""
        self._start("repair", lambda: self._repair(problems), self.problems)

    def resume(self, job_id: str, host: Host | None = None) -> None:
        """Resume a job of the queue."""
        self._start("resume", lambda: self._record(self._publisher(host).resume(job_id)))

    def publish_render(self, render: Render) -> None:
        """Publish the files of a recorded render as a new version, whatever its node's tab says."""
        self._start("resume", lambda: self._publish_render(render))

    def drop(self, job_id: str) -> None:
        """Delete a job of the queue and the files that it uploaded."""
        self._start("drop", lambda: self._publisher(None).drop(job_id))

    def abandon(self) -> None:
        """Close after the window was deleted; a publish continues."""
        if not self.is_publishing:
            self.close()

    def close(self) -> None:
        """Sign out, cancel the activity and discard all fetched data; a running job stays in the queue."""
        self.queries.clear()
        parts = (self.feedback, self.my_tasks, self.images, self.version_files, self.version_states, self.renders)
        for part in parts:
            part.clear()
        session, self.session = self.session, None
        if session is not None:
            session.close()
        # After the session is closed, so that the cancelled job cannot be rolled back and stays in the queue.
        self._cancel.set()
        if not self.is_busy:
            self._discard_check()
        self.server, self.user, self.tasks, self.reviews, self.shots = "", "", {}, {}, {}
        self.open_reviews, self.statuses, self.reminder = (), (), None
        self.progress, self.problems, self.error, self.published = None, (), "", []
        self.previews = ()
        self._on_change()

    def _reset(self) -> None:
        self.is_partly_publishable, self.previews = False, ()

    def _open(self, account: Account, then: Callable[[], object]) -> None:
        from ft_dcc.session import Session

        session = Session(account.server, account.key, account.user)
        try:
            self._raise_if_cancelled()
        except Cancelled:
            session.close()
            raise
        self.session, self.server, self.user = session, session.server_url, account.user
        then()
        self._fetch(None)

    def _fetch(self, task_id: str | None) -> None:
        from ft_dcc.production.tasks import assigned_tasks, find_task
        from ft_dcc.publish.models import Task

        session = self.session
        if session is None:
            return
        found = assigned_tasks(session, self.user)
        if task_id and task_id not in {task["id"] for task in found}:
            with suppress(TaskNotFound):
                found.append(find_task(session, task_id))
        self.tasks = {task.id: task for task in sorted(map(Task.of, found), key=lambda task: task.path)}
        self._fetch_reviews(session)
        self.statuses = tuple(str(each["name"]) for each in session.query("select name from Status order by sort"))

    def _create_task(self, path: str, host: Host | None, frame_range: FrameRange | None, fps: Fraction | None) -> None:
        from ft_dcc.production.tasks import ensure_task

        session = self.require_session()
        task_id = ensure_task(session, path, frame_range=frame_range, fps=fps)["id"]
        self._fetch(task_id)
        if host is not None:
            run_when_idle(host, partial(host.remember_task, task_id))

    def _fetch_reviews(self, session: Session) -> None:
        from ft_dcc.production.review_sessions import open_reviews

        self.open_reviews = tuple(open_reviews(session))
        reviews: dict[str, tuple[str, ...]] = {}
        for each in self.open_reviews:
            reviews[each.project_id] = (*reviews.get(each.project_id, ()), each.name)
        self._last_reviews = read_last_reviews(self.server)
        self.reviews = reviews

    def _publisher(self, host: Host | None) -> Publisher:
        from ft_dcc.publish.publisher import Publisher

        def report(progress: Progress) -> None:
            self.progress = progress
            self._on_change()

        return Publisher(self.require_session(), host, report, cancel=self._cancel)

    def _validate(
        self, request: PublishRequest, host: Host | None, known: tuple[ValidationIssue, ...] = ()
    ) -> PublishCheck:
        """Return the check of the request; raise ValidationFailed for issues beyond the known ones."""
        self._discard_check()
        publisher = self._publisher(host)
        self._pending_request, self._pending_host, self._has_repairs = request, host, False
        try:
            check = self._pending_check = publisher.validate(request)
        except ServerUnreachable as error:
            error.message += publisher.enqueue(request)
            raise
        self.reminder = check.find_open_notes()
        if not set(check.problems) <= set(known):
            self.is_partly_publishable = check.has_publishable
            raise ValidationFailed(check.problems)
        return check

    def _preview(self, request: PublishRequest, host: Host | None) -> None:
        check = self._validate(request, host)
        try:
            self.previews = tuple(check.prepare())
        except Error:
            self._discard_check()
            raise

    def _publish_valid(self) -> None:
        request, check = self._pending_request, self._pending_check
        if request is not None and check is not None and self._has_repairs:
            self._validate(request, self._pending_host, known=check.problems)
        self._publish_checked()

    def _publish_checked(self) -> None:
        check, self._pending_check = self._pending_check, None
        if check is None:
            return
        try:
            self._record(check.publish())
        except ValidationFailed as error:
            self.problems = (*self.problems, *error.problems)
        self._remember_reviews()

    def _remember_reviews(self) -> None:
        """Remember the review sessions that the user has chosen for the project."""
        request = self._pending_request
        task = None if request is None else self.task(request.task)
        if request is not None and request.review and task is not None:
            remember_reviews(self.server, task.project_id, request.review)
            self._last_reviews = read_last_reviews(self.server)

    def _publish_render(self, render: Render) -> None:
        from ft_dcc.renders.publish import publish_render

        published = publish_render(render, self._publisher(None), again=True)
        if published is not None:
            self._record(published)

    def _repair(self, problems: Iterable[ValidationIssue]) -> None:
        check = self._pending_check
        errors: list[str] = []
        if check is None:
            raise Error("There is no publish to repair. Publish again.")
        self._has_repairs = True
        try:
            for problem in problems:
                try:
                    check.repair(problem)
                except Cancelled:
                    raise
                except Error as error:
                    # The other repairs are independent.
                    errors.append(str(error))
        finally:
            self.problems, self.is_partly_publishable = check.problems, check.has_publishable
        if errors:
            raise Error(" ".join(dict.fromkeys(errors)))

    def _discard_check(self) -> None:
        check, self._pending_check = self._pending_check, None
        if check is not None:
            check.discard()

    def _record(self, published: Published) -> None:
        self.problems = (*self.problems, *published.problems)
        self.published = [*((published.task, version) for version in published.versions), *self.published]
