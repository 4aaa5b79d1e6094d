"""Many shots of one file: strips of the sequencer, or markers with cameras, each to the task of its own shot."""

from fractions import Fraction

import pytest
from doubles.colour_bars import write_painted
from run_options import EVERY_FAULT

from ft_dcc import media
from ft_dcc.frames import FrameRange
from ft_dcc.production.tasks import WantedTask, ensure_tasks, find_task
from ft_dcc.production.versions import fetch, find_movie
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import publish

COUNT = 30 if EVERY_FAULT else 7
FIRST = 11


@pytest.fixture
def edit(choices, scene, strips, project, session, tmp_path):
    """Build an edit of two frames for each shot, and return the paths of the tasks and the strips."""
    scene.render.resolution_x, scene.render.resolution_y, scene.display.render_aa = 64, 36, "OFF"
    shots = [f"SH{number:03d}" for number in range(COUNT)]
    # The task of the sequence, and another sequence with a shot of the same name.
    paths = [*(f"{project['name']}/SQ/{shot}/Edit" for shot in shots), f"{project['name']}/SQ/Edit"]
    wanted = [WantedTask(path) for path in (*paths, f"{project['name']}/ZZ/SH001/Edit")]
    scene["ft_dcc_task_id"] = ensure_tasks(session, wanted)[COUNT]["id"]
    for place, shot in enumerate(shots):
        start, ending = FIRST + 2 * place, ("", ".mp4", ".001")[place % 3]
        # The double draws a white line at the column of the frame modulo the width.
        write_painted(tmp_path, (start, start + 1), "painted")
        strip = strips.new_image(shot + ending, str(tmp_path / f"painted.{start}.png"), 1, start)
        strip.elements.append(f"painted.{start + 1}.png")
    return paths, strips


def test_shots_of_an_edit_go_to_their_own_tasks_and_the_joined_frames_are_exact(
    edit, signed_in, bpy, session, tmp_path, sample, root
):
    paths, strips = edit
    assert bpy.ops.ft_dcc.publish_shots(is_joined=True) == {"FINISHED"}
    ranges = [[FIRST + 2 * place, FIRST + 2 * place + 1] for place in range(COUNT)]
    wanted = dict(zip(paths, (*ranges, [*range(FIRST, FIRST + 2 * COUNT)])))
    assert {task for task, _ in signed_in.published} == set(wanted)
    for task, version in signed_in.published:
        movie = fetch(session, find_movie(session, version.version_id), tmp_path / task.replace("/", "_"))
        images = media.movie_images(movie, movie.parent / "images")
        rows = [[green for _, green, _ in sample.pixels(images.path(n + 1))[18]] for n in range(len(images))]
        # The line makes its column lighter than it is in the other frames.
        darkest = [min(column) for column in zip(*rows)]
        changes = [[green - least for green, least in zip(row, darkest)] for row in rows]
        assert [change.index(max(change)) for change in changes] == [frame % 64 for frame in wanted[task]]
    update_movies(signed_in, strips, bpy, session, paths, movie)
    strips["Logo"].name = "Typo"
    with pytest.raises(RuntimeError, match=r"The shot Typo has no task Edit\. Name each strip or marker as its shot\."):
        bpy.ops.ft_dcc.publish_shots()


def cut_of(strips):
    from ft_dcc_blender.scene import blender_compat

    return {strip.name: (blender_compat.strip_range(strip), blender_compat.content_start(strip)) for strip in strips}


def update_movies(controller, strips, bpy, session, paths, other):
    """Replace the images by a movie of another length, and let the versions of the shots take its place."""
    versions = {task.split("/")[-2]: version.version_id for task, version in controller.published}
    for strip in list(strips):
        name, (start, _) = strip.name, cut_of([strip])[strip.name][0]
        strips.remove(strip)
        strips.new_movie(name, str(other), 1, start - 1).frame_offset_start = 1
    for each, name in enumerate(("SQ", "Logo"), 2):
        strips.new_movie(name, str(other), each, FIRST)
    strips["SH002.001"].color_tag = "COLOR_05"
    before = cut_of(strips)
    bpy.ops.ft_dcc.update_movies(is_checked=True)
    assert controller.work_message.startswith("Outdated: SH000 unknown -> v001, SH001.mp4 unknown -> v001, ")
    assert {strip.name: strip.color_tag for strip in strips} == {**dict.fromkeys(before, "COLOR_01"), "Logo": "NONE"}
    bpy.ops.ft_dcc.update_movies()
    assert controller.work_message.endswith(
        f"There is no version for Logo. SQ has {2 * COUNT} frames instead of 2; its cut is unchanged."
    )
    shown = {strip.name: strip["ft_dcc_version"] for strip in strips if strip.name != "Logo"}
    assert {name.partition(".")[0]: version_id for name, version_id in shown.items()} == versions
    assert len({strip.filepath for strip in strips}) == COUNT + 2 and cut_of(strips) == before
    assert {strip.name for strip in strips if strip.color_tag != "NONE"} == {"SH002.001"}

    # The name of a strip with a known version does not matter.
    strips["SH001.mp4"].name = "Renamed"
    frames = str(other.parents[1] / "painted.%d.png")
    publish(PublishRequest(paths[1], frames, frame_range=FrameRange(11, 15), fps=Fraction(24)), session)
    bpy.ops.ft_dcc.update_movies()
    assert controller.work_message == (
        "Updated: Renamed v001 -> v002. There is no version for Logo. "
        "Renamed has 5 frames instead of 2; its cut is unchanged."
    )
    bpy.ops.ft_dcc.update_movies()
    assert controller.work_message == "All movies are up to date. There is no version for Logo."
    before["Renamed"] = before.pop("SH001.mp4")
    assert cut_of(strips) == before


def test_the_movies_of_the_neighbours_are_muted_strips_and_leave_no_trace(
    edit, signed_in, scene, bpy, session, tmp_path, root
):
    paths, _ = edit
    frames = str(tmp_path / "painted.%d.png")
    for place, end in ((1, 12), (3, 15), (COUNT - 2, 12)):
        wanted = FrameRange(11, end)
        publish(PublishRequest(paths[place], frames, frame_range=wanted, fps=Fraction(24)), session)
    with pytest.raises(RuntimeError, match=r"SQ has no neighbour in its sequence with a version\."):
        bpy.ops.ft_dcc.toggle_neighbours()
    scene.sequence_editor_clear()
    scene.frame_start, scene.frame_end = 101, 110
    for shot, wanted, message in (
        (0, {(111, 113)}, "SH001"),
        (2, {(99, 101), (111, 116)}, "SH001 and SH003"),
        (COUNT - 1, {(99, 101)}, f"SH{COUNT - 2:03d}"),
    ):
        scene["ft_dcc_task_id"] = find_task(session, paths[shot])["id"]
        bpy.ops.ft_dcc.toggle_neighbours()
        assert signed_in.work_message == f"Shown: {message}."
        editor = scene.sequence_editor
        shown = [*(editor.strips if hasattr(editor, "strips") else editor.sequences)]
        assert {place for place, _ in cut_of(shown).values()} == wanted and all(strip.mute for strip in shown)
        file = tmp_path / f"{shot}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(file), copy=True)
        with bpy.data.libraries.load(str(file)) as (saved, loaded):
            loaded.scenes = saved.scenes
        assert scene.sequence_editor is not None and loaded.scenes[0].sequence_editor is None
        bpy.data.scenes.remove(loaded.scenes[0])
        bpy.ops.ft_dcc.toggle_neighbours()
        assert scene.sequence_editor is None and not bpy.data.sounds


def test_markers_with_cameras_are_shots_with_their_own_ranges(scene):
    from ft_dcc_blender.scene import sources

    for name, frame in (("SH020", 1007), ("SH010", 1001), ("beat", 1003)):
        scene.timeline_markers.new(name, frame=frame).camera = None if name == "beat" else scene.camera
    found = [(name, str(frames)) for name, _, frames in sources.find_shots(scene)]
    assert found == [("SH010", "1001-1006"), ("SH020", "1007-1012")]
