"""What an invitee does on the page, and what whoever only looks cannot."""

from __future__ import annotations

import json

import pytest

PAST, FUTURE = ({"__type__": "datetime", "value": f"{year}-03-04T09:30:00"} for year in (2020, 2090))

COUNT_RED = """() => { const sheet = document.querySelector("#sheet"); const pixels =
  sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height).data;
  let count = 0; for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200 && pixels[i] > 200) count += 1;
  return count; }"""


@pytest.fixture
def review(reviews, film, other_film):
    """A session with two versions: its id, and the first of them."""
    review_id = reviews.open()
    entry = reviews.add(review_id, film)
    reviews.add(review_id, other_film, name="sh020")
    return review_id, entry


def draw(view, *points):
    """Draw one stroke through these parts of the picture."""
    box = view.page.locator("#stage").bounding_box()
    picture = view.page.evaluate(
        """() => { const [film, still] = [document.querySelector("video"), document.querySelector("#still")];
          return still.hidden ? [film.videoWidth, film.videoHeight] : [still.naturalWidth, still.naturalHeight]; }"""
    )
    scale = min(box["width"] / picture[0], box["height"] / picture[1])
    left = box["x"] + (box["width"] - picture[0] * scale) / 2
    top = box["y"] + (box["height"] - picture[1] * scale) / 2
    places = [(left + x * picture[0] * scale, top + y * picture[1] * scale) for x, y in points]
    view.page.mouse.move(*places[0])
    view.page.mouse.down()
    for place in places[1:]:
        view.page.mouse.move(*place, steps=4)
    view.page.mouse.up()


def strokes(view):
    return view.page.get_attribute("#sheet", "data-strokes")


def wait_for_strokes(view, count):
    view.page.wait_for_selector(f'#sheet[data-strokes="{count}"]')


def wait_for_notes(view, count):
    view.page.wait_for_function(
        "wanted => document.querySelector('#note-count').textContent === wanted", arg=str(count)
    )


def test_an_invitee_writes_a_note_at_a_frame(view, reviews, review):
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


def test_a_note_about_the_whole_version_has_no_frame(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.fill("#note-text", "Lovely.")
    view.page.click("#note-form #note-frame")
    assert view.text("#note-form #note-frame") == "Whole version"
    view.page.press("#note-text", "Control+Enter")
    wait_for_notes(view, 1)
    assert view.page.locator(".note .note-frame").count() == 0


def test_a_drawing_is_on_its_frame_and_on_no_other(view, reviews, review, browser):
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
    view.page.reload()
    view.wait_for(1001)
    assert strokes(view) == "0"
    view.press(".")
    view.wait_for(1012)
    wait_for_strokes(view, 1)
    assert view.page.evaluate(COUNT_RED) > 1000


def test_a_still_is_drawn_on_as_a_film_is(view, reviews, film, session):
    review_id = reviews.open()
    entry = reviews.add(review_id, None)
    reviews.attach(entry, next(film.path.parent.glob("numbered.*.png")), "ftrackreview-image")
    view.open(reviews.invite(review_id, "Ada Example"))
    view.page.wait_for_selector("#draw:enabled")
    view.press("d")
    draw(view, (0.25, 0.5), (0.75, 0.5))
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert view.text(".note .note-frame") == "Drawing"
    data = session.query(f'ReviewSessionObjectAnnotation where review_session_object_id is "{entry.id}"').one()
    assert data["frame_number"] == 0
    (stroke,) = json.loads(data["data"])["shapes"]
    assert stroke["points"][0][:2] == pytest.approx([0.25, 0.5], abs=0.01)
    assert stroke["points"][-1][:2] == pytest.approx([0.75, 0.5], abs=0.01)
    view.page.reload()
    wait_for_strokes(view, 1)
    view.page.wait_for_function(f"() => ({COUNT_RED})() > 1000")


def test_a_drawing_is_stored_as_an_annotation_of_its_frame(view, reviews, review, session):
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
    assert (data["version"], data["author"]) == (1, "Ada Example")
    (stroke,) = data["shapes"]
    assert (stroke["kind"], stroke["colour"]) == ("pen", "#ff5148")
    first, last = stroke["points"][0], stroke["points"][-1]
    assert first[:2] == pytest.approx([0.25, 0.5], abs=0.01)
    assert last[:2] == pytest.approx([0.75, 0.5], abs=0.01)


def test_looking_is_seen_and_a_verdict_takes_its_place(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    view.page.click("#own-status button[value=approved]")
    view.page.wait_for_selector('.verdict[data-status="approved"]')
    assert view.page.get_attribute("#own-status button[value=approved]", "aria-pressed") == "true"
    view.page.reload()
    view.page.wait_for_selector('.verdict[data-status="approved"]')
    view.page.click("#own-status button[value=require_changes]")
    view.page.wait_for_selector('.verdict[data-status="require_changes"]')
    assert view.text(".verdict").split() == ["Ada", "Example", "Changes", "required"]


def test_whoever_has_the_shareable_link_looks_only(view, reviews, review, browser):
    guest = browser.new_page()
    guest.goto(reviews.invite(review[0], "Ada Example"))
    guest.fill("#note-text", "For everybody.")
    guest.click("#send-note")
    guest.wait_for_selector(".note")
    guest.close()
    view.open(reviews.link(review[0]))
    assert view.text(".note-content") == "For everybody."
    assert view.text("#look-only") == "Notes are written by those who are invited."
    for selector in ("#note-form", "#own-status"):
        assert not view.page.is_visible(selector)
    view.press("d")
    assert view.page.get_attribute("#stage", "data-drawing") == "false"


def test_a_note_that_could_not_be_sent_is_kept_and_sent_again_once(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    view.page.route("**/notes", lambda route: route.abort())
    view.page.fill("#note-text", "Do not lose me.")
    view.page.click("#send-note")
    view.page.wait_for_selector("#note-trouble:not([hidden])")
    assert "What you wrote is still here." in view.text("#note-trouble")
    assert view.page.input_value("#note-text") == "Do not lose me."
    view.page.unroute("**/notes")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    assert len(reviews.notes(review[1])) == 1
    view.complaints.clear()


def test_what_is_begun_on_one_version_waits_there(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.fill("#note-text", "half a th")
    view.page.click(".entry >> nth=1")
    view.wait_for(101)
    assert view.page.input_value("#note-text") == ""
    view.page.click(".entry >> nth=0")
    view.wait_for(1001)
    assert view.page.input_value("#note-text") == "half a th"


def test_a_passphrase_is_asked_for_once(view, reviews, review):
    reviews.change(review[0], passphrase="open sesame")
    view.page.goto(reviews.link(review[0]))
    assert view.text("h1") == "This review has a passphrase"
    view.page.fill("#passphrase", "wrong")
    view.page.press("#passphrase", "Enter")
    view.page.wait_for_selector("text=That is not the passphrase.")
    view.page.fill("#passphrase", "open sesame")
    view.page.press("#passphrase", "Enter")
    view.wait_for(1001)
    view.page.reload()
    view.wait_for(1001)
    view.complaints.clear()


def test_a_passphrase_that_is_set_while_somebody_looks_is_asked_for(view, reviews, review):
    view.open(reviews.link(review[0]))
    reviews.change(review[0], passphrase="open sesame")
    view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.wait_for_selector("#passphrase")
    view.complaints.clear()


@pytest.mark.parametrize(
    ("change", "title", "text"),
    [
        ({"shareable_url_enabled": False}, "This review is private", "Ask for an invitation."),
        ({"start_date": FUTURE}, "This review opens on 4 March 2090", "Come back at 09:30 UTC with the same link."),
    ],
)
def test_a_link_that_does_not_open_now_says_why(view, reviews, review, change, title, text):
    reviews.change(review[0], **change)
    assert view.page.goto(reviews.link(review[0])).status == 403
    assert view.text("h1") == title
    assert text in view.text("p")
    view.complaints.clear()


def test_an_invitation_ends_with_the_review(view, reviews, review):
    link = reviews.invite(review[0], "Ada Example")
    view.open(link)
    reviews.change(review[0], end_date=PAST)
    view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.wait_for_selector("text=This review has ended")
    view.complaints.clear()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (900, 700), (390, 844), (844, 390)])
def test_everything_to_say_something_with_is_in_reach(view, reviews, review, width, height):
    view.page.set_viewport_size({"width": width, "height": height})
    view.open(reviews.invite(review[0], "Ada Example"))
    for selector in ("#own-status button[value=approved]", "#note-text", "#draw", "#send-note"):
        view.page.locator(selector).scroll_into_view_if_needed()
        box = view.page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert view.page.evaluate("() => document.documentElement.scrollWidth") <= width
