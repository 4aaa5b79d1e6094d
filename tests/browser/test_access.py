"""Who has a link sees that session's films, and nothing else; what the answers tell a browser."""

from __future__ import annotations

import re
import uuid

import pytest
import requests


@pytest.fixture(scope="module")
def shared(reviews, film):
    """A session's link and its one entry."""
    review_id = reviews.open()
    return reviews.link(review_id), reviews.add(review_id, film)


@pytest.fixture(scope="module")
def foreign(reviews, other_film):
    """Another session of the same studio."""
    review_id = reviews.open("Confidential")
    return reviews.link(review_id), reviews.add(review_id, other_film)


def get(address, **headers):
    return requests.get(address, headers=headers, timeout=30)


def test_a_wrong_key_opens_a_page_that_says_what_to_do(view, shared):
    answer = view.page.goto(shared[0][:-1] + ("A" if shared[0][-1] != "A" else "B"))
    assert answer.status == 404
    assert view.text("h1") == "This link opens no review"
    assert "ask whoever sent it" in view.text("p")
    view.complaints.clear()


def test_a_link_that_was_cut_short_opens_the_same_page(view, shared):
    answer = view.page.goto(shared[0].rpartition("/")[0])
    assert answer.status == 404
    assert view.text("h1") == "This link opens no review"
    view.complaints.clear()


def test_the_key_of_one_session_opens_no_other(shared, foreign):
    key, address = shared[0].rpartition("/")[2], foreign[0].rpartition("/")[0]
    for path in ("", "/data", f"/media/{foreign[1].component_id}"):
        answer = get(f"{address}/{key}{path}")
        assert answer.status_code == 404
        assert "Confidential" not in answer.text


def test_media_of_another_session_are_refused(shared, foreign):
    assert get(f"{foreign[0]}/media/{foreign[1].component_id}").status_code == 200
    assert get(f"{shared[0]}/media/{foreign[1].component_id}").status_code == 404


def test_a_component_of_the_version_that_the_page_does_not_show_is_refused(session, reviews, film, tmp_path):
    review_id = reviews.open()
    entry = reviews.add(review_id, film)
    scene = tmp_path / "scene.ma"
    scene.write_text("//Maya ASCII", encoding="utf-8")
    component_id = reviews.attach(entry, scene, "scene")
    assert (
        session.query(f'select id from Component where id is "{component_id}"').one()["version_id"] == entry.version_id
    )
    assert get(f"{reviews.link(review_id)}/media/{component_id}").status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fstudio.db", "%00", str(uuid.UUID(int=0)), "' or 1=1 --"])
def test_a_made_up_component_is_refused(shared, name):
    assert get(f"{shared[0]}/media/{name}").status_code == 404


def test_a_film_is_given_in_ranges(shared, film):
    whole = film.path.read_bytes()
    answer = get(shared[1].address, Range="bytes=100-199")
    assert answer.status_code == 206
    assert answer.content == whole[100:200]
    assert answer.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
    assert answer.headers["Content-Type"] == "video/mp4"


def test_the_page_allows_nothing_that_is_not_its_own(shared):
    headers = get(shared[0]).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["media-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "private" in headers["Cache-Control"]


def test_media_and_data_are_for_this_browser_only(shared):
    for address in (shared[1].address, f"{shared[0]}/data"):
        answer = get(address)
        assert "private" in answer.headers["Cache-Control"]
        again = get(address, **{"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        assert again.content == b""


def test_the_page_s_own_files_are_kept_for_ever_under_their_digest(shared, studio_server):
    named = re.findall(r'"\.\./(static/[^"]+)"', get(shared[0]).text)
    assert len(named) == 3
    for name in named:
        exact = get(f"{studio_server.server_url}/review/{name}")
        assert exact.status_code == 200
        assert exact.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        loose = get(f"{studio_server.server_url}/review/{name.partition('?')[0]}")
        assert loose.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["manifest.json", "review.html", "..%2freview_page.py", "nothing.js"])
def test_other_files_of_the_server_are_not_given(studio_server, name):
    assert get(f"{studio_server.server_url}/review/static/{name}").status_code == 404


def test_a_closed_session_without_a_version_promises_none(view, reviews):
    review_id = reviews.open()
    reviews.close(review_id)
    view.open(reviews.link(review_id))
    assert view.text("#stage-notice p") == "No version was published into this session before it was closed."


def test_a_session_says_when_it_is_closed(view, reviews, session, film):
    review_id = reviews.open()
    reviews.add(review_id, film)
    view.open(reviews.link(review_id))
    assert not view.page.is_visible("#session-closed")
    reviews.close(review_id)
    view.open(reviews.link(review_id))
    assert view.text("#session-closed") == "Closed"
    assert view.picture() == 0
