"""Tasks, ticks for answered notes, scenes of versions and comparisons in real Blender, with a studio server."""

from __future__ import annotations

import ctypes
import gzip
import sys
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import attrs
import pytest
from blender.test_feedback_panel import controller, done, note_id  # noqa: F401 - fixtures
from doubles.colour_bars import SCENE, ColourBars
from run_options import TIMEOUT_SECONDS

from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish
from ft_dcc.session import operations


@pytest.fixture
def publish_scene(session, project_task, tmp_path):
    """Return a function that publishes a movie of two frames with this scene file, and returns the version's id."""

    def make(path, **values):
        size = {"frame_range": FrameRange(1001, 1002), "fps": Fraction(24), "resolution": Resolution(64, 36)}
        host = ColourBars(attrs.evolve(SCENE, path=path, is_modified=False, **size))
        request = PublishRequest(project_task["id"], asset="main", include_scene=True, **size, **values)
        return publish(request, session, host, jobs=tmp_path / "publish").first.version_id

    return make


@pytest.fixture
def saved(bpy, scene, tmp_path):
    """Return a copy of the scene on disk, with a camera that tells it apart."""
    scene.camera.name = "FromTheVersion"
    path = tmp_path / "sh010.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    scene.camera.name = "Camera"
    return path


@pytest.fixture
def assigned(session, project_task):
    """Assign the task to the user during the test: without any assignment, all tasks are offered to publish to."""
    user = session.query(f'User where username is "{session.api_user}"').one()
    values = {"context_id": project_task["id"], "resource_id": user["id"], "type": "assignment"}
    assignment = str(uuid4())
    session.call([operations.create("Appointment", {"id": assignment, **values})])
    yield project_task
    session.call([operations.delete("Appointment", assignment)])


def test_my_tasks_are_loaded_and_one_click_takes_one(controller, note_id, bpy, scene, assigned):  # noqa: F811
    from ft_dcc_blender.host import TASK_PROPERTY

    project_task = assigned
    del scene[TASK_PROPERTY]
    bpy.ops.ft_dcc.read_tasks()
    assert controller.my_tasks.wait(TIMEOUT_SECONDS) and controller.my_tasks.error == ""
    (task,) = [each for each in controller.my_tasks.value if each.id == project_task["id"]]
    assert (task.version.name, task.open_count) == ("v001", 1)
    bpy.ops.ft_dcc.take_task(task_id=task.id)
    done(controller)
    assert scene[TASK_PROPERTY] == task.id
    assert [note.id for note in controller.feedback.versions[0].open_notes] == [note_id]


def test_ticked_notes_and_the_choice_of_the_scene_file_are_in_the_request(controller, note_id, bpy, scene):  # noqa: F811
    from ft_dcc_blender.ui.properties import make_request

    choices = bpy.context.window_manager.ft_dcc
    bpy.ops.ft_dcc.toggle_addressed(note_id=note_id)
    assert make_request(choices, scene).addresses == ()
    bpy.ops.ft_dcc.read_notes()
    done(controller)
    assert (make_request(choices, scene).addresses, make_request(choices, scene).include_scene) == ((note_id,), None)
    bpy.ops.ft_dcc.toggle_addressed(note_id=note_id)
    choices.include_scene = "INCLUDE"
    assert (make_request(choices, scene).addresses, make_request(choices, scene).include_scene) == ((), True)


def test_the_scene_of_a_version_is_opened_and_never_written_over_a_file(
    controller,  # noqa: F811
    bpy,
    saved,
    publish_scene,
    tmp_path,
):
    version_id, folder = publish_scene(saved), tmp_path / "fetched"
    values = {"version_id": version_id, "directory": str(folder), "discard_changes": True}
    bpy.ops.ft_dcc.open_version_scene(**values)
    (path,) = folder.iterdir()
    assert path.samefile(bpy.data.filepath)
    assert "FromTheVersion" in bpy.data.objects
    with pytest.raises(RuntimeError, match="Move it, or choose another folder"):
        bpy.ops.ft_dcc.open_version_scene(**values)


def test_unsaved_changes_are_not_discarded_without_a_decision(controller, bpy, monkeypatch):  # noqa: F811
    from types import SimpleNamespace

    from ft_dcc_blender.ui import versions_panel

    # Blender without a window counts no changes.
    data = SimpleNamespace(is_dirty=True)
    monkeypatch.setattr(versions_panel, "bpy", SimpleNamespace(data=data))
    with pytest.raises(RuntimeError, match="This file has unsaved changes"):
        bpy.ops.ft_dcc.open_version_scene(version_id="x")


def test_a_file_of_a_newer_blender_is_not_opened(bpy, host, tmp_path):
    from ft_dcc.errors import SceneUnreadable

    before = bpy.data.filepath
    for head, version in ((b"BLENDER-v999", "9.99"), (b"BLENDER17-01v9905", "99.5")):
        path = tmp_path / "new.blend"
        path.write_bytes(head + bytes(100))
        with pytest.raises(SceneUnreadable, match=rf"was saved by Blender {version}; this is Blender"):
            host.open_scene_file(path)
    path.write_bytes(b"no blend file")
    with pytest.raises(SceneUnreadable, match="or it is damaged"):
        host.open_scene_file(path)
    assert bpy.data.filepath == before


def compressed_by_zstandard(content):
    return pytest.importorskip("zstandard").ZstdCompressor().compress(content)


def load_without_zstd(name, load=ctypes.CDLL):
    if name == "libzstd.so.1":
        raise OSError(f"{name}: cannot open shared object file")
    return load(name)


def has_library():
    try:
        ctypes.CDLL("libzstd.so.1")
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("compress", "has_module"),
    [
        (gzip.compress, True),
        (compressed_by_zstandard, True),
        pytest.param(
            *(compressed_by_zstandard, False),
            marks=pytest.mark.skipif(not has_library(), reason="the system has no libzstd.so.1"),
        ),
    ],
)
def test_a_compressed_file_of_a_newer_blender_is_not_opened(bpy, host, tmp_path, monkeypatch, compress, has_module):
    from ft_dcc.errors import SceneUnreadable

    before = bpy.data.filepath
    path = tmp_path / "new.blend"
    # Content that is compressed, and not only copied.
    content = compress(b"BLENDER17-01v9905" + b"".join(b"%d " % number for number in range(50_000)))
    if not has_module:
        monkeypatch.setitem(sys.modules, "zstandard", None)
    path.write_bytes(content)
    with pytest.raises(SceneUnreadable, match=r"was saved by Blender 99.5; this is Blender"):
        host.open_scene_file(path)
    path.write_bytes(content[:10])
    with pytest.raises(SceneUnreadable, match="or it is damaged"):
        host.open_scene_file(path)
    assert bpy.data.filepath == before


@pytest.mark.parametrize(("has_module", "has_library"), [(True, True), (False, True), (False, False)])
def test_a_compressed_file_of_this_blender_is_opened(bpy, host, tmp_path, monkeypatch, has_module, has_library):
    if not has_module:
        monkeypatch.setitem(sys.modules, "zstandard", None)
    if not has_library:
        monkeypatch.setattr(ctypes, "CDLL", load_without_zstd)
    path = tmp_path / "sh010.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True, copy=True)
    host.open_scene_file(path)
    assert Path(bpy.data.filepath) == path


@pytest.fixture
def comparison(controller, bpy, saved, publish_scene):  # noqa: F811
    """Return a function that compares with a new version and returns the folder of the images."""

    def start(**values):
        version_id = publish_scene(saved, **values)
        bpy.ops.ft_dcc.read_notes()
        done(controller)
        bpy.ops.ft_dcc.compare_with(version_id=version_id)
        assert controller.version_files.wait(TIMEOUT_SECONDS) and controller.version_files.error == ""
        (image,) = [each for each in bpy.data.images if each.get("ft_dcc_compare")]
        return Path(image.filepath_from_user()).parent

    return start


def test_a_version_is_compared_and_the_movie_removed_without_a_trace(controller, bpy, scene, comparison):  # noqa: F811
    from blender import sample_scene
    from ft_dcc_blender.scene import compare

    before = sample_scene.state()
    folder = comparison()
    (background,) = scene.camera.data.background_images
    assert scene.camera.data.show_background_images and compare.is_shown()
    assert (background.image_user.frame_start, background.image_user.frame_duration) == (1001, 2)
    assert sorted(path.name for path in folder.iterdir()) == ["image.00001.jpg", "image.00002.jpg"]
    bpy.ops.ft_dcc.stop_comparing()
    assert controller.version_files.wait(TIMEOUT_SECONDS)
    assert not compare.is_shown() and not scene.camera.data.show_background_images
    assert sample_scene.state() == before
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


def test_a_camera_that_was_deleted_is_a_sentence(controller, bpy, scene, saved, publish_scene):  # noqa: F811
    version_id = publish_scene(saved)
    bpy.ops.ft_dcc.read_notes()
    done(controller)
    for camera in [item for item in scene.objects if item.type == "CAMERA"]:
        bpy.data.objects.remove(camera)
    bpy.ops.ft_dcc.compare_with(version_id=version_id)
    assert controller.version_files.wait(TIMEOUT_SECONDS)
    assert "has no camera" in controller.version_files.error
    assert controller.version_files.compared == ""
