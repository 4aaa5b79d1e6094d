"""Test the notices about missing, broken and unreachable media and servers; test_bad_input.py has those with drafts."""

from playwright.sync_api import expect


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
