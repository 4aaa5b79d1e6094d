"""One round of a review with both windows: Blender's panel under Xvfb, and the review page in a browser.

The variable FT_DCC_BLENDER names the Blender; see test_window.py.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from blender.test_whole_round import assert_line, stored_shape, write_note
from blender.test_window import blender, start_steps  # noqa: F401 - fixtures
from browser.conftest import context, kept_contexts, reviews, view  # noqa: F401 - fixtures
from PIL import Image

pytestmark = pytest.mark.timeout(900)


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
    sent = write_note(session, version_id, view, reviews)

    # The steps wait for the panel, and press nothing.
    seen = run.wait_for_event("drawn in the panel")
    record_property("seconds from the click on the page to the note in the panel", round(seen["time"] - sent, 2))
    print(f"The note was in the panel {seen['time'] - sent:.2f} s after the click on the page.")
    assert (seen["message"], seen["frame"]) == ("Ada Example: Arm too high", 1004)
    assert seen["notes"] == [seen["note_id"]]

    assert run.wait_for_event("answered")["version"] == 2
    view.page.wait_for_selector('.note-addressed:has-text("v002")')
    view.page.wait_for_selector(f'.note[data-id="{seen["note_id"]}"][data-done="true"]')
    run.wait()
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert (results["error"], results["problems"]) == ("", [])
    assert_drawn(results["captures"], *stored_shape(session, version_id))


def test_the_screenshot_and_the_animation_show_the_panel_the_page_and_the_drawing_in_the_scene(
    start_steps,  # noqa: F811
    view,  # noqa: F811
    reviews,  # noqa: F811
    session,
    tmp_path,
):
    """``make screenshot-blender`` writes them to the files that FT_DCC_SCREENSHOT and FT_DCC_ANIMATION name."""
    run = start_steps("screenshot", 1320, 1180)
    version_id = run.wait_for_event("published")["version_id"]
    run.wait()
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["error"] == ""
    screenshot = tmp_path / "screenshot.png"
    assert screenshot.stat().st_size > 10_000
    if "FT_DCC_SCREENSHOT" in os.environ:
        shutil.copy(screenshot, os.environ["FT_DCC_SCREENSHOT"])
    review = session.query(f'ReviewSessionObject where version_id is "{version_id}"').one()["review_session_id"]
    view.page.set_viewport_size({"width": 1320, "height": 1180})
    view.open(reviews.invite(review, "Ada Example"))
    # In milliseconds.
    durations = {"ready": 2500, "capturing": 1200}
    for frame in range(1021, 1025):
        view.jump(frame)
        view.wait_for(frame)
        view.page.screenshot(path=tmp_path / f"page-{frame}.png")
        durations[f"page-{frame}"] = 400
    durations.update({"page-1024": 3500, "screenshot": 4000})
    images = [Image.open(tmp_path / f"{name}.png").convert("RGB").resize((880, 786)) for name in durations]
    target = Path(os.environ.get("FT_DCC_ANIMATION", tmp_path / "round.webp"))
    times = list(durations.values())
    images[0].save(target, save_all=True, append_images=images[1:], duration=times, loop=0, quality=80, method=6)
    assert 10_000 < target.stat().st_size < 2_000_000


def assert_drawn(captures, shape, frame):
    """Assert that the drawing lies where it was drawn, on its frame only, and that captures and the end lack it."""
    from blender import sample_scene

    rows = {
        name: {int(number): sample_scene.pixels(path) for number, path in paths.items()}
        for name, paths in captures.items()
    }
    before, shown = rows["before"], rows["shown"]
    assert_line(shown[frame], before[1004], shape, nearest=256)
    assert (shown[1003], shown[1005]) == (before[1003], before[1005])
    assert rows["hidden in a capture"] == rows["after"] == before
