"""A backup every night while the server runs: made in the background, the oldest removed.

A server that was not running at that hour makes it when it starts. Beside that, the parts of uploads that were given up
are removed.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path

import attrs

from ft_dcc.errors import DiskUnusable, SettingInvalid
from ft_dcc.server.backup import back_up
from ft_dcc.server.studio import Studio

_log = logging.getLogger(__name__)

_NAME, _STAMP = re.compile(r"studio-(\d{8}T\d{6})\.backup"), "%Y%m%dT%H%M%S"
# What a server that was killed meanwhile left behind.
_DRAFTS = ("studio-*.backup.*", "snapshot-*")
_PAUSE_SECONDS, _FIRST_SECONDS = 600, 60


@attrs.frozen
class Nightly:
    """When backups are made, and how many are kept; none when ``keep`` is 0.

    In a folder of their own they have the media in them. Without one they go into ``backups`` of the studio's folder,
    as the database alone: media are never changed, and lie there already.
    """

    folder: Path | None = None
    keep: int = 7
    at: time = time(3)

    @classmethod
    def parse(cls, folder: Path | None, keep: int, at: str) -> Nightly:
        """Return the value for flags as they are written; raises SettingInvalid."""
        try:
            return cls(folder, keep, time.fromisoformat(at))
        except ValueError as error:
            raise SettingInvalid(f"'{at}' is no time of day. Write it as 03:00.") from error

    def is_due(self, data: Path, now: datetime) -> bool:
        """Whether the last night has no backup yet, and the studio was there then."""
        last_night = datetime.combine(now.date(), self.at)
        if last_night > now:
            last_night -= timedelta(days=1)
        made = [_moment(path) for path in self._backups(data, now)]
        # The secret is the first that a studio has, and is never changed.
        born = datetime.fromtimestamp((data / "secret").stat().st_mtime)
        # What was made when the clock was wrong says nothing of last night.
        return max((moment for moment in (*made, born) if moment <= now), default=datetime.min) < last_night

    def back_up(self, data: Path, now: datetime) -> Path:
        """Return a new backup of the studio in the folder; the oldest are gone. Raises DiskUnusable."""
        place = self._place(data)
        target = place / f"studio-{now.strftime(_STAMP)}.backup"
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            for draft in (found for pattern in _DRAFTS for found in place.glob(pattern)):
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()
            back_up(data, target, with_media=self.folder is not None)
            for old in self._backups(data, now)[: -self.keep]:
                old.unlink()
        except OSError as error:
            raise DiskUnusable(f"No backup can be in {place}: {error.strerror}. Name another folder.") from error
        return target

    def _place(self, data: Path) -> Path:
        return data / "backups" if self.folder is None else self.folder

    def _backups(self, data: Path, now: datetime) -> list[Path]:
        """Return what was made before, the oldest first; other files of the folder are nobody's business.

        What has a date that is yet to come counts as older than all others.
        """
        found = [path for path in self._place(data).glob("studio-*.backup") if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: (_moment(path) <= now, path.name))


@contextmanager
def backing_up(studio: Studio, nightly: Nightly) -> Iterator[None]:
    """Inside, a backup is made each night, and what uploads left behind is removed; what fails is tried again."""
    is_over = threading.Event()
    thread = threading.Thread(target=_watch, args=(studio, nightly, is_over), name="ft-dcc-nightly", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # A backup that is half done keeps nobody from stopping; its draft is removed by the next.
        is_over.set()


def _watch(studio: Studio, nightly: Nightly, is_over: threading.Event) -> None:
    is_over.wait(_FIRST_SECONDS)
    while not is_over.is_set():
        now = datetime.now()
        try:
            studio.files.sweep_parts()
            if nightly.keep and nightly.is_due(studio.folder, now):
                with studio.work.under_way():
                    made = nightly.back_up(studio.folder, now)
                _log.info("A backup was made: %s", made)
        except (DiskUnusable, OSError) as error:
            _log.error("What is done every night was not: %s", error)
        is_over.wait(_PAUSE_SECONDS)


def _moment(backup: Path) -> datetime:
    match = _NAME.fullmatch(backup.name)
    return datetime.strptime(match[1], _STAMP) if match else datetime.min
