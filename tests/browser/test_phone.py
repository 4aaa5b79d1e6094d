"""Test the review page on a small screen: nothing overlaps, and every control is large enough and can be reached."""

import pytest
from browser.conftest import violations
from playwright.sync_api import expect

SIZES = [(360, 640), (390, 664), (390, 844), (414, 896), (430, 932)]
# What a movie of another shape changes depends on the smallest and the largest of them.
EXTREMES = [SIZES[0], SIZES[-1]]
MOVIES = {"wide": (1280, 720), "square": (320, 320), "upright": (180, 320)}
AXE_SIZE = (390, 844)

# The faults of the visible controls: too small for a finger, beyond the edge, not reached by scrolling, or covered. The
# needed ones are named by their ids.
MEASURE = """(needed) => {
  const found = [];
  const [width, height] = [innerWidth, Math.min(innerHeight, visualViewport.height)];
  const kinds = "button:not(.mark), select, input, textarea, summary, .version, .stack-version, #timeline";
  const shown = (each) => each.checkVisibility({ visibilityProperty: true }) && each.getClientRects().length > 0;
  for (const id of needed) if (!shown(document.getElementById(id))) found.push(`${id} is hidden`);
  for (const control of document.querySelector("#page").querySelectorAll(kinds)) {
    if (!shown(control)) continue;
    const target = control.type === "checkbox" ? control.closest("label") : control;
    const name = control.id || control.getAttribute("aria-label") || control.textContent;
    target.scrollIntoView({ block: "nearest" });
    const box = target.getBoundingClientRect();
    if (Math.min(box.width, box.height) < 43.9) found.push(`${name}: ${box.width} x ${box.height}`);
    const isInside = box.left >= -0.5 && box.right <= width + 0.5 && box.top >= -0.5 && box.bottom <= height + 0.5;
    if (!isInside) found.push(`${name} is outside`);
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    if (!target.contains(top) && !top?.contains(target)) found.push(`${name} is under ${top?.outerHTML.slice(0, 80)}`);
    if (top?.contains(target) && top !== target) found.push(`${name} is cut off`);
  }
  if (document.documentElement.scrollWidth > width) found.push("The page is wider than the screen.");
  return found;
}"""
# The keyboard covers the lower part; a page knows that by its visual viewport only.
KEYBOARD = """(part) => {
  Object.defineProperty(visualViewport, "height", { get: () => innerHeight * (1 - part), configurable: true });
  visualViewport.dispatchEvent(new Event("resize"));
}"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
TRANSPORT = ["frame-number", "play", "more"]


@pytest.fixture(params=MOVIES)
def shape(request):
    return request.param


@pytest.fixture
def phone(view, reviews, make_movie, shape):
    """Open the page of an invitee with every right and some notes on a small screen."""
    review_id = reviews.open("Dailies of the animation team, week 47")
    movie = make_movie("24", 1001, 24, MOVIES[shape])
    version = reviews.add(review_id, movie)
    reviews.add(review_id, movie, after=version)
    for count in range(12):
        reviews.write(version, f"Note {count}: the elbow can lift earlier, so that the arc reads.")
    view.page.set_viewport_size({"width": 390, "height": 844})
    link = reviews.invite(review_id, "Ada Example", "view comment draw decide download present")
    view.open(f"{link}?version={version.id}")
    for selector in ("#present", "#open-note", "#notes .note"):
        view.page.wait_for_selector(selector)
    return view


def check(phone, width, height, *needed):
    page = phone.page
    page.evaluate(TWO_FRAMES)
    assert (width, height, needed, page.evaluate(MEASURE, [*TRANSPORT, *needed])) == (width, height, needed, [])
    if (width, height) in (AXE_SIZE, AXE_SIZE[::-1]):
        assert violations(page) == []


def test_every_control_is_large_reachable_and_uncovered_upright_and_across(phone, shape):
    page, sizes = phone.page, SIZES if shape == "wide" else EXTREMES
    for width, height in [*sizes, *((height, width) for width, height in sizes)]:
        page.set_viewport_size({"width": width, "height": height})
        check(phone, width, height, "feedback", "open-note")
        transport = page.locator("#transport").bounding_box()
        assert transport["height"] == 48
        for tab, panel in (("versions", "versions"), ("info", "version-info"), ("notes", "feedback")):
            page.click(f"#tab-{tab}")
            check(phone, width, height, panel)
        page.click("#more")
        check(phone, width, height, "compare-with", "loop", "show-export")
        page.click("#close-menu")
        page.click("#open-note")
        check(phone, width, height, "note-text", "send-note")
        page.click("#draw")
        check(phone, width, height, "undo", "redo", "pens")
        page.evaluate(KEYBOARD, 0.45 if width < height else 0.5)
        check(phone, width, height, "note-text", "send-note", "undo")
        assert page.locator("#movie").bounding_box()["height"] >= 44
        page.evaluate(KEYBOARD, 0)
        page.click("#close-note")
        expect(page.locator("#pens")).to_have_count(0)


@pytest.mark.parametrize("shape", ["wide"])
def test_sent_note_is_confirmed_and_scrolled_into_view(phone):
    page = phone.page
    for width, height in (SIZES[0], SIZES[0][::-1]):
        page.set_viewport_size({"width": width, "height": height})
        page.click("#open-note")
        page.fill("#note-text", f"The last note at {width}.")
        page.click("#send-note")
        page.wait_for_selector("text=Your note was sent.")
        page.wait_for_function(
            """(text) => { const note = document.querySelector(".note[data-sent]");
              const box = note?.querySelector(".note-content")?.getBoundingClientRect();
              return box && document.elementFromPoint(box.left + 5, box.top + 5)?.textContent === text; }""",
            arg=f"The last note at {width}.",
        )
        expect(page.locator("#note-form")).to_be_hidden()


def test_panel_folds_so_that_an_upright_movie_uses_the_height(view, reviews, make_movie):
    view.page.set_viewport_size({"width": 390, "height": 844})
    view.open(reviews.show(make_movie("24", 1001, 3, (180, 320))))
    view.page.wait_for_selector("#tab-notes")
    movie = view.page.locator("#movie")
    assert movie.bounding_box()["height"] >= 844 * 0.5
    view.page.click("#tab-notes")
    view.page.evaluate(TWO_FRAMES)
    assert movie.bounding_box()["height"] >= 844 * 0.6
    view.page.click("#tab-notes")
    expect(view.page.locator("#feedback")).to_be_visible()
