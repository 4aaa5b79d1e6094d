"""The official client, unmodified, takes the studio server for the real thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

RunOfficial = Callable[..., Any]


def test_a_project_a_shot_a_task_and_versions_are_read_back_as_they_were_made(official: RunOfficial) -> None:
    name = f"official_{uuid4().hex[:8]}"
    assert official("tree", name) == {
        "status": "In progress",
        "type": "Animation",
        "link": [name, "sq010", "sh010", "animation"],
        "ancestors": ["Shot", "Sequence"],
        "metadata": {"camera": "A"},
        "fstart": 1001,
        "versions": [1, 2],
        "latest": True,
        "is_latest": [False, True],
        "user": "admin",
        "left": 0,
    }


def test_a_film_goes_into_a_review_session_and_out_again(official: RunOfficial) -> None:
    assert official("review", f"official_{uuid4().hex[:8]}") == {
        "size": 4096,
        "type": "FileComponent",
        "availability": 100.0,
        "picked": "ftrack.server",
        "downloaded": True,
        "is_open": True,
        "entry": ["playblast", "Version 1"],
        "entries": 1,
        "invitee": "admin",
        "recipients": 1,
        "frames": {"frameIn": 1001, "frameOut": 1048},
        "left": 0.0,
    }


@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_a_refusal_names_what_was_wrong_and_stores_nothing(official: RunOfficial, mode: str) -> None:
    told = official("refusals", mode)
    assert "ParseError(Task has no attribute 'colour' (character 47).)" in told["unknown attribute"]
    assert "ValidationError(User.user_type_id refers to UserType 'missing'" in told["unknown status"]
    assert "ValidationError(A Shot needs a parent that exists." in told["no parent"]
    assert "Invalid action u'fly'" in told["unknown action"]
    assert told["no user"] == 0
