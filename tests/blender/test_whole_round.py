"""One round of a review: publish from real Blender, draw and write in a real browser, answer in Blender's panel."""

from __future__ import annotations

import json

import pytest
from blender.test_feedback import visible  # noqa: F401 - a fixture
from browser.conftest import new_context, reviews, view  # noqa: F401 - fixtures
from browser.test_guests import draw, wait_for_notes, wait_for_strokes
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import rgb

SIZE = (320, 180)
START, END = (0.25, 0.25), (0.75, 0.5)


@pytest.fixture
def shot(choices, scene, bpy, project_task, small_shot, session, project_shot, tmp_path):
    """Save the scene with the settings of the shot, and choose the task."""
    from ft_dcc_blender.host import BlenderHost

    project_shot["custom_attributes"]["resolution"] = "x".join(map(str, SIZE))
    session.commit()
    scene.frame_start, scene.frame_end = 1001, 1006
    scene.render.fps, scene.render.fps_base = 24, 1.001
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.display.render_aa = "OFF"
    BlenderHost().remember_task(project_task["id"])
    choices.task = "/".join(part["name"] for part in project_task["link"])
    choices.review = "Dailies"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "sh010.blend"))
    return scene


@pytest.fixture
def publish(shot, bpy, signed_in):
    """Return a function that presses the button and returns the published version."""

    def press():
        assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
        assert (signed_in.error, signed_in.problems) == ("", ())
        return signed_in.published[0][1]

    return press


@pytest.fixture
def capture(bpy, shot, request_of, visible):  # noqa: F811
    """Return a function that captures a frame as the viewport shows it, and returns its rows of pixels."""
    from blender import sample_scene
    from ft_dcc_blender.host import BlenderHost

    def make(frame):
        frames = BlenderHost().playblast(request_of(str(frame), resolution=Resolution(*SIZE)), lambda _: None)
        return sample_scene.pixels(frames.path(frame))

    return make


def stored_shape(session, version_id):
    """Return the shape that the page has stored on the version, and its frame."""
    found = session.query(
        f'ReviewSessionObjectAnnotation where review_session_object.version_id is "{version_id}"'
    ).one()
    (shape,) = json.loads(found["data"])["shapes"]
    return shape, found["frame_number"]


def difference(pixel, colour):
    return max(abs(found - wanted * 255) for found, wanted in zip(pixel, colour))


@pytest.mark.timeout(600)
def test_a_note_and_its_drawing_reach_blender_and_the_answer_reaches_the_page(
    publish,
    capture,
    signed_in,
    bpy,
    view,  # noqa: F811
    reviews,  # noqa: F811
    session,
):
    feedback = signed_in.feedback
    first = publish()
    bpy.ops.ft_dcc.read_notes()
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    review = session.query(f'ReviewSessionObject where version_id is "{first.version_id}"').one()["review_session_id"]

    view.open(reviews.invite(review, "Ada Example"))
    view.jump(1004)
    view.wait_for(1004)
    view.press("d")
    draw(view, START, END)
    wait_for_strokes(view, 1)
    view.page.fill("#note-text", "Arm too high")
    view.page.click("#send-note")
    wait_for_notes(view, 1)

    # The event hub reports the note; the artist has pressed nothing.
    wait_until(lambda: feedback.message == "Ada Example: Arm too high", "the note", lambda: feedback.message)
    (note,) = feedback.versions[0].open_notes
    assert (note.frame, note.drawing is not None) == (1004, True)

    without = {frame: capture(frame) for frame in (1003, 1004, 1005)}
    bpy.ops.ft_dcc.show_drawings()
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    shape, frame = stored_shape(session, first.version_id)
    assert frame == 1004
    drawn, before, colour = capture(1004), without[1004], rgb(shape["colour"])
    for x, y, _ in shape["points"][1:-1]:
        column, row = int(x * SIZE[0]), int(y * SIZE[1])
        near = [drawn[row + offset][column] for offset in (-1, 0, 1)]
        # The line is about a pixel wide, and its edges are smooth.
        assert min(difference(pixel, colour) for pixel in near) < 90, (x, y)
        assert difference(before[row][column], colour) > 150
        # The same place upside down has not changed.
        assert drawn[SIZE[1] - 1 - row][column] == before[SIZE[1] - 1 - row][column]
    assert (capture(1003), capture(1005)) == (without[1003], without[1005])

    bpy.ops.ft_dcc.reply_to_note(note_id=note.id, text="Lowered it")
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    view.page.wait_for_selector('.replies .note:has-text("Lowered it")')

    bpy.ops.ft_dcc.toggle_addressed(note_id=note.id)
    second = publish()
    assert second.version == 2
    view.page.wait_for_selector('.note-addressed:has-text("v002")')

    bpy.ops.ft_dcc.mark_note(note_id=note.id)
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    view.page.wait_for_selector(f'.note[data-id="{note.id}"][data-done="true"]')
    bpy.ops.ft_dcc.hide_drawings()
    assert feedback.wait(TIMEOUT_SECONDS)
    assert capture(1004) == before
