"""How a playblast looks: what the view and the renderer are told."""

from __future__ import annotations

from typing import Any

import attrs
from maya import cmds

from ft_dcc.errors import SettingInvalid

from .loan import Loan

SHADINGS = ("smoothShaded", "flatShaded", "wireframe", "points", "boundingBox")
LIGHTS = ("default", "all", "selected", "active", "none")
SAMPLES = (0, 2, 4, 8, 16)
# What an animator works with and a reviewer is not to see: flags of modelEditor.
HELPERS = (
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
# What a picture is made of; whoever wants can leave any of it away.
_SUBJECTS = (
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


def _each_of(*allowed: object) -> Any:
    def check(look: Look, attribute: attrs.Attribute[Any], value: Any) -> None:
        for one in value if isinstance(value, tuple) else (value,):
            if one not in allowed:
                known = ", ".join(map(str, allowed))
                raise SettingInvalid(f"look.{attribute.name} cannot be {one!r}. It is one of {known}.")

    return check


@attrs.frozen
class Look:
    """The choices of one playblast.

    ``samples`` is the anti-aliasing, ``hide`` the kinds of things that are not drawn, by their flag of modelEditor,
    and ``isolate`` the only nodes that are, where it names any.
    """

    shading: str = attrs.field(default="smoothShaded", validator=_each_of(*SHADINGS))
    lights: str = attrs.field(default="default", validator=_each_of(*LIGHTS))
    textures: bool = True
    shadows: bool = False
    wireframe: bool = False
    default_material: bool = False
    occlusion: bool = False
    samples: int = attrs.field(default=8, validator=_each_of(*SAMPLES))
    hide: tuple[str, ...] = attrs.field(default=HELPERS, converter=tuple, validator=_each_of(*HELPERS, *_SUBJECTS))
    isolate: tuple[str, ...] = attrs.field(default=(), converter=tuple)

    @classmethod
    def from_request(cls, look: dict[str, Any]) -> Look:
        """Read the ``look`` of a PlayblastRequest; raises SettingInvalid for a name or a value that is not known."""
        unknown = sorted(set(look) - {field.name for field in attrs.fields(cls)})
        if unknown:
            known = ", ".join(field.name for field in attrs.fields(cls))
            raise SettingInvalid(f"A look has no {', '.join(unknown)}. It has {known}.")
        return cls(**look)

    def dress(self, panel: str) -> None:
        """The view of the panel draws this look."""
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
            # What the artist sees of a selection, and a 2D pan, are no part of the shot.
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

    def tune(self, loan: Loan) -> None:
        """The renderer's own settings, which belong to the scene, are this look's until the loan ends."""
        settings = "hardwareRenderingGlobals"
        loan.set_attribute(f"{settings}.multiSampleEnable", self.samples > 0)
        loan.set_attribute(f"{settings}.lineAAEnable", self.samples > 0)
        if self.samples:
            loan.set_attribute(f"{settings}.multiSampleCount", self.samples)
        loan.set_attribute(f"{settings}.ssaoEnable", self.occlusion)
