import pytest

from ft_dcc.errors import SettingInvalid


@pytest.fixture
def apply(scene):
    from ft_dcc_blender.scene.look import Look, applied_look

    return lambda **settings: applied_look(Look.from_request(settings), scene)


def test_the_default_look_has_material_colours_in_even_light(apply, scene):
    shading = scene.display.shading
    with apply():
        assert (shading.color_type, shading.light, shading.studio_light) == ("MATERIAL", "STUDIO", "paint.sl")
        assert (scene.view_settings.view_transform, scene.view_settings.look) == ("Standard", "None")
        assert (scene.display.render_aa, scene.render.film_transparent) == ("FXAA", False)


def test_the_settings_of_a_look_are_applied(apply, scene):
    with apply(colours="OBJECT", light="MATCAP", samples="16", shadows=False, view_transform="AgX", transparent=True):
        shading = scene.display.shading
        assert (shading.color_type, shading.light, shading.show_shadows) == ("OBJECT", "MATCAP", False)
        assert (scene.display.render_aa, scene.view_settings.view_transform) == ("16", "AgX")
        assert scene.render.film_transparent


def test_a_default_that_the_colour_configuration_lacks_is_skipped(scene):
    from ft_dcc_blender.scene.look import _optional_setting

    with _optional_setting(scene, "view_settings", "view_transform", None, "Rec.1886 of a studio"):
        assert scene.view_settings.view_transform == "AgX"


@pytest.mark.parametrize("settings", [{"view_transform": "Kodak"}, {"studio_light": "candle"}])
def test_an_unavailable_value_is_named_in_the_error(apply, state, settings):
    before = state()
    with (
        pytest.raises(SettingInvalid, match=r"cannot be '(Kodak|candle)': this Blender does not have it"),
        apply(**settings),
    ):
        pass
    assert state() == before


def test_a_transparent_image_has_an_alpha_channel(playblast):
    frames = playblast("1001", look={"transparent": True})
    # The byte after the size and the depth is the colour type; 6 is RGB with alpha (PNG, 11.2.1).
    assert frames.path(1001).read_bytes()[25] == 6
