"""Test the comparison of two versions in Chromium: exact frames of both, one clock, links."""

import pytest
from browser.conftest import READ_INDEX
from browser.test_playback import wait_for_sought_frames
from playwright.sync_api import expect

FIRST, OTHER_FIRST = 1001, 993
MODES = ("toggle", "side", "wipe", "difference")


@pytest.fixture(scope="module")
def pair(reviews, make_movie):
    """Return the link of a session with two versions of an asset; v1 begins 8 frames earlier than v2."""
    review_id = reviews.open()
    one = reviews.add(review_id, make_movie("24", OTHER_FIRST, 72))
    two = reviews.add(review_id, make_movie("24", FIRST, 96), after=one)
    return reviews.link(review_id), one, two


def check_both(view, number):
    """Wait until both movies have settled on a frame number, then check both images."""
    view.wait_for(number)
    view.page.wait_for_selector(f'#other-movie[data-frame="{number}"]')
    assert view.shown_index() == number - FIRST
    assert view.shown_index("#other-movie") == number - OTHER_FIRST


def test_comparing_never_changes_the_frame(view, pair):
    view.open(pair[0])
    view.go(FIRST + 20)
    count_seeks = "document.querySelector('#movie').addEventListener('seeking', () => (seeks += 1));"
    view.page.evaluate(f"() => {{ window.seeks = 0; {count_seeks} }}")
    view.press("c")
    expect(view.page.locator("#compare-with")).to_have_value(pair[1].id)
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


def test_frame_that_the_other_version_lacks_is_named(view, pair):
    view.open(f"{pair[0]}?version={pair[2].id}&with={pair[1].id}&mode=side")
    view.go(1080)
    assert view.shown_index() == 79
    view.page.wait_for_selector("#other-notice:has-text('Frame 1080 is not in this version.')")
    expect(view.page.locator("#other-movie")).to_be_hidden()
    view.go(1060)
    check_both(view, 1060)
    expect(view.page.locator("#other-notice")).to_be_hidden()


def test_one_clock_drives_both_versions(view, pair):
    view.open(f"{pair[0]}?version={pair[2].id}&with={pair[1].id}&mode=difference")
    for number, end in ((1010, "i"), (1040, "o")):
        view.go(number)
        view.press(end)
    view.page.evaluate(
        f"""() => {{
          const readIndex = {READ_INDEX};
          const counter = document.querySelector("#frame-position");
          window.samples = [];
          new MutationObserver(() => samples.push([parseInt(counter.textContent) - 1, readIndex("#other-movie")]))
            .observe(counter, {{ childList: true, characterData: true, subtree: true }});
        }}"""
    )
    for keys in ("l", "jjj"):
        view.go(1025)
        check_both(view, 1025)
        for each in keys:
            view.press(each)
        if keys != "l":
            wait_for_sought_frames(view)
        view.page.evaluate("() => { samples.length = 0; }")
        view.page.wait_for_function("() => samples.length >= 20")
        samples = view.page.evaluate("() => samples")
        if keys != "l":
            # Frames that are sought wait for each other: the other movie shows the same frame, or still the one
            # before it. A seek whose frame callback was lost goes by way of a neighbouring frame.
            numbers = [(main + FIRST, other + OTHER_FIRST) for main, other in samples]
            steps = list(zip(numbers, numbers[1:]))
            late = [(before, now) for before, now in steps if now[1] != before[0] and abs(now[1] - now[0]) > 1]
            assert late == []
        view.press("k")
        view.wait_until_still()
        check_both(view, int(view.page.input_value("#frame-number")))


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
    expect(view.page.locator("#wipe")).to_have_attribute("aria-valuenow", "25")
    view.page.focus("#wipe")
    view.press("ArrowRight")
    expect(view.page.locator("#wipe")).to_have_attribute("aria-valuenow", "27")
    check_both(view, 1020)


def test_link_opens_version_comparison_and_frame(view, pair):
    link, one, two = pair
    view.open(f"{link}?version={one.id}&with={two.id}&mode=wipe&frame=1030")
    view.wait_for(1030)
    view.page.wait_for_selector('#other-movie[data-frame="1030"]')
    assert (view.shown_index(), view.shown_index("#other-movie")) == (1030 - OTHER_FIRST, 1030 - FIRST)
    expect(view.page.locator("#stage")).to_have_attribute("data-compare", "wipe")
    view.press("ArrowRight")
    view.page.wait_for_url(f"{link}?version={one.id}&with={two.id}&mode=wipe&frame=1031", wait_until="commit")
    view.press("c")
    view.page.wait_for_url(f"{link}?version={one.id}&frame=1031", wait_until="commit")


def test_invalid_values_in_a_link_are_ignored(view, pair):
    link = f"{pair[0]}?version={pair[2].id}"
    queries = [f"{link}&{query}" for query in ("frame=abc", "frame=99999", "with=x&mode=y", "mode=side")]
    for address in (*queries, f"{pair[0]}?version=%E0%A4%A"):
        view.open(address)
        view.wait_for(FIRST)
        expect(view.page.locator("#stage")).to_have_attribute("data-compare", "off")


def test_version_without_numbers_cannot_be_compared(view, reviews, movie):
    review_id = reviews.open()
    one = reviews.add(review_id, movie, exact=None)
    two = reviews.add(review_id, movie, after=one)
    view.open(f"{reviews.link(review_id)}?version={two.id}&with={one.id}&mode=side&frame=1010")
    view.wait_for(1010)
    view.page.wait_for_selector("#other-notice:has-text('Without frame numbers')")
    assert view.shown_index() == 9
