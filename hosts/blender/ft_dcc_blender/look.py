"""How a playblast looks: what Workbench is told, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import bpy

from ft_dcc.errors import SettingInvalid

from . import versions
from .maintained import changed

SAMPLES = ("OFF", "FXAA", "5", "8", "11", "16", "32")
COLOURS = ("MATERIAL", "OBJECT", "TEXTURE", "VERTEX", "RANDOM", "SINGLE")
LIGHTS = ("STUDIO", "MATCAP", "FLAT")
SHADINGS = ("SOLID", "VIEWPORT", "RENDERED")


def _one_of(*allowed: str) -> Any:
    def check(look: Look, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in allowed:
            raise SettingInvalid(f"look.{attribute.name} cannot be {value!r}. It is one of {', '.join(allowed)}.")

    return check


@attrs.frozen
class Look:
    """The choices of one playblast.

    ``shading`` is SOLID, drawn the same with and without a window; VIEWPORT, as a 3D view shows it, ``overlays`` with
    it, for which there has to be one; or RENDERED, by the scene's own engine. ``stamp`` lets Blender write the scene's
    own metadata into the picture. With ``scene_colours`` exposure, look and view transform are the scene's.
    ``colours`` is where a surface gets its colour from. None leaves the choice to us:

    * ``samples``, the anti-aliasing, is 8 on a graphics card; where the processor draws, FXAA takes it a third of the
      time;
    * ``studio_light`` is Blender's "paint", an even light in which colours come out as they were chosen;
    * ``view_transform`` is Standard, which is what an artist sees in a solid viewport, whatever renders use.
    """

    shading: str = attrs.field(default="SOLID", validator=_one_of(*SHADINGS))
    colours: str = attrs.field(default="MATERIAL", validator=_one_of(*COLOURS))
    light: str = attrs.field(default="STUDIO", validator=_one_of(*LIGHTS))
    studio_light: str | None = None
    samples: str | None = attrs.field(default=None, validator=attrs.validators.optional(_one_of(*SAMPLES)))
    shadows: bool = True
    cavity: bool = True
    transparent: bool = False
    overlays: bool = False
    stamp: bool = False
    scene_colours: bool = False
    view_transform: str | None = None

    @property
    def needs_view(self) -> bool:
        """Whether a 3D view has to draw it; without a window the scene's own engine can."""
        return self.shading == "VIEWPORT" or (self.shading == "RENDERED" and not bpy.app.background)

    @classmethod
    def from_request(cls, look: dict[str, Any]) -> Look:
        """Read the ``look`` of a PlayblastRequest; raises SettingInvalid for a name or a value that is not known."""
        unknown = sorted(set(look) - {field.name for field in attrs.fields(cls)})
        if unknown:
            known = ", ".join(field.name for field in attrs.fields(cls))
            raise SettingInvalid(f"A look has no {', '.join(unknown)}. It has {known}.")
        return cls(**look)


@contextmanager
def wearing(look: Look, scene: Any) -> Iterator[None]:
    """The scene is drawn with this look inside."""
    samples = look.samples or ("FXAA" if versions.draws_on_processor() else "8")
    with ExitStack() as stack:
        stack.enter_context(changed(scene, "display", render_aa=samples, viewport_aa=samples))
        stack.enter_context(changed(scene, "render", film_transparent=look.transparent))
        stack.enter_context(_shaded(look, scene))
        stack.enter_context(_colour_managed(look, scene))
        yield


@contextmanager
def _shaded(look: Look, scene: Any) -> Iterator[None]:
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
        stack.enter_context(changed(scene, "display.shading", **values))
        if look.light == "STUDIO":
            stack.enter_context(_chosen(scene, "display.shading", "studio_light", look.studio_light, "paint.sl"))
        yield


@contextmanager
def _colour_managed(look: Look, scene: Any) -> Iterator[None]:
    if look.scene_colours:
        yield
        return
    # Where the output overrides the scene's colours, pictures are written with its own.
    is_overridden = scene.render.image_settings.color_management == "OVERRIDE"
    with ExitStack() as stack:
        for part in ("", *(("render.image_settings.",) if is_overridden else ())):
            stack.enter_context(_plain(look, scene, f"{part}view_settings", f"{part}display_settings"))
        yield


@contextmanager
def _plain(look: Look, scene: Any, view: str, display: str) -> Iterator[None]:
    settings = scene.path_resolve(view)
    with ExitStack() as stack:
        # A look belongs to its view transform, and that to its display: they come back last.
        stack.enter_context(changed(scene, view, look="None", view_transform=settings.view_transform))
        stack.enter_context(_chosen(scene, display, "display_device", None, "sRGB"))
        stack.enter_context(_chosen(scene, view, "view_transform", look.view_transform, "Standard"))
        stack.enter_context(changed(scene, view, **versions.plain_view(settings)))
        yield


@contextmanager
def _chosen(scene: Any, path: str, name: str, wanted: str | None, default: str) -> Iterator[None]:
    """The property has the value that is wanted; the default is left away where this Blender does not have it.

    A studio's own colour configuration need not have Standard, nor its preferences Blender's own lights.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(changed(scene, path, **{name: wanted or default}))
        except TypeError as error:
            if wanted is not None:
                raise SettingInvalid(f"look.{name} cannot be {wanted!r}: this Blender does not have it.") from error
        yield
