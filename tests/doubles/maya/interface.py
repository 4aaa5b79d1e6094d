"""The user interface of the double: panels, views, menus, shelves, options, and their commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import attrs
from doubles.maya import contract
from doubles.maya.scene import Node

_VIEW = [line.split("\t") for line in Path(__file__).with_name("view.tsv").read_text(encoding="utf-8").splitlines()]
_TAKES = {name: flag.kinds for name, flag in contract.commands()["modelEditor"].items()}


def _default(name, text):
    """Return the default of a flag of a view, of the type that the command has for it."""
    reads = {"bool": lambda one: one == "1", "str": str, "int": int}
    parts = [reads.get(_TAKES[name][0], float)(each) for each in text.split(",")]
    return parts if len(_TAKES[name]) > 1 else parts[0]


# What a new view draws: flags of modelEditor, and what each is about.
VIEW = {name: _default(name, text) for name, text, _ in (line for line in _VIEW if len(line) == 3)}
VIEW_ABOUT = {line[0]: line[2] for line in _VIEW if len(line) == 3}
_VALUES = {
    "displayAppearance": {"wireframe", "points", "boundingBox", "smoothShaded", "flatShaded"},
    "displayLights": {"selected", "active", "all", "default", "none"},
    "rendererName": {"vp2Renderer"},
}
_LOADED_SHELF = re.compile(r'source "([^"]+)"; setParent "([^"]+)"; (\w+)\(\);')
_GLOBALS = {"$gMainWindow": "MayaWindow", "$gPlayBackSlider": "timeControl1", "$gShelfTopLevel": "ShelfLayout"}


@attrs.define(eq=False)
class Control:
    """A control of the interface: ``kind`` is window, layout, panel, menu, item, shelf or button."""

    name: str
    kind: str
    parent: str = ""
    values: dict[str, Any] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Interface:
    controls: dict[str, Control] = attrs.field(factory=dict)
    focus: str = ""
    # The view that plays: sequences on image planes advance in it only.
    active_view: str = ""
    options: dict[str, Any] = attrs.field(factory=dict)
    sound: str = ""
    shows_sound: bool = True
    is_playing: bool = False
    progress: dict[str, Any] | None = None
    messages: list[str] = attrs.field(factory=list)
    viewers: int = 0
    preferences: dict[str, Any] = attrs.field(
        factory=lambda: {"displayGradient": True, "materialLoadingMode": "deferred"}
    )
    # Colour management: whether it is on, and what a playblast applies.
    colour_management: dict[str, Any] = attrs.field(
        factory=lambda: {
            "cmEnabled": True,
            "viewTransformName": "ACES 1.0 SDR-video (sRGB)",
            "outputTransformEnabled": True,
            "outputUseViewTransform": True,
            "outputTransformName": "Raw",
        }
    )
    # Names of textures whose tiles a view draws.
    tile_previews: set[str] = attrs.field(factory=set)
    # The view that shows the time of the Camera Sequencer.
    sequence_panel: str = ""
    # The classification of the objects that each filter of a plug-in hides.
    plugin_filters: dict[str, str] = attrs.field(factory=dict)
    # The first selected frame of the time slider, and the one after the last.
    selected_range: tuple[float, float] | None = None
    run_time_commands: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    colours: dict[str, tuple[float, ...]] = attrs.field(factory=lambda: {"background": (0.63, 0.63, 0.63)})
    made: int = 0

    @classmethod
    def new(cls):
        interface = cls(focus="modelPanel4", active_view="modelPanel4", options={"inViewMessageEnable": 1})
        interface.add("MayaWindow", "window", visible=True, widthHeight=(1280, 720))
        interface.add("mainPane", "layout", "MayaWindow")
        for number in (1, 2, 3, 4):
            interface.add(f"modelPanel{number}", "panel", "mainPane", camera="persp")
        interface.add("outlinerPanel1", "outliner", "mainPane")
        interface.add("AttributeEditor", "workspace", "MayaWindow")
        interface.add("ShelfLayout", "layout", "MayaWindow")
        interface.add("Animation", "shelf", "ShelfLayout")
        interface.add("artistsButton", "button", "Animation", label="mine")
        interface.made = 4
        return interface

    def add(self, name, kind, parent="", **values):
        if name in self.controls:
            raise RuntimeError(f"Object's name '{name}' is not unique.")
        if parent and parent not in self.controls:
            raise RuntimeError(f"Object '{parent}' not found.")
        self.controls[name] = Control(name, kind, parent, values)
        return self.controls[name]

    def require(self, command, name, *kinds):
        found = self.controls.get(name)
        if found is None or found.kind not in kinds:
            raise RuntimeError(f"{command}: Object '{name}' not found.")
        return found

    def children(self, name):
        return [control.name for control in self.controls.values() if control.parent == name]

    def remove(self, name):
        for child in self.children(name):
            if self.controls[child].kind == "panel":
                # A panel outlives its window.
                self.controls[child].parent = ""
            else:
                self.remove(child)
        del self.controls[name]
        if self.focus == name:
            self.focus = "modelPanel1"
        if self.active_view == name:
            self.active_view = "modelPanel1"
        if self.sequence_panel == name:
            self.sequence_panel = ""

    def window_of(self, name):
        control = self.controls[name]
        while control.parent:
            control = self.controls[control.parent]
        return control

    def state(self):
        controls = sorted((c.name, c.kind, c.parent, _described(c)) for c in self.controls.values())
        return {
            "controls": controls,
            "focus": (self.focus, self.active_view),
            "options": dict(self.options),
            "sound": (self.sound, self.shows_sound, self.is_playing),
            "progress": self.progress and dict(self.progress),
            "viewers": self.viewers,
            "background": (dict(self.preferences), dict(self.colours)),
            "run-time commands": sorted(self.run_time_commands),
            "sequence time": self.sequence_panel,
        }


def _described(control):
    """Return the values of a control, without those of a view that are the same as before they were set."""
    values = dict(control.values)
    if control.kind == "panel":
        values["pluginObjects"] = {
            name: is_shown for name, is_shown in values.pop("pluginObjects", {}).items() if not is_shown
        }
        values = {name: value for name, value in values.items() if VIEW.get(name) != value}
    return sorted(map(str, values.items()))


def window(maya, call):
    if "exists" in call.flags:
        return call.first() in maya.interface.controls
    if call.mode == "edit":
        maya.interface.require(call.command, call.first(), "window").values.update(call.flags)
        return call.first()
    values = {"visible": True, "widthHeight": (400, 300), **call.flags}
    name = call.first()
    if name is None:
        maya.interface.made += 1
        name = f"window{maya.interface.made}"
    return maya.interface.add(name, "window", **values).name


def layout(maya, call):
    interface = maya.interface
    if call.mode == "query":
        control = interface.require(call.command, call.first(), "layout", "shelf")
        if "childArray" in call.flags:
            return interface.children(control.name) or None
        return next(iter(interface.children(control.name)))
    interface.made += 1
    kind = "shelf" if call.command == "shelfLayout" else "layout"
    return interface.add(call.first() or f"{call.command}{interface.made}", kind, call.flags["parent"]).name


def model_panel(maya, call):
    interface = maya.interface
    if "exists" in call.flags:
        found = interface.controls.get(call.first())
        return found is not None and found.kind == "panel"
    if call.mode == "query":
        panel = interface.require(call.command, call.first(), "panel")
        return f"{panel.name}Bar" if "barLayout" in call.flags else panel.values["camera"]
    interface.made += 1
    made = interface.add(f"modelPanel{interface.made}", "panel", call.flags["parent"], camera="persp")
    interface.add(f"{made.name}Bar", "bar", made.name, collapse=False)
    if maya.new_panels_take_focus:
        # Also from the artist's.
        interface.focus = interface.active_view = made.name
    return made.name


def model_editor(maya, call):
    view = maya.interface.require(call.command, call.first(), "panel")
    if "queryPluginObjects" in call.flags:
        return view.values.get("pluginObjects", {}).get(call.flags["queryPluginObjects"], True)
    if call.mode == "query":
        (name,) = call.flags
        return (
            maya.interface.active_view == view.name if name == "activeView" else view.values.get(name, VIEW.get(name))
        )
    if call.mode == "create":
        raise NotImplementedError("modelEditor without a panel")
    if call.flags.get("activeView"):
        if maya.refuses_active_view:
            raise RuntimeError("modelEditor: The view cannot be activated.")
        maya.interface.active_view = view.name
        return None
    if "pluginObjects" in call.flags:
        name, is_shown = call.flags["pluginObjects"]
        if name not in maya.interface.plugin_filters:
            raise RuntimeError(f"modelEditor: There is no plug-in display filter {name}.")
        view.values["pluginObjects"] = {**view.values.get("pluginObjects", {}), name: is_shown}
        return None
    if "camera" in call.flags:
        maya.scene.node(call.flags["camera"])
    for name, value in call.flags.items():
        if name in _VALUES and value not in _VALUES[name]:
            raise RuntimeError(f"modelEditor: Invalid value '{value}' for flag '{name}'.")
    view.values.update(call.flags)
    return None


def plugin_display_filter(maya, call):
    """Return the names of the filters, or the classification of one."""
    if call.mode != "query":
        raise NotImplementedError(f"pluginDisplayFilter({call.flags})")
    if call.flags.get("listFilters"):
        return list(maya.interface.plugin_filters)
    if list(call.flags) != ["classification"]:
        raise NotImplementedError(f"pluginDisplayFilter({call.flags})")
    return maya.interface.plugin_filters[call.first()]


def classification(maya, call):
    """Return whether the classification of a type is, or begins with, the given one."""
    if not call.flags["satisfies"]:
        raise RuntimeError("getClassification: the classification is empty.")
    own = maya.plugin_types.get(call.first(), ("", ""))[1]
    return f"{own}/".startswith(f"{call.flags['satisfies']}/")


def sequence_manager(maya, call):
    if call.mode == "query" and "writableSequencer" in call.flags:
        # It makes one.
        return maya.scene.add_sequencer().name
    if list(call.flags) != ["modelPanel"]:
        raise NotImplementedError(f"sequenceManager({call.flags})")
    if not any(node.kind == "sequencer" for node in maya.scene.nodes):
        maya.misuses.append("sequenceManager was called without a sequencer, where Maya may crash")
    if call.mode == "query":
        return maya.interface.sequence_panel or None
    maya.interface.sequence_panel = maya.interface.require(call.command, call.flags["modelPanel"], "panel").name
    return None


def isolate(maya, call):
    view = maya.interface.require(call.command, call.first(), "panel")
    name = f"{view.name}ViewSelectedSet"
    if "state" in call.flags:
        view.values["viewSelected"] = call.flags["state"]
    if call.flags.get("state") and not maya.scene.matching(name):
        maya.scene.nodes.append(Node(name, "objectSet"))
    if "addDagObject" in call.flags:
        maya.scene.node(call.flags["addDagObject"])
        view.values["isolated"] = (*view.values.get("isolated", ()), call.flags["addDagObject"])


def display_preference(maya, call):
    (name,) = call.flags
    if call.mode == "query":
        return maya.interface.preferences[name]
    maya.interface.preferences[name] = call.flags[name]
    return None


def display_colour(maya, call):
    name, *colour = call.arguments
    if name not in maya.interface.colours:
        raise RuntimeError(f"displayRGBColor: Unknown color name {name}.")
    if call.mode == "query":
        return list(maya.interface.colours[name])
    if len(colour) != 3:
        raise TypeError("displayRGBColor takes a name and three numbers")
    maya.interface.colours[name] = tuple(colour)
    return None


def frame_layout(maya, call):
    bar = maya.interface.require(call.command, call.first(), "bar")
    if call.mode != "edit":
        raise NotImplementedError("frameLayout is only edited here")
    bar.values.update(call.flags)
    return


def get_panel(maya, call):
    interface = maya.interface
    kinds = {"panel": "modelPanel", "outliner": "outlinerPanel"}
    if call.flags.get("withFocus"):
        return interface.focus
    if call.flags.get("visiblePanels"):
        return [control.name for control in interface.controls.values() if control.kind == "outliner"] + [
            f"modelPanel{number}" for number in (4,) if f"modelPanel{number}" in interface.controls
        ]
    if "typeOf" in call.flags:
        return kinds[interface.require(call.command, call.flags["typeOf"], *kinds).kind]
    wanted = [kind for kind, name in kinds.items() if name == call.flags.get("type", name)]
    return [control.name for control in interface.controls.values() if control.kind in wanted]


def set_focus(maya, call):
    panel = maya.interface.require(call.command, call.first(), "panel", "outliner")
    maya.interface.focus = panel.name
    if panel.kind == "panel" and maya.focus_activates:
        maya.interface.active_view = panel.name


def delete_interface(maya, call):
    for name in call.arguments:
        if name not in maya.interface.controls:
            raise RuntimeError(f"deleteUI: Object '{name}' not found.")
        maya.interface.remove(name)


def menu(maya, call):
    if "exists" in call.flags:
        return call.first() in maya.interface.controls
    if call.mode == "query":
        return maya.interface.children(maya.interface.require(call.command, call.first(), "menu").name)
    return maya.interface.add(call.first(), "menu", **call.flags).name


def menu_item(maya, call):
    if call.mode == "query":
        (name,) = call.flags
        return maya.interface.require(call.command, call.first(), "item").values[name]
    maya.interface.require(call.command, call.flags["parent"], "menu")
    maya.interface.made += 1
    values = {name: value for name, value in call.flags.items() if name != "parent"}
    return maya.interface.add(f"menuItem{maya.interface.made}", "item", call.flags["parent"], **values).name


def shelf_button(maya, call):
    if "exists" in call.flags:
        found = maya.interface.controls.get(call.first())
        return found is not None and found.kind == "button"
    if call.mode == "query":
        (name,) = call.flags
        return maya.interface.require(call.command, call.first(), "button").values.get(name, "")
    maya.interface.require(call.command, call.flags["parent"], "shelf")
    maya.interface.made += 1
    values = {name: value for name, value in call.flags.items() if name != "parent"}
    return maya.interface.add(f"shelfButton{maya.interface.made}", "button", call.flags["parent"], **values).name


def save_shelf(maya, call):
    """Write the buttons of a shelf to a procedure of MEL; whether their tags are among it is not documented."""
    shelf, name = call.arguments
    buttons = [maya.interface.controls[each] for each in maya.interface.children(shelf)]
    lines = "".join(f"    shelfButton -command {each.values.get('command')!r};\n" for each in buttons)
    Path(f"{name}.mel").write_text(f"global proc {Path(name).name} () {{\n{lines}}}\n", encoding="utf-8")


def option(maya, call):
    options, flags = maya.interface.options, call.flags
    if "exists" in flags:
        return flags["exists"] in options
    if "query" in flags:
        return options.get(flags["query"], 0)
    if "remove" in flags:
        options.pop(flags["remove"], None)
    for flag in ("intValue", "stringValue"):
        if flag in flags:
            name, value = flags[flag]
            options[name] = value
    return None


def progress(maya, call):
    interface = maya.interface
    if call.mode == "query":
        is_pressed = interface.progress and interface.progress.get("isInterruptable") and maya.is_escape_pressed
        return bool(is_pressed and call.flags["isCancelled"])
    if call.flags.get("endProgress"):
        interface.progress = None
        return None
    if call.mode == "create" and interface.progress is not None:
        return False
    if interface.progress is None or call.mode == "create":
        interface.progress = {}
    interface.progress.update(call.flags)
    return True


def play(maya, call):
    if call.mode == "query":
        return maya.interface.is_playing
    maya.interface.is_playing = call.flags["state"]
    return None


def time_control(maya, call):
    if call.first() != "timeControl1" or call.mode != "query":
        raise RuntimeError(f"timeControl: Object '{call.first()}' not found.")
    (name,) = call.flags
    if name == "rangeArray":
        # Without a selection, the current frame.
        return list(maya.interface.selected_range or (maya.scene.time, maya.scene.time + 1))
    return {
        "sound": maya.interface.sound,
        "displaySound": maya.interface.shows_sound,
        "rangeVisible": maya.interface.selected_range is not None,
    }[name]


def colour_management(maya, call):
    """Return one preference; those of a playblast need its name as ``outputTarget``."""
    flags = dict(call.flags)
    target = flags.pop("outputTarget", None)
    (name,) = flags
    if call.mode != "query" or (name.startswith("output") != (target == "playblast")):
        raise NotImplementedError(f"colorManagementPrefs({call.flags})")
    return maya.interface.colour_management[name]


def viewport_2(maya, call):
    if list(call.flags) != ["regenerateUVTilePreview"]:
        raise NotImplementedError(f"ogs({call.flags})")
    texture = maya.scene.node(call.flags["regenerateUVTilePreview"])
    if not texture.attributes["fileTextureName"]:
        raise RuntimeError("ogs: There are no tiles.")
    maya.interface.tile_previews.add(texture.name)


def run_time_command(maya, call):
    known = maya.interface.run_time_commands
    if "exists" in call.flags:
        return call.first() in known
    if call.mode == "edit" and call.flags.get("delete"):
        if not maya.deletes_default_commands and known[call.first()].get("default"):
            raise RuntimeError(f"runTimeCommand: {call.first()} is a default command.")
        del known[call.first()]
        return None
    if call.first() in known:
        raise RuntimeError(f"runTimeCommand: {call.first()} exists.")
    known[call.first()] = dict(call.flags)
    return call.first()


def show_message(maya, call):
    maya.interface.messages.append(str(call.first() or call.flags.get("message")))
    return maya.answer or call.flags.get("defaultButton", "")


def evaluate_mel(maya, script):
    """Return the value of a global MEL variable, or load a saved shelf; nothing else is modelled."""
    saved = _LOADED_SHELF.fullmatch(script)
    if saved is not None:
        path, shelf, procedure = saved.groups()
        text = Path(path).read_text(encoding="utf-8")
        if f"global proc {procedure} ()" not in text:
            raise RuntimeError(f"Cannot find procedure {procedure!r}.")
        for command in re.findall(r"shelfButton -command (.+);", text):
            maya.interface.made += 1
            values = {"command": ast.literal_eval(command)}
            maya.interface.add(f"shelfButton{maya.interface.made}", "button", shelf, **values)
        return ""
    name = script.rpartition("=")[2].strip().rstrip(";")
    if name not in _GLOBALS:
        raise RuntimeError(f"Cannot find procedure or variable {name!r}.")
    return _GLOBALS[name]


def refresh(maya, call):
    """Draw the views; write the image of the active one to a file if there is a name for it."""
    if "filename" in call.flags:
        if call.flags.get("fileExtension") != "png" or not call.flags.get("currentView"):
            raise NotImplementedError(f"refresh({call.flags})")
        Path(call.flags["filename"]).write_bytes(maya.image_of_view())


COMMANDS = {
    "confirmDialog": show_message,
    "deleteUI": delete_interface,
    "displayPref": display_preference,
    "displayRGBColor": display_colour,
    "frameLayout": frame_layout,
    "getClassification": classification,
    "getPanel": get_panel,
    "isolateSelect": isolate,
    "menu": menu,
    "menuItem": menu_item,
    "modelEditor": model_editor,
    "modelPanel": model_panel,
    "optionVar": option,
    "paneLayout": layout,
    "play": play,
    "progressWindow": progress,
    "colorManagementPrefs": colour_management,
    "ogs": viewport_2,
    "pluginDisplayFilter": plugin_display_filter,
    "sequenceManager": sequence_manager,
    "runTimeCommand": run_time_command,
    "refresh": refresh,
    "saveShelf": save_shelf,
    "setFocus": set_focus,
    "shelfButton": shelf_button,
    "shelfLayout": layout,
    "tabLayout": layout,
    "timeControl": time_control,
    "warning": show_message,
    "window": window,
}
