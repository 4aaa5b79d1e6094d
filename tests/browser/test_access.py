"""Test access by a review link and the headers of the answers."""

import re

import pytest
import requests
from playwright.sync_api import expect
from run_options import TIMEOUT_SECONDS


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
