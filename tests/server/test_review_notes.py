"""Files, mentions and earlier versions: what notes of the review page add to the entities that ftrack clients read."""

import re
from urllib.parse import unquote
from uuid import uuid4

import pytest
import requests
from doubles.reviews import PAST, create, make_review, say, see
from run_options import TIMEOUT_SECONDS


def test_the_frame_of_an_api_client_is_that_of_the_note_everywhere(review):
    place = {"parent_id": review.object, "parent_type": "ReviewSessionObject"}
    operation = create("Note", content="From a script", frame_number=1007, **place)
    assert review.http_client.post(operation).status_code == 200
    link = review.invite()
    notes = see(link, f"entries/{review.object}").json()["notes"]
    assert [note["frame"] for note in notes if note["content"] == "From a script"] == [1007]
    assert ",1007," in see(link, "export/csv").text
    sent = say(link, "notes", object=review.object, content="Mine", frame=3).json()["notes"][0]
    review.change("Note", sent["id"], frame_number=5)
    notes = see(link, f"entries/{review.object}").json()["notes"]
    assert [note["frame"] for note in notes if note["content"] == "Mine"] == [5]


def test_an_export_is_named_as_a_file_and_not_as_a_path(review):
    review.set(name='../../日..\\a:b\r\n"; x=1')
    header = see(review.invite(), "export/csv").headers["Content-Disposition"]
    (name,) = re.findall(r"filename\*=utf-8''(\S+)", header)
    assert unquote(name) == "_.._日.._a_b _; x=1.csv"


def attach(link: str, content: bytes = b"PNG", name: str = "chin.png") -> requests.Response:
    return requests.post(f"{link}/attachments", params={"name": name}, data=content, timeout=TIMEOUT_SECONDS)


def test_attached_file_is_a_component_of_the_note(review):
    link = review.invite()
    sent = attach(link).json()
    note = {"id": str(uuid4()), "object": review.object, "content": "", "files": [sent["token"]]}
    for _ in range(2):  # A note that is sent again has its file once.
        answer = say(link, "notes", **note)
        assert answer.status_code == 200, answer.text
        assert [(file["name"], file["size"]) for file in answer.json()["notes"][0]["files"]] == [("chin.png", 3)]
    names = "component.name, component.file_type, component.size, component.component_locations.location.name"
    (found,) = review.query(f'select {names}, url from NoteComponent where note_id is "{note["id"]}"')
    assert (found["component"]["name"], found["component"]["file_type"]) == ("chin", ".png")
    assert requests.get(found["url"]["url"], timeout=TIMEOUT_SECONDS).content == b"PNG"
    assert see(link, f"media/{sent['id']}").content == b"PNG"
    assert say(link, "notes/delete", note=note["id"]).status_code == 200
    assert review.query(f'select id from Component where id is "{sent["id"]}"') == []
    assert see(link, f"media/{sent['id']}").status_code == 404


def test_attached_page_is_sent_as_a_download(review):
    link = review.invite()
    sent = attach(link, b"<script>alert(1)</script>", "evil.html").json()
    assert say(link, "notes", object=review.object, content="See", files=[sent["token"]]).status_code == 200
    answer = see(link, f"media/{sent['id']}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"


def test_file_of_a_note_is_hidden_with_it_in_a_moderated_session(review):
    link = review.invite()
    sent = attach(link).json()
    say(link, "notes", object=review.object, content="See", files=[sent["token"]])
    assert see(review.link, f"media/{sent['id']}").status_code == 200
    review.set(is_moderated=True)
    assert see(review.link, f"media/{sent['id']}").status_code == 404
    assert see(link, f"media/{sent['id']}").status_code == 200


def test_file_stays_with_the_draft_when_its_note_is_refused(review):
    link = review.invite()
    token = attach(link).json()["token"]
    assert say(link, "notes", object="gone", content="See", files=[token]).status_code == 404
    assert say(link, "notes", object=review.object, content="See", files=[token]).status_code == 200


TOO_LARGE = bytes((64 << 20) + 1)


@pytest.mark.parametrize(("name", "content", "status"), [("empty.png", b"", 422), ("large.png", TOO_LARGE, 413)])
def test_file_that_is_empty_or_too_large_is_refused(review, name, content, status):
    answer = attach(review.invite(), content, name)
    assert answer.status_code == status
    assert answer.json()["content"].endswith(("Attach another one.", "Send less at once."))


def test_visitor_without_the_right_to_comment_attaches_nothing(review):
    assert attach(review.link).status_code == 403
    link = review.invite()
    token = attach(link).json()["token"]
    review.set(end_date=PAST)
    assert attach(link).status_code == 403
    assert say(link, "notes", object=review.object, content="See", files=[token]).status_code == 403


def test_token_of_another_visitor_is_refused(review, http_client):
    token = attach(make_review(http_client, "Other").invite()).json()["token"]
    link = review.invite()
    assert say(link, "notes", object=review.object, content="See", files=[token]).status_code == 422
    assert say(link, "notes", object=review.object, content="See", files=[token[:-3]]).status_code == 403


def add_user(review, **data):
    user_id = str(uuid4())
    answer = review.http_client.post(create("User", id=user_id, username=f"u{user_id[:8]}", **data))
    assert answer.status_code == 200, answer.text
    return user_id


def test_mentioned_user_is_a_recipient_of_the_note(review):
    link, user_id = review.invite(), add_user(review, first_name="Ida", last_name="Berg", is_active=True)
    add_user(review, first_name="Unrelated", is_active=True)
    review.change("AssetVersion", review.version, user_id=user_id)
    people = see(link, "people").json()
    assert {"id": user_id, "name": "Ida Berg"} in people
    assert "Unrelated" not in {person["name"] for person in people}
    assert see(review.link, "people").status_code == 403
    text = "@Ida Berg, please lift the chin."
    note = say(link, "notes", object=review.object, content=text, mentions=[user_id]).json()["notes"][0]
    assert note["mentions"] == ["@Ida Berg"]
    (found,) = review.query(f'select resource_id, text_mentioned from Recipient where note_id is "{note["id"]}"')
    assert (found["resource_id"], found["text_mentioned"]) == (user_id, "@Ida Berg")
    assert say(link, "notes", object=review.object, content="x", mentions=[str(uuid4())]).status_code == 422


def add_version(review):
    """Return the object of a second version of the asset in the session."""
    ids = str(uuid4()), str(uuid4())
    answer = review.http_client.post(
        create("AssetVersion", id=ids[0], asset_id=review.asset),
        create("ReviewSessionObject", id=ids[1], review_session_id=review.session, version_id=ids[0]),
    )
    assert answer.status_code == 200, answer.text
    return ids[1]


def test_notes_of_earlier_versions_are_read_and_marked_as_addressed(review):
    link, newer = review.invite(), add_version(review)
    note = say(link, "notes", object=review.object, content="Lift the chin.", frame=1010).json()["notes"][0]
    (earlier,) = see(link, f"entries/{newer}/earlier").json()["versions"]
    assert (earlier["version"], earlier["session"]) == (1, "Dailies")
    assert "Lift the chin." in {each["content"] for each in earlier["notes"]}
    assert see(link, f"entries/{review.object}/earlier").json()["versions"] == []
    for _ in range(2):
        change = say(link, "notes/addressed", note=note["id"], object=newer).json()
        assert change["notes"][0]["addressed_in"] == "playblast v002"
    replies = review.query(f'select content from Note where in_reply_to_id is "{note["id"]}"')
    assert [reply["content"] for reply in replies] == ["Addressed in playblast v002."]
    assert say(link, "notes/addressed", note=note["id"], object=review.object).status_code == 404
    assert say(review.link, "notes/addressed", note=note["id"], object=newer).status_code == 403


def test_notes_of_another_session_are_not_shown_to_invitees(review):
    newer = add_version(review)
    other, item = str(uuid4()), str(uuid4())
    review.http_client.post(
        create("ReviewSession", id=other, name="Internal", project_id=review.project),
        create("ReviewSessionObject", id=item, review_session_id=other, version_id=review.version),
        create("Note", content="internal", parent_id=item, parent_type="ReviewSessionObject"),
    )
    path = f"entries/{newer}/earlier"
    assert {version["session"] for version in see(review.invite(), path).json()["versions"]} == {"Dailies"}
    seen = see(review.link, path, headers=review.http_client.server.headers).json()
    assert {version["session"] for version in seen["versions"]} == {"Dailies", "Internal"}
