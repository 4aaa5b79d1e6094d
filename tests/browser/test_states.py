"""Test the notices about missing, broken and unreachable media and servers."""

from __future__ import annotations

import pytest


def test_version_without_movie_shows_a_notice(view, reviews):
    review_id = reviews.open()
    reviews.add(review_id, None)
    view.open(reviews.link(review_id))
    assert view.text("#stage-notice strong") == "This version has no movie"


def test_version_with_an_image_shows_it(view, reviews, movie, tmp_path):
    image = tmp_path / "image.png"
    image.write_bytes(next(movie.path.parent.glob("numbered.*.png")).read_bytes())
    review_id = reviews.open()
    version = reviews.add(review_id, None)
    reviews.attach(version, image, "ftrackreview-image")
    view.open(reviews.link(review_id))
    view.page.wait_for_function("() => document.querySelector('#still').naturalWidth === 640")
    assert view.page.is_visible("#still")
    assert not view.page.is_visible("#stage-notice")
    assert not view.page.is_visible("#movie")
    assert not view.page.is_visible("#transport")
    view.press(" ")
    assert view.page.get_attribute("#stage", "data-waiting") == "false"
    assert view.page.get_attribute("#transport", "data-playing") == "false"


def test_damaged_image_shows_a_notice(view, reviews, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"this is no image")
    review_id = reviews.open()
    reviews.attach(reviews.add(review_id, None), broken, "ftrackreview-image")
    view.page.goto(reviews.link(review_id))
    view.page.wait_for_selector("text=This image cannot be shown")
    assert not view.page.is_visible("#still")


def test_damaged_movie_shows_a_notice(view, reviews, movie, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no movie" * 500)
    review_id = reviews.open()
    reviews.add(review_id, movie, path=broken)
    view.open(reviews.link(review_id))
    assert view.text("#stage-notice strong") == "This movie cannot be played"


@pytest.mark.parametrize("exact", [None, {"fps": "23.976", "first_frame": 1001, "frame_count": 24}])
def test_movie_without_exact_rate_plays_without_numbers(view, reviews, movie, exact):
    review_id = reviews.open()
    reviews.add(review_id, movie, exact=exact)
    view.open(reviews.link(review_id))
    assert view.text("#strip-notice strong") == "No frame numbers."
    assert not view.page.is_visible("#frame-number")
    assert view.page.is_disabled("#last-frame")
    view.press(" ")
    view.page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert view.page.input_value("#frame-number") == "–"


def test_wrong_rate_removes_the_numbers(view, reviews, make_movie):
    movie = make_movie("24000/1001", 1001, 48)
    review_id = reviews.open()
    reviews.add(review_id, movie, exact={"fps": "25", "first_frame": 1001, "frame_count": 48})
    view.open(reviews.link(review_id))
    view.press("End")
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    assert "does not have the frame rate" in view.text("#strip-notice")
    assert not view.page.is_visible("#frame-number")


def test_truncated_movie_has_no_numbers(view, reviews, movie):
    review_id = reviews.open()
    reviews.add(review_id, movie, exact={"fps": "24", "first_frame": 1001, "frame_count": 48})
    view.open(reviews.link(review_id))
    assert "shorter than the frame range" in view.text("#strip-notice")
    assert not view.page.is_visible("#frame-number")


def test_server_without_byte_ranges_shows_a_notice(view, reviews, movie):
    """Behind a proxy that drops the Range header, the movie plays without steps."""
    review_id = reviews.open()
    version = reviews.add(review_id, movie)
    whole = movie.path.read_bytes()
    view.page.route(
        version.address,
        lambda route: route.fulfill(
            status=200, body=whole, headers={"Content-Type": "video/mp4", "Accept-Ranges": "none"}
        ),
    )
    view.open(reviews.link(review_id))
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    assert view.text("#strip-notice strong") == "Frames cannot be reached."
    assert view.page.is_disabled("#last-frame")


def test_lost_connection_shows_a_notice_until_it_is_back(view, reviews, movie):
    review_id = reviews.open()
    reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    view.page.context.set_offline(True)
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    assert view.text("#strip-notice strong") == "No connection."
    view.press("ArrowRight")
    view.wait_for(1002)
    view.page.context.set_offline(False)
    view.page.wait_for_selector("#strip-notice", state="hidden")
    assert view.shown_index() == 1
    # The browser logs failed requests to the console.
    view.leave()


def test_page_opened_without_connection_loads_later(view, reviews, movie):
    review_id = reviews.open()
    reviews.add(review_id, movie)
    link = reviews.link(review_id)
    view.page.route("**/data", lambda route: route.abort())
    view.page.goto(link)
    view.page.wait_for_selector("#stage-notice button")
    assert view.text("#stage-notice strong") == "The server does not answer"
    view.page.unroute("**/data")
    view.page.click("#stage-notice button")
    view.wait_for(1001)
    assert view.shown_index() == 0
    view.leave()


def test_movie_continues_from_its_frame_after_a_server_outage(view, reviews, movie):
    review_id = reviews.open()
    version = reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    view.jump(1015)
    view.wait_for(1015)
    view.page.route(version.address, lambda route: route.abort())
    view.page.route("**/data", lambda route: route.abort())
    view.press("ArrowDown")
    view.page.evaluate("() => document.querySelector('video').load()")
    view.page.wait_for_selector("#stage-notice button")
    assert view.text("#stage-notice strong") == "The connection was lost"
    view.page.unroute_all()
    view.page.click("#stage-notice button")
    view.wait_for(1015)
    assert view.shown_index() == 14
    view.leave()


def test_deleted_session_shows_a_notice_on_open_pages(view, reviews, movie):
    review_id = reviews.open()
    reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    reviews.delete(review_id)
    view.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    view.page.wait_for_selector("#stage-notice:not([hidden])")
    assert view.text("#stage-notice strong") == "This link is no longer valid"
    view.leave()
