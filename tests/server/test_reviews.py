"""Invitations, links and passphrases of review sessions, as they are on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import attrs
import pytest
import requests

from ft_dcc.server.outbox import letters

PAST, FUTURE = ({"__type__": "datetime", "value": f"{year}-03-04T09:30:00"} for year in (2020, 2090))
FILM = b"film" * 1000


@attrs.frozen
class Review:
    """A session of a project of its own, with one version that has a film and a secret scene beside it."""

    wire: Any
    session: str
    object: str
    version: str
    film: str
    scene: str
    invitee: str

    def change(self, entity_type: str, key: str, **data: Any) -> Any:
        operation = {"action": "update", "entity_type": entity_type, "entity_key": [key], "entity_data": data}
        return self.wire.post(operation)

    def set(self, **data: Any) -> None:
        assert self.change("ReviewSession", self.session, **data).status_code == 200

    def invite(self) -> str:
        """Return the link in the mail that is sent now."""
        before = {letter.path for letter in letters(self.wire.server.data / "outbox")}
        told = self.wire.post({"action": "send_review_session_invite", "review_session_invitee_id": self.invitee})
        assert told.json()[0]["sent"] is True
        (letter,) = (found for found in letters(self.wire.server.data / "outbox") if found.path not in before)
        (link,) = re.findall(r"http://\S+", letter.text)
        return str(link)

    @property
    def link(self) -> str:
        expression = f"select review_url from ReviewSession where id is {self.session}"
        return str(self.wire.post({"action": "query", "expression": expression}).json()[0]["data"][0]["review_url"])

    def count(self, expression: str) -> int:
        return len(self.wire.post({"action": "query", "expression": expression}).json()[0]["data"])


def create(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def make_review(wire: Any, name: str = "Dailies") -> Review:
    film, scene = wire.upload(FILM), wire.upload(b"//Maya ASCII", ".ma")
    ids = {kind: str(uuid4()) for kind in ("project", "asset", "version", "session", "object", "invitee")}
    answer = wire.post(
        create("Project", id=ids["project"], name=f"p{uuid4().hex[:8]}"),
        create("Asset", id=ids["asset"], name="playblast", context_id=ids["project"]),
        create("AssetVersion", id=ids["version"], asset_id=ids["asset"]),
        {
            "action": "update",
            "entity_type": "FileComponent",
            "entity_key": [film],
            "entity_data": {"version_id": ids["version"], "name": "ftrackreview-mp4"},
        },
        {
            "action": "update",
            "entity_type": "FileComponent",
            "entity_key": [scene],
            "entity_data": {"version_id": ids["version"], "name": "scene"},
        },
        create("ReviewSession", id=ids["session"], name=name, project_id=ids["project"]),
        create("ReviewSessionObject", id=ids["object"], review_session_id=ids["session"], version_id=ids["version"]),
        create(
            "ReviewSessionInvitee",
            id=ids["invitee"],
            review_session_id=ids["session"],
            name="Ada Example",
            email="ada@example.com",
        ),
        create("Note", content=f"internal of {name}", parent_id=ids["version"], parent_type="AssetVersion"),
        create("Note", content=f"shown in {name}", parent_id=ids["object"], parent_type="ReviewSessionObject"),
    )
    assert answer.status_code == 200, answer.text
    return Review(wire, ids["session"], ids["object"], ids["version"], film, scene, ids["invitee"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, start_module_server: Any) -> Any:
    return start_module_server(tmp_path_factory.mktemp("reviews") / "data")


@pytest.fixture(scope="module")
def wire(server: Any, wire_to: Any) -> Any:
    return wire_to(server)


@pytest.fixture
def review(wire: Any) -> Review:
    return make_review(wire)


@pytest.fixture(scope="module")
def other(wire: Any) -> Review:
    return make_review(wire, "Confidential")


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def say(link: str, what: str, **said: Any) -> requests.Response:
    return requests.post(f"{link}/{what}", json=said, timeout=30)


def test_an_invitation_is_a_mail_with_a_link_of_its_own(review: Review) -> None:
    link = review.invite()
    (letter,) = (found for found in letters(review.wire.server.data / "outbox") if link in found.text)
    assert (letter.to, letter.subject) == ("Ada Example <ada@example.com>", "Review: Dailies")
    assert letter.text.startswith("Hello Ada Example,\n\nadmin invites you to the review 'Dailies':")
    assert requests.get(link, timeout=30).status_code == 200
    assert requests.get(f"{link}/data", timeout=30).json()["visitor"] == "Ada Example"
    assert requests.get(f"{review.link}/data", timeout=30).json()["visitor"] is None
    assert review.count(f"ReviewSessionInvitee where id is {review.invitee} and last_sent_at is_not none") == 1


def test_the_key_of_an_invitation_is_nowhere_in_the_database(review: Review) -> None:
    key = review.invite().rpartition("/")[2].encode()
    for path in review.wire.server.data.glob("studio.db*"):
        assert key not in path.read_bytes()


def test_a_new_invitation_takes_the_place_of_the_old_one(review: Review) -> None:
    first, second = review.invite(), review.invite()
    assert first != second
    gone = requests.get(first, timeout=30)
    assert gone.status_code == 403
    assert "This invitation is void" in gone.text
    assert "Look for a later mail." in gone.text
    assert requests.get(second, timeout=30).status_code == 200


@pytest.mark.parametrize("path", ["", "/data", "/media/FILM"])
def test_an_invitation_can_be_taken_back(review: Review, path: str) -> None:
    address = review.invite() + path.replace("FILM", review.film)
    assert requests.get(address, timeout=30).status_code == 200
    revoking = {"action": "revoke_review_session_invite", "review_session_invitee_id": review.invitee}
    assert review.wire.post(revoking).status_code == 200
    assert requests.get(address, timeout=30).status_code == 403


@pytest.mark.parametrize("path", ["", "/data", "/media/FILM"])
def test_an_invitation_ends_with_its_invitee(review: Review, path: str) -> None:
    address = review.invite() + path.replace("FILM", review.film)
    gone = {"action": "delete", "entity_type": "ReviewSessionInvitee", "entity_key": [review.invitee]}
    assert review.wire.post(gone).status_code == 200
    assert requests.get(address, timeout=30).status_code == 403


@pytest.mark.parametrize("path", ["", "/data", "/media/FILM"])
def test_an_invitation_ends_with_the_session_and_is_good_again_with_it(review: Review, path: str) -> None:
    address = review.invite() + path.replace("FILM", review.film)
    review.set(end_date=PAST)
    assert requests.get(address, timeout=30).status_code == 403
    assert requests.get(f"{review.link}/data", timeout=30).json()["is_open"] is False
    review.set(end_date=None)
    assert requests.get(address, timeout=30).status_code == 200


def test_a_closed_session_invites_nobody(review: Review) -> None:
    review.set(end_date=PAST)
    told = review.wire.post({"action": "send_review_session_invite", "review_session_invitee_id": review.invitee})
    assert told.status_code == 409
    assert (told.json()["exception"], told.json()["error_code"]) == (
        "ReviewSessionClosedError",
        "review_session_closed",
    )


@pytest.mark.parametrize("invitee", [None, 5, "nobody", ["x"]])
def test_nobody_who_does_not_exist_is_invited(review: Review, invitee: Any) -> None:
    told = review.wire.post({"action": "send_review_session_invite", "review_session_invitee_id": invitee})
    assert told.status_code == 422
    assert told.json()["exception"] == "ValidationError"


@pytest.mark.parametrize("email", [None, "", "ada", "a@b, c@d", "a@b\r\nBcc: everybody@example.com"])
def test_an_invitee_without_an_address_gets_no_mail(review: Review, email: Any) -> None:
    review.change("ReviewSessionInvitee", review.invitee, email=email)
    told = review.wire.post({"action": "send_review_session_invite", "review_session_invitee_id": review.invitee})
    assert told.status_code == 422
    assert "has no e-mail address" in told.json()["content"]


def test_names_cannot_begin_another_header(review: Review) -> None:
    review.change("ReviewSessionInvitee", review.invitee, name='Ada\r\nBcc: "everybody" <e@example.com>')
    review.set(name="Dailies\r\nX-Evil: yes")
    review.invite()
    letter = list(letters(review.wire.server.data / "outbox"))[-1]
    head = letter.path.read_bytes().split(b"\r\n\r\n")[0].decode()
    assert sorted(line.split(":")[0] for line in head.split("\r\n") if not line.startswith(" ")) == sorted(
        ["To", "Subject", "Date", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "From"]
    )


def test_a_guest_sees_this_sessions_objects_and_nothing_else(review: Review, other: Review) -> None:
    other_link = other.invite()
    for link in (review.invite(), review.link):
        told = requests.get(f"{link}/data", timeout=30)
        assert [entry["id"] for entry in told.json()["entries"]] == [review.object]
        assert [note["content"] for note in told.json()["entries"][0]["notes"]] == ["shown in Dailies"]
        for secret in ("Confidential", "internal", "ada@example.com", other.session, other.object):
            assert secret not in told.text
        assert requests.get(f"{link}/media/{review.film}", timeout=30).content == FILM
        key, other_key = link.rpartition("/")[2], other_link.rpartition("/")[2]
        foreign = [
            *(
                f"{link}/media/{component}"
                for component in (review.scene, other.film, other.scene, "x", review.version)
            ),
            *(f"{other.link.rpartition('/')[0]}/{key}{path}" for path in ("", "/data", f"/media/{other.film}")),
            f"{link.rpartition('/')[0]}/{other_key}/data",
        ]
        for address in foreign:
            assert requests.get(address, timeout=30).status_code == 404, address


def test_the_key_of_a_guest_opens_nothing_but_the_page(review: Review) -> None:
    link = review.invite()
    base, key = review.wire.server.url, link.rpartition("/")[2]
    asked = [{"action": "query", "expression": "Project"}]
    for user in ("admin", "Ada Example", review.invitee, "guest"):
        credentials = {"ftrack-user": user, "ftrack-api-key": key, "ftrack-strict-api": "true"}
        assert requests.post(f"{base}/api", json=asked, headers=credentials, timeout=30).status_code in (401, 429)
        query = {"id": review.film, "username": user, "apiKey": key}
        for path in ("/component/get", "/component/thumbnail"):
            assert requests.get(f"{base}{path}", params=query, timeout=30).status_code in (401, 403, 404, 429)
    assert requests.get(f"{base}/socket.io/1/", headers={"ftrack-user": "admin"}, timeout=30).status_code in (401, 429)


@pytest.mark.parametrize("target", ["object", "session", "version", "film"])
def test_a_guest_says_nothing_elsewhere(review: Review, other: Review, target: str) -> None:
    link, place = review.invite(), getattr(other, target)
    assert say(link, "notes", object=place, content="x").status_code == 404
    assert say(link, "status", object=place, status="approved").status_code == 404
    assert other.count(f"Note where parent_id is {place} and content is x") == 0


def test_a_guest_says_what_was_said_by_a_guest(review: Review) -> None:
    link = review.invite()
    told = say(link, "notes", object=review.object, content=" Lift the chin. ", frame=1010)
    assert told.status_code == 200, told.text
    note = told.json()["entries"][0]["notes"][-1]
    assert (note["author"], note["is_guest"], note["content"]) == ("Ada Example", True, "Lift the chin.")
    assert (note["frame"], note["drawing"]) == (1010, [])
    query = f"select content, user_id, recipients from Note where id is {note['id']}"
    (stored,) = review.wire.post({"action": "query", "expression": query}).json()[0]["data"]
    assert (stored["user_id"], stored["recipients"]) == (None, [])
    told = say(link, "status", object=review.object, status="approved").json()["entries"][0]
    assert (told["own_status"], told["statuses"]) == ("approved", [{"name": "Ada Example", "status": "approved"}])
    assert say(link, "status", object=review.object, status="seen").json()["entries"][0]["own_status"] == "approved"
    assert review.count(f"ReviewSessionObjectStatus where review_session_invitee_id is {review.invitee}") == 1


def test_the_same_note_sent_twice_is_one_note(review: Review) -> None:
    link = review.invite()
    stroke = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0, 0, 0.5], [1, 1, 0.5]]}
    said = {"object": review.object, "id": str(uuid4()), "content": "x", "frame": 1001, "drawing": [stroke]}
    for _ in range(2):
        notes = say(link, "notes", **said).json()["entries"][0]["notes"]
        assert [note["drawing"] for note in notes if note["is_guest"]] == [[stroke]]


STROKE = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0, 0, 0.5]]}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"content": ""},
        {"content": "   "},
        {"content": 5},
        {"content": "x" * 10_001},
        {"content": "x", "frame": "1001"},
        {"content": "x", "frame": True},
        {"content": "x", "frame": 1e300},
        {"content": "x", "id": "not an id"},
        {"drawing": [STROKE]},
        {"drawing": "x", "frame": 1},
        {"drawing": [STROKE] * 201, "frame": 1},
        {"drawing": [{**STROKE, "kind": "script"}], "frame": 1},
        {"drawing": [{**STROKE, "colour": "url(x)"}], "frame": 1},
        {"drawing": [{**STROKE, "width": 5}], "frame": 1},
        {"drawing": [{**STROKE, "points": []}], "frame": 1},
        {"drawing": [{**STROKE, "points": [[0, 0]]}], "frame": 1},
        {"drawing": [{**STROKE, "points": [[0, 0, 1e300]]}], "frame": 1},
        {"drawing": [{**STROKE, "points": [[0, 0, 1]] * 20_001}], "frame": 1},
    ],
)
def test_nonsense_is_no_note(review: Review, said: dict[str, Any]) -> None:
    assert say(review.invite(), "notes", object=review.object, **said).status_code == 422
    assert review.count(f"Note where parent_id is {review.object}") == 1


@pytest.mark.parametrize("status", [None, "", "Approved", "deleted", 1])
def test_nonsense_is_no_status(review: Review, status: Any) -> None:
    assert say(review.invite(), "status", object=review.object, status=status).status_code == 422


def test_what_is_no_json_is_refused(review: Review) -> None:
    link = review.invite()
    for body in (b"", b"[]", b"{", b"5", b"\xff", b"[" * 100_000):
        assert requests.post(f"{link}/notes", data=body, timeout=30).status_code == 400
    assert requests.post(f"{link}/notes", data=b"x" * (3 << 20), timeout=30).status_code == 413


def test_whoever_has_the_shareable_link_says_nothing(review: Review) -> None:
    assert say(review.link, "notes", object=review.object, content="x").status_code == 403
    assert say(review.link, "status", object=review.object, status="approved").status_code == 403


def test_a_private_session_opens_to_those_who_are_invited(review: Review) -> None:
    invitation = review.invite()
    review.set(shareable_url_enabled=False)
    for path in ("", "/data", f"/media/{review.film}"):
        assert requests.get(review.link + path, timeout=30).status_code == 403
        assert requests.get(invitation + path, timeout=30).status_code == 200
    review.set(shareable_url_enabled=True)
    assert requests.get(review.link, timeout=30).status_code == 200


def test_a_session_that_has_not_begun_opens_to_nobody(review: Review) -> None:
    invitation = review.invite()
    review.set(start_date=FUTURE)
    for link in (invitation, review.link):
        page = requests.get(link, timeout=30)
        assert page.status_code == 403
        assert "This review opens on 4 March 2090" in page.text
        for path in ("/data", f"/media/{review.film}"):
            assert requests.get(link + path, timeout=30).status_code == 403
    assert say(invitation, "notes", object=review.object, content="x").status_code == 403


def test_a_passphrase_stands_before_everything(review: Review, http: requests.Session) -> None:
    invitation = review.invite()
    review.set(passphrase="open sesame")
    for link in (invitation, review.link):
        for path in ("", "/data", f"/media/{review.film}"):
            assert requests.get(link + path, timeout=30).status_code == 401
    assert say(invitation, "notes", object=review.object, content="x").status_code == 401
    assert http.post(invitation, data={"passphrase": "Open Sesame"}, timeout=30).status_code == 401
    let_in = http.post(invitation, data={"passphrase": "open sesame"}, timeout=30, allow_redirects=False)
    assert let_in.status_code == 303
    for word in ("HttpOnly", "SameSite=strict", "Path=/review"):
        assert word in let_in.headers["Set-Cookie"]
    for path in ("", "/data", f"/media/{review.film}"):
        assert http.get(invitation + path, timeout=30).status_code == 200
    review.set(passphrase="another one")
    assert http.get(f"{invitation}/data", timeout=30).status_code == 401


def test_the_pass_of_one_session_opens_no_other(review: Review, other: Review, http: requests.Session) -> None:
    review.set(passphrase="open sesame")
    mine = make_review(review.wire, "Third")
    mine.set(passphrase="open sesame")
    answer = http.post(review.link, data={"passphrase": "open sesame"}, timeout=30, allow_redirects=False)
    (cookie,) = answer.cookies
    for name in (cookie.name, *(f"ft_dcc_pass_{digit * 16}" for digit in "0f")):
        http.cookies.set(name, cookie.value)
    assert http.get(f"{mine.link}/data", timeout=30).status_code == 401


def test_who_guesses_passphrases_waits_and_others_do_not(review: Review) -> None:
    review.set(passphrase="open sesame")
    tries = [requests.post(review.link, data={"passphrase": str(each)}, timeout=30) for each in range(7)]
    assert [answer.status_code for answer in tries] == [401] * 5 + [429] * 2
    assert int(tries[-1].headers["Retry-After"]) > 0
    assert "Too many wrong passphrases." in tries[-1].text
    late = requests.post(review.link, data={"passphrase": "open sesame"}, timeout=30)
    assert late.status_code == 429
    unharmed = make_review(review.wire, "Unharmed")
    unharmed.set(passphrase="open sesame")
    answer = requests.post(unharmed.link, data={"passphrase": "open sesame"}, timeout=30, allow_redirects=False)
    assert answer.status_code == 303


@pytest.mark.parametrize("key", ["x", "A" * 32, "A" * 43, "%00", "..%2f..", "é", "' or 1=1 --"])
def test_a_forged_link_opens_nothing_and_says_what_to_do(review: Review, key: str) -> None:
    address = f"{review.link.rpartition('/')[0]}/{key}"
    page = requests.get(address, timeout=30)
    assert page.status_code == 404
    assert requests.get(f"{address}/data", timeout=30).status_code == 404
    assert requests.post(f"{address}/notes", json={"object": review.object}, timeout=30).status_code == 404
    if key != "..%2f..":
        assert "This link opens no review" in page.text
        assert "ask whoever sent it for a new one" in page.text


def test_a_drawing_that_a_program_made_is_shown_as_far_as_it_is_one(review: Review) -> None:
    place = {"review_session_object_id": review.object}
    for data in (json.dumps({"shapes": [STROKE]}), json.dumps([STROKE]), "{", "5", None, '{"shapes": [{"kind": "x"}]}'):
        review.wire.post(create("ReviewSessionObjectAnnotation", frame_number=1005, data=data, **place))
    (entry,) = requests.get(f"{review.link}/data", timeout=30).json()["entries"]
    shapes = [drawing["shapes"] for drawing in entry["drawings"]]
    assert [len(found) for found in shapes] == [1, 1, 0, 0, 0, 0]
    assert {drawing["frame"] for drawing in entry["drawings"]} == {1005}
