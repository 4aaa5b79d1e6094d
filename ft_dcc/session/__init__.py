"""The ftrack client. It knows nothing of publishing, media and hosts.

from ft_dcc.session import Session

with Session() as session:
    for task in session.query("select name, status.name from Task where project.name is 'bunny'"):
        print(task["name"], task["status"]["name"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ft_dcc.session.session import Session
from ft_dcc.session.symbol import (
    CONNECT_LOCATION_ID,
    ORIGIN_LOCATION_ID,
    REVIEW_LOCATION_ID,
    SERVER_LOCATION_ID,
    UNMANAGED_LOCATION_ID,
)

if TYPE_CHECKING:
    from ft_dcc.session.transport.http import SessionAuthentication

__all__ = [
    "CONNECT_LOCATION_ID",
    "ORIGIN_LOCATION_ID",
    "REVIEW_LOCATION_ID",
    "SERVER_LOCATION_ID",
    "UNMANAGED_LOCATION_ID",
    "Session",
    "SessionAuthentication",
]


def __getattr__(name: str) -> Any:
    # Its base class is in requests, which is imported by the first session.
    if name == "SessionAuthentication":
        from ft_dcc.session.transport.http import SessionAuthentication

        return SessionAuthentication
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
