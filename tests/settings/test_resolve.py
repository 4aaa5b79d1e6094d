import os
from pathlib import Path

import platformdirs
import pytest

from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.settings.definitions import GROUPS, SETTINGS
from ft_dcc.settings.resolve import Scope, read_settings
from ft_dcc.settings.user_file import user_file, write_user_setting

DOCS = Path(__file__).resolve().parents[2] / "docs" / "td" / "settings.md"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write the files of the three layers: ``files(studio='user = "a"')`` returns the environment that names them."""
    for layer in ("site", "user"):
        folder = str(tmp_path / f"{layer} config")
        monkeypatch.setattr(platformdirs, f"{layer}_config_dir", lambda *_, folder=folder, **__: folder)

    def write(**texts):
        environ = {}
        for layer, text in texts.items():
            path = tmp_path / f"{layer}.toml"
            path.write_text(text, encoding="utf-8")
            environ[f"FT_DCC_{layer.upper()}_SETTINGS"] = str(path)
        return environ

    return write


def read(environ, folder, **arguments):
    return read_settings(arguments, environ, folder)


def test_arguments_override_environment_and_files(files, tmp_path):
    layers = {"studio": 'status = "a"', "project": 'status = "b"', "user": 'status = "c"'}
    environ, texts = {}, {}
    seen = [read(files(), tmp_path).get("status")]
    for layer, text in layers.items():
        texts[layer] = text
        environ = files(**texts)
        seen.append(read(environ, tmp_path).get("status"))
    environ["FT_DCC_STATUS"] = "d"
    seen.append(read(environ, tmp_path).get("status"))
    seen.append(read(environ, tmp_path, status="e").get("status"))
    assert seen == [None, "a", "b", "c", "d", "e"]


def test_the_origin_of_a_value_is_file_and_line(files, tmp_path):
    environ = files(project='# ours\n\nstatus = "Pending Review"\n')
    assert read(environ, tmp_path).values["status"].origin == f"project: {tmp_path / 'project.toml'}, line 3"
    assert read({**environ, "FTRACK_TASKID": "x"}, tmp_path).values["task"].origin == "environment FTRACK_TASKID"


def test_an_unknown_setting_is_refused_with_line_and_nearest_name(files, tmp_path):
    with pytest.raises(SettingInvalid) as caught:
        read(files(user='status = "a"\nasset_nam = "{task}"\n'), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'user.toml'}, line 2: there is no setting called asset_nam. Did you mean asset_name?"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'asset_name = "{arist} {version}"',
            r"line 1: asset_name: .* unknown field \{arist\}\. Did you mean \{artist\}\? Known fields: project, ",
        ),
        ('review = "Dailies {"', r"line 1: review: 'Dailies \{' is not a valid rule"),
        ("status = 3", "line 1: status takes a string, not 3 without quotation marks"),
        ('plugins = ["a", 1]', "plugins takes a string or an array of strings, not 1 without quotation marks"),
        ('burnin_top = "{verion}"', r"unknown field \{verion\}\. Did you mean \{version\}"),
        ("slate = 1", "line 1: slate takes true or false, not 1 without"),
        ("watermark = ['a']", "line 1: watermark takes a string, not an array"),
        ('[review]\nname = "a"', "line 1: review takes a string or an array of strings, not a section"),
        ('asset_name = "{version:04}"', "contains the unknown field {version}"),
        ('movie_path = "{shot}_{version:x4q}.mp4"', r"line 1: movie_path: \{version:x4q\} cannot be written for"),
        ('notify = "perhaps"', "is not a boolean"),
        ('server = "studio"', "is not the address"),
        (
            '[publish]\nstatus = "a"',
            "line 1: there is no setting or section called publish. Write status without a section",
        ),
        ('# a\n[burnin]\ntop = "{shot}"', "line 2: .*or section called burnin. Write burnin_top without a section"),
        ('status = "a\n', r"line 1: invalid TOML: Illegal character .*\. Write each setting once, as name = "),
        ('ffmpeg = "C:\\tools"', "line 1: 'C:.tools' has a control character. Write a path of Windows in single"),
        ('ffmpeg = "C:\\Users"', "line 1: invalid TOML: .*Write a path of Windows in single quotes"),
        ('task = "a"\nstatus = "a"\ntask = "b"', "line 3: invalid TOML: Cannot overwrite a value"),
    ],
)
def test_an_invalid_value_is_refused_with_file_and_line(files, tmp_path, text, reason):
    with pytest.raises(SettingInvalid, match=reason):
        read(files(studio=text), tmp_path)


def test_several_values_are_an_array_or_a_list_of_paths(files, tmp_path):
    settings = read(files(studio='plugins = ["ours", "/opt/theirs"]\nreview = ["Dailies {date}", "Client"]'), tmp_path)
    assert settings.items("plugins") == (str(tmp_path / "ours"), str(tmp_path / "/opt/theirs"))
    assert settings.items("review") == ("Dailies {date}", "Client")
    plugins = read({**files(), "FT_DCC_PLUGINS": os.pathsep.join("ab")}, tmp_path).items("plugins")
    assert plugins == (str(Path("a").absolute()), str(Path("b").absolute()))
    assert read(files(), tmp_path).items("plugins") == ()


def test_a_file_may_contain_numbers(files, tmp_path):
    settings = read(files(studio="letterbox = 2.39\nlocal_studio_idle = 30"), tmp_path)
    assert (settings.get("letterbox"), settings.get("local_studio_idle")) == ("2.39", "30")


def test_a_byte_order_mark_is_accepted_and_utf_16_is_refused(files, tmp_path):
    assert read(files(user='\ufeffstatus = "Grün"'), tmp_path).get("status") == "Grün"
    environ = files(user="")
    (tmp_path / "user.toml").write_bytes('status = "Grün"'.encode("utf-16"))
    with pytest.raises(SettingInvalid, match=r"of the user in .*toml are not UTF-8\. Save the file as UTF-8\."):
        read(environ, tmp_path)


def test_the_project_file_is_found_in_a_parent_folder(files, tmp_path):
    (tmp_path / "ft_dcc.toml").write_text('status = "Pending Review"', encoding="utf-8")
    (tmp_path / "shots" / "sh010").mkdir(parents=True)
    assert read(files(), tmp_path / "shots" / "sh010").get("status") == "Pending Review"


@pytest.mark.parametrize("name", ["server", "user", "plugins", "ffmpeg", "jobs"])
def test_an_auto_discovered_file_cannot_set_servers_programs_or_folders(files, tmp_path, name):
    (tmp_path / "ft_dcc.toml").write_text(f'{name} = "https://elsewhere.example.com"', encoding="utf-8")
    with pytest.raises(SettingInvalid, match=r"auto-discovered.*FT_DCC_PROJECT_SETTINGS"):
        read(files(), tmp_path)
    named = {**files(), "FT_DCC_PROJECT_SETTINGS": str(tmp_path / "ft_dcc.toml")}
    assert "elsewhere.example.com" in (read(named, tmp_path).get(name) or "")


def test_a_key_is_accepted_in_the_users_file_only(files, tmp_path):
    secret = 'key = "0123456789"'
    for layer in ("studio", "project"):
        with pytest.raises(SettingInvalid, match="put a key into the user's own file") as caught:
            read(files(**{layer: secret}), tmp_path)
        assert "0123456789" not in str(caught.value)
    value = read(files(user=secret), tmp_path).values["key"]
    assert (value.text, value.display_text) == ("0123456789", "set")
    assert "0123456789" not in repr(value)


def test_an_explicit_settings_file_must_exist(files, tmp_path):
    with pytest.raises(SettingInvalid, match=r"The settings file of the studio, .*gone\.toml, does not exist"):
        read({**files(), "FT_DCC_STUDIO_SETTINGS": str(tmp_path / "gone.toml")}, tmp_path)


def test_an_unknown_argument_is_refused(files, tmp_path):
    with pytest.raises(SettingInvalid, match="Did you mean status"):
        read(files(), tmp_path, statuss="a")


def test_what_the_studio_locks_cannot_be_changed_by_files_of_others_the_environment_or_options(files, tmp_path):
    studio = 'locked = ["watermark", "plugins", "checks"]\nwatermark = "{artist}"\nplugins = ["/studio"]\n'
    environ = files(studio=studio)
    settings = read(environ, tmp_path)
    assert (settings.get("watermark"), settings.items("plugins")) == ("{artist}", (str(Path("/studio")),))
    assert {name for name, _, origin in settings.rows() if origin.endswith("; locked")} == {"watermark", "plugins"}
    lock = rf"locked by {tmp_path / 'studio.toml'}, line 1\. Remove it here"
    for layer, text in (
        ("user", "plugins = []"),
        ("user", 'plugins.add = ["/mine"]'),
        ("project", 'slate = true\nwatermark = ""'),
        ("project", '[checks]\nSound = "off"'),
    ):
        with pytest.raises(SettingInvalid, match=f"{layer}.toml, line .: .* is {lock}"):
            read(files(studio=studio, **{layer: text}), tmp_path)
    with pytest.raises(SettingInvalid, match=f"environment FT_DCC_WATERMARK: watermark is {lock}"):
        read({**environ, "FT_DCC_WATERMARK": "x"}, tmp_path)
    # A project locks for its users.
    with pytest.raises(SettingInvalid, match=r"user\.toml, line 1: status is locked by .*project\.toml, line 2"):
        read(files(project='status = "a"\nlocked = ["status"]', user='status = "b"'), tmp_path)
    for text, reason in (('locked = "status"', "takes an array"), ('locked = ["statsu"]', "Did you mean status")):
        with pytest.raises(SettingInvalid, match=reason):
            read(files(studio=text), tmp_path)


def test_a_list_replaces_that_of_an_earlier_file_or_is_added_to_it(files, tmp_path):
    studio = 'outputs = ["1080"]\nreview = ["Dailies"]'
    settings = read(files(studio=studio, project='outputs.add = ["prores", "1080"]\nreview = ["Client"]'), tmp_path)
    assert (settings.items("outputs"), settings.items("review")) == (("1080", "prores"), ("Client",))
    at = f"project: {tmp_path / 'project.toml'}, line 1, added to studio: {tmp_path / 'studio.toml'}, line 1"
    assert settings.values["outputs"].origin == at
    assert read(files(studio=studio, user='[outputs]\nreplace = "2160"'), tmp_path).items("outputs") == ("2160",)


def test_settings_of_a_project_on_the_server_precede_those_of_the_studio_only(files, tmp_path):
    on_server = Scope(tmp_path, "Film", 'status = "b"\ntask_status = "b"\nfonts = "P:/fonts"')
    environ = files(studio='status = "a"', user='task_status = "c"')
    settings = read_settings({}, environ, scope=on_server)
    assert settings.values["status"].origin == "server: settings of the project Film, line 1"
    assert (settings.get("status"), settings.get("task_status")) == ("b", "c")
    for text, reason in (
        (
            'plugins = ["/mine"]',
            r"line 1: plugins is not allowed in settings on the server\. Write it into the studio's",
        ),
        ('fonts = "fonts"', "line 1: fonts is relative, and settings on the server have no folder"),
        ("status = ", "settings of the project Film, line 1: invalid TOML"),
    ):
        with pytest.raises(SettingInvalid, match=reason):
            read_settings({}, environ, scope=Scope(tmp_path, "Film", text))


def test_the_documentation_lists_all_settings():
    rows = [
        f"| `{setting.name}` | {setting.help} | {', '.join(f'`{name}`' for name in setting.environment)} | "
        f"{setting.default_label or (f'`{setting.default}`' if setting.default else 'not set')} |"
        for setting in SETTINGS
    ]
    _, _, after = DOCS.read_text(encoding="utf-8").partition("## All settings\n")
    assert [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("| `")] == rows


def test_relative_paths_of_the_environment_are_made_absolute(tmp_path, monkeypatch):
    """Another process with another working folder reads the same value."""
    monkeypatch.chdir(tmp_path)
    environ = {"FT_DCC_JOBS": "jobs", "FT_DCC_FFMPEG": "ffmpeg", "FT_DCC_OCIO": "ocio://default"}
    found = read({**environ, "FT_DCC_LOCAL_STUDIO": "a/../studio"}, tmp_path)
    assert found.get("jobs") == str(tmp_path / "jobs")
    assert found.get("local_studio") == str(tmp_path / "studio")
    assert (found.get("ffmpeg"), found.get("ocio")) == ("ffmpeg", "ocio://default")


def test_each_setting_is_in_one_group_of_the_dialog():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(each.name for each in SETTINGS)


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
