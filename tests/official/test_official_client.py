"""The official client, unmodified, takes the studio server for the real thing."""

import subprocess
from uuid import uuid4

import pytest

from ft_dcc.media import ffmpeg


def test_created_entities_are_read_back(official):
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


def test_movie_is_added_to_a_review_session_and_downloaded(official):
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


def test_movie_is_encoded_for_browsers(official, tmp_path):
    movie = tmp_path / "film.mov"
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1"]
    subprocess.run([str(ffmpeg.find()), "-v", "error", *source, "-c:v", "mpeg4", str(movie)], check=True)
    assert official("encode", f"official_{uuid4().hex[:8]}", str(movie)) == {
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
def test_refused_request_is_reported_and_stores_nothing(official, mode):
    result = official("refusals", mode)
    assert "ParseError(Task has no attribute 'colour' (character 47).)" in result["unknown attribute"]
    assert "ValidationError(User.user_type_id refers to UserType 'missing'" in result["unknown status"]
    assert "ValidationError(A Shot needs a parent that exists." in result["no parent"]
    assert "Invalid action u'fly'" in result["unknown action"]
    assert result["no user"] == 0
