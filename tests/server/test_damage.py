"""Damaged databases, media and backups: found, reported, and never kept in place of a good backup."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.cli.main import run
from ft_dcc.errors import StorageError
from ft_dcc.server.admin import check
from ft_dcc.server.admin.check import check_nightly_part, check_studio
from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.database import scheduled_backup
from ft_dcc.server.database.backup import back_up, restore, verify_backup
from ft_dcc.server.database.integrity import read_problems, write_problems
from ft_dcc.server.database.scheduled_backup import BackupSchedule, running_backups
from ft_dcc.server.http.activity import ActivityCounter


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the folder of a studio whose server is stopped."""
    folder = tmp_path / "studio"
    with open_admin(folder) as admin:
        admin.run("keys")
    (folder / "media" / "ab").mkdir(parents=True)
    (folder / "media" / "ab" / ("c" * 62)).write_bytes(b"movie" * 1000)
    return folder


def zero_page(database: Path, table: str = "workflow_schema_status") -> None:
    """Overwrite the root page of a table with zeros, as a broken disk does."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))


def change_index(database: Path) -> None:
    """Change a name in its table and not in the index of the table, as a lost write does."""
    name, changed = b"Not started", b"Not stopped"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE INDEX status_names ON status (name)")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = database.read_bytes()
    assert content.count(name) > 1
    database.write_bytes(content.replace(name, changed, 1))


def flip_byte(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [zero_page, change_index])
def test_no_backup_of_a_damaged_database_is_kept_and_no_older_one_is_deleted(data: Path, damage: Any) -> None:
    schedule = BackupSchedule(keep=1)
    good = schedule.back_up(data, datetime(2026, 11, 21, 3))
    damage(data / "studio.db")
    for day in (22, 23):
        with pytest.raises(StorageError, match="is damaged, and no backup of it is kept"):
            schedule.back_up(data, datetime(2026, 11, day, 3))
    assert list((data / "backups").iterdir()) == [good]
    assert verify_backup(good) == 0


def test_a_failed_nightly_backup_is_reported_until_one_succeeds(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduled_backup, "_FIRST_CHECK_SECONDS", 0)
    monkeypatch.setattr(scheduled_backup, "_CHECK_INTERVAL_SECONDS", 0.05)
    os.utime(data / "secret", (0, 0))
    (data / "backups").write_text("a file in place of the folder")
    with running_backups(data, BackupSchedule(), ActivityCounter().track, lambda: None):
        wait_until(lambda: "backup" in read_problems(data), "the report of a failed backup")
        (data / "backups").unlink()
        wait_until(lambda: "backup" not in read_problems(data), "the end of the report")


@pytest.fixture(scope="module")
def server(start_module_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return start_module_server(tmp_path_factory.mktemp("damage") / "data")


@pytest.fixture
def healthy(server: Any) -> Iterator[Any]:
    """Return the server, and forget the problems that the test has reported."""
    write_problems(server.data, {"media": []})
    yield server
    write_problems(server.data, {"media": []})


def test_health_answers_503_with_the_source_of_a_problem(healthy: Any) -> None:
    server = healthy
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).json() == {"status": "ok"}
    write_problems(server.data, {"media": ["A file is damaged."]})
    answer = requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS)
    assert (answer.status_code, answer.json()) == (503, {"status": "damaged", "problems": ["media"]})
    write_problems(server.data, {"media": []})
    assert requests.get(f"{server.url}/health", timeout=TIMEOUT_SECONDS).status_code == 200


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_backup_with_a_changed_byte_is_not_restored(data: Path, tmp_path: Path, share: float) -> None:
    made = tmp_path / "studio.backup"
    assert back_up(data, made) == 1
    # A tar file ends in zeros, which nothing reads.
    used = len(made.read_bytes().rstrip(b"\0"))
    flip_byte(made, int(used * share))
    with pytest.raises(StorageError):
        restore(made, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_backup_with_a_damaged_movie_is_not_restored(data: Path, tmp_path: Path) -> None:
    made = tmp_path / "studio.backup"
    back_up(data, made)
    flip_byte(made, made.read_bytes().index(b"moviemovie") + 7)
    with pytest.raises(StorageError, match="1 of its files are damaged"):
        restore(made, tmp_path / "restored")
    with pytest.raises(StorageError, match="1 of its files are damaged"):
        verify_backup(made)


def test_a_backup_that_lacks_its_checksums_is_not_restored(data: Path, tmp_path: Path) -> None:
    made = tmp_path / "studio.backup"
    back_up(data, made)
    content = made.read_bytes()
    # The header of a member is the block of 512 bytes that begins with its name.
    cut = content.rindex(b"sha256.json\0")
    made.write_bytes(content[:cut] + bytes(1024))
    with pytest.raises(StorageError, match="it is incomplete"):
        restore(made, tmp_path / "restored")


def test_studio_check_finds_damaged_and_missing_media(healthy: Any, http_client_for: Any, capsys: Any) -> None:
    server = healthy
    http_client = http_client_for(server)
    intact, damaged, missing = (
        http_client.upload(content) for content in (b"intact" * 99, b"damaged" * 99, b"missing" * 99)
    )
    for component_id in (intact, damaged, missing):
        data = {
            "__entity_type__": "ComponentLocation",
            "component_id": component_id,
            "location_id": "3a372bde-05bc-11e4-8908-20c9d081909b",
            "resource_identifier": component_id,
        }
        assert http_client.post({"action": "create", "entity_type": "ComponentLocation", "entity_data": data}).ok
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


def test_a_component_that_is_deleted_during_the_check_misses_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = [[("deleted", "component deleted"), ("kept", "component kept")], [("kept", "component kept")]]
    monkeypatch.setattr(check, "_components", lambda database: readings.pop(0))
    (message,) = check_studio(data).problems["media"]
    assert "component kept is missing" in message


def test_studio_check_finds_a_damaged_database_and_a_damaged_backup(data: Path) -> None:
    made = BackupSchedule().back_up(data, datetime(2026, 11, 21, 3))
    flip_byte(made, 4000)
    zero_page(data / "studio.db")
    found = check_studio(data)
    assert set(found.problems) == {"database", "backup"}
    assert made.name in found.problems["backup"][0]


def test_the_nightly_checks_of_a_month_read_every_media_file(data: Path) -> None:
    media = check.MediaFiles(data)
    names = [media.name(str(number)) for number in range(100)]
    for name in names:
        media.file(name).parent.mkdir(exist_ok=True)
        media.file(name).write_bytes(name.encode())
    check_studio(data)
    for name in names:
        flip_byte(media.file(name), 5)
    for day in range(30):
        check_nightly_part(data, date.fromordinal(date(2026, 11, 1).toordinal() + day))
    # A file that was found damaged stays in the report while others are checked.
    assert sum("is damaged" in message for message in read_problems(data)["media"]) == len(names)


def test_media_that_is_uploaded_in_parts_has_the_checksums_of_its_parts(
    server_process: Any, http_client_for: Any
) -> None:
    server = server_process
    http_client = http_client_for(server)
    component_id = http_client.create_component()
    content = os.urandom(30_000)
    announced = http_client.announce(component_id, len(content), parts=3)
    parts = []
    for number, url in enumerate(announced["urls"]):
        answer = requests.put(
            url["signed_url"], data=content[number * 10_000 : (number + 1) * 10_000], timeout=TIMEOUT_SECONDS
        )
        parts.append({"part_number": url["part_number"], "e_tag": answer.headers["ETag"]})
    operation = {
        "action": "complete_multipart_upload",
        "component_id": component_id,
        "upload_id": announced["upload_id"],
        "parts": parts,
    }
    assert http_client.post(operation).ok
    media = check.MediaFiles(server.data)
    assert media.check(media.name(component_id))
    flip_byte(media.file(media.name(component_id)), 29_000)
    assert not media.check(media.name(component_id))
