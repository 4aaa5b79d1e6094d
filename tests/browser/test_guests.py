"""Test notes, drawings and verdicts of invitees, and the read-only page."""

from __future__ import annotations

import json

import pytest

PAST, FUTURE = ({"__type__": "datetime", "value": f"{year}-03-04T09:30:00"} for year in (2020, 2090))

COUNT_RED = """() => { const canvas = document.querySelector("#drawing"); const pixels =
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0; for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200 && pixels[i] > 200) count += 1;
  return count; }"""


@pytest.fixture
def review(reviews, movie, other_movie):
    """Return the id of a session with two versions, and the first version."""
    review_id = reviews.open()
    version = reviews.add(review_id, movie)
    reviews.add(review_id, other_movie, name="sh020")
    return review_id, version


def draw(view, *points):
    """Draw one stroke through these parts of the image."""
    box = view.page.locator("#stage").bounding_box()
    image = view.page.evaluate(
        """() => { const [movie, still] = [document.querySelector("video"), document.querySelector("#still")];
          return still.hidden ? [movie.videoWidth, movie.videoHeight] : [still.naturalWidth, still.naturalHeight]; }"""
    )
    scale = min(box["width"] / image[0], box["height"] / image[1])
    left = box["x"] + (box["width"] - image[0] * scale) / 2
    top = box["y"] + (box["height"] - image[1] * scale) / 2
    places = [(left + x * image[0] * scale, top + y * image[1] * scale) for x, y in points]
    view.page.mouse.move(*places[0])
    view.page.mouse.down()
    for place in places[1:]:
        view.page.mouse.move(*place, steps=4)
    view.page.mouse.up()


def strokes(view):
    return view.page.get_attribute("#drawing", "data-strokes")


def wait_for_strokes(view, count):
    view.page.wait_for_selector(f'#drawing[data-strokes="{count}"]')


def wait_for_notes(view, count):
    view.page.wait_for_function(
        "wanted => document.querySelector('#note-count').textContent === wanted", arg=str(count)
    )


def test_invitee_writes_a_note_on_a_frame(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.jump(1010)
    view.wait_for(1010)
    view.page.fill("#note-text", "Lift the chin.")
    assert view.text("#note-frame") == "Frame 1010"
    view.jump(1015)
    view.wait_for(1015)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert view.text(".note-author") == "Ada Example"
    assert view.text(".note-guest") == "Guest"
    assert view.text(".note-content") == "Lift the chin."
    assert view.page.input_value("#note-text") == ""
    (note,) = reviews.notes(review[1])
    assert (note["content"], note["author"]) == ("Lift the chin.", None)
    assert json.loads(note["metadata"]["ft_dcc"])["frame"] == 1010
    view.page.click(".note .note-frame")
    view.wait_for(1010)


def test_note_on_the_whole_version_has_no_frame(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.fill("#note-text", "Lovely.")
    view.page.click("#note-form #note-frame")
    assert view.text("#note-form #note-frame") == "Whole version"
    view.page.press("#note-text", "Control+Enter")
    wait_for_notes(view, 1)
    assert view.page.locator(".note .note-frame").count() == 0


def test_drawing_is_shown_on_its_frame_only(view, reviews, review, browser):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.jump(1012)
    view.wait_for(1012)
    view.press("d")
    draw(view, (0.2, 0.3), (0.4, 0.6), (0.7, 0.3))
    wait_for_strokes(view, 1)
    draw(view, (0.1, 0.1), (0.15, 0.15))
    wait_for_strokes(view, 2)
    view.page.click("#undo")
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.press("ArrowRight")
    view.wait_for(1013)
    assert strokes(view) == "0"
    view.page.wait_for_url(lambda url: "frame=1013" in url)
    view.page.reload()
    view.wait_for(1013)
    assert strokes(view) == "0"
    view.press(",")
    view.wait_for(1012)
    wait_for_strokes(view, 1)
    assert view.page.evaluate(COUNT_RED) > 1000


def test_drawing_on_a_still_is_stored_at_frame_0(view, reviews, movie, session):
    review_id = reviews.open()
    version = reviews.add(review_id, None)
    reviews.attach(version, next(movie.path.parent.glob("numbered.*.png")), "ftrackreview-image")
    view.open(reviews.invite(review_id, "Ada Example"))
    view.page.wait_for_selector("#draw:enabled")
    view.press("d")
    draw(view, (0.25, 0.5), (0.75, 0.5))
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert view.text(".note .note-frame") == "Drawing"
    data = session.query(f'ReviewSessionObjectAnnotation where review_session_object_id is "{version.id}"').one()
    assert data["frame_number"] == 0
    (stroke,) = json.loads(data["data"])["shapes"]
    assert stroke["points"][0][:2] == pytest.approx([0.25, 0.5], abs=0.01)
    assert stroke["points"][-1][:2] == pytest.approx([0.75, 0.5], abs=0.01)
    view.page.reload()
    wait_for_strokes(view, 1)
    view.page.wait_for_function(f"() => ({COUNT_RED})() > 1000")


def test_drawing_is_stored_as_annotation_of_its_frame(view, reviews, review, session):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.jump(1007)
    view.wait_for(1007)
    view.page.click("#draw")
    draw(view, (0.25, 0.5), (0.75, 0.5))
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    annotation = session.query(
        f'ReviewSessionObjectAnnotation where review_session_object_id is "{review[1].id}"'
    ).one()
    assert annotation["frame_number"] == 1007
    data = json.loads(annotation["data"])
    assert (data["version"], data["author"], data["aspect"]) == (2, "Ada Example", [640, 360])
    (stroke,) = data["shapes"]
    assert (stroke["kind"], stroke["colour"]) == ("pen", "#ff5148")
    first, last = stroke["points"][0], stroke["points"][-1]
    assert first[:2] == pytest.approx([0.25, 0.5], abs=0.01)
    assert last[:2] == pytest.approx([0.75, 0.5], abs=0.01)


def test_visit_sets_seen_and_a_verdict_replaces_it(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    view.page.click("#own-status button[value=approved]")
    view.page.wait_for_selector('.verdict[data-status="approved"]')
    assert view.page.get_attribute("#own-status button[value=approved]", "aria-pressed") == "true"
    view.page.reload()
    view.page.wait_for_selector('.verdict[data-status="approved"]')
    view.page.click("#own-status button[value=require_changes]")
    view.page.wait_for_selector('.verdict[data-status="require_changes"]')
    # Between them is the date of the verdict.
    words = view.text(".verdict").split()
    assert (words[:4], words[-1]) == (["Ada", "Example", "Changes", "required"], "History")


def test_public_link_is_read_only(view, reviews, review, browser):
    guest = browser.new_page()
    guest.goto(reviews.invite(review[0], "Ada Example"))
    guest.fill("#note-text", "For everybody.")
    guest.click("#send-note")
    guest.wait_for_selector(".note")
    guest.close()
    view.open(reviews.link(review[0]))
    assert view.text(".note-content") == "For everybody."
    assert view.text("#read-only") == "Only invited reviewers can write notes."
    for selector in ("#note-form", "#own-status"):
        assert not view.page.is_visible(selector)
    view.press("d")
    assert view.page.get_attribute("#stage", "data-drawing") == "false"


def test_unsent_note_is_kept_and_sent_once_on_retry(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    view.page.route("**/notes", lambda route: route.abort())
    view.page.fill("#note-text", "Do not lose me.")
    view.page.click("#send-note")
    view.page.wait_for_selector("#note-error:not([hidden])")
    assert "Your text is still here." in view.text("#note-error")
    assert view.page.input_value("#note-text") == "Do not lose me."
    view.page.unroute("**/notes")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert len(reviews.notes(review[1])) == 1
    view.leave()


def test_draft_is_kept_for_its_version(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.fill("#note-text", "half a th")
    view.page.click(".version >> nth=1")
    view.wait_for(101)
    assert view.page.input_value("#note-text") == ""
    view.page.click(".version >> nth=0")
    view.wait_for(1001)
    assert view.page.input_value("#note-text") == "half a th"


def test_passphrase_is_remembered_after_the_first_time(view, reviews, review):
    reviews.change(review[0], passphrase="open sesame")
    view.page.goto(reviews.link(review[0]))
    assert view.text("h1") == "This review is protected by a passphrase"
    view.page.fill("#passphrase", "wrong")
    view.page.press("#passphrase", "Enter")
    view.page.wait_for_selector("text=The passphrase is wrong.")
    view.page.fill("#passphrase", "open sesame")
    view.page.press("#passphrase", "Enter")
    view.wait_for(1001)
    view.page.reload()
    view.wait_for(1001)
    view.leave()


def test_passphrase_that_is_set_later_is_requested_on_open_pages(view, reviews, review):
    view.open(reviews.link(review[0]))
    reviews.change(review[0], passphrase="open sesame")
    view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.wait_for_selector("#passphrase")
    view.leave()


@pytest.mark.parametrize(
    ("change", "title", "text"),
    [
        ({"shareable_url_enabled": False}, "This review is private", "Ask for an invitation."),
        ({"start_date": FUTURE}, "This review opens on 4 March 2090", "Come back at 09:30 UTC with the same link."),
    ],
)
def test_closed_or_private_link_answers_403_with_the_reason(view, reviews, review, change, title, text):
    reviews.change(review[0], **change)
    assert view.page.goto(reviews.link(review[0])).status == 403
    assert view.text("h1") == title
    assert text in view.text("p")
    view.leave()


def test_invitee_goes_on_reading_after_the_review_has_ended(view, reviews, review):
    link = reviews.invite(review[0], "Ada Example")
    view.open(link)
    reviews.change(review[0], end_date=PAST)
    view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.wait_for_selector("#note-text", state="hidden")
    view.open(link)
    assert view.page.locator("#note-text").is_hidden()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (900, 700), (390, 844), (844, 390)])
def test_note_form_is_reachable_at_every_size(view, reviews, review, width, height):
    view.page.set_viewport_size({"width": width, "height": height})
    view.open(reviews.invite(review[0], "Ada Example"))
    for selector in ("#own-status button[value=approved]", "#note-text", "#draw", "#send-note"):
        view.page.locator(selector).scroll_into_view_if_needed()
        box = view.page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert view.page.evaluate("() => document.documentElement.scrollWidth") <= width
