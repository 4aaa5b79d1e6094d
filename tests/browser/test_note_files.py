"""Test files, mentions, notes of earlier versions and flattened images, in the page and as other clients see them."""

import io

import pytest
import requests
from PIL import Image
from playwright.sync_api import expect
from run_options import TIMEOUT_SECONDS, wait_until

from ft_dcc.session import operations

PASTE = """([selector, size]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
  return new Promise((done) => canvas.toBlob((blob) => {
    const data = new DataTransfer();
    data.items.add(new File([blob], "pasted.png", { type: "image/png" }));
    document.querySelector(selector).dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    done();
  }));
}"""
DROP = """([selector, name]) => {
  const data = new DataTransfer();
  data.items.add(new File(["a text"], name, { type: "text/plain" }));
  document.querySelector(selector).dispatchEvent(
    new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def note_components(reviews, version):
    """Return the files of the only note on a version, as an API client reads them."""
    (note,) = reviews.notes(version)
    return list(note["note_components"])


def test_pasted_image_and_dropped_file_are_on_the_note(view, reviews, review, opened):
    view.page.fill("#note-text", "Like this.")
    view.page.evaluate(PASTE, ["#note-text", 64])
    view.page.evaluate(DROP, ["#note-form", "curve.txt"])
    view.page.wait_for_function("() => document.querySelectorAll('.draft-file .text-button').length === 2")
    view.reload()  # An unsent note keeps its files.
    view.wait_for(1001)
    assert sorted(view.page.locator(".draft-file-name").all_inner_texts()) == ["curve.txt", "pasted.png"]
    view.send(1)
    view.page.wait_for_function("() => document.querySelector('.note-files img')?.naturalWidth === 64")
    assert view.text(".note-files li >> nth=1") in ("curve.txt", "")
    names = {link["component"]["name"] + link["component"]["file_type"] for link in note_components(reviews, review[1])}
    assert names == {"pasted.png", "curve.txt"}


def test_file_that_is_too_large_or_refused_is_told_and_can_be_tried_again(view, reviews, review, opened, tmp_path):
    view.page.evaluate(
        """() => { const data = new DataTransfer();
          data.items.add(new File([new Uint8Array((64 << 20) + 1)], "huge.mov"));
          document.querySelector("#note-form").dispatchEvent(
            new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }"""
    )
    view.page.wait_for_selector("text=huge.mov is too large: a file has at most 64 MB. Attach a smaller one.")
    view.page.click("text=Dismiss")
    view.page.fill("#note-text", "Do not lose me.")
    view.page.route("**/attachments?*", lambda route: route.abort())
    view.page.evaluate(DROP, ["#note-form", "curve.txt"])
    view.page.wait_for_selector("text=curve.txt was not attached: The server does not answer.")
    view.page.unroute("**/attachments?*")
    view.page.click("text=Try again")
    view.page.wait_for_selector(".draft-file-name")
    expect(view.page.locator("#note-text")).to_have_value("Do not lose me.")
    view.leave()


@pytest.fixture
def author(reviews, review):
    """Give the version an author, who can be mentioned, and return the author's name."""
    user = {"id": "11111111-1111-4111-8111-000000000001", "username": "ida.berg", "first_name": "Ida"}
    if not list(reviews.session.query('User where username is "ida.berg"')):
        reviews.session.call([operations.create("User", {**user, "last_name": "Berg", "is_active": True})])
    reviews.session.call([operations.update("AssetVersion", review[1].version_id, {"user_id": user["id"]})])
    return user["id"]


def test_mention_is_chosen_by_keyboard_and_makes_a_recipient(view, reviews, review, opened, author):
    view.page.click("#note-text")
    view.page.keyboard.type("Please ask @id")
    view.page.wait_for_selector('#mention-list [aria-selected="true"] >> text=Ida Berg')
    view.page.keyboard.press("Enter")
    view.page.wait_for_function("() => document.querySelector('#note-text').value === 'Please ask @Ida Berg '")
    view.page.keyboard.type("about it.")
    view.page.keyboard.press("Control+Enter")
    view.wait_for_notes(1)
    view.expect_text(".note-content .mention", "@Ida Berg")
    (note,) = reviews.notes(review[1])
    assert note["content"] == "Please ask @Ida Berg about it."
    assert {link["resource_id"]: link["text_mentioned"] for link in note["recipients"]}[author] == "@Ida Berg"


def test_notes_of_an_earlier_version_are_shown_and_marked_as_addressed(view, reviews, review, opened, movie):
    view.go(1007)
    view.send(1, "Lift the chin.")
    reviews.add(review[0], movie, after=review[1])
    view.page.click(".stack-version:not([aria-current])")
    view.page.click("text=Notes of earlier versions: 1 open of 1")
    view.page.click("#earlier-notes .note-frame")
    view.wait_for(1007)
    # Notes appear as they are written.
    later = reviews.write(review[1], "Slower.")
    view.page.wait_for_selector("#earlier-notes >> text=Slower.")
    expect(view.page.locator("#notes .note")).to_have_count(0)
    reviews.session.call([operations.delete("Note", later)])
    view.page.wait_for_selector("text=Notes of earlier versions: 1 open of 1")
    view.page.click("text=Addressed in v002")
    view.page.wait_for_selector("text=Notes of earlier versions: 0 open of 1")
    expect(view.page.locator("#earlier-notes .note-addressed").first).to_contain_text("v002", use_inner_text=True)
    view.page.click(".stack-version >> nth=0")
    view.page.wait_for_selector("#notes .note-addressed")


def test_flattened_image_of_frame_and_drawing_hangs_on_the_note(view, reviews, review, opened):
    view.go(1012)
    view.press("d")
    view.draw((0.25, 0.5), (0.75, 0.5))
    view.wait_for_strokes(1)
    view.send(1)
    (link,) = wait_until(lambda: note_components(reviews, review[1]), "the flattened image")
    assert (link["component"]["name"], link["component"]["file_type"]) == ("sh010 v001 1012", ".png")
    with Image.open(io.BytesIO(requests.get(link["url"]["url"], timeout=TIMEOUT_SECONDS).content)) as image:
        assert image.size == (320, 180)
        red, green, blue = image.convert("RGB").getpixel((160, 90))
        assert red > 200 and green < 130 and blue < 130
        # The burnt-in bits of the frame with index 11.
        bits = [image.convert("L").getpixel((int((bit + 0.5) * 320 / 14), 45)) > 127 for bit in range(14)]
    assert int("".join("1" if bit else "0" for bit in bits), 2) == 11
    expect(view.page.locator(".note-files")).to_have_count(0)
    view.page.once("dialog", lambda dialog: dialog.accept())
    view.page.click(".note-delete")
    view.wait_for_notes(0)
    component_id = link["component"]["id"]
    reviews.session.reset()
    assert list(reviews.session.query(f'Component where id is "{component_id}"')) == []
