"""Test how people work with notes and drawings: drafts, threads, shapes, and pages that are open at the same time."""

import json

from browser.conftest import SHORT_PAUSES
from playwright.sync_api import expect

from ft_dcc.session import operations


def choose(view, tool):
    view.page.click(f'#pens button[data-tool="{tool}"]')


def write_on_image(view, text):
    choose(view, "text")
    view.draw((0.25, 0.25), (0.25, 0.25))
    view.page.wait_for_function("() => document.activeElement.id === 'drawing-text'")
    view.page.keyboard.type(text)


def drawn_shapes(session, version):
    session.reset()
    found = session.query(f'ReviewSessionObjectAnnotation where review_session_object_id is "{version.id}"')
    shapes = {}
    for each in found:
        shapes.setdefault(each["frame_number"], []).extend(json.loads(each["data"])["shapes"])
    return shapes


def drawn_kinds(session, version):
    drawn = sorted(drawn_shapes(session, version).items())
    return {frame: [shape["kind"] for shape in shapes] for frame, shapes in drawn}


def test_draft_with_drawing_and_unfinished_text_on_the_image_survives_a_reload(view, opened):
    view.go(1012)
    view.press("d")
    view.draw((0.2, 0.3), (0.6, 0.6))
    view.wait_for_strokes(1)
    view.page.fill("#note-text", "half a th")
    view.page.wait_for_url(lambda url: "frame=1012" in url, wait_until="commit")
    write_on_image(view, "Half a th")
    view.reload()
    view.wait_for(1012)
    expect(view.page.locator("#note-text")).to_have_value("half a th")
    view.jump(1012)
    view.wait_for_strokes(2)
    view.send(1)
    view.expect_text(".note .note-frame", "Frame 1012")
    view.reload()
    view.wait_for(1012)
    expect(view.page.locator("#note-text")).to_have_value("")


def test_what_is_written_and_drawn_while_a_note_is_sent_stays(view, reviews, review, opened, session):
    held = []
    view.page.route("**/notes", lambda route: held.append(route))
    view.press("d")
    view.draw((0.2, 0.2), (0.8, 0.2))
    view.page.fill("#note-text", "Higher")
    with view.page.expect_request("**/notes"):
        view.page.click("#send-note")
    view.page.fill("#note-text", "Higher and brighter")
    view.draw((0.2, 0.6), (0.8, 0.6))
    view.wait_for_strokes(2)
    held[0].continue_()
    view.wait_for_notes(1)
    expect(view.page.locator("#note-text")).to_have_value(" and brighter")
    view.page.unroute("**/notes")
    view.send(2)
    expect(view.page.locator("#note-text")).to_have_value("")
    assert [note["content"] for note in reviews.notes(review[1])] == ["Higher", "and brighter"]
    # Both drawings are on the frame, and none of them twice.
    ids = [shape["id"] for shapes in drawn_shapes(session, review[1]).values() for shape in shapes]
    assert (len(ids), len(set(ids))) == (2, 2)


def test_note_appears_on_an_open_page_without_reload_or_lost_focus(view, reviews, review, opened):
    view.page.fill("#note-text", "I am typing")
    note_id = reviews.write(review[1], "Lift the chin.")
    view.page.wait_for_selector('.note-content:has-text("Lift the chin.")')
    expect(view.page.locator("#note-text")).to_have_value("I am typing")
    assert view.page.evaluate("() => document.activeElement.id") == "note-text"
    reviews.session.call([operations.update("Note", note_id, {"content": "Lift the head."})])
    view.page.wait_for_selector('.note-content:has-text("Lift the head.")')
    reviews.session.call([operations.delete("Note", note_id)])
    view.wait_for_notes(0)


def test_note_has_labels_a_reply_a_done_state_and_is_edited(view, reviews, review, opened, session):
    names = ["Client feedback", "For review"]
    view.page.fill("#note-text", "Why?")
    view.page.click("#note-labels")
    for name in names:
        view.page.get_by_role("checkbox", name=name).check()
    view.expect_text("#note-labels", "2 labels")
    view.page.keyboard.press("Escape")
    view.page.get_by_role("checkbox", name=names[0]).wait_for(state="hidden")
    assert view.page.evaluate("() => document.activeElement.id") == "note-labels"
    view.page.click("#note-labels")
    view.page.locator("#stage").dispatch_event("pointerdown")
    view.page.get_by_role("checkbox", name=names[0]).wait_for(state="hidden")
    view.send(1)
    assert sorted(view.page.locator(".note .note-label").all_inner_texts()) == names
    view.expect_text("#note-labels", "Labels")
    (note,) = session.query(f'select note_label_links.label.name from Note where parent_id is "{review[1].id}"')
    assert sorted(link["label"]["name"] for link in note["note_label_links"]) == names

    view.page.click(".note-reply")
    view.page.fill(".text-form textarea", "Because.")
    view.page.press(".text-form textarea", "Control+Enter")
    view.page.wait_for_selector(".replies .note")
    view.page.click(".note-done")
    view.page.wait_for_selector('.note[data-done="true"]')
    view.page.click('.note-filters button:has-text("Open")')
    view.expect_text("#no-notes", "No notes match this filter.")
    view.page.click('.note-filters button:has-text("Done")')
    view.page.click(".note-done")
    view.page.wait_for_selector("#no-notes")
    assert {note["completed_at"] for note in reviews.notes(review[1])} == {None}

    # An edit begins with an empty field if all of the text is deleted.
    view.page.click('.note-filters button:has-text("All")')
    view.page.click(".note-edit >> nth=0")
    view.page.fill(".text-form textarea", "")
    expect(view.page.locator(".text-form textarea")).to_have_value("")
    view.page.keyboard.type("How?")
    view.press("Control+Enter")
    view.page.wait_for_selector('.note-content:has-text("How?")')
    assert {note["content"] for note in reviews.notes(review[1])} == {"How?", "Because."}


def test_n_opens_a_folded_panel_and_the_note_is_always_visible(view, opened):
    view.press("p")
    expect(view.page.locator("#note-text")).to_be_hidden()
    view.press("n")
    view.page.keyboard.type("Seen")
    expect(view.page.locator("#note-text")).to_have_value("Seen")
    view.press("Escape")
    view.page.set_viewport_size({"width": 1280, "height": 600})
    view.press("n")
    assert view.page.evaluate("() => document.activeElement.id") == "note-text"
    view.page.wait_for_function("() => document.querySelector('#note-form').getBoundingClientRect().bottom <= 600")
    view.press("Escape")
    view.press("Shift+F")
    view.page.wait_for_function("() => document.fullscreenElement?.id === 'page'")
    view.press("n")
    assert view.page.evaluate("() => document.activeElement.id") == "note-text"
    expect(view.page.locator("#send-note")).to_be_visible()


def test_range_is_set_by_in_and_out(view, reviews, review, opened):
    for frame, key in ((1005, "i"), (1009, "o")):
        view.go(frame)
        view.press(key)
    view.expect_text("#note-form #note-frame", "Frames 1005–1009")
    view.send(1, "Too fast.")
    view.expect_text(".note .note-frame", "Frames 1005–1009")
    (note,) = reviews.notes(review[1])
    assert note["frame_number"] == 1005
    for frame, is_highlighted in ((1009, "true"), (1010, "false"), (1005, "true")):
        view.jump(frame)
        view.page.wait_for_selector(f'.note[data-at-frame="{is_highlighted}"]')


def test_shapes_and_text_are_drawn_and_stored(view, review, opened, session):
    view.press("d")
    kinds = ["line", "arrow", "rectangle", "ellipse", "text"]
    for count, kind in enumerate(kinds[:-1], 1):
        choose(view, kind)
        view.draw((0.25, 0.25), (0.75, 0.75))
        view.wait_for_strokes(count)
    write_on_image(view, "Brighter, please")
    view.press("Enter")
    view.wait_for_strokes(len(kinds))
    view.send(1)
    assert drawn_kinds(session, review[1]) == {1001: kinds}


def test_shape_is_erased_moved_and_undone_and_the_text_field_has_an_undo_of_its_own(view, opened):
    view.press("d")
    view.draw((0.2, 0.2), (0.8, 0.2))
    view.wait_for_strokes(1)
    width = view.page.locator("#pens label", has_text="Width").locator("select")
    width.focus()
    width.select_option("0.016")
    view.press("Control+z")
    view.wait_for_strokes(0)
    view.draw((0.2, 0.2), (0.8, 0.2))
    view.draw((0.2, 0.6), (0.8, 0.6))
    view.wait_for_strokes(2)
    choose(view, "move")
    view.draw((0.5, 0.2), (0.5, 0.8))
    choose(view, "eraser")
    view.draw((0.3, 0.2), (0.3, 0.2))
    view.wait_for_strokes(2)
    view.draw((0.3, 0.8), (0.3, 0.8))
    view.wait_for_strokes(1)
    view.press("Control+z")
    view.wait_for_strokes(2)
    view.page.click("#note-text")
    view.page.keyboard.type("word")
    view.press("Control+z")
    assert view.page.input_value("#note-text") != "word"
    view.wait_for_strokes(2)


def test_undo_stays_on_its_frame_and_drawings_of_several_frames_become_a_note_each(view, review, opened, session):
    view.press("d")
    view.draw((0.2, 0.2), (0.8, 0.2))
    view.press("ArrowRight")
    view.wait_for(1002)
    view.draw((0.2, 0.4), (0.8, 0.4))
    view.wait_for_strokes(1)
    for key, count in (("Control+z", 0), ("Control+z", 0), ("Control+Shift+z", 1), ("Control+z", 0)):
        view.press(key)
        view.wait_for_strokes(count)
    view.press("ArrowLeft")
    view.wait_for(1001)
    view.wait_for_strokes(1)
    view.press("ArrowRight")
    view.wait_for(1002)
    view.press("Control+Shift+z")
    view.wait_for_strokes(1)
    view.send(2)
    assert drawn_kinds(session, review[1]) == {1001: ["pen"], 1002: ["pen"]}


def test_held_drawing_is_shown_on_its_frames_with_ghosts_and_escape_ends_drawing(view, opened):
    view.press("d")
    expect(view.page.locator("#pens")).to_be_visible()
    view.draw((0.2, 0.2), (0.8, 0.2))
    view.page.select_option('#pens label:has-text("Hold") select', "2")
    view.press("g")
    for frame, shown, ghosts in ((1002, 1, 0), (1003, 0, 1), (1004, 0, 1), (1005, 0, 0)):
        view.press("ArrowRight")
        view.wait_for(frame)
        view.page.wait_for_selector(f'#drawing[data-strokes="{shown}"][data-ghosts="{ghosts}"]')
    view.press("Escape")
    expect(view.page.locator("#pens")).to_be_hidden()
    expect(view.page.locator("#stage")).to_have_attribute("data-drawing", "false")


def test_page_works_without_websockets(view, reviews, review):
    view.page.add_init_script(
        SHORT_PAUSES + " window.WebSocket = class extends EventTarget {"
        " constructor() { super(); setTimeout(() => this.dispatchEvent(new Event('close'))); }"
        " close() {} };"
    )
    with view.page.expect_request("**/events"):
        view.open(reviews.link(review[0]))
    reviews.write(review[1], "Lift the chin.")
    view.page.wait_for_selector('.note-content:has-text("Lift the chin.")')


def test_two_tabs_keep_their_drafts_and_one_takes_over_that_of_the_other(view, opened):
    other = view.page.context.new_page()
    other.goto(opened)
    for page, text in ((view.page, "First."), (other, "Second.")):
        page.fill("#note-text", text)
    for page, text in ((view.page, "First."), (other, "Second.")):
        page.reload()
        page.wait_for_function("(text) => document.querySelector('#note-text')?.value === text", arg=text)
    other.click("#other-draft:has-text('First.') button")
    expect(other.locator("#note-text")).to_have_value("Second.\nFirst.")
    view.page.wait_for_function("() => document.querySelector('#note-text').value === ''")
