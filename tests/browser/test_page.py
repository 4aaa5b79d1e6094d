"""Test the controls of the review page: keys, list, links, timeline."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def two(reviews, movie, other_movie):
    """Return the link of a session with two versions, and the versions."""
    review_id = reviews.open("Animation dailies")
    versions = [reviews.add(review_id, movie), reviews.add(review_id, other_movie, name="sh020", comment="")]
    return reviews.link(review_id), versions


def current(view):
    return view.page.get_attribute(".version[aria-current]", "data-id")


def test_keys_step_and_jump(view, two):
    view.open(two[0])
    for key, number in [
        ("ArrowRight", 1002),
        ("Shift+ArrowRight", 1012),
        ("ArrowLeft", 1011),
        ("Shift+ArrowLeft", 1001),
        ("ArrowLeft", 1001),
        ("End", 1024),
        ("Shift+ArrowRight", 1024),
        ("Home", 1001),
    ]:
        view.press(key)
        view.wait_for(number)
        assert view.shown_index() == number - 1001
    # A number beyond the end goes to the last frame.
    view.jump(5000)
    view.wait_for(1024)
    assert view.shown_index() == 23


def test_lost_frame_callback_is_recovered(view, two):
    """A busy browser shows frames without calling back; here every third callback is lost."""
    view.page.add_init_script(
        """const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
           let frames = 0;
           HTMLVideoElement.prototype.requestVideoFrameCallback = function (tell) {
             return ask.call(this, (...told) => {
               frames += 1;
               if (frames % 3 === 2) this.requestVideoFrameCallback(tell); else tell(...told);
             });
           };"""
    )
    view.open(two[0])
    for number in (1002, 1003, 1004, 1005):
        view.press("ArrowRight")
        view.wait_for(number)
    assert view.shown_index() == 4


def test_key_before_metadata_is_not_lost(view, two):
    """The first frame may arrive before the metadata."""
    view.page.add_init_script(
        """document.addEventListener("loadedmetadata", function hold(event) {
             event.stopImmediatePropagation();
             document.removeEventListener("loadedmetadata", hold, true);
             window.letGo = () => event.target.dispatchEvent(new Event("loadedmetadata"));
           }, true);"""
    )
    view.open(two[0])
    view.press("ArrowRight")
    view.press("ArrowRight")
    view.page.evaluate("window.letGo()")
    view.wait_for(1003)
    assert view.shown_index() == 2


def test_rapid_steps_are_all_counted(view, two):
    view.open(two[0])
    view.page.evaluate(
        """() => { for (let press = 0; press < 15; press += 1)
             document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true })); }"""
    )
    view.wait_for(1016)
    assert view.shown_index() == 15


def test_movie_paused_on_its_last_frame_stays_there(view, two):
    """A looping video element that is sought within its last frame jumps to the first one."""
    view.open(two[0])
    view.press("End")
    view.wait_for(1024)
    for key in ("ArrowRight", "End", "k", "k"):
        view.press(key)
        view.wait_until_still()
        assert view.text("#frame-position") == "24 / 24"
        assert view.shown_index() == 23


def test_space_plays_and_pauses_also_after_a_click_on_a_button(view, two):
    view.open(two[0])
    view.press(" ")
    view.page.wait_for_function("() => !document.querySelector('video').paused")
    assert view.page.get_attribute("#play", "aria-label") == "Pause"
    view.press(" ")
    view.wait_until_still()
    assert view.page.get_attribute("#play", "aria-label") == "Play"
    view.page.click("#loop")
    assert view.page.get_attribute("#loop", "aria-pressed") == "false"
    view.press(" ")
    view.page.wait_for_function("() => !document.querySelector('video').paused")
    assert view.page.get_attribute("#loop", "aria-pressed") == "false"


def test_space_presses_the_button_with_keyboard_focus(view, two):
    view.open(two[0])
    view.page.focus("#base-speed")
    view.press("Tab")
    view.press(" ")
    assert view.page.get_attribute("#loop", "aria-pressed") == "false"
    assert view.page.evaluate("() => document.querySelector('video').paused")


def test_l_doubles_the_speed_and_k_stops(view, two):
    view.open(two[0])
    view.press("l")
    view.press("l")
    view.press("l")
    assert view.text("#speed") == "4×"
    view.press("k")
    view.wait_until_still()
    assert view.text("#speed") == ""


def test_j_plays_backwards_to_the_first_frame(view, two):
    view.open(two[0])
    view.press("r")
    view.jump(1006)
    view.wait_for(1006)
    view.press("j")
    assert view.text("#speed") == "-1×"
    view.wait_for(1001)
    view.page.wait_for_function("() => document.querySelector('#transport').dataset.playing === 'false'")
    assert view.shown_index() == 0


def test_movie_without_loop_stops_on_its_last_frame_and_restarts(view, two):
    view.open(two[0])
    view.press("r")
    view.jump(1020)
    view.wait_for(1020)
    view.press("l")
    view.wait_for(1024)
    view.page.wait_for_function("() => document.querySelector('#transport').dataset.playing === 'false'")
    assert view.shown_index() == 23
    view.press(" ")
    view.page.wait_for_function("() => parseInt(document.querySelector('#frame-number').value) < 1020")


def test_looping_movie_continues_from_its_first_frame(view, two):
    view.open(two[0])
    view.jump(1020)
    view.wait_for(1020)
    view.press("l")
    view.page.wait_for_function("() => parseInt(document.querySelector('#frame-number').value) < 1010")
    assert view.page.get_attribute("#transport", "data-playing") == "true"


def test_arrow_keys_select_versions_in_the_list(view, two):
    link, (first, second) = two
    view.open(link)
    assert current(view) == first.id
    for key, version, number in [
        ("ArrowDown", second, 101),
        ("ArrowDown", second, 101),
        ("ArrowUp", first, 1001),
        ("PageDown", second, 101),
        ("PageUp", first, 1001),
    ]:
        view.press(key)
        view.wait_for(number)
        assert current(view) == version.id
        view.page.wait_for_url(f"{link}?version={version.id}*")


def test_click_in_the_list_shows_that_version(view, two):
    link, (_, second) = two
    view.open(link)
    view.page.click(f".version[data-id='{second.id}']")
    view.wait_for(101)
    assert view.page.title() == "sh020 v001 · Animation dailies"
    assert view.text("#frame-rate") == "25 fps"


@pytest.mark.parametrize("form", ["?version={}", "#{}"], ids=["query", "fragment of older links"])
def test_link_to_a_version_opens_it(view, two, form):
    link, (_, second) = two
    view.open(f"{link}{form.format(second.id)}")
    view.wait_for(101)
    assert current(view) == second.id


def test_link_to_a_missing_version_opens_the_first_with_a_notice(view, two):
    link, (first, _) = two
    view.open(f"{link}?version=11111111-1111-4111-8111-111111111111")
    view.wait_for(1001)
    assert current(view) == first.id
    assert "is not in this session" in view.text("#strip-notice")


def test_thumbnails_and_details_of_the_version_are_shown(view, two):
    view.open(two[0])
    view.page.wait_for_function(
        "() => { const shown = [...document.querySelectorAll('.version img')];"
        " return shown.length === 2 && shown.every(i => i.naturalWidth); }"
    )
    assert view.page.title() == "sh010 v001 · Animation dailies"
    assert view.text("#session-name") == "Animation dailies"
    assert view.text("#frame-position") == "1 / 24"
    assert view.text("#time-code") == "00:00:00:00"
    assert view.text("#frame-rate") == "24 fps"
    facts = view.text("#version-info")
    assert "sq010\u00a0/ sh010" in facts
    assert "animation" in facts
    assert "Held two frames longer." in facts
    assert "640 × 360" in facts
    assert not view.page.is_visible("#sound")


def test_drag_on_the_timeline_scrubs(view, two):
    view.open(two[0])
    box = view.page.locator("#track").bounding_box()
    middle = box["y"] + box["height"] / 2
    view.page.mouse.move(box["x"] + box["width"] * 0.1, middle)
    view.page.mouse.down()
    for part in (0.3, 0.6, 0.51):
        view.page.mouse.move(box["x"] + box["width"] * part, middle)
    assert view.text("#frame-hint") == "1013"
    view.page.mouse.up()
    view.wait_for(1013)
    assert view.shown_index() == 12


def test_new_version_appears_without_reload(view, reviews, movie):
    review_id = reviews.open()
    view.open(reviews.link(review_id))
    assert view.text("#stage-notice strong") == "Nothing to review yet"
    reviews.add(review_id, movie)
    # A page that becomes visible polls at once.
    view.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    view.wait_for(1001)
    assert view.shown_index() == 0


def test_keys_open_the_dialog_of_keys_and_the_full_screen(view, two):
    view.open(two[0])
    view.press("?")
    assert view.page.is_visible("#keys")
    assert "Ten frames forward" in view.text("#keys")
    view.press("Escape")
    assert not view.page.is_visible("#keys")
    view.press("Shift+F")
    view.page.wait_for_function("() => document.fullscreenElement?.id === 'page'")
    view.press("Shift+F")
    view.page.wait_for_function("() => document.fullscreenElement === null")


def test_image_and_controls_fit_into_the_window(view, two):
    view.open(two[0])
    for width, height in ((390, 844), (844, 390), (768, 1024), (1440, 900), (3840, 2160)):
        view.page.set_viewport_size({"width": width, "height": height})
        view.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert view.page.evaluate("() => document.documentElement.scrollWidth") == width
        movie = view.page.locator("#movie").bounding_box()
        assert movie["y"] >= 0
        assert movie["height"] >= 150
        for control in ("#play", "#loop", "#frame-number", "#time-code", ".version[aria-current]"):
            box = view.page.locator(control).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_names_with_markup_are_shown_as_text(view, reviews, movie):
    review_id = reviews.open("<img src=x onerror=alert(1)>")
    reviews.add(review_id, movie, name="<script>alert(1)</script>", comment="<b>bold</b>")
    view.open(reviews.link(review_id))
    assert view.text("#session-name") == "<img src=x onerror=alert(1)>"
    assert "<script>alert(1)</script>" in view.text("#version-info")
    assert "<b>bold</b>" in view.text("#version-info")


# The visible texts and controls of each of these parts of a page that overlap another one of the same part.
OVERLAPS = """(parts) => {
  const found = [];
  const isShown = (each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && each.getClientRects().length > 0 && getComputedStyle(each).position !== "absolute";
  const kinds = ":is(button, select, input, textarea, span, strong, dd, dt, h1, p)";
  for (const part of parts) {
    const all = [...document.querySelectorAll(`${part} ${kinds}`)];
    const shown = all.filter((each) => isShown(each) && (each.childElementCount === 0 || each.matches("button")));
    const boxes = shown.map((each) => [each, each.getBoundingClientRect()]);
    for (const [one, a] of boxes) for (const [other, b] of boxes) {
      if (one === other || one.contains(other) || other.contains(one)) continue;
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width <= 1.5 || height <= 1.5) continue;
      found.push(`${part}: ${one.outerHTML.slice(0, 60)} ${other.outerHTML.slice(0, 60)}`);
    }
  }
  return found;
}"""


_PARTS = [".head", "#view-bar", "#transport", ".side-content", "#side form", "#versions"]


# Width and height of the window, and the part of the height that the image gets.
_WINDOWS = (
    (390, 844, 0.25),
    (768, 1024, 0.2),
    (820, 1180, 0.25),
    (900, 700, 0.35),
    (1024, 768, 0.35),
    (1100, 700, 0.35),
    (1280, 800, 0.35),
    (1440, 900, 0.35),
    (2560, 1440, 0.35),
)


def test_nothing_overlaps_and_the_image_gets_the_room(view, reviews, make_movie):
    review_id = reviews.open("Dailies of the animation team, week 47")
    movie = make_movie("24", 1001, 24, (1280, 720))
    first = reviews.add(review_id, movie)
    reviews.add(review_id, movie, after=first)
    view.open(reviews.invite(review_id, "Ada Example"))
    view.page.wait_for_selector(".note-form, #note-text")
    for width, height, least in _WINDOWS:
        view.page.set_viewport_size({"width": width, "height": height})
        # The page measures the room of the image in the next frame.
        view.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert (width, view.page.evaluate(OVERLAPS, _PARTS)) == (width, [])
        assert view.page.locator("#stage").bounding_box()["height"] / height >= least, width
        assert view.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_head_and_bar_of_a_phone_are_a_row_each(view, reviews, movie):
    review_id = reviews.open("Dailies of the animation team, week 47")
    reviews.add(review_id, movie, after=reviews.add(review_id, movie))
    view.page.set_viewport_size({"width": 390, "height": 844})
    view.open(reviews.invite(review_id, "Ada Example", "view comment draw decide download present"))
    view.page.wait_for_selector("#present")
    view.page.wait_for_selector("#compare-with")
    heights = [view.page.locator(part).bounding_box()["height"] for part in (".head", "#view-bar")]
    assert max(heights) <= 66


@pytest.mark.parametrize(("height", "is_open"), [(700, False), (900, True)])
def test_details_of_the_version_leave_the_room_to_the_notes_in_a_low_window(view, two, height, is_open):
    view.page.set_viewport_size({"width": 1100, "height": height})
    view.open(two[0])
    view.page.wait_for_selector(".info-details")
    assert view.page.is_visible(".info-list") == is_open
    view.page.click(".info-details summary")
    assert view.page.is_visible(".info-list") != is_open


def test_portrait_movie_uses_the_height_of_a_phone(view, reviews, make_movie):
    review_id = reviews.open()
    reviews.add(review_id, make_movie("24", 1001, 24, (540, 960)))
    view.page.set_viewport_size({"width": 390, "height": 844})
    view.open(reviews.link(review_id))
    stage, movie = (view.page.locator(each).bounding_box() for each in ("#stage", "#movie"))
    assert min(stage["height"], movie["height"]) >= 844 * 0.6
    assert movie["width"] >= 844 * 0.6 * 540 / 960
