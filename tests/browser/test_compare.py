"""Test the comparison of two versions in Chromium: exact frames of both, one clock, links."""

from __future__ import annotations

import pytest
from browser.conftest import READ_INDEX
from browser.test_playback import wait_for_sought_frames
from PySide6.QtGui import QImage

FIRST, OTHER_FIRST = 1001, 993
MODES = ("toggle", "side", "wipe", "difference")


@pytest.fixture(scope="module")
def pair(reviews, make_movie):
    """Return the link of a session with two versions of an asset; v1 begins 8 frames earlier than v2."""
    review_id = reviews.open()
    one = reviews.add(review_id, make_movie("24", OTHER_FIRST, 72))
    two = reviews.add(review_id, make_movie("24", FIRST, 96), after=one)
    return reviews.link(review_id), one, two


def go(view, number):
    view.jump(number)
    view.wait_for(number)


def check_both(view, number):
    """Wait until both movies have settled on a frame number, then check both images."""
    view.wait_for(number)
    view.page.wait_for_selector(f'#other-movie[data-frame="{number}"]')
    assert view.shown_index() == number - FIRST
    assert view.shown_index("#other-movie") == number - OTHER_FIRST


def test_comparing_never_changes_the_frame(view, pair):
    view.open(pair[0])
    go(view, FIRST + 20)
    view.page.evaluate(
        "() => { window.seeks = 0; document.querySelector('#movie').addEventListener('seeking', () => (seeks += 1)); }"
    )
    view.press("c")
    assert view.page.input_value("#compare-with") == pair[1].id
    for mode in MODES:
        view.page.select_option("#compare-mode", mode)
        check_both(view, FIRST + 20)
    view.press("Shift+C")
    view.page.keyboard.down("v")
    view.page.keyboard.up("v")
    check_both(view, FIRST + 20)
    view.press("c")
    view.page.wait_for_selector('#stage[data-compare="off"]')
    view.wait_for(FIRST + 20)
    assert view.shown_index() == 20
    assert view.page.evaluate("() => seeks") == 0


@pytest.mark.parametrize("mode", MODES)
def test_both_versions_show_the_same_frame_number(view, pair, mode):
    view.open(f"{pair[0]}?version={pair[2].id}&with={pair[1].id}&mode={mode}")
    for key, number in (("ArrowRight", 1002), ("Shift+ArrowRight", 1012), ("ArrowLeft", 1011), ("Home", 1001)):
        view.press(key)
        check_both(view, number)
    go(view, FIRST + 50)
    check_both(view, FIRST + 50)


def test_frame_that_the_other_version_lacks_is_named(view, pair):
    view.open(f"{pair[0]}?version={pair[2].id}&with={pair[1].id}&mode=side")
    go(view, 1080)
    assert view.shown_index() == 79
    view.page.wait_for_selector("#other-notice:has-text('Frame 1080 is not in this version.')")
    assert not view.page.is_visible("#other-movie")
    go(view, 1060)
    check_both(view, 1060)
    assert not view.page.is_visible("#other-notice")


@pytest.mark.parametrize("key", ["l", "jjj"], ids=["1x", "-4x"])
def test_one_clock_drives_both_versions(view, pair, key):
    view.open(f"{pair[0]}?version={pair[2].id}&with={pair[1].id}&mode=difference")
    for number, end in ((1010, "i"), (1040, "o")):
        go(view, number)
        view.press(end)
    go(view, 1025)
    check_both(view, 1025)
    for each in key:
        view.press(each)
    if key != "l":
        wait_for_sought_frames(view)
    view.page.evaluate(
        f"""() => {{
          const readIndex = {READ_INDEX};
          const counter = document.querySelector("#frame-position");
          window.samples = [];
          new MutationObserver(() => samples.push([parseInt(counter.textContent) - 1, readIndex("#other-movie")]))
            .observe(counter, {{ childList: true, characterData: true, subtree: true }});
        }}"""
    )
    view.page.wait_for_function("() => samples.length >= 20")
    samples = view.page.evaluate("() => samples")
    if key != "l":
        # Frames that are sought wait for each other: the other movie shows the same frame, or still the one before it.
        # A seek whose frame callback was lost goes by way of a neighbouring frame.
        numbers = [(main + FIRST, other + OTHER_FIRST) for main, other in samples]
        steps = list(zip(numbers, numbers[1:]))
        late = [(before, now) for before, now in steps if now[1] != before[0] and abs(now[1] - now[0]) > 1]
        assert late == []
    view.press("k")
    view.wait_until_still()
    check_both(view, int(view.page.input_value("#frame-number")))


def test_difference_of_equal_images_is_black_and_of_others_is_not(view, reviews, movie, make_movie):
    review_id = reviews.open()
    one = reviews.add(review_id, movie)
    two = reviews.add(review_id, movie, after=one)
    other = reviews.add(review_id, make_movie("24", 1000, 24), after=two)
    link = reviews.link(review_id)

    def brightest(compared):
        view.open(f"{link}?version={two.id}&with={compared.id}&mode=difference&frame=1005")
        view.wait_for(1005)
        view.page.wait_for_selector('#other-movie[data-frame="1005"]')
        image = QImage.fromData(view.page.screenshot())
        box = view.page.locator("#stage").bounding_box()
        x = range(int(box["x"]) + 10, int(box["x"] + box["width"]) - 10, 7)
        y = int(box["y"] + box["height"] * 0.3)
        return max(image.pixelColor(each, y).red() for each in x)

    assert brightest(one) < 12
    assert brightest(other) > 100


def test_other_version_is_shown_while_the_key_is_held(view, pair):
    view.open(f"{pair[0]}?version={pair[2].id}&with={pair[1].id}&mode=toggle&frame=1020")
    check_both(view, 1020)
    top = """() => { const box = document.querySelector("#stage").getBoundingClientRect();
      return document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2).id; }"""
    assert view.page.evaluate(top) == "movie"
    view.page.keyboard.down("v")
    assert view.page.evaluate(top) == "other-movie"
    check_both(view, 1020)
    view.press("ArrowRight")
    check_both(view, 1021)
    view.page.keyboard.up("v")
    assert view.page.evaluate(top) == "movie"
    check_both(view, 1021)
    view.page.hover("#hold-other")
    view.page.mouse.down()
    assert view.page.evaluate(top) == "other-movie"
    view.page.mouse.up()
    assert view.page.evaluate(top) == "movie"


def test_wipe_is_dragged_and_moved_by_keys(view, pair):
    view.open(f"{pair[0]}?version={pair[2].id}&with={pair[1].id}&mode=wipe&frame=1020")
    check_both(view, 1020)
    stage = view.page.locator("#stage").bounding_box()
    y = stage["y"] + stage["height"] / 2
    view.page.mouse.move(stage["x"] + stage["width"] / 2, y)
    view.page.mouse.down()
    view.page.mouse.move(stage["x"] + stage["width"] * 0.25, y, steps=3)
    view.page.mouse.up()
    assert view.page.get_attribute("#wipe", "aria-valuenow") == "25"
    view.page.focus("#wipe")
    view.press("ArrowRight")
    assert view.page.get_attribute("#wipe", "aria-valuenow") == "27"
    check_both(view, 1020)


def test_link_opens_version_comparison_and_frame(view, pair):
    link, one, two = pair
    view.open(f"{link}?version={one.id}&with={two.id}&mode=wipe&frame=1030")
    view.wait_for(1030)
    view.page.wait_for_selector('#other-movie[data-frame="1030"]')
    assert (view.shown_index(), view.shown_index("#other-movie")) == (1030 - OTHER_FIRST, 1030 - FIRST)
    assert view.page.get_attribute("#stage", "data-compare") == "wipe"
    view.press("ArrowRight")
    view.page.wait_for_url(f"{link}?version={one.id}&with={two.id}&mode=wipe&frame=1031")
    view.press("c")
    view.page.wait_for_url(f"{link}?version={one.id}&frame=1031")


@pytest.mark.parametrize("query", ["frame=abc", "frame=99999", "with=x&mode=y", "mode=side", "version=%E0%A4%A"])
def test_invalid_values_in_a_link_are_ignored(view, pair, query):
    view.open(f"{pair[0]}?version={pair[2].id}&{query}" if "version" not in query else f"{pair[0]}?{query}")
    view.wait_for(FIRST)
    assert view.page.get_attribute("#stage", "data-compare") == "off"


def test_version_without_numbers_cannot_be_compared(view, reviews, movie):
    review_id = reviews.open()
    one = reviews.add(review_id, movie, exact=None)
    two = reviews.add(review_id, movie, after=one)
    view.open(f"{reviews.link(review_id)}?version={two.id}&with={one.id}&mode=side&frame=1010")
    view.wait_for(1010)
    view.page.wait_for_selector("#other-notice:has-text('Without frame numbers')")
    assert view.shown_index() == 9
