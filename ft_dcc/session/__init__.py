"""The ftrack client. It knows nothing of publishing, media and hosts.

from ft_dcc.session import Session

with Session() as session:
    for task in session.query("select name, status.name from Task where project.name is 'bunny'"):
        print(task["name"], task["status"]["name"])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ft_dcc.session.session import Session as Session
    from ft_dcc.session.symbol import CONNECT_LOCATION_ID as CONNECT_LOCATION_ID
    from ft_dcc.session.symbol import ORIGIN_LOCATION_ID as ORIGIN_LOCATION_ID
    from ft_dcc.session.symbol import REVIEW_LOCATION_ID as REVIEW_LOCATION_ID
    from ft_dcc.session.symbol import SERVER_LOCATION_ID as SERVER_LOCATION_ID
    from ft_dcc.session.symbol import UNMANAGED_LOCATION_ID as UNMANAGED_LOCATION_ID
    from ft_dcc.session.transport.http import SessionAuthentication as SessionAuthentication

# Imported on first use: if this package imported its own modules, two threads that import the package and one of the
# modules at the same time would wait for each other, and Python would give one of them an unfinished module.
_LOCATIONS = ("CONNECT", "ORIGIN", "REVIEW", "SERVER", "UNMANAGED")
_MODULES = {
    **{f"{name}_LOCATION_ID": "ft_dcc.session.symbol" for name in _LOCATIONS},
    "Session": "ft_dcc.session.session",
    "SessionAuthentication": "ft_dcc.session.transport.http",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return value
