"""A session from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ft_dcc.local_studio import account

if TYPE_CHECKING:
    from ft_dcc.session import Session


@contextmanager
def connected() -> Iterator[Session]:
    """A session as the settings say, closed at the end; without a server in them, on the user's own studio."""
    found = account()
    from ft_dcc.session import Session

    with Session(server_url=found.server, api_user=found.user, api_key=found.key) as session:
        yield session
