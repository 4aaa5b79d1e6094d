import os

import pytest

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.settings.resolve import read_settings
from ft_dcc.settings.user_file import user_file, write_user_setting


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path / "settings"))
    monkeypatch.delenv("FT_DCC_USER_SETTINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("FT_DCC_STATUS", "FT_DCC_SLATE", "FT_DCC_OUTPUTS", "FT_DCC_REVIEW"):
        monkeypatch.delenv(name, raising=False)
    return user_file()


def test_a_setting_is_added_changed_and_removed(file):
    assert write_user_setting("status", "Pending Review") == file
    assert read_settings().get("status") == "Pending Review"
    write_user_setting("status", 'In "Progress"')
    assert file.read_text("utf-8") == 'status = "In \\"Progress\\""\n'
    assert read_settings().get("status") == 'In "Progress"'
    write_user_setting("status", None)
    assert (file.read_text("utf-8"), read_settings().get("status")) == ("", None)


def test_other_lines_and_comments_stay_and_a_value_of_several_lines_is_replaced(file):
    file.parent.mkdir()
    text = '# mine\nslate = true # yes\noutputs = [\n  "1440", # small\n  "1080",\n]\nstatus = "Ü"\n'
    file.write_text(text, encoding="utf-8")
    write_user_setting("outputs", "2160,prores")
    assert file.read_text("utf-8") == ('outputs = ["2160", "prores"]\n# mine\nslate = true # yes\nstatus = "Ü"\n')
    assert read_settings().items("outputs") == ("2160", "prores")
    write_user_setting("slate", "false")
    assert read_settings().get("slate") == "false" and "# mine" in file.read_text("utf-8")


def test_several_rules_of_review_sessions_are_an_array(file):
    write_user_setting("review", "Dailies {date}\nClient")
    assert file.read_text("utf-8") == 'review = ["Dailies {date}", "Client"]\n'
    assert read_settings().items("review") == ("Dailies {date}", "Client")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("slate", "perhaps", "is not a boolean"),
        ("outputs", "4k", "is not one of"),
        ("outputs", "720", "is not one of"),
        ("key", "secret", "cannot be changed here"),
        ("statsu", "x", "cannot be changed here. Did you mean status"),
    ],
)
def test_an_invalid_value_a_secret_and_an_unknown_name_are_refused_and_nothing_is_written(file, name, text, words):
    with pytest.raises(SettingInvalid, match=words):
        write_user_setting(name, text)
    assert not file.exists()


def test_a_file_with_mistakes_is_reported_and_stays(file):
    file.parent.mkdir()
    file.write_text("slate = \n", encoding="utf-8")
    with pytest.raises(SettingInvalid, match="line 1"):
        write_user_setting("status", "Done")
    assert file.read_text("utf-8") == "slate = \n"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions stop")
def test_a_folder_without_permission_is_reported(file, tmp_path):
    file.parent.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="cannot be written"):
        write_user_setting("status", "Done")


def test_a_file_in_place_of_the_folder_is_reported(file, tmp_path):
    (tmp_path / "settings").write_text("no folder", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        write_user_setting("status", "Done")
