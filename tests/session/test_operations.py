from __future__ import annotations

import pytest

from ft_dcc.errors import OperationError
from ft_dcc.session import operations
from ft_dcc.session.operations import (
    CreateEntityOperation,
    DeleteEntityOperation,
    Operations,
    UpdateEntityOperation,
    payloads,
)
from ft_dcc.session.symbol import NOT_SET


def created(entity_id, **data):
    return CreateEntityOperation("Task", {"id": entity_id}, {"id": entity_id, **data})


def updated(entity_id, name, value, entity_type="Task"):
    return UpdateEntityOperation(entity_type, {"id": entity_id}, name, None, value)


def deleted(entity_id):
    return DeleteEntityOperation("Task", {"id": entity_id})


def test_a_builder_gives_what_is_sent():
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


def test_changes_that_follow_their_creation_are_sent_with_it():
    assert payloads([created("1", name="a"), updated("1", "bid", 8), updated("1", "bid", 9)]) == [
        {
            "action": "create",
            "entity_type": "Task",
            "entity_key": ["1"],
            "entity_data": {"id": "1", "name": "a", "bid": 9, "__entity_type__": "Task"},
        }
    ]


def test_a_change_that_may_refer_to_something_created_in_between_stays_behind_it():
    sent = payloads([created("1"), created("2"), updated("1", "parent_id", "2")])
    assert [(each["action"], each["entity_key"]) for each in sent] == [
        ("create", ["1"]),
        ("create", ["2"]),
        ("update", ["1"]),
    ]


def test_only_the_last_value_of_an_attribute_is_sent():
    sent = payloads([updated("1", "name", "a"), updated("2", "name", "b"), updated("1", "name", "c")])
    assert [each["entity_data"]["name"] for each in sent] == ["b", "c"]


def test_changes_of_one_entity_in_a_row_are_one_update():
    sent = payloads([updated("1", "name", "a"), updated("1", "bid", 3)])
    assert [each["entity_data"] for each in sent] == [{"name": "a", "bid": 3, "__entity_type__": "Task"}]


def test_nothing_is_sent_for_what_was_created_and_deleted():
    assert payloads([created("1"), updated("1", "name", "x"), deleted("1")]) == []


def test_entities_of_different_types_may_have_the_same_id():
    sent = payloads([updated("1", "name", "a"), updated("1", "name", "b", entity_type="Shot")])
    assert [each["entity_type"] for each in sent] == ["Task", "Shot"]


def test_nothing_is_sent_for_a_value_that_was_taken_back():
    assert payloads([updated("1", "name", "a"), updated("1", "name", NOT_SET)]) == []


def test_the_newest_operation_is_taken_back_first():
    stack = Operations()
    stack.push(created("1"))
    stack.push(deleted("2"))
    assert stack.pop() == deleted("2")
    assert list(stack) == [created("1")]
    stack.clear()
    with pytest.raises(OperationError, match="no recorded operation"):
        stack.pop()


def test_a_recorded_operation_cannot_be_changed():
    with pytest.raises(AttributeError):
        deleted("1").entity_type = "Shot"
