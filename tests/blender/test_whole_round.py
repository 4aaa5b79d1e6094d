"""One round of a review: publish from real Blender, draw and write in a real browser, answer in Blender's panel."""

import json
import time

import pytest
from blender.test_feedback import visible  # noqa: F401 - a fixture
from browser.conftest import context, kept_contexts, reviews, view  # noqa: F401 - fixtures
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.frames import Resolution
from ft_dcc.review.drawings import rgb

SIZE = (320, 180)
START, END = (0.25, 0.25), (0.75, 0.5)


@pytest.fixture
def shot(choices, scene, bpy, project_task, small_shot, session, project_shot, tmp_path):
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
    def press():
        assert bpy.ops.ft_dcc.publish() == {"FINISHED"}
        assert (signed_in.error, signed_in.problems) == ("", ())
        return signed_in.published[0][1]

    return press


@pytest.fixture
def capture(bpy, shot, request_of, visible, sample):  # noqa: F811
    from ft_dcc_blender.host import BlenderHost

    def make(frame):
        frames = BlenderHost().playblast(request_of(str(frame), resolution=Resolution(*SIZE)), lambda _: None)
        return sample.pixels(frames.path(frame))

    return make


def stored_shape(session, version_id):
    found = session.query(
        f'ReviewSessionObjectAnnotation where review_session_object.version_id is "{version_id}"'
    ).one()
    (shape,) = json.loads(found["data"])["shapes"]
    return shape, found["frame_number"]


def write_note(session, version_id, page, people):
    """Draw a line on frame 1004 of the version on the review page, and send it with a text; return when it was sent."""
    review = session.query(f'ReviewSessionObject where version_id is "{version_id}"').one()["review_session_id"]
    page.open(people.invite(review, "Ada Example"))
    page.jump(1004)
    page.wait_for(1004)
    page.press("d")
    page.draw(START, END)
    page.wait_for_strokes(1)
    page.page.fill("#note-text", "Arm too high")
    sent = time.time()
    page.page.click("#send-note")
    page.wait_for_notes(1)
    return sent


def assert_line(drawn, before, shape, nearest=90):
    """Assert that rows of pixels have the line where it was drawn, and not upside down."""
    width, height, colour = len(drawn[0]), len(drawn), rgb(shape["colour"])
    for x, y, _ in shape["points"][1:-1]:
        column, row = int(x * width), int(y * height)
        near = [(drawn[row + offset][column], before[row + offset][column]) for offset in (-1, 0, 1)]
        # The line is about a pixel wide, and its edges are smooth.
        assert min(difference(after, colour) for after, _ in near) < nearest
        assert min(difference(after, colour) - difference(empty, colour) for after, empty in near) < -60, (x, y)
        assert drawn[height - 1 - row][column] == before[height - 1 - row][column]


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
    bpy.ops.ft_dcc.refresh()
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    write_note(session, first.version_id, view, reviews)

    # The event hub reports the note; the artist has pressed nothing.
    wait_until(lambda: feedback.message == "Ada Example: Arm too high", "the note", lambda: feedback.message)
    (note,) = feedback.versions[0].open_notes
    assert (note.frame, note.drawing is not None) == (1004, True)

    without = {frame: capture(frame) for frame in (1003, 1004, 1005)}
    bpy.ops.ft_dcc.show_drawings()
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    shape, frame = stored_shape(session, first.version_id)
    assert frame == 1004
    before = without[1004]
    assert_line(capture(1004), before, shape)
    assert (capture(1003), capture(1005)) == (without[1003], without[1005])

    bpy.ops.ft_dcc.reply_to_note(note_id=note.id, text="Lowered it")
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    view.page.wait_for_selector('.replies .note:has-text("Lowered it")')

    bpy.ops.ft_dcc.toggle_addressed(note_id=note.id)
    assert publish().version == 2
    view.page.wait_for_selector('.note-addressed:has-text("v002")')

    bpy.ops.ft_dcc.mark_note(note_id=note.id)
    assert feedback.wait(TIMEOUT_SECONDS) and feedback.error == ""
    view.page.wait_for_selector(f'.note[data-id="{note.id}"][data-done="true"]')
    bpy.ops.ft_dcc.hide_drawings()
    assert feedback.wait(TIMEOUT_SECONDS)
    assert capture(1004) == before
