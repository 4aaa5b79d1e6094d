"""The states of a job; apart from the queue, because a list of jobs needs no publish to be imported."""

from __future__ import annotations

DONE = "done"
RUNNING = "running"
FAILED = "failed"
SUPERSEDED = "superseded"
CHECKED = "checked"
NEEDS_SCENE = "needs its scene"
WAITING = "waiting"
ROLLBACK_PENDING = "rollback pending"
UNREADABLE = "unreadable"
