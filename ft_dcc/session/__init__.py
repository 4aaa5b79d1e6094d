"""The ftrack client.

from ft_dcc.session import Session

with Session() as session:
    for task in session.query("select name, status.name from Task where project.name is 'bunny'"):
        print(task["name"], task["status"]["name"])
"""

from __future__ import annotations

from ft_dcc.session.session import Session
from ft_dcc.session.symbol import (
    CONNECT_LOCATION_ID,
    ORIGIN_LOCATION_ID,
    REVIEW_LOCATION_ID,
    SERVER_LOCATION_ID,
    UNMANAGED_LOCATION_ID,
)

__all__ = [
    "CONNECT_LOCATION_ID",
    "ORIGIN_LOCATION_ID",
    "REVIEW_LOCATION_ID",
    "SERVER_LOCATION_ID",
    "UNMANAGED_LOCATION_ID",
    "Session",
]
