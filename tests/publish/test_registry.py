import os
import sys

import pyblish.api
import pytest

from ft_dcc.errors import PluginBroken, SettingInvalid
from ft_dcc.publish.pipeline.pyblish_adapter import Context
from ft_dcc.publish.pipeline.registry import PLUGINS, find_plugins

CHECK = """
import pyblish.api

class ValidateName(pyblish.api.InstancePlugin):
    order = pyblish.api.ValidatorOrder
    hosts = {hosts}

    def process(self, instance):
        pass
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FT_DCC_PLUGINS", str(tmp_path))
    return tmp_path


# pyblish registers these, and a studio's plugins may read their values: the date, the user, the folder.
PYBLISHS_OWN = {"CollectCurrentDate", "CollectCurrentUser", "CollectCurrentWorkingDirectory"}


def names(plugins=None, host_name=None):
    found = find_plugins(host_name).plugins if plugins is None else plugins
    return [plugin.__name__ for plugin in found if plugin.__name__ not in PYBLISHS_OWN]


def test_plugins_are_listed_in_the_order_of_their_stages():
    orders = [plugin.order for plugin in PLUGINS]
    assert orders == sorted(orders)
    assert set(orders) == {0, 1, 2, 3}


def test_every_plugin_has_label_and_docstring():
    for plugin in PLUGINS:
        assert plugin.__doc__ and plugin.label, plugin


def test_studio_check_runs_in_its_stage_after_ours(folder):
    (folder / "validate_name.py").write_text(CHECK.format(hosts=["*"]), encoding="utf-8")
    found = names()
    assert found.index("ValidatePaths") + 1 == found.index("ValidateName")
    assert found.index("ValidateName") + 1 == found.index("NumberVersion")


def test_plugin_for_another_host_is_excluded(folder):
    (folder / "validate_name.py").write_text(CHECK.format(hosts=["cinema4d"]), encoding="utf-8")
    assert "ValidateName" in names(host_name="Cinema4D")
    assert pyblish.api.registered_hosts() == ["python"]
    # Nor does a host count that another user of pyblish has registered.
    pyblish.api.register_host("cinema4d")
    try:
        assert "ValidateName" not in names(host_name="Blender")
    finally:
        pyblish.api.deregister_host("cinema4d")


def test_plugin_file_with_a_syntax_error_is_reported_with_its_line(folder):
    (folder / "validate_name.py").write_text("class Check(:\n", encoding="utf-8")
    with pytest.raises(PluginBroken, match=r"SyntaxError.*line 1"):
        find_plugins()


def test_imported_base_class_is_not_a_plugin(folder):
    text = "from pyblish.api import InstancePlugin\nfrom pyblish.api import ContextPlugin\n"
    (folder / "nothing.py").write_text(text, encoding="utf-8")
    assert names() == names(PLUGINS)


def test_second_plugin_of_a_name_stops_the_publish_with_both_places(folder):
    (folder / "a.py").write_text(CHECK.format(hosts=["*"]), encoding="utf-8")
    (folder / "b.py").write_text(CHECK.format(hosts=["*"]), encoding="utf-8")
    lines = r"ValidateName in .*b\.py, line \d+ has the name of another one, in .*a\.py, line \d+\. Rename the class"
    with pytest.raises(PluginBroken, match=lines):
        find_plugins()


def test_plugin_without_process_stops_the_publish_and_a_base_class_is_no_plugin(folder):
    base = "import pyblish.api\nclass Studio(pyblish.api.InstancePlugin):\n    order = 1\n"
    (folder / "_base.py").write_text(base, encoding="utf-8")
    (folder / "a.py").write_text(
        "from _base import Studio\nclass Own(Studio):\n    pass\n"
        "class ValidateName(Own):\n    def process(self, instance):\n        pass\n",
        encoding="utf-8",
    )
    assert {"ValidateName", "Own", "Studio"} & set(names()) == {"ValidateName"}
    (folder / "b.py").write_text(f"{base}    def proces(self, instance):\n        pass\n", encoding="utf-8")
    with pytest.raises(PluginBroken, match=r"Studio in .*b\.py, line 2 has no method process, .* Rename proces\."):
        find_plugins()


def test_two_folders_have_modules_of_the_same_name(tmp_path, monkeypatch):
    code = "import pyblish.api, _common\nclass Validate{0}(pyblish.api.ContextPlugin):\n    order = 1\n"
    code += (
        "    def process(self, context):\n        import _common\n        context.data['{0}'] = _common.NAME, NAME\n"
    )
    for name in ("One", "Two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "_common.py").write_text(f"NAME = '{name}'", encoding="utf-8")
        text = f"{code.format(name)}NAME = _common.NAME\nimport sys\nsys.path.insert(0, 'vendor of {name}')\n"
        (tmp_path / name / f"validate_{name.lower()}.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("FT_DCC_PLUGINS", os.pathsep.join(str(tmp_path / name) for name in ("One", "Two")))
    for _ in range(2):
        environment, context = find_plugins(), Context()
        for plugin in environment.plugins:
            if plugin.__name__ in ("ValidateOne", "ValidateTwo"):
                with environment.active_for(plugin):
                    plugin().process(context)
        assert (context.data["One"], context.data["Two"]) == (("One", "One"), ("Two", "Two"))
        assert "_common" not in sys.modules
        with environment.active():
            assert sys.path[:2] == ["vendor of Two", "vendor of One"]


def test_check_of_the_studio_with_the_label_of_ours_replaces_it(folder):
    text = CHECK.format(hosts=["*"]).replace("    order = ", '    label = "Sound"\n    order = ')
    (folder / "sound.py").write_text(text, encoding="utf-8")
    environment = find_plugins()
    found = [plugin.__name__ for plugin in environment.plugins if plugin.label == "Sound"]
    assert (found, environment.replaced) == (["ValidateName"], {"Sound": str(folder / "sound.py")})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '[checks]\nSound = "off"\n"Frame rang" = "off"',
            r"line 3: there is no check 'Frame rang'\. Did you mean 'Frame range'",
        ),
        ('[checks]\nSound = "of"', "line 2: checks.Sound: of is not one of required, warning, off"),
        ('[checks.Sound]\nlevel = "off"\nLayout = "no"', "line 1: checks.Sound: no is not one of"),
        ("[studio]\nhandels = 3", r"line 2: studio\.handels: no plugin declares this setting\. Did you mean handles"),
        ('[studio]\nhandles = "3"', r"line 2: studio\.handles takes a whole number, not 3\."),
    ],
)
def test_wrong_sections_of_plugins_are_refused_with_their_line(folder, tmp_path, monkeypatch, text, reason):
    code = CHECK.format(hosts=["*"]).replace("    order = ", '    studio_settings = {"handles": 8}\n    order = ')
    (folder / "a.py").write_text(code, encoding="utf-8")
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("FT_DCC_USER_SETTINGS", str(tmp_path / "own.toml"))
    with pytest.raises(SettingInvalid, match=reason):
        find_plugins()


def test_missing_plugin_folder_of_the_setting_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_PLUGINS", str(tmp_path / "gone"))
    with pytest.raises(SettingInvalid, match=r"environment FT_DCC_PLUGINS: plugins: there is no folder .*gone\. Mount"):
        find_plugins()


def test_missing_registered_plugin_folder_is_logged(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("FT_DCC_PYBLISH_PLUGINS", "all")
    monkeypatch.setenv("PYBLISHPLUGINPATH", os.pathsep.join([str(tmp_path / "gone"), str(tmp_path)]))
    assert names() == names(PLUGINS)
    assert "gone" in caplog.text
