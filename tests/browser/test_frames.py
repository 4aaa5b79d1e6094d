"""Test that the image on the screen is the frame whose number the page shows."""

from __future__ import annotations

import pytest
from doubles.numbered_movies import add_sound
from run_options import seeded

# An exact rate and one that is not; the engines are tested at others.
RATES = [("25", 993), ("30000/1001", 1001)]


@pytest.fixture(scope="module", params=RATES, ids=lambda rate: f"{rate[0]} from {rate[1]}")
def numbered(request, reviews, make_movie):
    """Return a movie at a rate and first frame, and the link of its review session."""
    movie = make_movie(*request.param)
    review_id = reviews.open()
    reviews.add(review_id, movie)
    return movie, reviews.link(review_id)


@pytest.fixture
def shown(view, numbered):
    movie, link = numbered
    view.open(link)
    return view, movie


def check(view, movie, index):
    view.wait_for(movie.first_frame + index)
    assert view.shown_index() == index


def test_typed_frame_number_shows_that_frame(shown):
    view, movie = shown
    order = list(range(movie.frame_count))
    seeded("frames").shuffle(order)
    for index in order:
        view.jump(movie.first_frame + index)
        check(view, movie, index)


def test_steps_forward_and_back_show_every_frame_once(shown):
    view, movie = shown
    for index in range(movie.frame_count):
        check(view, movie, index)
        view.press("ArrowRight")
    for index in reversed(range(movie.frame_count)):
        check(view, movie, index)
        view.press("ArrowLeft")


def test_paused_movie_shows_the_frame_of_its_number(shown):
    view, movie = shown
    view.press("l")
    view.page.wait_for_function("() => parseInt(document.querySelector('#frame-position').textContent) >= 5")
    view.press("k")
    view.wait_until_still()
    number = int(view.page.input_value("#frame-number"))
    assert view.shown_index() == number - movie.first_frame
    view.press("ArrowRight")
    check(view, movie, number + 1 - movie.first_frame)


def test_sound_does_not_shift_frames(view, reviews, make_movie):
    movie = add_sound(make_movie("24000/1001", 1001, 48), seconds=4)
    review_id = reviews.open()
    reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    for index in (0, 47, 1, 46, 23, 24):
        view.jump(1001 + index)
        check(view, movie, index)
    assert not view.page.is_visible("#strip-notice")
    view.press("l")
    view.page.wait_for_selector("#sound:not([hidden])")
    view.press("m")
    assert view.page.evaluate("() => document.querySelector('video').muted")
    assert view.page.get_attribute("#sound", "aria-pressed") == "false"
