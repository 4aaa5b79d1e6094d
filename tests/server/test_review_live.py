"""The live connection of open review pages: changes, presentations, and links that stop being valid."""

import asyncio
import json
import threading
from contextlib import ExitStack
from uuid import uuid4

import attrs
import pytest
import requests
from doubles.event_loop import run_coroutine
from doubles.operations import delete
from doubles.reviews import FUTURE, PAST, create, make_review, say, see
from run_options import TIMEOUT_SECONDS
from server.test_home import signed_in
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.context import open_server_context
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.live import routes
from ft_dcc.server.review.live.open_pages import MAX_PAGES_PER_VISITOR, LiveReviews, OpenPage


class LivePage:
    """An open page, which reads messages until one has the wanted type."""

    def __init__(self, link: str, **headers: str) -> None:
        self._stack = ExitStack()
        address = f"{link.replace('http', 'ws', 1)}/live"
        connection = connect(address, open_timeout=TIMEOUT_SECONDS, additional_headers=headers)
        self.socket = self._stack.enter_context(connection)

    def close(self) -> None:
        self._stack.close()

    def read(self, kind):
        """Return the next message of this type; earlier messages of other types are dropped."""
        while True:
            message = json.loads(self.socket.recv(TIMEOUT_SECONDS))
            if message["type"] == kind:
                return message

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def close_code(self):
        """Read until the server closes the connection, and return the code."""
        try:
            while True:
                self.socket.recv(TIMEOUT_SECONDS)
        except ConnectionClosed as error:
            return None if error.rcvd is None else error.rcvd.code


@pytest.fixture
def open_page():
    pages: list[LivePage] = []

    def open_one(link: str) -> LivePage:
        pages.append(LivePage(link))
        pages[-1].read("hello")
        return pages[-1]

    yield open_one
    for page in pages:
        page.close()


def test_a_note_is_sent_to_all_open_pages(review, open_page):
    pages = [open_page(review.link) for _ in range(3)]
    result = say(review.invite(), "notes", object=review.object, content="Lift the chin.", frame=1010).json()
    for page in pages:
        change = page.read("change")
        assert (change["entry"], change["notes"], change["summary"]) == (
            review.object,
            result["notes"],
            {"notes": 2, "open": 2},
        )
        assert change["commit"] >= result["commit"]


def test_a_note_of_an_api_client_is_sent_as_well(review, open_page):
    page = open_page(review.link)
    operation = create("Note", content="From Nuke", parent_id=review.object, parent_type="ReviewSessionObject")
    review.http_client.post(operation)
    (note,) = page.read("change")["notes"]
    assert note["content"] == "From Nuke"
    review.http_client.post(delete("Note", note["id"]))
    assert page.read("change")["removed"] == [operation["entity_data"]["id"]]


def test_no_note_is_lost_under_many_writers(review, open_page):
    """Changes are collected before they are sent: each note must be in one of the messages."""
    pages = [open_page(review.link) for _ in range(10)]
    link = review.invite()
    sent = {say(link, "notes", object=review.object, content=str(n)).json()["notes"][0]["id"] for n in range(20)}
    for page in pages:
        found: set[str] = set()
        while not sent <= found:
            found |= {note["id"] for note in page.read("change")["notes"]}


def test_a_hostile_message_is_answered_and_ends_no_connection(review, open_page):
    link = review.invite()
    review.change("ReviewSessionInvitee", review.invitee, rights="view present draw")
    page = open_page(link)
    page.send(type="claim")
    shape = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0, 0, 0.5]]}
    for message in (
        *({"type": [1]}, {"type": {"a": 1}}, {"type": None}, {"type": "hand_over", "to": [1]}),
        *({"type": "show", "entry": [1]}, {"type": "play", "entry": "x", "frame": 1, "speed": 10**400}),
        *({"type": "view", "mode": [1]}, {"type": "range", "mode": {}}, {"type": "pointer", "point": [[1], 2]}),
        *({"type": "stroke", "entry": "x", "frame": 1, "shape": {**shape, **wrong}} for wrong in (
            {"kind": [1]}, {"opacity": 10**400}, {"width": 10**400}, {"points": [[10**400, 0, 0]]}, {"id": [1]})),
    ):  # fmt: skip
        page.send(**message)
    page.send(type="clock", sent=1)
    assert page.read("clock")["sent"] == 1


@pytest.mark.parametrize("end", ["signed out", "signed out everywhere", "deactivated", "key revoked"])
def test_a_live_page_of_a_user_ends_at_once_with_the_session(review, http_client, end):
    server, name = http_client.server, f"user{uuid4().hex[:6]}"
    with open_admin(server.data) as owner:
        user_id = owner.run("user", name=name, role="User", projects=[])["user_id"]
        issued = owner.run("key", user=name)
    with signed_in(server, name, issued["FTRACK_API_KEY"]) as browser:
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        page = LivePage(f"{server.url}/review/{review.session}/studio", Cookie=cookie)
        page.read("hello")
        if end == "signed out":
            assert browser.post(f"{server.url}/user/sign_out", timeout=TIMEOUT_SECONDS).status_code == 200
        elif end == "deactivated":
            assert review.change("User", user_id, is_active=False).status_code == 200
        else:
            command, arguments = "revoke", {"user": name, "key": issued["id"]}
            if end == "signed out everywhere":
                command, arguments = "sign-out", {"user_id": user_id}
            with open_admin(server.data) as owner:
                owner.run(command, **arguments)
        assert page.close_code() == 4403


def test_head_of_the_events_ends(review):
    assert requests.head(f"{review.link}/events", timeout=TIMEOUT_SECONDS).status_code == 200


def test_a_change_of_another_session_is_not_sent(review, http_client, open_page):
    other, page = make_review(http_client, "Confidential"), open_page(review.link)
    say(other.invite(), "notes", object=other.object, content="Secret")
    say(review.invite(), "notes", object=review.object, content="Public")
    assert [note["content"] for note in page.read("change")["notes"]] == ["Public"]


def test_users_hear_of_notes_on_the_same_asset_in_another_session(review, open_page):
    """The page shows notes of earlier versions, also those of other sessions of the project."""
    other = str(uuid4())
    version, item = str(uuid4()), str(uuid4())
    review.http_client.post(
        create("ReviewSession", id=other, name="Next", project_id=review.project),
        create("AssetVersion", id=version, asset_id=review.asset),
        create("ReviewSessionObject", id=item, name="sh010", review_session_id=other, version_id=version),
    )
    link = review.query(f"select review_url from ReviewSession where id is {other}")[0]["review_url"]
    server = review.http_client.server
    with signed_in(server, server.credentials.api_user, server.credentials.api_key) as browser:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)
        user = LivePage(f"{link.rpartition('/')[0]}/studio", Cookie=cookies)
    visitor = open_page(link)
    say(review.invite(), "notes", object=review.object, content="Lift the chin.")
    assert user.read("earlier")["entries"] == [item]
    user.close()
    review.http_client.post(create("Note", content="Here", parent_id=item, parent_type="ReviewSessionObject"))
    types = set()
    while "change" not in types:
        types.add(json.loads(visitor.socket.recv(TIMEOUT_SECONDS))["type"])
    assert "earlier" not in types


def test_server_sent_events_have_the_same_messages(review):
    with requests.get(f"{review.link}/events", stream=True, timeout=TIMEOUT_SECONDS) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = (line.decode() for line in answer.iter_lines())
        messages = (json.loads(line[6:]) for line in lines if line.startswith("data: "))
        assert next(messages)["type"] == "hello"
        say(review.invite(), "notes", object=review.object, content="Lift the chin.")
        change = next(message for message in messages if message["type"] == "change")
        assert [note["content"] for note in change["notes"]] == ["Lift the chin."]


@pytest.mark.parametrize("change", [{"shareable_url_enabled": False}, {"start_date": FUTURE}, {"end_date": PAST}])
def test_a_page_is_disconnected_when_its_access_changes(review, open_page, change):
    page = open_page(review.link)
    review.set(**change)
    page.read("access")
    assert page.close_code() == 4403


def test_an_invalid_link_has_no_live_connection(review):
    # Neither a key of the shared link nor of an invitation has a character outside of base64.
    link = f"{review.link.rpartition('/')[0]}/{'!' * 43}"
    page = LivePage(link)
    assert page.close_code() == 4404
    page.close()
    assert see(link, "events").status_code == 404


def hello_of(link):
    """Return what a page that is opened now gets first."""
    page = LivePage(link)
    hello = page.read("hello")
    page.close()
    return hello


def invite_presenter(review):
    """Return the link of an invitee who may present."""
    review.change("ReviewSessionInvitee", review.invitee, rights="view comment draw present")
    return review.invite()


def test_followers_get_the_state_of_the_presenter(review, open_page):
    presenter, follower = open_page(invite_presenter(review)), open_page(review.link)
    presenter.send(type="claim")
    number = follower.read("driver")["presenter"]
    assert number is not None
    presenter.send(type="show", entry=review.object, frame=1010)
    assert follower.read("state")["state"]["frame"] == 1010
    presenter.send(type="play", entry=review.object, frame=1010, speed=1)
    state = follower.read("state")
    assert (state["state"]["speed"], state["state"]["at"]) == (1, state["now"])
    presenter.send(type="pause", frame=1017)
    state = follower.read("state")["state"]
    assert (state["frame"], state["speed"]) == (1017, 0)
    hello = hello_of(review.link)
    assert (hello["presenter"], hello["state"]["frame"], hello["state"]["entry"]) == (number, 1017, review.object)
    presenter.send(type="play", entry=review.object, frame=1010, speed=1)
    presenter.close()
    assert follower.read("driver")["presenter"] is None
    assert hello_of(review.link)["state"]["speed"] == 0


def test_the_moment_of_a_frame_is_kept_while_the_view_changes(review, open_page):
    presenter, follower = open_page(invite_presenter(review)), open_page(review.link)
    presenter.send(type="claim")
    presenter.send(type="clock", sent=12.5)
    clock = presenter.read("clock")
    assert (clock["sent"], isinstance(clock["now"], int)) == (12.5, True)
    # The frame will be on the screen a little later; times that are much later are not believed.
    presenter.send(type="play", entry=review.object, frame=1010, speed=1, at=clock["now"] + 10**9)
    state = follower.read("state")
    assert state["state"]["at"] == state["now"] + 500
    presenter.send(type="view", zoom=2)
    presenter.send(type="range", mode="loop")
    for _ in range(2):
        assert follower.read("state")["state"]["at"] == state["state"]["at"]


def test_presentation_is_handed_over_to_a_page_with_the_right(review, open_page):
    link = invite_presenter(review)
    presenter, other, visitor = open_page(link), open_page(link), open_page(review.link)
    people = presenter.read("people")["people"]
    while len(people) < 3:
        people = presenter.read("people")["people"]
    ids = [person["id"] for person in people]
    presenter.send(type="claim")
    presenter.read("driver")
    presenter.send(type="hand_over", to=ids[2])  # The visitor of the public link may not present.
    presenter.send(type="hand_over", to=ids[1])
    assert presenter.read("driver")["presenter"] == ids[1]
    other.send(type="show", entry=review.object, frame=7)
    assert visitor.read("state")["state"]["frame"] == 7


def test_only_a_user_takes_over_a_presentation(review, open_page, http_client):
    link, key = invite_presenter(review), http_client.server.credentials
    first, second = open_page(link), open_page(link)
    first.send(type="claim")
    number = second.read("driver")["presenter"]
    second.send(type="claim")
    assert "Another person presents" in second.read("error")["text"]
    user = LivePage(link, **{"ftrack-user": key.api_user, "ftrack-api-key": key.api_key})
    user.read("hello")
    user.send(type="claim")
    assert second.read("driver")["presenter"] not in (None, number)
    user.close()


def test_visitors_with_the_shared_link_get_no_names(review, open_page):
    invitee, visitor = open_page(review.invite()), open_page(review.link)
    while (found := visitor.read("people"))["count"] < 2:
        pass
    assert [person["name"] for person in found["people"]] == ["Guest"]
    while len(found := invitee.read("people")["people"]) < 2:
        pass
    assert {person["name"] for person in found} == {"Ada Example", "Guest"}


def test_followers_are_listed(review, open_page):
    page, follower = open_page(review.invite()), open_page(review.link)
    follower.send(type="follow", on=True)
    while [person["name"] for person in page.read("people")["people"] if person["is_following"]] != ["Guest"]:
        pass


def pen(number, *points):
    shape_id = f"aaaaaaaa-0000-4000-8000-{number:012}"
    return {"id": shape_id, "kind": "pen", "colour": "#ff0000", "opacity": 1, "width": 0.01, "points": list(points)}


def test_unsent_drawing_is_followed_and_late_pages_have_all_of_it(review, open_page):
    presenter, follower = open_page(invite_presenter(review)), open_page(review.link)
    presenter.send(type="claim")
    place = {"entry": review.object, "frame": 1010}
    presenter.send(type="stroke", **place, shape=pen(1, [0, 0, 0.5], [0.1, 0.1, 0.5]))
    presenter.send(type="stroke", **place, shape=pen(1, [0.2, 0.2, 0.5]), start=2)
    assert [len(follower.read("stroke")["shape"]["points"]) for _ in range(2)] == [2, 1]
    presenter.send(type="stroke", **place, shape=pen(2, [0.5, 0.5, 0.5]))
    presenter.send(type="strokes", **place, ids=[pen(1)["id"]])
    assert follower.read("strokes")["ids"] == [pen(1)["id"]]
    strokes = hello_of(review.link)["strokes"]
    assert (strokes["entry"], strokes["frame"]) == (review.object, 1010)
    assert [shape["points"] for shape in strokes["shapes"]] == [[[0, 0, 0.5], [0.1, 0.1, 0.5], [0.2, 0.2, 0.5]]]
    presenter.send(type="release")
    follower.read("driver")
    assert hello_of(review.link)["strokes"]["shapes"] == []


def test_visitors_without_the_right_cannot_present(review, open_page):
    visitor, presenter = open_page(review.link), open_page(invite_presenter(review))
    people = {person["name"]: person for person in presenter.read("people")["people"]}
    assert {name: person["may_present"] for name, person in people.items()} == {"Guest": False, "Ada Example": True}
    visitor.send(type="claim")
    visitor.send(type="show", entry=review.object, frame=1)
    # Each connection has its own order, so that the presenter waits for an answer to the visitor.
    visitor.send(type="release")
    visitor.socket.ping().wait(TIMEOUT_SECONDS)
    presenter.send(type="claim")
    assert visitor.read("driver")["presenter"] == people["Ada Example"]["id"]


def test_invalid_messages_are_answered_and_change_nothing(review, open_page):
    page = open_page(invite_presenter(review))
    page.send(type="claim")
    messages = (
        {"type": "show", "entry": "x", "frame": 1.5},
        {"type": "play", "entry": "x", "frame": 1, "speed": 100},
        {"type": "pointer", "point": ["a", 1]},
        {"type": "stroke", "entry": "x", "frame": 1, "shape": {"kind": "eval"}},
        {"type": "stroke", "entry": "x", "frame": 1, "shape": pen(3, [0, 0, 1]), "start": 5},
        {"type": "strokes", "entry": "x", "frame": 1, "ids": 5},
        {"type": "range", "mode": "eval"},
        {"type": "view", "mode": "eval"},
        {"type": "eval"},
    )
    for message in messages:
        page.send(**message)
        assert page.read("error")["text"], message
    assert hello_of(review.link)["state"] == {}


def test_a_moderated_session_sends_a_note_to_its_author_only(review, open_page):
    review.set(is_moderated=True)
    link = review.invite()
    author, visitor = open_page(link), open_page(review.link)
    say(link, "notes", object=review.object, content="Between us.")
    assert [note["content"] for note in author.read("change")["notes"]] == ["Between us."]
    change = visitor.read("change")
    assert (change["notes"], change["summary"]) == ([], {})


def test_the_event_loop_does_not_wait_for_a_connection_to_the_database(tmp_path, monkeypatch):
    """All connections that read can be in use for seconds."""
    readers: list[int] = []

    async def open_a_page(live: LiveReviews) -> None:
        access = ReviewAccess("session", "project", has_ended=False)
        with live.connected(OpenPage(access, lambda: access)):
            while not readers:
                await asyncio.sleep(0)
        assert threading.get_ident() not in readers

    with open_server_context(tmp_path) as context:
        reading = context.store.reading
        monkeypatch.setattr(context.store, "reading", lambda: readers.append(threading.get_ident()) or reading())
        run_coroutine(open_a_page(LiveReviews(context.store)))


def test_pages_of_one_visitor_leave_room_for_others(tmp_path):
    visitor = ReviewAccess("session", "project", has_ended=False)
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    async def open_pages(live: LiveReviews) -> None:
        with ExitStack() as opened:

            def open_page(access: ReviewAccess, address: str) -> bool:
                return opened.enter_context(live.connected(OpenPage(access, lambda: access, address))) is not None

            assert all(open_page(visitor, "192.0.2.1") for _ in range(MAX_PAGES_PER_VISITOR))
            assert not open_page(visitor, "192.0.2.1")
            assert open_page(visitor, "192.0.2.2")
            assert open_page(attrs.evolve(visitor, invitee_id="ada"), "192.0.2.1")
            scope = {"type": "websocket", "headers": [], "client": ("192.0.2.1", 1)}
            await routes._serve_websocket(live, lambda _: visitor, WebSocket(scope, receive, send))
        assert (sent[-1]["type"], sent[-1]["code"]) == ("websocket.close", 4503)

    with open_server_context(tmp_path) as context:
        run_coroutine(open_pages(LiveReviews(context.store)))
