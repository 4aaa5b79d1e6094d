"""Answers get lost; what was asked for happens once."""

from __future__ import annotations

import uuid

import pytest
from doubles.faulty_proxy import FaultyProxy

from ft_dcc.errors import ServerUnreachable
from ft_dcc.session import operations
from ft_dcc.session.transport import http


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    monkeypatch.setattr(http.time, "sleep", lambda _: None)


@pytest.fixture
def lossy(studio_server, open_session):
    """Open a session whose next response can be dropped."""
    with FaultyProxy(studio_server.server_url).open() as proxy:
        session = open_session(server_url=proxy.url)
        session.lose_next = lambda: proxy.set(1, loses_answer=True, heals=True)
        yield session


def test_creation_happens_once_if_its_response_is_lost(lossy, open_session, project_shot, sent):
    task = lossy.create("Task", {"name": "once", "parent_id": project_shot["id"], "metadata": {"k": "v"}})
    lossy.lose_next()
    lossy.commit()
    assert [[each["action"] for each in request] for request in sent[-2:]] == [
        ["create", "create", "update"],
        ["query"],
    ]
    assert task["name"] == "once"
    assert task["project_id"] == project_shot["project_id"]
    read = open_session().query(f"select name, metadata from Task where parent_id is {project_shot['id']}").all()
    assert [(each["name"], dict(each["metadata"])) for each in read] == [("once", {"k": "v"})]


def test_update_is_applied_if_its_response_is_lost(lossy, open_session, project_task):
    task = lossy.get("Task", project_task["id"])
    task["name"] = "renamed"
    lossy.lose_next()
    lossy.commit()
    assert open_session().get("Task", task["id"])["name"] == "renamed"


def test_deletion_succeeds_if_its_response_is_lost(lossy, open_session, project_task):
    lossy.delete(lossy.get("Task", project_task["id"]))
    lossy.lose_next()
    lossy.commit()
    assert open_session().get("Task", project_task["id"]) is None


def test_raw_operations_return_entities_if_their_response_is_lost(lossy, project_shot):
    task_id = str(uuid.uuid4())
    lossy.lose_next()
    answers = lossy.call(
        [
            operations.create("Task", {"id": task_id, "name": "raw", "parent_id": project_shot["id"]}),
            operations.update("Shot", project_shot["id"], {"description": "x"}),
        ]
    )
    assert [(each["action"], each["data"]["id"]) for each in answers] == [
        ("create", task_id),
        ("update", project_shot["id"]),
    ]
    assert answers[0]["data"]["name"] == "raw"


def test_query_is_retried_if_its_response_is_lost(lossy, project_task):
    lossy.lose_next()
    assert lossy.get("Task", project_task["id"])["name"] == "animation"


def test_creation_without_id_is_not_retried(lossy, open_session, project):
    lossy.lose_next()
    with pytest.raises(ServerUnreachable):
        lossy.call([operations.create("Shot", {"name": "nameless", "parent_id": project["id"]})])
    assert len(open_session().query(f"Shot where parent_id is {project['id']}").all()) <= 1
