"""Test that nothing typed or drawn is lost when servers, links, sessions and other people get in the way."""

from browser.conftest import SHORT_PAUSES
from browser.test_guests import PAST
from playwright.sync_api import expect

from ft_dcc.session import operations

_NOTE_COUNT = 1000
_REVOKED = "text=This invitation is not valid any more"


def write_and_draw(view):
    """Draw on frame 1012 and write a text, without sending them."""
    view.go(1012)
    view.press("d")
    view.draw((0.2, 0.3), (0.6, 0.6))
    view.wait_for_strokes(1)
    view.page.fill("#note-text", "Do not lose me.")


def check_draft(view, count=1):
    """Assert that the drawing on frame 1012 and the text are still there."""
    expect(view.page.locator("#note-text")).to_have_value("Do not lose me.")
    view.jump(1012)
    view.wait_for_strokes(count)


def test_note_is_kept_while_the_server_is_lost_and_sent_once(view, reviews, review, opened):
    write_and_draw(view)
    view.page.context.set_offline(True)
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    view.expect_text("#strip-notice strong", "No connection.")
    view.page.click("#send-note")
    view.page.wait_for_selector("text=Not sent: The server does not answer. Your text is still here.")
    check_draft(view)
    view.page.context.set_offline(False)
    view.page.wait_for_selector("#strip-notice", state="hidden")
    view.send(1)
    (note,) = reviews.notes(review[1])
    assert note["content"] == "Do not lose me."
    # The server has a note whose answer is lost: a second try does not make it twice.
    view.page.fill("#note-text", "Once.")
    view.page.route("**/notes", lambda route: (route.fetch(), route.abort()))
    view.page.click("#send-note")
    view.page.wait_for_selector("#note-error:not([hidden])")
    expect(view.page.locator("#note-text")).to_have_value("Once.")
    view.page.unroute("**/notes")
    view.page.click("#send-note")
    view.page.wait_for_function("() => document.querySelector('#note-text').value === ''")
    assert len(reviews.notes(review[1])) == 2
    view.leave()


def test_lost_socket_is_connected_again_and_brings_what_was_missed(view, reviews, review):
    view.page.add_init_script(
        "const Socket = window.WebSocket; window.sockets = [];"
        " window.WebSocket = class extends Socket { constructor(url) { super(url); window.sockets.push(this); } };"
    )
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.wait_for_selector("#show-people")
    write_and_draw(view)
    view.page.route("**/live", lambda route: route.abort())
    view.page.evaluate("() => window.sockets.at(-1).close()")
    view.page.wait_for_selector("#show-people", state="detached")
    reviews.write(review[1], "Meanwhile.")
    view.page.unroute("**/live")
    view.page.wait_for_selector("text=Meanwhile.")
    check_draft(view)
    view.leave()


def test_page_has_its_socket_again_after_the_server_was_lost_for_long(view, reviews, review):
    # The browser stays online, and neither sockets nor requests reach the server.
    view.page.add_init_script(
        SHORT_PAUSES
        + " const Socket = window.WebSocket; window.sockets = []; window.attempts = 0; window.isLost = false;"
        " class Lost extends EventTarget {"
        " constructor() { super(); window.attempts += 1; setTimeout(() => this.dispatchEvent(new Event('close'))); }"
        " close() {} }"
        " window.WebSocket = function (url) {"
        " if (window.isLost) return new Lost();"
        " const made = new Socket(url); window.sockets.push(made); return made; };"
        " window.WebSocket.OPEN = Socket.OPEN;"
    )
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.wait_for_selector("#show-people")
    view.page.route("**/review/**", lambda route: route.abort())
    view.page.evaluate("() => { window.isLost = true; window.sockets.at(-1).close(); }")
    view.page.wait_for_function("() => window.attempts >= 4")
    view.page.unroute("**/review/**")
    view.page.evaluate("() => { window.isLost = false; }")
    view.page.wait_for_selector("#show-people")
    view.page.wait_for_selector("#strip-notice", state="hidden")
    view.leave()


def test_link_that_is_revoked_while_drawing_keeps_the_drawing(view, reviews, review, opened):
    write_and_draw(view)
    box = view.page.locator("#stage").bounding_box()
    view.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    view.page.mouse.down()
    view.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=4)
    # A stroke that is being drawn when the page learns of it is kept as well.
    with view.page.expect_response("**/data"):
        invitee_id = reviews.revoke(review[0], "Ada Example")
        view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=4)
    view.page.mouse.up()
    view.page.wait_for_selector(_REVOKED)
    # A new link opens the same session in the same browser, with the draft.
    view.open(reviews.send_link(invitee_id))
    check_draft(view, 2)
    view.send(1)
    view.leave()


def test_link_that_is_revoked_while_a_text_is_written_on_the_image_keeps_the_text(view, reviews, review, opened):
    view.page.click("#draw")
    view.page.click('#pens button[data-tool="text"]')
    view.draw((0.4, 0.5), (0.4, 0.5))
    view.page.wait_for_function("() => document.activeElement.id === 'drawing-text'")
    view.page.keyboard.type("Brighter")
    invitee_id = reviews.revoke(review[0], "Ada Example")
    view.page.wait_for_selector(_REVOKED)
    view.open(reviews.send_link(invitee_id))
    view.wait_for_strokes(1)
    view.send(1)
    view.leave()


def test_session_that_is_closed_by_another_keeps_the_draft(view, reviews, review, opened):
    write_and_draw(view)
    reviews.change(review[0], end_date=PAST)
    view.page.wait_for_selector("#session-closed:not([hidden])")
    view.page.wait_for_selector("text=This review is closed.")
    expect(view.page.locator("#kept-draft")).to_contain_text("Your unsent note is kept")
    expect(view.page.locator("#kept-draft")).to_contain_text("Do not lose me.")
    reviews.change(review[0], end_date=None)
    view.page.wait_for_selector("#note-text")
    check_draft(view)
    view.leave()


def test_edits_and_replies_of_notes_that_others_change_or_delete_are_kept(view, reviews, review, opened):
    view.send(1, "Lift the chin.")
    view.page.click(".note-edit")
    view.page.fill(".text-form textarea", "Mine.")
    (note,) = reviews.notes(review[1])
    reviews.session.call([operations.update("Note", note["id"], {"content": "Theirs."})])
    view.page.click(".text-form .main-button")
    view.page.wait_for_selector("text=This note was changed on another page meanwhile.")
    expect(view.page.locator(".text-form textarea")).to_have_value("Mine.")
    expect(view.page.locator(".note-conflict").first).to_contain_text("Theirs.", use_inner_text=True)
    view.page.click(".text-form .main-button")
    view.page.wait_for_selector('.note-content:has-text("Mine.")')
    view.page.click(".note-reply")
    view.page.fill(".text-form textarea", "My long answer.")
    reviews.session.call([operations.delete("Note", note["id"])])
    view.wait_for_notes(0)
    expect(view.page.locator("#note-text")).to_have_value("My long answer.")
    view.leave()


def test_movie_that_cannot_be_decoded_keeps_the_form(view, reviews, movie, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no movie" * 500)
    review_id = reviews.open()
    reviews.add(review_id, movie, path=broken)
    view.open(reviews.invite(review_id, "Ada Example"))
    view.page.wait_for_selector("#stage-notice >> text=This movie cannot be played")
    view.send(1, "Broken on my side.")
    view.leave()


def test_sign_in_that_expires_keeps_the_draft(user_view, reviews, review, server_process, signed_in_cookies):
    view, address = user_view, f"{server_process.url}/review/{review[0]}/studio"
    view.open(address)
    write_and_draw(view)
    view.page.context.clear_cookies()
    view.page.click("#send-note")
    view.page.wait_for_selector("h1:has-text('Sign in')")
    view.page.context.add_cookies(signed_in_cookies)
    view.open(address)
    check_draft(view)
    view.leave()


def test_a_thousand_notes_on_one_frame_do_not_slow_the_page_down(view, reviews, review):
    place = {"parent_id": review[1].id, "parent_type": "ReviewSessionObject"}
    notes = [operations.create("Note", {"content": f"Note {number}", **place}) for number in range(_NOTE_COUNT)]
    reviews.session.call(notes)
    view.open(reviews.invite(review[0], "Ada Example"))
    view.wait_for_notes(_NOTE_COUNT)
    expect(view.page.locator("#notes > .note")).to_have_count(100)
    view.send(_NOTE_COUNT + 1, "One more.")
    view.page.click("text=Show 901 earlier notes")
    expect(view.page.locator("#notes > .note")).to_have_count(200)
