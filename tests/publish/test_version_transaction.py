"""Asset, review entries, links, notes and lists of a version, and entities that disappear before it is registered."""

import datetime
import uuid
from fractions import Fraction
from uuid import uuid4, uuid5

import attrs
import pytest
import requests
from doubles.colour_bars import SCENE, ColourBars
from run_options import TIMEOUT_SECONDS

from ft_dcc.errors import ReviewSessionClosed, StorageError, TaskNotFound, UserFixableError
from ft_dcc.production import review_sessions, version_lists
from ft_dcc.publish.jobs.queue import process_queue, queue_items
from ft_dcc.publish.models import PublishRequest
from ft_dcc.publish.publisher import Publisher, publish
from ft_dcc.publish.slots import COMPONENTS
from ft_dcc.review import feedback
from ft_dcc.session import operations


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


def lists_of(session, version_id):
    version = session.query(f"select lists.id, lists.name from AssetVersion where id is '{version_id}'").one()
    return {each["name"]: each["id"] for each in version["lists"]}


def test_a_version_is_added_to_lists_that_are_created_once(session, task, task_path, jobs, paint, monkeypatch):
    """Two publishes find no list, and both create it."""
    pattern, publisher = paint("1001-1002").pattern, Publisher(session, jobs=jobs)
    client = {"name": "Client", "project_id": task["project_id"]}
    session.create("AssetVersionList", {**client, "category": session.query("ListCategory").first()})
    session.commit()
    requests = [
        PublishRequest(task_path, pattern, fps=Fraction(24), lists=("{shot} selects", "Client"), asset=f"a{n}")
        for n in range(2)
    ]
    checks = [publisher.validate(request) for request in requests]
    first = lists_of(session, checks[0].publish().first.version_id)
    find_open, unseen = version_lists.find_open, [None]
    monkeypatch.setattr(version_lists, "find_open", lambda *args: unseen.pop() if unseen else find_open(*args))
    assert lists_of(session, checks[1].publish().first.version_id) == first
    assert (set(first), unseen) == ({"SH010 selects", "Client"}, [])
    again = publisher.publish(PublishRequest(task_path, pattern, fps=Fraction(24), lists=first["Client"]))
    assert lists_of(session, again.first.version_id) == {"Client": first["Client"]}


def test_a_closed_list_and_an_unknown_id_are_named_before_the_capture(session, host, task, task_path, jobs):
    category, list_id = session.query("select id from ListCategory").first()["id"], str(uuid4())
    session.create(
        "AssetVersionList", {"name": "Old", "project_id": task["project_id"], "category_id": category, "is_open": False}
    )
    session.commit()
    publisher = Publisher(session, host, jobs=jobs)
    for name, message in (("Old", "The list Old is closed. Open it"), (list_id, "no list of versions .*Give another")):
        with pytest.raises(UserFixableError, match=message):
            publisher.publish(PublishRequest(task_path, lists=name))
    assert host.captures == 0


def test_a_version_of_a_shot_or_an_asset_has_no_task(session, host, task, task_path, jobs):
    shot, publisher = task_path.rpartition("/")[0], Publisher(session, host, jobs=jobs)
    request = PublishRequest(shot, review="Dailies {shot}", task_status="Completed", notify=False)
    select = "select task_id, asset.name, asset.context_id from AssetVersion where id is"
    for wanted in (request, PublishRequest(task["parent_id"], asset="{shot} {source}")):
        version = session.query(f"{select} '{publisher.publish(wanted).first.version_id}'").one()
        assert (version["task_id"], version["asset"]["context_id"]) == (None, task["parent_id"])
    assert version["asset"]["name"] == "SH010 bars"
    parts = {"parent_id": task["project_id"], "project_id": task["project_id"], "type": session.query("Type").first()}
    robot = session.create("AssetBuild", {"name": "robot", **parts})
    session.commit()
    published = publisher.publish(PublishRequest(f"{task_path.partition('/')[0]}/robot", asset="model")).first
    version = session.query(f"{select} '{published.version_id}'").one()
    assert (version["task_id"], version["asset"]["context_id"]) == (None, robot["id"])
    assert (
        session.query(f"select status.name from Task where id is '{task['id']}'").one()["status"]["name"] != "Completed"
    )
    with pytest.raises(UserFixableError, match=r"'\{task\}' gives the asset no name, since .*/SH010 is no task"):
        publisher.publish(PublishRequest(shot, asset="{task}"))
    with pytest.raises(TaskNotFound, match="There is no task"):
        publisher.publish(PublishRequest(f"{shot}/Lighting"))


@pytest.fixture
def publish_while(session, task_path, paint, jobs):
    def publishing(happens):
        def on_progress(progress):
            if (progress.step, progress.done) == ("upload thumbnail", progress.total):
                happens()

        request = PublishRequest(task_path, paint("1-3").pattern, review="Dailies", fps=Fraction(24))
        return Publisher(session, None, on_progress, jobs).publish(request)

    return publishing


def test_deleted_task_is_reported_with_the_path_of_the_movie(session, task, publish_while, jobs):
    def delete():
        session.call([operations.delete("Task", task["id"])])

    with pytest.raises(TaskNotFound, match=r"does not exist on .* any more\. Publish .* to another task") as caught:
        publish_while(delete)
    (item,) = queue_items(jobs)
    assert str(caught.value).endswith(f"then remove this job: ft-dcc queue drop {item.job.id}.")
    assert str(item.job.folder / "1" / "ftrackreview-mp4.mp4") in str(caught.value)
    assert (item.state, list(process_queue(Publisher(session, None, None, jobs)))) == ("failed", [])
    (result,) = process_queue(Publisher(session, None, None, jobs), retry_failed=True)
    assert isinstance(result.error, TaskNotFound)


def test_files_lost_by_a_restored_server_are_uploaded_again(session, task, publish_while, jobs):
    """Close the review session before the transaction, then restore a backup without the movies."""
    review_id = str(uuid5(review_sessions.NAMESPACE, f"{task['project_id']}/Dailies"))
    session.call([review_sessions.create_session_op(review_id, task["project_id"], "Dailies")])
    dailies = review_sessions.get_review_session(session, review_id)
    with pytest.raises(ReviewSessionClosed, match=r"Dailies is closed.*queue resume"):
        publish_while(lambda: review_sessions.close(session, dailies))
    (item,) = queue_items(jobs)
    assert [problem.partition(".")[0] for problem in item.problems] == ["The review session Dailies is closed"]
    review_sessions.reopen(session, dailies)
    sets = [values for event in item.job.journal.events() for values in event.get("sets", {}).values()]
    (sent,) = [values[COMPONENTS.key] for values in sets if COMPONENTS.key in values]
    session.call([operations.delete("FileComponent", component.id) for component in sent])
    (result,) = process_queue(Publisher(session, None, None, jobs), retry_failed=True)
    assert (result.is_done, result.published.first.version) == (True, 1)
    assert requests.get(result.published.first.link.partition("#")[0], timeout=TIMEOUT_SECONDS).status_code == 200
    assert [(item.state, item.problems) for item in queue_items(jobs)] == [("done", ())]


def test_resume_is_not_suggested_for_a_deleted_job_folder(task, publish_while, jobs, tmp_path):
    with pytest.raises(StorageError) as caught:
        publish_while(lambda: jobs.rename(tmp_path / "elsewhere"))
    assert "Afterwards" not in str(caught.value)
