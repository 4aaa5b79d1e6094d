"""The states of a job; apart from the queue, because a list of jobs needs no publish to be imported."""

from __future__ import annotations

DONE, RUNNING, FAILED, SUPERSEDED, CHECKED = "done", "running", "failed", "superseded", "checked"
NEEDS_SCENE, WAITING, ROLLBACK_PENDING = "needs its scene", "waiting", "rollback pending"
UNREADABLE = "unreadable"
ALL = (WAITING, FAILED, NEEDS_SCENE, RUNNING, CHECKED, SUPERSEDED, ROLLBACK_PENDING, UNREADABLE, DONE)
