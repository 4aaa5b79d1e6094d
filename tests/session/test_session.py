from __future__ import annotations

import datetime
import logging
import subprocess
import sys
import uuid

import pytest

from ft_dcc.errors import (
    AuthenticationError,
    ConnectionClosedError,
    MultipleResultsFoundError,
    OperationError,
    ParseError,
    ServerCompatibilityError,
    ServerError,
    SettingInvalid,
    UnrecognisedEntityTypeError,
)
from ft_dcc.session import Session, operations
from ft_dcc.session.inspection import identity
from ft_dcc.session.symbol import CREATED, DELETED, MODIFIED, NOT_SET


def new_name():
    return f"name_{uuid.uuid4().hex}"


@pytest.fixture
def environment(studio_server, monkeypatch):
    for name, value in {
        "FTRACK_SERVER": studio_server.server_url,
        "FTRACK_API_KEY": studio_server.api_key,
        "FTRACK_API_USER": studio_server.api_user,
    }.items():
        monkeypatch.setenv(name, value)


def test_a_session_starts_with_what_the_environment_says(environment, studio_server):
    with Session() as session:
        assert session.server_url == studio_server.server_url
        assert session.api_user == studio_server.api_user
        assert session.query("Status").first() is not None


@pytest.mark.parametrize("variable", ["FTRACK_SERVER", "FTRACK_API_KEY", "FTRACK_API_USER"])
def test_what_is_missing_is_named(environment, monkeypatch, variable):
    monkeypatch.delenv(variable)
    with pytest.raises(SettingInvalid, match=variable):
        Session()


def test_arguments_that_cannot_be_used_are_named(environment):
    with pytest.raises(SettingInvalid, match="time-out of 0"):
        Session(timeout=0)
    with pytest.raises(TypeError, match="headers are names with their values, not a list"):
        Session(headers=["a"])
    with pytest.raises(SettingInvalid, match=r"'studio:8080' is no address of a server. Write it like https://"):
        Session("studio:8080")


def test_what_is_no_entity_and_no_key_is_refused_in_words(session):
    with pytest.raises(OperationError, match=r"None cannot be deleted: it is no entity. Give what get"):
        session.delete(None)
    with pytest.raises(OperationError, match="'x' cannot be populated: it is no entity"):
        session.populate(["x"], "name")
    with pytest.raises(ValueError, match=r"None is no key of a Task. Give its id"):
        session.get("Task", None)
    with pytest.raises(ParseError, match=r"The query is empty. Say what is wanted"):
        session.query(" ")


def test_a_wrong_key_is_noticed_at_the_start(studio_server):
    with pytest.raises(AuthenticationError) as caught:
        Session(studio_server.server_url, "no such key", studio_server.api_user)
    assert "no such key" not in str(caught.value)
    # Scripts catch it as what the official client raises.
    assert isinstance(caught.value, ServerError)
    assert caught.value.error_class == "InvalidCredentialsError"


def test_a_session_says_nothing_of_its_key(session, studio_server):
    assert studio_server.api_key not in repr(session)
    assert session.api_key == studio_server.api_key


def test_an_old_server_is_refused(session):
    session.server_information["version"] = "3.3.10"
    with pytest.raises(ServerCompatibilityError, match=r"3\.3\.10"):
        session.check_server_compatibility()
    session.server_information["version"] = "dev"
    session.check_server_compatibility()


def test_a_closed_session_cannot_be_used(open_session):
    session = open_session()
    assert not session.closed
    session.close()
    session.close()
    assert session.closed
    with pytest.raises(ConnectionClosedError):
        session.query("Task").all()


def test_what_was_not_committed_is_reported_when_the_session_closes(open_session, caplog):
    session = open_session()
    session.create("User", {"username": new_name()})
    with caplog.at_level(logging.WARNING):
        session.close()
    assert "1 changes were not committed" in caplog.text


def test_a_session_without_a_schema_cache_asks_and_keeps_nothing(open_session, tmp_path, monkeypatch, sent):
    monkeypatch.setenv("FTRACK_API_SCHEMA_CACHE_PATH", str(tmp_path))
    for _ in range(2):
        assert "Task" in open_session(schema_cache_path=False).types
    assert [request[0]["action"] for request in sent].count("query_schemas") == 2
    assert list(tmp_path.iterdir()) == []


def test_the_schemas_are_fetched_once(open_session, tmp_path, sent):
    first = open_session(schema_cache_path=tmp_path)
    assert "Task" in first.types
    second = open_session(schema_cache_path=tmp_path)
    assert second.types["Task"].attributes.keys() == first.types["Task"].attributes.keys()
    assert [[each["action"] for each in request] for request in sent] == [
        ["query_server_information"],
        ["query_schemas"],
        ["query_server_information"],
    ]


def test_a_damaged_schema_cache_is_replaced(open_session, tmp_path):
    open_session(schema_cache_path=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert len(open_session(schema_cache_path=tmp_path).types) == 118
    assert path.read_bytes() == whole


def test_the_environment_says_where_schemas_are_kept(open_session, tmp_path, monkeypatch):
    monkeypatch.setenv("FTRACK_API_SCHEMA_CACHE_PATH", str(tmp_path))
    open_session()
    assert len(list(tmp_path.iterdir())) == 1


def test_an_entity_is_one_object(session, project_task):
    assert session.get("Task", project_task["id"]) is project_task
    assert session.query(f"Task where id is {project_task['id']}").one() is project_task


def test_get_asks_the_server_when_it_has_to(open_session, project_task, sent):
    session = open_session()
    task = session.get("Task", project_task["id"])
    assert task["name"] == "animation"
    assert session.get("Task", [project_task["id"]]) is task
    assert session.get("Task", str(uuid.uuid4())) is None
    assert session.get("Metadata", [project_task["id"], "nothing"]) is None
    with pytest.raises(ValueError, match="identified by parent_id, key"):
        session.get("Metadata", "1")
    with pytest.raises(UnrecognisedEntityTypeError):
        session.get("Hologram", "1")


def test_a_created_entity_is_on_the_server_after_the_commit(session, open_session, project_shot, sent):
    start = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    task = session.create("Task", {"name": "lighting", "parent": project_shot, "start_date": start})
    assert task.state is CREATED
    assert task["description"] is NOT_SET
    assert session.created == [task]
    assert sent == []
    session.commit()
    assert len(sent) == 1
    assert task.state is NOT_SET
    assert session.created == []
    assert task["project_id"] == project_shot["project_id"]
    read = open_session().get("Task", task["id"])
    assert read["name"] == "lighting"
    assert read["parent"] == project_shot
    assert read["start_date"] == start


def test_a_value_that_the_type_does_not_have_is_reported(session, caplog):
    with caplog.at_level(logging.WARNING):
        session.create("User", {"username": new_name(), "usrname": "x"})
    assert "'usrname'" in caplog.text


def test_an_id_may_be_given_as_a_uuid(session, project_shot):
    task_id = uuid.uuid4()
    task = session.create("Task", {"id": task_id, "name": "x", "parent": project_shot})
    session.commit()
    assert task["id"] == str(task_id)
    assert session.get("Task", str(task_id)) is task


def test_an_entity_needs_its_whole_key(session):
    with pytest.raises(OperationError, match="without parent_id"):
        session.create("Metadata", {"key": "k"})


def test_a_reconstructed_entity_is_taken_for_the_servers(session, sent):
    status = session.create("Status", {"id": "1", "name": "Nice"}, reconstructing=True)
    assert status["name"] == "Nice"
    session.commit()
    assert sent == []


def test_a_commit_changes_only_what_was_changed(session, project_task, open_session, sent):
    project_task["name"] = "layout"
    assert project_task.state is MODIFIED
    assert session.modified == [project_task]
    session.commit()
    assert sent == [
        [
            {
                "action": "update",
                "entity_type": "Task",
                "entity_key": [project_task["id"]],
                "entity_data": {"name": "layout", "__entity_type__": "Task"},
            }
        ]
    ]
    assert project_task.state is NOT_SET
    assert open_session().get("Task", project_task["id"])["name"] == "layout"


def test_an_empty_commit_sends_nothing(session, sent):
    session.commit()
    assert sent == []


def test_a_reference_follows_its_id(session, project_task):
    done = session.query('Status where name is "Completed"').one()
    assert project_task["status"]["name"] == "In progress"
    project_task["status_id"] = done["id"]
    session.commit()
    assert project_task["status"] is done
    project_task["status"] = session.query('Status where name is "On Hold"').one()
    session.commit()
    assert project_task["status_id"] == project_task["status"]["id"] != done["id"]


def test_a_rollback_takes_everything_back(session, project_task, sent):
    project_task["name"] = "layout"
    project_task["metadata"]["k"] = "v"
    new = session.create("Task", {"name": "x", "parent": project_task["parent"]})
    session.delete(project_task)
    assert session.deleted == [project_task]
    session.rollback()
    assert project_task["name"] == "animation"
    assert dict(project_task["metadata"]) == {}
    assert project_task.state is NOT_SET
    assert len(session.recorded_operations) == 0
    sent.clear()
    session.commit()
    assert sent == []
    assert session.get("Task", new["id"]) is None


def test_a_commit_that_fails_changes_nothing_and_keeps_the_operations(session, open_session, project_task):
    project_task["name"] = "layout"
    session.create("Task", {"name": "homeless", "parent_id": str(uuid.uuid4())})
    with pytest.raises(ServerError):
        session.commit()
    assert len(session.recorded_operations) == 2
    assert open_session().get("Task", project_task["id"])["name"] == "animation"
    session.rollback()
    project_task["name"] = "blocking"
    session.commit()
    assert open_session().get("Task", project_task["id"])["name"] == "blocking"


def test_a_deleted_tree_is_gone(session, open_session, project, project_task):
    session.delete(project)
    assert project.state is DELETED
    session.commit()
    other = open_session()
    assert other.get("Project", project["id"]) is None
    assert other.get("Task", project_task["id"]) is None
    assert session.get("Project", project["id"]) is None


def test_what_is_created_and_deleted_is_never_sent(session, sent):
    user = session.create("User", {"username": new_name()})
    session.delete(user)
    session.commit()
    assert sent == []


def test_raw_operations_are_one_transaction(session, open_session, project_shot):
    task_id = str(uuid.uuid4())
    create = operations.create("Task", {"id": task_id, "name": "comp", "parent": project_shot})
    with pytest.raises(ServerError):
        session.call([create, operations.update("Task", "nobody", {"name": "x"})])
    assert open_session().get("Task", task_id) is None
    answers = session.call([create, operations.update("Task", task_id, {"bid": 8.0})])
    assert [each["action"] for each in answers] == ["create", "update"]
    assert answers[0]["data"] is answers[1]["data"] is session.get("Task", task_id)
    assert answers[0]["data"]["bid"] == 8.0
    assert session.call(operations.delete("Task", task_id))[0]["data"] is True


def test_ensure_makes_what_is_missing_once(session, open_session, sent):
    name = new_name() + ' "quoted" \\ 100%'
    user = session.ensure("User", {"username": name, "is_active": True})
    assert session.ensure("User", {"username": name, "is_active": True}) is user
    other = open_session().ensure("User", {"username": name, "email": "a@b.c"}, ["username"])
    assert other == user
    assert [[each["action"] for each in request] for request in sent if request[0]["action"] != "query"] == [
        ["create"],
        ["query_server_information"],
        ["update"],
    ]


def test_ensure_needs_something_that_identifies_one(session, project_shot):
    with pytest.raises(ValueError, match="Nothing identifies"):
        session.ensure("User", {})
    with pytest.raises(KeyError):
        session.ensure("User", {"username": "a"}, ["email"])
    for name in ("one", "two"):
        session.create("Task", {"name": name, "parent": project_shot, "description": "same"})
    session.commit()
    with pytest.raises(MultipleResultsFoundError):
        session.ensure("Task", {"description": "same", "parent": project_shot})


def test_ensure_compares_times_as_the_server_keeps_them(session, project_shot):
    start = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
    first = session.ensure(
        "Task", {"name": "timed", "parent": project_shot, "start_date": start}, ["name", "start_date"]
    )
    again = session.ensure(
        "Task", {"name": "timed", "start_date": start.replace(microsecond=0)}, ["name", "start_date"]
    )
    assert first is again


def test_the_switches_are_for_a_while(open_session, project_task, sent):
    session = open_session()
    task = session.query(f"select name from Task where id is {project_task['id']}").one()
    sent.clear()
    with session.operation_recording(False):
        task["name"] = "never sent"
    with session.auto_populating(False):
        assert task["description"] is NOT_SET
    session.commit()
    assert sent == []
    assert session.auto_populate
    assert session.record_operations
    assert task["description"] == project_task["description"]


def test_a_session_that_does_not_populate_asks_only_when_told(open_session, project_task, sent):
    session = open_session(auto_populate=False)
    task = session.query(f"Task where id is {project_task['id']}").one()
    sent.clear()
    assert task["description"] is NOT_SET
    assert list(task["notes"]) == []
    assert sent == []
    session.populate(task, "description, status.name")
    assert task["status"]["name"] == "In progress"
    assert len(sent) == 1


def test_reset_forgets_what_was_read(session, open_session, project_task):
    other = open_session()
    copy = other.get("Task", project_task["id"])
    copy["name"] = "renamed"
    other.commit()
    assert project_task["name"] == "animation"
    session.reset()
    assert session.get("Task", project_task["id"])["name"] == "renamed"


def test_entities_of_another_session_become_ones_own(session, open_session, project_task):
    other = open_session()
    foreign = other.query(f"select name, parent.name, status.name from Task where id is {project_task['id']}").one()
    session.reset()
    own = session.merge(foreign)
    assert own.session is session
    assert own is session.get("Task", foreign["id"])
    assert own["parent"].session is session
    assert own["parent"]["name"] == "sh010"
    assert session.merge([foreign]) == [own]


def test_an_entity_becomes_text_and_comes_back(session, open_session, project_task):
    session.populate(project_task, "created_at")
    text = session.encode(project_task, "persisted_only")
    other = open_session(auto_populate=False)
    task = other.decode(text)
    assert task["name"] == "animation"
    assert task["created_at"] == project_task["created_at"]
    project_task["name"] = "changed"
    assert "changed" in session.encode([project_task], "modified_only")
    assert "changed" not in session.encode(project_task, "persisted_only")
    assert "changed" in session.encode({"data": project_task})
    with pytest.raises(ValueError, match="none of the strategies"):
        session.encode(project_task, "some")


def test_a_reference_names_type_and_key(session, project_task):
    assert session.entity_reference(project_task) == {"__entity_type__": "Task", "id": project_task["id"]}


def test_a_session_that_nobody_closed_is_closed_when_the_process_ends(environment):
    script = (
        "import ft_dcc; session = ft_dcc.Session(); close = session.wire.close;"
        "session.wire.close = lambda: (close(), print('closed'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "closed\n"


def test_the_time_out_can_be_changed(session):
    before = session.request_timeout
    session.request_timeout = 5
    try:
        assert session.wire.timeout == (5, 5)
        session.request_timeout = 300
        assert session.wire.timeout == (10, 300)
        with pytest.raises(SettingInvalid, match="0 cannot be used"):
            session.request_timeout = 0
    finally:
        session.request_timeout = before


def test_a_script_finds_an_entity_in_the_cache_by_its_key(session, project):
    key = session.cache_key_maker.key(identity(project))
    assert session.cache.get(key) is project


def test_a_script_gives_an_entity_type_a_class_of_its_own(open_session):
    other = open_session()

    class Loud(other.types["User"]):
        def shout(self):
            return self["username"].upper()

    other.types["User"] = Loud
    assert other.query("User").first().shout().isupper()
