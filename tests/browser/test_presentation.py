"""Test live sessions: pages that follow a presenter show the same version, frame, pointer and drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser.conftest import ReviewPage
from browser.test_guests import draw, review, wait_for_notes, wait_for_strokes
from playwright.sync_api import BrowserContext

__all__ = ["review"]

_ALL_RIGHTS = "view comment draw decide present"


class Room:
    """Opens pages of one session, each in a browser profile of its own."""

    def __init__(self, new_context: Callable[..., BrowserContext], reviews: Any, review_id: str) -> None:
        self._new_context, self._reviews, self._review_id = new_context, reviews, review_id
        self.views: list[ReviewPage] = []

    def guest(self) -> ReviewPage:
        """Open the public link."""
        return self.open(self._reviews.link(self._review_id))

    def invitee(self, name: str, rights: str = _ALL_RIGHTS) -> ReviewPage:
        """Open the page of an invitee with these rights."""
        return self.open(self._reviews.invite(self._review_id, name, rights))

    def open(self, link: str) -> ReviewPage:
        view = ReviewPage(self._new_context(viewport={"width": 1100, "height": 700}).new_page())
        view.open(link)
        self.views.append(view)
        return view

    def close(self) -> None:
        for view in self.views:
            view.page.context.close()
        assert [view.errors for view in self.views] == [[] for _ in self.views]


@pytest.fixture
def room(new_context: Callable[..., BrowserContext], reviews: Any, review: Any) -> Iterator[Room]:
    found = Room(new_context, reviews, review[0])
    yield found
    found.close()


def present(view):
    view.page.click("#present")
    view.page.wait_for_selector("text=You present")


def follow(view):
    view.page.click("#follow")
    view.page.wait_for_selector('#stage[data-following="true"]')


def test_followers_show_the_version_and_the_exact_frame_of_the_presenter(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    assert guest.page.locator("#present").count() == 0
    present(ada)
    follow(guest)
    for number in (1017, 1003, 1024):
        ada.jump(number)
        guest.wait_for(number)
        assert guest.shown_index() == number - 1001
    ada.press("ArrowLeft")
    guest.wait_for(1023)
    ada.page.click(".version >> nth=1")
    guest.wait_for(101)
    ada.jump(120)
    guest.wait_for(120)
    assert guest.shown_index() == 19
    late = room.guest()
    follow(late)
    late.wait_for(120)
    assert late.shown_index() == 19


def test_pause_takes_everyone_to_the_exact_frame(room):
    ada, guest, other = room.invitee("Ada Example"), room.guest(), room.guest()
    present(ada)
    follow(guest)
    follow(other)
    for _ in range(3):
        ada.press(" ")
        for view in (guest, other):
            view.page.wait_for_selector('#transport[data-playing="true"]')
        frame = int(ada.page.input_value("#frame-number"))
        ada.page.wait_for_function(
            "frame => Number(document.querySelector('#frame-number').value) !== frame", arg=frame
        )
        ada.press(" ")
        ada.wait_until_still()
        index = ada.shown_index()
        for view in (guest, other):
            view.page.wait_for_selector('#transport[data-playing="false"]')
            view.wait_for(1001 + index)
            view.wait_until_still()
            assert view.shown_index() == index


def test_late_page_plays_along(room):
    ada = room.invitee("Ada Example")
    present(ada)
    ada.press("l")
    ada.press("l")
    guest = room.guest()
    follow(guest)
    guest.page.wait_for_selector('#transport[data-playing="true"]')
    guest.page.wait_for_function("() => document.querySelector('#speed').textContent === '2×'")
    ada.press("r")
    guest.page.wait_for_selector('#loop[aria-pressed="false"]')
    ada.press("k")
    guest.page.wait_for_selector('#transport[data-playing="false"]')


def test_own_movement_leaves_the_presentation_and_follow_returns(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    ada.jump(1010)
    follow(guest)
    guest.wait_for(1010)
    guest.press("ArrowRight")
    guest.wait_for(1011)
    guest.page.wait_for_selector('#follow[aria-pressed="false"]')
    ada.jump(1020)
    ada.wait_for(1020)
    assert guest.page.input_value("#frame-number") == "1011"
    follow(guest)
    guest.wait_for(1020)


def test_presentation_is_handed_over_and_taken_over(room):
    ada, bo, guest = room.invitee("Ada Example"), room.invitee("Bo Example"), room.guest()
    present(ada)
    follow(guest)
    ada.page.click("#show-people")
    rows = ada.page.locator(".person")
    assert sorted(rows.all_inner_texts())[0].startswith("Ada Example (you)")
    assert ada.page.locator("text=Hand over").count() == 1
    ada.page.click("text=Hand over")
    bo.page.wait_for_selector("text=You present")
    ada.page.wait_for_selector('#stage[data-following="true"]')
    bo.jump(1015)
    for view in (ada, guest):
        view.wait_for(1015)
    ada.page.click("text=Take over")
    ada.page.wait_for_selector("text=You present")
    bo.page.wait_for_selector('#stage[data-following="true"]')
    ada.jump(1004)
    for view in (bo, guest):
        view.wait_for(1004)


def test_presenter_who_leaves_ends_nothing(room):
    ada, bo, guest = room.invitee("Ada Example"), room.invitee("Bo Example"), room.guest()
    present(ada)
    follow(guest)
    ada.jump(1012)
    guest.wait_for(1012)
    ada.page.close()
    guest.page.wait_for_selector('#stage[data-following="false"]')
    assert guest.page.input_value("#frame-number") == "1012"
    present(bo)
    bo.jump(1020)
    guest.wait_for(1020)


def test_presenter_presents_again_after_a_cut_connection(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    follow(guest)
    ada.page.context.set_offline(True)
    ada.page.wait_for_selector("#strip-notice:not([hidden])")
    ada.jump(1018)
    ada.page.context.set_offline(False)
    guest.wait_for(1018)
    assert guest.shown_index() == 17
    ada.errors.clear()


def test_pointer_and_unsent_drawing_are_followed(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    follow(guest)
    ada.jump(1008)
    guest.wait_for(1008)
    box = ada.page.locator("#stage").bounding_box()
    ada.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    guest.page.wait_for_function("() => document.querySelector('#drawing').dataset.pointer.length > 0")
    x, y = (float(part) for part in guest.page.get_attribute("#drawing", "data-pointer").split())
    assert (x, y) == pytest.approx((0.5, 0.5), abs=0.01)
    ada.press("d")
    draw(ada, (0.2, 0.3), (0.6, 0.6))
    draw(ada, (0.2, 0.6), (0.6, 0.3))
    wait_for_strokes(guest, 2)
    late = room.guest()
    follow(late)
    late.wait_for(1008)
    wait_for_strokes(late, 2)
    ada.press("Control+z")
    wait_for_strokes(guest, 1)
    ada.press("ArrowRight")
    guest.wait_for(1009)
    wait_for_strokes(guest, 0)
    ada.press("ArrowLeft")
    guest.wait_for(1008)
    wait_for_strokes(guest, 1)
    ada.page.click("#send-note")
    wait_for_notes(guest, 1)
    wait_for_strokes(guest, 1)
    ada.page.mouse.move(1, 1)
    guest.page.wait_for_function("() => document.querySelector('#drawing').dataset.pointer === ''")


def test_invitee_without_the_right_follows_and_does_not_present(room):
    ada, bo = room.invitee("Ada Example"), room.invitee("Bo Example", "view comment")
    assert bo.page.locator("#present").count() == 0
    present(ada)
    follow(bo)
    bo.page.fill("#note-text", "Slower.")
    bo.page.wait_for_selector('#follow[aria-pressed="false"]')
    bo.page.click("#show-people")
    assert bo.page.locator("text=Take over").count() == 0
    people = {row.split("\n")[0] for row in bo.page.locator(".person").all_inner_texts()}
    assert people == {"Ada Example", "Bo Example (you)"}


def test_zoom_comparison_and_range_of_the_presenter_are_followed(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    follow(guest)
    ada.press("+")
    guest.page.wait_for_selector('#stage[data-zoomed="true"]')
    style = "() => document.querySelector('#pane').style.getPropertyValue('--image').match(/scale\\((.*)\\)/)[1]"
    assert guest.page.evaluate(style) == ada.page.evaluate(style)
    ada.press("c")
    mode = ada.page.get_attribute("#stage", "data-compare")
    assert mode != "off"
    guest.page.wait_for_selector(f'#stage[data-compare="{mode}"]')
    ada.press("c")
    guest.page.wait_for_selector('#stage[data-compare="off"]')
    for frame, key in ((1005, "i"), (1009, "o")):
        ada.jump(frame)
        ada.wait_for(frame)
        ada.press(key)
    guest.wait_for(1009)
    guest.page.wait_for_selector('#timeline[data-range="true"]')
    ends = "() => ['--in', '--out'].map((name) => document.querySelector('#timeline').style.getPropertyValue(name))"
    assert guest.page.evaluate(ends) == [str(4 / 24), str(9 / 24)]


def test_drawing_of_the_presenter_stays_on_the_image_when_a_follower_zooms(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    follow(guest)
    ada.press("+")
    guest.page.wait_for_selector('#stage[data-zoomed="true"]')
    ada.press("d")
    box = ada.page.locator("#stage").bounding_box()
    ada.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    ada.page.mouse.down()
    ada.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=4)
    ada.page.mouse.up()
    wait_for_strokes(guest, 1)
    # The centre of the image is in the centre of the stage at each zoom.
    for key in ("+", "-", "-"):
        guest.press(key)
        is_painted = """() => { const canvas = document.querySelector('#drawing');
          const x = canvas.width / 2 + 3, y = canvas.height / 2;
          return canvas.getContext('2d').getImageData(x, y, 1, 1).data[3] > 200; }"""
        guest.page.wait_for_function(is_painted)
