"""Make a backup every night while the server runs, and remove the oldest ones.

A server that was not running at that hour makes the backup when it starts.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from pathlib import Path

import attrs

from ft_dcc.errors import DatabaseDamaged, SettingInvalid, StorageError
from ft_dcc.server.background import running_worker
from ft_dcc.server.database.backup import back_up, remove_unused, write_problems

_log = logging.getLogger(__name__)

_NAME, _TIME_FORMAT = re.compile(r"studio-(\d{8}T\d{6})\.backup"), "%Y%m%dT%H%M%S"
# The remains of a server that was killed during a backup.
_TEMPORARY_PATTERNS = ("studio-*.backup.*", "snapshot-*")
_CHECK_INTERVAL_SECONDS, _FIRST_CHECK_SECONDS = 600, 60


@attrs.frozen
class BackupSchedule:
    """The time of the nightly backup, and how many are kept; none is made when ``keep`` is 0.

    In a ``folder`` the backups have the media, each file once for all of them. Without one they go into ``backups`` of
    the data folder and contain the database alone: media are never changed, and are on that disk already.
    """

    folder: Path | None = None
    keep: int = 7
    at: time = time(3)

    @classmethod
    def parse(cls, folder: Path | None, keep: int, at: str) -> BackupSchedule:
        """Return the schedule for command-line options; raises SettingInvalid."""
        try:
            return cls(folder, keep, time.fromisoformat(at))
        except ValueError as error:
            raise SettingInvalid(f"'{at}' is not a time of day. Write it as 03:00.") from error

    def is_due(self, data: Path, now: datetime) -> bool:
        """Return whether the last night has no backup, although the studio existed then."""
        last_night = datetime.combine(now.date(), self.at)
        if last_night > now:
            last_night -= timedelta(days=1)
        made = [_made_at(path) for path in self._backups(data, now)]
        # The secret is the first file of a studio, and never changes.
        created = datetime.fromtimestamp((data / "secret").stat().st_mtime)
        # Backups from the future were made while the clock was wrong, and do not count.
        return max((moment for moment in (*made, created) if moment <= now), default=datetime.min) < last_night

    def back_up(self, data: Path, now: datetime) -> Path:
        """Make a backup that can be restored, then remove the oldest ones, and return its path; raises StorageError."""
        folder = self._backup_folder(data)
        target = folder / f"studio-{now.strftime(_TIME_FORMAT)}.backup"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (found for pattern in _TEMPORARY_PATTERNS for found in folder.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            back_up(data, target, with_media=self.folder is not None, is_incremental=True)
            for old in self._backups(data, now)[: -self.keep]:
                old.unlink()
            remove_unused(folder, self._backups(data, now))
        except OSError as error:
            raise StorageError(
                f"No backup can be written to {folder}: {error.strerror}. Name another folder."
            ) from error
        return target

    def _backup_folder(self, data: Path) -> Path:
        return data / "backups" if self.folder is None else self.folder

    def _backups(self, data: Path, now: datetime) -> list[Path]:
        """Return the backups in the folder, the oldest first; those from the future count as the oldest."""
        found = [path for path in self._backup_folder(data).glob("studio-*.backup") if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: (_made_at(path) <= now, path.name))


def running_backups(
    data: Path,
    schedule: BackupSchedule,
    track_activity: Callable[[], AbstractContextManager[None]],
    cleanup: Callable[[], object],
    check: Callable[[Path, date], None] = lambda data, today: None,
) -> AbstractContextManager[None]:
    """Make due backups of the data folder on a thread for the duration of the block; failed ones are tried again.

    ``track_activity`` is entered around a backup. ``cleanup`` is called before each look whether one is due, and
    ``check`` once a day, after the backup, to find damage.
    """
    checked_on: date | None = None

    def step(_is_stopping: threading.Event) -> float:
        nonlocal checked_on
        now = datetime.now()
        try:
            cleanup()
            if schedule.keep and schedule.is_due(data, now):
                with track_activity():
                    made = schedule.back_up(data, now)
                write_problems(data, {"backup": ()})
                _log.info("A backup was made: %s", made)
            if checked_on != now.date() and now.time() >= schedule.at:
                with track_activity():
                    check(data, now.date())
                checked_on = now.date()
        except (StorageError, OSError) as error:
            _log.error("The nightly backup failed: %s", error)
            source = "database" if isinstance(error, DatabaseDamaged) else "backup"
            write_problems(data, {source: [f"The nightly backup failed: {error}"]})
        return _CHECK_INTERVAL_SECONDS

    # An unfinished backup does not delay the end of the server; the next one removes its remains.
    return running_worker("backup", step, first_seconds=_FIRST_CHECK_SECONDS)


def _made_at(backup: Path) -> datetime:
    match = _NAME.fullmatch(backup.name)
    return datetime.strptime(match[1], _TIME_FORMAT) if match else datetime.min
