"""Invitations, links and passphrases of review sessions, as HTTP requests see them."""

import json
import re
from datetime import datetime, timezone
from types import SimpleNamespace
from uuid import uuid4

import attrs
import pytest
import requests
from doubles.http_session import HttpSession
from doubles.operations import delete, keyed
from doubles.reviews import FUTURE, MOVIE_BYTES, PAST, create, entry_of, make_review, say, see
from run_options import TIMEOUT_SECONDS, wait_until

STROKE = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0, 0, 0.5]]}


@pytest.fixture
def throttled_review(start_server, http_client_for, stopped_limits):
    return make_review(http_client_for(start_server(change=stopped_limits)))


@pytest.fixture
def with_media(http_client):
    return make_review(http_client, has_media=True)


@pytest.fixture
def other(http_client):
    return make_review(http_client, "Confidential", has_media=True)


@pytest.fixture
def http():
    with HttpSession() as session:
        yield session


def test_an_invitation_mail_has_a_personal_link_whose_key_is_not_stored(review):
    mail = review.invitation()
    assert (mail.to, mail.subject) == ("Ada Example <ada@example.com>", "Review: Dailies")
    assert mail.text.startswith("Hello Ada Example,\n\nadmin invites you to the review 'Dailies':")
    (link,) = re.findall(r"http://\S+", mail.text)
    assert see(link).status_code == 200
    assert see(link, "data").json()["visitor"] == "Ada Example"
    assert see(review.link, "data").json()["visitor"] is None
    assert len(review.query(f"ReviewSessionInvitee where id is {review.invitee} and last_sent_at is_not none")) == 1
    key = link.rpartition("/")[2].encode()
    for path in review.http_client.server.data.glob("studio.db*"):
        assert key not in path.read_bytes()


def test_a_new_invitation_revokes_the_old_one(review):
    first, second = review.invite(), review.invite()
    assert first != second
    gone = see(first)
    assert gone.status_code == 403
    assert "This invitation is not valid any more" in gone.text
    assert "Look for a later mail." in gone.text
    assert see(second).status_code == 200


def statuses(review, link):
    """Return the statuses of the page, its data and its movie."""
    return {see(link, path).status_code for path in ("", "data", f"media/{review.movie}")}


@pytest.mark.parametrize("end", ["revoked", "deleted"])
def test_an_invitation_ends_when_it_is_revoked_or_its_invitee_deleted(with_media, end):
    link = with_media.invite()
    assert statuses(with_media, link) == {200}
    revoking = {"action": "revoke_review_session_invite", "review_session_invitee_id": with_media.invitee}
    operation = revoking if end == "revoked" else delete("ReviewSessionInvitee", with_media.invitee)
    assert with_media.http_client.post(operation).status_code == 200
    assert statuses(with_media, link) == {403}


def test_an_invitee_reads_and_does_not_write_after_the_session_has_ended(with_media):
    review, link = with_media, with_media.invite()
    review.set(end_date=PAST)
    assert statuses(review, link) == {200}
    assert [see(each, "data").json()["may_export"] for each in (link, review.link)] == [True, False]
    answer = say(link, "notes", object=review.object, content="Too late.")
    assert (answer.status_code, "This review has ended" in answer.text) == (403, True)
    assert see(link, "data").json()["visitor"] is None
    assert see(review.link, "data").json()["is_open"] is False
    review.set(end_date=None)
    assert say(link, "notes", object=review.object, content="In time.").status_code == 200


def test_no_invitation_is_sent_for_a_closed_session_or_to_an_unknown_invitee(review):
    review.set(end_date=PAST)
    for invitee, status, name in (
        (review.invitee, 409, "ReviewSessionClosedError"),
        *((each, 422, "ValidationError") for each in (None, 5, "nobody", ["x"])),
    ):
        sending = {"action": "send_review_session_invite", "review_session_invitee_id": invitee}
        result = review.http_client.post(sending)
        assert (result.status_code, result.json()["exception"]) == (status, name)
        assert result.json()["error_code"] == ("review_session_closed" if status == 409 else None)


def test_names_cannot_inject_mail_headers(review):
    review.change("ReviewSessionInvitee", review.invitee, name='Ada\r\nBcc: "everybody" <e@example.com>')
    review.set(name="Dailies\r\nX-Evil: yes")
    head = review.invitation().path.read_bytes().split(b"\r\n\r\n")[0].decode()
    assert sorted(line.split(":")[0] for line in head.split("\r\n") if not line.startswith(" ")) == sorted(
        ["To", "Subject", "Date", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "From"]
    )


def test_a_guest_can_read_this_session_only(with_media, other):
    review = with_media
    other_link = other.invite()
    for link in (review.invite(), review.link):
        result = see(link, "data")
        assert [entry["id"] for entry in result.json()["entries"]] == [review.object]
        details = see(link, f"entries/{review.object}")
        assert [note["content"] for note in details.json()["notes"]] == ["shown in Dailies"]
        for secret in ("Confidential", "internal of", "ada@example.com", other.session, other.object):
            assert secret not in result.text + details.text
        assert see(link, f"media/{review.movie}").content == MOVIE_BYTES
        key, other_key = link.rpartition("/")[2], other_link.rpartition("/")[2]
        foreign = [
            *(
                f"{link}/media/{component}"
                for component in (review.scene, other.movie, other.scene, "x", review.version)
            ),
            *(f"{other.link.rpartition('/')[0]}/{key}{path}" for path in ("", "/data", f"/media/{other.movie}")),
            f"{link.rpartition('/')[0]}/{other_key}/data",
            f"{link}/entries/{other.object}",
        ]
        for address in foreign:
            assert see(address).status_code == 404, address


def test_the_key_of_a_guest_is_valid_for_the_page_only(with_media, http):
    review = with_media
    base, key = review.http_client.server.url, review.invite().rpartition("/")[2]
    refused = (401, 403, 404, 429)
    for user in ("admin", "Ada Example", review.invitee, "guest"):
        credentials = {"ftrack-user": user, "ftrack-api-key": key, "ftrack-strict-api": "true"}
        asked = [{"action": "query", "expression": "Project"}]
        assert http.post(f"{base}/api", json=asked, headers=credentials).status_code in (401, 429)
        query = {"id": review.movie, "username": user, "apiKey": key}
        for path in ("/component/get", "/component/thumbnail"):
            assert http.get(f"{base}{path}", params=query).status_code in refused
    assert http.get(f"{base}/socket.io/1/", headers={"ftrack-user": "admin"}).status_code in (401, 429)


def test_notes_of_guests_are_marked_as_such(review):
    link = review.invite()
    result = say(link, "notes", object=review.object, content=" Lift the chin. ", frame=1010)
    assert result.status_code == 200, result.text
    (note,) = result.json()["notes"]
    assert (note["author"], note["is_guest"], note["content"]) == ("Ada Example", True, "Lift the chin.")
    assert (note["frame"], note["drawing"]) == (1010, [])
    (stored,) = review.query(f"select content, user_id, recipients, frame_number from Note where id is {note['id']}")
    assert (stored["user_id"], stored["recipients"], stored["frame_number"]) == (None, [], 1010)
    for status in ("approved", "seen"):
        (result,) = say(link, "status", object=review.object, status=status).json()["statuses"]
        assert (result["author_id"], result["name"], result["status"]) == (review.invitee, "Ada Example", "approved")
    assert len(review.query(f"ReviewSessionObjectStatus where review_session_invitee_id is {review.invitee}")) == 1


def test_several_versions_are_decided_at_once(review, other):
    link, second = review.invite(), str(uuid4())
    place = {"review_session_id": review.session, "version_id": review.version}
    review.http_client.post(create("ReviewSessionObject", id=second, **place))
    assert say(link, "statuses", objects=[review.object, other.object], status="approved").status_code == 404
    assert review.query(f"ReviewSessionObjectStatus where review_session_invitee_id is {review.invitee}") == []
    result = say(link, "statuses", objects=[review.object, second], status="approved").json()
    assert [change["summary"]["verdicts"] for change in result["changes"]] == [{"approved": 1}] * 2


def test_an_own_note_is_edited_and_deleted(review):
    link = review.invite()
    note = say(link, "notes", object=review.object, content="Lift the chin.").json()["notes"][0]
    result = say(link, "notes/edit", note=note["id"], previous="Lift the chin.", content="Lift the head.").json()
    assert (result["notes"][0]["content"], result["entry"]) == ("Lift the head.", review.object)
    assert result["notes"][0]["edited"] is not None
    stale = say(link, "notes/edit", note=note["id"], previous="Lift the chin.", content="Lower the chin.")
    assert stale.status_code == 409
    assert "changed on another page" in stale.json()["content"]
    gone = say(link, "notes/delete", note=note["id"]).json()
    assert (gone["notes"], gone["removed"]) == ([], [note["id"]])
    assert say(link, "notes/edit", note=note["id"], previous="x", content="y").status_code == 404


def test_a_deleted_note_takes_its_drawing_with_it(review):
    link = review.invite()
    note = say(link, "notes", object=review.object, frame=1001, drawing=[STROKE]).json()["notes"][0]
    assert len(entry_of(link, review.object)["notes"][-1]["drawing"]) == 1
    say(link, "notes/delete", note=note["id"])
    assert entry_of(link, review.object)["drawings"] == []


def test_notes_of_others_are_neither_edited_nor_deleted(review):
    link = review.invite()
    (note,) = entry_of(link, review.object)["notes"]
    assert say(link, "notes/edit", note=note["id"], previous=note["content"], content="x").status_code == 403
    assert say(link, "notes/delete", note=note["id"]).status_code == 403


def test_a_note_with_replies_is_not_deleted(review):
    link = review.invite()
    note = say(link, "notes", object=review.object, content="Why?").json()["notes"][0]
    reply = say(link, "notes", object=review.object, content="Because.", in_reply_to=note["id"]).json()["notes"][0]
    assert reply["in_reply_to"] == note["id"]
    assert say(link, "notes/delete", note=note["id"]).status_code == 409
    say(link, "notes/delete", note=reply["id"])
    assert say(link, "notes/delete", note=note["id"]).status_code == 200


def test_a_note_is_marked_as_done_and_reopened(review):
    link = review.invite()
    (note,) = entry_of(link, review.object)["notes"]
    result = say(link, "notes/done", note=note["id"], done=True).json()
    assert (result["notes"][0]["done_by"], result["summary"]) == ("Ada Example", {"notes": 1})
    assert len(review.query(f"Note where id is {note['id']} and completed_at is_not none")) == 1
    result = say(link, "notes/done", note=note["id"], done=False).json()
    assert (result["notes"][0]["done"], result["summary"]) == (None, {"notes": 1, "open": 1})
    assert say(link, "notes/done", note=note["id"], done="yes").status_code == 422


def test_a_note_has_a_range_and_labels(review):
    link = review.invite()
    label = see(link, "data").json()["labels"][0]["id"]
    payload = {"object": review.object, "content": "x", "frame": 1001, "end_frame": 1010, "labels": [label]}
    (note,) = say(link, "notes", **payload).json()["notes"]
    assert (note["frame"], note["end_frame"], note["labels"]) == (1001, 1010, [label])
    assert say(link, "notes", **{**payload, "end_frame": 1000}).status_code == 422
    assert say(link, "notes", **{**payload, "labels": [str(uuid4())]}).status_code == 422


def test_the_list_is_light_and_not_sent_twice(review):
    answer = see(review.link, "data")
    assert answer.headers["Content-Encoding"] == "gzip"
    (entry,) = answer.json()["entries"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", entry.pop("date"))
    fixed = {"id": review.object, "name": "playblast", "version": 1, "status": "Not started", "notes": 1, "open": 1}
    assert entry == fixed
    for path in ("data", f"entries/{review.object}"):
        last = see(review.link, path)
        # Other tests' jobs may commit meanwhile on the shared server, and each commit has new tags.
        while (again := see(review.link, path, headers={"If-None-Match": last.headers["ETag"]})).status_code == 200:
            assert again.json()["commit"] > last.json()["commit"]
            last = again
        assert (again.status_code, again.content) == (304, b"")
        review.set(description=f"Before {path}")
        assert see(review.link, path, headers={"If-None-Match": last.headers["ETag"]}).status_code == 200
    assert see(review.link, "data").json()["description"].startswith("Before entries/")


def test_the_same_note_sent_twice_is_one_note(review):
    link = review.invite()
    stroke = {**STROKE, "id": str(uuid4()), "points": [[0, 0, 0.5], [1, 1, 0.5]]}
    said = {"object": review.object, "id": str(uuid4()), "content": "x", "frame": 1001, "drawing": [stroke]}
    for _ in range(2):
        say(link, "notes", **said)
        notes = entry_of(link, review.object)["notes"]
        assert [note["drawing"] for note in notes if note["is_guest"]] == [[{**stroke, "opacity": 1}]]


def test_a_drawing_is_stored_as_version_2(review):
    drawn = [{**STROKE, "id": str(uuid4()), "opacity": 0.5}]
    payload = {"object": review.object, "frame": 1001, "drawing": drawn, "aspect": [640, 360], "drawing_end": 1005}
    (note,) = say(review.invite(), "notes", **payload).json()["notes"]
    assert (note["drawing"], note["drawing_end"]) == (drawn, 1005)
    query = f"select data from ReviewSessionObjectAnnotation where review_session_object_id is {review.object}"
    data = json.loads(review.query(query)[0]["data"])
    common = {"version": 2, "author": "Ada Example", "aspect": [640, 360], "end_frame": 1005}
    assert data == {**common, "shapes": drawn}


INVALID_NOTES = (
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
    {"drawing": [STROKE], "frame": 1, "drawing_end": 0},
    {"drawing": [STROKE], "frame": 1, "aspect": [0, 1]},
)


def test_invalid_notes_and_statuses_are_refused(review):
    link = review.invite()
    for fields in INVALID_NOTES:
        assert say(link, "notes", object=review.object, **fields).status_code == 422, fields
    for status in (None, "", "Approved", "deleted", 1):
        assert say(link, "status", object=review.object, status=status).status_code == 422
    # The shared link allows no writing.
    assert say(review.link, "notes", object=review.object, content="x").status_code == 403
    assert say(review.link, "status", object=review.object, status="approved").status_code == 403
    assert len(review.query(f"Note where parent_id is {review.object}")) == 1


def test_a_body_that_is_not_json_is_refused(review):
    link = review.invite()
    for body in (b"", b"[]", b"{", b"5", b"\xff", b"[" * 100_000):
        assert requests.post(f"{link}/notes", data=body, timeout=TIMEOUT_SECONDS).status_code == 400
    assert requests.post(f"{link}/notes", data=b"x" * (3 << 20), timeout=TIMEOUT_SECONDS).status_code == 413


def test_a_private_session_requires_an_invitation(with_media):
    invitation = with_media.invite()
    with_media.set(shareable_url_enabled=False)
    assert statuses(with_media, with_media.link) == {403}
    page = see(with_media.link).text
    assert "This review is private" in page and "Ask for an invitation." in page
    assert statuses(with_media, invitation) == {200}
    with_media.set(shareable_url_enabled=True)
    assert see(with_media.link).status_code == 200


def test_a_session_cannot_be_opened_before_its_start(with_media):
    review, invitation = with_media, with_media.invite()
    review.set(start_date=FUTURE)
    for link in (invitation, review.link):
        assert statuses(review, link) == {403}
        page = see(link).text
        assert "This review opens on 4 March 2090" in page and "Come back at 09:30 UTC with the same link." in page
    assert say(invitation, "notes", object=review.object, content="x").status_code == 403


def test_a_session_that_was_closed_before_it_opened_cannot_be_read(with_media):
    review, links = with_media, (with_media.link, with_media.invite())
    now = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
    closed = {"__type__": "datetime", "value": now.isoformat()}
    review.set(start_date=FUTURE)
    review.set(end_date=closed)
    for link in links:
        assert statuses(review, link) == {403}
        assert "The studio closed it. Ask for another link." in see(link).text
    review.set(start_date=closed, end_date=None)
    for link in links:
        assert statuses(review, link) == {200}


def test_a_passphrase_protects_every_route(with_media, http):
    review, invitation = with_media, with_media.invite()
    review.set(passphrase="open sesame")
    for link in (invitation, review.link):
        assert statuses(review, link) == {401}
    assert say(invitation, "notes", object=review.object, content="x").status_code == 401
    assert http.post(invitation, data={"passphrase": "Open Sesame"}).status_code == 401
    let_in = http.post(invitation, data={"passphrase": "open sesame"}, allow_redirects=False)
    assert let_in.status_code == 303
    for word in ("HttpOnly", "SameSite=strict", "Path=/review"):
        assert word in let_in.headers["Set-Cookie"]
    for path in ("", "/data", f"/media/{review.movie}"):
        assert http.get(invitation + path).status_code == 200
    review.set(passphrase="another one")
    assert http.get(f"{invitation}/data").status_code == 401


def test_a_pass_is_valid_for_one_session(review, http):
    review.set(passphrase="open sesame")
    mine = make_review(review.http_client, "Third")
    mine.set(passphrase="open sesame")
    (cookie,) = http.post(review.link, data={"passphrase": "open sesame"}, allow_redirects=False).cookies
    for name in (cookie.name, *(f"ft_dcc_pass_{digit * 16}" for digit in "0f")):
        http.cookies.set(name, cookie.value)
    assert http.get(f"{mine.link}/data").status_code == 401


def test_wrong_passphrases_are_throttled_per_address(throttled_review):
    review = throttled_review
    review.set(passphrase="open sesame")
    tries = [requests.post(review.link, data={"passphrase": str(each)}, timeout=TIMEOUT_SECONDS) for each in range(7)]
    assert [answer.status_code for answer in tries] == [401] * 5 + [429] * 2
    assert int(tries[-1].headers["Retry-After"]) > 0
    assert "Too many wrong passphrases." in tries[-1].text
    late = requests.post(review.link, data={"passphrase": "open sesame"}, timeout=TIMEOUT_SECONDS)
    assert late.status_code == 429
    unharmed = make_review(review.http_client, "Unharmed")
    unharmed.set(passphrase="open sesame")
    assert requests.post(unharmed.link, data={"passphrase": "open sesame"}, timeout=TIMEOUT_SECONDS).status_code == 200


def test_a_forged_link_shows_a_message_with_advice(review):
    for key in ("x", "A" * 32, "A" * 43, "%00", "..%2f..", "é", "' or 1=1 --"):
        address = f"{review.link.rpartition('/')[0]}/{key}"
        page = see(address)
        assert page.status_code == 404
        assert see(address, "data").status_code == 404
        assert say(address, "notes", object=review.object).status_code == 404
        if key != "..%2f..":
            assert "This link opens no review" in page.text
            assert "ask the sender for a new one" in page.text
    assert see(review.link.rpartition("/")[0]).status_code == 404


def test_an_invalid_drawing_of_another_client_is_ignored(review):
    item = {"review_session_object_id": review.object}
    own, unknown = ({"version": 2, "shapes": [shape]} for shape in (STROKE, {"kind": "x"}))
    for data in (json.dumps(own), json.dumps([STROKE]), "{", "5", None, json.dumps(unknown)):
        review.http_client.post(create("ReviewSessionObjectAnnotation", frame_number=1005, data=data, **item))
    entry = entry_of(review.link, review.object)
    shapes = [drawing["shapes"] for drawing in entry["drawings"]]
    assert [len(found) for found in shapes] == [1, 0, 0, 0, 0, 0]
    # The ids of shapes without one are derived, so that each request returns the same.
    assert shapes[0][0]["id"] == entry_of(review.link, review.object)["drawings"][0]["shapes"][0]["id"]
    assert {drawing["frame"] for drawing in entry["drawings"]} == {1005}


def test_an_invitee_has_the_rights_of_the_invitation(review):
    link = review.invite()
    drawing = {"object": review.object, "content": "", "frame": 1001, "drawing": [STROKE]}
    expected: dict[str | None, set[str]] = {
        "view": set(),
        "view comment": {"comment"},
        "draw": {"draw"},
        "decide": {"decide"},
        None: {"comment", "draw", "decide"},
    }
    for rights, allowed in expected.items():
        assert review.change("ReviewSessionInvitee", review.invitee, rights=rights).status_code == 200
        answers = {
            "comment": say(link, "notes", object=review.object, content="Slower."),
            "draw": say(link, "notes", **drawing),
            "decide": say(link, "status", object=review.object, status="approved"),
        }
        assert {right for right, answer in answers.items() if answer.status_code == 200} == allowed
        assert {answer.status_code for answer in answers.values()} <= {200, 403}
        assert set(see(link, "data").json()["rights"]) == allowed


def test_a_moderated_session_shows_invitees_their_own_feedback_and_that_of_users(review):
    link = review.invite()
    second = create("ReviewSessionInvitee", review_session_id=review.session, name="Bo Example", email="bo@example.com")
    assert review.http_client.post(second).status_code == 200
    ids = SimpleNamespace(**{**vars(review.ids), "invitee": second["entity_data"]["id"]})
    first = attrs.evolve(review, ids=ids).invite()
    for address, text in ((link, "of Ada"), (first, "of Bo")):
        assert say(address, "notes", object=review.object, content=text).status_code == 200
        assert say(address, "status", object=review.object, status="approved").status_code == 200
    (other,) = (note["id"] for note in entry_of(link, review.object)["notes"] if note["content"] == "of Bo")
    assert review.http_client.post(create("Note", content="reply to Bo", in_reply_to_id=other)).status_code == 200
    review.set(is_moderated=True)

    def shown(address: str) -> tuple[set[str], set[str]]:
        entry = entry_of(address, review.object)
        return {note["content"] for note in entry["notes"]}, {status["name"] for status in entry["statuses"]}

    assert shown(link) == ({"shown in Dailies", "of Ada"}, {"Ada Example"})
    assert shown(first) == ({"shown in Dailies", "of Bo", "reply to Bo"}, {"Bo Example"})
    assert shown(review.link) == ({"shown in Dailies"}, set())


def test_only_users_and_invitees_with_the_right_order_the_versions(review, http):
    ids = [str(uuid4()) for _ in range(2)]
    place = {"review_session_id": review.session, "version_id": review.version}
    objects = [create("ReviewSessionObject", id=each, **place) for each in ids]
    assert review.http_client.post(*objects).status_code == 200
    wanted = {"objects": [ids[1], "unknown", review.object, ids[0]]}
    for link in (review.link, review.invite()):
        assert http.post(f"{link}/order", json=wanted).status_code == 403
        assert "edit" not in http.get(f"{link}/data").json()["rights"]
    headers = review.http_client.server.headers
    assert "edit" in http.get(f"{review.link}/data", headers=headers).json()["rights"]
    assert http.post(f"{review.link}/order", json=wanted, headers=headers).status_code == 200

    def order():
        return [entry["id"] for entry in http.get(f"{review.link}/data").json()["entries"]]

    assert order() == [ids[1], review.object, ids[0]]
    for invalid in ([], None, "x"):
        assert http.post(f"{review.link}/order", json={"objects": invalid}, headers=headers).status_code == 422
    assert review.change("ReviewSessionInvitee", review.invitee, rights="view edit").status_code == 200
    assert say(review.invite(), "order", objects=[ids[0], ids[1]]).status_code == 200
    assert order() == [*ids, review.object]
    review.set(end_date=PAST)
    assert http.post(f"{review.link}/order", json={"objects": ids}, headers=headers).status_code == 403


def test_an_invitee_with_the_right_edits_names_and_adds_newer_versions_of_the_assets_in_the_session(review, other):
    newer, older = str(uuid4()), review.invite()
    assert review.http_client.post(create("AssetVersion", id=newer, asset_id=review.asset)).status_code == 200
    for changes in ({"name": "x"}, {"versions": [newer]}):
        assert say(older, "edit", **changes).status_code == 403
    assert see(older, "newer").status_code == 403
    assert review.change("ReviewSessionInvitee", review.invitee, rights="view edit").status_code == 200
    link = review.invite()
    assert see(link, "newer").json() == [{"id": newer, "name": "playblast", "version": 2}]
    assert say(link, "edit", name="Dailies of Monday", description="Morning").status_code == 200
    assert say(link, "edit", object=review.object, name="sh010").status_code == 200
    for refused in (other.version, review.version):
        assert say(link, "edit", versions=[newer, refused]).status_code == 404
    assert say(link, "edit", object=other.object, name="x").status_code == 404
    assert say(link, "edit", name=" ").status_code == 422
    assert say(link, "edit", versions=[newer]).status_code == 200
    found = see(link, "data").json()
    assert (found["name"], found["description"]) == ("Dailies of Monday", "Morning")
    assert [(entry["name"], entry["version"]) for entry in found["entries"]] == [("sh010", 1), ("playblast", 2)]
    assert see(link, "newer").json() == []
    assert say(link, "notes", object=review.object, content="x").status_code == 403
    review.set(end_date=PAST)
    assert say(link, "edit", name="late").status_code == 403


def test_a_rendition_is_of_a_movie_of_the_session(with_media, other, http):
    review = with_media
    review.http_client.publish(review.movie)

    def status(object_id, lines):
        return http.post(f"{review.link}/renditions", json={"object": object_id, "lines": lines}).status_code

    assert status(other.object, 720) == 404
    assert status(review.object, 719) == 422
    assert status(review.object, "720") == 422
    # The movie of this session is damaged: the first request queues the encode, a later one gets its failure.
    assert status(review.object, 720) == 200
    wait_until(lambda: status(review.object, 720) >= 400, "a rendition that fails")
    for part in ("720", "waveform"):
        assert http.get(f"{review.link}/media/{review.movie}/{part}").status_code == 404
        assert http.get(f"{review.link}/media/{other.movie}/{part}").status_code == 404
        assert http.get(f"{review.link}/media/{review.scene}/{part}").status_code == 404


def test_the_page_plays_the_largest_movie_and_offers_the_others_with_the_same_frames(with_media):
    review = with_media

    def publish(component_id, **exact):
        values = {"parent_id": component_id, "parent_type": "FileComponent", "key": "ft_dcc"}
        assert review.http_client.post(keyed("Metadata", **values, value=json.dumps(exact))).status_code == 200
        review.http_client.publish(component_id)

    def add(name, **exact):
        component_id: str = review.http_client.upload(b"small")
        assert review.change("FileComponent", component_id, version_id=review.version, name=name).status_code == 200
        publish(component_id, **exact)
        return component_id

    publish(review.movie, fps="24", first_frame=1001, frame_count=48)
    small = add("ftrackreview-mp4-720", fps="24", first_frame=0, frame_count=48)
    add("ftrackreview-mp4-1080", fps="24", first_frame=1001, frame_count=47)

    def shown() -> tuple[str, list[tuple[int, str]]]:
        movie = entry_of(review.link, review.object)["film"]
        return movie["url"], [(each["lines"], each["url"]) for each in movie["renditions"]]

    # As in versions of earlier releases.
    assert shown() == (f"media/{review.movie}", [(720, f"media/{small}")])
    assert see(review.link, f"media/{small}").content == b"small"
    exact = {"fps": "24", "first_frame": 1001, "frame_count": 48}
    middle, large = (add(f"ftrackreview-mp4-{lines}", **exact) for lines in (1440, 2160))
    others = [(1440, f"media/{middle}"), (720, f"media/{review.movie}"), (720, f"media/{small}")]
    assert shown() == (f"media/{large}", others)
    assert see(review.link, f"media/{large}").content == b"small"
    # A movie that states its height is not judged by its name.
    key = {"parent_id": review.movie, "parent_type": "FileComponent", "key": "ftr_meta"}
    stated = {"action": "create", "entity_type": "Metadata", "entity_data": {**key, "value": '{"height": 2160.0}'}}
    assert review.http_client.post(stated).status_code == 200
    assert shown()[0] == f"media/{review.movie}"


def test_a_link_keeps_its_version_and_frame_at_the_sign_in(review, http):
    address = review.link.rsplit("/", 1)[0]
    answer = http.get(f"{address}/studio?version=x&frame=1010", allow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("studio%3Fversion%3Dx%26frame%3D1010")
