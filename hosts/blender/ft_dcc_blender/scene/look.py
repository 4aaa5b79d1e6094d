"""The look of a playblast: settings of Workbench, the viewport and colour management."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import bpy

from ft_dcc.errors import SettingInvalid

from . import blender_compat
from .maintained import overridden

SAMPLES = ("OFF", "FXAA", "5", "8", "11", "16", "32")
COLOURS = ("MATERIAL", "OBJECT", "TEXTURE", "VERTEX", "RANDOM", "SINGLE")
LIGHTS = ("STUDIO", "MATCAP", "FLAT")
SHADINGS = ("SOLID", "VIEWPORT", "RENDERED")
VISIBILITIES = ("VIEWPORT", "RENDER")


def _choices(*allowed: str) -> Any:
    def check(look: Look, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in allowed:
            raise SettingInvalid(f"look.{attribute.name} cannot be {value!r}. Choose from {', '.join(allowed)}.")

    return check


@attrs.frozen
class Look:
    """The settings of one playblast.

    ``shading`` is SOLID, drawn the same with and without a window; VIEWPORT, as a 3D view shows it, with its
    ``overlays`` if wanted; or RENDERED, by the scene's own engine. ``visibility`` is that of the viewport or that of
    renders, for objects and modifiers, and the same with and without a window. ``stamp`` draws the scene's own
    metadata into the image. With ``scene_colours`` exposure, look and view transform are the scene's. ``colours`` is
    the source of surface colours. None means a default:

    * ``samples``, the anti-aliasing, is 8 on a graphics card, and FXAA on a processor, where it takes a third of the
      time;
    * ``studio_light`` is Blender's "paint", an even light that shows colours as they were chosen;
    * ``view_transform`` is Standard, which a solid viewport shows, whatever renders use.
    """

    shading: str = attrs.field(default="SOLID", validator=_choices(*SHADINGS))
    visibility: str = attrs.field(default="VIEWPORT", validator=_choices(*VISIBILITIES))
    colours: str = attrs.field(default="MATERIAL", validator=_choices(*COLOURS))
    light: str = attrs.field(default="STUDIO", validator=_choices(*LIGHTS))
    studio_light: str | None = None
    samples: str | None = attrs.field(default=None, validator=attrs.validators.optional(_choices(*SAMPLES)))
    shadows: bool = True
    cavity: bool = True
    transparent: bool = False
    overlays: bool = False
    stamp: bool = False
    scene_colours: bool = False
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

    @classmethod
    def from_request(cls, look: dict[str, Any]) -> Look:
        """Return the ``look`` of a PlayblastRequest; raise SettingInvalid for an unknown name or value."""
        unknown = sorted(set(look) - {field.name for field in attrs.fields(cls)})
        if unknown:
            known = ", ".join(field.name for field in attrs.fields(cls))
            raise SettingInvalid(f"Unknown setting of a look: {', '.join(unknown)}. Choose from {known}.")
        return cls(**look)


@contextmanager
def applied_look(look: Look, scene: Any) -> Iterator[None]:
    """Draw the scene with this look until exit."""
    samples = look.samples or ("FXAA" if blender_compat.uses_software_rendering() else "8")
    with ExitStack() as stack:
        stack.enter_context(overridden(scene, "display", render_aa=samples, viewport_aa=samples))
        stack.enter_context(overridden(scene, "render", film_transparent=look.transparent))
        stack.enter_context(_workbench_shading(look, scene))
        stack.enter_context(_neutral_colours(look, scene))
        yield


@contextmanager
def _workbench_shading(look: Look, scene: Any) -> Iterator[None]:
    values: dict[str, object] = {
        "light": look.light,
        "color_type": look.colours,
        "show_shadows": look.shadows,
        "shadow_intensity": 0.35,
        "show_cavity": look.cavity,
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
    with ExitStack() as stack:
        stack.enter_context(overridden(scene, "display.shading", **values))
        if look.light == "STUDIO":
            stack.enter_context(
                _optional_setting(scene, "display.shading", "studio_light", look.studio_light, "paint.sl")
            )
        yield


@contextmanager
def _neutral_colours(look: Look, scene: Any) -> Iterator[None]:
    if look.scene_colours:
        yield
        return
    # If the output overrides the scene's colour management, images are written with the output's settings.
    is_overridden = scene.render.image_settings.color_management == "OVERRIDE"
    with ExitStack() as stack:
        for part in ("", *(("render.image_settings.",) if is_overridden else ())):
            stack.enter_context(_neutral_view(look, scene, f"{part}view_settings", f"{part}display_settings"))
        yield


@contextmanager
def _neutral_view(look: Look, scene: Any, view: str, display: str) -> Iterator[None]:
    settings = scene.path_resolve(view)
    with ExitStack() as stack:
        # A look depends on its view transform, and that on its display: they are restored last.
        stack.enter_context(overridden(scene, view, look="None", view_transform=settings.view_transform))
        stack.enter_context(_optional_setting(scene, display, "display_device", None, "sRGB"))
        stack.enter_context(_optional_setting(scene, view, "view_transform", look.view_transform, "Standard"))
        stack.enter_context(overridden(scene, view, **blender_compat.neutral_view_settings(settings)))
        yield


@contextmanager
def _optional_setting(scene: Any, path: str, name: str, value: str | None, default: str) -> Iterator[None]:
    """Set the property; skip the default where this Blender does not have it.

    A studio's colour configuration may lack Standard, and its preferences may lack Blender's own lights.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(overridden(scene, path, **{name: value or default}))
        except TypeError as error:
            if value is not None:
                raise SettingInvalid(f"look.{name} cannot be {value!r}: this Blender does not have it.") from error
        yield
