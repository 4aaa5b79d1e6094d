"""Test the notices about missing, broken and unreachable media and servers; test_bad_input.py has those with drafts."""

import re

import pytest
import requests
from playwright.sync_api import expect
from run_options import TIMEOUT_SECONDS


def wait_for_notice(view, text, place="stage"):
    view.page.wait_for_selector(f"#{place}-notice >> text={text}")


def test_version_without_a_movie_or_with_a_damaged_image_shows_a_notice(view, reviews, tmp_path):
    view.open(reviews.show(None))
    wait_for_notice(view, "This version has no movie")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"this is no image")
    review_id = reviews.open()
    reviews.attach(reviews.add(review_id, None), broken, "ftrackreview-image")
    view.page.goto(reviews.link(review_id), wait_until="commit")
    wait_for_notice(view, "This image cannot be shown")
    expect(view.page.locator("#still")).to_be_hidden()


def test_movie_without_exact_rate_plays_without_numbers(view, reviews, movie):
    for exact in (None, {**movie.facts(), "fps": "23.976"}):
        view.open(reviews.show(movie, exact=exact))
        wait_for_notice(view, "No frame numbers.", "strip")
        expect(view.page.locator("#frame-number")).to_be_hidden()
        expect(view.page.locator("#last-frame")).to_be_disabled()
        view.press(" ")
        view.page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
        expect(view.page.locator("#frame-number")).to_have_value("–")


def test_wrong_rate_and_missing_frames_remove_the_numbers(view, reviews, movie):
    for wrong, sentence in (({"fps": "25"}, "does not have the frame rate"), ({"frame_count": 48}, "shorter than")):
        view.open(reviews.show(movie, exact={**movie.facts(), **wrong}))
        view.press("End")
        wait_for_notice(view, sentence, "strip")
        view.page.wait_for_selector("#frame-number", state="hidden")


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
    wait_for_notice(view, "Frames cannot be reached.", "strip")
    expect(view.page.locator("#last-frame")).to_be_disabled()


def test_page_loads_later_and_its_movie_goes_on_from_its_frame_after_an_outage(view, reviews, movie):
    review_id = reviews.open()
    version = reviews.add(review_id, movie)
    view.page.route("**/data", lambda route: route.abort())
    view.page.goto(reviews.link(review_id), wait_until="commit")
    wait_for_notice(view, "The server does not answer")
    view.page.unroute("**/data")
    view.page.click("#stage-notice button")
    view.check(movie, 0)
    view.go(1015)
    view.page.route(version.address, lambda route: route.abort())
    view.page.route("**/data", lambda route: route.abort())
    view.press("ArrowDown")
    view.page.evaluate("() => document.querySelector('video').load()")
    wait_for_notice(view, "The connection was lost")
    view.page.unroute_all()
    view.page.click("#stage-notice button")
    view.check(movie, 14)
    # A page that becomes visible polls at once.
    reviews.delete(review_id)
    view.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    wait_for_notice(view, "This link is no longer valid")
    view.leave()


@pytest.fixture(scope="module")
def shared(reviews, movie):
    """Return a session's link and its version."""
    review_id = reviews.open()
    return reviews.link(review_id), reviews.add(review_id, movie)


def get(address, **headers):
    return requests.get(address, headers=headers, timeout=TIMEOUT_SECONDS)


def test_content_security_policy_allows_own_origin_only(shared):
    headers = get(shared[0]).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["media-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "private" in headers["Cache-Control"]


def test_media_and_data_are_cached_privately(shared):
    for address in (shared[1].address, f"{shared[0]}/data"):
        answer = get(address)
        assert "private" in answer.headers["Cache-Control"]
        again = get(address, **{"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        assert again.content == b""


def test_static_files_are_immutable_at_their_digest(shared, studio_server):
    named = re.findall(r'"\.\./(static/[^"]+)"', get(shared[0]).text)
    assert len(named) == 3
    for name in named:
        exact = get(f"{studio_server.server_url}/review/{name}")
        assert exact.status_code == 200
        assert exact.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        loose = get(f"{studio_server.server_url}/review/{name.partition('?')[0]}")
        assert loose.headers["Cache-Control"] == "no-cache"


def test_files_outside_of_the_static_folder_answer_404(studio_server):
    for name in ("manifest.json", "review.html", "..%2freview_page.py", "nothing.js"):
        assert get(f"{studio_server.server_url}/review/static/{name}").status_code == 404, name


def test_closed_session_shows_a_badge_and_an_empty_one_a_notice(view, reviews, movie):
    review_id = reviews.open()
    reviews.close(review_id)
    view.open(reviews.link(review_id))
    view.expect_text("#stage-notice p", "No version was published to this session before it was closed.")
    review_id = reviews.open()
    reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    expect(view.page.locator("#session-closed")).to_be_hidden()
    reviews.close(review_id)
    view.reload()
    view.page.wait_for_selector("#session-closed:text-is('Closed')")
    view.check(movie, 0)
