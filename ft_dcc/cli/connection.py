"""A session from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ft_dcc.config import read_settings

if TYPE_CHECKING:
    from ft_dcc.session import Session


@contextmanager
def connected() -> Iterator[Session]:
    """A session as the settings say, closed at the end; raises SettingInvalid when one is missing."""
    settings = read_settings()
    server, user, key = settings.need("server"), settings.need("user"), settings.need("key")
    from ft_dcc.session import Session

    with Session(server_url=server, api_user=user, api_key=key) as session:
        yield session
