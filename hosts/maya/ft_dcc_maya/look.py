"""The look of a playblast: settings of the view and of the renderer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from maya import cmds

from ft_dcc.errors import SettingInvalid
from ft_dcc.host_support.look_presets import LookOptions

from .maintained import SceneRestore

SHADINGS = ("smoothShaded", "flatShaded", "wireframe", "points", "boundingBox")
LIGHTS = ("default", "all", "selected", "active", "none")
SAMPLES = (0, 2, 4, 8, 16)
# The colour behind the scene is a preference of each artist; None leaves it.
BACKGROUNDS = {"grey": (0.36, 0.36, 0.36), "black": (0.0, 0.0, 0.0), "white": (1.0, 1.0, 1.0), "own": None}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "textured": {},
    "viewport": {"like_viewport": True},
    "lit": {"lights": "all", "shadows": True, "occlusion": True},
    "clay": {"default_material": True, "textures": False, "occlusion": True},
    "wireframe": {"shading": "wireframe", "textures": False},
}
# Aids of the animator that reviewers do not need to see: flags of modelEditor.
VIEWPORT_HELPERS = (
    *("cameras", "clipGhosts", "controlVertices", "deformers", "dimensions", "dynamicConstraints", "follicles", "grid"),
    *("handles", "hulls", "ikHandles", "joints", "lights", "locators", "manipulators", "motionTrails", "nurbsCurves"),
    *("pivots", "planes"),
)
# What an image is made of; a look may hide any of it.
_RENDERABLES = (
    *("fluids", "greasePencils", "hairSystems", "imagePlane", "nCloths", "nParticles", "nurbsSurfaces"),
    *("particleInstancers", "pluginShapes", "polymeshes", "strokes", "subdivSurfaces"),
)
# What else a view decides about its image: flags of modelEditor in the order in which they are set.
_OTHER_FLAGS = (
    *("controllers", "dynamics", "holdOuts", "nRigids", "textures"),
    *("activeOnly", "backfaceCulling", "cmEnabled", "cullingOverride", "depthOfFieldPreview", "exposure", "fogColor"),
    *(
        "fogDensity",
        "fogEnd",
        "fogMode",
        "fogSource",
        "fogStart",
        "fogging",
        "gamma",
        "lineWidth",
        "lowQualityLighting",
    ),
    *("maxConstantTransparency", "occlusionCulling", "smallObjectCulling", "smallObjectThreshold", "smoothWireframe"),
    *("sortTransparent", "textureAnisotropic", "textureDisplay", "textureMaxSize", "transpInShadows"),
    *("transparencyAlgorithm", "twoSidedLighting", "viewTransformName", "xray"),
)
# Options of the renderer, which belong to the scene and not to a view.
_RENDERER_OPTIONS = ("samples", "occlusion")


# Objects of plug-ins have filters that plug-ins register and the menu Show of a view lists. Sources: Autodesk's
# reference of pluginDisplayFilter, modelEditor and getClassification. A locator of a plug-in may ignore the view's own
# switch for locators (MPxLocatorNode.excludeAsLocator).
def find_filters() -> list[str]:
    """Return the names of all filters that plug-ins have registered."""
    names: Any = cmds.pluginDisplayFilter(query=True, listFilters=True) or []
    return [str(name) for name in names]


def find_locator_filters() -> list[str]:
    """Return the filters that hide locators of plug-ins, and no other object of this scene.

    A GPU cache is content of the shot, a gizmo is not. Their classifications look alike, but a gizmo is a locator.
    """
    locators = _types(type="locator")
    others = _types(shapes=True) - locators
    found = []
    for name in find_filters() if locators else ():
        classification = str(cmds.pluginDisplayFilter(name, query=True, classification=True) or "")
        # By its documentation, a filter without a classification hides nothing in Viewport 2.0.
        kinds = sorted(locators | others) if classification else []
        hidden = {kind for kind in kinds if cmds.getClassification(kind, satisfies=classification)}
        if hidden & locators and not hidden & others:
            found.append(name)
    return found


def _types(**flags: Any) -> set[str]:
    """Return the types of the nodes that ``ls`` lists, derived types included."""
    names_and_types = cmds.ls(showType=True, **flags) or []
    return {str(each) for each in names_and_types[1::2]}


def _value_of(view: str, name: str) -> Any:
    """Return the value of a flag of a view, or None in a Maya that does not have the flag."""
    try:
        return cmds.modelEditor(view, query=True, **{name: True})  # type: ignore[call-overload] # names from above
    except TypeError:
        return None


def view_transform() -> dict[str, Any]:
    """Return the view transforms of a playblast and of the views, "" for none. Source: ``colorManagementPrefs``."""
    if not cmds.colorManagementPrefs(query=True, cmEnabled=True):
        return {"view_transform": "", "view_transform_of_views": ""}
    shown = str(cmds.colorManagementPrefs(query=True, viewTransformName=True) or "")
    applied = ""
    if _playblast_preference("outputTransformEnabled"):
        uses_shown = _playblast_preference("outputUseViewTransform")
        applied = shown if uses_shown else str(_playblast_preference("outputTransformName") or "")
    return {"view_transform": applied, "view_transform_of_views": shown}


def _playblast_preference(name: str) -> Any:
    return cmds.colorManagementPrefs(query=True, outputTarget="playblast", **{name: True})  # type: ignore[call-overload] # it takes the name here


def _choices(*allowed: object) -> Any:
    def check(look: Look, attribute: attrs.Attribute[Any], value: Any) -> None:
        for each in value if isinstance(value, tuple) else (value,):
            if each not in allowed:
                known = ", ".join(map(str, allowed))
                raise SettingInvalid(f"look.{attribute.name} cannot be {each!r}. Choose from {known}.")

    return check


def _check_hidden(look: Look, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """Raise SettingInvalid unless each name is a flag of modelEditor, or a filter that a plug-in has registered."""
    known = (*VIEWPORT_HELPERS, *_RENDERABLES)
    if set(value) - set(known):
        _choices(*known, *find_filters())(look, attribute, value)


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen
class Look(LookOptions):
    """The settings of one playblast."""

    shading: str = attrs.field(default="smoothShaded", validator=_choices(*SHADINGS))
    lights: str = attrs.field(default="default", validator=_choices(*LIGHTS))
    textures: bool = True
    shadows: bool = False
    wireframe: bool = False
    default_material: bool = False
    occlusion: bool = False
    # Anti-aliasing.
    samples: int = attrs.field(default=8, validator=_choices(*SAMPLES))
    # Kinds of objects that are not drawn, by their flag of modelEditor or the filter of a plug-in.
    hide: tuple[str, ...] = attrs.field(default=VIEWPORT_HELPERS, converter=_texts, validator=_check_hidden)
    # The only nodes that are drawn, unless it is empty; ``isolate_selected`` adds the selected ones.
    isolate: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    isolate_selected: bool = False
    # The colour behind the scene.
    background: str = attrs.field(default="grey", validator=_choices(*BACKGROUNDS))
    # Everything that a view decides about the image is that of the artist's view, its drawings of Blue Pencil included.
    like_viewport: bool = False

    def require_drawable_without_window(self) -> None:
        """Raise SettingInvalid for an option that only a view of Maya's window has."""
        own = [field.name for field in attrs.fields(Look) if field.name not in _RENDERER_OPTIONS]
        chosen = [name for name in own if getattr(self, name) != getattr(Look(), name)]
        if chosen:
            raise SettingInvalid(
                f"Maya without a window draws every scene smooth shaded and textured, so look.{', look.'.join(chosen)} "
                f"cannot be set. Choose from {', '.join(_RENDERER_OPTIONS)}, or publish from Maya's window."
            )

    def apply_to_panel(self, panel: str, artists_view: str) -> None:
        """Set the look on the view of this panel; ``artists_view`` is the panel that ``like_viewport`` copies."""
        view: dict[str, Any] = {
            "displayAppearance": self.shading,
            "displayLights": self.lights,
            "displayTextures": self.textures,
            "shadows": self.shadows,
            "wireframeOnShaded": self.wireframe,
            "useDefaultMaterial": self.default_material,
            **{name: False for name in self.hide if name in (*VIEWPORT_HELPERS, *_RENDERABLES)},
        }
        # Drawings in the view. Maya 2023 has them without the flag.
        if _value_of(panel, "bluePencil") is not None:
            view["bluePencil"] = False
        if self.like_viewport and artists_view:
            # "pluginShapes" cannot be queried.
            for name in (*view, *VIEWPORT_HELPERS, *_RENDERABLES, *_OTHER_FLAGS):
                if name != "pluginShapes" and (value := _value_of(artists_view, name)) is not None:
                    view[name] = value
        cmds.modelEditor(
            panel,
            edit=True,
            rendererName="vp2Renderer",
            # Selection highlighting and 2D pan are not part of the shot.
            selectionHiliteDisplay=False,
            headsUpDisplay=False,
            ignorePanZoom=True,
        )
        # One by one: some combinations of flags lose one of them.
        for name, value in view.items():
            cmds.modelEditor(panel, edit=True, **{name: value})
        # Filters of locators are hidden with all other locators.
        hidden = {*self.hide, *(find_locator_filters() if "locators" in self.hide else ())}
        for name in find_filters():
            is_shown = name not in hidden
            if self.like_viewport and artists_view:
                is_shown = bool(cmds.modelEditor(artists_view, query=True, queryPluginObjects=name))  # type: ignore[call-overload] # it takes the name here
            cmds.modelEditor(panel, edit=True, pluginObjects=(name, is_shown))
        nodes = self.nodes_to_isolate()
        if nodes:
            cmds.isolateSelect(panel, state=True)  # type: ignore[call-overload] # the documentation has no mode for it
            for node in nodes:
                cmds.isolateSelect(panel, addDagObject=node)  # type: ignore[call-overload] # nor for this

    def nodes_to_isolate(self) -> tuple[str, ...]:
        """Return the only nodes to draw, none for all; raise SettingInvalid if one is missing or none is selected."""
        for node in self.isolate:
            if not cmds.objExists(node):
                raise SettingInvalid(f"look.isolate names {node!r}, which is not in the scene. Check the name.")
        if not self.isolate_selected:
            return self.isolate
        selected: Any = cmds.ls(selection=True, long=True) or []
        if not selected:
            raise SettingInvalid("Only selected objects are to be drawn, and nothing is selected. Select them.")
        return (*self.isolate, *map(str, selected))

    def apply_to_renderer(self, restore: SceneRestore) -> None:
        """Set the renderer's settings, which belong to the scene, until the scene is restored."""
        settings = "hardwareRenderingGlobals"
        restore.set_attribute(f"{settings}.multiSampleEnable", self.samples > 0)
        restore.set_attribute(f"{settings}.lineAAEnable", self.samples > 0)
        if self.samples:
            restore.set_attribute(f"{settings}.multiSampleCount", self.samples)
        restore.set_attribute(f"{settings}.ssaoEnable", self.occlusion)
