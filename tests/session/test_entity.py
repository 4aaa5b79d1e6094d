from __future__ import annotations

import pytest

from ft_dcc.errors import ImmutableAttributeError, UnrecognisedAttributeError
from ft_dcc.session import inspection
from ft_dcc.session.symbol import CREATED, MODIFIED, NOT_SET


@pytest.fixture
def tasks(session, project_shot):
    for number in range(200):
        session.create("Task", {"name": f"t{number:03d}", "parent": project_shot, "description": f"d{number}"})
    session.commit()
    return project_shot["id"]


def test_one_request_fetches_what_all_entities_of_a_result_lack(open_session, tasks, sent):
    found = open_session().query(f"select name from Task where parent_id is {tasks} order by name").all()
    sent.clear()
    assert [task["description"] for task in found] == [f"d{number}" for number in range(200)]
    assert len(sent) == 1


def test_one_request_fetches_the_references_of_all(open_session, tasks, sent):
    found = open_session().query(f"select name from Task where parent_id is {tasks}").all()
    sent.clear()
    assert {task["parent"]["name"] for task in found} == {"sh010"}
    assert {task["status"]["color"] is not None for task in found} == {True}
    assert len(sent) == 3


def test_a_reference_to_what_is_known_needs_no_request(open_session, project_task, sent):
    session = open_session()
    project = session.get("Project", project_task["project_id"])
    task = session.query(f"select project_id, thumbnail_id from Task where id is {project_task['id']}").one()
    sent.clear()
    assert task["project"] is project
    assert task["thumbnail"] is None
    assert sent == []


def test_results_of_many_pages_are_completed_together(open_session, tasks, sent):
    found = open_session().query(f"select name from Task where parent_id is {tasks}", page_size=30).all()
    sent.clear()
    assert len({task["description"] for task in found}) == 200
    assert len(sent) == 1


def test_what_a_query_says_does_not_hide_what_was_assigned(session, project_task):
    project_task["name"] = "mine"
    session.query(f"select name from Task where id is {project_task['id']}").one()
    assert project_task["name"] == "mine"
    session.rollback()
    assert project_task["name"] == "animation"


def test_an_unknown_attribute_is_named_with_the_one_that_was_meant(project_task):
    with pytest.raises(UnrecognisedAttributeError, match=r"Task has no attribute 'stauts'\. Did you mean 'status'\?"):
        project_task["stauts"]
    with pytest.raises(KeyError):
        project_task["stauts"] = 1
    assert project_task.get("stauts") is None
    assert "stauts" not in project_task


def test_what_the_schema_fixes_cannot_be_changed(project_task):
    with pytest.raises(ImmutableAttributeError, match="object_type_id"):
        project_task["object_type_id"] = "1"


def test_a_value_can_be_set_to_nothing_and_taken_back(session, project_task, open_session):
    project_task["description"] = "text"
    del project_task["description"]
    assert project_task["description"] in (None, "")
    assert inspection.state(project_task) is NOT_SET
    project_task["description"] = "text"
    session.commit()
    project_task["description"] = None
    session.commit()
    assert open_session().get("Task", project_task["id"])["description"] is None


def test_all_values_come_with_one_request(open_session, project_task, sent):
    task = open_session().get("Task", project_task["id"])
    sent.clear()
    values = dict(task.items())
    assert len(sent) == 1
    assert values["name"] == "animation"
    assert values["parent"]["name"] == "sh010"
    assert list(values) == list(task.keys())
    assert NOT_SET not in [value for value in values.values() if value is NOT_SET]


def test_entities_are_equal_when_type_and_key_are(open_session, project_task):
    other = open_session().get("Task", project_task["id"])
    assert other is not project_task
    assert other == project_task
    assert len({other, project_task}) == 1
    assert other != project_task["parent"]
    assert other != "text"


def test_an_entity_shows_its_type_key_and_name(project_task):
    assert repr(project_task) == f"<Task {project_task['id']} 'animation'>"


def test_an_entity_can_be_inspected(session, project_task):
    new = session.create("Metadata", {"parent_id": "1", "key": "k", "value": "v", "parent_type": "Task"})
    project_task["name"] = "x"
    assert inspection.identity(new) == ("Metadata", ["1", "k"])
    assert inspection.primary_key(new) == {"parent_id": "1", "key": "k"}
    assert inspection.states([new, project_task, project_task["parent"]]) == [CREATED, MODIFIED, NOT_SET]
    session.rollback()


def test_a_note_is_answered(session, open_session, project_task):
    author = session.query("User").first()
    note = session.create("Note", {"content": "Too dark.", "author": author})
    project_task["notes"].append(note)
    note.create_reply("Better?", author)
    session.commit()
    read = open_session().get("Note", note["id"])
    assert [reply["content"] for reply in read["replies"]] == ["Better?"]
    assert read["replies"][0]["in_reply_to_id"] == note["id"]


def test_only_the_server_makes_jobs_of_its_own_types(session):
    with pytest.raises(ValueError, match="Leave the type out"):
        session.create("Job", {"type": "encode_media"})


def test_what_the_server_leaves_out_is_asked_for_once(session, sent):
    gone = session.reconstruct("Task", {"id": "no such task"})
    assert [gone["name"], gone["name"], gone["status"], gone["status"]] == [NOT_SET] * 4
    assert len(sent) == 2
