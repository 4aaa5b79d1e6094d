"""A studio without its web application, and helpers that send operations to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import attrs
import pytest
from doubles.operations import create, update

from ft_dcc.server.actions import dispatch
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.bootstrap import open_server_context
from ft_dcc.server.context import ServerContext
from ft_dcc.server.identity import Caller

BASE_URL = "http://studio.test"


@attrs.frozen
class StudioClient:
    """One user who sends operations to the studio."""

    dispatcher: Dispatcher
    caller: Caller

    @property
    def studio(self) -> ServerContext:
        return self.dispatcher.context

    def call(self, *operations: dict[str, Any]) -> list[Any]:
        return self.dispatcher.answer(self.caller, list(operations), BASE_URL)

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call({"action": "query", "expression": expression})[0]["data"]
        return found

    def names(self, expression: str) -> list[str]:
        return [entity["name"] for entity in self.query(expression)]

    def create(self, entity_type: str, **data: Any) -> str:
        operation = create(entity_type, **data)
        self.call(operation)
        return str(operation["entity_data"]["id"])

    def update(self, entity_type: str, key: str | list[str], **data: Any) -> dict[str, Any]:
        keys = [key] if isinstance(key, str) else key
        result: dict[str, Any] = self.call(update(entity_type, *keys, **data))[0]["data"]
        return result

    def delete(self, entity_type: str, key: str) -> None:
        self.call({"action": "delete", "entity_type": entity_type, "entity_key": [key]})


def reference(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


@pytest.fixture(autouse=True)
def patient_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give queries an hour: on a busy machine, a large one takes longer than the server allows."""
    for name in ("MAX_READ_SECONDS", "MAX_WRITE_QUERY_SECONDS"):
        monkeypatch.setattr(dispatch, name, 3600.0)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerContext]:
    with open_server_context(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture(scope="module")
def client(studio: ServerContext) -> StudioClient:
    with studio.store.reading() as connection:
        caller = first_user(connection)
    assert caller is not None
    return StudioClient(make_dispatcher(studio), caller)


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
def tree(client: StudioClient) -> Tree:
    name = f"p_{uuid4().hex[:8]}"
    tree = Tree(name, *(str(uuid4()) for _ in range(7)))
    client.call(
        create("Project", id=tree.project, name=name),
        create("Sequence", id=tree.sequence, name="sq010", parent_id=tree.project),
        create("Shot", id=tree.shot, name="sh010", parent_id=tree.sequence),
        create("Shot", id=tree.other_shot, name="sh020", parent_id=tree.sequence),
        create("Task", id=tree.animation, name="animation", parent_id=tree.shot),
        create("Task", id=tree.layout, name="layout", parent_id=tree.shot),
        create("Task", id=tree.other_animation, name="animation", parent_id=tree.other_shot),
    )
    return tree
