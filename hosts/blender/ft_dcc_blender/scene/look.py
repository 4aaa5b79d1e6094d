"""The look of a playblast: settings of Workbench, the viewport and colour management."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import bpy

from ft_dcc.errors import SettingInvalid
from ft_dcc.host_support.look_presets import LookOptions

from . import blender_compat, maintained

# The presets by name, the default one first; those that Maya has, too, have its names.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "solid": {},
    "textured": {"colours": "TEXTURE"},
    "viewport": {"shading": "VIEWPORT", "scene_colours": True},
    "clay": {"colours": "SINGLE"},
    "rendered": {"shading": "RENDERED"},
}
SAMPLES = ("OFF", "FXAA", "5", "8", "11", "16", "32")
COLOURS = ("MATERIAL", "OBJECT", "TEXTURE", "VERTEX", "RANDOM", "SINGLE")
_EVEN_LIGHT = "paint.sl"
LIGHTS = ("STUDIO", "MATCAP", "FLAT")
# The settings of Workbench's shading that are the same for each look.
_SHADING: dict[str, object] = {
    "shadow_intensity": 0.35,
    "cavity_type": "BOTH",
    "cavity_ridge_factor": 0.6,
    "cavity_valley_factor": 0.8,
    "curvature_ridge_factor": 0.6,
    "curvature_valley_factor": 0.6,
    "show_specular_highlight": True,
    "show_object_outline": False,
    "show_backface_culling": False,
    "show_xray": False,
    "use_dof": False,
}
# The settings of a view that leaves colours unchanged; Blender 4.3 and later have a white balance.
_NEUTRAL_VIEW = {"exposure": 0.0, "gamma": 1.0, "use_curve_mapping": False, "use_white_balance": False}


def _choices(*allowed: str) -> Any:
    def check(look: Look, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in allowed:
            raise SettingInvalid(f"look.{attribute.name} cannot be {value!r}. Choose from {', '.join(allowed)}.")

    return check


def _upper(value: object) -> str:
    """Return the name of a choice; presets may write it in lower case, and a number of samples as a number."""
    return str(value).upper()


@attrs.frozen
class Look(LookOptions):
    """The settings of one playblast."""

    # SOLID is drawn the same with and without a window; VIEWPORT as a 3D view shows it; RENDERED by the scene's engine.
    shading: str = attrs.field(default="SOLID", converter=_upper, validator=_choices("SOLID", "VIEWPORT", "RENDERED"))
    # That of the viewport or that of renders, for objects and modifiers, and the same with and without a window.
    visibility: str = attrs.field(default="VIEWPORT", converter=_upper, validator=_choices("VIEWPORT", "RENDER"))
    # The source of surface colours.
    colours: str = attrs.field(default="MATERIAL", converter=_upper, validator=_choices(*COLOURS))
    light: str = attrs.field(default="STUDIO", converter=_upper, validator=_choices(*LIGHTS))
    # None is Blender's "paint", an even light that shows colours as they were chosen.
    studio_light: str | None = None
    # The anti-aliasing. None is 8 on a graphics card, and FXAA on a processor, where it takes a third of the time.
    samples: str | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(_upper),
        validator=attrs.validators.optional(_choices(*SAMPLES)),
    )
    shadows: bool = True
    cavity: bool = True
    transparent: bool = False
    # Those of the 3D view, with the shading VIEWPORT.
    overlays: bool = False
    # Draw the scene's own metadata into the image.
    stamp: bool = False
    # Exposure, look and view transform are the scene's.
    scene_colours: bool = False
    # None is Standard, which a solid viewport shows, whatever renders use.
    view_transform: str | None = None

    @property
    def needs_view(self) -> bool:
        """Return whether a 3D view has to draw it."""
        return self.shading == "VIEWPORT"

    @property
    def needs_render(self) -> bool:
        """Return whether an engine has to render it: always without a window, which alone can draw a viewport."""
        is_rendered = self.shading == "RENDERED" or (self.shading == "SOLID" and self.visibility == "RENDER")
        return is_rendered or (bpy.app.background and not self.needs_view)


def solid_shading(look: Look) -> dict[str, object]:
    """Return the settings of Workbench's shading that the look decides, by their names."""
    shading = {"light": look.light, "color_type": look.colours, "show_shadows": look.shadows}
    light = {"studio_light": look.studio_light or _EVEN_LIGHT} if look.light == "STUDIO" else {}
    return {**shading, "show_cavity": look.cavity, **light, **_SHADING}


def neutral_colours(scene: Any, look: Look) -> dict[str, object]:
    """Return the settings of a view that shows colours as plain sRGB, those that this Blender has."""
    view = {"view_transform": look.view_transform or "Standard", "look": "None"}
    neutral = {name: value for name, value in _NEUTRAL_VIEW.items() if hasattr(scene.view_settings, name)}
    return {**view, **neutral}


@contextmanager
def applied_look(look: Look, scene: Any) -> Iterator[None]:
    """Draw the scene with this look until exit."""
    samples = look.samples or ("FXAA" if blender_compat.uses_software_rendering() else "8")
    # A view has its own shading, unless it is rendered with Workbench: that is the scene's.
    shading = {} if look.needs_view else solid_shading(look)
    # Set below, if this Blender has it.
    shading.pop("studio_light", None)
    with ExitStack() as stack:
        stack.enter_context(maintained.overridden(scene, "display", render_aa=samples, viewport_aa=samples))
        stack.enter_context(maintained.overridden(scene, "render", film_transparent=look.transparent))
        stack.enter_context(maintained.overridden(scene, "display.shading", **shading))
        if look.light == "STUDIO" and not look.needs_view:
            light = _optional_setting(scene, "display.shading", "studio_light", look.studio_light, _EVEN_LIGHT)
            stack.enter_context(light)
        # If the output overrides the scene's colour management, images are written with the output's settings.
        is_overridden = scene.render.image_settings.color_management == "OVERRIDE"
        parts = ("", "render.image_settings.") if is_overridden else ("",)
        for part in () if look.scene_colours else parts:
            view, display = f"{part}view_settings", f"{part}display_settings"
            settings = scene.path_resolve(view)
            neutral = neutral_colours(scene, look)
            # A look depends on its view transform, and that on its display: they are restored last.
            stack.enter_context(maintained.overridden(scene, view, look="None", view_transform=settings.view_transform))
            stack.enter_context(_optional_setting(scene, display, "display_device", None, "sRGB"))
            stack.enter_context(_optional_setting(scene, view, "view_transform", look.view_transform, "Standard"))
            stack.enter_context(
                maintained.overridden(scene, view, **{name: neutral[name] for name in {*_NEUTRAL_VIEW} & {*neutral}})
            )
        yield


@contextmanager
def _optional_setting(scene: Any, path: str, name: str, value: str | None, default: str) -> Iterator[None]:
    """Set the property; skip the default where this Blender does not have it.

    A studio's colour configuration may lack Standard, and its preferences may lack Blender's own lights.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(maintained.overridden(scene, path, **{name: value or default}))
        except TypeError as error:
            if value is not None:
                raise SettingInvalid(f"look.{name} cannot be {value!r}: this Blender does not have it.") from error
        yield
