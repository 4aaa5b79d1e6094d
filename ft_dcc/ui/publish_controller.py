"""The state behind a publish panel or dialog: worker threads change it, drawing only reads it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ft_dcc.errors import Cancelled, Error, ServerUnreachable, TaskNotFound, ValidationFailed, ValidationIssue
from ft_dcc.files import log_file, remembered
from ft_dcc.frames import FrameRange
from ft_dcc.host import Host, RecordsRenders
from ft_dcc.host_support.main_thread import is_scene_captured, run_when_idle
from ft_dcc.publish.progress import Progress
from ft_dcc.ui import background_queries, feedback_controller, version_files
from ft_dcc.ui.background import ActivityRunner, Loaded

if TYPE_CHECKING:
    from ft_dcc.accounts.credentials import Account
    from ft_dcc.production.review_sessions import OpenReview
    from ft_dcc.publish.models import Published, PublishedVersion, PublishRequest, Shot, Task
    from ft_dcc.publish.pipeline.runner import CheckResult
    from ft_dcc.publish.publisher import PublishCheck, Publisher
    from ft_dcc.publish.work_files import WorkFiles
    from ft_dcc.renders.publish import CurrentRender
    from ft_dcc.renders.renders import Render
    from ft_dcc.review import feedback
    from ft_dcc.review.my_tasks import MyTask
    from ft_dcc.session import Session

DEFAULT_REVIEW = "Review"
# The file of the review sessions that the user has published to last, by project.
_LAST_REVIEWS = "last_reviews"
# The name of each shot of a file, its source and its frames.
Shots = Sequence[tuple[str, str, FrameRange]]
# What each source has instead of the request's options, by their fields.
OwnValues = Mapping[str, Mapping[str, Any]]
Problems = tuple[ValidationIssue, ...]
LabelledRequests = Sequence[tuple[str, "PublishRequest"]]


class PublishController(ActivityRunner):
    """The login, the choices, the running publish and the finished ones of one artist; ``queries`` run beside them."""

    def __init__(
        self,
        on_change: Callable[[], object] = lambda: None,
        wait: Callable[[threading.Thread, float], object] = threading.Thread.join,
    ) -> None:
        super().__init__(on_change, wait)
        log_file.start(f"A panel or dialog in {Path(sys.executable or 'Python').name}")
        self.session: Session | None = None
        self.server = self.user = ""
        self.tasks: dict[str, Task] = {}
        # What was fetched once in the background, or is being fetched.
        self._requested: set[str] = set()
        self.open_reviews: tuple[OpenReview, ...] = ()
        # What the shots of tasks want, by the id of the task.
        self.shots: dict[str, Shot] = {}
        self._last_reviews: Mapping[str, tuple[str, ...]] = {}
        self.statuses: tuple[str, ...] = ()
        self.published: list[tuple[str, PublishedVersion]] = []
        self.is_partly_publishable = False
        # The movies of a publish that waits for ``send`` or ``discard_preview``.
        self.previews: tuple[Path, ...] = ()
        # The id of a task without a work file and the name of its first one; and what became of the last work file.
        self.offered, self.work_message = ("", ""), ""
        # The comment of the last publish that succeeded, and whether a user interface has not yet removed it.
        self.last_comment, self._is_comment_sent = "", False
        # The validated publish: what precedes the sources of its problems, and its check, for each of its requests.
        self._pending_checks: list[tuple[str, PublishCheck]] = []
        self._pending_request: PublishRequest | None = None
        self._pending_parts: LabelledRequests = ()
        self._pending_host: Host | None = None
        self._has_repairs = False
        self._followed: tuple[Session | None, str | None, Path | None] = (None, None, None)
        self.queries = background_queries.BackgroundQueries(on_change)
        self.feedback = feedback_controller.FeedbackController(on_change)
        self.my_tasks: Loaded[tuple[MyTask, ...]] = Loaded("Reading your tasks", (), on_change)
        self.images = background_queries.ImageCache(on_change)
        self.version_files = version_files.VersionFiles(on_change)
        self.disk_files = version_files.DiskFiles(on_change)
        # The status and thumbnail of the last versions of this machine, by their ids.
        self.version_states: Loaded[Mapping[str, feedback.VersionState]] = Loaded(
            "Reading the status of the last versions", {}, on_change
        )
        # The renders of this window that wait for a decision.
        self.asked_renders: tuple[CurrentRender, ...] = ()
        self._started_at = time.time()
        self.renders: Loaded[tuple[CurrentRender, ...]] = Loaded("Reading the renders", (), on_change)
        # What the checks say about the publish as it is chosen now; another activity stops them.
        self.checks: Loaded[tuple[CheckResult, ...]] = Loaded("Checking", (), on_change)
        self._stop_checks = threading.Event()

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
        return bool(self._pending_checks)

    @property
    def is_capturing(self) -> bool:
        """Whether a capture has the scene, or a publish is validated before its capture."""
        # The step of the progress is no indication: frames are encoded while others are captured.
        is_validating = self.activity == "publish" and self.progress is None
        return self.is_busy and (is_validating or is_scene_captured())

    def task(self, task_id: str | None) -> Task | None:
        """Return the task with this id if it was fetched or found."""
        if not task_id:
            return None
        return self.tasks.get(task_id) or next((task for task in self.queries.found_tasks if task.id == task_id), None)

    def matching_tasks(self, text: str) -> list[Task]:
        """Return the known tasks whose path contains each word of the text, those of the user first."""
        known = {task.id: task for task in (*self.tasks.values(), *self.queries.found_tasks)}
        words = text.lower().replace("/", " ").split()
        return [task for task in known.values() if all(word in task.path.lower() for word in words)]

    def choose_task(self, text: str, host: Host) -> None:
        """Search the server, and store the task in the scene if the text is its path or finds it alone."""

        def choose(found: tuple[Task, ...]) -> None:
            # A shot is found with its tasks.
            named = [task for task in found if task.path == text] or [task for task in found if task.is_task] or found
            if len(named) == 1:
                run_when_idle(host, partial(host.remember_task, named[0].id))
                self.queries.searched_text = ""

        self.queries.search_tasks(self.require_session(), text, choose)

    def find_task(self, task_id: str) -> None:
        """Fetch the task with this id once in the background; the user need not be assigned to it."""
        session = self.session
        if session is None or task_id in self._requested:
            return
        self._requested.add(task_id)

        def work() -> None:
            from ft_dcc.production.tasks import find_task
            from ft_dcc.publish.models import Task

            self.tasks = {**self.tasks, task_id: Task.of(find_task(session, task_id, or_parent=True))}

        self.queries.run("Finding the task", work)

    def read_shot(self, task: Task) -> None:
        """Read the range, rate and size that the task's shot wants into ``shots``, once in the background."""
        session, request = self.session, f"shot of {task.id}"
        if session is None or request in self._requested:
            return
        self._requested.add(request)

        def work() -> None:
            from ft_dcc.publish.plugins.collect import read_shot

            self.shots = {**self.shots, task.id: read_shot(session, task.parent_id)}

        self.queries.run("Reading the shot", work)

    def follow(self, task_id: str | None, folder: Path | None, host: Host | None = None) -> None:
        """Let the settings be those of the task's project and of the scene's folder."""
        wanted = (self.session, task_id, folder)
        if wanted != self._followed:
            self._followed = wanted
            self.queries.follow(self.session, self.server, task_id, folder, host)

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

        def read() -> Mapping[str, feedback.VersionState]:
            from ft_dcc.review.feedback import read_states

            return read_states(session, wanted) if wanted else {}

        self.version_states.load(read, key=versions)

    def read_renders(self, host: Host) -> None:
        """Read the newest render of each sequence of the script that the host has open, the newest first."""

        def read() -> tuple[CurrentRender, ...]:
            from ft_dcc.renders.publish import current_renders
            from ft_dcc.renders.renders import read_renders

            if not isinstance(host, RecordsRenders):
                return ()
            return tuple(reversed(current_renders(read_renders(script=run_when_idle(host, host.render_script)))))

        self.renders.load(read)

    def reviews_of(self, task_id: str | None) -> tuple[str, ...]:
        """Return the names of the open review sessions of the task's project."""
        task = self.task(task_id)
        return tuple(each.name for each in self.open_reviews if task is not None and each.project_id == task.project_id)

    def default_reviews(self, task_id: str | None) -> tuple[str, ...]:
        """Return the review sessions of the last publish to the project if they are open, the newest, or a new name."""
        task, open_ones = self.task(task_id), self.reviews_of(task_id)
        last = self._last_reviews.get(task.project_id, ()) if task else ()
        return last if last and set(last) <= set(open_ones) else open_ones[:1] or (DEFAULT_REVIEW,)

    def sign_in(self, account: Account, then: Callable[[], object] = lambda: None) -> None:
        """Open a session and fetch the choices; ``then`` runs on the worker once the session is open."""
        self.sign_in_with(lambda is_cancelled: account, lambda account: then())

    def sign_in_with(
        self, wait_for_account: Callable[[Callable[[], bool]], Account | None], then: Callable[[Account], object]
    ) -> None:
        """Sign in with the account that ``wait_for_account`` returns on the worker; do nothing for None."""
        # It takes a function that returns whether it is cancelled.

        def work() -> None:
            from ft_dcc.session import Session

            account = wait_for_account(self._cancel.is_set)
            if account is None:
                return
            session = Session(account.server, account.key, account.user)
            if self._cancel.is_set():
                session.close()
                raise Cancelled("The sign-in was cancelled.")
            self.session, self.server, self.user = session, session.server_url, account.user
            then(account)
            self._fetch(None)

        self._start("sign in", work)

    def refresh(self, task_id: str | None = None) -> None:
        """Fetch tasks and review sessions again."""
        self._start("refresh", lambda: self._fetch(task_id))

    def create_task(
        self, path: str, host: Host | None = None, *, frame_range: FrameRange | None = None, fps: Fraction | None = None
    ) -> None:
        """Create the task at this path with all missing parents, range and rate of the shot; store it in the scene."""

        def work() -> None:
            from ft_dcc.production.tasks import ensure_task

            task_id = ensure_task(self.require_session(), path, frame_range=frame_range, fps=fps)["id"]
            self._fetch(task_id)
            if host is not None:
                run_when_idle(host, partial(host.remember_task, task_id))

        self._start("create task", work)

    def refresh_reviews(self) -> None:
        """Fetch the open review sessions again in the background."""
        session = self.session
        if session is not None:
            self.queries.run("Finding review sessions", lambda: self._fetch_reviews(session))

    def publish(self, request: PublishRequest, host: Host | None = None, own: OwnValues | None = None) -> None:
        """Publish the request, or put its issues into ``problems``; without an answer of the server it is queued."""
        self._start("publish", partial(self._validate, request, _parts(request, own), host), self._publish_checked)

    def check(self, request: PublishRequest, host: Host | None = None, own: OwnValues | None = None) -> None:
        """Read into ``checks`` what the checks of a publish find, beside activities; what stops them is their error."""
        self._stop_checks.set()
        stop = self._stop_checks = threading.Event()

        def read() -> tuple[CheckResult, ...]:
            from ft_dcc.publish.publisher import Publisher

            results: dict[CheckResult, None] = {}
            for _, part in _parts(request, own):
                check = Publisher(self.require_session(), host, cancel=stop).validate(part)
                results.update(dict.fromkeys(check.results))
                check.discard()
            return tuple(results)

        self.checks.load(read)

    def publish_shots(self, request: PublishRequest, host: Host, shots: Shots, *, is_joined: bool) -> None:
        """Publish each shot to its task of the same name, all joined to that of the request, or none with issues."""

        def validate() -> None:
            from ft_dcc.production.tasks import tasks_of_shots

            found = tasks_of_shots(self.require_session(), str(request.task), [name for name, *_ in shots])
            wanted = [(f"{name}: ", found[name]["id"], *place) for name, *place in shots]
            if is_joined:
                whole = FrameRange(shots[0][2].start, max(frames.end for *_, frames in shots))
                wanted.append(("", request.task, shots[0][1], whole))
            parts = [
                (label, attrs.evolve(request, task=task_id, source=(source,), frame_range=frames, addresses=()))
                for label, task_id, source, frames in wanted
            ]
            self._validate(request, parts, host)

        self._start("publish", validate, self._publish_checked)

    def preview(self, request: PublishRequest, host: Host | None = None, own: OwnValues | None = None) -> None:
        """Validate the request, capture and encode it, and put the movies into ``previews`` without sending them."""

        def work() -> None:
            self._validate(request, _parts(request, own), host)
            try:
                self.previews = tuple(path for _, check in self._pending_checks for path in check.prepare())
            except Error:
                self._discard_checks()
                raise

        self._start("publish", work)

    def send_preview(self) -> None:
        """Publish exactly the movies of ``previews``."""
        # Not "publish": that activity captures first.
        self._start("resume", self._publish_checked)

    def discard_preview(self) -> None:
        """Delete the movies of ``previews``."""
        self._start("drop", self._discard_checks)

    def publish_valid(self) -> None:
        """Publish the sources of the pending check that have no issues, after a repair those that still have none."""
        # A repair may cause another issue, such as an unsaved scene, so the request is validated again.

        def work() -> None:
            if self._pending_request is not None and self._pending_checks and self._has_repairs:
                known = self._pending_problems()
                self._validate(self._pending_request, self._pending_parts, self._pending_host, known)
            self._publish_checked()

        self._start("publish", work)

    def repair(self, *problems: ValidationIssue) -> None:
        """Run the repairs of the issues and put the remaining issues into ``problems``."""

        def work() -> None:
            errors: list[str] = []
            if not self._pending_checks:
                raise Error("There is no publish to repair. Publish again.")
            self._has_repairs = True
            try:
                for label, check in self._pending_checks:
                    for problem in (each for each in check.problems if _labelled(label, each) in problems):
                        try:
                            check.repair(problem)
                        except Cancelled:
                            raise
                        except Error as error:
                            # The other repairs are independent.
                            errors.append(str(error))
            finally:
                self._show_problems()
            if errors:
                raise Error(" ".join(dict.fromkeys(errors)))

        self._start("repair", work, problems=self.problems)

    def resume(self, job_id: str, host: Host | None = None) -> None:
        """Resume a job of the queue."""
        self._start("resume", lambda: self._record(self._publisher(host).resume(job_id)))

    def publish_render(self, render: Render) -> None:
        """Publish the files of a recorded render as a new version, whatever its node's tab says."""

        def work() -> None:
            from ft_dcc.renders.publish import publish_render

            published = publish_render(render, self._publisher(None), again=True)
            if published is not None:
                self._record(published)
            self.asked_renders = tuple(each for each in self.asked_renders if each.render.id != render.id)

        self._start("resume", work)

    def decline_render(self, render: Render) -> None:
        """Do not publish a render that was asked about; raise StorageError if this cannot be recorded."""
        from ft_dcc.renders.publish import decline

        decline(render)
        self.asked_renders = tuple(each for each in self.asked_renders if each.render.id != render.id)

    def publish_renders(self, window: str) -> None:
        """Publish each complete render of the window that is set to "always", and ask about the others."""

        def work() -> None:
            from ft_dcc.renders.publish import READY, publish_ready, renders_of_window

            undecided = [each for each in renders_of_window(window, self._started_at) if each.is_undecided]
            # One that leaves frames on disk out may be a part of the shot.
            ready = [each for each in undecided if each.state == READY and not each.render.remark]
            self.asked_renders = tuple(each for each in undecided if each not in ready)
            for result in publish_ready(self._publisher(None), [each.render for each in ready]):
                if result.error is not None:
                    raise result.error
                if result.published is not None:
                    self._record(result.published)

        self._start("resume", work)

    def take_sent_comment(self) -> str:
        """Return the comment of a publish that succeeded once, and then "": the next version has another one."""
        comment = self.last_comment if self._is_comment_sent else ""
        self._is_comment_sent = False
        return comment

    def drop(self, job_id: str) -> None:
        """Delete a job of the queue and the files that it uploaded."""
        self._start("drop", lambda: self._publisher(None).drop(job_id))

    def abandon(self) -> None:
        """Close after the window was deleted; a publish continues."""
        if not self.is_publishing:
            self.close()

    def close(self) -> None:
        """Sign out, cancel the activity and discard all fetched data; a running job stays in the queue."""
        self._stop_checks.set()
        lists = (self.my_tasks, self.version_states, self.renders, self.checks)
        for part in (self.queries, self.feedback, self.images, self.version_files, self.disk_files, *lists):
            part.clear()
        session, self.session = self.session, None
        if session is not None:
            session.close()
        # After the session is closed, so that the cancelled job cannot be rolled back and stays in the queue.
        self._cancel.set()
        if not self.is_busy:
            self._discard_checks()
        self.server, self.user, self.tasks, self.shots = "", "", {}, {}
        self.open_reviews, self.statuses = (), ()
        self.progress, self.problems, self.error, self.published = None, (), "", []
        self.previews = ()
        self._on_change()

    def open_version(self, version_id: str, folder: Path, host: Any, *, discard_changes: bool) -> None:
        """Download the scene file of a version into the folder, never over a file, and open it."""

        def work() -> None:
            from ft_dcc.production.versions import fetch, find_component

            session = self.require_session()
            path = fetch(session, find_component(session, version_id), folder)
            run_when_idle(host, partial(host.open_scene_file, path, discard_changes=discard_changes))

        self._start("open scene", work)

    def use_work_files(self, task_id: str, host: Host, use: Callable[[WorkFiles], str]) -> None:
        """Let the function use the work files of the task in the background, and keep the sentence that it returns."""

        def work() -> None:
            from ft_dcc.publish.work_files import work_files_of

            with work_files_of(self.require_session(), host, task_id) as files:
                self.work_message = use(files)

        self._start("work file", work)

    def _reset(self) -> None:
        self.offered, self.work_message = ("", ""), ""
        self.is_partly_publishable, self.previews = False, ()
        self._stop_checks.set()

    def _fetch(self, task_id: str | None) -> None:
        from ft_dcc.production.tasks import assigned_tasks, find_task
        from ft_dcc.publish.models import Task

        session = self.session
        if session is None:
            return
        self._requested.clear()
        found = assigned_tasks(session, self.user)
        if task_id and task_id not in {task["id"] for task in found}:
            with suppress(TaskNotFound):
                found.append(find_task(session, task_id))
        self.tasks = {task.id: task for task in sorted(map(Task.of, found), key=lambda task: task.path)}
        self._fetch_reviews(session)
        self.statuses = tuple(str(each["name"]) for each in session.query("select name from Status order by sort"))

    def _fetch_reviews(self, session: Session) -> None:
        from ft_dcc.production.review_sessions import open_reviews

        self.open_reviews = tuple(open_reviews(session))
        self._last_reviews = remembered.read_texts(_LAST_REVIEWS, self.server)

    def _publisher(self, host: Host | None) -> Publisher:
        from ft_dcc.publish.publisher import Publisher

        def report(progress: Progress) -> None:
            self.progress = progress
            self._on_change()

        return Publisher(self.require_session(), host, report, cancel=self._cancel)

    def _validate(
        self, request: PublishRequest, parts: LabelledRequests, host: Host | None, known: Problems = ()
    ) -> None:
        """Check the parts of the request; raise ValidationFailed for issues beyond the known ones."""
        self._discard_checks()
        publisher = self._publisher(host)
        self._pending_request, self._pending_parts, self._pending_host = request, parts, host
        self._has_repairs = False
        try:
            for label, part in parts:
                self._pending_checks.append((label, publisher.validate(part)))
        except Error as error:
            self._discard_checks()
            if isinstance(error, ServerUnreachable):
                error.message += "".join(publisher.enqueue(part) for _, part in parts)
            raise
        if not set(self._pending_problems()) <= set(known):
            self._show_problems()
            raise ValidationFailed(self.problems)

    def _pending_problems(self) -> Problems:
        found = (_labelled(label, each) for label, check in self._pending_checks for each in check.problems)
        # The requests of one publish may have the same one.
        return tuple(dict.fromkeys(found))

    def _show_problems(self) -> None:
        self.problems = self._pending_problems()
        self.is_partly_publishable = any(check.has_publishable for _, check in self._pending_checks)

    def _publish_checked(self) -> None:
        checks, self._pending_checks = [check for _, check in self._pending_checks], []
        if not checks:
            return
        for check in checks if len(checks) > 1 else ():
            # All captures show one state of the scene; what fails is reported by the publish.
            with suppress(Error):
                check.prepare()
        failed: list[Error] = []
        try:
            while checks:
                try:
                    self._record(checks.pop(0).publish())
                except ValidationFailed as error:
                    self.problems = (*self.problems, *error.problems)
                except Cancelled:
                    raise
                except Error as error:
                    failed.append(error)
        finally:
            for check in checks:
                check.discard()
        if failed:
            failed[0].message = " ".join(dict.fromkeys(map(str, failed)))
            raise failed[0]
        self._remember(self._pending_request)

    def _remember(self, request: PublishRequest | None) -> None:
        """Keep the comment and the review sessions of a publish that is done."""
        if request is not None and request.comment and not self.problems:
            self.last_comment, self._is_comment_sent = request.comment, True
        task = None if request is None else self.task(request.task)
        # Those that the user has chosen for the project.
        if request is not None and request.review and task is not None:
            last = remembered.read_texts(_LAST_REVIEWS, self.server)
            self._last_reviews = {**last, task.project_id: request.review}
            remembered.write_texts(_LAST_REVIEWS, self.server, self._last_reviews)

    def _discard_checks(self) -> None:
        checks, self._pending_checks = self._pending_checks, []
        for _, check in checks:
            check.discard()

    def _record(self, published: Published) -> None:
        self.problems = (*self.problems, *published.problems)
        self.published = [*((published.task, version) for version in published.versions), *self.published]


def _parts(request: PublishRequest, own: OwnValues | None) -> LabelledRequests:
    return [("", part) for part in request.split(own or {})]


def _labelled(label: str, problem: ValidationIssue) -> ValidationIssue:
    return problem._replace(instance=label + problem.instance)
