from __future__ import annotations

import pytest

from ft_dcc.errors import SettingInvalid


@pytest.fixture
def wear(scene):
    from ft_dcc_blender.look import Look, wearing

    return lambda **choices: wearing(Look.from_request(choices), scene)


def test_without_a_choice_colours_are_the_materials_in_even_light(wear, scene):
    shading = scene.display.shading
    with wear():
        assert (shading.color_type, shading.light, shading.studio_light) == ("MATERIAL", "STUDIO", "paint.sl")
        assert (scene.view_settings.view_transform, scene.view_settings.look) == ("Standard", "None")
        assert (scene.display.render_aa, scene.render.film_transparent) == ("FXAA", False)


def test_what_is_chosen_is_worn(wear, scene):
    with wear(colours="OBJECT", light="MATCAP", samples="16", shadows=False, view_transform="AgX", transparent=True):
        shading = scene.display.shading
        assert (shading.color_type, shading.light, shading.show_shadows) == ("OBJECT", "MATCAP", False)
        assert (scene.display.render_aa, scene.view_settings.view_transform) == ("16", "AgX")
        assert scene.render.film_transparent


def test_a_colour_configuration_without_standard_keeps_its_own(scene):
    from ft_dcc_blender.look import _chosen

    with _chosen(scene, "view_settings", "view_transform", None, "Rec.1886 of a studio"):
        assert scene.view_settings.view_transform == "AgX"


@pytest.mark.parametrize("choice", [{"view_transform": "Kodak"}, {"studio_light": "candle"}])
def test_what_this_blender_does_not_have_is_named(wear, state, choice):
    before = state()
    with (
        pytest.raises(SettingInvalid, match=r"cannot be '(Kodak|candle)': this Blender does not have it"),
        wear(**choice),
    ):
        pass
    assert state() == before


def test_a_transparent_film_has_an_alpha_channel(host, request_of):
    frames = host.playblast(request_of("1001", look={"transparent": True}), lambda frame: None)
    # The byte after the size and the depth is the colour type; 6 is RGB with alpha (PNG, 11.2.1).
    assert frames.path(1001).read_bytes()[25] == 6
