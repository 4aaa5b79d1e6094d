"""Test the controls of the review page: keys, list, links, timeline, and its layout."""

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def two(reviews, movie, other_movie):
    review_id = reviews.open("Animation dailies")
    versions = [reviews.add(review_id, movie), reviews.add(review_id, other_movie, name="sh020", comment="")]
    return reviews.link(review_id), versions


def current(view):
    return view.page.get_attribute(".version[aria-current]", "data-id")


def wait_for_playing(view, is_playing):
    view.page.wait_for_selector(f'#transport[data-playing="{str(is_playing).lower()}"]')


def start_by_space(view):
    """Press Space and wait until the movie has started, with the smallest frame number since then in `firstFrame`.

    It may be at its end before a busy browser answers.
    """
    view.page.evaluate("""() => {
      const transport = document.querySelector("#transport");
      window.hasStarted = false;
      window.firstFrame = Infinity;
      new MutationObserver(() => {
        window.hasStarted ||= transport.dataset.playing === "true";
        const shown = parseInt(document.querySelector("#frame-number").value) || Infinity;
        if (window.hasStarted) window.firstFrame = Math.min(window.firstFrame, shown);
      }).observe(transport, { attributes: true, childList: true, characterData: true, subtree: true });
    }""")
    view.press(" ")
    view.page.wait_for_function("() => window.hasStarted")


def test_keys_and_timeline_step_jump_and_scrub_to_exact_frames(view, two, movie):
    view.open(two[0])
    for key, number in [
        *(("ArrowRight", 1002), ("Shift+ArrowRight", 1012), ("ArrowLeft", 1011), ("Shift+ArrowLeft", 1001)),
        *(("ArrowLeft", 1001), ("End", 1024), ("Shift+ArrowRight", 1024), ("Home", 1001)),
    ]:
        view.press(key)
        view.check(movie, number - 1001)
    # A number beyond the end goes to the last frame.
    view.jump(5000)
    view.check(movie, 23)
    # A looping video element that is sought within its last frame would jump to the first one.
    for key in ("ArrowRight", "End", "k", "k"):
        view.press(key)
        view.wait_until_still()
        view.expect_text("#frame-position", "24 / 24")
        assert view.shown_index() == 23
    view.press("Home")
    view.check(movie, 0)
    # Rapid steps are all counted.
    view.page.evaluate(
        """() => { for (let press = 0; press < 15; press += 1)
             document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true })); }"""
    )
    view.check(movie, 15)
    box = view.page.locator("#track").bounding_box()
    middle = box["y"] + box["height"] / 2
    view.page.mouse.move(box["x"] + box["width"] * 0.1, middle)
    view.page.mouse.down()
    for part in (0.3, 0.6, 0.51):
        view.page.mouse.move(box["x"] + box["width"] * part, middle)
    view.expect_text("#frame-hint", "1013")
    view.page.mouse.up()
    view.check(movie, 12)


def test_lost_frame_callback_is_recovered(view, two, movie):
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
    view.check(movie, 4)


def test_seek_that_does_not_end_is_repeated_with_the_movie_loaded_again(view, two, movie):
    """A busy WebKit engine may seek for ever: neither another seek nor playback ends that."""
    view.page.add_init_script(
        """const media = HTMLMediaElement.prototype, { load } = media;
           const time = Object.getOwnPropertyDescriptor(media, "currentTime");
           const seeking = Object.getOwnPropertyDescriptor(media, "seeking");
           const set = function (value) {
             if ("isStuck" in window) window.isStuck = true;
             else time.set.call(this, value);
           };
           Object.defineProperty(media, "currentTime", { get: time.get, set });
           Object.defineProperty(media, "seeking", { get() { return window.isStuck || seeking.get.call(this); } });
           media.load = function () { delete window.isStuck; load.call(this); };"""
    )
    view.open(two[0])
    view.go(1004)
    view.page.evaluate("() => { window.isStuck = false; }")
    view.press("ArrowRight")
    view.press("ArrowRight")
    view.check(movie, 5)


def test_key_before_metadata_is_not_lost(view, two, movie):
    """The first frame may arrive before the metadata."""
    view.page.add_init_script(
        """document.addEventListener("loadedmetadata", function hold(event) {
             event.stopImmediatePropagation();
             document.removeEventListener("loadedmetadata", hold, true);
             window.letGo = () => event.target.dispatchEvent(new Event("loadedmetadata"));
           }, true);"""
    )
    view.open(two[0])
    view.page.wait_for_function("() => window.letGo")
    view.press("ArrowRight")
    view.press("ArrowRight")
    view.page.wait_for_function("() => 'letGo' in window")
    view.page.evaluate("window.letGo()")
    view.check(movie, 2)


def test_keys_play_pause_change_speed_and_direction_with_and_without_loop(view, two):
    view.open(two[0])
    view.press(" ")
    wait_for_playing(view, is_playing=True)
    expect(view.page.locator("#play")).to_have_attribute("aria-label", "Pause")
    view.press(" ")
    view.wait_until_still()
    expect(view.page.locator("#play")).to_have_attribute("aria-label", "Play")
    # Space plays after a click on a button, and presses a button that has the focus of the keyboard.
    view.page.click("#loop")
    expect(view.page.locator("#loop")).to_have_attribute("aria-pressed", "false")
    start_by_space(view)
    expect(view.page.locator("#loop")).to_have_attribute("aria-pressed", "false")
    view.press("k")
    view.wait_until_still()
    view.page.focus("#base-speed")
    view.press("Tab")
    view.press(" ")
    expect(view.page.locator("#loop")).to_have_attribute("aria-pressed", "true")
    assert view.page.evaluate("() => document.querySelector('video').paused")
    for _ in range(3):
        view.press("l")
    view.expect_text("#speed", "4×")
    view.press("k")
    view.wait_until_still()
    view.expect_text("#speed", "")
    # A looping movie continues from its first frame.
    view.go(1020)
    view.press("l")
    view.page.wait_for_function("() => parseInt(document.querySelector('#frame-number').value) < 1010")
    wait_for_playing(view, is_playing=True)
    view.press("k")
    view.wait_until_still()
    # Without loop, it stops at both ends and starts again.
    view.press("r")
    view.go(1006)
    view.press("j")
    view.expect_text("#speed", "-1×")
    view.wait_for(1001)
    wait_for_playing(view, is_playing=False)
    assert view.shown_index() == 0
    view.go(1020)
    view.press("l")
    view.wait_for(1024)
    wait_for_playing(view, is_playing=False)
    assert view.shown_index() == 23
    start_by_space(view)
    view.page.wait_for_function("() => window.firstFrame < 1020")
    view.press("k")
    view.press("?")
    expect(view.page.locator("#keys")).to_be_visible()
    expect(view.page.locator("#keys")).to_contain_text("Ten frames forward")
    view.press("Escape")
    expect(view.page.locator("#keys")).to_be_hidden()
    view.press("Shift+F")
    view.page.wait_for_function("() => document.fullscreenElement?.id === 'page'")
    view.press("Shift+F")
    view.page.wait_for_function("() => document.fullscreenElement === null")


def test_list_shows_details_and_selects_by_keys_and_clicks(view, two):
    link, (first, second) = two
    view.open(link)
    view.page.wait_for_function(
        "() => { const shown = [...document.querySelectorAll('.version img')];"
        " return shown.length === 2 && shown.every(i => i.naturalWidth); }"
    )
    assert current(view) == first.id
    assert view.page.title() == "sh010 v001 · Animation dailies"
    view.expect_text("#session-name", "Animation dailies")
    view.expect_text("#frame-position", "1 / 24")
    view.expect_text("#time-code", "00:00:00:00")
    view.expect_text("#frame-rate", "24 fps")
    facts = view.text("#version-info")
    assert "sq010\u00a0/ sh010" in facts
    assert "animation" in facts
    assert "Held two frames longer." in facts
    assert "320 × 180" in facts
    expect(view.page.locator("#sound")).to_be_hidden()
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
        view.page.wait_for_url(f"{link}?version={version.id}*", wait_until="commit")
    view.page.click(f".version[data-id='{second.id}']")
    view.wait_for(101)
    assert view.page.title() == "sh020 v001 · Animation dailies"
    view.expect_text("#frame-rate", "25 fps")


def test_links_open_their_version_and_a_missing_one_the_first_with_a_notice(view, two):
    link, (first, second) = two
    # The last form is that of older links.
    for address in (f"{link}?version={second.id}", f"{link}#{second.id}"):
        view.open(address)
        view.wait_for(101)
        assert current(view) == second.id
    view.open(f"{link}?version=11111111-1111-4111-8111-111111111111")
    view.wait_for(1001)
    assert current(view) == first.id
    expect(view.page.locator("#strip-notice")).to_contain_text("is not in this session")


def test_new_version_appears_without_reload(view, reviews, movie):
    review_id = reviews.open()
    view.open(reviews.link(review_id))
    view.expect_text("#stage-notice strong", "Nothing to review yet")
    reviews.add(review_id, movie)
    # A page that becomes visible polls at once.
    view.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    view.check(movie, 0)


def test_names_with_markup_are_shown_as_text(view, reviews, movie):
    name = "<img src=x onerror=alert(1)>"
    review_id = reviews.open(name)
    reviews.add(review_id, movie, name="<script>alert(1)</script>", comment="<b>bold</b>")
    view.open(reviews.link(review_id))
    view.expect_text("#session-name", name)
    expect(view.page.locator("#version-info").first).to_contain_text("<script>alert(1)</script>", use_inner_text=True)
    expect(view.page.locator("#version-info")).to_contain_text("<b>bold</b>")


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
# The page measures the room of the image in the next frame.
_TWO_FRAMES = "() => scrollTo(0, 0) ?? new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_PARTS = [".head", "#view-bar", "#transport", ".side-content", "#side form", "#versions"]
_CONTROLS = ("#play", "#loop", "#frame-number", "#time-code", ".version[aria-current]")
_FORM = ("#own-status button[value=approved]", "#note-text", "#draw", "#send-note")
# Width and height of the window, and the part of the height that the image gets.
_WINDOWS = (
    *((768, 1024, 0.2), (820, 1180, 0.25), (900, 700, 0.35), (1024, 768, 0.35)),
    *((1280, 800, 0.35), (1440, 900, 0.35), (3840, 2160, 0.35)),
)


def test_nothing_overlaps_and_image_controls_and_form_are_reachable_in_each_window(view, reviews, make_movie):
    review_id = reviews.open("Dailies of the animation team, week 47")
    movie = make_movie("24", 1001, 24, (1280, 720))
    reviews.add(review_id, movie, after=reviews.add(review_id, movie))
    view.open(reviews.invite(review_id, "Ada Example", "view comment draw decide download present"))
    for selector in ("#note-text", "#present", "#compare-with"):
        view.page.wait_for_selector(selector)
    for width, height, least in _WINDOWS:
        view.page.set_viewport_size({"width": width, "height": height})
        view.page.evaluate(_TWO_FRAMES)
        assert (width, view.page.evaluate(OVERLAPS, _PARTS)) == (width, [])
        assert view.page.evaluate("() => document.documentElement.scrollWidth") == width
        boxes = {part: view.page.locator(part).bounding_box() for part in ("#stage", "#movie", *_CONTROLS)}
        assert boxes["#stage"]["height"] / height >= least, width
        assert boxes["#movie"]["y"] >= 0
        for selector in _FORM:
            view.page.locator(selector).scroll_into_view_if_needed()
            boxes[selector] = view.page.locator(selector).bounding_box()
        outside = [name for name, box in boxes.items() if box["x"] < 0 or box["x"] + box["width"] > width]
        assert (width, outside) == (width, [])


def test_details_of_the_version_leave_the_room_to_the_notes_in_a_low_window(view, two):
    for height, is_open in ((700, False), (900, True)):
        view.page.set_viewport_size({"width": 1100, "height": height})
        view.open(two[0])
        view.page.wait_for_selector(".info-details")
        assert view.page.is_visible(".info-list") == is_open
        view.page.click(".info-details summary")
        assert view.page.is_visible(".info-list") != is_open
