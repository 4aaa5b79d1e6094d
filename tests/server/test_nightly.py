"""A backup every night: when it is due, what is in it, and what is kept."""

from __future__ import annotations

import os
from datetime import datetime, time
from pathlib import Path
from time import sleep

import pytest

from ft_dcc.errors import DiskUnusable, SettingInvalid
from ft_dcc.server import nightly
from ft_dcc.server.backup import restore
from ft_dcc.server.folder import owned
from ft_dcc.server.nightly import Nightly, backing_up
from ft_dcc.server.opening import opened
from ft_dcc.server.owner import owner_of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A studio that was begun on Friday, the 20th of November, at noon."""
    folder = tmp_path / "studio"
    with owner_of(folder) as owner:
        owner.run("keys")
    (folder / "media" / "ab").mkdir(parents=True)
    (folder / "media" / "ab" / ("c" * 62)).write_bytes(b"film")
    friday = datetime(2026, 11, 20, 12).timestamp()
    os.utime(folder / "secret", (friday, friday))
    return folder


def test_it_is_due_after_each_night_and_once(data: Path) -> None:
    nightly = Nightly(at=time(3))
    assert not nightly.is_due(data, datetime(2026, 11, 20, 23))
    assert not nightly.is_due(data, datetime(2026, 11, 21, 2, 59))
    assert nightly.is_due(data, datetime(2026, 11, 21, 3, 0, 1))
    # The server was not running at three.
    assert nightly.is_due(data, datetime(2026, 11, 21, 9))
    nightly.back_up(data, datetime(2026, 11, 21, 9))
    assert not nightly.is_due(data, datetime(2026, 11, 21, 9, 10))
    assert not nightly.is_due(data, datetime(2026, 11, 22, 2))
    assert nightly.is_due(data, datetime(2026, 11, 22, 3, 1))


def test_so_many_are_kept_and_other_files_are_left_alone(data: Path, tmp_path: Path) -> None:
    nightly = Nightly(tmp_path / "backups", keep=2)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "studio-monday.backup").write_text("mine")
    (tmp_path / "backups" / "studio-20261119T030000.backup.deadbeef").write_text("half a backup")
    for day in (21, 22, 23):
        nightly.back_up(data, datetime(2026, 11, day, 3))
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == [
        "studio-20261122T030000.backup",
        "studio-20261123T030000.backup",
        "studio-monday.backup",
    ]


@pytest.mark.parametrize(("is_apart", "count"), [(True, 1), (False, 0)])
def test_what_was_made_is_restored(data: Path, tmp_path: Path, is_apart: bool, count: int) -> None:
    """In a folder of its own it has the media; beside the studio, where the media are, it has not."""
    nightly = Nightly(tmp_path / "backups" if is_apart else None)
    made = nightly.back_up(data, datetime(2026, 11, 21, 3))
    assert made.parent == (tmp_path / "backups" if is_apart else data / "backups")
    assert restore(made, tmp_path / "restored") == count
    with owner_of(tmp_path / "restored") as owner:
        assert owner.run("keys")["keys"] == []


def test_a_folder_that_cannot_be_is_one_sentence(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskUnusable, match="Name another folder"):
        Nightly(tmp_path / "file" / "backups").back_up(data, datetime(2026, 11, 21, 3))
    with pytest.raises(SettingInvalid, match="Write it as 03:00"):
        Nightly.parse(None, 7, "at night")


def test_what_uploads_left_behind_is_removed_without_a_restart(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "_FIRST_SECONDS", 0)
    with owned(data), opened(data) as studio:
        fresh, stale = data / "parts" / "fresh", data / "parts" / "stale"
        for place in (fresh, stale):
            place.mkdir()
        os.utime(stale, (0, 0))
        with backing_up(studio, Nightly(keep=0)):
            while stale.exists():
                sleep(0.01)
        assert fresh.is_dir()


def test_a_clock_that_was_wrong_costs_no_backup(data: Path) -> None:
    each_night, saturday = Nightly(keep=1), datetime(2026, 11, 21, 9)
    (data / "backups").mkdir()
    (data / "backups" / "studio-20990101T030000.backup").write_bytes(b"made in a year to come")
    os.utime(data / "secret", (datetime(2099, 1, 1).timestamp(),) * 2)
    assert each_night.is_due(data, saturday)
    made = each_night.back_up(data, saturday)
    assert list((data / "backups").iterdir()) == [made]
    assert not each_night.is_due(data, saturday)
