"""The tasks of the user, for every panel and dialog; they are read in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ft_dcc.ui.background_queries import LatestOnlyWorker, error_message_of

if TYPE_CHECKING:
    from ft_dcc.review.my_tasks import MyTask
    from ft_dcc.session import Session


class TaskListController:
    """The tasks that are assigned to the user; a worker thread changes it, drawing only reads it.

    ``on_change`` is called by the worker after a change.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self.tasks: tuple[MyTask, ...] = ()
        self.is_loading = self.is_loaded = False
        self.error = ""
        self._on_change = on_change
        self._worker = LatestOnlyWorker()
        self._session: Session | None = None

    def read(self, session: Session, user: str) -> None:
        """Read the tasks again."""
        self._session, self.is_loading = session, True

        def load() -> None:
            from ft_dcc.review import my_tasks

            found = tuple(my_tasks.of_user(session, user))
            # The user may have signed out meanwhile.
            if self._session is session:
                self.tasks, self.is_loaded = found, True

        def work() -> None:
            self.error = error_message_of("Reading your tasks", load)
            self.is_loading = False
            self._on_change()

        self._worker.run("Reading your tasks", work)

    def wait(self, seconds: float) -> bool:
        """Wait until idle; return whether that happened within these seconds."""
        return self._worker.wait(seconds)

    def clear(self) -> None:
        """Discard everything that was read; the session is about to be closed."""
        self._worker.clear()
        self._session, self.tasks, self.error = None, (), ""
        self.is_loading = self.is_loaded = False
