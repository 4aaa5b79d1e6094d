"""What the page says when something is missing, broken or away."""

from __future__ import annotations

import pytest


def test_a_version_without_a_film_says_so(view, reviews):
    review_id = reviews.open()
    reviews.add(review_id, None)
    view.open(reviews.link(review_id))
    assert view.text("#stage-notice strong") == "This version has no film"


def test_a_version_with_a_picture_shows_it(view, reviews, film, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(next(film.path.parent.glob("numbered.*.png")).read_bytes())
    review_id = reviews.open()
    entry = reviews.add(review_id, None)
    reviews.attach(entry, picture, "ftrackreview-image")
    view.open(reviews.link(review_id))
    view.page.wait_for_function("() => document.querySelector('#still').naturalWidth === 640")
    assert view.page.is_visible("#still")
    assert not view.page.is_visible("#stage-notice")
    assert not view.page.is_visible("#film")
    assert not view.page.is_visible("#transport")
    view.press(" ")
    assert view.page.get_attribute("#stage", "data-waiting") == "false"
    assert view.page.get_attribute("#transport", "data-playing") == "false"


def test_a_picture_that_is_none_says_so(view, reviews, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"this is no picture")
    review_id = reviews.open()
    reviews.attach(reviews.add(review_id, None), broken, "ftrackreview-image")
    view.page.goto(reviews.link(review_id))
    view.page.wait_for_selector("text=This picture cannot be shown")
    assert not view.page.is_visible("#still")


def test_a_file_that_is_no_film_says_so(view, reviews, film, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no film" * 500)
    review_id = reviews.open()
    reviews.add(review_id, film, path=broken)
    view.open(reviews.link(review_id))
    assert view.text("#stage-notice strong") == "This film cannot be played"


@pytest.mark.parametrize("exact", [None, {"fps": "23.976", "first_frame": 1001, "frame_count": 24}])
def test_a_film_without_its_exact_rate_plays_without_numbers(view, reviews, film, exact):
    review_id = reviews.open()
    reviews.add(review_id, film, exact=exact)
    view.open(reviews.link(review_id))
    assert view.text("#strip-notice strong") == "No frame numbers."
    assert not view.page.is_visible("#frame-number")
    assert view.page.is_disabled("#last-frame")
    view.press(" ")
    view.page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert view.page.input_value("#frame-number") == "–"


def test_a_rate_that_the_film_contradicts_is_not_believed(view, reviews, make_film):
    film = make_film("24000/1001", 1001, 48)
    review_id = reviews.open()
    reviews.add(review_id, film, exact={"fps": "25", "first_frame": 1001, "frame_count": 48})
    view.open(reviews.link(review_id))
    view.press("End")
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    assert "does not run at the rate" in view.text("#strip-notice")
    assert not view.page.is_visible("#frame-number")


def test_a_film_that_is_cut_short_has_no_numbers(view, reviews, film):
    review_id = reviews.open()
    reviews.add(review_id, film, exact={"fps": "24", "first_frame": 1001, "frame_count": 48})
    view.open(reviews.link(review_id))
    assert "shorter than the frames" in view.text("#strip-notice")
    assert not view.page.is_visible("#frame-number")


def test_a_server_without_byte_ranges_is_noticed(view, reviews, film):
    """A proxy that drops the Range header: the film plays, and no step can land on a wrong frame."""
    review_id = reviews.open()
    entry = reviews.add(review_id, film)
    whole = film.path.read_bytes()
    view.page.route(
        entry.address,
        lambda route: route.fulfill(
            status=200, body=whole, headers={"Content-Type": "video/mp4", "Accept-Ranges": "none"}
        ),
    )
    view.open(reviews.link(review_id))
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    assert view.text("#strip-notice strong") == "Frames cannot be reached."
    assert view.page.is_disabled("#last-frame")


def test_a_lost_connection_is_said_and_forgotten_when_it_is_back(view, reviews, film):
    review_id = reviews.open()
    reviews.add(review_id, film)
    view.open(reviews.link(review_id))
    view.page.context.set_offline(True)
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    assert view.text("#strip-notice strong") == "No connection."
    view.press("ArrowRight")
    view.wait_for(1002)
    view.page.context.set_offline(False)
    view.page.wait_for_selector("#strip-notice", state="hidden")
    assert view.picture() == 1
    # The browser itself writes what it could not load while the line was cut.
    view.complaints.clear()


def test_a_page_that_was_opened_without_a_connection_loads_when_it_is_back(view, reviews, film):
    review_id = reviews.open()
    reviews.add(review_id, film)
    link = reviews.link(review_id)
    view.page.route("**/data", lambda route: route.abort())
    view.page.goto(link)
    view.page.wait_for_selector("#stage-notice button")
    assert view.text("#stage-notice strong") == "The server does not answer"
    view.page.unroute("**/data")
    view.page.click("#stage-notice button")
    view.wait_for(1001)
    assert view.picture() == 0
    view.complaints.clear()


def test_the_film_goes_on_from_its_frame_after_the_server_was_away(view, reviews, film):
    review_id = reviews.open()
    entry = reviews.add(review_id, film)
    view.open(reviews.link(review_id))
    view.jump(1015)
    view.wait_for(1015)
    view.page.route(entry.address, lambda route: route.abort())
    view.page.route("**/data", lambda route: route.abort())
    view.press("ArrowDown")
    view.page.evaluate("() => document.querySelector('video').load()")
    view.page.wait_for_selector("#stage-notice button")
    assert view.text("#stage-notice strong") == "The connection was lost"
    view.page.unroute_all()
    view.page.click("#stage-notice button")
    view.wait_for(1015)
    assert view.picture() == 14
    view.complaints.clear()


def test_a_session_that_goes_away_while_the_page_is_open_is_said(view, reviews, film):
    review_id = reviews.open()
    reviews.add(review_id, film)
    view.open(reviews.link(review_id))
    reviews.delete(review_id)
    view.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    view.page.wait_for_selector("#stage-notice:not([hidden])")
    assert view.text("#stage-notice strong") == "This link is not valid any more"
    view.complaints.clear()
