import os
import stat
import sys
from pathlib import Path

import pytest

from ft_dcc.accounts import credentials
from ft_dcc.accounts.credentials import Account, delete_credentials, load_credentials, save_credentials
from ft_dcc.errors import StorageError

ADA = Account("https://studio.example", "ada", "s3cret")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(credentials.platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    return tmp_path / "settings"


def test_a_stored_key_is_loaded_by_server_and_user(folder):
    assert save_credentials(ADA) == str(folder / "keys.json")
    assert load_credentials("https://studio.example/", "ada") == ADA
    assert load_credentials("https://studio.example", "bob") is None
    assert load_credentials("https://other.example", "ada") is None


def test_a_key_that_was_not_stored_is_none():
    assert load_credentials("https://studio.example", "ada") is None


def test_delete_credentials_keeps_other_keys():
    bob = Account("https://studio.example", "bob", "other")
    save_credentials(ADA)
    save_credentials(bob)
    delete_credentials("https://studio.example", "ada")
    delete_credentials("https://studio.example", "ada")
    assert (load_credentials(ADA.server, "ada"), load_credentials(bob.server, "bob")) == (None, bob)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_reads_the_file():
    assert stat.S_IMODE(Path(save_credentials(ADA)).stat().st_mode) == 0o600


def test_the_repr_of_an_account_has_no_key():
    assert repr(ADA) == "Account(server='https://studio.example', user='ada')"


def test_a_damaged_keys_file_is_named(folder):
    folder.mkdir()
    (folder / "keys.json").write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match=r"keys\.json cannot be read"):
        load_credentials("https://studio.example", "ada")


def test_an_unwritable_settings_folder_is_named(folder):
    folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cannot be (saved|read)"):
        save_credentials(ADA)
