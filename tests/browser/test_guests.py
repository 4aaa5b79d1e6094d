"""Test notes, drawings and verdicts of invitees, and the read-only page."""

import json

import pytest
from playwright.sync_api import expect

PAST = {"__type__": "datetime", "value": "2020-03-04T09:30:00"}

COUNT_RED = """() => { const canvas = document.querySelector("#drawing"); const pixels =
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0; for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200 && pixels[i] > 200) count += 1;
  return count; }"""


def stored_drawing(session, version):
    found = session.query(f'ReviewSessionObjectAnnotation where review_session_object_id is "{version.id}"').one()
    return found["frame_number"], json.loads(found["data"])


def ends(stroke):
    return stroke["points"][0][:2] + stroke["points"][-1][:2]


def test_invitee_writes_notes_on_a_frame_and_on_the_whole_version(view, reviews, review, opened):
    view.go(1010)
    view.page.fill("#note-text", "Lift the chin.")
    view.expect_text("#note-frame", "Frame 1010")
    view.go(1015)
    view.send(1)
    view.expect_text(".note-author", "Ada Example")
    view.expect_text(".note-guest", "Guest")
    view.expect_text(".note-content", "Lift the chin.")
    expect(view.page.locator("#note-text")).to_have_value("")
    (note,) = reviews.notes(review[1])
    assert (note["content"], note["author"]) == ("Lift the chin.", None)
    assert json.loads(note["metadata"]["ft_dcc"])["frame"] == 1010
    view.page.click(".note .note-frame")
    view.wait_for(1010)
    view.page.fill("#note-text", "Lovely.")
    view.page.click("#note-form #note-frame")
    view.expect_text("#note-form #note-frame", "Whole version")
    view.page.press("#note-text", "Control+Enter")
    view.wait_for_notes(2)
    expect(view.page.locator(".note .note-frame")).to_have_count(1)
    # A draft is kept for its version.
    view.page.fill("#note-text", "half a th")
    view.page.click(".version >> nth=1")
    view.wait_for(101)
    expect(view.page.locator("#note-text")).to_have_value("")
    view.page.click(".version >> nth=0")
    view.wait_for(1001)
    expect(view.page.locator("#note-text")).to_have_value("half a th")


def test_drawing_is_shown_on_its_frame_only_and_stored_as_its_annotation(view, review, opened, session):
    view.go(1012)
    view.press("d")
    view.draw((0.25, 0.5), (0.4, 0.6), (0.75, 0.5))
    view.wait_for_strokes(1)
    view.draw((0.1, 0.1), (0.15, 0.15))
    view.wait_for_strokes(2)
    view.page.click("#undo")
    view.wait_for_strokes(1)
    view.send(1)
    frame, data = stored_drawing(session, review[1])
    assert (frame, data["version"], data["author"], data["aspect"]) == (1012, 2, "Ada Example", [320, 180])
    (stroke,) = data["shapes"]
    assert (stroke["kind"], stroke["colour"]) == ("pen", "#ff5148")
    assert ends(stroke) == pytest.approx([0.25, 0.5, 0.75, 0.5], abs=0.01)
    view.press("ArrowRight")
    view.wait_for(1013)
    view.wait_for_strokes(0)
    view.page.wait_for_url(lambda url: "frame=1013" in url, wait_until="commit")
    view.reload()
    view.wait_for(1013)
    view.wait_for_strokes(0)
    view.press(",")
    view.wait_for(1012)
    view.wait_for_strokes(1)
    view.page.wait_for_function(f"() => ({COUNT_RED})() > 1000")


def test_image_is_shown_and_a_drawing_on_it_is_stored_at_frame_0(view, reviews, movie, session):
    review_id = reviews.open()
    version = reviews.add(review_id, None)
    reviews.attach(version, next(movie.path.parent.glob("numbered.*.png")), "ftrackreview-image")
    view.open(reviews.invite(review_id, "Ada Example"))
    view.page.wait_for_function("() => document.querySelector('#still').naturalWidth === 320")
    expect(view.page.locator("#still")).to_be_visible()
    for selector in ("#stage-notice", "#movie", "#transport"):
        expect(view.page.locator(selector)).to_be_hidden()
    view.press(" ")
    expect(view.page.locator("#stage")).to_have_attribute("data-waiting", "false")
    expect(view.page.locator("#transport")).to_have_attribute("data-playing", "false")
    view.page.wait_for_selector("#draw:enabled")
    view.press("d")
    view.draw((0.25, 0.5), (0.75, 0.5))
    view.wait_for_strokes(1)
    view.send(1)
    view.expect_text(".note .note-frame", "Drawing")
    frame, data = stored_drawing(session, version)
    (stroke,) = data["shapes"]
    assert frame == 0
    assert ends(stroke) == pytest.approx([0.25, 0.5, 0.75, 0.5], abs=0.01)
    view.reload()
    view.wait_for_strokes(1)
    view.page.wait_for_function(f"() => ({COUNT_RED})() > 1000")


def test_visit_sets_seen_and_verdicts_replace_it_one_by_one_and_together(view, opened):
    def decide(status, shown):
        view.page.click(f"#own-status button[value={status}]")
        view.page.wait_for_selector(f'.verdict[data-status="{shown}"]')

    decide("approved", "approved")
    expect(view.page.locator("#own-status button[value=approved]")).to_have_attribute("aria-pressed", "true")
    view.reload()
    view.page.wait_for_selector('.verdict[data-status="approved"]')
    # A second click takes a verdict back.
    decide("approved", "seen")
    view.page.click(".verdict-history summary")
    expect(view.page.locator(".verdict-history li")).to_have_count(2)
    view.page.click(".verdict-history summary")
    decide("require_changes", "require_changes")
    # Between them is the date of the verdict.
    words = view.text(".verdict").split()
    assert (words[:4], words[-1]) == (["Ada", "Example", "Changes", "required"], "History")
    for index in (0, 1):
        view.page.locator(".version-select").nth(index).check(force=True)
    view.page.click('.batch button:has-text("Approve")')
    view.page.wait_for_function("() => document.querySelectorAll('.version[data-verdict=approved]').length === 2")
    expect(view.page.locator(".batch")).to_have_count(0)


def test_public_link_is_read_only(view, reviews, review):
    reviews.write(review[1], "For everybody.")
    view.open(reviews.link(review[0]))
    view.expect_text(".note-content", "For everybody.")
    view.expect_text("#read-only", "Only invited reviewers can write notes.")
    for selector in ("#note-form", "#own-status"):
        expect(view.page.locator(selector)).to_be_hidden()
    view.press("d")
    expect(view.page.locator("#stage")).to_have_attribute("data-drawing", "false")


def test_passphrase_is_requested_on_open_pages_and_remembered(view, reviews, review):
    view.open(reviews.link(review[0]))
    reviews.change(review[0], passphrase="open sesame")
    view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.wait_for_selector("#passphrase")
    view.expect_text("h1", "This review is protected by a passphrase")
    view.page.fill("#passphrase", "wrong")
    view.page.press("#passphrase", "Enter")
    view.page.wait_for_selector("text=The passphrase is wrong.")
    view.page.fill("#passphrase", "open sesame")
    view.page.press("#passphrase", "Enter")
    view.wait_for(1001)
    view.reload()
    view.wait_for(1001)
    view.leave()


def test_invitee_goes_on_reading_after_the_review_has_ended(view, reviews, review, opened):
    reviews.change(review[0], end_date=PAST)
    view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.wait_for_selector("#note-text", state="hidden")
    view.open(opened)
    expect(view.page.locator("#note-text")).to_be_hidden()
