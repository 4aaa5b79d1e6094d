"""Whose settings apply: those of the project that a thread works for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import attrs


@attrs.frozen
class Scope:
    """The project of a task, and the place of a scene or a source.

    The project's file is the nearest one in ``folder`` or above it; without a folder it is that of the working
    directory. ``text`` is the TOML that the server keeps for the project of the name ``project``.
    """

    folder: Path | None = None
    project: str = ""
    text: str = ""


_current: ContextVar[Scope | None] = ContextVar("ft_dcc_settings", default=None)


def current_scope() -> Scope:
    """Return the scope of this thread; a new thread has that of its creator only in a copy of its context."""
    return _current.get() or Scope()


@contextmanager
def applied(scope: Scope) -> Iterator[None]:
    """Let this thread read the settings of the scope."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)
