import datetime
import logging
import re
import sys
import uuid

import pytest
from doubles.programs import run_process

from ft_dcc import errors
from ft_dcc.session import operations
from ft_dcc.session.identity_map import IdentityMap
from ft_dcc.session.query.expression import find
from ft_dcc.session.symbol import CREATED, DELETED, MODIFIED, NOT_SET


def new_name():
    return f"name_{uuid.uuid4().hex}"


def test_get_requests_only_unknown_entities(open_session, project_task, sent):
    session = open_session()
    task = session.get("Task", project_task["id"])
    assert task["name"] == "animation"
    assert session.get("Task", [project_task["id"]]) is task
    assert session.get("Task", str(uuid.uuid4())) is None
    assert session.get("Metadata", [project_task["id"], "nothing"]) is None
    with pytest.raises(ValueError, match="identified by parent_id, key"):
        session.get("Metadata", "1")
    with pytest.raises(errors.UnrecognisedEntityTypeError):
        session.get("Hologram", "1")


def test_created_entity_is_on_the_server_after_commit(session, open_session, project_shot, sent):
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


def test_unknown_attribute_at_creation_is_reported(session, caplog):
    with caplog.at_level(logging.WARNING):
        session.create("User", {"username": new_name(), "usrname": "x"})
    assert "'usrname'" in caplog.text


def test_uuid_is_accepted_as_id(session, project_shot):
    task_id = uuid.uuid4()
    task = session.create("Task", {"id": task_id, "name": "x", "parent": project_shot})
    session.commit()
    assert task["id"] == str(task_id)
    assert session.get("Task", str(task_id)) is task


def test_creation_needs_the_whole_key(session):
    with pytest.raises(errors.OperationError, match="without parent_id"):
        session.create("Metadata", {"key": "k"})


def test_reconstructed_entity_is_not_sent(session, sent):
    assert session.create("Status", {"id": "1", "name": "Nice"}, reconstructing=True)["name"] == "Nice"
    session.commit()
    assert sent == []


def test_commit_sends_only_changed_values(session, project_task, open_session, sent):
    project_task["name"] = "layout"
    assert project_task.state is MODIFIED
    assert session.modified == [project_task]
    session.commit()
    assert sent == [[operations.update("Task", project_task["id"], {"name": "layout"})]]
    assert project_task.state is NOT_SET
    assert open_session().get("Task", project_task["id"])["name"] == "layout"


def test_reference_follows_a_change_of_its_id(session, project_task):
    done = session.query('Status where name is "Completed"').one()
    assert project_task["status"]["name"] == "In progress"
    project_task["status_id"] = done["id"]
    session.commit()
    assert project_task["status"] is done
    project_task["status"] = session.query('Status where name is "On Hold"').one()
    session.commit()
    assert project_task["status_id"] == project_task["status"]["id"] != done["id"]


def test_rollback_reverts_all_changes(session, project_task, sent):
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


def test_failed_commit_changes_nothing_and_keeps_the_operations(session, open_session, project_task):
    project_task["name"] = "layout"
    session.create("Task", {"name": "homeless", "parent_id": str(uuid.uuid4())})
    with pytest.raises(errors.ServerError):
        session.commit()
    assert len(session.recorded_operations) == 2
    assert open_session().get("Task", project_task["id"])["name"] == "animation"
    session.rollback()
    project_task["name"] = "blocking"
    session.commit()
    assert open_session().get("Task", project_task["id"])["name"] == "blocking"


def test_deleting_an_entity_deletes_its_tree(session, open_session, project, project_task):
    session.delete(project)
    assert project.state is DELETED
    session.commit()
    other = open_session()
    assert other.get("Project", project["id"]) is None
    assert other.get("Task", project_task["id"]) is None
    assert session.get("Project", project["id"]) is None


def test_raw_operations_are_one_transaction(session, open_session, project_shot):
    task_id = str(uuid.uuid4())
    create = operations.create("Task", {"id": task_id, "name": "comp", "parent": project_shot})
    with pytest.raises(errors.ServerError):
        session.call([create, operations.update("Task", "nobody", {"name": "x"})])
    assert open_session().get("Task", task_id) is None
    answers = session.call([create, operations.update("Task", task_id, {"bid": 8.0})])
    assert [each["action"] for each in answers] == ["create", "update"]
    assert answers[0]["data"] is answers[1]["data"] is session.get("Task", task_id)
    assert answers[0]["data"]["bid"] == 8.0
    assert session.call(operations.delete("Task", task_id))[0]["data"] is True


def test_ensure_creates_a_missing_entity_once(session, open_session, sent):
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


def test_ensure_without_identifying_values_is_refused(session, project_shot):
    with pytest.raises(ValueError, match="Nothing identifies"):
        session.ensure("User", {})
    with pytest.raises(KeyError):
        session.ensure("User", {"username": "a"}, ["email"])
    for name in ("one", "two"):
        session.create("Task", {"name": name, "parent": project_shot, "description": "same"})
    session.commit()
    with pytest.raises(errors.MultipleResultsFoundError):
        session.ensure("Task", {"description": "same", "parent": project_shot})


def test_ensure_compares_times_in_whole_seconds(session, project_shot):
    start = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
    values, keys = {"name": "timed", "parent": project_shot, "start_date": start}, ["name", "start_date"]
    first = session.ensure("Task", values, keys)
    again = session.ensure("Task", {"name": "timed", "start_date": start.replace(microsecond=0)}, keys)
    assert first is again


def test_switches_apply_within_their_block(open_session, project_task, sent):
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


def test_session_without_auto_populate_fetches_only_on_populate(open_session, project_task, sent):
    session = open_session(auto_populate=False)
    task = session.query(f"Task where id is {project_task['id']}").one()
    sent.clear()
    assert task["description"] is NOT_SET
    assert list(task["notes"]) == []
    assert sent == []
    session.populate(task, "description, status.name")
    assert task["status"]["name"] == "In progress"
    assert len(sent) == 1


def test_reset_removes_loaded_entities(session, open_session, project_task):
    other = open_session()
    copy = other.get("Task", project_task["id"])
    copy["name"] = "renamed"
    other.commit()
    assert project_task["name"] == "animation"
    session.reset()
    assert session.get("Task", project_task["id"])["name"] == "renamed"


def test_merge_returns_own_entities(session, open_session, project_task):
    other = open_session()
    foreign = other.query(f"select name, parent.name, status.name from Task where id is {project_task['id']}").one()
    session.reset()
    own = session.merge(foreign)
    assert own.session is session
    assert own is session.get("Task", foreign["id"])
    assert own["parent"].session is session
    assert own["parent"]["name"] == "sh010"
    assert session.merge([foreign]) == [own]


def test_encode_and_decode_return_the_same_entity(session, open_session, project_task):
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
    with pytest.raises(ValueError, match="not one of the strategies"):
        session.encode(project_task, "some")


def test_entity_reference_has_type_and_key(session, project_task):
    assert session.entity_reference(project_task) == {"__entity_type__": "Task", "id": project_task["id"]}


def test_timeout_can_be_changed(session, monkeypatch):
    monkeypatch.setattr(session, "request_timeout", 5)
    assert session.transport.timeout == (5, 5)
    session.request_timeout = 300
    assert session.transport.timeout == (10, 300)
    with pytest.raises(errors.SettingInvalid, match="The time-out 0 is invalid"):
        session.request_timeout = 0


def test_script_replaces_an_entity_class(open_session):
    other = open_session()

    class Loud(other.types["User"]):
        def shout(self):
            return self["username"].upper()

    other.types["User"] = Loud
    assert other.query("User").first().shout().isupper()


# Modules of Python that the session is written with; they bring what they import themselves.
LIGHT_MODULES = (
    *("atexit", "collections", "contextlib", "copy", "datetime", "functools", "importlib", "itertools", "json"),
    *("logging", "math", "operator", "os", "pathlib", "re", "string", "threading", "types", "typing", "weakref"),
)
LIGHT_PACKAGES = ["ft_dcc", "ft_dcc.errors", "ft_dcc.files", "ft_dcc.files.roots", "ft_dcc.files.sequences"]
LIGHT_PACKAGES += ["ft_dcc.session"]
LATE_MODULES = ("transport.http", "events", "transfer.transfer", "locations.accessor", "locations.server_accessor")


def test_importing_the_session_loads_these_modules_only():
    """Programs of artists import it at their start, so that each module here needs a reason."""
    script = (
        f"import sys, {', '.join(LIGHT_MODULES)}\nbefore = set(sys.modules)\nimport ft_dcc\nft_dcc.Session\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = run_process(sys.executable, "-c", script, check=True)
    loaded = set(done.stdout.split()) - {"__future__"}
    own = {name for name in loaded if name.startswith("ft_dcc.session.")}
    assert sorted(loaded - own) == [*LIGHT_PACKAGES, "ft_dcc.settings", "ft_dcc.settings.server_url"]
    assert [name for name in own if name.removeprefix("ft_dcc.session.").startswith(LATE_MODULES)] == []


@pytest.mark.parametrize(
    ("misuse", "error", "sentence"),
    [
        (lambda s: s.query(" "), errors.ParseError, "The query is empty. Write it"),
        (lambda s: s.query("Task", page_size=0), ValueError, "A page cannot have 0 entities. Pass an int"),
        (lambda _: find("Task").where("name is a"), errors.OperationError, "'name is a' is not a condition. Write it"),
        (lambda s: s.get("Task", None), ValueError, "None is not a key of a Task. Pass its id"),
        (lambda s: s.delete(None), errors.OperationError, "None cannot be deleted: it is not an entity. Pass an"),
        (lambda s: s.create("Task", ["a"]), errors.OperationError, "A Task cannot be made of ['a']. Give a dict"),
        (lambda s: s.call("destroy"), errors.OperationError, "'destroy' is not a list of operations"),
        (lambda s: s.populate(["x"], "name"), errors.OperationError, "'x' cannot be populated: it is not an ent"),
        (lambda s: s.populate([], ["name"]), errors.OperationError, "['name'] names no attributes. Pass a text"),
        (lambda s: s.ensure("Task", {"name": 1}, "name"), ValueError, "a list of attributes, not 'name'"),
        (lambda s: s.create_component(None), errors.OperationError, "A component needs the path of a file"),
        (lambda s: s.create_component("a.mov", location="b"), errors.LocationError, "'b' is not a location. Pass"),
        (lambda s: IdentityMap(s, 5, None), errors.SettingInvalid, "5 is not a cache. Pass an instance"),
        (lambda s: IdentityMap(s, None, 5), errors.SettingInvalid, "5 is not a key maker. Pass an instance"),
        (lambda s: s.event_hub.publish("a"), errors.EventHubError, "'a' is not an event. Pass an event like"),
        (lambda s: s.post([{"bid": float("nan")}]), errors.OperationError, "The operations cannot be sent to the"),
        (lambda s: s.post([{"name": "\udcffm.mov"}]), errors.OperationError, "'\\udcffm.mov' contains characters"),
    ],
)
def test_misuse_is_reported_in_a_sentence(session, misuse, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        misuse(session)
    assert len(session.recorded_operations) == 0
