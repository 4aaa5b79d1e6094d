"""Test that nothing typed or drawn is lost when servers, links, sessions and other people get in the way."""

from __future__ import annotations

from browser.conftest import SHORT_PAUSES, ReviewPage
from browser.test_feedback import opened
from browser.test_guests import PAST, draw, review, wait_for_notes, wait_for_strokes

from ft_dcc.session import operations

__all__ = ["opened", "review"]

_NOTE_COUNT = 1000


def write_and_draw(view):
    """Draw on frame 1012 and write a text, without sending them."""
    view.jump(1012)
    view.wait_for(1012)
    view.press("d")
    draw(view, (0.2, 0.3), (0.6, 0.6))
    wait_for_strokes(view, 1)
    view.page.fill("#note-text", "Do not lose me.")


def check_draft(view, count=1):
    """Assert that the drawing on frame 1012 and the text are still there."""
    assert view.page.input_value("#note-text") == "Do not lose me."
    view.jump(1012)
    wait_for_strokes(view, count)


def test_note_is_kept_while_the_server_is_lost_and_sent_afterwards(view, reviews, review, opened):
    write_and_draw(view)
    view.page.context.set_offline(True)
    view.page.wait_for_selector("#strip-notice:not([hidden])")
    assert view.text("#strip-notice strong") == "No connection."
    view.page.click("#send-note")
    view.page.wait_for_selector("text=Not sent: The server does not answer. Your text is still here.")
    check_draft(view)
    view.page.context.set_offline(False)
    view.page.wait_for_selector("#strip-notice", state="hidden")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    (note,) = reviews.notes(review[1])
    assert note["content"] == "Do not lose me."
    view.leave()


def test_lost_socket_is_connected_again_and_brings_what_was_missed(view, reviews, review, browser):
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
    reviews.session.call(
        [
            operations.create(
                "Note", {"content": "Meanwhile.", "parent_id": review[1].id, "parent_type": "ReviewSessionObject"}
            )
        ]
    )
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


def test_link_that_is_revoked_while_drawing_keeps_the_drawing(view, reviews, review):
    link = reviews.invite(review[0], "Ada Example")
    view.open(link)
    write_and_draw(view)
    (invitee,) = reviews.session.query(
        f'ReviewSessionInvitee where review_session_id is "{review[0]}" and name is "Ada Example"'
    )
    reviews.session.call([{"action": "revoke_review_session_invite", "review_session_invitee_id": invitee["id"]}])
    # A stroke that is being drawn when the page learns of it is kept as well.
    box = view.page.locator("#stage").bounding_box()
    view.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    view.page.mouse.down()
    view.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=4)
    with view.page.expect_response("**/data"):
        view.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    view.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=4)
    view.page.mouse.up()
    view.page.wait_for_selector("text=This invitation is not valid any more")
    # A new link opens the same session in the same browser, with the draft.
    view.open(reviews.send_link(invitee["id"]))
    check_draft(view, 2)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.leave()


def test_link_that_is_revoked_while_a_text_is_written_on_the_image_keeps_the_text(view, reviews, review):
    view.open(reviews.invite(review[0], "Ada Example"))
    view.page.click("#draw")
    view.page.click('#pens button[data-tool="text"]')
    box = view.page.locator("#stage").bounding_box()
    view.page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    view.page.wait_for_function("() => document.activeElement.id === 'drawing-text'")
    view.page.keyboard.type("Brighter")
    (invitee,) = reviews.session.query(
        f'ReviewSessionInvitee where review_session_id is "{review[0]}" and name is "Ada Example"'
    )
    reviews.session.call([{"action": "revoke_review_session_invite", "review_session_invitee_id": invitee["id"]}])
    view.page.wait_for_selector("text=This invitation is not valid any more")
    view.open(reviews.send_link(invitee["id"]))
    wait_for_strokes(view, 1)
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.leave()


def test_session_that_is_closed_by_another_keeps_the_draft(view, reviews, review, opened):
    write_and_draw(view)
    reviews.change(review[0], end_date=PAST)
    view.page.wait_for_selector("#session-closed:not([hidden])")
    view.page.wait_for_selector("text=This review is closed.")
    assert "Your unsent note is kept" in view.text("#kept-draft")
    assert "Do not lose me." in view.text("#kept-draft")
    reviews.change(review[0], end_date=None)
    view.page.wait_for_selector("#note-text")
    check_draft(view)
    view.leave()


def test_two_people_who_edit_one_note_both_keep_their_text(view, reviews, review, opened):
    view.page.fill("#note-text", "Lift the chin.")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.page.click(".note-edit")
    view.page.fill(".text-form textarea", "Mine.")
    (note,) = reviews.notes(review[1])
    reviews.session.call([operations.update("Note", note["id"], {"content": "Theirs."})])
    view.page.click(".text-form .main-button")
    view.page.wait_for_selector("text=This note was changed on another page meanwhile.")
    assert view.page.input_value(".text-form textarea") == "Mine."
    assert "Theirs." in view.text(".note-conflict")
    view.page.click(".text-form .main-button")
    view.page.wait_for_selector('.note-content:has-text("Mine.")')
    view.leave()


def test_reply_to_a_note_that_was_deleted_meanwhile_is_kept(view, reviews, review, opened):
    data = {"content": "Gone soon.", "parent_id": review[1].id, "parent_type": "ReviewSessionObject"}
    reviews.session.call([operations.create("Note", {"id": "22222222-2222-4222-8222-222222222222", **data})])
    wait_for_notes(view, 1)
    view.page.click(".note-reply")
    view.page.fill(".text-form textarea", "My long answer.")
    reviews.session.call([operations.delete("Note", "22222222-2222-4222-8222-222222222222")])
    wait_for_notes(view, 0)
    assert view.page.input_value("#note-text") == "My long answer."


def test_movie_that_cannot_be_decoded_keeps_the_form(view, reviews, movie, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no movie" * 500)
    review_id = reviews.open()
    reviews.add(review_id, movie, path=broken)
    view.open(reviews.invite(review_id, "Ada Example"))
    view.page.wait_for_selector("text=This movie cannot be played")
    view.page.fill("#note-text", "Broken on my side.")
    view.page.click("#send-note")
    wait_for_notes(view, 1)
    view.leave()


def test_sign_in_that_expires_keeps_the_draft(new_context, reviews, review, server_process, signed_in_cookies):
    context = new_context()
    context.add_cookies(signed_in_cookies)
    view = ReviewPage(context.new_page())
    known = server_process.credentials
    view.open(f"{known.server_url}/review/{review[0]}/studio")
    write_and_draw(view)
    context.clear_cookies()
    view.page.click("#send-note")
    view.page.wait_for_selector("h1:has-text('Sign in')")
    context.add_cookies(signed_in_cookies)
    view.open(f"{known.server_url}/review/{review[0]}/studio")
    check_draft(view)


def test_a_thousand_notes_on_one_frame_do_not_slow_the_page_down(view, reviews, review):
    place = {"parent_id": review[1].id, "parent_type": "ReviewSessionObject"}
    notes = [operations.create("Note", {"content": f"Note {number}", **place}) for number in range(_NOTE_COUNT)]
    reviews.session.call(notes)
    view.open(reviews.invite(review[0], "Ada Example"))
    wait_for_notes(view, _NOTE_COUNT)
    assert view.page.locator("#notes > .note").count() == 100
    view.page.fill("#note-text", "One more.")
    view.page.click("#send-note")
    wait_for_notes(view, _NOTE_COUNT + 1)
    view.page.click("text=Show 901 earlier notes")
    assert view.page.locator("#notes > .note").count() == 200
