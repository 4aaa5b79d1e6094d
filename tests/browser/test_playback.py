"""Test playback: speeds, ranges, sound, zoom, the order of versions, and renditions, by the bars in the frames."""

import json

import pytest
from browser.conftest import READ_INDEX
from doubles.numbered_movies import add_sound
from playwright.sync_api import expect
from run_options import seeded

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
    return movie, reviews.show(movie)


@pytest.fixture
def playing(view, long):
    view.open(long[1])
    return view


def stop(view):
    """Pause, and check that the movie shows the frame of the number."""
    view.press("k")
    view.wait_until_still()
    number = int(view.page.input_value("#frame-number"))
    view.wait_for(number)
    assert view.shown_index() == number - FIRST


def set_range(view, first, last):
    for number, key in ((first, "i"), (last, "o")):
        view.go(FIRST + number)
        view.press(key)


def wait_for_sought_frames(view):
    """Wait until the element is paused and three more frames were sought: a played one may still arrive before."""
    view.page.wait_for_function("() => document.querySelector('#movie').paused")
    for _ in range(3):
        before = view.page.input_value("#frame-number")
        view.page.wait_for_function("before => document.querySelector('#frame-number').value !== before", arg=before)


def test_typed_number_and_steps_show_each_frame_once(view, reviews, make_movie):
    # The engines are tested at other rates.
    movie = make_movie("30000/1001", 993)
    view.open(reviews.show(movie))
    order = list(range(movie.frame_count))
    seeded("frames").shuffle(order)
    for index in (*order, 0):
        view.jump(993 + index)
        view.check(movie, index)
    for key, indices in (("ArrowRight", order), ("ArrowLeft", order)):
        for index in sorted(indices, reverse=key == "ArrowLeft"):
            view.check(movie, index)
            view.press(key)


def test_number_is_that_of_the_image_while_frames_are_sought(playing):
    view = playing
    view.page.evaluate(SAMPLE_NUMBERS)
    # Backwards, and forward at eight times the speed.
    for keys in ("j", "llll"):
        view.go(FIRST + 50)
        for key in keys:
            view.press(key)
        wait_for_sought_frames(view)
        view.page.evaluate("() => { samples.length = 0; }")
        view.page.wait_for_function("() => samples.length >= 24")
        assert [sample for sample in view.page.evaluate("() => samples") if sample[0] != sample[1]] == []
        # A seek into the last frame of an element that loops would show the first one.
        assert not view.page.evaluate("() => document.querySelector('#movie').loop")
        stop(view)


def test_speeds_reach_from_an_eighth_to_eight(playing):
    view = playing
    for _ in range(5):
        view.press("s")
    expect(view.page.locator("#base-speed")).to_have_value("0.125")
    view.press(" ")
    view.expect_text("#speed", "1/8×")
    view.page.wait_for_function("() => document.querySelector('#movie').playbackRate === 0.125")
    view.page.select_option("#base-speed", "2")
    view.expect_text("#speed", "2×")
    for _ in range(3):
        view.press("w")
    view.expect_text("#speed", "8×")
    view.press("j")
    view.press("s")
    view.expect_text("#speed", "-1/2×")
    stop(view)


def test_loop_and_ping_pong_stay_between_in_and_out(playing):
    view = playing
    set_range(view, 20, 30)
    view.page.evaluate(SAMPLE_FRAMES)
    turns = (
        "() => shown.filter((each, index) => index > 1 &&"
        " (each - shown[index - 1]) * (shown[index - 1] - shown[index - 2]) < 0).length >= 3"
    )
    rounds = "() => shown.filter((each, index) => index > 0 && each < shown[index - 1]).length >= 3"
    for speed, condition in (("1", rounds), ("8", rounds), ("1", turns)):
        if condition == turns:
            view.press("Shift+R")
            expect(view.page.locator("#ping-pong")).to_have_attribute("aria-pressed", "true")
        view.page.select_option("#base-speed", speed)
        view.go(FIRST + 25)
        view.wait_until_still()
        view.page.evaluate("() => { shown.length = 0; }")
        view.press(" ")
        view.page.wait_for_function(condition)
        shown = view.page.evaluate("() => shown")
        # Continuous playback has sound; a busy browser ends it late, but long before the end of the movie.
        late = 0 if float(speed) > 1 else 40
        assert set(shown) <= set(range(20, 31 + late))
        assert 20 in shown
        assert max(shown) >= 30
        stop(view)
    expect(view.page.locator("#timeline")).to_have_attribute("data-range", "true")
    view.press("x")
    expect(view.page.locator("#timeline")).to_have_attribute("data-range", "false")
    # An out point before the in point moves that to the start.
    set_range(view, 20, 10)
    assert view.page.locator("#timeline").evaluate("each => each.style.getPropertyValue('--in')") == "0"


def test_play_starts_in_the_range_and_stops_at_its_end_without_loop(playing, long):
    view = playing
    for index, button in ((20, "mark-in"), (26, "mark-out")):
        view.go(FIRST + index)
        view.page.click(f'[data-command="{button}"]')
    view.press("r")
    view.go(FIRST + 60)
    view.press(" ")
    view.wait_for(FIRST + 26)
    # A slow machine may show a later frame before the page has paused.
    view.page.wait_for_function("() => document.querySelector('#transport').dataset.playing === 'false'")
    view.check(long[0], 26)
    view.press("ArrowRight")
    view.check(long[0], 27)


def test_sound_has_a_volume_and_a_waveform(view, reviews, make_movie):
    view.open(reviews.show(add_sound(make_movie("24", FIRST, 48), seconds=1)))
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
    expect(view.page.locator("#volume")).to_have_value("0")
    expect(view.page.locator("#sound")).to_have_attribute("aria-pressed", "false")
    view.press("m")
    expect(view.page.locator("#volume")).to_have_value("30")


def image_box(view):
    """Return the place of the movie, after the page has drawn what happened before."""
    return view.page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
          () => done(document.querySelector("#movie").getBoundingClientRect().toJSON()))))"""
    )


def test_wheel_and_pinch_zoom_at_the_pointer_and_drag_moves_the_image(playing, long):
    view = playing
    view.go(FIRST + 9)
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
    expect(view.page.locator("#transport")).to_have_attribute("data-playing", "false")
    view.check(long[0], 9)
    view.press("1")
    view.expect_text("#zoom", "100 %")
    view.press("f")
    assert image_box(view) == before
    view.press("h")
    assert view.page.locator("#movie").evaluate("each => new DOMMatrix(getComputedStyle(each).transform).a") == -1
    view.press("h")
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
    view.wait_for_strokes(1)
    view.press("f")
    view.wait_for_strokes(1)
    view.send(1)
    expression = f'select data from ReviewSessionObjectAnnotation where review_session_object_id is "{version.id}"'
    found = reviews.session.query(expression).one()
    start = json.loads(found["data"])["shapes"][0]["points"][0]
    fitted = image_box(view)
    # The video element fills the stage; its image is centred in it.
    scale = zoomed["width"] / fitted["width"]
    width = min(fitted["width"], fitted["height"] * 16 / 9) * scale
    left = zoomed["x"] + (zoomed["width"] - width) / 2
    assert start[0] == pytest.approx(1 - (x - left) / width, abs=0.005)


def test_frame_and_zoom_are_kept_between_versions_of_a_shot(view, reviews, make_movie):
    review_id = reviews.open()
    movies = make_movie("24", FIRST, 48), make_movie("24", FIRST - 8, 64)
    one = reviews.add(review_id, movies[0])
    reviews.add(review_id, movies[1], after=one)
    view.open(reviews.link(review_id))
    view.expect_text(".info-version", "v002")
    view.press("+")
    view.go(FIRST + 12)
    width = image_box(view)["width"]
    # The name changes before the movie does.
    for movie, index, duration in ((movies[0], 12, "< 2.5"), (movies[1], 20, "> 2.5")):
        view.page.click(".stack-version:not([aria-current])")
        view.page.wait_for_function(f"() => document.querySelector('#movie').duration {duration}")
        view.check(movie, index)
        assert image_box(view)["width"] == width
    view.expect_text(".info-version", "v002")


def test_page_starts_with_the_newest_undecided_version(view, reviews, movie):
    review_id = reviews.open()
    decided = reviews.add(review_id, movie)
    one = reviews.add(review_id, movie, name="sh020")
    two = reviews.add(review_id, movie, name="sh020", after=one)
    view.open(f"{reviews.invite(review_id, 'Ada Example')}?version={decided.id}")
    view.page.click('#own-status button[value="approved"]')
    view.page.wait_for_selector('.verdict[data-status="approved"]')
    view.open(reviews.link(review_id))
    expect(view.page.locator(".version[aria-current]")).to_have_attribute("data-id", two.id)


def test_panels_are_folded_and_stay_so(playing):
    view = playing
    before = image_box(view)["width"]
    view.press("p")
    expect(view.page.locator("#versions")).to_be_hidden()
    expect(view.page.locator("#side")).to_be_hidden()
    view.page.wait_for_function("width => document.querySelector('#movie').clientWidth > width + 300", arg=before)
    view.reload()
    view.wait_for(FIRST)
    expect(view.page.locator("#side")).to_be_hidden()
    view.page.click("#fold-side")
    expect(view.page.locator("#side")).to_be_visible()
    expect(view.page.locator("#fold-side")).to_have_attribute("aria-expanded", "true")


def test_play_on_continues_with_the_next_version(view, reviews, movie, other_movie):
    review_id = reviews.open()
    reviews.add(review_id, movie)
    second = reviews.add(review_id, other_movie, name="sh020")
    view.open(reviews.link(review_id))
    view.press("a")
    view.go(FIRST + 18)
    with view.page.expect_request(f"**/entries/{second.id}"):
        view.press(" ")
    view.page.wait_for_selector(f'.version[aria-current][data-id="{second.id}"]')
    view.page.wait_for_function("() => parseInt(document.querySelector('#frame-position').textContent) >= 4")
    view.press("k")
    view.wait_until_still()
    # A busy browser may have played on from the last version to the first.
    view.page.wait_for_function("() => /[0-9]/.test(document.querySelector('#frame-number').value)")
    number = int(view.page.input_value("#frame-number"))
    is_second = view.page.get_attribute(".version[aria-current]", "data-id") == second.id
    assert view.shown_index() == number - (101 if is_second else FIRST)


def choose_quality(view, name, height):
    if name:
        view.page.select_option("#quality", name)
    view.page.wait_for_function("height => document.querySelector('#movie')?.videoHeight === height", arg=height)


def test_published_rendition_has_the_same_frames_and_is_preloaded_of_the_next_version(view, reviews, make_movie):
    large, small = make_movie("24", FIRST, 12, (1920, 1080)), make_movie("24", FIRST, 12, (1280, 720))
    review_id = reviews.open()
    versions = [reviews.add(review_id, large, name=name) for name in ("sh010", "sh020")]
    renditions = [reviews.attach(version, small.path, "ftrackreview-mp4-720") for version in versions]
    requested: list[str] = []
    view.page.on("request", lambda request: requested.append(request.url))
    view.open(reviews.link(review_id))
    view.go(FIRST + 9)
    choose_quality(view, "original", 1080)
    view.check(large, 9)
    choose_quality(view, "720", 720)
    view.check(large, 9)
    view.press("ArrowRight")
    view.check(large, 10)
    view.press("a")
    view.press(" ")
    # The movie of the first version has 720 lines too: the size alone does not say which one is open.
    view.page.wait_for_function("id => document.querySelector('#movie').currentSrc.endsWith(id)", arg=renditions[1])
    choose_quality(view, "", 720)
    ids = [url.rpartition("/")[2] for url in requested]
    assert renditions[1] in ids
    assert versions[1].component_id not in ids


def test_server_makes_a_rendition_for_a_slow_connection(view, reviews, make_movie):
    movie = make_movie("24", FIRST, 12, (1920, 1080))
    slow = "{ value: { downlink: 0.3, saveData: true } }"
    view.page.add_init_script(f"Object.defineProperty(navigator, 'connection', {slow});")
    view.open(reviews.show(movie))
    view.go(FIRST + 7)
    choose_quality(view, "", 720)
    view.check(movie, 7)
    for key, index in (("ArrowRight", 8), ("Home", 0), ("End", 11)):
        view.press(key)
        view.check(movie, index)
    view.reload()
    choose_quality(view, "", 720)


def names(view):
    return view.page.eval_on_selector_all(".version-name", "all => all.map((each) => each.textContent)")


def test_list_is_sorted_searched_and_ordered_by_drag_and_keys_of_a_user(user_view, reviews, session):
    view = user_view
    review_id = reviews.open()
    for number in (30, 10, 20, 40, 50, 60, 70, 80):
        reviews.add(review_id, None, name=f"sh{number:03}")
    view.open(reviews.link(review_id))
    assert names(view)[:4] == ["sh030", "sh010", "sh020", "sh040"]
    view.expect_text(".version-status", "Not started")
    view.page.select_option('[aria-label="Order of the versions"]', "name")
    assert names(view)[:3] == ["sh010", "sh020", "sh030"]
    expect(view.page.locator(".version-move")).to_have_count(0)
    view.page.fill('[aria-label="Search the versions"]', "sh04")
    assert names(view) == ["sh040"]
    view.page.fill('[aria-label="Search the versions"]', "")
    view.page.select_option('[aria-label="Order of the versions"]', "list")
    handle, target = view.page.locator(".version-move").nth(2), view.page.locator(".version-row").nth(0)
    handle.hover()
    view.page.mouse.down()
    box = target.bounding_box()
    view.page.mouse.move(box["x"] + 40, box["y"] + 10, steps=5)
    with view.page.expect_response(lambda response: response.url.endswith("/order")):
        view.page.mouse.up()
    assert names(view)[:4] == ["sh020", "sh030", "sh010", "sh040"]
    view.page.locator(".version-move").nth(0).focus()
    with view.page.expect_response(lambda response: response.url.endswith("/order")):
        view.press("ArrowDown")
    # The page may have read the list between the two changes.
    view.page.wait_for_function(
        "() => [...document.querySelectorAll('.version-name')].slice(0, 3).map((each) => each.textContent).join()"
        " === 'sh030,sh020,sh010'"
    )
    items = f'ReviewSessionObject where review_session_id is "{review_id}"'
    stored = session.query(f"select name from {items} order by sort_order")
    expected = [f"sh{number:03}" for number in (30, 20, 10, 40, 50, 60, 70, 80)]
    assert [each["name"] for each in stored] == expected
    view.reload()
    view.page.wait_for_selector(".version-move")
    assert names(view) == expected
    newer = session.get("ReviewSessionObject", stored[0]["id"])["asset_version"]["asset"]
    session.create("AssetVersion", {"asset": newer})
    session.commit()
    view.page.get_by_text("Edit the session").click()
    view.page.locator(".session-editor [name=name]").first.fill("Dailies of Monday")
    view.page.locator(".session-editor").get_by_text("Save", exact=True).first.click()
    view.page.wait_for_function("() => document.title.includes('Dailies of Monday')")
    with view.page.expect_response(lambda response: response.url.endswith("/edit")):
        view.page.get_by_role("button", name="Add ").click()
    assert len(list(session.query(items))) == len(expected) + 1
