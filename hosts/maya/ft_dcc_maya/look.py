"""The look of a playblast: settings of the view and of the renderer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from maya import cmds

from ft_dcc.errors import SettingInvalid

from .maintained import SceneRestore

SHADINGS = ("smoothShaded", "flatShaded", "wireframe", "points", "boundingBox")
LIGHTS = ("default", "all", "selected", "active", "none")
SAMPLES = (0, 2, 4, 8, 16)
# Aids of the animator that reviewers do not need to see: flags of modelEditor.
VIEWPORT_HELPERS = (
    "cameras",
    "controlVertices",
    "deformers",
    "dimensions",
    "dynamicConstraints",
    "follicles",
    "grid",
    "handles",
    "hulls",
    "ikHandles",
    "joints",
    "lights",
    "locators",
    "manipulators",
    "motionTrails",
    "nurbsCurves",
    "pivots",
    "planes",
)
# What an image is made of; a look may hide any of it.
_RENDERABLES = (
    "fluids",
    "greasePencils",
    "hairSystems",
    "imagePlane",
    "nCloths",
    "nParticles",
    "nurbsSurfaces",
    "particleInstancers",
    "pluginShapes",
    "polymeshes",
    "strokes",
    "subdivSurfaces",
)


def _choices(*allowed: object) -> Any:
    def check(look: Look, attribute: attrs.Attribute[Any], value: Any) -> None:
        for each in value if isinstance(value, tuple) else (value,):
            if each not in allowed:
                known = ", ".join(map(str, allowed))
                raise SettingInvalid(f"look.{attribute.name} cannot be {each!r}. Choose from {known}.")

    return check


@attrs.frozen
class Look:
    """The settings of one playblast.

    ``samples`` is the anti-aliasing, ``hide`` the kinds of objects that are not drawn, by their flag of
    modelEditor, and ``isolate``, unless it is empty, the only nodes that are drawn.
    """

    shading: str = attrs.field(default="smoothShaded", validator=_choices(*SHADINGS))
    lights: str = attrs.field(default="default", validator=_choices(*LIGHTS))
    textures: bool = True
    shadows: bool = False
    wireframe: bool = False
    default_material: bool = False
    occlusion: bool = False
    samples: int = attrs.field(default=8, validator=_choices(*SAMPLES))
    hide: tuple[str, ...] = attrs.field(
        default=VIEWPORT_HELPERS, converter=tuple, validator=_choices(*VIEWPORT_HELPERS, *_RENDERABLES)
    )
    isolate: tuple[str, ...] = attrs.field(default=(), converter=tuple)

    @classmethod
    def from_request(cls, look: Mapping[str, Any]) -> Look:
        """Return the ``look`` of a PlayblastRequest; raise SettingInvalid for an unknown name or value."""
        unknown = sorted(set(look) - {field.name for field in attrs.fields(cls)})
        if unknown:
            known = ", ".join(field.name for field in attrs.fields(cls))
            raise SettingInvalid(f"Unknown setting of a look: {', '.join(unknown)}. Choose from {known}.")
        return cls(**look)

    def apply_to_panel(self, panel: str) -> None:
        """Set the look on the view of this panel."""
        cmds.modelEditor(
            panel,
            edit=True,
            rendererName="vp2Renderer",
            displayAppearance=self.shading,
            displayLights=self.lights,
            displayTextures=self.textures,
            shadows=self.shadows,
            wireframeOnShaded=self.wireframe,
            useDefaultMaterial=self.default_material,
            # Selection highlighting and 2D pan are not part of the shot.
            selectionHiliteDisplay=False,
            headsUpDisplay=False,
            ignorePanZoom=True,
        )
        for kind in self.hide:
            cmds.modelEditor(panel, edit=True, **{kind: False})  # type: ignore[call-overload] # names from above
        if self.isolate:
            cmds.isolateSelect(panel, state=True)  # type: ignore[call-overload] # the documentation has no mode for it
            for node in self.isolate:
                cmds.isolateSelect(panel, addDagObject=node)  # type: ignore[call-overload] # nor for this

    def apply_to_renderer(self, restore: SceneRestore) -> None:
        """Set the renderer's settings, which belong to the scene, until the scene is restored."""
        settings = "hardwareRenderingGlobals"
        restore.set_attribute(f"{settings}.multiSampleEnable", self.samples > 0)
        restore.set_attribute(f"{settings}.lineAAEnable", self.samples > 0)
        if self.samples:
            restore.set_attribute(f"{settings}.multiSampleCount", self.samples)
        restore.set_attribute(f"{settings}.ssaoEnable", self.occlusion)
