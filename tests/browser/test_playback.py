"""Test playback: speeds, ranges, sound, zoom, the order of versions, and renditions, by the bars in the frames."""

from __future__ import annotations

import json

import pytest
from browser.conftest import READ_INDEX
from browser.test_guests import wait_for_notes, wait_for_strokes
from doubles.numbered_movies import add_sound

FIRST = 1001

# Collects the number on the page with the index in the image at each change of the number.
SAMPLE_NUMBERS = f"""() => {{
  const readIndex = {READ_INDEX};
  const counter = document.querySelector("#frame-position");
  window.samples = [];
  new MutationObserver(() => samples.push([parseInt(counter.textContent) - 1, readIndex()]))
    .observe(counter, {{ childList: true, characterData: true, subtree: true }});
}}"""
# Collects the indices of all frames that are shown.
SAMPLE_FRAMES = f"""() => {{
  const readIndex = {READ_INDEX};
  const movie = document.querySelector("#movie");
  window.shown = [];
  const next = () => movie.requestVideoFrameCallback(() => {{ shown.push(readIndex()); next(); }});
  next();
}}"""


@pytest.fixture(scope="module")
def long(reviews, make_movie):
    """Return a movie of 96 frames, and the link of its session."""
    movie = make_movie("24", FIRST, 96)
    review_id = reviews.open()
    reviews.add(review_id, movie)
    return movie, reviews.link(review_id)


def go(view, number):
    view.jump(number)
    view.wait_for(number)


def check(view, number):
    view.wait_for(number)
    assert view.shown_index() == number - FIRST


def wait_for_sought_frames(view):
    """Wait until the element is paused and three more frames were sought: a played one may still arrive before."""
    view.page.wait_for_function("() => document.querySelector('#movie').paused")
    for _ in range(3):
        before = view.page.input_value("#frame-number")
        view.page.wait_for_function("before => document.querySelector('#frame-number').value !== before", arg=before)


@pytest.mark.parametrize("keys", ["j", "llll"], ids=["-1x", "8x"])
def test_number_is_that_of_the_image_while_frames_are_sought(view, long, keys):
    view.open(long[1])
    go(view, FIRST + 50)
    for key in keys:
        view.press(key)
    wait_for_sought_frames(view)
    view.page.evaluate(SAMPLE_NUMBERS)
    view.page.wait_for_function("() => samples.length >= 24")
    samples = view.page.evaluate("() => samples")
    assert [sample for sample in samples if sample[0] != sample[1]] == []
    # A seek into the last frame of an element that loops would show the first one.
    assert not view.page.evaluate("() => document.querySelector('#movie').loop")
    view.press("k")
    view.wait_until_still()
    number = int(view.page.input_value("#frame-number"))
    check(view, number)


def test_speeds_reach_from_an_eighth_to_eight(view, long):
    view.open(long[1])
    for _ in range(5):
        view.press("s")
    assert view.page.input_value("#base-speed") == "0.125"
    view.press(" ")
    assert view.text("#speed") == "1/8×"
    view.page.wait_for_function("() => document.querySelector('#movie').playbackRate === 0.125")
    view.page.select_option("#base-speed", "2")
    assert view.text("#speed") == "2×"
    for _ in range(3):
        view.press("w")
    assert view.text("#speed") == "8×"
    view.press("j")
    view.press("s")
    assert view.text("#speed") == "-1/2×"
    view.press("k")
    view.wait_until_still()
    check(view, int(view.page.input_value("#frame-number")))


@pytest.mark.parametrize("speed", ["1", "8"])
def test_loop_stays_between_in_and_out(view, long, speed):
    view.open(long[1])
    for number, key in ((FIRST + 20, "i"), (FIRST + 30, "o")):
        go(view, number)
        view.press(key)
    view.page.select_option("#base-speed", speed)
    view.page.evaluate(SAMPLE_FRAMES)
    go(view, FIRST + 25)
    view.press(" ")
    view.page.wait_for_function("() => shown.filter((each, index) => index > 0 && each < shown[index - 1]).length >= 3")
    shown = view.page.evaluate("() => shown")
    # Continuous playback has sound; a busy browser ends it late, but long before the end of the movie.
    late = 0 if float(speed) > 1 else 40
    assert set(shown) <= set(range(20, 31 + late))
    assert 20 in shown
    assert max(shown) >= 30
    view.press("k")
    view.wait_until_still()
    assert view.page.get_attribute("#timeline", "data-range") == "true"
    view.press("x")
    assert view.page.get_attribute("#timeline", "data-range") == "false"


def test_play_starts_in_the_range_and_stops_at_its_end_without_loop(view, long):
    view.open(long[1])
    for number, button in ((FIRST + 20, "mark-in"), (FIRST + 26, "mark-out")):
        go(view, number)
        view.page.click(f'[data-command="{button}"]')
    view.press("r")
    go(view, FIRST + 60)
    view.press(" ")
    view.wait_for(FIRST + 26)
    # A slow machine may show a later frame before the page has paused.
    view.page.wait_for_function("() => document.querySelector('#transport').dataset.playing === 'false'")
    check(view, FIRST + 26)
    view.press("ArrowRight")
    check(view, FIRST + 27)


def test_out_before_in_moves_the_in_point_to_the_start(view, long):
    view.open(long[1])
    for number, key in ((FIRST + 20, "i"), (FIRST + 10, "o")):
        go(view, number)
        view.press(key)
    style = view.page.locator("#timeline").evaluate("each => [each.style.getPropertyValue('--in')]")
    assert style == ["0"]


def test_ping_pong_turns_round_at_both_ends(view, long):
    view.open(long[1])
    for number, key in ((FIRST + 20, "i"), (FIRST + 30, "o")):
        go(view, number)
        view.press(key)
    view.press("Shift+R")
    assert view.page.get_attribute("#ping-pong", "aria-pressed") == "true"
    view.page.evaluate(SAMPLE_FRAMES)
    view.press(" ")
    view.page.wait_for_function(
        "() => { const turns = shown.filter((each, index) => index > 1 &&"
        " (each - shown[index - 1]) * (shown[index - 1] - shown[index - 2]) < 0); return turns.length >= 3; }"
    )
    shown = view.page.evaluate("() => shown")
    # A busy machine ends the range late, but long before the end of the movie.
    assert set(shown) <= set(range(20, 71))
    assert 20 in shown
    assert max(shown) >= 30
    view.press("k")
    view.wait_until_still()


def test_sound_has_a_volume_and_a_waveform(view, reviews, make_movie):
    movie = add_sound(make_movie("24", FIRST, 48), seconds=1)
    review_id = reviews.open()
    reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    view.page.wait_for_selector('#waveform:not([data-peaks="0"])')
    assert int(view.page.get_attribute("#waveform", "data-peaks")) == pytest.approx(100, abs=3)
    heights = """() => { const canvas = document.querySelector("#waveform"); const { width, height } = canvas;
      const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
      return [0.25, 0.75].map((part) => { let count = 0; for (let y = 0; y < height; y += 1)
        count += pixels[(y * width + Math.floor(width * part)) * 4 + 3] > 0; return count / height; }); }"""
    loud, silent = view.page.evaluate(heights)
    assert loud > 3 * silent
    view.page.fill("#volume", "30")
    assert view.page.evaluate("() => document.querySelector('#movie').volume") == pytest.approx(0.3)
    view.press("m")
    assert view.page.evaluate("() => document.querySelector('#movie').muted")
    assert view.page.input_value("#volume") == "0"
    view.press("m")
    assert view.page.input_value("#volume") == "30"


def image_box(view):
    return view.page.locator("#movie").bounding_box()


def test_wheel_zooms_at_the_pointer_and_drag_moves_the_image(view, long):
    view.open(long[1])
    go(view, FIRST + 9)
    stage = view.page.locator("#stage").bounding_box()
    x, y = stage["x"] + stage["width"] * 0.7, stage["y"] + stage["height"] * 0.4
    before = image_box(view)
    part = (x - before["x"]) / before["width"]
    view.page.mouse.move(x, y)
    for _ in range(4):
        view.page.mouse.wheel(0, -100)
    view.page.wait_for_function(
        "width => document.querySelector('#movie').getBoundingClientRect().width > 2 * width", arg=before["width"]
    )
    zoomed = image_box(view)
    assert (x - zoomed["x"]) / zoomed["width"] == pytest.approx(part, abs=0.01)
    view.page.mouse.down()
    view.page.mouse.move(x - 60, y - 20, steps=4)
    view.page.mouse.up()
    assert image_box(view)["x"] == pytest.approx(zoomed["x"] - 60, abs=1)
    # A drag is no click, and neither changes the frame.
    assert view.page.get_attribute("#transport", "data-playing") == "false"
    check(view, FIRST + 9)
    view.press("1")
    assert view.text("#zoom") == "100 %"
    view.press("f")
    assert image_box(view) == before
    view.press("h")
    assert view.page.locator("#movie").evaluate("each => new DOMMatrix(getComputedStyle(each).transform).a") == -1


def test_pinch_zooms_and_moves_the_image(view, long):
    view.open(long[1])
    before = image_box(view)
    view.page.evaluate(
        """() => {
          const stage = document.querySelector("#stage"), movie = document.querySelector("#movie");
          const { left, top, width, height } = stage.getBoundingClientRect();
          const send = (type, pointerId, x) => movie.dispatchEvent(new PointerEvent(type, {
            pointerId, pointerType: "touch",
            isPrimary: pointerId === 1, bubbles: true, clientX: left + x * width, clientY: top + height / 2 }));
          send("pointerdown", 1, 0.4); send("pointerdown", 2, 0.6);
          send("pointermove", 1, 0.3); send("pointermove", 2, 0.7);
          send("pointerup", 1, 0.3); send("pointerup", 2, 0.7);
        }"""
    )
    assert image_box(view)["width"] == pytest.approx(2 * before["width"], rel=0.01)


def test_drawing_stays_on_the_image_while_it_is_zoomed_and_mirrored(view, reviews, movie):
    review_id = reviews.open()
    version = reviews.add(review_id, movie)
    view.open(reviews.invite(review_id, "Ada Example"))
    view.page.wait_for_selector('.verdict[data-status="seen"]')
    view.press("d")
    view.page.keyboard.press("+")
    view.page.keyboard.press("+")
    view.press("h")
    zoomed = image_box(view)
    stage = view.page.locator("#stage").bounding_box()
    x, y = stage["x"] + stage["width"] * 0.3, stage["y"] + stage["height"] * 0.4
    view.page.mouse.move(x, y)
    view.page.mouse.down()
    view.page.mouse.move(x + 40, y, steps=4)
    view.page.mouse.up()
    wait_for_strokes(view, 1)
    view.press("f")
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    expression = f'select data from ReviewSessionObjectAnnotation where review_session_object_id is "{version.id}"'
    found = reviews.session.query(expression).one()
    start = json.loads(found["data"])["shapes"][0]["points"][0]
    fitted = image_box(view)
    # The video element fills the stage; its image is centred in it.
    scale = zoomed["width"] / fitted["width"]
    width = min(fitted["width"], fitted["height"] * 640 / 360) * scale
    left = zoomed["x"] + (zoomed["width"] - width) / 2
    assert start[0] == pytest.approx(1 - (x - left) / width, abs=0.005)


def test_frame_and_zoom_are_kept_between_versions_of_a_shot(view, reviews, make_movie):
    review_id = reviews.open()
    one = reviews.add(review_id, make_movie("24", FIRST, 48))
    reviews.add(review_id, make_movie("24", FIRST - 8, 64), after=one)
    view.open(reviews.link(review_id))
    assert view.text(".info-version") == "v002"
    view.press("+")
    go(view, FIRST + 12)
    width = image_box(view)["width"]
    view.page.click(".stack-version:not([aria-current])")
    view.page.wait_for_selector('.info-version:has-text("v001")')
    # The name changes before the movie does.
    view.page.wait_for_function("() => document.querySelector('#movie').duration < 2.5")
    check(view, FIRST + 12)
    assert image_box(view)["width"] == width
    view.page.click(".stack-version:not([aria-current])")
    view.wait_for(FIRST + 12)
    view.page.wait_for_function("() => document.querySelector('#movie').duration > 2.5")
    view.wait_for(FIRST + 12)
    assert view.shown_index() == 20


def test_page_starts_with_the_newest_undecided_version(view, reviews, movie):
    review_id = reviews.open()
    decided = reviews.add(review_id, movie)
    one = reviews.add(review_id, movie, name="sh020")
    two = reviews.add(review_id, movie, name="sh020", after=one)
    view.open(f"{reviews.invite(review_id, 'Ada Example')}?version={decided.id}")
    view.page.click('#own-status button[value="approved"]')
    view.page.wait_for_selector('.verdict[data-status="approved"]')
    view.page.goto("about:blank")
    view.open(reviews.link(review_id))
    assert view.page.get_attribute(".version[aria-current]", "data-id") == two.id


def test_panels_are_folded_and_stay_so(view, long):
    view.open(long[1])
    before = image_box(view)["width"]
    view.press("p")
    assert not view.page.is_visible("#versions")
    assert not view.page.is_visible("#side")
    view.page.wait_for_function("width => document.querySelector('#movie').clientWidth > width + 300", arg=before)
    view.page.reload()
    view.wait_for(FIRST)
    assert not view.page.is_visible("#side")
    view.page.click("#fold-side")
    assert view.page.is_visible("#side")
    assert view.page.get_attribute("#fold-side", "aria-expanded") == "true"


def test_play_on_continues_with_the_next_version(view, reviews, movie, other_movie):
    review_id = reviews.open()
    reviews.add(review_id, movie)
    second = reviews.add(review_id, other_movie, name="sh020")
    view.open(reviews.link(review_id))
    view.press("a")
    go(view, FIRST + 18)
    requested = []
    view.page.on("request", lambda request: requested.append(request.url))
    view.press(" ")
    view.page.wait_for_selector(f'.version[aria-current][data-id="{second.id}"]')
    view.page.wait_for_function("() => parseInt(document.querySelector('#frame-position').textContent) >= 4")
    view.press("k")
    view.wait_until_still()
    number = int(view.page.input_value("#frame-number"))
    view.wait_for(number)
    assert view.shown_index() == number - 101
    details = [index for index, url in enumerate(requested) if url.endswith(f"entries/{second.id}")]
    assert details


def wait_for_height(view, height):
    view.page.wait_for_function("height => document.querySelector('#movie').videoHeight === height", arg=height)


def test_published_rendition_is_chosen_by_hand_with_the_same_frames(view, reviews, make_movie):
    large, small = make_movie("24", FIRST, 24, (1920, 1080)), make_movie("24", FIRST, 24, (1280, 720))
    review_id = reviews.open()
    version = reviews.add(review_id, large)
    reviews.attach(version, small.path, "ftrackreview-mp4-720")
    view.open(reviews.link(review_id))
    go(view, FIRST + 9)
    view.page.select_option("#quality", "720")
    wait_for_height(view, 720)
    check(view, FIRST + 9)
    view.press("ArrowRight")
    check(view, FIRST + 10)
    view.page.select_option("#quality", "original")
    wait_for_height(view, 1080)
    check(view, FIRST + 10)


def test_the_next_version_is_preloaded_in_the_size_that_plays(view, reviews, make_movie):
    large, small = make_movie("24", FIRST, 24, (1920, 1080)), make_movie("24", FIRST, 24, (1280, 720))
    review_id = reviews.open()
    versions = [reviews.add(review_id, large, name=name) for name in ("sh010", "sh020")]
    renditions = [reviews.attach(version, small.path, "ftrackreview-mp4-720") for version in versions]
    view.open(reviews.link(review_id))
    view.page.select_option("#quality", "720")
    wait_for_height(view, 720)
    requested = []
    view.page.on("request", lambda request: requested.append(request.url))
    view.press("a")
    with view.page.expect_request(f"**/media/{renditions[1]}"):
        view.press(" ")
    view.page.wait_for_selector(f'.version[aria-current][data-id="{versions[1].id}"]')
    wait_for_height(view, 720)
    assert [url for url in requested if url.endswith(versions[1].component_id)] == []


def test_server_makes_a_rendition_for_a_slow_connection(view, reviews, make_movie):
    review_id = reviews.open()
    reviews.add(review_id, make_movie("24000/1001", FIRST, 24, (1920, 1080)))
    view.page.add_init_script(
        "Object.defineProperty(navigator, 'connection', { value: { downlink: 0.3, saveData: true } });"
    )
    view.open(reviews.link(review_id))
    go(view, FIRST + 17)
    wait_for_height(view, 720)
    check(view, FIRST + 17)
    for key, number in (("ArrowRight", 18), ("Home", 0), ("End", 23)):
        view.press(key)
        check(view, FIRST + number)
    view.page.reload()
    wait_for_height(view, 720)


def names(view):
    return view.page.eval_on_selector_all(".version-name", "all => all.map((each) => each.textContent)")


def test_list_is_sorted_searched_and_shows_the_status(view, reviews, movie):
    review_id = reviews.open()
    for number in (30, 10, 20, 40, 50, 60, 70, 80):
        reviews.add(review_id, None, name=f"sh{number:03}")
    view.open(reviews.link(review_id))
    assert names(view)[:3] == ["sh030", "sh010", "sh020"]
    assert view.text(".version-status") == "Not started"
    view.page.select_option('[aria-label="Order of the versions"]', "name")
    assert names(view)[:3] == ["sh010", "sh020", "sh030"]
    view.page.fill('[aria-label="Search the versions"]', "sh04")
    assert names(view) == ["sh040"]
    assert view.page.locator(".version-move").count() == 0


@pytest.fixture
def user_view(view, server_process):
    """Return the page of a browser that is signed in as the first user."""
    known = server_process.credentials
    view.page.goto(f"{known.server_url}/")
    view.page.fill("#user", known.api_user)
    view.page.fill("#key", known.api_key)
    view.page.click("button")
    view.page.wait_for_selector("h1:has-text('Reviews')")
    return view


def test_user_orders_the_versions_by_drag_and_by_keys(user_view, reviews, session):
    view = user_view
    review_id = reviews.open()
    for number in (10, 20, 30):
        reviews.add(review_id, None, name=f"sh{number:03}")
    view.open(reviews.link(review_id))
    handle, target = view.page.locator(".version-move").nth(2), view.page.locator(".version-row").nth(0)
    handle.hover()
    view.page.mouse.down()
    box = target.bounding_box()
    view.page.mouse.move(box["x"] + 40, box["y"] + 10, steps=5)
    with view.page.expect_response(lambda response: response.url.endswith("/order")):
        view.page.mouse.up()
    assert names(view) == ["sh030", "sh010", "sh020"]
    view.page.locator(".version-move").nth(0).focus()
    with view.page.expect_response(lambda response: response.url.endswith("/order")):
        view.press("ArrowDown")
    # The page may have read the list between the two changes.
    view.page.wait_for_function(
        "() => [...document.querySelectorAll('.version-name')].map((each) => each.textContent).join()"
        " === 'sh010,sh030,sh020'"
    )
    session.reset()
    stored = session.query(
        f'select name from ReviewSessionObject where review_session_id is "{review_id}" order by sort_order'
    )
    assert [each["name"] for each in stored] == ["sh010", "sh030", "sh020"]
    view.page.reload()
    view.page.wait_for_selector(".version-move")
    assert names(view) == ["sh010", "sh030", "sh020"]
