from __future__ import annotations

import os

import pyblish.api
import pytest

from ft_dcc.errors import PluginBroken, SettingInvalid
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
    monkeypatch.setenv("PYBLISHPLUGINPATH", str(tmp_path))
    return tmp_path


# pyblish registers these, and a studio's plugins may read their values: the date, the user, the folder.
PYBLISHS_OWN = {"CollectCurrentDate", "CollectCurrentUser", "CollectCurrentWorkingDirectory"}


def names(plugins):
    return [plugin.__name__ for plugin in plugins if plugin.__name__ not in PYBLISHS_OWN]


def test_plugins_are_listed_in_the_order_of_their_stages():
    orders = [plugin.order for plugin in PLUGINS]
    assert orders == sorted(orders)
    assert set(orders) == {0, 1, 2, 3}


def test_every_plugin_has_label_and_docstring():
    for plugin in PLUGINS:
        assert plugin.__doc__ and plugin.label, plugin


def test_studio_check_runs_in_its_stage_after_ours(folder):
    (folder / "validate_name.py").write_text(CHECK.format(hosts=["*"]), encoding="utf-8")
    found = names(find_plugins())
    assert found.index("ValidateDisk") + 1 == found.index("ValidateName")
    assert found.index("ValidateName") + 1 == found.index("PredictVersionNumber")


def test_plugin_for_another_host_is_excluded(folder):
    (folder / "validate_name.py").write_text(CHECK.format(hosts=["cinema4d"]), encoding="utf-8")
    assert "ValidateName" not in names(find_plugins("Blender"))
    assert "ValidateName" in names(find_plugins("Cinema4D"))
    pyblish.api.deregister_host("cinema4d")


def test_plugin_file_with_an_import_error_is_reported_with_path_and_error(folder):
    (folder / "validate_name.py").write_text("import studio_tools_of_nobody\n", encoding="utf-8")
    with pytest.raises(PluginBroken) as caught:
        find_plugins()
    assert str(folder / "validate_name.py") in str(caught.value)
    assert "No module named 'studio_tools_of_nobody'" in str(caught.value)


def test_plugin_file_with_a_syntax_error_is_reported_with_its_line(folder):
    (folder / "validate_name.py").write_text("class Check(:\n", encoding="utf-8")
    with pytest.raises(PluginBroken, match=r"SyntaxError.*line 1"):
        find_plugins()


def test_registered_plugins_and_folders_are_found(tmp_path):
    class CollectDay(pyblish.api.ContextPlugin):
        order = pyblish.api.CollectorOrder - 0.1

    (tmp_path / "validate_name.py").write_text(CHECK.format(hosts=["*"]), encoding="utf-8")
    pyblish.api.register_plugin(CollectDay)
    pyblish.api.register_plugin_path(str(tmp_path))
    try:
        found = names(find_plugins())
    finally:
        pyblish.api.deregister_plugin(CollectDay)
        pyblish.api.deregister_plugin_path(str(tmp_path))
    assert found[0] == "CollectDay"
    assert "ValidateName" in found


def test_imported_base_class_is_not_a_plugin(folder):
    text = "from pyblish.api import InstancePlugin\nfrom pyblish.api import ContextPlugin\n"
    (folder / "nothing.py").write_text(text, encoding="utf-8")
    assert names(find_plugins()) == names(PLUGINS)


def test_second_plugin_of_a_name_is_ignored_with_a_warning(folder, caplog):
    (folder / "a.py").write_text(CHECK.format(hosts=["*"]), encoding="utf-8")
    (folder / "b.py").write_text(CHECK.format(hosts=["*"]), encoding="utf-8")
    assert names(find_plugins()).count("ValidateName") == 1
    assert f"ValidateName of {folder / 'b.py'} is ignored" in caplog.text


def test_missing_plugin_folder_of_the_setting_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_PLUGINS", str(tmp_path / "gone"))
    with pytest.raises(SettingInvalid, match=r"environment FT_DCC_PLUGINS: plugins: there is no folder .*gone\. Mount"):
        find_plugins()


def test_missing_registered_plugin_folder_is_logged(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PYBLISHPLUGINPATH", os.pathsep.join([str(tmp_path / "gone"), str(tmp_path)]))
    assert names(find_plugins()) == names(PLUGINS)
    assert "gone" in caplog.text


def test_discovery_filter_of_a_studio_is_applied_last():
    def without_thumbnails(plugins):
        plugins[:] = [plugin for plugin in plugins if plugin.__name__ != "MakeThumbnail"]

    pyblish.api.register_discovery_filter(without_thumbnails)
    try:
        assert "MakeThumbnail" not in names(find_plugins())
    finally:
        pyblish.api.deregister_discovery_filter(without_thumbnails)
