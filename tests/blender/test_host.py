import os
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from doubles.programs import run_process

from ft_dcc.errors import CameraMissing, SceneUnreadable, SettingInvalid, StorageError
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import Soundtrack, SupportsFocalLengths


def saved(bpy, path, *, compress=False):
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=compress)
    return path


def reopened(bpy, path):
    from ft_dcc_blender.host import BlenderHost

    bpy.ops.wm.read_factory_settings(use_empty=True)
    return BlenderHost.open(path)


@pytest.mark.parametrize(
    ("fps", "base", "rate"),
    [(24, 1.001, Fraction(24000, 1001)), (2997, 100.0, Fraction(30000, 1001)), (25, 2.0, Fraction(25, 2))],
)
def test_the_frame_rate_is_exact(host, scene, fps, base, rate):
    scene.render.fps, scene.render.fps_base = fps, base
    assert host.scene().fps == rate


def test_the_resolution_ignores_the_render_percentage(host, scene):
    scene.render.resolution_percentage = 50
    assert str(host.scene().resolution) == "64x36"


def test_focal_lengths_cover_each_frame_and_keep_the_current_frame(host, scene):
    lens = scene.camera.data
    lens.type = "PERSP"
    assert isinstance(host, SupportsFocalLengths)
    assert host.focal_lengths("Camera", FrameRange(1001, 1002, 1)) == dict.fromkeys(range(1000, 1004), 50.0)
    for frame, length in ((1001, 24.0), (1003, 48.0)):
        lens.lens = length
        lens.keyframe_insert("lens", frame=frame)
    scene.frame_set(1002)
    found = host.focal_lengths("Camera", FrameRange(1001, 1003))
    assert {frame: round(length, 2) for frame, length in found.items()} == {1001: 24.0, 1002: 36.0, 1003: 48.0}
    assert scene.frame_current == 1002
    lens.type = "ORTHO"
    assert host.focal_lengths("Camera", FrameRange(1001, 1003)) == {}
    with pytest.raises(CameraMissing):
        host.focal_lengths("Nobody", FrameRange(1001, 1003))


def test_the_active_camera_is_the_first_source(host, scene, bpy, sample):
    sample.add_camera("Alternative")
    scene.camera = sample.add_camera("Zenith")
    assert host.scene().sources == ("Zenith", "Alternative", "Camera")


def test_a_light_as_active_camera_is_not_a_source(host, scene, bpy, sample):
    scene.camera = sample.add(bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "SUN")))
    assert host.scene().sources == ("Camera",)


def test_the_host_uses_the_scene_of_the_active_window(host, bpy):
    other = bpy.data.scenes.new("Other")
    other.frame_start, other.frame_end = 1, 5
    assert str(host.scene().frame_range) == "1001-1012"
    bpy.context.window.scene = other
    # It has no camera of its own; without a window, those of other scenes are sources with the name of their scene.
    assert (str(host.scene().frame_range), host.scene().sources) == ("1-5", ("Scene: Camera",))


def test_a_file_that_was_opened_is_not_modified(host, bpy, tmp_path):
    scene = reopened(bpy, saved(bpy, tmp_path / "shot.blend")).scene()
    assert (scene.path, scene.is_modified) == (tmp_path / "shot.blend", False)


def test_configure_sets_range_rate_and_size_of_the_shot(host, scene):
    host.configure(FrameRange(1001, 1048, handles=8), Fraction(24000, 1001), Resolution(1920, 1080))
    now = host.scene()
    assert (str(now.frame_range), now.fps, str(now.resolution)) == ("993-1056", Fraction(24000, 1001), "1920x1080")
    assert (scene.render.fps, scene.render.resolution_percentage, now.is_modified) == (24, 100, True)


@pytest.mark.parametrize("rate", [Fraction(25, 2), Fraction(30000, 1001)])
def test_a_configured_rate_is_read_back_exactly(host, rate):
    host.configure(FrameRange(1, 2), rate, Resolution(64, 36))
    assert host.scene().fps == rate


def test_configure_accepts_a_range_before_or_after_the_current_one(host):
    for text in ("2001-2010", "0-0", "1-5"):
        host.configure(FrameRange.parse(text), Fraction(24), Resolution(64, 36))
        assert str(host.scene().frame_range) == text


def test_configure_with_an_impossible_range_changes_nothing(host, state):
    before = state()
    with pytest.raises(SettingInvalid, match=r"from 0 to 1048574.* cannot be -3-18"):
        host.configure(FrameRange(5, 10, handles=8), Fraction(25), Resolution(32, 18))
    assert state() == before


def test_save_writes_the_file_in_place(host, bpy, tmp_path):
    path = saved(bpy, tmp_path / "shot.blend")
    host.remember_task("4711")
    assert host.save() == path
    assert not host.scene().is_modified
    assert reopened(bpy, path).scene().task_id == "4711"


def test_save_into_a_missing_folder_raises_storage_error(host, bpy, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    saved(bpy, folder / "shot.blend").unlink()
    folder.rmdir()
    with pytest.raises(StorageError, match="cannot be saved"):
        host.save()


@pytest.mark.parametrize("content", [None, b"hello", b"BLENDER17-01v0500"])
def test_a_file_that_is_missing_or_of_another_format_cannot_be_opened(bpy, tmp_path, content):
    from ft_dcc_blender.host import BlenderHost

    if content is not None:
        (tmp_path / "shot.blend").write_bytes(content)
    reason = "does not exist" if content is None else "is not a Blender file, or it is damaged"
    with pytest.raises(SceneUnreadable, match=rf"shot\.blend {reason}") as caught:
        BlenderHost.open(tmp_path / "shot.blend")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compress", [False, True])
def test_a_truncated_file_cannot_be_opened(host, bpy, tmp_path, compress):
    path = saved(bpy, tmp_path / "shot.blend", compress=compress)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SceneUnreadable, match="damaged"):
        reopened(bpy, path)


def test_code_in_a_file_runs_only_with_run_scripts(host, bpy, tmp_path):
    from ft_dcc_blender.host import BlenderHost

    text = bpy.data.texts.new("start.py")
    text.write(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    text.use_module = True
    path = saved(bpy, tmp_path / "shot.blend")
    BlenderHost.open(path)
    assert not (tmp_path / "ran").exists()
    BlenderHost.open(path, run_scripts=True)
    assert (tmp_path / "ran").exists()


def test_opening_prints_nothing(host, bpy, tmp_path, capfd):
    path = saved(bpy, tmp_path / "shot.blend")
    capfd.readouterr()
    reopened(bpy, path)
    assert capfd.readouterr().out == ""


def test_audible_strips_are_listed_with_start_cut_and_volume(host, scene, strips, tone):
    _first, cut, muted, silent = (
        strips.new_sound(name, str(tone), channel, 990 + channel)
        for channel, name in enumerate(("first", "cut", "muted", "silent"), 1)
    )
    # Blender 5 renames the properties of a strip.
    names = ("left_handle_offset", "right_handle_offset")
    if not hasattr(cut, names[0]):
        names = ("frame_offset_start", "frame_offset_end")
    for name, frames in zip(names, (3.0, 4.0)):
        setattr(cut, name, frames)
    cut.volume = 0.5
    muted.mute, scene.sequence_editor.channels[silent.channel].mute = True, True
    assert sorted(host.scene().sounds, key=lambda sound: sound.start) == [
        Soundtrack(tone, Fraction(991), (Fraction(991), Fraction(1015))),
        Soundtrack(tone, Fraction(992), (Fraction(995), Fraction(1012)), 0.5),
    ]


def test_a_headless_capture_is_safe_beside_a_thread_that_runs_python(tmp_path, bpy):
    """Capture in a child with Python's checked allocator, which ends the process if its lock is not held."""
    code = """
import sys, threading
from pathlib import Path
import bpy
from blender import sample_scene
from ft_dcc.frames import FrameRange, Resolution
from ft_dcc.host import PlayblastRequest
from ft_dcc_blender.host import BlenderHost

sample_scene.build()
stopped = threading.Event()

def run_python():
    while not stopped.is_set():
        sum(range(100))

def capture(name):
    frames, size, folder = FrameRange(1001, 1010), Resolution(32, 18), Path(sys.argv[1], name)
    request = PlayblastRequest("Camera", frames, size, folder, "shot", {"samples": "OFF"})
    BlenderHost().playblast(request, lambda frame: None)

busy, worker = threading.Thread(target=run_python), threading.Thread(target=capture, args=("worker",))
busy.start()
capture("main")
worker.start()
worker.join()
stopped.set()
busy.join()
"""
    environment = {**os.environ, "PYTHONMALLOC": "debug", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = run_process(sys.executable, "-c", code, tmp_path, env=environment)
    assert (done.returncode, "without holding the GIL" in done.stderr) == (0, False), done.stderr[-2000:]
    assert len(list((tmp_path / "main").iterdir())) == 10
    if bpy.app.version < (4, 5):
        assert "can draw only on its main thread. Capture from there." in done.stderr
    else:
        assert len(list((tmp_path / "worker").iterdir())) == 10
