"""Check a studio: its database, the checksums of its media, and its backups. A server may be running."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import attrs

from ft_dcc.errors import StorageError
from ft_dcc.server.database.backup import verify_backup
from ft_dcc.server.database.integrity import find_damage, read_problems, write_problems
from ft_dcc.server.database.seed import SERVER_LOCATION_ID
from ft_dcc.server.storage.media_files import MediaFiles

_log = logging.getLogger(__name__)

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


def check_studio(data: Path, backups: Path | None = None, on_file: Callable[[], None] = lambda: None) -> StudioCheck:
    """Check the whole studio and return what was found, which ``/health`` then shows.

    ``backups`` is the folder of nightly backups, by default the one in the data folder. ``on_file`` is called for each
    media file. Media files without checksums get them. Raises StorageError for a folder without a studio.
    """
    if not (data / "studio.db").is_file():
        raise StorageError(f"There is no studio in {data}. Name the folder that its server was started with.")
    damage = find_damage(data / "studio.db")
    media_files, media = _check_media(data, lambda name: True, on_file)
    made = sorted((data / "backups" if backups is None else backups).glob("studio-*.backup"))
    problems = {
        "database": [_database_message(data, damage)] if damage else [],
        "media": media,
        "backup": [message for path in made if (message := _backup_message(path))],
    }
    write_problems(data, problems)
    return StudioCheck(media_files, len(made), {source: found for source, found in problems.items() if found})


def check_nightly_part(data: Path, today: date) -> None:
    """Check the database and a thirtieth of the media, and those that were damaged before; log what was found."""
    damage = find_damage(data / "studio.db")
    database = [_database_message(data, damage)] if damage else []
    before = "\n".join(read_problems(data).get("media", ()))
    part = today.toordinal() % _NIGHTS
    _, media = _check_media(data, lambda name: int(name[:8], 16) % _NIGHTS == part or name[:16] in before)
    for message in (*database, *media):
        _log.error("%s", message)
    write_problems(data, {"database": database, "media": media})


def _check_media(
    data: Path, is_chosen: Callable[[str], bool], on_file: Callable[[], None] = lambda: None
) -> tuple[int, list[str]]:
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
        on_file()
        count += 1
        if media.check(name):
            continue
        label = labels.get(name, "an unpublished component")
        messages.append(f"The media of {label} is damaged ({name[:16]}). {_REMEDY}")
    return count, messages


def _labels(data: Path, media: MediaFiles) -> dict[str, str]:
    """Return the description of each component whose media the server must have, by the name of its media file."""
    return {media.name(component_id): label for component_id, label in _components(data / "studio.db")}


def _components(database: Path) -> Iterator[tuple[str, str]]:
    """Yield id and label of the components whose media the server must have; none of a database that is damaged."""
    uri = f"{database.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            for component_id, name, file_type in connection.execute(_COMPONENTS, (SERVER_LOCATION_ID,)):
                yield component_id, f"component {component_id} '{name}{file_type or ''}'"
    except sqlite3.DatabaseError as error:
        _log.error("The components of %s cannot be read: %s", database, error)


def _database_message(data: Path, damage: str) -> str:
    return (
        f"The database of {data} is damaged: {damage}. Stop the server and restore the newest backup to a new folder."
    )


def _backup_message(path: Path) -> str:
    try:
        verify_backup(path)
    except StorageError as error:
        return f"{path.name}: {error}"
    return ""
