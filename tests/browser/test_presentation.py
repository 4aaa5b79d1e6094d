"""Test live sessions: pages that follow a presenter show the same version, frame, pointer and drawing."""

import pytest
from browser.conftest import ReviewPage
from playwright.sync_api import expect

_ALL_RIGHTS = "view comment draw decide present"


class Room:
    """Opens pages of one session: those of invitees in one browser profile, those of guests in another."""

    def __init__(self, invitees, guests, reviews, review_id):
        self._invitees, self._guests, self._reviews, self._review_id = invitees, guests, reviews, review_id
        self.views: list[ReviewPage] = []

    def guest(self) -> ReviewPage:
        return self._open(self._guests, self._reviews.link(self._review_id))

    def invitee(self, name: str, rights: str = _ALL_RIGHTS) -> ReviewPage:
        return self._open(self._invitees, self._reviews.invite(self._review_id, name, rights))

    def _open(self, context, link):
        view = ReviewPage(context.new_page())
        view.page.set_viewport_size({"width": 1100, "height": 700})
        view.open(link)
        self.views.append(view)
        return view


@pytest.fixture
def room(context, other_context, reviews, review):
    """Return the room of a session; no page may log an error."""
    room = Room(other_context, context, reviews, review[0])
    yield room
    for view in room.views:
        view.page.close()
    assert [view.errors for view in room.views] == [[] for _ in room.views]


def present(view):
    view.page.click("#present")
    view.page.wait_for_selector("text=You present")


def follow(view):
    view.page.click("#follow")
    view.page.wait_for_selector('#stage[data-following="true"]')


def test_followers_show_the_version_the_exact_frame_and_the_speed_of_the_presenter(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    expect(guest.page.locator("#present")).to_have_count(0)
    present(ada)
    follow(guest)
    for number in (1017, 1003, 1024):
        ada.jump(number)
        guest.wait_for(number)
        assert guest.shown_index() == number - 1001
    ada.press("ArrowLeft")
    guest.wait_for(1023)
    ada.page.click(".version >> nth=1")
    guest.wait_for(101)
    ada.jump(120)
    guest.wait_for(120)
    assert guest.shown_index() == 19
    # A page that is opened later plays along.
    ada.press("l")
    ada.press("l")
    late = room.guest()
    follow(late)
    late.page.wait_for_selector('#transport[data-playing="true"]')
    late.page.wait_for_function("() => document.querySelector('#speed').textContent === '2×'")
    ada.press("r")
    late.page.wait_for_selector('#loop[aria-pressed="false"]')
    ada.press("k")
    late.page.wait_for_selector('#transport[data-playing="false"]')
    ada.jump(111)
    late.wait_for(111)
    assert late.shown_index() == 10


def test_pause_takes_everyone_to_the_exact_frame(room):
    ada, guest, other = room.invitee("Ada Example"), room.guest(), room.guest()
    present(ada)
    follow(guest)
    follow(other)
    for _ in range(3):
        ada.press(" ")
        for view in (guest, other):
            view.page.wait_for_selector('#transport[data-playing="true"]')
        frame = int(ada.page.input_value("#frame-number"))
        script = "frame => Number(document.querySelector('#frame-number').value) !== frame"
        ada.page.wait_for_function(script, arg=frame)
        ada.press(" ")
        ada.wait_until_still()
        index = ada.shown_index()
        for view in (guest, other):
            view.page.wait_for_selector('#transport[data-playing="false"]')
            view.wait_for(1001 + index)
            view.wait_until_still()
            assert view.shown_index() == index


def test_own_movement_leaves_the_presentation_and_a_cut_connection_does_not_end_it(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    ada.jump(1010)
    follow(guest)
    guest.wait_for(1010)
    guest.press("ArrowRight")
    guest.wait_for(1011)
    guest.page.wait_for_selector('#follow[aria-pressed="false"]')
    ada.jump(1020)
    ada.wait_for(1020)
    expect(guest.page.locator("#frame-number")).to_have_value("1011")
    follow(guest)
    guest.wait_for(1020)
    # A presenter presents again after a cut connection.
    ada.page.context.set_offline(True)
    ada.page.wait_for_selector("#strip-notice:not([hidden])")
    ada.jump(1018)
    ada.page.context.set_offline(False)
    guest.wait_for(1018)
    assert guest.shown_index() == 17
    ada.errors.clear()


def test_presentation_is_handed_over_taken_over_and_survives_its_presenter(room):
    ada, bo, guest = room.invitee("Ada Example"), room.invitee("Bo Example"), room.guest()
    present(ada)
    follow(guest)
    ada.page.click("#show-people")
    expect(ada.page.locator("text=Hand over")).to_have_count(1)
    assert sorted(ada.page.locator(".person").all_inner_texts())[0].startswith("Ada Example (you)")
    ada.page.click("text=Hand over")
    bo.page.wait_for_selector("text=You present")
    ada.page.wait_for_selector('#stage[data-following="true"]')
    bo.jump(1015)
    for view in (ada, guest):
        view.wait_for(1015)
    # Only a user of the studio takes over without being asked.
    expect(ada.page.locator("text=Take over")).to_have_count(0)
    bo.page.click("#show-people")
    bo.page.click("text=Hand over")
    ada.page.wait_for_selector("text=You present")
    bo.page.wait_for_selector('#stage[data-following="true"]')
    ada.jump(1004)
    for view in (bo, guest):
        view.wait_for(1004)
    # A presenter who leaves ends nothing.
    ada.jump(1012)
    guest.wait_for(1012)
    ada.page.close()
    guest.page.wait_for_selector('#stage[data-following="false"]')
    expect(guest.page.locator("#frame-number")).to_have_value("1012")
    present(bo)
    bo.jump(1020)
    guest.wait_for(1020)


def test_pointer_and_unsent_drawing_are_followed(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    follow(guest)
    ada.jump(1008)
    guest.wait_for(1008)
    box = ada.page.locator("#stage").bounding_box()
    ada.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    guest.page.wait_for_function("() => document.querySelector('#drawing').dataset.pointer.length > 0")
    x, y = (float(part) for part in guest.page.get_attribute("#drawing", "data-pointer").split())
    assert (x, y) == pytest.approx((0.5, 0.5), abs=0.01)
    ada.press("d")
    ada.draw((0.2, 0.3), (0.6, 0.6))
    ada.draw((0.2, 0.6), (0.6, 0.3))
    guest.wait_for_strokes(2)
    late = room.guest()
    follow(late)
    late.wait_for(1008)
    late.wait_for_strokes(2)
    ada.press("Control+z")
    guest.wait_for_strokes(1)
    ada.press("ArrowRight")
    guest.wait_for(1009)
    guest.wait_for_strokes(0)
    ada.press("ArrowLeft")
    guest.wait_for(1008)
    guest.wait_for_strokes(1)
    ada.page.click("#send-note")
    guest.wait_for_notes(1)
    guest.wait_for_strokes(1)
    ada.page.mouse.move(1, 1)
    guest.page.wait_for_function("() => document.querySelector('#drawing').dataset.pointer === ''")


def test_invitee_without_the_right_follows_and_does_not_present(room):
    ada, bo = room.invitee("Ada Example"), room.invitee("Bo Example", "view comment")
    expect(bo.page.locator("#present")).to_have_count(0)
    present(ada)
    follow(bo)
    bo.page.fill("#note-text", "Slower.")
    bo.page.wait_for_selector('#follow[aria-pressed="false"]')
    bo.page.click("#show-people")
    expect(bo.page.locator("text=Take over")).to_have_count(0)
    expect(bo.page.locator(".person")).to_have_count(2)
    people = {row.split("\n")[0] for row in bo.page.locator(".person").all_inner_texts()}
    assert people == {"Ada Example", "Bo Example (you)"}


def test_zoom_comparison_range_and_a_drawing_on_the_zoomed_image_are_followed(room):
    ada, guest = room.invitee("Ada Example"), room.guest()
    present(ada)
    follow(guest)
    ada.press("+")
    guest.page.wait_for_selector('#stage[data-zoomed="true"]')
    style = "() => document.querySelector('#pane').style.getPropertyValue('--image').match(/scale\\((.*)\\)/)[1]"
    guest.page.wait_for_function(f"scale => ({style})() === scale", arg=ada.page.evaluate(style))
    ada.press("c")
    mode = ada.page.get_attribute("#stage", "data-compare")
    assert mode != "off"
    guest.page.wait_for_selector(f'#stage[data-compare="{mode}"]')
    ada.press("c")
    guest.page.wait_for_selector('#stage[data-compare="off"]')
    for frame, key in ((1005, "i"), (1009, "o")):
        ada.jump(frame)
        ada.wait_for(frame)
        ada.press(key)
    guest.wait_for(1009)
    ends = "['--in', '--out'].map((name) => document.querySelector('#timeline').style.getPropertyValue(name)).join()"
    guest.page.wait_for_function(f"ends => {ends} === ends", arg=f"{4 / 24},{9 / 24}")
    ada.press("d")
    box = ada.page.locator("#stage").bounding_box()
    ada.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    ada.page.mouse.down()
    ada.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=4)
    ada.page.mouse.up()
    guest.wait_for_strokes(1)
    # The centre of the image is in the centre of the stage at each zoom.
    for key in ("+", "-", "-"):
        guest.press(key)
        is_painted = """() => { const canvas = document.querySelector('#drawing');
          const x = canvas.width / 2 + 3, y = canvas.height / 2;
          return canvas.getContext('2d').getImageData(x, y, 1, 1).data[3] > 200; }"""
        guest.page.wait_for_function(is_painted)
