"""The panels of tasks, versions and notes in real Blender, with a studio server."""

import gzip
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from blender.test_hostile_text import Layout
from doubles.colour_bars import SCENE, ColourBars, write_painted
from doubles.notes import add_version_to_review, assign, write_note
from run_options import TIMEOUT_SECONDS

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.session import operations


@pytest.fixture
def controller(signed_in, host, project_task):
    host.remember_task(project_task["id"])
    return signed_in


@pytest.fixture
def note_id(session, project_task):
    return write_note(session, add_version_to_review(session, project_task), "Arm too high", 1004)


def done(controller):
    assert controller.feedback.wait(TIMEOUT_SECONDS)
    assert controller.feedback.error == ""


def test_notes_are_loaded_shown_answered_and_marked_from_the_panel(controller, note_id, bpy, scene, sample):
    before = sample.state()
    bpy.ops.ft_dcc.refresh()
    done(controller)
    (version,) = controller.feedback.versions
    assert [note.text for note in version.open_notes] == ["Arm too high"]
    bpy.ops.ft_dcc.show_drawings()
    done(controller)
    assert "Review notes" in bpy.data.collections and controller.feedback.is_shown
    assert [(marker.frame, marker.name) for marker in scene.timeline_markers] == [(1004, "admin: Arm too high")]
    bpy.ops.ft_dcc.go_to_frame(frame=1004)
    assert scene.frame_current == 1004
    bpy.ops.ft_dcc.reply_to_note(note_id=note_id, text="Lowered")
    bpy.ops.ft_dcc.mark_note(note_id=note_id)
    done(controller)
    (note,) = controller.feedback.versions[0].notes
    assert ([reply.text for reply in note.replies], note.is_done) == (["Lowered"], True)
    bpy.ops.ft_dcc.hide_drawings()
    done(controller)
    scene.frame_set(before["time"][0])
    assert sample.state() == before


def test_an_empty_reply_and_a_removed_note_are_sentences(controller, note_id, bpy):
    with pytest.raises(RuntimeError, match="The reply is empty"):
        bpy.ops.ft_dcc.reply_to_note(note_id=note_id, text=" ")
    with pytest.raises(RuntimeError, match="The note was removed"):
        bpy.ops.ft_dcc.mark_note(note_id="x")


def test_removing_the_add_on_removes_the_drawings(controller, note_id, bpy, scene):
    import ft_dcc_blender

    bpy.ops.ft_dcc.refresh()
    done(controller)
    bpy.ops.ft_dcc.show_drawings()
    done(controller)
    ft_dcc_blender.unregister()
    try:
        assert "Review notes" not in bpy.data.collections
    finally:
        ft_dcc_blender.register()


@pytest.fixture
def publish_scene(session, project_task, tmp_path):
    def make(path, **values):
        size = {"frame_range": FrameRange(1001, 1002), "fps": Fraction(24), "resolution": Resolution(64, 36)}
        host = ColourBars(attrs.evolve(SCENE, path=path, is_modified=False, **size))
        request = PublishRequest(project_task["id"], asset="main", include_scene=True, **size, **values)
        return publish(request, session, host, jobs=tmp_path / "publish").first.version_id

    return make


@pytest.fixture
def saved(bpy, scene, tmp_path):
    scene.camera.name = "FromTheVersion"
    path = tmp_path / "sh010.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    scene.camera.name = "Camera"
    return path


@pytest.fixture
def assigned(session, project_task):
    """Assign the task to the user during the test: without any assignment, all tasks are offered to publish to."""
    assignment = assign(session, project_task["id"])
    yield project_task
    session.call([operations.delete("Appointment", assignment)])


def test_my_tasks_are_loaded_and_one_click_takes_one(controller, note_id, bpy, scene, assigned):
    from ft_dcc_blender.host import TASK_PROPERTY

    project_task = assigned
    del scene[TASK_PROPERTY]
    controller.read_my_tasks()
    assert controller.my_tasks.wait(TIMEOUT_SECONDS) and controller.my_tasks.error == ""
    (task,) = [each for each in controller.my_tasks.value if each.id == project_task["id"]]
    assert (task.version.name, task.open_count) == ("v001", 1)
    bpy.ops.ft_dcc.choose_task(task_id=task.id)
    done(controller)
    assert scene[TASK_PROPERTY] == task.id
    assert [note.id for note in controller.feedback.versions[0].open_notes] == [note_id]


def test_of_40_tasks_the_panel_lists_twelve_and_says_where_the_others_are(controller, bpy, assigned, session):
    from ft_dcc_blender.ui.review_panels import TasksPanel

    parent = {"parent_id": assigned["parent_id"], "project_id": assigned["project_id"]}
    tasks = [session.create("Task", {"name": f"Task{number:02d}", **parent}) for number in range(39)]
    session.commit()
    assignments = [assign(session, task["id"]) for task in tasks]
    try:
        controller.read_my_tasks()
        assert controller.my_tasks.wait(TIMEOUT_SECONDS) and len(controller.my_tasks.value) == 40
        shown = []
        TasksPanel.draw(SimpleNamespace(layout=Layout(bpy, shown)), bpy.context)
        assert (sum("Task" in text for text in shown), shown[-1]) == (12, "28 more: search them above.")
    finally:
        session.call([operations.delete("Appointment", each) for each in assignments])


def test_ticked_notes_and_the_choice_of_the_scene_file_are_in_the_request(controller, note_id, bpy, scene):
    from ft_dcc_blender.ui.operators import make_request

    choices = bpy.context.window_manager.ft_dcc
    bpy.ops.ft_dcc.toggle_addressed(note_id=note_id)
    assert make_request(choices, scene).addresses == ()
    bpy.ops.ft_dcc.refresh()
    done(controller)
    assert (make_request(choices, scene).addresses, make_request(choices, scene).include_scene) == ((note_id,), None)
    bpy.ops.ft_dcc.toggle_addressed(note_id=note_id)
    choices.include_scene = "STANDARD"
    assert (make_request(choices, scene).addresses, make_request(choices, scene).include_scene) == ((), True)


def test_the_scene_of_a_version_is_opened_and_never_written_over_a_file(
    controller, bpy, saved, publish_scene, tmp_path
):
    version_id, folder = publish_scene(saved), tmp_path / "fetched"
    values = {"version_id": version_id, "directory": str(folder), "discard_changes": True}
    bpy.ops.ft_dcc.open_version_scene(**values)
    (path,) = folder.iterdir()
    assert path.samefile(bpy.data.filepath)
    assert "FromTheVersion" in bpy.data.objects
    with pytest.raises(RuntimeError, match="Move it, or choose another folder"):
        bpy.ops.ft_dcc.open_version_scene(**values)


def test_scripts_of_an_opened_scene_do_not_run_whatever_the_preferences_say(bpy, host, tmp_path, monkeypatch):
    text = bpy.data.texts.new("startup.py")
    text.from_string("import bpy\nbpy.app.driver_namespace['hostile'] = True")
    text.use_module = True
    path = tmp_path / "published.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
    monkeypatch.setattr(bpy.context.preferences.filepaths, "use_scripts_auto_execute", True)
    host.open_scene_file(path, discard_changes=True)
    assert "startup.py" in bpy.data.texts and "hostile" not in bpy.app.driver_namespace
    bpy.ops.wm.open_mainfile(filepath=str(path), use_scripts=True)
    assert bpy.app.driver_namespace.pop("hostile") is True


def test_unsaved_changes_are_not_discarded_without_a_decision(controller, bpy, monkeypatch):
    from ft_dcc_blender.ui import review_panels

    # Blender without a window counts no changes.
    monkeypatch.setattr(review_panels, "bpy", SimpleNamespace(data=SimpleNamespace(is_dirty=True)))
    with pytest.raises(RuntimeError, match="This file has unsaved changes"):
        bpy.ops.ft_dcc.open_version_scene(version_id="x")


def compressed_by_zstandard(content):
    return pytest.importorskip("zstandard").ZstdCompressor().compress(content)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, compressed_by_zstandard])
def test_a_file_of_a_newer_blender_is_not_opened(bpy, host, tmp_path, compress):
    from ft_dcc.errors import SceneUnreadable

    before, path = bpy.data.filepath, tmp_path / "new.blend"
    for head, version in ((b"BLENDER-v999", "9.99"), (b"BLENDER17-01v9905", "99.5")):
        # Content that is compressed, and not only copied.
        content = compress(head + b"".join(b"%d " % number for number in range(50_000)))
        path.write_bytes(content)
        with pytest.raises(SceneUnreadable, match=rf"was saved by Blender {version}; this is Blender"):
            host.open_scene_file(path)
    path.write_bytes(content[:10])
    with pytest.raises(SceneUnreadable, match="or it is damaged"):
        host.open_scene_file(path)
    assert bpy.data.filepath == before


@pytest.mark.parametrize("has_module", [True, False])
def test_a_compressed_file_of_this_blender_is_opened(bpy, host, tmp_path, monkeypatch, has_module):
    if not has_module:
        monkeypatch.setitem(sys.modules, "zstandard", None)
    path = tmp_path / "sh010.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True, copy=True)
    host.open_scene_file(path)
    assert Path(bpy.data.filepath) == path


@pytest.fixture
def comparison(controller, bpy, saved, publish_scene):
    def start(**values):
        version_id = publish_scene(saved, **values)
        bpy.ops.ft_dcc.refresh()
        done(controller)
        bpy.ops.ft_dcc.compare_with(version_id=version_id)
        assert controller.version_files.wait(TIMEOUT_SECONDS) and controller.version_files.error == ""
        (image,) = [each for each in bpy.data.images if each.get("ft_dcc_compare")]
        return Path(image.filepath_from_user()).parent

    return start


def test_a_version_is_compared_and_the_movie_removed_without_a_trace(controller, bpy, scene, comparison, sample):
    from ft_dcc_blender.scene import compare

    before = sample.state()
    folder = comparison()
    (background,) = scene.camera.data.background_images
    assert scene.camera.data.show_background_images and compare.is_shown()
    assert (background.image_user.frame_start, background.image_user.frame_duration) == (1001, 2)
    assert sorted(path.name for path in folder.iterdir()) == ["image.00001.jpg", "image.00002.jpg"]
    bpy.ops.ft_dcc.stop_comparing()
    assert controller.version_files.wait(TIMEOUT_SECONDS)
    assert not compare.is_shown() and not scene.camera.data.show_background_images
    assert sample.state() == before
    assert not folder.parent.exists()


def test_the_slate_of_a_compared_movie_lies_before_the_first_frame(bpy, scene, comparison):
    folder = comparison(slate=("{shot}",))
    (background,) = scene.camera.data.background_images
    user = background.image_user
    assert (user.frame_start, user.frame_duration, len(list(folder.iterdir()))) == (1000, 3, 3)
    # Frame 1001 shows the second file: the double draws a white line at the column of the frame number.
    file_number = 1001 - user.frame_start + 1 + user.frame_offset
    assert white_column(bpy, folder / f"image.{file_number:05d}.jpg") == 1001 % 64


def white_column(bpy, path):
    image = bpy.data.images.load(str(path))
    width, pixels = image.size[0], list(image.pixels)
    row = [min(pixels[x * 4 : x * 4 + 3]) for x in range(width)]
    bpy.data.images.remove(image)
    return max(range(width), key=row.__getitem__)


def test_a_compared_movie_is_not_saved_and_is_shown_again(bpy, comparison, tmp_path):
    from ft_dcc_blender.scene import compare

    comparison()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "own.blend"), copy=True)
    assert compare.is_shown()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "own.blend"))
    assert [len(camera.background_images) for camera in bpy.data.cameras] == [0] * len(bpy.data.cameras)


def test_a_camera_that_was_deleted_is_a_sentence(controller, bpy, scene, saved, publish_scene):
    version_id = publish_scene(saved)
    bpy.ops.ft_dcc.refresh()
    done(controller)
    for camera in [item for item in scene.objects if item.type == "CAMERA"]:
        bpy.data.objects.remove(camera)
    bpy.ops.ft_dcc.compare_with(version_id=version_id)
    assert controller.version_files.wait(TIMEOUT_SECONDS)
    assert "has no camera" in controller.version_files.error
    assert controller.version_files.compared == ""


@pytest.fixture
def frames(tmp_path):
    write_painted(tmp_path, (1001, 1002, 1003), "sh")
    return str(tmp_path / "sh.%04d.png")


def test_files_of_a_version_are_shown_copied_and_loaded_behind_its_camera(
    controller, bpy, scene, saved, publish_scene, tmp_path, monkeypatch
):
    monkeypatch.setenv("FT_DCC_ROOTS", f"show: linux={tmp_path}, macos={tmp_path}")
    version_id = publish_scene(saved, source="bars", frames_path="{version}/sh.%04d.png")
    bpy.ops.ft_dcc.refresh()
    done(controller)
    for is_shown in (True, False, True):
        bpy.ops.ft_dcc.show_files(version_id=version_id)
        assert controller.disk_files.wait(TIMEOUT_SECONDS) and controller.disk_files.error == ""
        assert bool(controller.disk_files.components) is is_shown
    main = next(each for each in controller.disk_files.components if each.name == "main")
    assert main.path == str(tmp_path / "v001" / "sh.%04d.png")
    bpy.ops.ft_dcc.copy(text=main.path)
    scene.camera.name = "bars"
    bpy.ops.ft_dcc.load_frames(path=main.path, source="bars")
    assert controller.disk_files.wait(TIMEOUT_SECONDS)
    assert (controller.disk_files.message, controller.disk_files.error) == (
        f"The frames are behind {scene.camera.data.name}.",
        "",
    )
    (background,) = scene.camera.data.background_images
    user = background.image_user
    assert (user.frame_start, user.frame_duration, background.display_depth) == (1001, 2, "BACK")
    # Frame 1002 shows the file with this number.
    assert 1002 - user.frame_start + 1 + user.frame_offset == 1002
    bpy.ops.ft_dcc.open_folder(path=str(tmp_path / "gone" / "sh.png"))
    assert controller.disk_files.wait(TIMEOUT_SECONDS) and "does not exist any more" in controller.disk_files.error


def test_loaded_frames_are_saved_with_and_without_a_camera(bpy, host, scene, frames, tmp_path):
    path, name = str(tmp_path / "own.blend"), scene.camera.name
    for source in (name, "render.%04d.exr"):
        host.load_frames(frames, FrameRange(1001, 1003), source)
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    images = [image for image in bpy.data.images if image.source == "SEQUENCE"]
    assert [(each.name, each.use_fake_user) for each in images] == [("sh.1001.png", False), ("sh.1001.png.001", True)]
    assert bpy.data.objects[name].data.background_images[0].image == images[0]


def test_a_number_after_that_of_the_frame_is_a_sentence(bpy, host, frames, tmp_path):
    from ft_dcc.errors import CaptureFailed

    (tmp_path / "sh.1001.v2.png").write_bytes((tmp_path / "sh.1001.png").read_bytes())
    before = len(bpy.data.images)
    with pytest.raises(CaptureFailed, match=r"the last number of sh\.1001\.v2\.png as its frame"):
        host.load_frames(str(tmp_path / "sh.%04d.v2.png"), FrameRange(1001, 1001))
    assert len(bpy.data.images) == before
