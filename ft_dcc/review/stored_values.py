"""Values that reviews store as JSON in the metadata of notes, verdicts and versions, and how they are read.

Other clients may have written anything else there; what cannot be read counts as not stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ft_dcc import plain_text

# Of a note: {"frame": 1010, "end_frame": …, "invitee_id": …, "annotation_id": …, "edited": …, "done_by": …};
# of a verdict: {"history": [{"status": …, "date": …}]}. Each value is optional.
NOTE_KEY = "ft_dcc"
# Of a note that a later version answers: {"version_id": …, "version": "main v004"}; a key of its own, because a
# reviewer may edit the note at the same time.
ADDRESSED_KEY = "ft_dcc_addressed"
# Metadata of a movie: the exact rate and frames, and the values that every player of ftrack reads (decision 0004).
MOVIE_KEY, FTRACK_MOVIE_KEY = "ft_dcc", "ftr_meta"
# The review movies of a version with their numbers of lines, unless they state another height. The smallest one has no
# number in its name. In versions of earlier releases it is the largest one, and the one of 720 lines is beside it.
REVIEW_MOVIE = "ftrackreview-mp4"
REVIEW_MOVIES = {REVIEW_MOVIE: 720, **{f"{REVIEW_MOVIE}-{lines}": lines for lines in (720, 1080, 1440, 2160)}}


def json_object(text: object) -> dict[str, Any]:
    """Return the JSON object in a metadata value, or {}."""
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def first_integer(*values: object) -> int | None:
    """Return the first value that is a whole number; sites send frame numbers as floats."""
    for value in values:
        if not isinstance(value, bool) and isinstance(value, (int, float)) and float(value).is_integer():
            return int(value)
    return None


def movie_lines(name: str, metadata: Mapping[str, Any]) -> int:
    """Return the number of lines of a movie: as its metadata says, or as its name says; 0 if neither does."""
    stated = (json_object(metadata.get(key)).get("height") for key in (FTRACK_MOVIE_KEY, MOVIE_KEY))
    return first_integer(*stated) or REVIEW_MOVIES.get(name, 0)


def person_name(user: Mapping[str, Any]) -> str:
    """Return the full name of a user in one line, the user name without one, or "" for a deleted user."""
    name = " ".join(str(user[part]) for part in ("first_name", "last_name") if user.get(part))
    return plain_text.single_line(name or str(user.get("username") or ""))


def addressed_mark(version_id: str, version: str) -> tuple[str, str]:
    """Return the metadata value that marks a note as answered by a version, and the text of the reply that says so."""
    return json.dumps({"version_id": version_id, "version": version}), f"Addressed in {version}."
