"""The picture on the screen and the number beside it are the same frame, however one got there."""

from __future__ import annotations

import random

import pytest

RATES = [("24", 1001), ("24000/1001", 1001), ("25", 993), ("30000/1001", 993)]


@pytest.fixture(scope="module", params=RATES, ids=lambda rate: f"{rate[0]} from {rate[1]}")
def numbered(request, reviews, make_film):
    """A film at this rate from this frame on, and the link that shows it."""
    film = make_film(*request.param)
    review_id = reviews.open()
    reviews.add(review_id, film)
    return film, reviews.link(review_id)


@pytest.fixture
def shown(view, numbered):
    film, link = numbered
    view.open(link)
    return view, film


def check(view, film, index):
    view.wait_for(film.first_frame + index)
    assert view.picture() == index


def test_a_jump_shows_the_frame_that_was_typed(shown):
    view, film = shown
    order = list(range(film.frame_count))
    random.Random(7).shuffle(order)
    for index in order:
        view.jump(film.first_frame + index)
        check(view, film, index)


def test_steps_forward_show_every_frame_once(shown):
    view, film = shown
    for index in range(film.frame_count):
        check(view, film, index)
        view.press("ArrowRight")


def test_steps_back_show_every_frame_once(shown):
    view, film = shown
    view.press("End")
    for index in reversed(range(film.frame_count)):
        check(view, film, index)
        view.press("ArrowLeft")


def test_a_film_that_is_stopped_stands_on_the_frame_whose_number_it_shows(shown):
    view, film = shown
    view.press("l")
    view.page.wait_for_function("() => parseInt(document.querySelector('#frame-position').textContent) >= 5")
    view.press("k")
    view.wait_until_still()
    number = int(view.page.input_value("#frame-number"))
    assert view.picture() == number - film.first_frame
    view.press("ArrowRight")
    check(view, film, number + 1 - film.first_frame)


def test_sound_moves_no_frame(view, reviews, make_film, add_sound):
    film = add_sound(make_film("24000/1001", 1001, 48))
    review_id = reviews.open()
    reviews.add(review_id, film)
    view.open(reviews.link(review_id))
    for index in (0, 47, 1, 46, 23, 24):
        view.jump(1001 + index)
        check(view, film, index)
    assert not view.page.is_visible("#strip-notice")
    view.press("l")
    view.page.wait_for_selector("#sound:not([hidden])")
    view.press("m")
    assert view.page.evaluate("() => document.querySelector('video').muted")
    assert view.page.get_attribute("#sound", "aria-pressed") == "false"
