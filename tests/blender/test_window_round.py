"""One round of a review with both windows: Blender's panel under Xvfb, and the review page in a browser.

The variable FT_DCC_BLENDER names the Blender; see test_window.py.
"""

from __future__ import annotations

import json
import time

import pytest
from blender.test_whole_round import difference, stored_shape
from blender.test_window import blender, start_steps  # noqa: F401 - fixtures
from browser.conftest import new_context, reviews, view  # noqa: F401 - fixtures
from browser.test_guests import draw, wait_for_notes, wait_for_strokes

from ft_dcc.review.drawings import rgb

WIDTH, HEIGHT = 320, 180


@pytest.mark.timeout(900)
def test_a_note_reaches_the_panel_and_the_viewport_and_the_answer_reaches_the_page(
    start_steps,  # noqa: F811
    view,  # noqa: F811
    reviews,  # noqa: F811
    session,
    project_task,
    tmp_path,
    record_property,
):
    task = "/".join(part["name"] for part in project_task["link"])
    run = start_steps("round", 1320, 1180, FT_DCC_TEST_TASK=task)
    version_id = run.wait_for_event("published")["version_id"]
    review = session.query(f'ReviewSessionObject where version_id is "{version_id}"').one()["review_session_id"]
    view.open(reviews.invite(review, "Ada Example"))
    view.jump(1004)
    view.wait_for(1004)
    view.press("d")
    draw(view, (0.25, 0.25), (0.75, 0.5))
    wait_for_strokes(view, 1)
    view.page.fill("#note-text", "Arm too high")
    sent = time.time()
    view.page.click("#send-note")
    wait_for_notes(view, 1)

    # The steps wait for the panel, and press nothing.
    seen = run.wait_for_event("drawn in the panel")
    record_property("seconds from the click on the page to the note in the panel", round(seen["time"] - sent, 2))
    print(f"The note was in the panel {seen['time'] - sent:.2f} s after the click on the page.")
    assert (seen["message"], seen["frame"]) == ("Ada Example: Arm too high", 1004)
    assert seen["notes"] == [seen["note_id"]]

    answer = run.wait_for_event("answered")
    assert answer["version"] == 2
    view.page.wait_for_selector('.note-addressed:has-text("v002")')
    view.page.wait_for_selector(f'.note[data-id="{seen["note_id"]}"][data-done="true"]')
    run.wait()
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert (results["error"], results["problems"]) == ("", [])
    assert_drawn(results["captures"], *stored_shape(session, version_id))


def assert_drawn(captures, shape, frame):
    """Assert that the drawing lies where it was drawn, on its frame only, and that captures and the end lack it."""
    from blender import sample_scene

    rows = {
        name: {int(number): sample_scene.pixels(path) for number, path in paths.items()}
        for name, paths in captures.items()
    }
    before, shown, colour = rows["before"], rows["shown"], rgb(shape["colour"])
    assert frame == 1004
    for x, y, _ in shape["points"][1:-1]:
        column, row = int(x * WIDTH), int(y * HEIGHT)
        near = [(shown[frame][row + offset][column], before[frame][row + offset][column]) for offset in (-1, 0, 1)]
        # The line is about a pixel wide, and its edges are smooth.
        assert min(difference(drawn, colour) - difference(empty, colour) for drawn, empty in near) < -60, (x, y)
        # The same place upside down has not changed.
        assert shown[frame][HEIGHT - 1 - row][column] == before[frame][HEIGHT - 1 - row][column]
    assert (shown[1003], shown[1005]) == (before[1003], before[1005])
    assert rows["hidden in a capture"] == rows["after"] == before
