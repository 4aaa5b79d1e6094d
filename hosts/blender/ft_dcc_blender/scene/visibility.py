"""What a frame shows: the objects of the viewport or of renders, and how a movie differs from a 3D view.

A window draws the viewport, and a headless Blender can only render. Here, a render gets the visibility of the viewport.
The properties of a look are those that this Blender declares, so that one of a later Blender is compared, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Callable, NamedTuple

import bpy

from . import blender_compat, compare, maintained, sources, viewport
from .look import Look, neutral_colours, solid_shading

# Properties of a render, and the property of the viewport that corresponds to each.
_VISIBILITY = {"hide_render": "hide_viewport"}
_MODIFIER = {"show_render": "show_viewport", "render_levels": "levels"}
_DATA = {
    "render_resolution_u": "resolution_u",
    "render_resolution_v": "resolution_v",
    "render_resolution": "resolution",
}
_SIMPLIFY = {
    "simplify_subdivision_render": "simplify_subdivision",
    "simplify_child_particles_render": "simplify_child_particles",
}
_MAX_NAMES = 8
_RENDER_PROPERTIES = {*_VISIBILITY, *_MODIFIER, *_DATA, *_SIMPLIFY}
# The part of the name of the filter that hides objects of a type in one 3D view, where it is not that of the type.
_FILTERS = {"SURFACE": "surf", "GPENCIL": "grease_pencil", "GREASEPENCIL": "grease_pencil"}
_IS_VIEWPORT_NODE = "GeometryNodeIsViewport"
_SHADING_LABELS = {"WIREFRAME": "Wireframe", "SOLID": "Solid", "MATERIAL": "Material Preview", "RENDERED": "Rendered"}
# The shading of the engine's render, which a 3D view can change.
_RENDERED = {"use_scene_lights_render": True, "use_scene_world_render": True, "render_pass": "COMBINED"}
_RENDERED_OFF = {"use_compositor": "DISABLED"}
# They belong to other kinds of shading than Solid, or are no setting.
_NOT_SOLID = {
    *("rna_type", "type", "cycles", "selected_studio_light", "use_scene_lights", "use_scene_world"),
    *("wireframe_color_type", "show_xray_wireframe", "xray_alpha_wireframe", "aov_name"),
    *("studiolight_intensity", "studiolight_background_alpha", "studiolight_background_blur"),
    *("use_studio_light_edit", *_RENDERED, *_RENDERED_OFF),
}
_CAVITY_FACTORS = ("cavity_ridge_factor", "cavity_valley_factor", "curvature_ridge_factor", "curvature_valley_factor")
# Properties without an effect unless another one has this value.
_NEEDS: Mapping[str, tuple[str, tuple[object, ...]]] = {
    "shadow_intensity": ("show_shadows", (True,)),
    **dict.fromkeys(("cavity_type", *_CAVITY_FACTORS), ("show_cavity", (True,))),
    "object_outline_color": ("show_object_outline", (True,)),
    "xray_alpha": ("show_xray", (True,)),
    "single_color": ("color_type", ("SINGLE",)),
    "background_color": ("background_type", ("VIEWPORT",)),
    "studio_light": ("light", ("STUDIO", "MATCAP")),
    "studiolight_rotate_z": ("use_world_space_lighting", (True,)),
    "use_world_space_lighting": ("light", ("STUDIO",)),
    "show_specular_highlight": ("light", ("STUDIO", "MATCAP")),
}


class _Setting(NamedTuple):
    """A property of a render, and the value with which it matches the viewport."""

    label: str
    owner: Any
    name: str
    value: object


@contextmanager
def rendered_as_in_viewport(scene: Any, layer: Any) -> Iterator[Callable[[], None]]:
    """Yield a function that lets renders of the layer show what the viewport shows at the current frame.

    Call it after each change of the frame, because visibility can be animated. Everything is restored on exit.
    """
    before: dict[tuple[int, str], tuple[Any, object]] = {}

    def match() -> None:
        for setting in _settings(scene, layer):
            found = getattr(setting.owner, setting.name)
            if found != setting.value:
                before.setdefault((setting.owner.as_pointer(), setting.name), (setting.owner, found))
                setattr(setting.owner, setting.name, setting.value)

    with _muted_render_animation():
        try:
            yield match
        finally:
            for (_, name), (owner, value) in before.items():
                # An item that was deleted meanwhile has nothing to restore.
                with suppress(ReferenceError):
                    setattr(owner, name, value)


def differences(scene: Any, layer: Any, look: Look) -> list[str]:
    """Return a sentence for each difference between a movie of the layer and the largest 3D view."""
    view = viewport.largest_view(scene)
    space = None if view is None else view["area"].spaces.active
    plates = [] if look.needs_view else compare.cameras_with_plates(scene)
    by_look = [f"Not in the movie, background images of: {listed(plates)}."] if plates else []
    by_look += [] if space is None else _look_differences(scene, space, look)
    if bpy.app.background or space is None:
        by_look.append("No window shows the scene in a 3D view, so the movie does not have the look of one.")
    return [*(() if look.needs_view else _visibility_differences(scene, layer, look, space)), *by_look]


def _visibility_differences(scene: Any, layer: Any, look: Look, space: Any) -> list[str]:
    hidden, shown, others = [], [], []
    for setting in _settings(scene, layer) if look.visibility == "RENDER" else ():
        if getattr(setting.owner, setting.name) != setting.value:
            found = others if setting.name != "hide_render" else shown if setting.value else hidden
            found.append(setting.label)
    if space is not None:
        shown.extend(_hidden_in_view(space, layer, look))
    if look.needs_render:
        others.extend(_geometry_differences(layer))
    sentences = {
        "Hidden in the movie, visible in the viewport": hidden,
        "Visible in the movie, hidden in the viewport": shown,
        "Other render settings than in the viewport": others,
    }
    return [f"{text}: {listed(names)}." for text, names in sentences.items() if names]


def _hidden_in_view(space: Any, layer: Any, look: Look) -> Iterator[str]:
    """Yield the objects of the movie that only this 3D view hides, each with the reason."""
    visible = _visible_objects(layer)
    for item in layer.objects:
        is_in_movie = item.as_pointer() in visible and not (look.visibility == "RENDER" and item.hide_render)
        is_drawn = item.type in sources.VISIBLE_TYPES or item.instance_type == "COLLECTION"
        if not is_in_movie or not is_drawn:
            continue
        # Only the evaluated object knows the local views and collections that show it.
        evaluated = item if layer.depsgraph is None else item.evaluated_get(layer.depsgraph)
        if space.local_view is not None and not evaluated.local_view_get(space):
            yield f"{item.name_full} (local view)"
        elif (kind := evaluated.type) in sources.VISIBLE_TYPES and not getattr(
            space, f"show_object_viewport_{_FILTERS.get(kind, kind.lower())}", True
        ):
            yield f"{item.name_full} (object types)"
        elif space.use_local_collections and not evaluated.visible_in_viewport_get(space):
            yield f"{item.name_full} (local collections)"


def _geometry_differences(layer: Any) -> Iterator[str]:
    """Yield what no setting of a render can match: nodes that ask for the viewport, and a share of the particles."""
    visible = _visible_objects(layer)
    for item in (each for each in layer.objects if each.as_pointer() in visible):
        for modifier in item.modifiers:
            if modifier.type == "NODES" and _asks_for_viewport(modifier.node_group, set()):
                yield f"{modifier.name} of {item.name_full} (node Is Viewport)"
        for system in item.particle_systems:
            if system.settings.display_percentage != 100:
                yield f"{system.name} of {item.name_full} ({system.settings.display_percentage} % in the viewport)"


def _asks_for_viewport(group: Any, visited: set[int]) -> bool:
    if group is None or group.as_pointer() in visited:
        return False
    visited.add(group.as_pointer())
    return any(
        node.bl_idname == _IS_VIEWPORT_NODE or _asks_for_viewport(getattr(node, "node_tree", None), visited)
        for node in group.nodes
    )


def listed(names: Iterable[str]) -> str:
    """Return the distinct names with commas, and how many more there are than a sentence can hold."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _MAX_NAMES
    return ", ".join(distinct[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _settings(scene: Any, layer: Any) -> Iterator[_Setting]:
    visible, inside = _visible_objects(layer), {item.as_pointer() for item in layer.objects}
    for item in bpy.data.objects:
        # Objects of other scenes are drawn only as instances, whose visibility is their own.
        address = item.as_pointer()
        is_hidden = item.hide_viewport or (address in inside and address not in visible)
        yield _Setting(item.name_full, item, "hide_render", is_hidden)
        for modifier in item.modifiers:
            yield from _matched(f"{modifier.name} of {item.name_full}", modifier, _MODIFIER)
    for collection in bpy.data.collections:
        yield from _matched(collection.name_full, collection, _VISIBILITY)
    for data in (*bpy.data.curves, *bpy.data.metaballs):
        yield from _matched(data.name_full, data, _DATA)
    if scene.render.use_simplify:
        yield from _matched("Simplify", scene.render, _SIMPLIFY)


def _matched(label: str, owner: Any, names: dict[str, str]) -> Iterator[_Setting]:
    for render_name, viewport_name in names.items():
        if hasattr(owner, render_name) and hasattr(owner, viewport_name):
            value = getattr(owner, viewport_name)
            # The resolution of a render is 0 where it is that of the viewport.
            is_same = render_name.startswith("render_resolution_") and not getattr(owner, render_name)
            if not is_same:
                yield _Setting(label, owner, render_name, value)


def _visible_objects(layer: Any) -> set[int]:
    """Return the addresses of the layer's objects that neither an eye nor a collection hides."""
    found = set()
    for collection in _visible_collections(layer.layer_collection):
        found |= {item.as_pointer() for item in collection.collection.objects if not item.hide_get(view_layer=layer)}
    return found


def _visible_collections(parent: Any) -> Iterator[Any]:
    # Not ``is_visible``, which is false for all collections of a scene that was not shown when its file was opened.
    if parent.hide_viewport or parent.collection.hide_viewport:
        return
    if not parent.exclude:
        yield parent
    for child in parent.children:
        yield from _visible_collections(child)


def _look_differences(scene: Any, space: Any, look: Look) -> Iterator[str]:
    """Yield a sentence for each property with which the movie looks different than the 3D view ``space``."""
    shading = space.shading
    if not look.needs_view and shading.type != look.shading:
        movie, view = _SHADING_LABELS[look.shading], _SHADING_LABELS[shading.type]
        yield f"Shaded as {movie} in the movie, as {view} in the viewport."
    elif not look.needs_view:
        yield from _shading_differences(scene, shading, look)
    if space.overlay.show_overlays and not (look.overlays and look.needs_view):
        yield "Overlays are off in the movie, on in the viewport."
    yield from _colour_differences(scene, shading, look)
    is_transparent = shading.type in ("MATERIAL", "RENDERED") and scene.render.film_transparent
    if is_transparent != look.transparent:
        yield _sentence("Transparent background", look.transparent, is_transparent)


def _shading_differences(scene: Any, shading: Any, look: Look) -> Iterator[str]:
    own = scene.display.shading
    for prop in shading.bl_rna.properties:
        name, view = prop.identifier, getattr(shading, prop.identifier)
        if look.shading == "RENDERED":
            # An older Blender lacks some of them.
            movie = {**_RENDERED, **_RENDERED_OFF}.get(name, view)
        elif name in _NOT_SOLID:
            continue
        else:
            wanted = {**solid_shading(look), "background_type": "WORLD"}
            movie = wanted.get(name, getattr(own, name))
            needed, values = _NEEDS.get(name, ("", ()))
            if needed and not {wanted.get(needed, getattr(own, needed)), getattr(shading, needed)} <= set(values):
                continue
        if _plain(movie) != _plain(view):
            yield _sentence(prop.name, movie, view, prop)


def _colour_differences(scene: Any, shading: Any, look: Look) -> Iterator[str]:
    """Yield what the colour management shows differently; a solid view takes only some settings of the scene."""
    own, neutral = scene.view_settings, neutral_colours(scene, look)
    is_solid = shading.type in ("SOLID", "WIREFRAME")
    if look.needs_view and look.scene_colours:
        return
    for prop in own.bl_rna.properties:
        name = prop.identifier
        if name not in neutral:
            continue
        movie = getattr(own, name) if look.scene_colours else neutral[name]
        of_scene = not is_solid or name in ("exposure", "gamma")
        view = getattr(own, name) if of_scene else neutral_colours(scene, Look())[name]
        if _plain(movie) != _plain(view):
            yield _sentence(prop.name, movie, view, prop)


def _sentence(name: str, movie: object, view: object, prop: Any = None) -> str:
    return f"{name} is {_text(movie, prop)} in the movie, {_text(view, prop)} in the viewport."


def _text(value: object, prop: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        items = getattr(prop, "enum_items", {})
        return str(items[value].name if value in items else value)
    plain = _plain(value)
    return ", ".join(f"{part:g}" for part in plain) if isinstance(plain, tuple) else f"{plain:g}"


def _plain(value: Any) -> Any:
    """Return the value for a comparison; numbers of Blender have 32 bits."""
    if isinstance(value, float):
        return round(value, 4)
    return value if isinstance(value, str) or not hasattr(value, "__len__") else tuple(round(part, 4) for part in value)


@contextmanager
def _muted_render_animation() -> Iterator[None]:
    """Mute animation and drivers of the properties of a render, which would set them again at each frame."""
    muted = []
    for _, item in maintained.animated_ids():
        animation = item.animation_data
        curves = () if animation.action is None else blender_compat.animation_curves(animation.action)
        for curve in (*curves, *animation.drivers):
            if curve.data_path.rpartition(".")[2] in _RENDER_PROPERTIES and not curve.mute:
                curve.mute = True
                muted.append(curve)
    try:
        yield
    finally:
        for curve in muted:
            with suppress(ReferenceError):
                curve.mute = False


@contextmanager
def hidden_annotations(scene: Any) -> Iterator[None]:
    """Detach the scene's annotations, which a window draws over its frames even if overlays are off."""
    # Blender 5 has given the name to the data that 4.3 had split.
    name = "annotation" if hasattr(scene, "annotation") else "grease_pencil"
    annotations = getattr(scene, name)
    label = annotations and annotations.name
    if annotations is None:
        yield
        return
    setattr(scene, name, None)
    try:
        yield
    finally:
        # Looked up again: an undo makes new data-blocks.
        setattr(scene, name, getattr(bpy.data, "annotations", bpy.data.grease_pencils).get(label))
