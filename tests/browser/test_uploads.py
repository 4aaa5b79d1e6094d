"""Test uploads of the home over a line that is cut: nothing is lost, and what happens is told in a sentence."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import sign_in
from doubles.cut_line import CutLine
from playwright.sync_api import BrowserContext, Page

from ft_dcc.session import SERVER_LOCATION_ID

# More than two parts of the page.
_SIZE, _PART = 40 << 20, 16 << 20
_LOST = "text=The server does not answer. The upload goes on by itself where it stopped."


@pytest.fixture
def line(server_process: Any) -> Iterator[CutLine]:
    """Return a line to the server, which can be cut."""
    with CutLine(server_process.credentials.server_url).open() as line:
        yield line


@pytest.fixture
def page(new_context: Callable[..., BrowserContext], server_process: Any, line: CutLine) -> Iterator[Page]:
    """Return the home of a user who is signed in over the line."""
    page = new_context(viewport={"width": 1280, "height": 900}).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(page, server_process.credentials, line.url)
    yield page
    page.context.close()
    assert problems == []


@pytest.fixture
def upload(page: Page, reviews: Any) -> Callable[..., str]:
    """Return a function that starts an upload to a new review, and returns the id of the review."""

    def start(name: str, *paths: Path) -> str:
        review_id = str(reviews.open(name))
        page.reload()
        page.click(f"button[aria-label='Manage {name}']")
        page.click("dialog nav >> text=Versions")
        page.set_input_files("#field-files", [str(path) for path in paths])
        page.click("dialog button:has-text('Upload')")
        return review_id

    return start


@pytest.fixture(scope="module")
def large(movie, tmp_path_factory) -> Path:
    """Return a movie of 40 MiB: after its last box there is one of bytes that players skip."""
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    content = movie.path.read_bytes()
    size = _SIZE - len(content)
    block = bytes(range(256)) * (size // 256 + 1)
    path.write_bytes(content + size.to_bytes(4, "big") + b"free" + block[: size - 8])
    return path


def uploaded(reviews: Any, review_id: str) -> list[Any]:
    """Return the components that were uploaded to a review."""
    reviews.session.reset()
    items = reviews.session.query(f'ReviewSessionObject where review_session_id is "{review_id}"')
    return [
        component
        for item in items
        for component in item["asset_version"]["components"]
        if component["name"] == "upload"
    ]


def checksum_on_server(reviews: Any, component: Any) -> int:
    """Return the CRC-32 of the bytes that the server has."""
    location = reviews.session.get("Location", SERVER_LOCATION_ID)
    with location.accessor.open(location.get_resource_identifier(component), "rb") as file:
        return zlib.crc32(file.read())


def test_upload_goes_on_where_the_line_was_cut(page, upload, line, large, reviews):
    before = line.sent
    line.cut_after(_PART + (4 << 20))
    review_id = upload("Cut line", large)
    page.wait_for_selector(_LOST)
    assert page.locator("dialog .upload-status progress").get_attribute("aria-label") == "Upload of large.mp4"
    line.connect()
    page.wait_for_selector("dialog >> text=1 version is uploaded.")
    assert page.locator(".upload-status").count() == 0
    (component,) = uploaded(reviews, review_id)
    assert component["size"] == _SIZE
    assert checksum_on_server(reviews, component) == zlib.crc32(large.read_bytes())
    # The first part was not sent again.
    assert line.sent - before < _SIZE + _PART


def test_cancelled_upload_makes_no_version_and_can_be_continued(page, upload, line, large, reviews):
    before = line.sent
    line.cut_after(_PART + (4 << 20))
    review_id = upload("Cancelled", large)
    page.wait_for_selector(_LOST)
    page.click("dialog button:has-text('Cancel the upload')")
    page.wait_for_selector("dialog >> text=The upload is cancelled. Press Upload to continue it where it stopped.")
    assert uploaded(reviews, review_id) == []
    line.connect()
    page.click("dialog button.main-button:has-text('Upload')")
    page.wait_for_selector("dialog >> text=1 version is uploaded.")
    assert len(uploaded(reviews, review_id)) == 1
    assert line.sent - before < _SIZE + _PART


def test_version_whose_answer_was_lost_is_not_made_twice(page, upload, large, reviews):
    lost = []

    def lose_answer(route):
        if (
            lost
            or '"AssetVersion"' not in (route.request.post_data or "")
            or "encode_media" not in route.request.post_data
        ):
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/home/api", lose_answer)
    review_id = upload("Lost answer", large)
    page.wait_for_selector("dialog >> text=1 version is uploaded.")
    assert lost == [200]
    assert len(uploaded(reviews, review_id)) == 1


def test_upload_goes_on_while_its_dialog_is_closed(page, upload, line, large, reviews):
    line.cut_after(_PART)
    review_id = upload("Closed dialog", large)
    page.wait_for_selector(_LOST)
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector("main .upload-status")
    line.connect()
    page.wait_for_selector("main >> text=1 version is uploaded.")
    assert len(uploaded(reviews, review_id)) == 1


def test_upload_goes_on_after_an_expired_sign_in(page, upload, line, large, reviews, server_process):
    before = line.sent
    line.cut_after(_PART + (4 << 20))
    review_id = upload("Expired sign-in", large)
    page.wait_for_selector(_LOST)
    page.context.clear_cookies()
    line.connect()
    page.wait_for_selector("dialog >> text=Your sign-in has expired. Sign in again in another tab")
    assert uploaded(reviews, review_id) == []
    other = page.context.new_page()
    other.goto(f"{line.url}/")
    other.fill("#user", server_process.credentials.api_user)
    other.fill("#key", server_process.credentials.api_key)
    other.click("button")
    other.wait_for_selector("h1:has-text('Reviews')")
    page.click("dialog button.main-button:has-text('Upload')")
    page.wait_for_selector("dialog >> text=1 version is uploaded.")
    assert len(uploaded(reviews, review_id)) == 1
    assert line.sent - before < _SIZE + _PART


def test_second_upload_waits_for_the_first(page, upload, movie):
    held: list[Any] = []
    page.route("**/component/upload/**", lambda route: held.append(route))
    with page.expect_request("**/component/upload/**"):
        upload("First upload", movie.path)
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.click("button[aria-label='Manage First upload']")
    page.click("dialog nav >> text=Versions")
    page.set_input_files("#field-files", str(movie.path))
    page.click("dialog button.main-button:has-text('Upload')")
    page.wait_for_selector("dialog >> text=Another upload is running. Wait until it has ended, or cancel it.")
    (route,) = held
    route.continue_()
    page.wait_for_selector("dialog >> text=1 version is uploaded.")


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("huge.mp4", (4 << 30) + 1, "huge.mp4 has more than 4 GiB. Publish it with ft-dcc publish."),
        ("empty.mp4", 0, "empty.mp4 is empty. Choose another file."),
        ("notes.txt", 1, "notes.txt is no movie or image. Choose another file."),
    ],
)
def test_file_that_cannot_be_a_version_is_refused_before_anything_is_sent(
    page, upload, line, movie, reviews, tmp_path, name, size, sentence
):
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(size)  # Without blocks on the disk.
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.post_data or ""))
    review_id = upload(f"Refused {name}", movie.path, path)
    page.wait_for_selector(f"dialog >> text={sentence}")
    assert [text for text in requests if "get_upload_metadata" in text] == []
    assert uploaded(reviews, review_id) == []


def test_file_that_is_removed_during_the_upload_is_named(page, upload, line, large, tmp_path):
    path = tmp_path / "gone.mp4"
    path.write_bytes(large.read_bytes())
    line.cut_after(_PART + (4 << 20))
    upload("Removed file", path)
    page.wait_for_selector(_LOST)
    path.unlink()
    line.connect()
    page.wait_for_selector("dialog >> text=gone.mp4 was changed or removed while it was sent. Choose it again.")
