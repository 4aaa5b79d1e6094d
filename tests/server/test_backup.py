import io
import os
import sqlite3
import stat
import tarfile
from contextlib import closing
from datetime import datetime, time

import pytest
from run_options import wait_until

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database import backup, scheduled_backup
from ft_dcc.server.database.backup import back_up, keep_before_migration, restore
from ft_dcc.server.database.data_folder import locked
from ft_dcc.server.database.scheduled_backup import BackupSchedule, running_backups

ASK = {"action": "query_server_information", "values": ["version"]}


def test_backup_of_a_running_server_is_restored(start_server, http_client_for, tmp_path):
    first = start_server()
    http_client = http_client_for(first)
    movie = http_client.upload(b"film")
    assert back_up(first.data, tmp_path / "monday.tar") == 1
    later = http_client.upload(b"later")
    first.stop()

    assert restore(tmp_path / "monday.tar", tmp_path / "restored") == 1
    second = start_server(tmp_path / "restored")
    assert second.credentials.api_key == first.credentials.api_key
    assert http_client_for(second).get("/component/get", movie).content == b"film"
    assert http_client_for(second).get("/component/get", later).status_code == 404
    assert http_client_for(second).post(ASK).status_code == 200


def test_backup_of_a_stopped_server_is_private_and_is_restored(stopped_studio, tmp_path):
    (tmp_path / "backups").mkdir()
    assert back_up(stopped_studio, tmp_path / "backups" / "rest.tar") == 1
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["rest.tar"]
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "backups" / "rest.tar").stat().st_mode) == 0o600
    with pytest.raises(StorageError, match="overwrites nothing"):
        back_up(stopped_studio, tmp_path / "backups" / "rest.tar")
    assert restore(tmp_path / "backups" / "rest.tar", tmp_path / "restored") == 1


def test_backup_of_a_folder_without_a_studio_fails(tmp_path):
    with pytest.raises(StorageError, match="no studio"):
        back_up(tmp_path, tmp_path / "a.tar")
    assert list(tmp_path.iterdir()) == []


def test_restore_does_not_overwrite(tmp_path):
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(StorageError, match="not empty"):
        restore(tmp_path / "any.tar", tmp_path)
    assert (tmp_path / "kept").read_text() == "kept"


def tar_of(path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["../climbed", "/tmp/climbed", "media/../../climbed", "studio.db/x"])
def test_restore_of_another_archive_writes_nothing(tmp_path, name):
    with pytest.raises(StorageError, match="is not a backup of a studio"):
        restore(tar_of(tmp_path / "a.tar", (name, b"x")), tmp_path / "in" / "studio")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "in"]
    assert list((tmp_path / "in").iterdir()) == []


def test_restore_rejects_links(tmp_path):
    with pytest.raises(StorageError, match="is not a backup"):
        restore(tar_of(tmp_path / "a.tar", ("secret", b""), kind=tarfile.SYMTYPE), tmp_path / "studio")


@pytest.mark.parametrize("content", [b"", b"no tar" * 1000], ids=["empty", "text"])
def test_restore_reports_a_damaged_file(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(StorageError):
        restore(tmp_path / "a.tar", tmp_path / "studio")
    assert not (tmp_path / "studio").exists()
    with pytest.raises(StorageError):
        restore(tmp_path / "nowhere.tar", tmp_path / "studio")


def test_older_database_is_copied_before_its_migration(tmp_path, monkeypatch):
    database = tmp_path / "studio.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("CREATE TABLE a (b); INSERT INTO a VALUES (7); PRAGMA user_version = 1;")
    monkeypatch.setattr(backup.migrations, "STEPS", (None,))
    keep_before_migration(database)
    assert [path.name for path in tmp_path.iterdir()] == ["studio.db"]
    monkeypatch.setattr(backup.migrations, "STEPS", (None, None))
    (tmp_path / "studio-version-1.db.0a1b2c3d").write_bytes(b"of a server that was killed")
    keep_before_migration(database)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["studio-version-1.db", "studio.db"]
    with closing(sqlite3.connect(tmp_path / "studio-version-1.db")) as copy:
        assert copy.execute("SELECT b FROM a").fetchall() == [(7,)]


def test_backup_on_a_full_disk_fails_and_leaves_no_files(stopped_studio, tmp_path, mounting):
    small = mounting(tmp_path / "small", "size=400k")
    with pytest.raises(StorageError, match="There is no space for"):
        back_up(stopped_studio, small / "studio.tar")
    assert list(small.iterdir()) == []


def test_start_on_a_full_disk_fails_with_a_reason(tmp_path, mounting):
    small = mounting(tmp_path / "small", "size=1m")
    with pytest.raises(StorageError, match="There is no room to open"), locked(small), open_server_context(small):
        pass


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
