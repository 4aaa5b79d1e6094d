"""Many shots of one file: strips of the sequencer, or markers with cameras, each to the task of its own shot."""

import pytest
from doubles.colour_bars import write_painted
from run_options import EVERY_FAULT

from ft_dcc import media
from ft_dcc.production.tasks import WantedTask, ensure_tasks
from ft_dcc.production.versions import fetch, find_movie

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
    edit, signed_in, bpy, session, tmp_path, sample
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
    strips[0].name = "Typo"
    with pytest.raises(RuntimeError, match=r"The shot Typo has no task Edit\. Name each strip or marker as its shot\."):
        bpy.ops.ft_dcc.publish_shots()


def test_markers_with_cameras_are_shots_with_their_own_ranges(scene):
    from ft_dcc_blender.scene import sources

    for name, frame in (("SH020", 1007), ("SH010", 1001), ("beat", 1003)):
        scene.timeline_markers.new(name, frame=frame).camera = None if name == "beat" else scene.camera
    found = [(name, str(frames)) for name, _, frames in sources.find_shots(scene)]
    assert found == [("SH010", "1001-1006"), ("SH020", "1007-1012")]
