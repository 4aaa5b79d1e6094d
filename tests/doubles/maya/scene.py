"""The scene of the double: nodes, attributes, time, the file, and the commands that work on them."""

from __future__ import annotations

import copy
import itertools
import re
import uuid
from pathlib import Path
from typing import Any

import attrs

# The attributes of a new camera, with Maya's defaults.
CAMERA = {
    "renderable": False,
    **dict.fromkeys(("displayResolution", "displayFilmGate", "displayGateMask", "displayFieldChart"), False),
    **dict.fromkeys(("displaySafeAction", "displaySafeTitle", "displayFilmPivot", "displayFilmOrigin"), False),
    "overscan": 1.0,
    "focalLength": 35.0,
    "horizontalFilmAperture": 1.417,
    "verticalFilmAperture": 0.945,
    **dict.fromkeys(("horizontalFilmOffset", "verticalFilmOffset", "filmFitOffset"), 0.0),
    **dict.fromkeys(("filmTranslateH", "filmTranslateV", "filmRollValue"), 0.0),
    **dict.fromkeys(("lensSqueezeRatio", "cameraScale", "preScale", "postScale"), 1.0),
    "filmFit": 0,
    "nearClipPlane": 0.1,
    "orthographic": False,
    "orthographicWidth": 10.0,
}
MOVES = {"translateX": 0.0, "translateY": 0.0, "translateZ": 0.0}
IDENTITY = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
_DISPLAY = {
    "visibility": True,
    "overrideEnabled": False,
    "overrideDisplayType": 0,
    "overrideRGBColors": False,
    "overrideColorRGB": (0.0, 0.0, 0.0),
    "overrideColorA": 1.0,
    "hiddenInOutliner": False,
}
IMAGE_PLANE = {
    "imageName": "",
    "displayMode": 3,
    "fit": 1,
    "sizeX": 0.0,
    "sizeY": 0.0,
    "depth": 100.0,
    "alphaGain": 1.0,
    "frameOffset": 0,
    "frameExtension": 1.0,
    "useFrameExtension": False,
    "displayOnlyIfCurrent": False,
}
# The nodes that createNode makes here, and the shapes that only the API makes.
CREATED = {
    "transform": {**MOVES, **_DISPLAY, "translate": (0.0, 0.0, 0.0)},
    "annotationShape": {**_DISPLAY, "text": "", "displayArrow": True},
    "nurbsCurve": {**_DISPLAY, "lineWidth": -1.0, "points": ()},
    "imagePlane": {**_DISPLAY, **IMAGE_PLANE},
}
_SHAPES = {"camera", "mesh", "locator", "nurbsCurve", "annotationShape", "imagePlane"}
SHOT = {"shotName": "", "currentCamera": "", "startTime": 1.0, "endTime": 1.0, "mute": False}
TEXTURE = {"fileTextureName": "", "uvTilingMode": 0}
SOUND = {"filename": "", "offset": 0.0, "sourceStart": 0.0, "sourceEnd": 0.0, "mute": False}
DEFAULTS = {
    "defaultResolution": {"width": 64, "height": 36, "deviceAspectRatio": 64 / 36, "pixelAspect": 1.0},
    "defaultRenderGlobals": {"imageFormat": 8},
    "hardwareRenderingGlobals": {
        "multiSampleEnable": False,
        "multiSampleCount": 8,
        "lineAAEnable": False,
        "ssaoEnable": True,
    },
}
# The other names of ``currentUnit``, as documented.
_UNITS = {
    *("sec", "min", "hour", "millisec", "23.976fps", "29.97fps", "29.97df", "47.952fps", "59.94fps", "44100fps"),
    *(f"{number}fps" for number in (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 40, 75, 80, 90, 100, 120, 125, 150, 200)),
    *(f"{number}fps" for number in (240, 250, 300, 375, 400, 500, 600, 750, 1200, 1500, 2000, 3000, 6000, 48000)),
}
_FPS = {"game": 15, "film": 24, "pal": 25, "ntsc": 30, "show": 48, "palf": 50, "ntscf": 60}


@attrs.define(eq=False)
class Node:
    name: str
    kind: str
    parent: Node | None = None
    attributes: dict[str, Any] = attrs.field(factory=dict)
    is_startup: bool = False
    is_referenced: bool = False
    is_reference_locked: bool = False
    locked: set[str] = attrs.field(factory=set)
    driven: set[str] = attrs.field(factory=set)
    # The values of animation curves: a change of time discards others, which were not keyed.
    curves: dict[str, Any] = attrs.field(factory=dict)
    # Keys by attribute: the value from each time on.
    keys: dict[str, dict[float, Any]] = attrs.field(factory=dict)
    uuid: str = attrs.field(factory=lambda: str(uuid.uuid4()).upper())

    @property
    def path(self):
        if self.kind in ("transform", "camera", "mesh", "nurbsCurve", "annotationShape", "imagePlane"):
            return f"{self.parent.path if self.parent else ''}|{self.name}"
        return self.name

    def value_at(self, name, time):
        keys = self.keys.get(name)
        if not keys:
            return self.attributes[name]
        return keys[max((key for key in keys if key <= time), default=min(keys))]


@attrs.define(eq=False)
class Reference:
    node: str
    path: str
    is_loaded: bool = True
    is_nested: bool = False


@attrs.define(eq=False)
class Scene:
    nodes: list[Node] = attrs.field(factory=list)
    time: float = 1.0
    unit: str = "film"
    # The current namespace with its colon, "" for the root.
    namespace: str = ""
    options: dict[str, float] = attrs.field(factory=dict)
    keys: list[float] = attrs.field(factory=list)
    selection: list[str] = attrs.field(factory=list)
    file_info: dict[str, str] = attrs.field(factory=dict)
    path: str = ""
    is_modified: bool = False
    references: list[Reference] = attrs.field(factory=list)
    unknown_plugins: list[str] = attrs.field(factory=list)
    # Edits of references: the value in the file by the attribute that an edit sets.
    edits: dict[str, Any] = attrs.field(factory=dict)
    # Attributes that an edit in the file of a nested reference sets.
    inner_edits: set[str] = attrs.field(factory=set)

    @classmethod
    def new(cls):
        scene = cls(options={"animationStartTime": 1, "animationEndTime": 200, "minTime": 1, "maxTime": 120})
        for name in ("persp", "top", "front", "side"):
            shape = scene.add_camera(name)
            shape.is_startup, shape.attributes["renderable"] = True, name == "persp"
        for name, values in DEFAULTS.items():
            scene.nodes.append(Node(name, name, attributes=dict(values)))
        return scene

    def add_camera(self, name, parent=None, **attributes):
        transform = Node(name, "transform", parent, {**MOVES, "worldMatrix[0]": list(IDENTITY)})
        shape = Node(f"{name}Shape", "camera", transform, {**CAMERA, **attributes})
        self.nodes += [transform, shape]
        return shape

    def set_time(self, time):
        """Set the time and evaluate the scene, as Maya does also when it is that time already."""
        self.time = time
        for node in self.nodes:
            node.attributes.update(node.curves)
            node.attributes.update({name: node.value_at(name, time) for name in node.keys})

    def add_child(self, kind, name, parent):
        taken = {node.name for node in self.nodes if node.parent is parent}
        names = itertools.chain([name], (f"{name}{number}" for number in itertools.count(1)))
        free = next(each for each in names if each not in taken)
        self.nodes.append(Node(free, kind, parent, dict(CREATED[kind])))
        return self.nodes[-1]

    def add_sound(self, name, **attributes):
        self.nodes.append(Node(name, "audio", attributes={**SOUND, **attributes}))
        return self.nodes[-1]

    def add_shot(self, name, **attributes):
        self.nodes.append(Node(name, "shot", attributes={**SHOT, **attributes}))
        return self.nodes[-1]

    def add_sequencer(self):
        self.nodes.append(Node("sequencer1", "sequencer"))
        return self.nodes[-1]

    def add_texture(self, name, **attributes):
        self.nodes.append(Node(name, "file", attributes={**TEXTURE, **attributes}))
        return self.nodes[-1]

    def matching(self, name):
        return [n for n in self.nodes if name in (n.uuid, n.path, n.name) or n.path.endswith(f"|{name}")]

    def node(self, name):
        found = self.matching(name)
        if len(found) != 1:
            raise ValueError(f"{'More than one' if found else 'No'} object matches name: {name}")
        return found[0]

    def shortest(self, node):
        parts = node.path.split("|")
        names = ["|".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        return next(name for name in names if len(self.matching(name)) == 1)

    def plug(self, text):
        name, _, attribute = text.partition(".")
        node = self.node(name)
        if attribute not in node.attributes:
            raise ValueError(f"No object matches name: {text}")
        return node, attribute

    def state(self):
        return {
            "nodes": sorted((n.path, n.kind, sorted(n.attributes.items()), sorted(n.locked)) for n in self.nodes),
            "time": self.time,
            "unit": self.unit,
            "options": dict(self.options),
            "keys": list(self.keys),
            "selection": list(self.selection),
            "file": (self.path, self.is_modified, dict(self.file_info)),
            "edits": sorted(self.edits),
        }


def fps_of(unit):
    if unit in _FPS:
        return _FPS[unit]
    number = re.fullmatch(r"([\d.]+)(fps|df)", unit)
    if number is None or unit not in _UNITS:
        raise RuntimeError(f"currentUnit: Invalid time unit '{unit}'")
    return float(number[1])


def list_nodes(maya, call):
    scene, flags = maya.scene, call.flags
    found = scene.nodes if not call.arguments else [n for name in call.arguments for n in scene.matching(name)]
    if "references" in flags:
        # Maya has a node of this type without a file.
        return ["sharedReferenceNode"] + [reference.node for reference in scene.references]
    if "selection" in flags:
        return [scene.node(name).path if flags.get("long") else name for name in scene.selection]
    if "type" in flags:
        bases = {kind: base for kind, (base, _) in maya.plugin_types.items()}
        found = [node for node in found if flags["type"] in (node.kind, bases.get(node.kind))]
    if flags.get("shapes"):
        found = [node for node in found if node.kind in _SHAPES or node.kind in maya.plugin_types]
    if flags.get("uuid"):
        return [node.uuid for node in found]
    names = [node.path if flags.get("long") else scene.shortest(node) for node in found]
    if flags.get("showType"):
        return [text for name, node in zip(names, found) for text in (name, node.kind)]
    return names


def list_relatives(maya, call):
    scene, flags, node = maya.scene, call.flags, maya.scene.node(call.first())
    if flags.get("parent"):
        found = [node.parent] if node.parent else []
    else:
        found = [n for n in scene.nodes if n.parent is node and n.kind in (flags.get("type", n.kind),)]
        if flags.get("shapes"):
            found = [each for each in found if each.kind != "transform"]
        if flags.get("allDescendents"):
            found = [each for each in scene.nodes if each.path.startswith(f"{node.path}|")]
    names = [node.path if flags.get("fullPath") else scene.shortest(node) for node in found]
    if not flags.get("path") and not flags.get("fullPath"):
        names = [node.name for node in found]
    return names or None


def get_attribute(maya, call):
    node, name = maya.scene.plug(call.first())
    if call.flags.get("lock"):
        return name in node.locked
    if call.flags.get("settable"):
        return name not in node.locked and name not in node.driven
    if "time" in call.flags:
        return node.value_at(name, float(call.flags["time"]))
    return node.attributes[name]


def set_attribute(maya, call):
    plug, *values = call.arguments
    node, name = maya.scene.plug(plug)
    if node.is_reference_locked and (values or "lock" in call.flags):
        raise RuntimeError(f"setAttr: The attribute '{plug}' is from a locked reference and cannot be changed.")
    if node.is_referenced:
        maya.scene.edits.setdefault(f"{node.path}.{name}", (node.attributes[name], name in node.locked))
    if "lock" in call.flags:
        (node.locked.add if call.flags["lock"] else node.locked.discard)(name)
    if not values:
        return
    if name in node.locked or name in node.driven:
        raise RuntimeError(f"setAttr: The attribute '{plug}' is locked or connected and cannot be modified.")
    before = node.attributes[name]
    if isinstance(before, str) != isinstance(values[0], str) or len(values) != _part_count(before):
        raise RuntimeError(f"setAttr: Error reading data element number 1: {values[0]}")
    if isinstance(before, str) and call.flags.get("type") != "string":
        raise RuntimeError(f"setAttr: '{plug}' needs the type string")
    node.attributes[name] = type(before)(values if isinstance(before, tuple) else values[0])
    if (node.kind, name) == ("imagePlane", "useFrameExtension") and maya.image_planes_follow_time:
        _drive_by_time(maya, node, "frameExtension")
    maya.record_change(call.command)


def _drive_by_time(maya, node, name):
    """Connect the time with an attribute; Maya puts a conversion between them."""
    if name in node.driven:
        raise RuntimeError(f"connectAttr: {node.name}.{name} is already controlled by another connection.")
    node.driven.add(name)
    values = {"driven": node.path, "attribute": name}
    count = sum(each.kind == "timeToUnitConversion" for each in maya.scene.nodes)
    maya.scene.nodes.append(Node(f"timeToUnitConversion{count + 1}", "timeToUnitConversion", attributes=values))


def connect_attributes(maya, call):
    source, target = call.arguments
    if source != "time1.outTime":
        raise NotImplementedError(f"connectAttr({source})")
    _drive_by_time(maya, *maya.scene.plug(target))
    maya.record_change(call.command)


def make_image_plane(maya, call):
    """Make a plane below the shape of the camera, and select it, whatever the caller wants."""
    camera, path = maya.scene.node(call.flags["camera"]), Path(call.flags["fileName"])
    if camera.is_reference_locked or (camera.parent is not None and camera.parent.is_reference_locked):
        raise RuntimeError(f"imagePlane: {call.flags['camera']} is locked.")
    if not path.is_file():
        raise RuntimeError(f"imagePlane: {path} does not exist.")
    # Maya adds a number to the name.
    transform = maya.scene.add_child("transform", f"{call.flags.get('name', 'imagePlane')}1", camera)
    shape = maya.scene.add_child("imagePlane", f"{transform.name}Shape", transform)
    shape.attributes["imageName"] = str(path)
    shape.attributes["displayOnlyIfCurrent"] = not call.flags.get("showInAllViews", True)
    maya.scene.selection = [maya.scene.shortest(transform)]
    maya.record_change(call.command)
    return [maya.scene.shortest(transform), maya.scene.shortest(shape)]


def _part_count(value):
    return len(value) if isinstance(value, tuple) else 1


def current_time(maya, call):
    if call.mode == "query":
        return maya.scene.time
    if call.flags.get("update", True):
        maya.scene.set_time(float(call.first()))
    maya.scene.time = float(call.first())
    maya.record_step(call.command)
    maya.send("timeChanged")
    if maya.interface.sequence_panel:
        # The sequencer changes the camera of its view, and makes it the active one.
        maya.interface.focus = maya.interface.active_view = maya.interface.sequence_panel
    return maya.scene.time


def current_unit(maya, call):
    scene = maya.scene
    if call.mode == "query":
        return scene.unit
    share = fps_of(call.flags["time"]) / fps_of(scene.unit)
    scene.unit = call.flags["time"]
    scene.options = {name: value * share for name, value in scene.options.items()}
    if call.flags.get("updateAnimation", True):
        scene.keys = [key * share for key in scene.keys]
    maya.record_change(call.command)
    return scene.unit


def playback_options(maya, call):
    options = maya.scene.options
    if call.mode == "query":
        (name,) = call.flags
        return float(options[name])
    options.update(call.flags)
    maya.record_change(call.command)
    return None


def file_command(maya, call):
    scene, flags = maya.scene, call.flags
    if call.mode == "query":
        if "reference" in flags:
            return [reference.path for reference in scene.references if not reference.is_nested]
        return {"sceneName": scene.path, "modified": scene.is_modified}[next(iter(flags))]
    if "modified" in flags:
        scene.is_modified = bool(flags["modified"])
    elif flags.get("rename") or isinstance(call.flags.get("rename"), str):
        scene.path = flags["rename"]
    elif flags.get("save"):
        maya.send("before save")
        name = _save(scene)
        maya.files[name] = copy.deepcopy(scene)
        maya.send("after save")
        return name
    elif flags.get("open"):
        if scene.is_modified and not flags.get("force"):
            raise RuntimeError("Unsaved changes.")
        _open(maya, str(call.first()), runs_scripts=flags.get("executeScriptNodes", True))
    elif flags.get("exportSelected"):
        maya.send("before export")
        tops = [scene.node(name).path for name in scene.selection]
        copied = copy.deepcopy(scene)
        copied.nodes = [node for node in copied.nodes if node.path.startswith(tuple(tops))]
        maya.files[str(call.first())] = copied
        maya.send("after export")
    elif flags.get("newFile"):
        if scene.is_modified and not flags.get("force"):
            raise RuntimeError("Unsaved changes.")
        maya.open(Scene.new())
    elif flags.get("reference"):
        _add_reference(maya, str(call.first()), flags["namespace"])
    elif "loadReference" in flags:
        return _load_reference(scene, flags["loadReference"])
    else:
        raise NotImplementedError(f"file({flags})")
    return None


def _open(maya, name, *, runs_scripts):
    """Open a scene that was saved here; another file is an error, after which a part of it is a new, changed scene."""
    if name not in maya.files:
        maya.open(Scene.new())
        maya.scene.is_modified = True
        raise RuntimeError(f"Error reading file: {name}")
    maya.open(copy.deepcopy(maya.files[name]))
    maya.scene.path = name
    for reference in maya.scene.references:
        reference.is_loaded = Path(reference.path.partition("{")[0]).is_file()
    maya.scene.is_modified |= maya.changes_on_open
    for node in [each for each in maya.scene.nodes if each.kind == "script"]:
        if runs_scripts and node.attributes["scriptType"] in (1, 2, 6):
            maya.scripts_run.append(node.name)
        elif node.attributes["scriptType"] == 6:
            maya.scene.options.update(Scene.new().options)
    if maya.opens_with_errors:
        raise RuntimeError('Cannot find procedure "studioTool".')


def _add_reference(maya, name, namespace):
    """Add a reference to a scene that was saved here, and those in it."""
    if name not in maya.files:
        raise RuntimeError(f"File not found: {name}")
    inner = [attrs.evolve(ref, node=f"{namespace}:{ref.node}", is_nested=True) for ref in maya.files[name].references]
    maya.scene.references += [Reference(f"{namespace}RN", name), *inner]
    nodes = copy.deepcopy(maya.files[name].nodes)
    own = [node for node in nodes if node.kind in ("camera", "mesh") and not node.is_startup]
    for node in [*own, *(node.parent for node in own if node.parent is not None)]:
        node.name, node.is_referenced, node.uuid = f"{namespace}:{node.name}", True, str(uuid.uuid4()).upper()
        maya.scene.nodes.append(node)
    maya.record_change("file")


def _save(scene):
    if not scene.path:
        raise RuntimeError("A scene must be named before it can be saved.")
    try:
        Path(scene.path).write_text("//Maya ASCII scene\n", encoding="utf-8")
    except OSError as error:
        raise RuntimeError(f"Could not save file {scene.path}.\n") from error
    scene.is_modified = False
    return scene.path


def _load_reference(scene, node):
    reference = next(each for each in scene.references if each.node == node)
    # The second reference to a file is numbered: "rig.ma{1}".
    if not Path(reference.path.partition("{")[0]).is_file():
        raise RuntimeError(f"Could not open file {reference.path}.\n")
    reference.is_loaded = True
    scene.is_modified = True
    return reference.path


# The reference node of the open scene, on which its edits are stored.
TOP_REFERENCE = "shotRN"
# Source: Maya's command reference, referenceQuery, flag editCommand.
_EDIT_COMMANDS = {"addAttr", "connectAttr", "deleteAttr", "disconnectAttr", "parent", "setAttr", "lock", "unlock"}


def _edit_command(call):
    """Return the kind of edits that a call is about; the double has those of setAttr only."""
    command = str(call.flags.get("editCommand", "setAttr"))
    if command not in _EDIT_COMMANDS:
        raise RuntimeError(f"Invalid edit command: {command}.")
    return command


def reference_query(maya, call):
    if "isNodeReferenced" in call.flags:
        return maya.scene.node(call.first()).is_referenced
    if "editStrings" in call.flags:
        if _edit_command(call) != "setAttr":
            return []
        prefix = f"{maya.scene.node(call.first()).path}."
        # Without the name of a reference node, those of all files in a chain of references.
        inner = () if call.flags.get("onReferenceNode") else maya.scene.inner_edits
        return [f'setAttr "{plug}" 1' for plug in (*maya.scene.edits, *inner) if plug.startswith(prefix)]
    if "topReference" in call.flags:
        if not maya.scene.node(call.first()).is_referenced:
            raise RuntimeError(f"{call.first()!r} is not from a referenced file.")
        return TOP_REFERENCE
    found = [r for r in maya.scene.references if call.first() in (r.path, r.node)]
    if not found:
        raise RuntimeError(f"referenceQuery: No reference file {call.first()}.")
    (flag,) = (name for name in call.flags if name not in ("withoutCopyNumber",))
    return {"isLoaded": found[0].is_loaded, "referenceNode": found[0].node, "filename": found[0].path}[flag]


def edit_reference(maya, call):
    """Remove the edits of an attribute, which then has the value of the file."""
    if not (call.flags.get("removeEdits") and call.flags.get("successfulEdits")):
        raise NotImplementedError(f"referenceEdit({call.flags})")
    if call.flags.get("onReferenceNode") not in (None, TOP_REFERENCE, [TOP_REFERENCE]):
        raise RuntimeError(f"referenceEdit: {call.flags['onReferenceNode']} is no reference node of the scene.")
    node, name = maya.scene.plug(call.first())
    if _edit_command(call) == "setAttr" and maya.removes_applied_edits and f"{node.path}.{name}" in maya.scene.edits:
        node.attributes[name], is_locked = maya.scene.edits.pop(f"{node.path}.{name}")
        (node.locked.add if is_locked else node.locked.discard)(name)


def unknown_plugin(maya, call):
    if call.mode == "query":
        return list(maya.scene.unknown_plugins) or None
    if not call.flags.get("remove") or call.first() not in maya.scene.unknown_plugins:
        raise RuntimeError(f"unknownPlugin: {call.first()} is not an unknown plug-in.")
    maya.scene.unknown_plugins.remove(call.first())
    maya.record_change(call.command)
    return None


def run_script_node(maya, call):
    if list(call.flags) != ["executeBefore"]:
        raise NotImplementedError(f"scriptNode({call.flags})")
    maya.scripts_run.append(maya.scene.node(call.first()).name)


def file_info(maya, call):
    if call.mode == "query":
        value = maya.scene.file_info.get(call.first())
        return [] if value is None else [value]
    key, value = call.arguments
    maya.scene.file_info[key] = str(value)
    return None


def object_exists(maya, call):
    name, _, attribute = call.first().partition(".")
    return any(not attribute or attribute in node.attributes for node in maya.scene.matching(name))


def delete(maya, call):
    # Without a name, Maya deletes the selection.
    for name in call.arguments or maya.scene.selection:
        node = maya.scene.node(name)
        gone = [n for n in maya.scene.nodes if n is node or n.path.startswith(f"{node.path}|")]
        maya.scene.nodes = [n for n in maya.scene.nodes if n not in gone]
    maya.record_change(call.command)


def make_camera(maya, call):
    if call.mode == "query":
        node = maya.scene.node(call.first())
        if node.kind != "camera" or list(call.flags) != ["startupCamera"]:
            raise NotImplementedError(f"camera({call.arguments}, {call.flags})")
        return node.is_startup
    count = sum(node.kind == "camera" for node in maya.scene.nodes) - 3
    shape = maya.scene.add_camera(call.flags.get("name", f"camera{count}"))
    maya.record_change(call.command)
    return [maya.scene.shortest(shape.parent), maya.scene.shortest(shape)] if shape.parent else []


def poly_cube(maya, call):
    name = call.flags.get("name", "pCube1")
    transform = Node(name, "transform", attributes={**MOVES, "visibility": True})
    maya.scene.nodes += [transform, Node(f"{name}Shape", "mesh", transform)]
    maya.record_change(call.command)
    return [name, "polyCube1"]


def query_shot(maya, call):
    node = maya.scene.node(call.first())
    if node.kind != "shot" or call.mode != "query":
        raise RuntimeError(f"shot: {call.first()} is not a shot.")
    (name,) = call.flags
    return node.attributes[name]


def set_keyframe(maya, call):
    node, name = maya.scene.plug(f"{call.first()}.{call.flags['attribute']}")
    if node.is_reference_locked or name in node.locked:
        raise RuntimeError(f"setKeyframe: {call.first()} is locked.")
    if name not in node.keys:
        maya.scene.nodes.append(Node(f"{node.name}_{name}", "animCurve", attributes={"driven": node.path}))
    node.keys.setdefault(name, {})[float(call.flags["time"])] = call.flags["value"]
    # Between two keys only this kind of tangent holds a value.
    if call.flags.get("outTangentType") != "step" and isinstance(node.attributes[name], bool):
        maya.misuses.append(f"setKeyframe of {call.first()}.{name} needs the tangent step")
    node.attributes[name] = node.value_at(name, maya.scene.time)
    maya.record_change(call.command)
    return 1


def create_node(maya, call):
    if call.first() == "file":
        node = maya.scene.add_texture(call.flags["name"])
        maya.record_change(call.command)
        return node.name
    kind, parent = call.first(), maya.scene.node(call.flags["parent"])
    if parent.is_reference_locked:
        raise RuntimeError(f"createNode: {call.flags['parent']} is locked.")
    if not call.flags.get("skipSelect"):
        maya.scene.selection = []
    name = str(call.flags.get("name", f"{kind}1"))
    # A name that begins with a colon is in the root namespace, others are in the current one.
    name = name[1:] if name.startswith(":") else f"{maya.scene.namespace}{name}"
    node = maya.scene.add_child(kind, name, parent)
    maya.record_change(call.command)
    return maya.scene.shortest(node)


def list_connections(maya, call):
    """Return what drives the nodes or the plug; only the sources are asked for here.

    An image plane is connected with its camera, and drives nothing.
    """
    if not (call.flags.get("source") is True and call.flags.get("destination") is False):
        raise NotImplementedError(f"listConnections({call.flags})")
    names = call.first() if isinstance(call.first(), list) else [call.first()]
    plugs = [str(name).partition(".") for name in names]
    wanted = {(maya.scene.node(name).path, attribute) for name, _, attribute in plugs}
    drivers = [node for node in maya.scene.nodes if "driven" in node.attributes]
    found = [
        node
        for node in drivers
        if {(node.attributes["driven"], attribute) for attribute in ("", node.attributes.get("attribute"))} & wanted
    ]
    cameras = {path for path, _ in wanted}
    planes = [node for node in maya.scene.nodes if node.kind == "imagePlane" and node.parent is not None]
    found += [node for node in planes if node.parent.parent is not None and node.parent.parent.path in cameras]
    if "type" in call.flags:
        found = [node for node in found if node.kind == call.flags["type"]]
    return [maya.scene.shortest(node) for node in found] or None


def select(maya, call):
    if call.flags.get("clear"):
        maya.scene.selection = []
    names = [maya.scene.shortest(maya.scene.node(name)) for name in call.arguments]
    if names:
        maya.scene.selection = [*(maya.scene.selection if call.flags.get("add") else []), *names]
    maya.record_step(call.command)
    maya.send("SelectionChanged")


COMMANDS = {
    "camera": make_camera,
    "connectAttr": connect_attributes,
    "createNode": create_node,
    "currentTime": current_time,
    "currentUnit": current_unit,
    "delete": delete,
    "file": file_command,
    "fileInfo": file_info,
    "getAttr": get_attribute,
    "imagePlane": make_image_plane,
    "listConnections": list_connections,
    "listRelatives": list_relatives,
    "ls": list_nodes,
    "nodeType": lambda maya, call: maya.scene.node(call.first()).kind,
    "objExists": object_exists,
    "playbackOptions": playback_options,
    "polyCube": poly_cube,
    "referenceEdit": edit_reference,
    "referenceQuery": reference_query,
    "scriptNode": run_script_node,
    "select": select,
    "setAttr": set_attribute,
    "setKeyframe": set_keyframe,
    "shot": query_shot,
    "unknownPlugin": unknown_plugin,
}
