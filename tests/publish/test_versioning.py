"""Where a version goes, what it is called, what it was made from and who hears of it."""

from __future__ import annotations

import datetime
import uuid

import attrs
import pytest
from doubles.colour_bars import SCENE, ColourBars

from ft_dcc.errors import TaskNotFound, Unpublishable
from ft_dcc.publish.records import PublishRequest
from ft_dcc.publish.run import Publisher, publish


@pytest.fixture
def settings(monkeypatch):
    """Set variables: ``settings(ASSET_NAME="{shot}")``."""

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


def test_the_settings_say_how_an_asset_is_called_and_what_it_is(session, host, task, task_path, jobs, settings):
    settings(ASSET_NAME="{shot}_{task}", ASSET_TYPE="geo", STATUS="Pending Review", REVIEW="Dailies {date}")
    version = version_of(session, publish(PublishRequest(task_path), session, host, jobs=jobs))
    assert (version["asset"]["name"], version["asset"]["type"]["short"]) == ("SH010_Animation", "geo")
    assert version["status"]["name"] == "Pending Review"
    (entry,) = version["review_session_objects"]
    assert entry["review_session"]["name"] == f"Dailies {datetime.date.today()}"
    assert entry["version"] == "Version 1"


def test_what_was_asked_for_goes_before_the_settings(session, host, task, task_path, jobs, settings):
    settings(ASSET_NAME="{shot}", REVIEW="Dailies {date}")
    request = PublishRequest(task_path, asset="{source}", review="")
    version = version_of(session, publish(request, session, host, jobs=jobs))
    assert version["asset"]["name"] == "bars"
    assert list(version["review_session_objects"]) == []


def test_a_version_is_in_each_review_session_once_however_often_it_is_retried(session, host, task, task_path, jobs):
    first = publish(PublishRequest(task_path, review=["Dailies", "{shot} client"]), session, host, jobs=jobs)
    ids = [entry.review_session_id for entry in first.first.review_entries]
    again = publish(PublishRequest(task_path, review=["Dailies", *ids, "Dailies"]), session, host, jobs=jobs)
    Publisher(session, jobs=jobs).resume(again.job.name)
    names = [entry["review_session"]["name"] for entry in version_of(session, again)["review_session_objects"]]
    assert sorted(names) == ["Dailies", "SH010 client"]
    assert [entry.review_session_id for entry in again.first.review_entries] == ids


def test_a_review_session_whose_name_has_braces_keeps_it(session, host, task, task_path, jobs):
    published = publish(PublishRequest(task_path, review="Cut {A}"), session, host, jobs=jobs)
    (entry,) = version_of(session, published)["review_session_objects"]
    assert entry["review_session"]["name"] == "Cut {A}"


def test_a_version_says_what_it_was_made_from(session, host, task, task_path, jobs):
    used = [publish(PublishRequest(task_path), session, host, jobs=jobs).first.version_id for _ in range(2)]
    made = publish(PublishRequest(task_path, uses=used), session, host, jobs=jobs)
    assert sorted(link["from_id"] for link in version_of(session, made)["incoming_links"]) == sorted(used)


def test_a_version_can_be_one_of_an_asset_that_exists(session, host, task, task_path, jobs):
    asset_id = publish(PublishRequest(task_path, asset="cut"), session, host, jobs=jobs).first.asset_id
    published = publish(PublishRequest(task_path, asset=asset_id), session, host, jobs=jobs)
    assert (published.first.asset_id, published.first.version) == (asset_id, 2)


def test_a_note_and_a_label_are_there_for_the_reviewers(session, host, task, task_path, jobs):
    label = session.query("select name from NoteLabel order by name").first()["name"]
    request = PublishRequest(task_path, review=["Dailies", "Client"], note="Look at the hand.", label=label)
    published = publish(request, session, host, jobs=jobs)
    for entry in published.first.review_entries:
        (note,) = session.query(
            "select content, note_label_links.label.name from Note "
            f"where parent_id is '{entry.review_session_object_id}'"
        ).all()
        assert note["content"] == "Look at the hand."
        assert [link["label"]["name"] for link in note["note_label_links"]] == [label]


def test_without_a_review_session_the_note_is_at_the_version(session, host, task, task_path, jobs):
    published = publish(PublishRequest(task_path, note="As it is."), session, host, jobs=jobs)
    assert [note["content"] for note in version_of(session, published)["notes"]] == ["As it is."]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"status": "Nearly done"}, "no Status 'Nearly done'. It has .*Pending Review"),
        ({"asset_type": "sausage"}, "no AssetType 'sausage'. It has .*upload"),
        ({"label": "Loud", "note": "x"}, "no NoteLabel 'Loud'"),
        ({"uses": "00000000-0000-4000-8000-000000000000"}, "There is no version 00000000"),
        ({"asset": "00000000-0000-4000-8000-000000000000"}, "There is no asset 00000000"),
        ({"review": "00000000-0000-4000-8000-000000000000"}, "no review session 00000000"),
    ],
)
def test_what_is_not_on_the_server_is_said_before_any_work(session, host, task, task_path, jobs, wrong, reason):
    with pytest.raises(Unpublishable, match=reason):
        publish(PublishRequest(task_path, **wrong), session, host, jobs=jobs)
    assert host.captures == 0


def test_the_task_is_the_one_asked_for_or_the_scenes_or_the_environments(session, task, task_path, jobs, monkeypatch):
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
    with pytest.raises(TaskNotFound, match="Nobody says which task"):
        publish(PublishRequest(None), session, ColourBars(), jobs=jobs)


def test_all_that_is_not_on_the_server_is_told_at_once(session, host, task, task_path, jobs):
    unknown = "11111111-1111-1111-1111-111111111111"
    request = PublishRequest(task_path, status="Nope", asset_type="nope", uses=(unknown,))
    with pytest.raises(Unpublishable) as caught:
        publish(request, session, host, jobs=jobs)
    said = str(caught.value)
    assert "no Status 'Nope'" in said and "no AssetType 'nope'" in said and f"no version {unknown}" in said
