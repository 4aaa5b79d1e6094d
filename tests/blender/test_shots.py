"""Many shots of one file: strips of the sequencer, or markers with cameras, each to the task of its own shot."""

import pytest
from doubles.colour_bars import write_painted

from ft_dcc import media
from ft_dcc.production.tasks import WantedTask, ensure_tasks
from ft_dcc.production.versions import fetch, find_movie


def test_each_shot_of_an_edit_goes_to_its_own_task_and_the_joined_frames_are_exact(
    choices, scene, strips, project, signed_in, bpy, session, tmp_path, sample
):
    scene.render.resolution_x, scene.render.resolution_y, scene.display.render_aa = 64, 36, "OFF"
    # The task of the sequence, and another sequence with a shot of the same name.
    paths = [f"{project['name']}/{shot}/Edit" for shot in ("SQ/SH1", "SQ/SH2", "SQ/SH3", "SQ", "ZZ/SH1")]
    scene["ft_dcc_task_id"] = ensure_tasks(session, [WantedTask(path) for path in paths])[3]["id"]
    for start, name in ((11, "SH1.mp4"), (13, "SH2"), (15, "SH3.001")):
        write_painted(tmp_path, (start, start + 1), "painted")
        strip = strips.new_image(name, str(tmp_path / f"painted.{start}.png"), 1, start)
        strip.elements.append(f"painted.{start + 1}.png")
    assert bpy.ops.ft_dcc.publish_shots(is_joined=True) == {"FINISHED"}
    wanted = dict(zip(paths, ([11, 12], [13, 14], [15, 16], [11, 12, 13, 14, 15, 16])))
    assert {task for task, _ in signed_in.published} == set(wanted)
    for task, version in signed_in.published:
        movie = fetch(session, find_movie(session, version.version_id), tmp_path / task.replace("/", "_"))
        images = media.movie_images(movie, movie.parent / "images")
        # The double draws a white line at the column of the frame; green, because four pixels share the other colours.
        rows = [[green for _, green, _ in sample.pixels(images.path(n + 1))[18]] for n in range(len(images))]
        assert [row.index(max(row)) for row in rows] == wanted[task]
    strip.name = "Typo"
    with pytest.raises(RuntimeError, match=r"The shot Typo has no task Edit\. Name each strip or marker as its shot\."):
        bpy.ops.ft_dcc.publish_shots()


def test_markers_with_cameras_are_shots_with_their_own_ranges(scene):
    from ft_dcc_blender.scene import sources

    for name, frame in (("SH020", 1007), ("SH010", 1001), ("beat", 1003)):
        scene.timeline_markers.new(name, frame=frame).camera = None if name == "beat" else scene.camera
    found = [(name, str(frames)) for name, _, frames in sources.find_shots(scene)]
    assert found == [("SH010", "1001-1006"), ("SH020", "1007-1012")]
