import logging
import threading

import pytest

from ft_dcc.errors import OperationError
from ft_dcc.session import operations
from ft_dcc.session.changes import ThreadRegistry, ThreadState
from ft_dcc.session.symbol import NOT_SET


def created(entity_id, **data):
    return operations.CreateEntityOperation("Task", {"id": entity_id}, {"id": entity_id, **data})


def updated(entity_id, name, value, entity_type="Task"):
    return operations.UpdateEntityOperation(entity_type, {"id": entity_id}, name, None, value)


def deleted(entity_id):
    return operations.DeleteEntityOperation("Task", {"id": entity_id})


def test_builder_returns_the_payload():
    assert operations.create("Task", {"id": "1", "name": "anim"}) == {
        "action": "create",
        "entity_type": "Task",
        "entity_data": {"id": "1", "name": "anim", "__entity_type__": "Task"},
    }
    assert operations.update("Metadata", ["p", "k"], {"value": "v"}) == {
        "action": "update",
        "entity_type": "Metadata",
        "entity_key": ["p", "k"],
        "entity_data": {"value": "v", "__entity_type__": "Metadata"},
    }
    assert operations.delete("Task", "1") == {"action": "delete", "entity_type": "Task", "entity_key": ["1"]}


def test_updates_after_creation_are_merged_with_it():
    assert operations.payloads([created("1", name="a"), updated("1", "bid", 8), updated("1", "bid", 9)]) == [
        {
            "action": "create",
            "entity_type": "Task",
            "entity_key": ["1"],
            "entity_data": {"id": "1", "name": "a", "bid": 9, "__entity_type__": "Task"},
        }
    ]


def test_update_stays_behind_an_entity_that_it_may_refer_to():
    sent = operations.payloads([created("1"), created("2"), updated("1", "parent_id", "2")])
    assert [(each["action"], each["entity_key"]) for each in sent] == [
        ("create", ["1"]),
        ("create", ["2"]),
        ("update", ["1"]),
    ]


def test_only_the_last_value_of_an_attribute_is_sent():
    sent = operations.payloads([updated("1", "name", "a"), updated("2", "name", "b"), updated("1", "name", "c")])
    assert [each["entity_data"]["name"] for each in sent] == ["b", "c"]


def test_consecutive_updates_of_one_entity_are_merged():
    sent = operations.payloads([updated("1", "name", "a"), updated("1", "bid", 3)])
    assert [each["entity_data"] for each in sent] == [{"name": "a", "bid": 3, "__entity_type__": "Task"}]


def test_created_and_deleted_entity_is_not_sent():
    assert operations.payloads([created("1"), updated("1", "name", "x"), deleted("1")]) == []


def test_entities_of_different_types_may_share_an_id():
    sent = operations.payloads([updated("1", "name", "a"), updated("1", "name", "b", entity_type="Shot")])
    assert [each["entity_type"] for each in sent] == ["Task", "Shot"]


def test_reverted_value_is_not_sent():
    assert operations.payloads([updated("1", "name", "a"), updated("1", "name", NOT_SET)]) == []


def test_pop_returns_the_newest_operation():
    stack = operations.Operations()
    stack.push(created("1"))
    stack.push(deleted("2"))
    assert stack.pop() == deleted("2")
    assert list(stack) == [created("1")]
    stack.clear()
    with pytest.raises(OperationError, match="no recorded operation"):
        stack.pop()


DELETE = operations.DeleteEntityOperation("Task", {"id": "1"})


def test_changes_that_were_never_committed_are_reported_when_the_session_goes(caplog):
    sessions = [ThreadState(True, ThreadRegistry())]
    thread = threading.Thread(target=lambda: sessions[0].operations.push(DELETE))
    with caplog.at_level(logging.WARNING):
        thread.start()
        thread.join()
        assert not caplog.text
        sessions.clear()
    assert "1 changes of threads that ended were never committed." in caplog.text


def test_merged_operations_keep_the_order_in_which_they_were_made():
    changes = [operations.UpdateEntityOperation("Task", {"id": "1"}, "name", None, str(number)) for number in range(4)]
    stacks = operations.Operations(), operations.Operations()
    for number, change in enumerate(changes):
        stacks[number % 2].push(change)
    stacks[1].merge(stacks[0])
    assert (list(stacks[0]), list(stacks[1])) == ([], changes)


def test_removed_operations_leave_those_that_were_added_later():
    stack = operations.Operations()
    stack.push(DELETE)
    sent = list(stack)
    later = operations.DeleteEntityOperation("Task", {"id": "1"})
    stack.push(later)
    stack.remove(sent)
    assert [each is later for each in stack] == [True]


def test_rollback_reverts_an_assignment_that_was_not_recorded(session, project):
    name = project["full_name"]
    with session.operation_recording(False):
        project["full_name"] = "changed"
    assert not session.recorded_operations
    session.rollback()
    assert project["full_name"] == name
