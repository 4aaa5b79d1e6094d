from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from ft_dcc import credentials
from ft_dcc.credentials import Account, forget, recall, remember
from ft_dcc.errors import DiskUnusable

ADA = Account("https://studio.example", "ada", "s3cret")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """No key store, and a folder of settings that is the test's own."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    return tmp_path / "settings"


def test_a_key_is_found_again_by_server_and_user(folder):
    assert remember(ADA) == str(folder / "keys.json")
    assert recall("https://studio.example/", "ada") == ADA
    assert recall("https://studio.example", "bob") is None
    assert recall("https://other.example", "ada") is None


def test_a_key_that_was_never_kept_is_none():
    assert recall("https://studio.example", "ada") is None


def test_a_key_is_forgotten_and_the_others_stay():
    bob = Account("https://studio.example", "bob", "other")
    remember(ADA)
    remember(bob)
    forget("https://studio.example", "ada")
    forget("https://studio.example", "ada")
    assert (recall(ADA.server, "ada"), recall(bob.server, "bob")) == (None, bob)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_reads_the_file():
    assert stat.S_IMODE(Path(remember(ADA)).stat().st_mode) == 0o600


def test_a_key_shows_in_no_repr():
    assert repr(ADA) == "Account(server='https://studio.example', user='ada')"


def test_a_file_that_is_damaged_is_named(folder):
    folder.mkdir()
    (folder / "keys.json").write_text("{", encoding="utf-8")
    with pytest.raises(DiskUnusable, match=r"keys\.json cannot be read"):
        recall("https://studio.example", "ada")


def test_a_folder_that_cannot_be_written_is_named(folder):
    folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(DiskUnusable, match=r"cannot be (kept|read)"):
        remember(ADA)
