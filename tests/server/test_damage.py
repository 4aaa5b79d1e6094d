"""Damaged databases, media and backups: found, reported, and never kept in place of a good backup."""

import hashlib
import os
import sqlite3
import zlib
from contextlib import closing
from datetime import date, datetime

import pytest
import requests
from run_options import TIMEOUT_SECONDS, seeded, wait_until

from ft_dcc.cli.main import run
from ft_dcc.errors import StorageError
from ft_dcc.server.admin import check
from ft_dcc.server.admin.check import check_nightly_part, check_studio
from ft_dcc.server.background import ActivityCounter
from ft_dcc.server.database import scheduled_backup
from ft_dcc.server.database.backup import back_up, read_problems, restore, verify_backup, write_problems
from ft_dcc.server.database.media_checksums import Piece, PieceCheck
from ft_dcc.server.database.scheduled_backup import BackupSchedule, running_backups
from ft_dcc.server.storage.media_files import MediaFiles


def zero_page(database, table="workflow_schema_status"):
    """Overwrite the root page of a table with zeros, as a broken disk does."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))


def change_index(database):
    """Change a name in its table and not in the index of the table, as a lost write does."""
    name, changed = b"Not started", b"Not stopped"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE INDEX status_names ON status (name)")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = database.read_bytes()
    assert content.count(name) > 1
    database.write_bytes(content.replace(name, changed, 1))


def flip_byte(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [zero_page, change_index])
def test_no_backup_of_a_damaged_database_is_kept_and_no_older_one_is_deleted(stopped_studio, damage):
    schedule = BackupSchedule(keep=1)
    good = schedule.back_up(stopped_studio, datetime(2026, 11, 21, 3))
    damage(stopped_studio / "studio.db")
    for day in (22, 23):
        with pytest.raises(StorageError, match="is damaged, and no backup of it is kept"):
            schedule.back_up(stopped_studio, datetime(2026, 11, day, 3))
    assert list((stopped_studio / "backups").iterdir()) == [good]
    assert verify_backup(good) == 0


def test_a_failed_nightly_backup_is_reported_until_one_succeeds(stopped_studio, monkeypatch):
    monkeypatch.setattr(scheduled_backup, "_FIRST_CHECK_SECONDS", 0)
    monkeypatch.setattr(scheduled_backup, "_CHECK_INTERVAL_SECONDS", 0.05)
    os.utime(stopped_studio / "secret", (0, 0))
    (stopped_studio / "backups").write_text("a file in place of the folder")
    with running_backups(stopped_studio, BackupSchedule(), ActivityCounter().track, lambda: None):
        wait_until(lambda: "backup" in read_problems(stopped_studio), "the report of a failed backup")
        (stopped_studio / "backups").unlink()
        wait_until(lambda: "backup" not in read_problems(stopped_studio), "the end of the report")


@pytest.fixture(scope="module")
def server(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("damage") / "data")


@pytest.fixture
def healthy(server):
    """Return the server, and forget the problems that the test has reported."""
    write_problems(server.data, {"media": []})
    yield server
    write_problems(server.data, {"media": []})


def test_health_answers_503_with_the_source_of_a_problem(healthy):
    server = healthy
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).json() == {"status": "ok"}
    write_problems(server.data, {"media": ["A file is damaged."]})
    answer = requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.json()) == (503, {"status": "damaged", "problems": ["media"]})
    write_problems(server.data, {"media": []})
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_backup_with_a_changed_byte_is_not_restored(stopped_studio, tmp_path, share):
    made = tmp_path / "studio.backup"
    assert back_up(stopped_studio, made) == 1
    # A tar file ends in zeros, which nothing reads.
    used = len(made.read_bytes().rstrip(b"\0"))
    flip_byte(made, int(used * share))
    with pytest.raises(StorageError):
        restore(made, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_one_flipped_bit_of_a_movie_fails_the_next_backup_which_names_the_file(stopped_studio):
    schedule = BackupSchedule(stopped_studio.parent / "backups", keep=1)
    (movie,) = (stopped_studio / "media").glob("??/*")
    assert MediaFiles(stopped_studio).check(movie.parent.name + movie.name)
    good = schedule.back_up(stopped_studio, datetime(2026, 11, 21, 3))
    content = bytearray(movie.read_bytes())
    content[-1] ^= 1
    movie.write_bytes(content)
    with pytest.raises(StorageError, match=f"{movie.name} is not as it arrived"):
        schedule.back_up(stopped_studio, datetime(2026, 11, 22, 3))
    assert sorted(path.name for path in good.parent.iterdir()) == ["media", good.name]
    (kept,) = (good.parent / "media").iterdir()
    assert verify_backup(good) == 1
    assert restore(good, restored := stopped_studio.parent / "restored") == 1
    assert (restored / movie.relative_to(stopped_studio)).read_bytes() == kept.read_bytes() != movie.read_bytes()


def test_nightly_backups_write_a_movie_once_and_repair_their_copy_of_it(stopped_studio):
    schedule = BackupSchedule(stopped_studio.parent / "backups", keep=1)
    (movie,) = (stopped_studio / "media").glob("??/*")
    (kept,) = (schedule.back_up(stopped_studio, datetime(2026, 11, 21, 3)).parent / "media").iterdir()
    written = kept.stat().st_ino, kept.stat().st_mtime_ns
    made = schedule.back_up(stopped_studio, datetime(2026, 11, 22, 3))
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == written
    assert movie.read_bytes() not in made.read_bytes()
    flip_byte(kept, 3)
    with pytest.raises(StorageError, match="1 of its files are damaged or missing"):
        verify_backup(made)
    assert verify_backup(schedule.back_up(stopped_studio, datetime(2026, 11, 23, 3))) == 1
    movie.unlink()
    assert verify_backup(schedule.back_up(stopped_studio, datetime(2026, 11, 24, 3))) == 0
    assert not list(kept.parent.iterdir())


def test_pieces_are_checked_in_any_blocks() -> None:
    content, md5 = bytes(range(200)), hashlib.md5(bytes(range(50, 200)), usedforsecurity=False).hexdigest()
    pieces = [Piece(50, f"{zlib.crc32(content[:50]):08x}"), Piece(0, "00000000"), Piece(150, md5)]
    for size in (1, 7, 50, 200):
        for changed in (content, content[:-1], content + b"x", content[:60] + b"x" + content[61:]):
            check = PieceCheck(pieces)
            for start in range(0, len(changed), size):
                check.update(changed[start : start + size])
            assert check.is_intact == (changed == content)


def test_a_backup_that_lacks_its_checksums_is_not_restored(stopped_studio, tmp_path):
    made = tmp_path / "studio.backup"
    back_up(stopped_studio, made)
    content = made.read_bytes()
    # The header of a member is the block of 512 bytes that begins with its name.
    cut = content.rindex(b"sha256.json\0")
    for found, reason in ((content[:cut] + bytes(1024), "it is incomplete"), (content[:-60_000], "cannot be read")):
        made.write_bytes(found)
        with pytest.raises(StorageError, match=reason):
            restore(made, tmp_path / "restored")
        assert not (tmp_path / "restored").exists()


def test_studio_check_finds_damaged_and_missing_media(healthy, http_client_for, capsys):
    server = healthy
    http_client = http_client_for(server)
    contents = (b"intact" * 99, b"damaged" * 99, b"missing" * 99)
    intact, damaged, missing = (http_client.upload(content) for content in contents)
    for component_id in (intact, damaged, missing):
        http_client.publish(component_id)
    assert check_studio(server.data).problems == {}

    media = check.MediaFiles(server.data)
    flip_byte(media.file(media.name(damaged)), 100)
    media.file(media.name(missing)).unlink()
    assert run(["studio", "check", "--data", str(server.data)]) == 1
    printed = capsys.readouterr().out
    assert f"component {damaged} 'film.mp4' is damaged" in printed
    assert f"component {missing} 'film.mp4' is missing" in printed
    assert intact not in printed
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).json()["problems"] == ["media"]


def test_a_component_that_is_deleted_during_the_check_misses_nothing(stopped_studio, monkeypatch):
    readings = [{"deleted": "component deleted", "kept": "component kept"}, {"kept": "component kept"}]
    monkeypatch.setattr(check, "_labels", lambda data, media: readings.pop(0))
    (message,) = check_studio(stopped_studio).problems["media"]
    assert "component kept is missing" in message


def test_studio_check_finds_a_damaged_database_and_a_damaged_backup(stopped_studio):
    made = BackupSchedule().back_up(stopped_studio, datetime(2026, 11, 21, 3))
    flip_byte(made, 4000)
    zero_page(stopped_studio / "studio.db")
    found = check_studio(stopped_studio)
    assert set(found.problems) == {"database", "backup"}
    assert made.name in found.problems["backup"][0]


def test_the_nightly_checks_of_a_month_read_every_media_file(stopped_studio):
    media = check.MediaFiles(stopped_studio)
    names = [media.name(str(number)) for number in range(100)]
    for name in names:
        media.file(name).parent.mkdir(exist_ok=True)
        media.file(name).write_bytes(name.encode())
    check_studio(stopped_studio)
    for name in names:
        flip_byte(media.file(name), 5)
    for day in range(30):
        check_nightly_part(stopped_studio, date.fromordinal(date(2026, 11, 1).toordinal() + day))
    # A file that was found damaged stays in the report while others are checked.
    assert sum("is damaged" in message for message in read_problems(stopped_studio)["media"]) == len(names)


def test_media_that_is_uploaded_in_parts_has_the_checksums_of_its_parts(server_process, http_client):
    component_id = http_client.create_component()
    content = seeded("parts").randbytes(30_000)
    announced = http_client.announce(component_id, len(content), parts=3)
    parts = http_client.send_parts(announced, *(content[start : start + 10_000] for start in range(0, 30_000, 10_000)))
    assert http_client.complete(announced, parts).ok
    media = check.MediaFiles(server_process.data)
    assert media.check(media.name(component_id))
    flip_byte(media.file(media.name(component_id)), 29_000)
    assert not media.check(media.name(component_id))
