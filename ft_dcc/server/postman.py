"""The thread that sends again what the mail server did not take."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ft_dcc.errors import StudioInUse
from ft_dcc.server.mail import Post

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 300


@contextmanager
def delivering(post: Post) -> Iterator[None]:
    """Inside, what waits in the outbox for the mail server is sent: at once, and every five minutes."""
    is_over = threading.Event()
    if post.server is None:
        yield
        return
    thread = threading.Thread(target=_deliver, args=(post, is_over), name="ft-dcc-postman", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # A mail server that does not answer keeps nobody from stopping: the letter stays where it is.
        is_over.set()


def _deliver(post: Post, is_over: threading.Event) -> None:
    while not is_over.is_set():
        try:
            with closing(post.send_waiting(is_everything=False)) as waiting:
                for letter, reason in waiting:
                    if reason or is_over.is_set():
                        break
                    _log.info("The mail %s was sent at last.", letter.id)
        except StudioInUse as error:
            _log.info("%s", error)
        is_over.wait(_PAUSE_SECONDS)
