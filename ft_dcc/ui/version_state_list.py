"""The status and thumbnail of the last published versions; they are read in the background."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ft_dcc.ui.background_queries import LatestOnlyWorker, error_message_of

if TYPE_CHECKING:
    from ft_dcc.publish.history import PastVersion
    from ft_dcc.review.version_states import VersionState
    from ft_dcc.session import Session

log = logging.getLogger(__name__)


class VersionStateList:
    """States by the id of the version; a worker thread changes it, drawing only reads it.

    ``on_change`` is called by the worker after a change.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self.states: Mapping[str, VersionState] = {}
        self._on_change = on_change
        self._worker = LatestOnlyWorker()
        self._session: Session | None = None
        self._versions: tuple[PastVersion, ...] = ()

    def read_new(self, session: Session, versions: tuple[PastVersion, ...]) -> None:
        """Read the states of the versions of this server, unless they were read for this very list."""
        if self._session is session and self._versions is versions:
            return
        self._session, self._versions = session, versions
        wanted = [version.id for version in versions if version.server == session.server_url and version.id]
        if not wanted:
            return

        def load() -> None:
            from ft_dcc.review.version_states import read_states

            states = read_states(session, wanted)
            # The user may have signed out meanwhile.
            if self._session is session:
                self.states = states

        def work() -> None:
            error = error_message_of("Reading the status of the last versions", load)
            if error:
                # The list is useful without them.
                log.warning("The status of the last versions is unknown: %s", error)
            self._on_change()

        self._worker.run("states", work)

    def wait(self, seconds: float) -> bool:
        """Wait until idle; return whether that happened within these seconds."""
        return self._worker.wait(seconds)

    def clear(self) -> None:
        """Discard everything that was read; the session is about to be closed."""
        self._worker.clear()
        self._session, self._versions, self.states = None, (), {}
