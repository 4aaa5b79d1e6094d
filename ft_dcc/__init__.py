"""From the viewport to a review session in one click.

Everything that a host, a studio or a notebook needs is here under its plain name; a name's module is loaded when
the name is first used, so that importing the suite costs a host nothing.

Scripts that were written for ``ftrack_api`` find its names here as well: ``import ft_dcc as ftrack_api``.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ft_dcc.frames import FrameRange as FrameRange
    from ft_dcc.frames import Frames as Frames
    from ft_dcc.frames import Resolution as Resolution
    from ft_dcc.frames import frame_rate as frame_rate
    from ft_dcc.host import PlayblastRequest as PlayblastRequest
    from ft_dcc.host import Scene as Scene
    from ft_dcc.session import Session as Session
    from ft_dcc.tasks import ensure_task as ensure_task
    from ft_dcc.tasks import find_task as find_task

_HOMES = {
    "FrameRange": "ft_dcc.frames",
    "Frames": "ft_dcc.frames",
    "PlayblastRequest": "ft_dcc.host",
    "Resolution": "ft_dcc.frames",
    "Scene": "ft_dcc.host",
    "Session": "ft_dcc.session",
    "ensure_task": "ft_dcc.tasks",
    "find_task": "ft_dcc.tasks",
    "frame_rate": "ft_dcc.frames",
}
_MODULES = ("errors", "frames", "session")

__all__ = ["errors", "frames", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"ft_dcc.{name}")
    elif not name.startswith("_") and name in _documented().NAMES:
        value = _documented().find(name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def _documented() -> Any:
    return importlib.import_module("ft_dcc.session.documented")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Imports:
    """Is asked last, for modules that are nowhere: ``import ft_dcc.event.base`` means what is at that path here."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> Any:
        """Return what the module is made from, or None for all that is not ``ftrack_api``'s."""
        return _documented().spec(name) if name.startswith("ft_dcc.") else None


if _Imports not in sys.meta_path:
    sys.meta_path.append(_Imports)
