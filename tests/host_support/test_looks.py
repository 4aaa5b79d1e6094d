"""Presets of looks: those of a host, and those of the settings."""

from __future__ import annotations

import pytest

from ft_dcc.errors import SettingInvalid
from ft_dcc.host_support.looks import find_looks, parse_look
from ft_dcc.settings.resolve import read_settings


class HostWithLooks:
    looks = {"textured": {}, "lit": {"lights": "all", "samples": 8}}  # noqa: RUF012


def read(tmp_path, text):
    (tmp_path / "ft_dcc.toml").write_text(text, encoding="utf-8")
    return read_settings(environ={}, folder=tmp_path)


def test_the_look_of_the_settings_is_the_first_one(tmp_path):
    settings = read(tmp_path, 'look = "client, samples=16"\nlooks = ["client: lit, hide=joints+locators"]')
    looks = find_looks(HostWithLooks(), settings)
    assert list(looks) == ["client, samples=16", "textured", "lit", "client"]
    assert looks["client"] == {"lights": "all", "samples": 8, "hide": ("joints", "locators")}
    assert looks["client, samples=16"] == {**looks["client"], "samples": 16}


def test_without_a_setting_the_default_of_the_host_is_the_first_one(tmp_path):
    assert list(find_looks(HostWithLooks(), read(tmp_path, ""))) == ["textured", "lit"]


def test_a_host_without_looks_ignores_the_settings(tmp_path):
    assert find_looks(object(), read(tmp_path, 'look = "unknown"')) == {}


def test_an_unknown_preset_is_named():
    with pytest.raises(SettingInvalid, match=r"There is no look 'shiny'\. Choose from lit, or write option=value"):
        parse_look("shiny", {"lit": {}})


@pytest.mark.parametrize("text", ["client", "client:", ": lit", "a, b: lit", "a=b: lit"])
def test_a_preset_without_a_name_or_options_is_refused(tmp_path, text):
    with pytest.raises(SettingInvalid, match="is not a preset"):
        read(tmp_path, f'looks = ["{text}"]')
