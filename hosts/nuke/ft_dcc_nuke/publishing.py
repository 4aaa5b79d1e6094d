"""Publishing in a thread of its own, as whoever is signed in, while the artist works on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from ft_dcc.publish.run import Publisher


@contextmanager
def connected(host: Any = None) -> Iterator[Publisher]:
    """Lend a publisher with a session of its own; without a host for files, whichever script is open by then.

    Raises AuthenticationError when somebody has to sign in first.
    """
    from ft_dcc.publish.run import Publisher
    from ft_dcc.session import Session
    from ft_dcc.sign_in import require_account

    known = require_account()
    with Session(server_url=known.server, api_user=known.user, api_key=known.key) as session:
        yield Publisher(session, host)


def begin(work: Callable[[], str], tell: Callable[[str], None], fail: Callable[[BaseException], None]) -> None:
    """The work has begun in a thread; its sentence, or its error, is told on Nuke's main thread."""
    import nuke

    def run() -> None:
        try:
            sentence = work()
        except Exception as error:  # noqa: BLE001 - it is told to the artist
            nuke.executeInMainThread(fail, (error,))
        else:
            nuke.executeInMainThread(tell, (sentence,))

    threading.Thread(target=run, name="ft-dcc publish", daemon=True).start()
