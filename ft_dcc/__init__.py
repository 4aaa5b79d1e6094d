"""From the viewport to a review session in one click.

The public names are available here; their modules are imported on first use, so that ``import ft_dcc`` is fast.

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
    from ft_dcc.production.tasks import ensure_task as ensure_task
    from ft_dcc.production.tasks import find_task as find_task
    from ft_dcc.session import Session as Session

EXPORTS = {
    **dict.fromkeys(("FrameRange", "Frames", "Resolution", "frame_rate"), "ft_dcc.frames"),
    **dict.fromkeys(("PlayblastRequest", "Scene"), "ft_dcc.host"),
    **dict.fromkeys(("ensure_task", "find_task"), "ft_dcc.production.tasks"),
    "Session": "ft_dcc.session",
}
_MODULES = ("errors", "frames", "plain_text", "session")

__all__ = ["errors", "frames", *EXPORTS]


def __getattr__(name: str) -> Any:
    if name in EXPORTS:
        value = getattr(importlib.import_module(EXPORTS[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"ft_dcc.{name}")
    elif not name.startswith("_") and name in _ftrack_api_names().NAMES:
        value = _ftrack_api_names().find(name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def _ftrack_api_names() -> Any:
    return importlib.import_module("ft_dcc.session.compat.ftrack_api")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _FtrackApiFinder:
    """Meta path finder for the module paths of ``ftrack_api``, such as ``ft_dcc.event.base``."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> Any:
        """Return the module's spec, or None if it is not a module of ``ftrack_api``."""
        return _ftrack_api_names().spec(name) if name.startswith("ft_dcc.") else None


if _FtrackApiFinder not in sys.meta_path:
    sys.meta_path.append(_FtrackApiFinder)
