"""Test access by a review link and the headers of the answers."""

from __future__ import annotations

import re
import uuid

import pytest
import requests


@pytest.fixture(scope="module")
def shared(reviews, movie):
    """Return a session's link and its version."""
    review_id = reviews.open()
    return reviews.link(review_id), reviews.add(review_id, movie)


@pytest.fixture(scope="module")
def foreign(reviews, other_movie):
    """Return a second session of the same studio."""
    review_id = reviews.open("Confidential")
    return reviews.link(review_id), reviews.add(review_id, other_movie)


def get(address, **headers):
    return requests.get(address, headers=headers, timeout=30)


def test_link_with_wrong_key_answers_404_with_a_page(view, shared):
    answer = view.page.goto(shared[0][:-1] + ("A" if shared[0][-1] != "A" else "B"))
    assert answer.status == 404
    assert view.text("h1") == "This link opens no review"
    assert "ask the sender" in view.text("p")
    view.leave()


def test_truncated_link_answers_404_with_a_page(view, shared):
    answer = view.page.goto(shared[0].rpartition("/")[0])
    assert answer.status == 404
    assert view.text("h1") == "This link opens no review"
    view.leave()


def test_key_of_one_session_does_not_open_another(shared, foreign):
    key, address = shared[0].rpartition("/")[2], foreign[0].rpartition("/")[0]
    for path in ("", "/data", f"/media/{foreign[1].component_id}"):
        answer = get(f"{address}/{key}{path}")
        assert answer.status_code == 404
        assert "Confidential" not in answer.text


def test_media_of_another_session_answer_404(shared, foreign):
    assert get(f"{foreign[0]}/media/{foreign[1].component_id}").status_code == 200
    assert get(f"{shared[0]}/media/{foreign[1].component_id}").status_code == 404


def test_scene_component_of_a_shown_version_answers_404(session, reviews, movie, tmp_path):
    review_id = reviews.open()
    version = reviews.add(review_id, movie)
    scene = tmp_path / "scene.ma"
    scene.write_text("//Maya ASCII", encoding="utf-8")
    component_id = reviews.attach(version, scene, "scene")
    assert (
        session.query(f'select id from Component where id is "{component_id}"').one()["version_id"]
        == version.version_id
    )
    assert get(f"{reviews.link(review_id)}/media/{component_id}").status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fstudio.db", "%00", str(uuid.UUID(int=0)), "' or 1=1 --"])
def test_invalid_component_id_answers_404(shared, name):
    assert get(f"{shared[0]}/media/{name}").status_code == 404


def test_movie_supports_byte_ranges(shared, movie):
    whole = movie.path.read_bytes()
    answer = get(shared[1].address, Range="bytes=100-199")
    assert answer.status_code == 206
    assert answer.content == whole[100:200]
    assert answer.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
    assert answer.headers["Content-Type"] == "video/mp4"


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


@pytest.mark.parametrize("name", ["manifest.json", "review.html", "..%2freview_page.py", "nothing.js"])
def test_files_outside_of_the_static_folder_answer_404(studio_server, name):
    assert get(f"{studio_server.server_url}/review/static/{name}").status_code == 404


def test_empty_closed_session_shows_its_own_notice(view, reviews):
    review_id = reviews.open()
    reviews.close(review_id)
    view.open(reviews.link(review_id))
    assert view.text("#stage-notice p") == "No version was published to this session before it was closed."


def test_closed_session_shows_a_badge(view, reviews, session, movie):
    review_id = reviews.open()
    reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    assert not view.page.is_visible("#session-closed")
    reviews.close(review_id)
    view.open(reviews.link(review_id))
    assert view.text("#session-closed") == "Closed"
    assert view.shown_index() == 0
