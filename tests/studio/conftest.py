"""A studio without its web application, and short words for its operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import attrs
import pytest

from ft_dcc.server.access import Caller, first_user
from ft_dcc.server.api import answer
from ft_dcc.server.opening import opened
from ft_dcc.server.studio import Studio

BASE_URL = "http://studio.test"


@attrs.frozen
class Asker:
    """One user who talks to the studio."""

    studio: Studio
    caller: Caller

    def call(self, *operations: dict[str, Any]) -> list[Any]:
        return answer(self.studio, self.caller, list(operations), BASE_URL)

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call({"action": "query", "expression": expression})[0]["data"]
        return found

    def names(self, expression: str) -> list[str]:
        return [entity["name"] for entity in self.query(expression)]

    def create(self, entity_type: str, **data: Any) -> str:
        operation = created(entity_type, **data)
        self.call(operation)
        return str(operation["entity_data"]["id"])

    def update(self, entity_type: str, key: str | list[str], **data: Any) -> dict[str, Any]:
        told: dict[str, Any] = self.call(updated(entity_type, key, **data))[0]["data"]
        return told

    def delete(self, entity_type: str, key: str) -> None:
        self.call({"action": "delete", "entity_type": entity_type, "entity_key": [key]})


def created(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def updated(entity_type: str, key: str | list[str], **data: Any) -> dict[str, Any]:
    keys = [key] if isinstance(key, str) else key
    return {"action": "update", "entity_type": entity_type, "entity_key": keys, "entity_data": data}


def reference(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with opened(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture(scope="module")
def ask(studio: Studio) -> Asker:
    with studio.store.reading() as connection:
        caller = first_user(connection)
    assert caller is not None
    return Asker(studio, caller)


@attrs.frozen
class Tree:
    """The ids of a small project: sq010 with sh010 (animation, layout) and sh020 (animation)."""

    name: str
    project: str
    sequence: str
    shot: str
    other_shot: str
    animation: str
    layout: str
    other_animation: str


@pytest.fixture
def tree(ask: Asker) -> Tree:
    name = f"p_{uuid4().hex[:8]}"
    tree = Tree(name, *(str(uuid4()) for _ in range(7)))
    ask.call(
        created("Project", id=tree.project, name=name),
        created("Sequence", id=tree.sequence, name="sq010", parent_id=tree.project),
        created("Shot", id=tree.shot, name="sh010", parent_id=tree.sequence),
        created("Shot", id=tree.other_shot, name="sh020", parent_id=tree.sequence),
        created("Task", id=tree.animation, name="animation", parent_id=tree.shot),
        created("Task", id=tree.layout, name="layout", parent_id=tree.shot),
        created("Task", id=tree.other_animation, name="animation", parent_id=tree.other_shot),
    )
    return tree
