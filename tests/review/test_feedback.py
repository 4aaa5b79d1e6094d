"""Feedback of a review, read from and written to a running studio server."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import threading
from pathlib import Path

import pytest
import requests
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import EventHubConnectionError, NotFoundError, ServerUnreachable
from ft_dcc.review import feedback
from ft_dcc.review.notes import drawings_for_scene, publish_note_id
from ft_dcc.server.mail.mailer import queued_messages
from ft_dcc.session import Session, operations

PEN = {"kind": "pen", "colour": "#ff0000", "width": 0.01, "points": [[0.25, 0.25, 0.5], [0.75, 0.5, 0.5]]}


def read(reviewed):
    (version,) = feedback.of_versions(reviewed.session, [reviewed.version_id])
    return version


@pytest.fixture
def page(reviewed, server_process):
    """Return a function that posts to the review page as the invitee."""
    invitation = {"action": "send_review_session_invite", "review_session_invitee_id": reviewed.ids.invitee}
    before = {message.path for message in queued_messages(server_process.data / "outbox")}
    reviewed.session.call([invitation])
    (message,) = (each for each in queued_messages(server_process.data / "outbox") if each.path not in before)
    link = re.search(r"http://\S+", message.text)[0]

    def post(action, **values):
        answer = requests.post(
            f"{link}/{action}", json={"object": reviewed.object_id, **values}, timeout=TIMEOUT_SECONDS
        )
        assert answer.status_code == 200, answer.text

    return post


def test_a_note_of_an_invitee_has_author_frame_drawing_and_review_session(reviewed, page):
    page("notes", content="Arm too high", frame=1010, drawing=[PEN])
    version = read(reviewed)
    assert (version.name, version.asset, version.path.split("/")[1:]) == ("v001", "main", ["sq010", "sh010"])
    assert (version.clip.first_frame, version.clip.frame_count, version.aspect) == (993, 64, 1280 / 720)
    (note,) = version.notes
    assert (note.author, note.text, note.frame, note.review) == ("Ida Berg", "Arm too high", 1010, "Dailies")
    assert note.is_open
    (shape,) = note.drawing.shapes
    assert (note.drawing.frame, shape.kind, shape.colour, shape.points[1]) == (1010, "pen", "#ff0000", (0.75, 0.5, 0.5))


def test_notes_on_the_version_and_in_its_review_session_count_once_each(reviewed):
    reviewed.write("on the version", parent=("AssetVersion", reviewed.version_id))
    reviewed.write("in the review")
    found = sorted((note.text, note.review) for note in read(reviewed).notes)
    assert found == [("in the review", "Dailies"), ("on the version", "")]


def test_a_note_of_another_client_is_read_with_ftracks_own_frame_and_replies(reviewed, studio_server):
    with Session(studio_server.server_url, studio_server.api_key, studio_server.api_user) as other:
        user = other.query(f'User where username is "{other.api_user}"').one()
        note = other.get("ReviewSessionObject", reviewed.object_id).create_note("Too dark", user)
        note["metadata"]["reviewFrame"] = json.dumps({"number": 1003})
        other.commit()
        note.create_reply("Where?", user)
        other.commit()
    (found,) = read(reviewed).notes
    assert (found.text, found.frame, [reply.text for reply in found.replies]) == ("Too dark", 1003, ["Where?"])


def test_a_reply_is_shown_below_its_note(reviewed):
    note_id = reviewed.write("Arm too high", frame=1010)
    feedback.write_reply(reviewed.session, note_id, "Lowered")
    (note,) = read(reviewed).notes
    assert [(reply.text, reply.author) for reply in note.replies] == [("Lowered", reviewed.session.api_user)]


def test_a_note_is_done_and_opened_again(reviewed):
    note_id = reviewed.write("Arm too high")
    feedback.set_done(reviewed.session, [note_id])
    (note,) = read(reviewed).notes
    assert (note.is_done, note.is_open, note.done_by) == (True, False, reviewed.session.api_user)
    feedback.set_done(reviewed.session, [note_id], is_done=False)
    (note,) = read(reviewed).notes
    assert (note.is_done, note.is_open, note.done_by) == (False, True, "")


def test_a_deleted_note_cannot_be_answered_or_done(reviewed):
    with pytest.raises(NotFoundError, match="There is no note"):
        feedback.write_reply(reviewed.session, "0" * 8, "Lowered")
    with pytest.raises(NotFoundError, match="There is no note"):
        feedback.set_done(reviewed.session, ["0" * 8])
    with pytest.raises(NotFoundError, match="There is no version"):
        feedback.of_versions(reviewed.session, ["0" * 8])


def test_verdicts_of_invitees_are_read(reviewed, page):
    page("status", status="approved")
    found = [(verdict.author, verdict.status) for verdict in read(reviewed).verdicts if verdict.review == "Dailies"]
    assert found == [("Ida Berg", "approved")]


def test_a_verdict_has_its_history(reviewed, page):
    for status in ("approved", "require_changes", "approved"):
        page("status", status=status)
    (verdict,) = (each for each in read(reviewed).verdicts if each.review == "Dailies")
    assert [change.status for change in verdict.history] == ["approved", "require_changes", "approved"]
    assert (verdict.status, verdict.date) == ("approved", verdict.history[-1].date)
    assert all(change.date is not None and change.date.tzinfo is not None for change in verdict.history)


@pytest.mark.parametrize("value", ["no json", "[]", '{"history": 3}', '{"history": [3, {}, {"status": 1}]}'])
def test_a_history_in_an_unknown_form_is_left_out(reviewed, page, value):
    page("status", status="approved")
    key = "review_session_object_id"
    (status,) = reviewed.session.query(
        f'select id from ReviewSessionObjectStatus where {key} is "{reviewed.object_id}"'
    )
    reviewed.session.call([operations.update("Metadata", (status["id"], "ft_dcc"), {"value": value})])
    (verdict,) = (each for each in read(reviewed).verdicts if each.review == "Dailies")
    assert (verdict.status, verdict.history) == ("approved", ())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("no json", "not in the form of ft-dcc"),
        ('{"version": 9, "shapes": []}', "has the form 9"),
        ('{"version": 2, "shapes": [{"kind": "sticker"}]}', "unknown kind 'sticker'"),
    ],
)
def test_a_drawing_in_an_unknown_form_is_a_sentence_on_its_note(reviewed, data, sentence):
    reviewed.write("See the drawing", frame=1010, data=data)
    (note,) = read(reviewed).notes
    assert (note.text, note.frame, note.drawing) == ("See the drawing", 1010, None)
    assert sentence in note.problem and note.problem.count(". ") == 1


def test_the_feedback_of_a_task_takes_two_requests_for_each_page_of_versions(reviewed, monkeypatch):
    for number in range(2, 8):
        version_id, object_id = reviewed.add_version(number)
        for index in range(5):
            reviewed.write(f"note {number}.{index}", parent=("ReviewSessionObject", object_id))
            reviewed.write(f"note {number}.{index}", parent=("AssetVersion", version_id))
    requests = []
    post = reviewed.session.transport.post
    monkeypatch.setattr(reviewed.session.transport, "post", lambda *given: requests.append(given) or post(*given))
    versions = list(feedback.find_feedback(reviewed.session, f'task_id is "{reviewed.ids.task}"', page_size=4))
    assert sum(len(version.notes) for version in versions) == 60
    assert len(versions) == 7
    assert len(requests) == 4


def test_versions_are_found_by_task_asset_and_artist(reviewed):
    ids = {reviewed.version_id}
    assert {version.id for version in feedback.of_task(reviewed.session, reviewed.ids.task)} == ids
    assert {version.id for version in feedback.of_asset(reviewed.session, reviewed.ids.asset)} == ids
    assert ids <= {version.id for version in feedback.of_user(reviewed.session, reviewed.session.api_user)}


def test_drawings_of_earlier_versions_are_labelled_and_done_notes_left_out(reviewed):
    reviewed.write("old", frame=1001, shapes=[PEN])
    done = reviewed.write("done", frame=1002, shapes=[PEN])
    feedback.set_done(reviewed.session, [done])
    _, object_id = reviewed.add_version(2)
    reviewed.write("new", frame=1003, parent=("ReviewSessionObject", object_id))
    found = drawings_for_scene(feedback.of_task(reviewed.session, reviewed.ids.task))
    assert [(each.text, each.frame, each.label, len(each.shapes)) for each in found] == [
        ("new", 1003, "", 0),
        ("old", 1001, "v001", 1),
    ]


def test_a_note_of_another_client_arrives_by_the_event_hub(reviewed, studio_server):
    received = queue.Queue()
    with Session(studio_server.server_url, studio_server.api_key, studio_server.api_user) as listening:
        thread = feedback.watch(listening, lambda: received.put("feedback"))
        # The first call announces the subscription.
        assert received.get(timeout=TIMEOUT_SECONDS) == "feedback"
        reviewed.write("Arm too high", frame=1010)
        assert received.get(timeout=TIMEOUT_SECONDS) == "feedback"
        listening.event_hub.disconnect(unsubscribe=False, reconnect=True)
        with contextlib.suppress(queue.Empty):
            while received.get(timeout=1):
                pass
        reviewed.write("written during the interruption", frame=1011)
        listening.event_hub.connect_in_background()
        assert received.get(timeout=TIMEOUT_SECONDS) == "feedback"
    thread.join(TIMEOUT_SECONDS)
    assert not thread.is_alive()


def test_the_note_that_a_publish_writes_is_not_open(reviewed):
    note_id = publish_note_id(reviewed.version_id, reviewed.object_id)
    values = {"parent_id": reviewed.object_id, "parent_type": "ReviewSessionObject", "content": "Look at the hand"}
    reviewed.session.call([operations.create("Note", {"id": note_id, **values})])
    (note,) = read(reviewed).notes
    assert (note.is_from_publish, note.is_open, note.is_done) == (True, False, False)


def test_open_notes_of_all_versions_are_found_in_the_order_of_frames_without_those_that_are_answered(reviewed):
    reviewed.write("Of the first version", frame=1010)
    version_id, object_id = reviewed.add_version(2)
    parent = ("ReviewSessionObject", object_id)
    ids = [reviewed.write(text, parent=parent) for text in ("Open", "Done", "Addressed", "Chosen")]
    feedback.set_done(reviewed.session, [ids[1]])
    feedback.mark_addressed(reviewed.session, ids[2], version_id, "main v003")
    reviewed.add_version(3)
    found = feedback.unanswered_notes_of_task(reviewed.session, reviewed.ids.task, [ids[3]])
    assert [(each.number, note.text) for each, note in found] == [(2, "Open"), (1, "Of the first version")]
    assert feedback.unanswered_notes_of_task(reviewed.session, "0" * 8) == []


def test_the_page_links_a_note_with_the_version_that_addresses_it(reviewed, page, server_process):
    note_id = reviewed.write("Arm too high", frame=1010)
    reviewed.write("Not addressed")
    version_id, object_id = reviewed.add_version(2)
    feedback.mark_addressed(reviewed.session, note_id, version_id, "main v002")
    link = f"{server_process.url}/review/{reviewed.ids.session}/studio"
    first = requests.get(
        f"{link}/entries/{reviewed.object_id}", headers=server_process.headers, timeout=TIMEOUT_SECONDS
    ).json()
    addressed = {note["content"]: (note["addressed_in"], note["addressed_entry"]) for note in first["notes"]}
    assert addressed["Arm too high"] == ("main v002", object_id)
    assert addressed["Not addressed"] == (None, None)
    assert "addresses" not in first
    second = requests.get(f"{link}/entries/{object_id}", headers=server_process.headers, timeout=TIMEOUT_SECONDS).json()
    (answered,) = second["addresses"]
    assert (answered["id"], answered["entry"], answered["frame"]) == (note_id, reviewed.object_id, 1010)
    assert (answered["content"], answered["done"]) == ("Arm too high", None)


@pytest.mark.parametrize("value", ["no json", "[]", '{"version": 3}', '{"version_id": [], "version": 2}'])
def test_a_mark_in_an_unknown_form_is_left_out_on_the_page(reviewed, server_process, value):
    note_id = reviewed.write("Arm too high")
    entry = {"parent_id": note_id, "parent_type": "Note", "key": "ft_dcc_addressed", "value": value}
    reviewed.session.call([operations.create("Metadata", entry)])
    link = f"{server_process.url}/review/{reviewed.ids.session}/studio"
    answer = requests.get(
        f"{link}/entries/{reviewed.object_id}", headers=server_process.headers, timeout=TIMEOUT_SECONDS
    ).json()
    (note,) = answer["notes"]
    assert (note["addressed_in"], note["addressed_entry"]) == (None, None)


def test_the_documented_example_writes_a_note_with_a_drawing(reviewed):
    page = (Path(__file__).resolve().parents[2] / "docs" / "td" / "feedback.md").read_text("utf-8")
    example = page.partition("## Write a note with a drawing")[2].partition("```python\n")[2].partition("```")[0]
    names = {"session": reviewed.session, "entry_id": reviewed.object_id, "user_id": reviewed.user_id}
    exec(example, names)  # noqa: S102 - our own documentation
    (note,) = read(reviewed).notes
    assert (note.text, note.frame, note.drawing.frame) == ("Lower the arm.", 1010, 1010)
    assert note.drawing.aspect == pytest.approx(16 / 9)
    assert [point[:2] for point in next(iter(note.drawing.strokes(16 / 9))).points] == [(0.2, 0.3), (0.6, 0.3)]


def test_the_note_of_a_deleted_author_is_read(reviewed, page):
    page("notes", content="Arm too high")
    (note,) = read(reviewed).notes
    page("notes", content="Agreed", in_reply_to=note.id)
    reviewed.session.call([operations.delete("ReviewSessionInvitee", reviewed.ids.invitee)])
    (note,) = read(reviewed).notes
    assert (note.author, note.text, [reply.author for reply in note.replies]) == ("Guest", "Arm too high", ["Guest"])


def test_a_server_that_goes_away_between_two_pages_is_an_error_and_no_half_result(reviewed, monkeypatch):
    for number in (2, 3):
        reviewed.add_version(number)
    post, calls = reviewed.session.transport.post, []

    def answer(*given):
        calls.append(given)
        if len(calls) > 2:
            raise ServerUnreachable("The server does not answer.")
        return post(*given)

    monkeypatch.setattr(reviewed.session.transport, "post", answer)
    found = feedback.find_feedback(reviewed.session, f'task_id is "{reviewed.ids.task}"', page_size=2)
    with pytest.raises(ServerUnreachable):
        list(found)


def test_a_closed_session_is_not_watched(studio_server):
    own = Session(studio_server.server_url, studio_server.api_key, studio_server.api_user)
    own.close()
    before = set(threading.enumerate())
    with pytest.raises(EventHubConnectionError, match="is closed"):
        feedback.watch(own, lambda: None)
    assert set(threading.enumerate()) <= before
