"""What the menus of Maya and Nuke share: error reports, and publishing in the background."""

# An adapter imports this module when a command runs, so that its menu appears also when the core cannot be loaded.

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Callable

import attrs

from ft_dcc.errors import Error, UserFixableError
from ft_dcc.host import Host, Scene, ShowsFeedback

if TYPE_CHECKING:
    from ft_dcc.publish.models import PublishRequest
    from ft_dcc.publish.publisher import Publisher
    from ft_dcc.session import Session

ShowMessage = Callable[[str], object]
ShowError = Callable[[BaseException], object]


def run_command(command: Callable[[], None], show: ShowMessage, show_load_error: ShowError) -> None:
    """Run a command of the menu; show whatever goes wrong in a dialog."""
    try:
        command()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the host program goes on whatever is wrong with us
        _show_error(error, show, show_load_error)


@attrs.frozen
class MenuCommands:
    """What the menus of Maya and Nuke do in the background; results and errors are shown on the main thread."""

    host: Host
    call_on_main_thread: Callable[[Callable[[], object]], object]
    show: ShowMessage
    show_load_error: ShowError

    def run_in_background(self, work: Callable[[], str]) -> None:
        """Start the work in a thread; show the sentence that it returns, if any, or its error."""

        def run() -> None:
            try:
                message = work()
            except Exception as error:  # noqa: BLE001 - it is shown to the artist
                self.call_on_main_thread(partial(_show_error, error, self.show, self.show_load_error))
            else:
                if message:
                    self.call_on_main_thread(partial(self.show, message))

        threading.Thread(target=run, name="ft-dcc publish", daemon=True).start()

    def show_drawings(self) -> None:
        """Show the drawings of the open notes on the scene's task."""
        self.run_in_background(partial(show_open_drawings, self.host, _task_of(self.host.scene())))

    def hide_drawings(self) -> None:
        """Remove the drawings from the scene."""
        if isinstance(self.host, ShowsFeedback):
            self.host.clear_feedback()

    def use_work_files(self, method: str) -> None:
        """Open or make a work file of the scene's task, or save the next version, with this method of ``WorkFiles``."""
        task_id = _task_of(self.host.scene())

        def work() -> str:
            from ft_dcc.publish.work_files import work_files_of

            with open_session() as session, work_files_of(session, self.host, task_id) as files:
                return str(getattr(files, method)())

        self.run_in_background(work)

    def publish_again(self, open_dialog: Callable[[], object]) -> None:
        """Publish again what was last published to the scene's task, or open the dialog if that is nothing."""
        from ft_dcc.publish.jobs.queue import last_request

        request = last_request(self.host.name, self.host.scene().task_id)
        if request is None:
            open_dialog()
        else:
            self.run_in_background(partial(_publish, request, self.host))


def _publish(request: PublishRequest, host: Host) -> str:
    from ft_dcc.publish.models import describe_changes

    with open_publisher(host) as publisher:
        published = publisher.publish(request)
    return "\n".join((published.first.sentence, *describe_changes(published.versions)))


def _task_of(scene: Scene) -> str:
    """Return the task of the scene; raise UserFixableError if it has none."""
    if scene.task_id is None:
        raise UserFixableError("The scene has no task. Choose it in the dialog: Publish for review…")
    return scene.task_id


def show_open_drawings(host: Host, task_id: str) -> str:
    """Show the drawings of the open notes on the versions of a task, and return a sentence about them.

    Raises AuthenticationError when no account is known.
    """
    from ft_dcc.review import feedback
    from ft_dcc.review.notes import versions_to_show
    from ft_dcc.ui.feedback_controller import show_drawings

    with open_session() as session:
        versions = versions_to_show(feedback.of_task(session, task_id))
    drawings, problems = show_drawings(host, versions)
    if not drawings:
        return "The task has no open notes on frames."
    count = "1 note is" if len(drawings) == 1 else f"{len(drawings)} notes are"
    return " ".join((f"{count} open on {', '.join(each.name for each in versions if each.open_notes)}.", *problems))


@contextmanager
def open_publisher(host: Host | None = None) -> Iterator[Publisher]:
    """Yield a publisher, of files without a host; raises AuthenticationError when no account is known."""
    from ft_dcc.publish.publisher import Publisher

    with open_session() as session:
        yield Publisher(session, host)


@contextmanager
def open_session() -> Iterator[Session]:
    """Yield a session of the known account; raise AuthenticationError when there is none."""
    from ft_dcc.accounts.browser_login import require_account
    from ft_dcc.session import Session

    account = require_account()
    with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
        yield session


def _show_error(error: BaseException, show: ShowMessage, show_load_error: ShowError) -> None:
    if isinstance(error, Error):
        show(str(error))
    elif isinstance(error, (ImportError, SyntaxError)):
        show_load_error(error)
    else:
        traceback.print_exception(type(error), error, error.__traceback__)
        show(f"ft-dcc failed: {type(error).__name__}: {error}. The Script Editor has the details.")
