"""What the panel shows: worker threads write it down here, and drawing only reads it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import attrs
import bpy

from ft_dcc.errors import Cancelled, Error, Problem, Problems
from ft_dcc.publish.records import Progress, PublishedVersion, PublishRequest
from ft_dcc.publish.run import publish

from . import main_thread

if TYPE_CHECKING:
    from ft_dcc.credentials import Account
    from ft_dcc.session import Session

    from .host import BlenderHost

log = logging.getLogger(__name__)

_TASKS = 1000
_REDRAW = 0.1
_WANTED = "select id, name, link, parent_id, project_id from Task where"


@attrs.frozen
class Task:
    """A task that can be published to; ``path`` is PROJECT/SEQUENCE/SHOT/TASK."""

    id: str
    path: str
    parent_id: str
    project_id: str

    @classmethod
    def of(cls, entity: Any) -> Task:
        """The task that an entity stands for."""
        path = "/".join(str(part["name"]) for part in entity["link"])
        return cls(entity["id"], path, entity["parent_id"], entity["project_id"])


class Desk:
    """One artist at work: signed in or not, what may be chosen, the publish that runs and those that are done."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.user = ""
        self.tasks: dict[str, Task] = {}
        self.reviews: dict[str, tuple[str, ...]] = {}
        self.doing = ""
        self.progress: Progress | None = None
        self.problems: tuple[Problem, ...] = ()
        self.error = ""
        self.published: list[tuple[str, PublishedVersion]] = []
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a worker is at it."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_capturing(self) -> bool:
        """Whether the scene is borrowed, or about to be."""
        return self.is_busy and self.doing == "publish" and (self.progress is None or self.progress.step == "capture")

    def task(self, task_id: str | None) -> Task | None:
        """The task with this id, as far as it was fetched."""
        return self.tasks.get(task_id) if task_id else None

    def sign_in(self, account: Account, then: Callable[[], object] = lambda: None) -> None:
        """A session is open and what can be chosen is fetched, in a moment; ``then`` runs in the worker after it."""
        self._begin("sign in", lambda: self._open(account, then))

    def sign_in_later(
        self, wait_for_account: Callable[[Callable[[], bool]], Account], then: Callable[[Account], object]
    ) -> None:
        """A session is open as soon as somebody has signed in elsewhere; ``then`` is given who it is."""

        def work() -> None:
            account = wait_for_account(self._cancel.is_set)
            self._open(account, lambda: then(account))

        self._begin("sign in", work)

    def refresh(self, task_id: str | None = None) -> None:
        """Tasks and review sessions are fetched anew, in a moment."""
        self._begin("refresh", lambda: self._fetch(task_id))

    def publish(self, request: PublishRequest, host: BlenderHost) -> None:
        """The scene is captured, encoded and published, in a while; the outcome is written down here."""
        self._begin("publish", lambda: self._publish(request, host))

    def cancel(self) -> None:
        """Whatever is published stops within a moment, and leaves nothing."""
        self._cancel.set()

    def wait(self, seconds: float) -> bool:
        """Whether the worker is through within these seconds; the caller is the main thread, and serves it."""
        if self._thread is not None:
            main_thread.serve_until_ended(self._thread, seconds)
        return not self.is_busy

    def close(self) -> None:
        """Signed out; a worker is told to stop, and nothing that was fetched is kept."""
        self._cancel.set()
        session, self.session = self.session, None
        if session is not None:
            session.close()
        if bpy.app.timers.is_registered(_redraw_while_busy):
            bpy.app.timers.unregister(_redraw_while_busy)
        self.user, self.tasks, self.reviews = "", {}, {}
        self.progress, self.problems, self.error, self.published = None, (), "", []

    def _begin(self, doing: str, function: Callable[[], None]) -> None:
        if self.is_busy:
            return
        self.doing, self.progress, self.problems, self.error = doing, None, (), ""
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(function,), name=f"ft-dcc {doing}", daemon=True)
        self._thread.start()
        if not bpy.app.background and not bpy.app.timers.is_registered(_redraw_while_busy):
            bpy.app.timers.register(_redraw_while_busy, persistent=True)

    def _work(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Problems as error:
            self.problems = error.problems
        except Cancelled:
            self.error = "Cancelled."
        except Error as error:
            self.error = str(error)
        except Exception as error:
            log.exception("%s failed", self.doing)
            self.error = f"{self.doing} failed: {error}. The details are in Blender's console."

    def _open(self, account: Account, then: Callable[[], object]) -> None:
        from ft_dcc.session import Session

        is_cancelled = self._cancel.is_set
        session = Session(account.server, account.key, account.user)
        if is_cancelled():
            session.close()
            raise Cancelled("Signing in was cancelled.")
        self.session, self.user = session, account.user
        then()
        self._fetch(None)

    def _fetch(self, task_id: str | None) -> None:
        session = self.session
        if session is None:
            return
        mine = f'{_WANTED} assignments any (resource.username is "{self.user}") limit {_TASKS}'
        found = session.query(mine).all() or session.query(f"{_WANTED[:-6]} order by name limit {_TASKS}").all()
        if task_id and task_id not in {task["id"] for task in found}:
            found = [*found, *session.query(f'{_WANTED} id is "{task_id}"').all()]
        self.tasks = {task.id: task for task in sorted(map(Task.of, found), key=lambda task: task.path)}
        select = "select name, project_id from ReviewSession where is_open is true order by created_at desc limit 200"
        self.reviews = _grouped((review["project_id"], review["name"]) for review in session.query(select))

    def _publish(self, request: PublishRequest, host: BlenderHost) -> None:
        def tell(progress: Progress) -> None:
            self.progress = progress

        session = self.session
        if session is None:
            raise Error("Nobody is signed in. Sign in first.")
        published = publish(request, session, host, on_progress=tell, cancel=self._cancel)
        self.problems = published.problems
        path = self.tasks[request.task].path if request.task in self.tasks else request.task
        self.published = [*((path, version) for version in published.versions), *self.published]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        grouped[key] = (*grouped.get(key, ()), value)
    return grouped


def _redraw_while_busy() -> float | None:
    """Show what changed; a timer that ends itself with the work."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "PREFERENCES"):
                area.tag_redraw()
    return _REDRAW if DESK.is_busy else None


DESK = Desk()
