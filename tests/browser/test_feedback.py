"""Test how people work with notes and drawings: drafts, threads, shapes, and pages that are open at the same time."""

from __future__ import annotations

import json

import pytest
from browser.conftest import SHORT_PAUSES
from browser.test_guests import draw, review, strokes, wait_for_notes, wait_for_strokes

__all__ = ["review"]


@pytest.fixture
def opened(view, reviews, review):
    """Open the page of an invitee whose visit is stored, and return its link."""
    link = reviews.invite(review[0], "Ada Example")
    view.open(link)
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    return link


def choose(view, tool):
    view.page.click(f'#pens button[data-tool="{tool}"]')


def drawn_kinds(reviews, session, version):
    """Return the kinds of the shapes that are stored on a version, by frame."""
    session.reset()
    found = session.query(f'ReviewSessionObjectAnnotation where review_session_object_id is "{version.id}"')
    return {each["frame_number"]: [shape["kind"] for shape in json.loads(each["data"])["shapes"]] for each in found}


def test_draft_with_drawing_survives_a_reload(view, opened):
    view.jump(1012)
    view.wait_for(1012)
    view.press("d")
    draw(view, (0.2, 0.3), (0.6, 0.6))
    wait_for_strokes(view, 1)
    view.page.fill("#note-text", "half a th")
    view.page.wait_for_url(lambda url: "frame=1012" in url)
    view.page.reload()
    view.wait_for(1012)
    assert view.page.input_value("#note-text") == "half a th"
    view.jump(1012)
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert view.text(".note .note-frame") == "Frame 1012"
    view.page.reload()
    view.wait_for(1012)
    assert view.page.input_value("#note-text") == ""


def test_what_is_written_and_drawn_while_a_note_is_sent_stays(view, reviews, review, opened, session):
    held = []
    view.page.route("**/notes", lambda route: held.append(route))
    view.press("d")
    draw(view, (0.2, 0.2), (0.8, 0.2))
    view.page.fill("#note-text", "Higher")
    with view.page.expect_request("**/notes"):
        view.page.click("#send-note")
    view.page.fill("#note-text", "Higher and brighter")
    draw(view, (0.2, 0.6), (0.8, 0.6))
    wait_for_strokes(view, 2)
    held[0].continue_()
    wait_for_notes(view, 1)
    assert view.page.input_value("#note-text") == " and brighter"
    view.page.unroute("**/notes")
    view.page.click("#send-note")
    wait_for_notes(view, 2)
    assert view.page.input_value("#note-text") == ""
    assert [note["content"] for note in reviews.notes(review[1])] == ["Higher", "and brighter"]
    session.reset()
    found = session.query(f'ReviewSessionObjectAnnotation where review_session_object_id is "{review[1].id}"')
    # Both drawings are on the frame, and none of them twice.
    ids = [shape["id"] for each in found for shape in json.loads(each["data"])["shapes"]]
    assert (len(ids), len(set(ids))) == (2, 2)


def test_note_appears_on_an_open_page_without_reload_or_lost_focus(view, reviews, review, opened, browser):
    view.page.fill("#note-text", "I am typing")
    other = browser.new_page()
    other.goto(reviews.invite(review[0], "Bo Example"))
    other.fill("#note-text", "Lift the chin.")
    other.click("#send-note")
    view.page.wait_for_selector('.note-content:has-text("Lift the chin.")')
    assert view.page.input_value("#note-text") == "I am typing"
    assert view.page.evaluate("() => document.activeElement.id") == "note-text"
    other.click(".note-edit")
    other.fill(".text-form textarea", "Lift the head.")
    other.click(".text-form .main-button")
    view.page.wait_for_selector('.note-content:has-text("Lift the head.")')
    other.once("dialog", lambda dialog: dialog.accept())
    other.click(".note-delete")
    wait_for_notes(view, 0)
    other.close()


def test_note_has_several_labels(view, reviews, review, opened, session):
    names = ["Client feedback", "For review"]
    view.page.fill("#note-text", "Why?")
    view.page.click("#note-labels")
    for name in names:
        view.page.get_by_role("checkbox", name=name).check()
    assert view.text("#note-labels") == "2 labels"
    view.page.keyboard.press("Escape")
    view.page.get_by_role("checkbox", name=names[0]).wait_for(state="hidden")
    assert view.page.evaluate("() => document.activeElement.id") == "note-labels"
    view.page.click("#note-labels")
    view.page.locator("#stage").dispatch_event("pointerdown")
    view.page.get_by_role("checkbox", name=names[0]).wait_for(state="hidden")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert sorted(view.page.locator(".note .note-label").all_inner_texts()) == names
    assert view.text("#note-labels") == "Labels"
    session.reset()
    (note,) = session.query(
        f'select note_label_links.label.name from Note where parent_id is "{review[1].id}" and content is "Why?"'
    )
    assert sorted(link["label"]["name"] for link in note["note_label_links"]) == names


def test_reply_and_done_state(view, reviews, review, opened):
    view.page.fill("#note-text", "Why?")
    view.page.press("#note-text", "Control+Enter")
    wait_for_notes(view, 1)
    view.page.click(".note-reply")
    view.page.fill(".text-form textarea", "Because.")
    view.page.press(".text-form textarea", "Control+Enter")
    view.page.wait_for_selector(".replies .note")
    view.page.click(".note-done")
    view.page.wait_for_selector('.note[data-done="true"]')
    view.page.click('.note-filters button:has-text("Open")')
    assert view.text("#no-notes") == "No notes match this filter."
    view.page.click('.note-filters button:has-text("Done")')
    view.page.click(".note-done")
    view.page.wait_for_selector("#no-notes")
    assert {note["completed_at"] for note in reviews.notes(review[1])} == {None}


def test_n_focuses_the_note_and_its_form_is_always_visible(view, opened):
    view.page.set_viewport_size({"width": 1280, "height": 600})
    view.press("n")
    assert view.page.evaluate("() => document.activeElement.id") == "note-text"
    box = view.page.locator("#note-form").bounding_box()
    assert box["y"] + box["height"] <= 600
    view.press("Escape")
    view.press("Shift+F")
    view.page.wait_for_function("() => document.fullscreenElement?.id === 'page'")
    view.press("n")
    assert view.page.evaluate("() => document.activeElement.id") == "note-text"
    assert view.page.is_visible("#send-note")


def test_n_opens_a_folded_panel(view, opened):
    view.press("p")
    assert not view.page.is_visible("#note-text")
    view.press("n")
    view.page.keyboard.type("Seen")
    assert view.page.input_value("#note-text") == "Seen"


def test_an_edit_begins_with_an_empty_field_if_all_of_it_is_deleted(view, reviews, review, opened):
    view.page.fill("#note-text", "Lift the chin.")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.page.click(".note-edit")
    view.page.fill(".text-form textarea", "")
    assert view.page.input_value(".text-form textarea") == ""
    view.page.keyboard.type("Lower it.")
    view.press("Control+Enter")
    view.page.wait_for_selector('.note-content:has-text("Lower it.")')
    assert [note["content"] for note in reviews.notes(review[1])] == ["Lower it."]


def test_range_is_set_by_in_and_out(view, reviews, review, opened):
    view.jump(1005)
    view.wait_for(1005)
    view.press("i")
    view.jump(1009)
    view.wait_for(1009)
    view.press("o")
    assert view.text("#note-form #note-frame") == "Frames 1005–1009"
    view.page.fill("#note-text", "Too fast.")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert view.text(".note .note-frame") == "Frames 1005–1009"
    (note,) = reviews.notes(review[1])
    assert note["frame_number"] == 1005
    for frame, is_highlighted in ((1009, "true"), (1010, "false"), (1005, "true")):
        view.jump(frame)
        view.page.wait_for_selector(f'.note[data-at-frame="{is_highlighted}"]')


@pytest.mark.parametrize("kind", ["line", "arrow", "rectangle", "ellipse"])
def test_shape_is_drawn_and_stored(view, reviews, review, opened, session, kind):
    view.press("d")
    choose(view, kind)
    draw(view, (0.25, 0.25), (0.75, 0.75))
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert drawn_kinds(reviews, session, review[1]) == {1001: [kind]}


def test_text_is_written_on_the_image(view, reviews, review, opened, session):
    view.press("d")
    choose(view, "text")
    draw(view, (0.25, 0.25), (0.25, 0.25))
    view.page.wait_for_function("() => document.activeElement.id === 'drawing-text'")
    view.page.keyboard.type("Brighter, please")
    view.press("Enter")
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert drawn_kinds(reviews, session, review[1]) == {1001: ["text"]}


def test_text_that_is_being_written_on_the_image_survives_a_reload(view, opened):
    view.press("d")
    choose(view, "text")
    draw(view, (0.25, 0.25), (0.25, 0.25))
    view.page.wait_for_function("() => document.activeElement.id === 'drawing-text'")
    view.page.keyboard.type("Half a th")
    view.page.reload()
    wait_for_strokes(view, 1)


def test_eraser_removes_a_whole_shape_and_a_shape_is_moved(view, opened):
    view.press("d")
    draw(view, (0.2, 0.2), (0.8, 0.2))
    draw(view, (0.2, 0.6), (0.8, 0.6))
    wait_for_strokes(view, 2)
    choose(view, "move")
    draw(view, (0.5, 0.2), (0.5, 0.8))
    choose(view, "eraser")
    draw(view, (0.3, 0.2), (0.3, 0.2))
    assert strokes(view) == "2"
    draw(view, (0.3, 0.8), (0.3, 0.8))
    wait_for_strokes(view, 1)
    view.press("Control+z")
    wait_for_strokes(view, 2)


def test_undo_and_redo_never_touch_another_frame(view, opened):
    view.press("d")
    draw(view, (0.2, 0.2), (0.8, 0.2))
    view.press("ArrowRight")
    view.wait_for(1002)
    draw(view, (0.2, 0.4), (0.8, 0.4))
    wait_for_strokes(view, 1)
    for key, count in (("Control+z", 0), ("Control+z", 0), ("Control+Shift+z", 1), ("Control+z", 0)):
        view.press(key)
        wait_for_strokes(view, count)
    view.press("ArrowLeft")
    view.wait_for(1001)
    wait_for_strokes(view, 1)


def test_undo_in_the_text_field_is_that_of_the_text(view, opened):
    view.press("d")
    draw(view, (0.2, 0.2), (0.8, 0.2))
    wait_for_strokes(view, 1)
    view.page.click("#note-text")
    view.page.keyboard.type("word")
    view.press("Control+z")
    assert strokes(view) == "1"
    assert view.page.input_value("#note-text") != "word"


def test_undo_works_after_a_choice_of_width(view, opened):
    view.press("d")
    draw(view, (0.2, 0.2), (0.8, 0.2))
    wait_for_strokes(view, 1)
    width = view.page.locator("#pens label", has_text="Width").locator("select")
    width.focus()
    width.select_option("0.016")
    view.press("Control+z")
    wait_for_strokes(view, 0)


def test_drawings_on_several_frames_become_a_note_each(view, reviews, review, opened, session):
    view.press("d")
    draw(view, (0.2, 0.2), (0.8, 0.2))
    view.press("ArrowRight")
    view.wait_for(1002)
    draw(view, (0.2, 0.4), (0.8, 0.4))
    view.page.click("#send-note")
    wait_for_notes(view, 2)
    assert drawn_kinds(reviews, session, review[1]) == {1001: ["pen"], 1002: ["pen"]}


def test_held_drawing_is_shown_on_its_frames_and_ghosts_beside_them(view, opened):
    view.press("d")
    draw(view, (0.2, 0.2), (0.8, 0.2))
    view.page.select_option('#pens label:has-text("Hold") select', "2")
    view.press("g")
    for frame, shown, ghosts in ((1002, 1, 0), (1003, 0, 1), (1004, 0, 1), (1005, 0, 0)):
        view.press("ArrowRight")
        view.wait_for(frame)
        wait_for_strokes(view, shown)
        assert view.page.get_attribute("#drawing", "data-ghosts") == str(ghosts)


def test_escape_ends_drawing(view, opened):
    view.press("d")
    assert view.page.is_visible("#pens")
    view.press("Escape")
    assert not view.page.is_visible("#pens")
    assert view.page.get_attribute("#stage", "data-drawing") == "false"


def test_verdict_is_taken_back_by_a_second_click(view, opened):
    for status in ("approved", "seen"):
        view.page.click("#own-status button[value=approved]")
        view.page.wait_for_selector(f'.verdict[data-status="{status}"]')
    view.page.click(".verdict-history summary")
    assert view.page.locator(".verdict-history li").count() == 2


def test_selected_versions_are_decided_together(view, opened):
    for index in (0, 1):
        view.page.locator(".version-select").nth(index).check(force=True)
    view.page.click('.batch button:has-text("Approve")')
    view.page.wait_for_function("() => document.querySelectorAll('.version[data-verdict=approved]').length === 2")
    assert view.page.locator(".batch").count() == 0


def test_page_works_without_websockets(view, reviews, review):
    view.page.add_init_script(
        SHORT_PAUSES + " window.WebSocket = class extends EventTarget {"
        " constructor() { super(); setTimeout(() => this.dispatchEvent(new Event('close'))); }"
        " close() {} };"
    )
    view.open(reviews.link(review[0]))
    view.page.wait_for_event("request", lambda request: request.url.endswith("/events"))
    guest = view.page.context.new_page()
    guest.goto(reviews.invite(review[0], "Ada Example"))
    guest.fill("#note-text", "Lift the chin.")
    guest.click("#send-note")
    view.page.wait_for_selector('.note-content:has-text("Lift the chin.")')
    guest.close()
