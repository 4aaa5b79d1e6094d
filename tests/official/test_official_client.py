"""The official client, unmodified, takes the studio server for the real thing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ft_dcc.media import ffmpeg

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


def test_a_film_is_encoded_for_browsers(official: RunOfficial, tmp_path: Path) -> None:
    film = tmp_path / "film.mov"
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1"]
    subprocess.run([str(ffmpeg.find()), "-v", "error", *source, "-c:v", "mpeg4", str(film)], check=True)
    assert official("encode", f"official_{uuid4().hex[:8]}", str(film)) == {
        "status": ["done", "done"],
        "formats": ["video/mp4", "image/jpeg"],
        "kept": [False, True],
        "attached": ["ftrackreview-mp4", "thumbnail"],
        "components": [["ftrackreview-mp4", "thumbnail"], ["ftrackreview-mp4", "plate", "thumbnail"]],
        "ftr_meta": {"frameIn": 0, "frameOut": 24, "frameRate": 25.0, "width": 320, "height": 180},
        "availability": 100.0,
        "sources": 0,
        "head": "ftyp",
    }


@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_a_refusal_names_what_was_wrong_and_stores_nothing(official: RunOfficial, mode: str) -> None:
    told = official("refusals", mode)
    assert "ParseError(Task has no attribute 'colour' (character 47).)" in told["unknown attribute"]
    assert "ValidationError(User.user_type_id refers to UserType 'missing'" in told["unknown status"]
    assert "ValidationError(A Shot needs a parent that exists." in told["no parent"]
    assert "Invalid action u'fly'" in told["unknown action"]
    assert told["no user"] == 0
