"""Test the core of the review page in Chromium, Firefox and the WebKit engine, by the bars in screenshots."""

import functools
import json
import os
from contextlib import ExitStack

import attrs
import pytest
from browser.test_phone import EXTREMES, MEASURE, TRANSPORT
from browser_drivers import WINDOW_SIZE, BrowserMissing, Driver
from browser_drivers.chromium import Chromium
from browser_drivers.firefox import Firefox
from browser_drivers.webkit import WebKit
from doubles.numbered_movies import BITS, Movie, add_sound, encode_directly
from PySide6.QtGui import QImage
from run_options import wait_until

# One rate of each kind, each of which makes the browser compute other times, and the size of their movies.
ALL = os.environ.get("FT_DCC_ENGINE_RATES") == "all"
RATES = {"60000/1001": (641, 359), "25": (320, 180)}
if ALL:
    RATES.update(dict.fromkeys(("24000/1001", "24", "30000/1001", "50"), (320, 180)))
pytestmark = pytest.mark.timeout(900)
ENGINES = ("chromium", "firefox", "webkit")
FIRST, COUNT = 1001, 48
# Bars are 50 or 200, and their differences 0 or 150.
_MIN_WHITE = 100

_STATE = """({
  number: document.querySelector("#frame-number").value,
  playing: document.querySelector("#transport").dataset.playing === "true",
  still: !document.querySelector("#still").hidden,
  settled: !document.querySelector("video").seeking,
  notice: document.querySelector("#strip-notice").innerText + document.querySelector("#stage-notice").innerText,
  loaded: document.querySelector("#page").dataset.state === "loaded",
})"""
# The rectangle of a movie in the viewport, without the bars of the video element around it.
_MOVIE_RECT = """(() => {
  const video = document.querySelector("%s");
  const box = video.getBoundingClientRect();
  const scale = Math.min(box.width / video.videoWidth, box.height / video.videoHeight);
  const [width, height] = [video.videoWidth * scale, video.videoHeight * scale];
  return [box.left + (box.width - width) / 2, box.top + (box.height - height) / 2, width, height];
})()"""


@attrs.frozen
class EnginePage:
    driver: Driver

    def open(self, link: str) -> None:
        """Load the page and wait for a frame number, a still image or a notice."""
        self.driver.open(link)
        self.wait_until(lambda state: state["loaded"] and (state["number"] != "–" or state["still"] or state["notice"]))

    def open_as_invitee(self, link: str) -> None:
        """Load the page of an invitee and wait for its content and the list of verdicts, which moves the form."""
        self.open(link)
        self.wait_for('.verdict[data-status="seen"]')

    def state(self):
        return self.driver.evaluate(_STATE)

    def wait_until(self, is_met):
        wait_until(lambda: is_met(self.state()), "a state of the page", self.state, interval=0.05)

    def wait_for(self, selector: str) -> None:
        """Wait until the page has an element."""
        found = f"document.querySelector({selector!r}) !== null"
        wait_until(lambda: self.driver.evaluate(found), selector, self.state)

    def check(self, movie: Movie, index: int) -> None:
        """Wait until the page shows the number of a frame, then check the image."""
        self.wait_until(lambda state: state["number"] == str(movie.first_frame + index) and state["settled"])
        self.check_image(index)

    def check_current(self, movie: Movie) -> int:
        """Wait until a paused movie shows the frame of the number beside it. Return the index."""
        self.wait_until(lambda state: not state["playing"] and state["settled"])

        def numbers():
            return [self.shown_index(), int(self.state()["number"]) - movie.first_frame]

        wait_until(lambda: len(set(numbers())) == 1, "the frame of the number", numbers)
        return int(self.state()["number"]) - movie.first_frame

    def wait_for_paints(self, count: int) -> None:
        """Wait until the page was painted this many times."""
        self.driver.evaluate("""void (window.paints = 0, (function paint() {
          window.paints += 1;
          requestAnimationFrame(paint);
        })())""")
        wait_until(lambda: self.driver.evaluate("window.paints") >= count, "paints", self.state)

    def check_image(self, index: int, selector: str = "#movie") -> None:
        """Check the frame on the screen. WebKitGTK reports a frame up to three frames before it is painted."""
        wait_until(lambda: self.shown_index(selector) == index, f"index {index}", lambda: self.shown_index(selector))

    def check_bars(self, upper: int, lower: int) -> None:
        """Wait until the stage shows these numbers in the upper and the lower bars."""
        wanted, read = [upper, lower], functools.partial(self._read_bars, "#movie")
        wait_until(lambda: read() == wanted, f"{upper}, {lower}", read)

    def shown_index(self, selector="#movie"):
        """Return the index in the bars of the frame in a screenshot, or None if it does not show a whole frame."""
        upper, lower = self._read_bars(selector)
        return upper if upper ^ lower == (1 << BITS) - 1 else None

    def _read_bars(self, selector: str) -> list[int]:
        """Return the numbers that the upper and the lower bars in the place of a movie show in a screenshot."""
        left, top, width, height = box = self.driver.evaluate(_MOVIE_RECT % selector)
        if left is None:
            return [0, 0]  # The movie is loaded again, and has no size yet.
        image = QImage.fromData(self.driver.screenshot(box))
        if image.width() > width + 1:  # The whole viewport.
            image = image.copy(round(left), round(top), round(width), round(height))

        def is_white(bit: int, row: float) -> bool:
            x, y = (bit + 0.5) * image.width() / BITS, row * image.height()
            return image.pixelColor(round(x), round(y)).red() > _MIN_WHITE

        rows = ([is_white(bit, row) for bit in range(BITS)] for row in (0.25, 0.75))
        return [sum(white << (BITS - 1 - bit) for bit, white in enumerate(bars)) for bars in rows]

    def jump(self, number: int) -> None:
        """Type a frame number into the counter."""
        self.click("#frame-number")
        for digit in str(number):
            self.driver.press(digit)
        self.driver.press("Enter")

    def click(self, selector: str) -> None:
        self.driver.drag([self.point_in(selector, 0.5, 0.5)])

    def choose(self, selector: str, value: str) -> None:
        found = f"document.querySelector({selector!r})"
        self.driver.evaluate(f"void ({found}.value = {value!r}, {found}.dispatchEvent(new Event('change')))")

    def point_in(self, selector: str, across: float, down: float) -> tuple[float, float]:
        """Return a point of the viewport at these fractions of an element."""
        box = self.driver.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        return box["left"] + across * box["width"], box["top"] + down * box["height"]


@pytest.fixture(scope="module")
def start_driver(request):
    """Return a function that starts an engine once and returns it."""
    engines = {"chromium": lambda: Chromium(request.getfixturevalue("browser")), "firefox": Firefox, "webkit": WebKit}
    with ExitStack() as started:

        @functools.cache
        def start(name: str) -> Driver:
            driver = engines[name]()
            started.callback(driver.close)
            return driver

        yield start


@pytest.fixture(params=ENGINES)
def page(request, start_driver):
    try:
        return EnginePage(start_driver(request.param))
    except BrowserMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def publish(reviews):
    """Return a function that publishes a movie once into a session of its own and returns the link."""

    @functools.cache
    def publish(movie: Movie) -> str:
        review_id = reviews.open()
        reviews.add(review_id, movie)
        return reviews.link(review_id)

    return publish


@pytest.fixture(scope="module", params=RATES)
def at_rate(request, make_movie, publish):
    movie = make_movie(request.param, FIRST, COUNT, RATES[request.param])
    return movie, publish(movie)


def test_frames_are_exact_at_every_rate(page, at_rate):
    movie, link = at_rate
    page.open(link)
    page.check(movie, 0)
    for key, index in [("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", COUNT - 1), ("Home", 0)]:
        page.driver.press(key)
        page.check(movie, index)
    for index in (37, 4, 23):
        page.jump(FIRST + index)
        page.check(movie, index)
    # Scrub on the timeline.
    page.driver.drag([page.point_in("#track", part, 0.5) for part in (0.2, 0.7, (30 + 0.5) / COUNT)])
    page.check(movie, 30)


@pytest.fixture(scope="module")
def with_long_sound(make_movie):
    """Return a movie whose sound is longer than its frames; that with B-frames, below, has none."""
    return add_sound(make_movie("60000/1001", FIRST, COUNT, RATES["60000/1001"]), seconds=1.3)


def test_paused_frame_is_exact_after_play_loop_and_reverse(page, with_long_sound, publish):
    movie = with_long_sound
    page.open(publish(movie))
    page.driver.press(" ")
    page.wait_until(lambda state: int(state["number"]) > FIRST + 4)
    page.driver.press("k")
    page.check_current(movie)
    # Play through the end, twice.
    for _ in range(2):
        page.jump(FIRST + COUNT - 4)
        page.check(movie, COUNT - 4)
        page.driver.press("l")
        page.wait_until(lambda state: int(state["number"]) < FIRST + COUNT // 2)
    page.driver.press("k")
    index = page.check_current(movie)
    page.driver.press("ArrowRight")
    page.check(movie, index + 1)
    page.jump(FIRST + COUNT - 1)
    page.check(movie, COUNT - 1)
    page.driver.press("j")
    page.wait_until(lambda state: int(state["number"]) < FIRST + COUNT - 4)
    page.driver.press("k")
    page.check_current(movie)
    assert page.state()["notice"] == ""


@pytest.mark.parametrize("count", [1, 2, 3] if ALL else [1])
def test_short_movie_keeps_its_frame_numbers_after_play_and_pause(page, make_movie, publish, count):
    movie = make_movie("24", FIRST, count, (320, 180))
    page.open(publish(movie))
    page.check(movie, 0)
    for _ in range(2):
        page.driver.press("l")
        page.wait_until(lambda state: state["playing"])
        # Several passes of the loop.
        page.wait_for_paints(20)
        page.driver.press("k")
        page.check_current(movie)
    for key, index in (("End", count - 1), ("Home", 0)):
        page.driver.press(key)
        page.check(movie, index)
    assert page.state()["notice"] == ""


@pytest.fixture(scope="module")
def long_movie(tmp_path_factory, publish):
    """Return a movie of 10,000 frames, and its link."""
    folder = tmp_path_factory.mktemp("long")
    movie = Movie(folder / "movie.mp4", "24000/1001", FIRST, 10_000, (112, 64))
    movie = encode_directly(folder, movie, "-bf", "0", "-g", "24")
    return movie, publish(movie)


# Chromium alone: what is long about it is the arithmetic of the page.
@pytest.mark.parametrize("page", ENGINES if ALL else ["chromium"], indirect=True)
def test_frames_are_exact_in_a_movie_of_10000_frames(page, long_movie):
    movie, link = long_movie
    page.open(link)
    for index in (9_999, 5_000, 4_999, 1, 8_191, 9_998):
        page.jump(FIRST + index)
        page.check(movie, index)
    page.driver.press("l")
    page.driver.press("ArrowLeft")
    page.check_current(movie)


@pytest.fixture(scope="module")
def with_b_frames(make_movie, tmp_path_factory):
    movie = make_movie("24000/1001", FIRST, COUNT)
    return encode_directly(tmp_path_factory.mktemp("b-frames"), movie, "-bf", "2", "-g", "12")


def test_frames_are_exact_in_movies_with_b_frames(page, with_b_frames, publish):
    movie = with_b_frames
    page.open(publish(movie))
    page.check(movie, 0)
    for key, index in [("ArrowRight", 1), ("End", COUNT - 1), ("ArrowLeft", COUNT - 2), ("Home", 0)]:
        page.driver.press(key)
        page.check(movie, index)
    page.jump(FIRST + 20)
    page.check(movie, 20)
    page.driver.press("l")
    page.wait_until(lambda state: int(state["number"]) < FIRST + 10)
    page.driver.press("k")
    page.check_current(movie)
    page.driver.press("j")
    page.wait_until(lambda state: state["playing"])
    page.wait_until(lambda state: int(state["number"]) > FIRST + 30)
    page.driver.press("k")
    page.check_current(movie)
    assert page.state()["notice"] == ""


@pytest.fixture(scope="module")
def invited(reviews, movie):
    """Return a function that makes a session with a version, and the link of an invitee."""

    def invite():
        review_id = reviews.open()
        return reviews.add(review_id, movie), reviews.invite(review_id, "Ada Example")

    return invite


def test_note_with_drawing_is_shown_on_its_frame(page, reviews, movie, invited):
    version, link = invited()
    page.open_as_invitee(link)
    page.jump(FIRST + 11)
    page.check(movie, 11)
    page.click("#draw")
    page.wait_for('#stage[data-drawing="true"]')
    page.driver.drag([page.point_in("#movie", across, 0.5) for across in (0.3, 0.45, 0.6)])
    page.wait_for('#drawing[data-strokes="1"]')
    page.click("#note-text")
    for letter in "lift":
        page.driver.press(letter)
    page.driver.press("Control+Enter")
    page.wait_for(".note .note-content")
    (note,) = reviews.notes(version)
    assert note["content"] == "lift"
    page.driver.press("Escape")
    page.click("#draw")
    page.driver.press("ArrowRight")
    page.check(movie, 12)
    page.wait_for('#drawing[data-strokes="0"]')
    page.driver.press(",")
    page.check(movie, 11)
    page.wait_for('#drawing[data-strokes="1"]')


# What opens a part of the page for phones, what it must show, and what closes it.
PHONE_PARTS = [
    ("#tab-notes", ["feedback", "open-note"], "#tab-notes"),
    ("#more", ["loop", "show-export"], "#close-menu"),
    ("#open-note", ["note-text", "send-note"], "#close-note"),
]


# The narrowest window of WebKitGTK has 447 pixels.
@pytest.mark.parametrize("page", ["firefox", "webkit"], indirect=True)
def test_controls_are_large_reachable_and_uncovered_on_a_phone(page, invited):
    page.open_as_invitee(invited()[1])
    try:
        for size in (*EXTREMES, *(extreme[::-1] for extreme in EXTREMES)):
            page.driver.resize(*size)
            page.wait_for("#tab-notes")
            page.driver.evaluate("document.querySelector('#tab-notes').click()")
            for opens, needed, closes in PHONE_PARTS:
                page.driver.evaluate(f"document.querySelector('{opens}').click()")
                page.wait_for_paints(2)
                found = page.driver.evaluate(f"({MEASURE})({json.dumps([*TRANSPORT, *needed])})")
                assert (size, needed, found) == (size, needed, [])
                page.driver.evaluate(f"document.querySelector('{closes}').click()")
            page.driver.evaluate("document.querySelector('#tab-notes').click()")
    finally:
        page.driver.resize(*WINDOW_SIZE)


@pytest.fixture(scope="module")
def compared(reviews, make_movie):
    """Return two versions whose movies begin at different frames, and the link that compares them side by side."""
    review_id = reviews.open()
    movies = make_movie("24", FIRST - 8, 64), make_movie("24", FIRST, COUNT)
    one = reviews.add(review_id, movies[0])
    two = reviews.add(review_id, movies[1], after=one)
    return movies[1], f"{reviews.link(review_id)}?version={two.id}&with={one.id}&mode=side&frame={FIRST + 10}"


def check_both(page, index):
    """Check that both versions show the frame of the same number; the other movie begins 8 frames earlier."""
    page.wait_until(lambda state: state["number"] == str(FIRST + index) and state["settled"])
    page.wait_for(f'#other-movie[data-frame="{FIRST + index}"]')
    page.check_image(index)
    page.check_image(index + 8, "#other-movie")


def test_compared_versions_show_the_same_frame_number(page, compared):
    compared_movie, link = compared
    page.open(link)
    check_both(page, 10)
    for key, index in (("ArrowRight", 11), ("Home", 0), ("Shift+ArrowRight", 10)):
        page.driver.press(key)
        check_both(page, index)
    page.driver.press("l")
    page.wait_until(lambda state: int(state["number"]) > FIRST + 16)
    page.driver.press("k")
    page.check_current(compared_movie)
    check_both(page, int(page.state()["number"]) - FIRST)
    page.driver.press("j")
    page.wait_until(lambda state: int(state["number"]) < FIRST + 12)
    page.driver.press("k")
    page.check_current(compared_movie)
    check_both(page, int(page.state()["number"]) - FIRST)
    # Played and paused again and again.
    for last in range(6, 10 if ALL else 8):
        page.driver.press("Home")
        check_both(page, 0)
        page.driver.press("l")
        page.wait_until(lambda state, last=last: int(state["number"]) > FIRST + last)
        page.driver.press("k")
        check_both(page, page.check_current(compared_movie))
    # Ending the comparison does not change the frame.
    index = int(page.state()["number"]) - FIRST
    page.driver.press("c")
    page.wait_for('#stage[data-compare="off"]')
    page.check_image(index)


def test_difference_wipe_and_toggle_show_the_compared_frame(page, compared):
    _, link = compared
    page.open(link.replace("mode=side", "mode=difference"))
    for key, index in (("", 10), ("ArrowRight", 11), ("Home", 0)):
        if key:
            page.driver.press(key)
        page.wait_until(lambda state, index=index: state["number"] == str(FIRST + index) and state["settled"])
        page.wait_for(f'#other-movie[data-frame="{FIRST + index}"]')
        # White where the bars differ, and black elsewhere.
        page.check_bars(index ^ (index + 8), index ^ (index + 8))
    page.choose("#compare-mode", "wipe")
    # The right half is that of the other movie.
    right = (1 << BITS // 2) - 1
    page.check_bars(8 & right, ~(8 & right) & ((1 << BITS) - 1))
    page.choose("#compare-mode", "toggle")
    page.check_image(0)
    page.driver.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'v'}))")
    page.check_image(8)
    page.driver.evaluate("document.dispatchEvent(new KeyboardEvent('keyup', {key: 'v'}))")
    page.check_image(0)
