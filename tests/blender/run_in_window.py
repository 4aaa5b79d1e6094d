"""Runs inside a Blender with a window: ``blender -P run_in_window.py``. It publishes and cancels as an artist does.

The environment names the server (FTRACK_*), FT_DCC_TEST_OUTPUT, the folder for the results (JSON) and screenshots,
FT_DCC_MODULE, the name of the add-on's module in this Blender, and FT_DCC_TESTS, the folder of the tests.
FT_DCC_TEST_STEPS is "artist", "protection", "round", "both ways" or "screenshot". FT_DCC_TEST_TASK is the path of a
task, by default the first one.
"""

import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
import uuid
from contextlib import nullcontext
from pathlib import Path

import bpy

MODULE = os.environ["FT_DCC_MODULE"]
sys.path.append(os.environ["FT_DCC_TESTS"])
NAMES = ("demo_scene", "scene.sources", "host", "ui.review_panels", "scene.feedback")
demo_scene, sources, host, review_panels, scene_feedback = (
    importlib.import_module(f"{MODULE}.{name}") for name in NAMES
)
CONTROLLER = importlib.import_module(f"{MODULE}.ui.controller").CONTROLLER
is_scene_captured = importlib.import_module("ft_dcc.host_support.main_thread").is_scene_captured

OUTPUT = Path(os.environ["FT_DCC_TEST_OUTPUT"])
WIDTH, HEIGHT = 320, 180
PARTS = ("render", "render.image_settings", "display", "display.shading", "view_settings")


def sign_in_and_choose_task():
    """Open the demo scene, sign in, choose the first task, and yield until Blender is idle; return the 3D view."""
    demo_scene.build(OUTPUT / "demo.blend")
    yield 2.0
    area, window = find_view()
    area.spaces[0].show_region_ui = True
    yield from sign_in()
    if bpy.app.version >= (4, 2):
        # Before 4.2 it cannot be set.
        next(part for part in area.regions if part.type == "UI").active_panel_category = "ft-dcc"
    choices = bpy.context.window_manager.ft_dcc
    choices.task = os.environ.get("FT_DCC_TEST_TASK") or next(iter(CONTROLLER.tasks.values())).path
    choices.frames = "CUSTOM"
    choices.start, choices.end = 1001, 1006
    bpy.ops.ft_dcc.use_shot_settings()
    yield 2.0
    return area, window


def sign_in():
    server, user, key = (os.environ[name] for name in ("FTRACK_SERVER", "FTRACK_API_USER", "FTRACK_API_KEY"))
    bpy.ops.ft_dcc.sign_in(server=server, user=user, key=key)
    yield from until_idle()


def fill_window(area, window):
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.screen.screen_full_area()
    yield 1.0
    return find_view()


def show_sidebar_tab(area, window):
    area.spaces[0].show_region_ui = True
    if bpy.app.version >= (4, 2):
        next(part for part in area.regions if part.type == "UI").active_panel_category = "ft-dcc"
        return
    # The third tab, at the right edge of the window.
    right, y = window.width - 12, int(os.environ.get("FT_DCC_TEST_TAB_Y", "200"))
    subprocess.run(["xdotool", "mousemove", str(right), str(y), "click", "1"], check=True)


def steps_of_artist():
    """Run one step after the other; each yields the seconds that Blender continues by itself."""
    results = {}
    area, window = yield from sign_in_and_choose_task()
    before = state()
    press_publish(area, window)
    yield from until_idle()
    yield 1.0
    results["published"] = [(path, version.version, version.link) for path, version in CONTROLLER.published]
    results["publish"] = {
        "error": CONTROLLER.error or str(CONTROLLER.problems or ""),
        "is as it was": state() == before,
    }
    take_screenshot("published")
    press_publish(area, window)
    yield from until_captured(2)
    take_screenshot("capturing")
    subprocess.run(["xdotool", "mousemove", "600", "400", "key", "Escape"], check=True)
    yield from until_idle()
    results["cancel"] = {"error": CONTROLLER.error, "is as it was": state() == before}
    change_view(area.spaces[0])
    yield 1.0
    view = view_state(area.spaces[0])
    results["looks"] = {name: image_size_in_bytes(name, look) for name, look in LOOKS.items()}
    yield 1.0
    results["the view is as it was"] = (view_state(area.spaces[0]), state()) == (view, before)
    results["two windows"] = yield from publish_beside_second_window(window)
    (OUTPUT / "results.json").write_text(json.dumps(results), encoding="utf-8")


def steps_of_screenshot():
    """Publish in the whole window, and take the screenshot of the documentation: camera view, panel, tasks, notes."""
    # Late, so that they import the core of the add-on.
    from doubles import notes

    from ft_dcc.session import operations

    demo_scene.build(OUTPUT / "demo.blend")
    open_panel(review_panels.TasksPanel)
    yield 2.0
    area, window = find_view()
    area, window = yield from fill_window(area, window)
    space = area.spaces[0]
    space.show_region_ui, space.region_3d.view_perspective = True, "CAMERA"
    space.show_region_toolbar = space.overlay.show_floor = space.overlay.show_extras = False
    yield 1.0
    yield from sign_in()
    bpy.ops.ft_dcc.create_task(project="Film", sequence="SEQ010", shot="SH010", task="Animation")
    yield from until_idle()
    show_sidebar_tab(area, window)
    yield 1.0
    choices = bpy.context.window_manager.ft_dcc
    choices.percentage, choices.comment, choices.review = 25, "Ball hits each step", "Dailies"
    choices.frames, choices.start, choices.end = "CUSTOM", 1021, 1026
    bpy.context.scene.frame_set(1024)
    for _ in range(3):
        # The heights of the panels follow one another.
        area.tag_redraw()
        yield 1.0
    take_screenshot("ready")
    press_publish(area, window)
    yield from until_captured(2)
    take_screenshot("capturing")
    yield from until_idle()
    choices.frames, assignment = "SCENE", ""
    if not CONTROLLER.error and CONTROLLER.published:
        session, task_id = CONTROLLER.session, next(iter(CONTROLLER.tasks))
        version_id = CONTROLLER.published[0][1].version_id
        report("published", version_id=version_id)
        entry = session.query(f'ReviewSessionObject where version_id is "{version_id}"').one()["id"]
        notes.write_note(session, entry, NOTE, 1024, {"version": 2, "shapes": NOTE_SHAPES})
        assignment = notes.assign(session, task_id, operations.update("Task", task_id, {"end_date": "2026-12-01"}))
        CONTROLLER.read_my_tasks()
        bpy.ops.ft_dcc.refresh()
        yield from until_read()
        bpy.ops.ft_dcc.show_drawings()
        yield from until_read()
    bpy.context.scene.frame_set(1024)
    yield 3.0
    take_screenshot("screenshot")
    if assignment:
        # Other tests use the server, too.
        CONTROLLER.session.call([operations.delete("Appointment", assignment)])
    error = CONTROLLER.error or str(CONTROLLER.problems or "")
    (OUTPUT / "results.json").write_text(json.dumps({"error": error}), encoding="utf-8")


def steps_of_panel():
    """Take pictures of the panel: empty, with a task, during a publish, with problems, and the buttons of an edit."""
    from ft_dcc.errors import ValidationIssue

    demo_scene.build(OUTPUT / "demo.blend")
    yield 1.0
    area, window = find_view()
    area.spaces[0].show_region_ui = True
    yield from sign_in()
    area, window = yield from fill_window(area, window)
    show_sidebar_tab(area, window)
    yield 2.0
    take_screenshot("panel-empty")
    choices = bpy.context.window_manager.ft_dcc
    bpy.ops.ft_dcc.create_task(project="Film", sequence="SEQ020", shot="SH020", task="Animation")
    yield from until_idle()
    choices.frames, choices.start, choices.end, choices.percentage = "CUSTOM", 1001, 1006, 25
    choices.outputs = {"1080"}
    yield 3.0
    take_screenshot("panel-task")
    bpy.ops.ft_dcc.take_task(task_id=bpy.context.scene["ft_dcc_task_id"])
    yield from until_idle()
    yield 1.0
    take_screenshot("panel-offer")
    bpy.ops.ft_dcc.save_next_version()
    yield from until_idle()
    press_publish(area, window)
    while not is_scene_captured() and CONTROLLER.is_busy:
        yield 0.05
    yield 0.5
    take_screenshot("panel-busy")
    yield from until_idle()
    yield 2.0
    take_screenshot("panel-published")
    bpy.context.scene.frame_end += 10
    panel_controller = importlib.import_module(f"{MODULE}.ui.controller")
    issue = ValidationIssue("Frame range", "", PROBLEM, "1", "2", "Give the scene the shot's frame range")
    others = [ValidationIssue("Name", "Camera", f"The object {number} has no name.") for number in range(3)]
    CONTROLLER.published = []
    for name, problems in (("one", (issue,)), ("eight", (issue, *others) * 2)):
        CONTROLLER.problems = problems
        CONTROLLER._on_change()
        yield 1.0
        while panel_controller._remaining_redraws:
            yield 0.2
        take_screenshot(f"panel-{name}")
    CONTROLLER.problems = ()
    bpy.context.scene.frame_end -= 10
    bpy.ops.ft_dcc.preview()
    yield from until_idle()
    (movie,), strips = CONTROLLER.previews, importlib.import_module(f"{MODULE}.scene.strips")
    for number, name in enumerate(("SH010", "SH020", "SH030")):
        (strip,) = strips.add_movie(bpy.context.scene, movie, 1001 + 6 * number, has_sound=False)
        strip.name, strip.mute = name, False
    bpy.ops.ft_dcc.drop_preview()
    yield from until_idle()
    choices.frames, panels = "SCENE", importlib.import_module(f"{MODULE}.ui.settings_panels")
    others = (review_panels.NotesPanel, *panels.SettingsSidebar.__subclasses__()[1:], review_panels.VersionsPanel)
    for panel in others:
        bpy.utils.unregister_class(panel)
    open_panel(panels.CameraPanel)
    yield 2.0
    take_screenshot("panel-edit")
    for panel in others:
        bpy.utils.register_class(panel)
    bpy.context.preferences.view.language = "de_DE"
    yield 2.0
    (OUTPUT / "results.json").write_text(json.dumps({"error": CONTROLLER.error}), encoding="utf-8")


PROBLEM = "The frame range is 1001-1058; expected 1001-1048. Change it."


def steps_of_round():
    """Publish, wait for the note that the test draws on the page, show it, and publish the version that answers it."""
    area, window = yield from sign_in_and_choose_task()
    area, window = yield from fill_window(area, window)
    area.spaces[0].region_3d.view_perspective = "CAMERA"
    show_sidebar_tab(area, window)
    yield 1.0
    choices, feedback = bpy.context.window_manager.ft_dcc, CONTROLLER.feedback
    choices.percentage, choices.review = 25, f"Round {uuid.uuid4().hex[:8]}"
    drawn = record_drawn_notes()
    yield from publish_without_error(area, window)
    bpy.ops.ft_dcc.refresh()
    yield from until_read()
    report("published", version_id=CONTROLLER.published[0][1].version_id)
    # Nothing is pressed until the panel has drawn the note.
    while not drawn:
        yield 0.05
    (note,) = feedback.versions[0].open_notes
    report("drawn in the panel", note_id=note.id, notes=sorted(set(drawn)), message=feedback.message, frame=note.frame)
    captures = {"before": capture_round("before")}
    bpy.context.scene.frame_set(note.frame)
    bpy.ops.ft_dcc.show_drawings()
    yield from until_read()
    yield 1.0
    captures["shown"] = capture_round("shown", is_shown=True)
    captures["hidden in a capture"] = capture_round("hidden")
    bpy.ops.ft_dcc.toggle_addressed(note_id=note.id)
    yield from publish_without_error(area, window)
    report("answered", version=CONTROLLER.published[0][1].version)
    bpy.ops.ft_dcc.mark_note(note_id=note.id)
    yield from until_read()
    bpy.ops.ft_dcc.hide_drawings()
    yield from until_read()
    captures["after"] = capture_round("after", is_shown=True)
    results = {"captures": captures, "error": feedback.error, "problems": list(feedback.problems)}
    (OUTPUT / "results.json").write_text(json.dumps(results), encoding="utf-8")


def report(event, **values):
    print("FT_DCC_EVENT", json.dumps({"event": event, "time": time.time(), **values}), flush=True)


def record_drawn_notes():
    """Return a list to which the ids of notes are added when the panel draws them."""
    drawn, draw_note = [], review_panels._draw_note

    def draw(layout, choices, version, note):
        draw_note(layout, choices, version, note)
        drawn.append(note.id)

    review_panels._draw_note = draw
    return drawn


def publish_without_error(area, window):
    press_publish(area, window)
    yield from until_idle()
    problem = CONTROLLER.error or str(CONTROLLER.problems or "")
    if problem:
        raise RuntimeError(problem)


def capture_round(name, *, is_shown=False):
    """Capture the frame of the note and its neighbours as a publish does; ``is_shown`` as the viewport shows them."""
    hidden = scene_feedback.hidden
    if is_shown:
        scene_feedback.hidden = nullcontext
    try:
        source = sources.find_sources(bpy.context.scene)[0]
        request = request_of(source, (1003, 1005), OUTPUT / "round", name, {})
        frames = host.BlenderHost().playblast(request, lambda _frame: None)
    finally:
        scene_feedback.hidden = hidden
    return {frame: str(frames.path(frame)) for frame in request.frame_range}


NOTE = "The ball should hit the edge of the step."
NOTE_SHAPES = [
    {"kind": "ellipse", "colour": "#ffd400", "width": 0.008, "from": [0.42, 0.28], "to": [0.55, 0.5]},
    {"kind": "arrow", "colour": "#ffd400", "width": 0.008, "from": [0.45, 0.5], "to": [0.4, 0.62]},
]


def open_panel(panel):
    """Register the panel as one that is open from the start; a script cannot open it."""
    bpy.utils.unregister_class(panel)
    panel.bl_options, panel.bl_idname = set(), f"{panel.bl_idname}_open"
    bpy.utils.register_class(panel)


def until_read():
    yield 0.1
    while not (CONTROLLER.feedback.wait(0) and CONTROLLER.my_tasks.wait(0) and CONTROLLER.images.wait(0)):
        yield 0.1


def steps_of_protection():
    """Disturb a publish of 48 frames in every way, then disable the add-on during another one."""
    results = {}
    area, window = yield from sign_in_and_choose_task()
    bpy.context.window_manager.ft_dcc.percentage = 25
    views_of_saves = set()
    bpy.app.handlers.save_post.append(lambda *_: views_of_saves.add("VIEW_3D" in area_types()))
    yield from work_during_publish(results, area, window)
    results["views of saves"] = sorted(views_of_saves)
    press_publish(area, window)
    while CONTROLLER.is_busy and (CONTROLLER.progress is None or CONTROLLER.progress.done < 30):
        yield 0.1
    results["disabled at frame"] = CONTROLLER.progress.done
    before = results.pop("state before")
    bpy.ops.preferences.addon_disable(module=MODULE)
    before = {**before, "is dirty": None}
    results["disabled meanwhile"] = {**state(), "is dirty": None} == before
    results["left behind"] = [name for name in dir(bpy.types) if name.startswith(("FT_DCC_", "FTDCC_"))]
    results["threads"] = [each.name for each in threading.enumerate() if each.name.startswith("ft-dcc publish")]
    examine_saved_files(results, before)
    (OUTPUT / "results.json").write_text(json.dumps(results), encoding="utf-8")


def work_during_publish(results, area, window):
    """Publish 48 frames, and press keys and save in two windows all the time; every saved file is examined."""
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_new_main()
    yield 1.0
    bpy.context.window_manager.ft_dcc.frames = "SCENE"
    bpy.ops.wm.save_as_mainfile(filepath=str(OUTPUT / "work.blend"))
    yield 1.0
    before, cube = state(), selected_object()
    results["state before"] = before
    windows = subprocess.run(["xdotool", "search", "--class", "blender"], capture_output=True, text=True, check=True)
    names, phases, stalls, last = windows.stdout.split(), {}, [], time.monotonic()
    press_publish(area, window)
    keys = itertools.cycle(["g", "x", "ctrl+s", "ctrl+z", "Tab", "Right", "ctrl+Right"])
    number = 0
    while CONTROLLER.is_busy:
        number += 1
        phase = "captured" if is_scene_captured() else CONTROLLER.progress and CONTROLLER.progress.step.split()[0]
        phases[phase] = phases.get(phase, 0) + 1
        if phase == "captured" and CONTROLLER.progress and CONTROLLER.progress.done < 40:
            top = names[number % len(names)]
            command = ["xdotool", "windowraise", top, "mousemove", "--window", top, "400", "400", "key", next(keys)]
            subprocess.run(command, check=False, capture_output=True)
        saved = OUTPUT / f"saved-{number:04d}.blend"
        if number % 4 == 0:
            # As another add-on saves, while no operator can prevent it.
            bpy.ops.wm.save_as_mainfile(filepath=str(saved), copy=True)
        if number % 7 == 0:
            # This changes the name of the file, and is what Ctrl+S calls.
            bpy.ops.wm.save_mainfile()
            shutil.copy(OUTPUT / "work.blend", saved)
        yield 0.05
        stalls.append(time.monotonic() - last - 0.05)
        last = time.monotonic()
    results["phases"], results["longest stall"] = phases, max(stalls)
    results["work"] = {"error": CONTROLLER.error or str(CONTROLLER.problems or ""), "is as it was": state() == before}
    results["the cube exists"] = selected_object() == cube
    yield 0.5
    bpy.ops.ed.undo_push(message="After the publish")
    bpy.context.scene.objects[cube].location.z += 5
    bpy.ops.ed.undo_push(message="Move")
    bpy.ops.ed.undo()
    yield 0.5
    # The new undo steps are no changes of the file that it did not have.
    after = {**state(), "is dirty": before["is dirty"]}
    results["as it was after an undo"] = after == before
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[1]):
        bpy.ops.wm.window_close()
    bpy.ops.wm.save_mainfile()
    yield 0.5


def steps_of_quit(mode):
    """Quit in the middle of a capture, as an artist does who closes the window and saves nothing."""
    area, window = yield from sign_in_and_choose_task()
    choices = bpy.context.window_manager.ft_dcc
    choices.percentage, choices.frames = 25, "SCENE"
    with bpy.context.temp_override(window=window, area=area):
        bpy.context.view_layer.objects.active = bpy.data.objects[selected_object()]
        bpy.ops.object.mode_set(mode=mode)
        if mode == "EDIT":
            bpy.ops.mesh.select_all(action="SELECT")
            bpy.ops.mesh.subdivide()
        # Blender writes a file for the recovery of the session if there is something to undo.
        bpy.ops.ed.undo_push(message="A change")
    yield 0.5
    (OUTPUT / "results.json").write_text(json.dumps({"state before": state()}), encoding="utf-8")
    press_publish(area, window)
    while not is_scene_captured() or CONTROLLER.progress is None or CONTROLLER.progress.done < 6:
        yield 0.1
        assert CONTROLLER.is_busy, (CONTROLLER.error, CONTROLLER.problems)


def steps_of_recovery():
    """Compare the file that the quit has written with the scene before."""
    results = json.loads((OUTPUT / "results.json").read_text(encoding="utf-8"))
    yield 0.1
    examine_saved_files(results, results.pop("state before"))
    (OUTPUT / "results.json").write_text(json.dumps(results), encoding="utf-8")


def steps_of_keys():
    """Press Ctrl+S during a capture, and Delete whenever the scene is restored, also after the last frame."""
    area, window = yield from sign_in_and_choose_task()
    choices, cube, file = bpy.context.window_manager.ft_dcc, selected_object(), OUTPUT / "keys.blend"
    choices.percentage, choices.start, choices.end = 25, 1001, 1030
    bpy.data.objects[cube].select_set(True)
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    yield 1.0
    before, results, messages = state(), {}, record_reports()
    press_at_the_end("Delete")
    file.unlink()
    press_publish(area, window)
    while not is_scene_captured() or CONTROLLER.progress is None or CONTROLLER.progress.done < 2:
        yield 0.05
        assert CONTROLLER.is_busy, (CONTROLLER.error, CONTROLLER.problems)
    press_key("g")
    press_key("ctrl+s")
    while is_scene_captured() and not file.exists():
        yield 0.05
    results["saved during the capture"] = is_scene_captured() and file.exists()
    yield 0.5
    shutil.copy(file, OUTPUT / "saved-by-key.blend")
    yield from until_idle()
    yield 1.0
    results["error"] = CONTROLLER.error or str(CONTROLLER.problems or "")
    results["messages"] = messages
    results["is as it was"] = state() == before
    results["keys of the last slice"] = "dropped" if cube in bpy.data.objects else "deleted the cube"
    press_key("Delete")
    yield 1.0
    results["keys after the end"] = "dropped" if cube in bpy.data.objects else "deleted the cube"
    examine_saved_files(results, before)
    (OUTPUT / "results.json").write_text(json.dumps(results), encoding="utf-8")


def press_key(key):
    subprocess.run(["xdotool", "mousemove", "400", "300", "key", key], check=True)


def record_reports():
    messages, guard = [], importlib.import_module(f"{MODULE}.scene.input_guard").GuardInput
    show = guard._show

    def show_and_record(self, kind, message):
        messages.append(message)
        show(self, kind, message)

    guard._show = show_and_record
    return messages


def press_at_the_end(key):
    """Press the key whenever the capture restores the scene, while the window handles no events."""
    borrowed_scene = importlib.import_module(f"{MODULE}.scene.capture").BorrowedScene
    give_back = borrowed_scene.give_back

    def press_and_give_back(self):
        press_key(key)
        give_back(self)

    borrowed_scene.give_back = press_and_give_back


def selected_object():
    return next(item.name for item in bpy.context.scene.objects if item.type == "MESH")


def examine_saved_files(results, before):
    """Open each file that was saved during the publish, and compare its settings."""
    different = {}
    files = sorted(OUTPUT.glob("saved-*.blend"))
    for file in files:
        bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=False)
        found = state()
        for part, expected in before.items():
            if part not in ("is dirty", "images") and found[part] != expected:
                different[file.name] = [part, str(found[part])[:500], str(expected)[:500]]
    results["saved files"], results["different files"] = len(files), different


def change_view(space):
    other = bpy.data.objects.new("Beside", bpy.data.cameras.new("Beside"))
    bpy.context.scene.collection.objects.link(other)
    space.use_local_camera, space.camera = True, other
    space.region_3d.view_perspective, space.region_3d.view_rotation = "PERSP", (0.6, 0.8, 0.0, 0.0)


def view_state(space):
    region = space.region_3d
    turned = region.view_perspective, [round(part, 4) for part in region.view_rotation]
    own = space.use_local_camera, space.camera.name
    return space.shading.type, space.overlay.show_overlays, space.show_gizmo, own, turned


def publish_beside_second_window(window):
    """Publish from the first window while a second window shows another scene."""
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_new_main()
    yield 1.0
    second = bpy.context.window_manager.windows[1]
    second.scene = bpy.data.scenes.new("Elsewhere")
    yield 1.0
    press_publish(find_view()[0], window)
    yield from until_idle()
    with bpy.context.temp_override(window=second):
        bpy.ops.wm.window_close()
    yield 1.0
    return CONTROLLER.error or str(CONTROLLER.problems or "")


LOOKS = {
    "solid": {},
    "viewport": {"shading": "VIEWPORT"},
    "overlays": {"shading": "VIEWPORT", "overlays": True},
    "stamp": {"stamp": True},
}


def image_size_in_bytes(name, look):
    """Capture one frame with this look, and return the size of its file, which differs between looks."""
    source = sources.find_sources(bpy.context.scene)[0]
    request = request_of(source, (1001, 1001), OUTPUT / "looks", name, look)
    return host.BlenderHost().playblast(request, lambda _frame: None).path(1001).stat().st_size


def request_of(source, frames, folder, name, look):
    # Late, so that they import the core of the add-on.
    from ft_dcc.frames import FrameRange, Resolution
    from ft_dcc.host import PlayblastRequest

    return PlayblastRequest(source, FrameRange(*frames), Resolution(WIDTH, HEIGHT), folder, name, look)


def find_view():
    window = bpy.context.window_manager.windows[0]
    return next(area for area in window.screen.areas if area.type == "VIEW_3D"), window


def press_publish(area, window):
    with bpy.context.temp_override(window=window, area=area, region=window_region(area)):
        bpy.ops.ft_dcc.publish("INVOKE_DEFAULT")


def until_idle():
    yield 0.1
    while CONTROLLER.is_busy:
        yield 0.1


def until_captured(count):
    """Wait until so many frames are captured."""
    while CONTROLLER.is_busy and (CONTROLLER.progress is None or CONTROLLER.progress.done < count):
        yield 0.1


def take_screenshot(name):
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.screen.screenshot(filepath=str(OUTPUT / f"{name}.png"))


def state():
    scene = bpy.context.scene
    values = {"camera": scene.camera.name, "frame": scene.frame_current, "images": bpy.data.images.keys()}
    values["is dirty"] = bpy.data.is_dirty
    for path in PARTS:
        part = scene.path_resolve(path)
        simple = [item.identifier for item in part.bl_rna.properties if item.type not in ("POINTER", "COLLECTION")]
        values[path] = {name: str(getattr(part, name)) for name in simple}
    return values


def steps_of_look():
    """Capture the default look with back plates, in a quad view too, and what Blender itself renders of the view."""
    yield 1.0
    area, window = find_view()
    scene, space = window.scene, area.spaces.active
    scene.render.resolution_x, scene.render.resolution_y, scene.view_settings.exposure = WIDTH, HEIGHT, 1.0
    space.region_3d.view_perspective = "CAMERA"
    space.shading.show_shadows = space.shading.show_cavity = space.shading.show_backface_culling = True
    scene.camera.data.show_background_images = True
    for depth, colour in (("BACK", (1, 0, 0, 1)), ("FRONT", (0, 1, 0, 1))):
        plate = scene.camera.data.background_images.new()
        plate.image, plate.display_depth = bpy.data.images.new(depth, 8, 8), depth
        plate.image.generated_color = colour
    # The redraw turns the view as the camera is.
    yield 1.0
    before, scene_host = [view_state(space), area_types(), bpy.data.images.keys()], host.BlenderHost()
    look = dict(next(iter(scene_host.looks.values())))
    request = request_of("Camera", (1, 3), OUTPUT / "ours", "frame", look)
    thread = threading.Thread(target=scene_host.playblast, args=(request, lambda _frame: None))
    thread.start()
    hidden = set()
    while thread.is_alive():
        yield 0.01
        hidden.add("VIEW_3D" in area_types())
    after = [view_state(space), area_types(), bpy.data.images.keys()]
    results = {"before": before, "after": after, "views": sorted(hidden), "look": look}
    for name in ("overlays", "stamp"):
        scene_host.playblast(request_of("Camera", (1, 1), OUTPUT / "ours", name, {**look, name: True}), print)
    render_view(window, area, OUTPUT / "theirs", 3)
    results["kinds"] = yield from capture_kinds_of_views(area, window, {"default": look, "solid": {}})
    with bpy.context.temp_override(window=window, area=area, region=window_region(area)):
        bpy.ops.screen.region_quadview()
    yield 1.0
    before = quad_state(space)
    scene_host.playblast(request_of("Camera", (1, 1), OUTPUT / "quad", "frame", look), lambda _frame: None)
    yield 1.0
    results["the quad view is as it was"] = len(before) == 4 and quad_state(space) == before
    (OUTPUT / "results.json").write_text(json.dumps(results), encoding="utf-8")


def render_view(window, area, folder, last):
    """Render the frames up to ``last`` with the operator of the menu *View*, without overlays but back plates."""
    scene, overlay = window.scene, area.spaces.active.overlay
    for name in importlib.import_module(f"{MODULE}.scene.viewport")._overlays(overlay):
        setattr(overlay, name, False)
    scene.render.image_settings.file_format, scene.frame_start, scene.frame_end = "PNG", 1, last
    scene.render.filepath = str(folder / "frame.")
    with bpy.context.temp_override(window=window, area=area, region=window_region(area)):
        bpy.ops.render.opengl(animation=True, view_context=True)


def window_region(area):
    return next(part for part in area.regions if part.type == "WINDOW")


def quad_state(space):
    parts = space.region_quadviews
    return [(part.view_perspective, [round(each, 4) for each in part.view_rotation]) for part in parts]


def capture_kinds_of_views(area, window, looks):
    """Capture the scene in each kind of view with these looks, and return what each says about the difference."""
    scene, shading, results, scene_host = window.scene, area.spaces.active.shading, [], host.BlenderHost()
    lens = scene.camera.data
    lens.show_background_images = shading.show_shadows = shading.show_cavity = shading.show_backface_culling = False
    scene.view_settings.exposure = 0.0
    lens.dof.use_dof, lens.dof.focus_distance, lens.dof.aperture_fstop = True, 4.0, 0.1
    for number, values in enumerate(KINDS_OF_VIEWS):
        parts = {name: shading if hasattr(shading, name) else scene.view_settings for name in values}
        before = {name: getattr(part, name) for name, part in parts.items()}
        if "RENDERED" in values.values():
            # The processor would draw Eevee for minutes.
            scene.render.engine = "BLENDER_WORKBENCH"
        for name, part in parts.items():
            setattr(part, name, values[name])
        yield 0.5
        folder, sentences = OUTPUT / f"kind {number}", {}
        for name, look in looks.items():
            sentences[name] = scene_host.capture_details(look)["differs_from_viewport"]
            scene_host.playblast(request_of("Camera", (1, 1), folder, name, look), lambda _frame: None)
        render_view(window, area, folder, 1)
        results.append([values, sentences])
        for name, value in before.items():
            setattr(parts[name], name, value)
    return results


# The properties of the view's shading, and of the scene's colours, that differ from those of a new file.
KINDS_OF_VIEWS = (
    *({}, {"show_shadows": True}, {"show_cavity": True}, {"show_backface_culling": True}, {"show_xray": True}),
    *({"show_object_outline": False}, {"type": "WIREFRAME"}, {"light": "MATCAP"}, {"light": "FLAT"}),
    *({"color_type": "RANDOM"}, {"background_type": "WORLD"}, {"use_dof": True}, {"exposure": 2.0}),
    *({"background_type": "VIEWPORT", "background_color": (0.1, 0.2, 0.4)}, {"type": "MATERIAL"}, {"type": "RENDERED"}),
)


def area_types():
    return [area.type for window in bpy.context.window_manager.windows for area in window.screen.areas]


def steps_of_both_ways():
    """Capture a scene in the window, save it, and let the same Blender capture the file without a window."""
    build_both_ways()
    yield 2.0
    bpy.ops.wm.save_as_mainfile(filepath=str(OUTPUT / "both.blend"))
    before = state()
    capture_both_ways(host.BlenderHost(), "window")
    yield 1.0
    is_same = state() == before
    layer = host.BlenderHost().capture_details({})["view_layer"]
    environment = {**os.environ, "FT_DCC_TEST_STEPS": "headless"}
    command = [bpy.app.binary_path, "-b", "--python-exit-code", "3", "-P", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=300)
    results = {"headless": [done.returncode, (done.stdout + done.stderr)[-2000:]], "is as it was": is_same}
    (OUTPUT / "results.json").write_text(json.dumps({**results, "view layer": layer}), encoding="utf-8")


BOTH_WAYS_LOOKS = {"viewport": {}, "render": {"visibility": "RENDER"}}


def capture_both_ways(scene_host, name):
    for look_name, look in BOTH_WAYS_LOOKS.items():
        folder = OUTPUT / name / look_name
        request = request_of("Camera", (1, 3), folder, "frame", look)
        scene_host.playblast(request, lambda _frame: None)


def build_both_ways():
    """Build a scene whose cubes are hidden in every way, with annotations, and with the second view layer active."""
    scene, window = bpy.context.scene, bpy.context.window_manager.windows[0]
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    camera = add_object("Camera", bpy.data.cameras.new("Camera"), (0, -10, 0))
    camera.data.type, camera.data.ortho_scale, camera.rotation_euler = "ORTHO", 16.0, (1.5707963, 0, 0)
    scene.camera = camera
    box = bpy.data.collections.new("Box")
    scene.collection.children.link(box)
    cubes = [add_cube(name, colour, x) for name, colour, x in BOTH_WAYS_CUBES]
    moving, not_rendered, not_shown, _, in_box = cubes
    for frame, z in ((1, 0.0), (3, 2.0)):
        moving.location.z = z
        moving.keyframe_insert("location", frame=frame)
    not_rendered.hide_render = not_shown.hide_viewport = True
    box.objects.link(in_box)
    scene.collection.objects.unlink(in_box)
    annotate(scene)
    scene.view_layers.new("Second")
    window.view_layer = scene.view_layers["Second"]
    window.view_layer.layer_collection.children["Box"].exclude = True
    scene.objects["Eye"].hide_set(True, view_layer=window.view_layer)
    scene.frame_set(1)


# From left to right: name, colour and position.
BOTH_WAYS_CUBES = (
    ("Moving", (1.0, 0.0, 0.0, 1.0), -6.0),
    ("Not rendered", (0.0, 1.0, 0.0, 1.0), -3.0),
    ("Not shown", (0.0, 0.0, 1.0, 1.0), 0.0),
    ("Eye", (1.0, 1.0, 0.0, 1.0), 3.0),
    ("In box", (1.0, 0.0, 1.0, 1.0), 6.0),
)


def add_object(name, data, location):
    item = bpy.data.objects.new(name, data)
    item.location = location
    bpy.context.scene.collection.objects.link(item)
    return item


def add_cube(name, colour, x):
    mesh = bpy.data.meshes.new(name)
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh.from_pydata(corners, [], sides)
    material = bpy.data.materials.new(name)
    material.diffuse_color = colour
    mesh.materials.append(material)
    return add_object(name, mesh, (x, 0, 0))


def annotate(scene):
    is_new = hasattr(scene, "annotation")
    notes = (bpy.data.annotations if is_new else bpy.data.grease_pencils).new("Notes")
    layer = notes.layers.new("Layer")
    stroke = layer.frames.new(1).strokes.new()
    stroke.points.add(2)
    for point, x in zip(stroke.points, (-8.0, 8.0)):
        point.co, point.pressure, point.strength = (x, -5.0, 3.5), 1.0, 1.0
    layer.thickness = 10
    setattr(scene, "annotation" if is_new else "grease_pencil", notes)


def capture_without_a_window():
    capture_both_ways(host.BlenderHost.open(OUTPUT / "both.blend"), "headless")


if os.environ["FT_DCC_TEST_STEPS"] == "headless":
    capture_without_a_window()
    sys.exit()

STEPS = {
    "screenshot": steps_of_screenshot,
    "artist": steps_of_artist,
    "protection": steps_of_protection,
    "both ways": steps_of_both_ways,
    "look": steps_of_look,
    "panel": steps_of_panel,
    "round": steps_of_round,
    "quit in OBJECT": lambda: steps_of_quit("OBJECT"),
    "quit in EDIT": lambda: steps_of_quit("EDIT"),
    "recovery": steps_of_recovery,
    "keys": steps_of_keys,
}
steps, until = STEPS[os.environ["FT_DCC_TEST_STEPS"]](), time.monotonic() + 420


def run_next_step():
    try:
        if time.monotonic() < until:
            return next(steps)
        raise TimeoutError("the steps took too long")
    except StopIteration:
        pass
    except Exception:  # noqa: BLE001 - the test reads it from the file
        (OUTPUT / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
    bpy.ops.wm.quit_blender()
    return None


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(run_next_step, first_interval=3, persistent=True)
