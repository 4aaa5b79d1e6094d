"""Slate and burn-in of a publish: from the settings, and the slate from a template in TOML."""

import pytest

from ft_dcc.errors import SettingInvalid
from ft_dcc.media import SlateImages
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.preparation import apply_settings, read_slate
from ft_dcc.settings.publish_options import BURNIN_POSITIONS
from ft_dcc.settings.resolve import read_settings

TEMPLATE = """
title = "{project}"
logo = "art/logo.png"
colour_bars = false

[labels]
Shot = "{shot}"
"Client version" = "{version}"
"""


@pytest.fixture
def template(tmp_path, monkeypatch):
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "logo.png").write_bytes(b"\x89PNG")

    def write(text):
        path = tmp_path / "slate.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv("FT_DCC_SLATE_TEMPLATE", str(path))
        return path

    return write


def request(**options):
    return apply_settings(PublishRequest("task", **options), read_settings(), in_host=True)


def test_template_has_lines_logo_and_images(template, tmp_path):
    template(TEMPLATE)
    lines, images = read_slate(read_settings())
    assert lines == ("{project}", "Shot: {shot}", "Client version: {version}")
    assert images == SlateImages(thumbnail=True, logo=str(tmp_path / "art" / "logo.png"))


def test_template_is_used_by_a_request_with_a_slate(template, monkeypatch):
    template(TEMPLATE)
    assert (request().slate, request().slate_images) == ((), None)
    monkeypatch.setenv("FT_DCC_SLATE", "true")
    assert request().slate == ("{project}", "Shot: {shot}", "Client version: {version}")
    assert request().slate_images.logo.endswith("logo.png")
    assert (request(slate=()).slate, request(slate=()).slate_images) == ((), None)


def test_slate_without_a_template_has_a_thumbnail_and_colour_bars(monkeypatch):
    monkeypatch.setenv("FT_DCC_SLATE", "true")
    assert request().slate[:2] == ("{project}  {shot}", "Task: {task}")
    assert request().slate_images == SlateImages(thumbnail=True, colour_bars=True)
    monkeypatch.setenv("FT_DCC_SLATE_LINES", "{shot} of {project}\nSupervised by {artist}")
    assert request().slate == ("{shot} of {project}", "Supervised by {artist}")


@pytest.mark.parametrize("place", BURNIN_POSITIONS)
def test_each_place_of_the_burnin_has_a_setting(monkeypatch, place):
    before = request().burnin
    monkeypatch.setenv(f"FT_DCC_BURNIN_{place.upper()}", "{shot} here")
    assert request().burnin == {**before, place.replace("_", " "): "{shot} here"}
    monkeypatch.setenv(f"FT_DCC_BURNIN_{place.upper()}", "")
    assert place.replace("_", " ") not in request().burnin


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel = 'x'", r"unknown key, titel\. Did you mean title\?"),
        ("thumbnail = 'yes'", "thumbnail in the slate template .* takes true or false, not 'yes'"),
        ("[labels]\n'a: b' = 'x'", "The label 'a: b' in the slate template .* without colon and braces"),
        ("[labels]\nShot = 3", "The label 'Shot' in the slate template .* takes a text"),
        ("logo = 'gone.png'", r"The logo .*gone\.png in the slate template .* does not exist"),
        ("logo = 'slate.toml'", r"is slate\.toml\. Use a PNG or JPEG file"),
        ("title = ", r"slate\.toml, line 1: invalid TOML"),
    ],
)
def test_mistake_in_a_template_is_named(template, text, message):
    template(text)
    with pytest.raises(SettingInvalid, match=message):
        read_slate(read_settings())


def test_template_that_does_not_exist_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("FT_DCC_SLATE_TEMPLATE", str(tmp_path / "gone.toml"))
    with pytest.raises(SettingInvalid, match=r"gone\.toml cannot be read: No such file .*slate_template"):
        read_slate(read_settings())
