"""Test the exports of a review session with a real movie: what other programs read from them."""

import io
import zipfile
from fractions import Fraction
from pathlib import Path

import attrs
import pytest
import requests
from doubles.numbered_movies import BITS
from doubles.pdf_text import pages_of, text_of
from playwright.sync_api import expect
from run_options import TIMEOUT_SECONDS

from ft_dcc.review.drawings import Drawing, parse_shapes
from ft_dcc.review.export.document import to_pdf
from ft_dcc.review.export.raster import MovieFrames
from ft_dcc.review.notes import Clip, Note, ReviewedSession, ReviewedVersion
from ft_dcc.server.storage.derived_media import ffmpeg_command
from ft_dcc.session import operations

RED_RECTANGLE = {"kind": "rectangle", "colour": "#ff0000", "width": 0.02, "from": [0.1, 0.4], "to": [0.9, 0.6]}


@pytest.fixture(scope="module")
def exported(reviews, make_movie):
    movie = make_movie("24000/1001", 1001, 24)
    review_id = reviews.open("Evening dailies")
    first = reviews.add(review_id, movie, comment="Held two frames longer.")
    reviews.add(review_id, make_movie("24000/1001", 993, 30), name="sh020", comment="First pass of the lighting.")
    link = reviews.invite(review_id, "Ada Example", "view comment draw decide download")
    for payload in (
        {"content": "Lift the chin.", "frame": 1012, "drawing": [RED_RECTANGLE], "drawing_end": 1014},
        {"content": "Too fast.", "frame": 1005, "end_frame": 1009},
        {"content": "Lovely."},
    ):
        answer = requests.post(f"{link}/notes", json={"object": first.id, **payload}, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200, answer.text

    def export(name: str) -> bytes:
        answer = requests.get(f"{link}/export/{name}", timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.content

    return export, movie


def test_movies_are_those_that_were_published(exported):
    export, movie = exported
    with zipfile.ZipFile(io.BytesIO(export("movies"))) as archive:
        assert archive.namelist() == ["001_sh010_v001.mp4", "002_sh020_v001.mp4"]
        assert archive.read("001_sh010_v001.mp4") == movie.path.read_bytes()


def test_document_has_an_image_for_each_note_on_a_frame_and_each_version(exported):
    content = exported[0]("pdf")
    assert content.startswith(b"%PDF-")
    # A note on a frame, the first and the last frame of a range, and a note on the whole version, whose image is also
    # that of the other version.
    assert content.count(b"/Subtype /Image") == 4
    assert {"frame 1005", "frame 1009"} <= set(text_of(content).splitlines())


def test_a_note_on_a_range_shows_its_first_and_last_frame(make_movie, tmp_path):
    frames, version = exported_version(make_movie("24000/1001", 1001, 24), tmp_path)
    for end_frame, drawing_end, shown, drawn in (
        (None, None, {1005: 4}, [True]),
        (1009, None, {1005: 4, 1009: 8}, [True, False]),
        (1009, 1012, {1005: 4, 1009: 8}, [True, True]),
        (1030, None, {1005: 4}, [True]),
    ):
        drawing = Drawing("drawing", "Ada", 1005, parse_shapes([RED_RECTANGLE]), drawing_end)
        note = Note("note", ("", ""), "Ada", None, "Slower", 1005, end_frame, drawing)
        images = frames.images_of(attrs.evolve(version, id=str(end_frame), notes=(note,)), note)
        assert {number: burnt_in_index(image) for number, image in images} == shown
        assert [has_red(image) for _, image in images] == drawn


def test_the_title_of_a_version_is_on_the_page_of_its_image(make_movie, tmp_path):
    frames, version = exported_version(make_movie("24000/1001", 1001, 24), tmp_path)
    pages = pages_of(to_pdf(ReviewedSession("Dailies", "Film", (version,) * 10), frames.images_of))
    titles = [text.count("sh010 v001") for text, _ in pages]
    assert titles == [images for _, images in pages]
    assert (sum(titles), len(pages) > 2) == (10, True)


def exported_version(movie, folder):
    clip = Clip(Fraction(24), movie.first_frame, movie.frame_count, *movie.size)
    facts = {"clip": clip, "comment": "Held longer.", "media_id": "movie"}
    return MovieFrames(ffmpeg_command(), {"movie": movie.path}, folder), ReviewedVersion(
        "version", 1, "sh010", None, "Film", "Ada", None, "", **facts
    )


def burnt_in_index(image):
    """Return the index that the bars in the upper half of an image show."""
    row = image.height // 8
    bits = (image.getpixel((round((bit + 0.5) * image.width / BITS), row))[0] > 127 for bit in range(BITS))
    return int("".join(str(int(bit)) for bit in bits), 2)


def has_red(image):
    red, green, _ = image.getpixel((image.width // 10, image.height // 2))
    return red > 200 > 60 > green


def test_review_page_offers_exports_and_movies_with_the_right_to_download(view, reviews, movie):
    view.open(reviews.link(reviews.open("Nothing to export")))
    expect(view.page.locator("#show-export")).to_be_hidden()
    review_id = reviews.open("Page exports")
    reviews.add(review_id, movie)
    view.open(reviews.link(review_id))
    expect(view.page.locator("#show-export")).to_be_hidden()
    view.open(reviews.invite(review_id, "Bo Example", "view"))
    view.page.click("#show-export")
    expect(view.page.locator("#export >> text=Movies")).to_have_count(0)
    with view.page.expect_download() as download:
        view.page.click("text=Download PDF")
    assert download.value.suggested_filename == "Page exports.pdf"
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    view.page.click("text=Download Drawings")
    view.page.wait_for_selector("#export >> text=The review session has no drawings yet.")
    view.open(reviews.invite(review_id, "Ada Example", "view download"))
    view.page.click("#show-export")
    with view.page.expect_download() as download:
        view.page.click("text=Download Movies")
    assert download.value.suggested_filename == "Page exports-movies.zip"
    # The refused export is also in the log of the browser.
    view.leave()


def test_refused_export_is_a_sentence_on_the_page(view, reviews, movie):
    review_id = reviews.open("Refused exports")
    version = reviews.add(review_id, movie)
    view.open(reviews.invite(review_id, "Ada Example", "view download"))
    view.page.click("#show-export")
    pages, saved = list(view.page.context.pages), []
    view.page.on("download", lambda download: saved.append(download.suggested_filename))

    def check(sentence):
        for name in ("Movies", "CSV"):
            view.page.click(f"text=Download {name}")
            written = f"#export .export-state:text-is('The server writes {name} …')"
            view.page.wait_for_selector(written, state="detached")
            view.page.wait_for_selector(f"#export .export-state:text('{sentence}')")
        assert (view.page.context.pages, saved) == (pages, [])

    view.page.context.set_offline(True)
    check("The server does not answer. Check the network, then try again.")
    view.page.context.set_offline(False)
    reviews.session.call([operations.delete("ReviewSessionObject", version.id)])
    check("has no versions yet. Add one, then export it.")
    reviews.delete(review_id)
    check("This review link is not valid. Ask for a new one.")
    view.leave()
