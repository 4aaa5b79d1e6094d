"""What the menu's commands do. None of them waits for a server."""

from __future__ import annotations

import functools
import sys
import threading
import traceback
from typing import Any, Callable

from maya import cmds, utils

TITLE = "ft-dcc"


# Not the core's, though the other adapter has the same: it speaks also when the core cannot be imported.
def telling_errors(command: Callable[[], None]) -> Callable[[], None]:
    """Return the command so that whatever goes wrong is one sentence before the artist."""

    @functools.wraps(command)
    def call() -> None:
        try:
            command()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with us, Maya goes on
            tell(error)

    return call


def tell(error: BaseException) -> None:
    """The artist reads what went wrong; the details of what is not one of ours are in the Script Editor."""
    say(str(error) if _is_ours(error) else _explain(error))


def say(sentence: str) -> None:
    """The artist reads the sentence."""
    cmds.confirmDialog(title=TITLE, message=sentence, button="OK")


def _is_ours(error: BaseException) -> bool:
    try:
        from ft_dcc.errors import Error
    except (Exception, SystemExit):  # noqa: BLE001 - it is the core that is broken
        return False
    return isinstance(error, Error)


def _explain(error: BaseException) -> str:
    traceback.print_exception(type(error), error, error.__traceback__)
    what, advice = "ft-dcc failed", ""
    if isinstance(error, (ImportError, SyntaxError)) or "ft_dcc.errors" not in sys.modules:
        what, advice = "ft-dcc cannot be loaded", " Install it again: ft-dcc install maya."
    return f"{what}: {type(error).__name__}: {error}.{advice} The Script Editor has the details."


@telling_errors
def publish_for_review() -> None:
    """The dialog is open, ready to publish."""
    _show("publish")


@telling_errors
def show_reviews() -> None:
    """The dialog shows the review sessions."""
    _show("reviews")


@telling_errors
def show_queue() -> None:
    """The dialog shows the publishes in progress."""
    _show("queue")


@telling_errors
def show_settings() -> None:
    """The dialog shows the settings, and where each came from."""
    _show("settings")


@telling_errors
def show_about() -> None:
    """The dialog shows what is installed."""
    _show("about")


@telling_errors
def publish_again() -> None:
    """What was last published to this scene's task is captured again, and goes up while the artist works on.

    Where there is nothing to repeat, the dialog is open.
    """
    from ft_dcc.publish.queue import last_request

    from .host import MayaHost

    host = MayaHost()
    request = last_request(host.name, host.scene().task_id)
    if request is None:
        _show("publish")
        return
    threading.Thread(target=_publish, args=(request, host), name="ft-dcc publish", daemon=True).start()


def _show(page: str) -> None:
    from ft_dcc.errors import Error

    try:
        from ft_dcc_qt import show
    except ImportError as error:
        raise Error("The dialog is not installed here. 'Publish again' and the command line ft-dcc work.") from error

    from .host import MayaHost

    show(MayaHost(), page=page, parent=_main_window())


def _main_window() -> Any:
    """Maya's own window as a widget, so that the dialog stays before it; None where there is none."""
    from Qt import QtWidgets

    application = QtWidgets.QApplication.instance()
    windows = application.topLevelWidgets() if application is not None else []
    return next((window for window in windows if window.objectName() == "MayaWindow"), None)


def _publish(request: Any, host: Any) -> None:
    try:
        sentence = _published(request, host)
    except Exception as error:  # noqa: BLE001 - it is told to the artist
        utils.executeDeferred(functools.partial(tell, error))
        return
    utils.executeDeferred(functools.partial(say, sentence))


def _published(request: Any, host: Any) -> str:
    from ft_dcc.publish.run import publish
    from ft_dcc.session import Session
    from ft_dcc.sign_in import require_account

    known = require_account()
    with Session(server_url=known.server, api_user=known.user, api_key=known.key) as session:
        return publish(request, session, host).first.sentence
