"""Test uploads of the home over a line that is cut: nothing is lost, and what happens is told in a sentence."""

import zlib

import pytest
from browser.conftest import sign_in
from doubles.cut_line import CutLine
from playwright.sync_api import expect

from ft_dcc.session import SERVER_LOCATION_ID

# More than two parts of the page.
_SIZE, _PART = 40 << 20, 16 << 20
_LOST = "text=The server does not answer. The upload goes on by itself where it stopped."


@pytest.fixture
def line(server_process):
    with CutLine(server_process.credentials.server_url).open() as line:
        yield line


@pytest.fixture
def page(context, signed_in_cookies, line):
    """Return the home of a user who is signed in over the line."""
    context.add_cookies(signed_in_cookies)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{line.url}/")
    yield page
    page.close()
    assert problems == []


@pytest.fixture
def upload(page, reviews):
    def start(name, *paths):
        review_id = str(reviews.open(name))
        page.reload()
        page.click(f"button[aria-label='Manage {name}']")
        page.click("dialog nav >> text=Versions")
        page.set_input_files("#field-files", [str(path) for path in paths])
        page.click("dialog button:has-text('Upload')")
        return review_id

    return start


@pytest.fixture(scope="module")
def large(movie, tmp_path_factory):
    """Return a movie of 40 MiB: after its last box there is one of bytes that players skip."""
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    content = movie.path.read_bytes()
    size = _SIZE - len(content)
    block = bytes(range(256)) * (size // 256 + 1)
    path.write_bytes(content + size.to_bytes(4, "big") + b"free" + block[: size - 8])
    return path


def uploaded(reviews, review_id):
    reviews.session.reset()
    items = reviews.session.query(f'ReviewSessionObject where review_session_id is "{review_id}"')
    return [
        component
        for item in items
        for component in item["asset_version"]["components"]
        if component["name"] == "upload"
    ]


def checksum_on_server(reviews, component):
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
    expect(page.locator(".upload-status")).to_have_count(0)
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


def test_version_whose_answer_was_lost_is_not_made_twice(page, upload, movie, reviews):
    lost = []

    def lose_answer(route):
        sent = route.request.post_data or ""
        if lost or '"AssetVersion"' not in sent or "encode_media" not in sent:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/home/api", lose_answer)
    review_id = upload("Lost answer", movie.path)
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
    sign_in(page.context.new_page(), server_process.credentials, line.url)
    page.click("dialog button.main-button:has-text('Upload')")
    page.wait_for_selector("dialog >> text=1 version is uploaded.")
    assert len(uploaded(reviews, review_id)) == 1
    assert line.sent - before < _SIZE + _PART


def test_second_upload_waits_for_the_first(page, upload, movie):
    held = []
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


def test_file_that_cannot_be_a_version_is_refused_before_anything_is_sent(page, upload, movie, reviews, tmp_path):
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.post_data or ""))
    for name, size, sentence in (
        ("huge.mp4", (4 << 30) + 1, "huge.mp4 has more than 4 GiB. Publish it with ft-dcc publish."),
        ("empty.mp4", 0, "empty.mp4 is empty. Choose another file."),
        ("notes.txt", 1, "notes.txt is no movie or image. Choose another file."),
    ):
        path = tmp_path / name
        with path.open("wb") as file:
            file.truncate(size)  # Without blocks on the disk.
        review_id = upload(f"Refused {name}", movie.path, path)
        page.wait_for_selector(f"dialog >> text={sentence}")
        assert uploaded(reviews, review_id) == []
    assert [text for text in requests if "get_upload_metadata" in text] == []


def test_file_that_is_removed_during_the_upload_is_named(page, upload, line, large, tmp_path):
    path = tmp_path / "gone.mp4"
    path.write_bytes(large.read_bytes())
    line.cut_after(_PART + (4 << 20))
    upload("Removed file", path)
    page.wait_for_selector(_LOST)
    path.unlink()
    line.connect()
    page.wait_for_selector("dialog >> text=gone.mp4 was changed or removed while it was sent. Choose it again.")


def test_an_upload_is_shown_and_becomes_the_next_version_of_its_asset(page, upload, movie, reviews, tmp_path):
    for number, name in enumerate(("plate.mp4", "plate_v006.mp4"), 1):
        (tmp_path / name).write_bytes(movie.path.read_bytes())
        review_id = upload(f"Plates {number}", tmp_path / name)
        page.wait_for_selector("text=1 version is uploaded.")
        reviews.session.reset()
        item = reviews.session.query(f'ReviewSessionObject where review_session_id is "{review_id}"').one()
        assert (item["asset_version"]["asset"]["name"], item["asset_version"]["version"]) == ("plate", number)
    page.set_input_files("#field-files", str(tmp_path / "plate_v006.mp4"))
    shown = page.locator("select[aria-label='Version of plate_v006.mp4']")
    expect(shown.locator("option:checked")).to_have_text("plate v003")
    shown.select_option("")
    expect(shown.locator("option:checked")).to_have_text("new: plate v001")
