"""A backup every night: when it is due, what is in it, and what is kept."""

import os
from datetime import datetime, time

import pytest
from run_options import wait_until

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database import scheduled_backup
from ft_dcc.server.database.backup import restore
from ft_dcc.server.database.data_folder import locked
from ft_dcc.server.database.scheduled_backup import BackupSchedule, running_backups


@pytest.fixture
def data(stopped_studio):
    """Set the first entry of a studio to Friday, 20 November, at noon."""
    friday = datetime(2026, 11, 20, 12).timestamp()
    os.utime(stopped_studio / "secret", (friday, friday))
    return stopped_studio


def test_backup_is_due_once_after_each_night(data):
    scheduled_backup = BackupSchedule(at=time(3))
    assert not scheduled_backup.is_due(data, datetime(2026, 11, 20, 23))
    assert not scheduled_backup.is_due(data, datetime(2026, 11, 21, 2, 59))
    assert scheduled_backup.is_due(data, datetime(2026, 11, 21, 3, 0, 1))
    # The server was not running at three.
    assert scheduled_backup.is_due(data, datetime(2026, 11, 21, 9))
    scheduled_backup.back_up(data, datetime(2026, 11, 21, 9))
    assert not scheduled_backup.is_due(data, datetime(2026, 11, 21, 9, 10))
    assert not scheduled_backup.is_due(data, datetime(2026, 11, 22, 2))
    assert scheduled_backup.is_due(data, datetime(2026, 11, 22, 3, 1))


def test_old_backups_are_removed_and_other_files_are_kept(data, tmp_path):
    scheduled_backup = BackupSchedule(tmp_path / "backups", keep=2)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "studio-monday.backup").write_text("mine")
    (tmp_path / "backups" / "studio-20261119T030000.backup.deadbeef").write_text("half a backup")
    for day in (21, 22, 23):
        scheduled_backup.back_up(data, datetime(2026, 11, day, 3))
    kept = {"media", "studio-monday.backup", *(f"studio-202611{day}T030000.backup" for day in (22, 23))}
    assert {path.name for path in (tmp_path / "backups").iterdir()} == kept


@pytest.mark.parametrize(("is_apart", "count"), [(True, 1), (False, 0)])
def test_scheduled_backup_can_be_restored(data, tmp_path, is_apart, count):
    """In a folder of its own it has the media; beside the studio, where the media are, it has not."""
    made = BackupSchedule(tmp_path / "backups" if is_apart else None).back_up(data, datetime(2026, 11, 21, 3))
    assert made.parent == (tmp_path / "backups" if is_apart else data / "backups")
    assert restore(made, tmp_path / "restored") == count
    with open_admin(tmp_path / "restored") as owner:
        assert owner.run("keys")["keys"] == []


def test_invalid_backup_folder_is_reported_in_one_sentence(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Name another folder"):
        BackupSchedule(tmp_path / "file" / "backups").back_up(data, datetime(2026, 11, 21, 3))
    with pytest.raises(SettingInvalid, match="Write it as 03:00"):
        BackupSchedule.parse(None, 7, "at night")


def test_abandoned_uploads_are_removed_without_a_restart(data, monkeypatch):
    monkeypatch.setattr(scheduled_backup, "_FIRST_CHECK_SECONDS", 0)
    with locked(data), open_server_context(data) as studio:
        fresh, stale = data / "parts" / "fresh", data / "parts" / "stale"
        for folder in (fresh, stale):
            folder.mkdir()
        os.utime(stale, (0, 0))
        with running_backups(data, BackupSchedule(keep=0), studio.work.activity.track, studio.media.cleanup_parts):
            wait_until(lambda: not stale.exists(), "the removal of the abandoned upload")
        assert fresh.is_dir()


def test_wrong_clock_does_not_skip_a_backup(data):
    each_night, saturday = BackupSchedule(keep=1), datetime(2026, 11, 21, 9)
    (data / "backups").mkdir()
    (data / "backups" / "studio-20990101T030000.backup").write_bytes(b"made in a year to come")
    os.utime(data / "secret", (datetime(2099, 1, 1).timestamp(),) * 2)
    assert each_night.is_due(data, saturday)
    made = each_night.back_up(data, saturday)
    assert list((data / "backups").iterdir()) == [made]
    assert not each_night.is_due(data, saturday)
