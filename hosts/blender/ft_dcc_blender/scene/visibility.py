"""What a frame shows: the objects that the viewport shows, or those that renders show.

A window draws the viewport, and a headless Blender can only render. Here, a render gets the visibility of the viewport.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Callable, NamedTuple

import bpy

from . import blender_compat
from .look import Look
from .unkeyed_values import animated_ids
from .viewport import largest_space

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
# What a movie shows, and the part of the name of the filter that hides it in one 3D view.
_FILTERED_TYPES = {
    "MESH": "mesh",
    "CURVE": "curve",
    "SURFACE": "surf",
    "META": "meta",
    "FONT": "font",
    "CURVES": "curves",
    "POINTCLOUD": "pointcloud",
    "VOLUME": "volume",
    "GPENCIL": "grease_pencil",
    "GREASEPENCIL": "grease_pencil",
}
_SHADING_LABELS = {
    "WIREFRAME": "Wireframe",
    "SOLID": "Solid",
    "MATERIAL": "Material Preview",
    "RENDERED": "Rendered",
}
_IS_VIEWPORT_NODE = "GeometryNodeIsViewport"


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
    """Return a sentence for each kind of difference between a movie of the layer and the largest 3D view.

    A movie that this view draws does not differ.
    """
    if look.needs_view:
        return []
    found = _render_differences(scene, layer) if look.visibility == "RENDER" else _Differences([], [], [])
    space = largest_space(scene)
    if space is not None:
        found.shown.extend(_hidden_in_view(space, layer, look))
    if look.needs_render:
        found.others.extend(_geometry_differences(layer))
    sentences = [
        f"{text}: {listed(names)}."
        for text, names in (
            ("Hidden in the movie, visible in the viewport", found.hidden),
            ("Visible in the movie, hidden in the viewport", found.shown),
            ("Other render settings than in the viewport", found.others),
        )
        if names
    ]
    return sentences if space is None else [*sentences, *_shading_differences(space.shading, look)]


class _Differences(NamedTuple):
    """The labels of what the movie hides, what the viewport hides, and what looks different."""

    hidden: list[str]
    shown: list[str]
    others: list[str]


def _render_differences(scene: Any, layer: Any) -> _Differences:
    found = _Differences([], [], [])
    for setting in _settings(scene, layer):
        if getattr(setting.owner, setting.name) == setting.value:
            continue
        if setting.name != "hide_render":
            found.others.append(setting.label)
        elif setting.value:
            found.shown.append(setting.label)
        else:
            found.hidden.append(setting.label)
    return found


def _hidden_in_view(space: Any, layer: Any, look: Look) -> Iterator[str]:
    """Yield the objects of the movie that only this 3D view hides, each with the reason."""
    visible = _visible_objects(layer)
    for item in layer.objects:
        is_in_movie = item.as_pointer() in visible and not (look.visibility == "RENDER" and item.hide_render)
        is_drawn = item.type in _FILTERED_TYPES or item.instance_type == "COLLECTION"
        # Only the evaluated object knows the local views and collections that show it.
        evaluated = item if layer.depsgraph is None else item.evaluated_get(layer.depsgraph)
        if is_in_movie and is_drawn and (reason := _reason_to_hide(space, evaluated)):
            yield f"{item.name_full} ({reason})"


def _reason_to_hide(space: Any, evaluated: Any) -> str:
    if space.local_view is not None and not evaluated.local_view_get(space):
        return "local view"
    if not getattr(space, f"show_object_viewport_{_FILTERED_TYPES.get(evaluated.type)}", True):
        return "object types"
    if space.use_local_collections and not evaluated.visible_in_viewport_get(space):
        return "local collections"
    return ""


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


def _shading_differences(shading: Any, look: Look) -> Iterator[str]:
    """Yield how the shading of the 3D view differs; the light of a solid movie can be chosen for each publish."""
    if shading.type != look.shading:
        movie, view = _SHADING_LABELS[look.shading], _SHADING_LABELS[shading.type]
        yield f"Shaded as {movie} in the movie, as {view} in the viewport."
    elif look.shading == "SOLID":
        pairs = (
            ("light", shading.light, look.light),
            ("colour", shading.color_type, look.colours),
            ("X-ray", shading.show_xray, False),
        )
        names = [name for name, view, movie in pairs if view != movie]
        if names:
            yield f"Other shading than in the viewport: {listed(names)}."


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


@contextmanager
def _muted_render_animation() -> Iterator[None]:
    """Mute animation and drivers of the properties of a render, which would set them again at each frame."""
    muted = [curve for curve in _render_curves() if not curve.mute]
    with ExitStack() as stack:
        for curve in muted:
            stack.callback(_unmute, curve)
            curve.mute = True
        yield


def _unmute(curve: Any) -> None:
    with suppress(ReferenceError):
        curve.mute = False


def _render_curves() -> Iterable[Any]:
    for _, item in animated_ids():
        animation = item.animation_data
        curves = blender_compat.animation_curves(item) if animation.action is not None else ()
        for curve in (*curves, *animation.drivers):
            if curve.data_path.rpartition(".")[2] in _RENDER_PROPERTIES:
                yield curve


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
