from __future__ import annotations

import io
import os
import sqlite3
import stat
import tarfile
from contextlib import closing

import pytest

from ft_dcc.errors import DiskUnusable
from ft_dcc.server import backup
from ft_dcc.server.backup import back_up, keep_before_migration, restore
from ft_dcc.server.folder import owned
from ft_dcc.server.opening import opened

ASK = {"action": "query_server_information", "values": ["version"]}


def test_a_running_studio_is_backed_up_and_restored(start_server, wire_to, tmp_path):
    first = start_server()
    wire = wire_to(first)
    film = wire.upload(b"film")
    assert back_up(first.data, tmp_path / "monday.tar") == 1
    later = wire.upload(b"later")
    first.stop()

    assert restore(tmp_path / "monday.tar", tmp_path / "restored") == 1
    second = start_server(tmp_path / "restored")
    assert second.credentials.api_key == first.credentials.api_key
    assert wire_to(second).get("/component/get", film).content == b"film"
    assert wire_to(second).get("/component/get", later).status_code == 404
    assert wire_to(second).post(ASK).status_code == 200


def test_a_studio_at_rest_is_backed_up_too(start_server, tmp_path):
    server = start_server()
    server.stop()
    assert back_up(server.data, tmp_path / "rest.tar") == 0
    assert restore(tmp_path / "rest.tar", tmp_path / "restored") == 0


def test_a_backup_is_private_and_leaves_nothing_else(start_server, tmp_path):
    server = start_server()
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up(server.data, folder / "one.tar")
    assert [path.name for path in folder.iterdir()] == ["one.tar"]
    if os.name != "nt":
        assert stat.S_IMODE((folder / "one.tar").stat().st_mode) == 0o600


def test_a_folder_without_a_studio_is_refused(tmp_path):
    with pytest.raises(DiskUnusable, match="no studio"):
        back_up(tmp_path, tmp_path / "a.tar")
    assert list(tmp_path.iterdir()) == []


def test_restoring_overwrites_nothing(tmp_path):
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(DiskUnusable, match="not empty"):
        restore(tmp_path / "any.tar", tmp_path)
    assert (tmp_path / "kept").read_text() == "kept"


def tar_of(path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "name", ["../climbed", "/tmp/climbed", "media/../../climbed", "media/aa/x", "studio.db/x", "x"]
)
def test_a_file_that_is_no_backup_writes_nowhere(tmp_path, name):
    with pytest.raises(DiskUnusable, match="is no backup of a studio"):
        restore(tar_of(tmp_path / "a.tar", (name, b"x")), tmp_path / "in" / "studio")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "in"]
    assert list((tmp_path / "in").iterdir()) == []


def test_a_link_in_a_backup_is_refused(tmp_path):
    with pytest.raises(DiskUnusable, match="is no backup"):
        restore(tar_of(tmp_path / "a.tar", ("secret", b""), kind=tarfile.SYMTYPE), tmp_path / "studio")


@pytest.mark.parametrize("content", [b"", b"no tar" * 1000], ids=["empty", "text"])
def test_a_damaged_file_is_told(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(DiskUnusable):
        restore(tmp_path / "a.tar", tmp_path / "studio")
    assert not (tmp_path / "studio").exists()


def test_a_backup_that_is_cut_short_restores_nothing(start_server, wire_to, tmp_path):
    server = start_server()
    wire_to(server).upload(b"x" * 100_000)
    back_up(server.data, tmp_path / "a.tar")
    content = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content[: len(content) - 60_000])
    with pytest.raises(DiskUnusable):
        restore(tmp_path / "a.tar", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DiskUnusable):
        restore(tmp_path / "nowhere.tar", tmp_path / "studio")


def test_an_older_database_is_kept_before_it_is_changed(tmp_path, monkeypatch):
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


def test_a_backup_that_finds_no_room_says_so_and_leaves_nothing(tmp_path, mounting):
    with owned(tmp_path / "studio"), opened(tmp_path / "studio"):
        pass
    small = mounting(tmp_path / "small", "size=400k")
    with pytest.raises(DiskUnusable, match="There is no room for"):
        back_up(tmp_path / "studio", small / "studio.tar")
    assert list(small.iterdir()) == []


def test_a_studio_that_finds_no_room_at_its_start_says_so(tmp_path, mounting):
    small = mounting(tmp_path / "small", "size=1m")
    with pytest.raises(DiskUnusable, match="There is no room to open"), owned(small), opened(small):
        pass
