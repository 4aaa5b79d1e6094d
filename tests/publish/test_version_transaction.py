"""Asset, review entries, links and notes of a version."""

import datetime
import uuid

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars

from ft_dcc.errors import TaskNotFound, UserFixableError
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.review import feedback


@pytest.fixture
def settings(monkeypatch):
    """Set settings in the environment: ``settings(ASSET_NAME="{shot}")``."""

    def setter(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"FT_DCC_{name}", value)

    return setter


def version_of(session, published):
    return session.query(
        "select asset.name, asset.type.short, status.name, incoming_links.from_id, review_session_objects.id, "
        "review_session_objects.version, review_session_objects.review_session.name, notes.content "
        f"from AssetVersion where id is '{published.first.version_id}'"
    ).one()


def test_asset_name_and_type_are_read_from_the_settings(session, host, task, task_path, jobs, settings):
    settings(ASSET_NAME="{shot}_{task}", ASSET_TYPE="geo", STATUS="Pending Review", REVIEW="Dailies {date}")
    request, today = PublishRequest(task_path, task_status="Pending Review"), datetime.date.today()
    version = version_of(session, publish(request, session, host, jobs=jobs))
    assert (version["asset"]["name"], version["asset"]["type"]["short"]) == ("SH010_Animation", "geo")
    (found,) = session.query(f"select status.name from Task where id is {task['id']}").all()
    assert version["status"]["name"] == found["status"]["name"] == "Pending Review"
    (item,) = version["review_session_objects"]
    # The day may end in between.
    assert item["review_session"]["name"] in {f"Dailies {day}" for day in (today, datetime.date.today())}
    assert item["version"] == "Version 1"


def test_request_overrides_the_settings(session, host, task, task_path, jobs, settings):
    settings(ASSET_NAME="{shot}", REVIEW="Dailies {date}")
    request = PublishRequest(task_path, asset="{source}", review="", note="As it is.")
    published = publish(request, session, host, jobs=jobs)
    version = version_of(session, published)
    assert version["asset"]["name"] == "bars"
    assert (list(version["review_session_objects"]), published.first.link) == ([], None)
    # Without a review session, the note is on the version.
    assert [note["content"] for note in version["notes"]] == ["As it is."]


def test_version_of_an_existing_asset_is_linked_to_the_versions_it_uses(session, host, task, task_path, jobs):
    first = publish(PublishRequest(task_path, asset="cut"), session, host, jobs=jobs).first
    second = publish(PublishRequest(task_path, asset=first.asset_id), session, host, jobs=jobs).first
    assert (second.asset_id, second.version) == (first.asset_id, 2)
    used = [first.version_id, second.version_id]
    made = publish(PublishRequest(task_path, uses=used), session, host, jobs=jobs)
    assert sorted(link["from_id"] for link in version_of(session, made)["incoming_links"]) == sorted(used)


def test_retried_version_has_one_entry_in_each_review_session(session, host, task, task_path, jobs):
    first = publish(PublishRequest(task_path, review=["Dailies", "{shot} client"]), session, host, jobs=jobs)
    ids = [item.review_session_id for item in first.first.review_entries]
    again = publish(PublishRequest(task_path, review=["Dailies", *ids, "Dailies"]), session, host, jobs=jobs)
    Publisher(session, jobs=jobs).resume(again.job.name)
    names = [item["review_session"]["name"] for item in version_of(session, again)["review_session_objects"]]
    assert sorted(names) == ["Dailies", "SH010 client"]
    assert [item.review_session_id for item in again.first.review_entries] == ids


def test_addressed_notes_name_the_version_once(session, host, task, task_path, jobs):
    first = publish(PublishRequest(task_path, note="Look at the hand."), session, host, jobs=jobs).first
    (note,) = feedback.of_versions(session, [first.version_id])[0].notes
    made = publish(PublishRequest(task_path, addresses=note.id[:8]), session, host, jobs=jobs).first
    name = feedback.of_versions(session, [made.version_id])[0]
    feedback.mark_addressed(session, note.id, made.version_id, f"{name.asset} {name.name}")
    (note,) = feedback.of_versions(session, [first.version_id])[0].notes
    assert note.addressed_in == f"{name.asset} v002"
    assert [reply.text for reply in note.replies] == [f"Addressed in {name.asset} v002."]


def test_note_and_label_are_created_for_the_reviewers(session, host, task, task_path, jobs):
    label = session.query("select name from NoteLabel order by name").first()["name"]
    request = PublishRequest(task_path, review=["Dailies", "Cut {A}"], note="Look at the hand.", label=label)
    published = publish(request, session, host, jobs=jobs)
    placed = version_of(session, published)["review_session_objects"]
    assert sorted(item["review_session"]["name"] for item in placed) == ["Cut {A}", "Dailies"]
    for item in published.first.review_entries:
        (note,) = session.query(
            "select content, note_label_links.label.name from Note "
            f"where parent_id is '{item.review_session_object_id}'"
        ).all()
        assert note["content"] == "Look at the hand."
        assert [link["label"]["name"] for link in note["note_label_links"]] == [label]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"status": "Nearly done"}, "no Status 'Nearly done'. It has .*Pending Review"),
        ({"asset_type": "sausage"}, "no AssetType 'sausage'. It has .*upload"),
        ({"label": "Loud", "note": "x"}, "no NoteLabel 'Loud'"),
        ({"uses": "00000000-0000-4000-8000-000000000000"}, "The used version 00000000"),
        ({"addresses": "00000000-0000-4000-8000-000000000000"}, "There is no note 00000000"),
        ({"task_status": "Unheard of"}, "has no Status 'Unheard of'"),
        ({"asset": "00000000-0000-4000-8000-000000000000"}, "There is no asset 00000000"),
        ({"review": "00000000-0000-4000-8000-000000000000"}, "no review session 00000000"),
    ],
)
def test_unknown_names_are_reported_before_the_capture(session, host, task, task_path, jobs, wrong, reason):
    with pytest.raises(UserFixableError, match=reason):
        publish(PublishRequest(task_path, **wrong), session, host, jobs=jobs)
    assert host.captures == 0


def test_task_is_taken_from_request_then_scene_then_environment(session, task, task_path, jobs, monkeypatch):
    monkeypatch.setenv("FTRACK_TASKID", task["id"])
    from_environment = publish(PublishRequest(None), session, ColourBars(), jobs=jobs)
    monkeypatch.setenv("FT_DCC_TASK", f"{uuid.uuid4()}")
    scene = attrs.evolve(SCENE, task_id=task["id"])
    from_scene = publish(PublishRequest(None), session, ColourBars(scene), jobs=jobs)
    assert (from_environment.first.version, from_scene.first.version) == (1, 2)
    with pytest.raises(TaskNotFound):
        publish(PublishRequest(None), session, ColourBars(), jobs=jobs)
    monkeypatch.delenv("FT_DCC_TASK")
    monkeypatch.delenv("FTRACK_TASKID")
    with pytest.raises(TaskNotFound, match=r"No task\. Choose one"):
        publish(PublishRequest(None), session, ColourBars(), jobs=jobs)


def test_all_unknown_names_are_reported_at_once(session, host, task, task_path, jobs):
    unknown = "11111111-1111-1111-1111-111111111111"
    request = PublishRequest(task_path, status="Nope", asset_type="nope", uses=(unknown,))
    with pytest.raises(UserFixableError) as caught:
        publish(request, session, host, jobs=jobs)
    message = str(caught.value)
    assert (
        "no Status 'Nope'" in message and "no AssetType 'nope'" in message and f"The used version {unknown}" in message
    )
