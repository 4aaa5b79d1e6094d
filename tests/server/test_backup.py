import io
import os
import sqlite3
import stat
import tarfile
from contextlib import closing

import pytest

from ft_dcc.errors import StorageError
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database import backup
from ft_dcc.server.database.backup import back_up, keep_before_migration, restore
from ft_dcc.server.database.data_folder import locked

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


def test_truncated_backup_restores_nothing(stopped_studio, tmp_path):
    back_up(stopped_studio, tmp_path / "a.tar")
    content = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content[: len(content) - 60_000])
    with pytest.raises(StorageError):
        restore(tmp_path / "a.tar", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_older_database_is_copied_before_its_migration(tmp_path, monkeypatch):
    database = tmp_path / "studio.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("CREATE TABLE a (b); INSERT INTO a VALUES (7); PRAGMA user_version = 1;")
    monkeypatch.setattr(backup, "STEPS", (None,))
    keep_before_migration(database)
    assert [path.name for path in tmp_path.iterdir()] == ["studio.db"]
    monkeypatch.setattr(backup, "STEPS", (None, None))
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
