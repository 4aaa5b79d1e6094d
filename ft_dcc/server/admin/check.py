"""Check a studio: its database, the checksums of its media, and its backups. A server may be running."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import attrs

from ft_dcc.errors import StorageError
from ft_dcc.files.atomic import write_atomically
from ft_dcc.review.stored_values import json_object
from ft_dcc.server.database import backup, seed
from ft_dcc.server.errors import ValidationError
from ft_dcc.server.storage.media_files import MediaFiles

_log = logging.getLogger(__name__)

# The results of checks of backups, by the names of their files.
_CHECKS = "checks.json"
_REMEDY = "Restore it from a backup, or publish it again."
# Each media file is checked once in so many nights.
_NIGHTS = 30
_COMPONENTS = (
    "SELECT component.id, component.name, component.file_type FROM component_location "
    "JOIN component ON component.id = component_location.component_id "
    "WHERE component_location.location_id = ? AND component.__entity_type__ = 'FileComponent'"
)


@attrs.frozen
class StudioCheck:
    """What a check has found: the number of media files and backups that it read, and the problems by their source."""

    media_files: int
    backups: int
    problems: dict[str, list[str]]

    @property
    def messages(self) -> list[str]:
        """All problems, each a sentence."""
        return [message for found in self.problems.values() for message in found]


def check_studio(data: Path, backups: Path | None = None) -> StudioCheck:
    """Check the whole studio and return what was found, which ``/health`` then shows.

    ``backups`` is the folder of nightly backups, by default the one in the data folder. Media files without checksums
    get them. Raises StorageError for a folder without a studio.
    """
    if not (data / "studio.db").is_file():
        raise StorageError(f"There is no studio in {data}. Name the folder that its server was started with.")
    media_files, media = _check_media(data, lambda name: True)
    made = sorted((data / "backups" if backups is None else backups).glob("studio-*.backup"))
    problems = {
        "database": _check_database(data),
        "media": media,
        "backup": [f"{path.name}: {problem}" for path in made if (problem := _problem_of_backup(path))],
    }
    backup.write_problems(data, problems)
    return StudioCheck(media_files, len(made), {source: found for source, found in problems.items() if found})


def check_nightly_part(data: Path, today: date) -> None:
    """Check the database and a thirtieth of the media, and those that were damaged before; log what was found."""
    database = _check_database(data)
    before = "\n".join(backup.read_problems(data).get("media", ()))
    part = today.toordinal() % _NIGHTS
    _, media = _check_media(data, lambda name: int(name[:8], 16) % _NIGHTS == part or name[:16] in before)
    for message in (*database, *media):
        _log.error("%s", message)
    backup.write_problems(data, {"database": database, "media": media})


def _check_media(data: Path, is_chosen: Callable[[str], bool]) -> tuple[int, list[str]]:
    """Return the number of checked media files, and a sentence for each that is damaged or missing."""
    media = MediaFiles(data)
    labels = _labels(data, media)
    missing = {name for name in labels if not media.file(name).is_file()}
    if missing:
        # A component may have been deleted with its media since the first reading.
        missing &= _labels(data, media).keys()
    messages = [
        f"The media of {labels[name]} is missing ({name[:16]}). {_REMEDY}" for name in labels if name in missing
    ]
    count = 0
    for name in filter(is_chosen, media.names()):
        count += 1
        if media.check(name):
            continue
        label = labels.get(name, "an unpublished component")
        messages.append(f"The media of {label} is damaged ({name[:16]}). {_REMEDY}")
    return count, messages


def _labels(data: Path, media: MediaFiles) -> dict[str, str]:
    """Return labels of the components in the server's location by the names of their files; none if it is damaged."""
    database = data / "studio.db"
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(_COMPONENTS, (seed.SERVER_LOCATION_ID,)).fetchall()
    except sqlite3.DatabaseError as error:
        _log.error("The components of %s cannot be read: %s", database, error)
        return {}
    return {media.name(key): f"component {key} '{name}{file_type or ''}'" for key, name, file_type in found}


def _check_database(data: Path) -> list[str]:
    if not (damage := backup.find_damage(data / "studio.db")):
        return []
    return [
        f"The database of {data} is damaged: {damage}. Stop the server and restore the newest backup to a new folder."
    ]


def check_backup(folder: Path, name: str) -> dict[str, Any]:
    """Read all of a backup, record beside the backups whether it can be restored, and return the result."""
    path = folder / name
    if path.name != name or not path.is_file():
        raise ValidationError(f"There is no backup '{name[:80]}'. Load the page again.")
    check = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "problem": _problem_of_backup(path) or None,
    }
    kept = {known: value for known, value in read_backup_checks(folder).items() if (folder / known).exists()}
    write_atomically(folder / _CHECKS, json.dumps({**kept, name: check}).encode(), is_private=True)
    return {"name": name, **check}


def read_backup_checks(folder: Path) -> dict[str, Any]:
    """Return the recorded results of :func:`check_backup` by the names of backups."""
    try:
        return json_object((folder / _CHECKS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _problem_of_backup(path: Path) -> str:
    try:
        backup.verify_backup(path)
    except StorageError as error:
        return str(error)
    return ""
