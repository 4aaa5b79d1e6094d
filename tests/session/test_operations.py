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
    assert payloads([created("1", name="a"), updated("1", "bid", 8), updated("1", "bid", 9)]) == [
        {
            "action": "create",
            "entity_type": "Task",
            "entity_key": ["1"],
            "entity_data": {"id": "1", "name": "a", "bid": 9, "__entity_type__": "Task"},
        }
    ]


def test_update_stays_behind_an_entity_that_it_may_refer_to():
    sent = payloads([created("1"), created("2"), updated("1", "parent_id", "2")])
    assert [(each["action"], each["entity_key"]) for each in sent] == [
        ("create", ["1"]),
        ("create", ["2"]),
        ("update", ["1"]),
    ]


def test_only_the_last_value_of_an_attribute_is_sent():
    sent = payloads([updated("1", "name", "a"), updated("2", "name", "b"), updated("1", "name", "c")])
    assert [each["entity_data"]["name"] for each in sent] == ["b", "c"]


def test_consecutive_updates_of_one_entity_are_merged():
    sent = payloads([updated("1", "name", "a"), updated("1", "bid", 3)])
    assert [each["entity_data"] for each in sent] == [{"name": "a", "bid": 3, "__entity_type__": "Task"}]


def test_created_and_deleted_entity_is_not_sent():
    assert payloads([created("1"), updated("1", "name", "x"), deleted("1")]) == []


def test_entities_of_different_types_may_share_an_id():
    sent = payloads([updated("1", "name", "a"), updated("1", "name", "b", entity_type="Shot")])
    assert [each["entity_type"] for each in sent] == ["Task", "Shot"]


def test_reverted_value_is_not_sent():
    assert payloads([updated("1", "name", "a"), updated("1", "name", NOT_SET)]) == []


def test_pop_returns_the_newest_operation():
    stack = Operations()
    stack.push(created("1"))
    stack.push(deleted("2"))
    assert stack.pop() == deleted("2")
    assert list(stack) == [created("1")]
    stack.clear()
    with pytest.raises(OperationError, match="no recorded operation"):
        stack.pop()


def test_recorded_operation_is_immutable():
    with pytest.raises(AttributeError):
        deleted("1").entity_type = "Shot"
