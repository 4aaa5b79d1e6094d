"""Answers get lost; what was asked for happens once."""

import uuid

import pytest
from doubles.faulty_proxy import FaultyProxy

from ft_dcc.errors import ServerUnreachable
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
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
    actions = [[each["action"] for each in request] for request in sent[-2:]]
    assert actions == [["create", "create", "update"], ["query"]]
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
    answered = [(each["action"], each["data"]["id"]) for each in answers]
    assert answered == [("create", task_id), ("update", project_shot["id"])]
    assert answers[0]["data"]["name"] == "raw"


def test_query_is_retried_if_its_response_is_lost(lossy, project_task):
    lossy.lose_next()
    assert lossy.get("Task", project_task["id"])["name"] == "animation"


def test_creation_without_id_is_not_retried(lossy, open_session, project):
    lossy.lose_next()
    with pytest.raises(ServerUnreachable):
        lossy.call([operations.create("Shot", {"name": "nameless", "parent_id": project["id"]})])
    assert len(open_session().query(f"Shot where parent_id is {project['id']}").all()) <= 1


def test_no_change_is_lost_or_repeated_if_every_third_answer_is_lost(studio_server, open_session, project, movie):
    with FaultyProxy(studio_server.server_url).open() as line:
        line.set(every=3, loses_answer=True)
        with Session(line.url, studio_server.api_key, studio_server.api_user) as session:
            folder = session.create("Folder", {"name": "far away", "parent": session.get("Project", project["id"])})
            tasks = [session.create("Task", {"name": f"task {number}", "parent": folder}) for number in range(6)]
            session.commit()
            for task in tasks[:4]:
                task["metadata"]["note"] = f"of {task['name']}"
                session.commit()
            session.delete(tasks[5])
            session.commit()
            location = session.get("Location", SERVER_LOCATION_ID)
            component = session.create_component(str(movie), {"name": "main"}, location=location)
            assert line.count > 12
        found = open_session().query(f"select name, metadata from Task where parent_id is {folder['id']} order by name")
        notes = [(task["name"], dict(task["metadata"])) for task in found]
    assert notes == [*((f"task {number}", {"note": f"of task {number}"}) for number in range(4)), ("task 4", {})]
    server = open_session().get("Location", SERVER_LOCATION_ID)
    assert server.accessor.open(server.get_resource_identifier(component), "rb").read() == movie.read_bytes()
