"""One request, and all requests of one user, hold the changes of other users for a limited amount of work."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import uuid4

import pytest
from doubles.event_loop import run_coroutine

from ft_dcc.errors import PayloadTooLarge
from ft_dcc.server.actions import work_limit
from ft_dcc.server.identity import Caller


def created(entity_type: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity_type, "entity_data": {"id": str(uuid4()), **data}}


def too_much(tree: Any) -> dict[str, list[dict[str, Any]]]:
    members = [{"__entity_type__": "Task", "id": tree.animation}] * work_limit.MAX_UNITS
    update = {
        "action": "update",
        "entity_type": "Shot",
        "entity_key": [tree.shot],
        "entity_data": {"children": members},
    }
    deletion = {"action": "delete", "entity_type": "Task", "entity_key": ["none"]}
    locked = {"project_id": tree.project, "passphrase": "secret"}
    query = {"action": "query", "expression": "Task"}
    name = uuid4().hex
    return {
        "operations": [created("Type", name=f"{name}-{number}") for number in range(work_limit.MAX_UNITS + 1)],
        "members": [update],
        "deletions": [deletion] * (work_limit.MAX_UNITS // 5 + 1),
        "passphrases": [created("ReviewSession", name="x", **locked) for _ in range(work_limit.MAX_UNITS // 250 + 1)],
        "queries": [*[query] * (work_limit.MAX_UNITS // 5), created("Type", name=name)],
    }


@pytest.mark.parametrize("name", ["operations", "members", "deletions", "passphrases", "queries"])
def test_a_transaction_with_too_much_work_is_refused(client: Any, tree: Any, name: str) -> None:
    before = len(client.query("select id from Type"))
    with pytest.raises(PayloadTooLarge, match="in several requests") as refused:
        client.call(*too_much(tree)[name])
    assert refused.value.status == 413
    assert len(client.query("select id from Type")) == before
    assert client.query(f"ReviewSession where project_id is {tree.project}") == []


def test_a_transaction_with_the_largest_number_of_operations_is_accepted(client: Any) -> None:
    name = uuid4().hex
    client.call(*(created("Type", name=f"{name}-{number}") for number in range(work_limit.MAX_UNITS)))
    assert len(client.query(f'select id from Type where name like "{name}-%"')) == work_limit.MAX_UNITS


def test_large_requests_of_one_user_leave_room_for_another(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_limit, "MAX_UNITS", 10)
    name, other = uuid4().hex, Caller(client.create("User", username=uuid4().hex), "other")
    users = {"first": client.caller, "second": client.caller, "third": client.caller, "other": other}
    is_free, order = threading.Event(), []

    async def send(request: str) -> None:
        operations = [created("NoteLabel", name=f"{name}-{request}-{number}") for number in range(6)]
        await client.dispatcher.answer_async(users[request], operations, "")
        order.append(request)

    async def scenario() -> None:
        # The writer is busy until all requests wait for it.
        client.studio.store.submit(lambda connection: is_free.wait())
        sent = [asyncio.create_task(send(request)) for request in users]
        for _ in range(5):
            await asyncio.sleep(0)
        is_free.set()
        await asyncio.gather(*sent)

    run_coroutine(scenario())
    assert order == ["first", "other", "second", "third"]
    assert len(client.query(f'NoteLabel where name like "{name}-%"')) == 24


def test_a_request_that_fails_gives_its_room_back(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_limit, "MAX_UNITS", 10)
    unknown = [created("Task", name="x", parent_id="none")] * 6

    async def scenario() -> None:
        for _ in range(4):
            with pytest.raises(Exception, match="needs a parent"):
                await client.dispatcher.answer_async(client.caller, unknown, "")

    run_coroutine(asyncio.wait_for(scenario(), 60))
