"""Presets of looks: those of a host, and those of the settings."""

from __future__ import annotations

import pytest

from ft_dcc.errors import SettingInvalid
from ft_dcc.host_support.look_presets import choose_look, find_presets, parse_look
from ft_dcc.settings.resolve import read_settings


class HostWithLooks:
    name = "Maya"
    looks = {"textured": {}, "lit": {"lights": "all", "samples": 8}}  # noqa: RUF012


def read(tmp_path, text):
    (tmp_path / "ft_dcc.toml").write_text(text, encoding="utf-8")
    return read_settings(environ={}, folder=tmp_path)


def test_the_look_of_the_settings_is_the_first_one(tmp_path):
    settings = read(tmp_path, 'look = "client, samples=16"\n[looks.client]\nlook = "lit, hide=joints+locators"')
    looks = find_presets(HostWithLooks(), settings)
    assert list(looks) == ["client, samples=16", "textured", "lit", "client"]
    assert looks["client"] == {"lights": "all", "samples": 8, "hide": ("joints", "locators")}
    assert looks["client, samples=16"] == {**looks["client"], "samples": 16}


def test_without_a_setting_the_default_of_the_host_is_the_first_one(tmp_path):
    assert list(find_presets(HostWithLooks(), read(tmp_path, ""))) == ["textured", "lit"]


def test_a_host_without_looks_ignores_the_settings(tmp_path):
    assert find_presets(object(), read(tmp_path, 'look = "unknown"')) == {}


def test_the_look_of_the_type_of_the_task_comes_before_that_of_the_settings(tmp_path):
    text = 'look = "lit"\n[looks.plain]\nlook = "textured"\ntask_types = "animation"\n'
    text += '[looks.rig]\nmaya = "lit, hide=x"\nblender = "clay"\ntask_types = ["Rigging", "Modeling"]\n'
    settings = read(tmp_path, f'{text}[looks.other]\nblender = "clay"\ntask_types = ["Rigging"]\n')
    default = {kind: next(iter(find_presets(HostWithLooks(), settings, kind))) for kind in ("Animation", "Rigging", "")}
    assert default == {"Animation": "plain", "Rigging": "rig", "": "lit"}
    # A preset without options for this program is left out.
    assert list(find_presets(HostWithLooks(), settings)) == ["lit", "textured", "plain", "rig"]


def test_an_option_without_a_preset_changes_the_default_one():
    presets = {"lit": {"lights": "all", "samples": 8}, "textured": {}}
    assert choose_look(None, presets) == presets["lit"]
    assert choose_look("samples=4", presets) == {"lights": "all", "samples": 4}
    assert choose_look("textured", presets) == choose_look({}, presets) == {}


def test_an_unknown_preset_is_named():
    with pytest.raises(SettingInvalid, match=r"There is no look 'shiny'\. Choose from lit, or write option=value"):
        parse_look("shiny", {"lit": {}})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[looks.client]", r"line 1: looks\.client: A look has a name without commas, and options\. Write \[looks"),
        ('[looks."a, b"]\nlook = "lit"', "line 1: .* A look has a name without commas"),
        ('[looks.client]\nlok = "lit"', r"There is no key lok\. Did you mean look\?"),
        ("[looks.client]\nlook = 3", "look takes a text, not 3"),
        ('# a\nlooks = ["client: lit"]', r"line 2: looks is a section\. Write \[looks\.client\] with look"),
    ],
)
def test_an_invalid_entry_of_the_section_is_refused_with_its_line(tmp_path, text, reason):
    with pytest.raises(SettingInvalid, match=reason):
        read(tmp_path, text)
