"""One request, and all requests of one user, hold the changes of other users for a limited amount of work."""

import asyncio
import re
import threading
from uuid import uuid4

import attrs
import pytest
from doubles.event_loop import run_coroutine
from doubles.operations import create, delete, update

from ft_dcc.server.actions import dispatch
from ft_dcc.server.database import connections
from ft_dcc.server.entities import batch
from ft_dcc.server.errors import PayloadTooLarge, ValidationError
from ft_dcc.server.http.rate_limit import Slots
from ft_dcc.server.identity import Caller


def too_much(tree):
    members = [{"__entity_type__": "Task", "id": tree.animation}] * dispatch.MAX_UNITS
    locked = {"project_id": tree.project, "passphrase": "secret"}
    query = {"action": "query", "expression": "Task"}
    name = uuid4().hex
    return {
        "operations": [create("Type", name=f"{name}-{number}") for number in range(dispatch.MAX_UNITS + 1)],
        "members": [update("Shot", tree.shot, children=members)],
        "deletions": [delete("Task", "none")] * (dispatch.MAX_UNITS // 5 + 1),
        "passphrases": [create("ReviewSession", name="x", **locked) for _ in range(dispatch.MAX_UNITS // 250 + 1)],
        "queries": [*[query] * (dispatch.MAX_UNITS // 5), create("Type", name=name)],
    }


@pytest.mark.parametrize("name", ["operations", "members", "deletions", "passphrases", "queries"])
def test_a_transaction_with_too_much_work_is_refused(client, tree, name):
    before = len(client.query("select id from Type"))
    with pytest.raises(PayloadTooLarge, match="in several requests") as refused:
        client.call(*too_much(tree)[name])
    assert refused.value.status == 413
    assert len(client.query("select id from Type")) == before
    assert client.query(f"ReviewSession where project_id is {tree.project}") == []


def test_a_transaction_with_the_largest_number_of_operations_is_accepted(client):
    name = uuid4().hex
    client.call(*(create("Type", name=f"{name}-{number}") for number in range(dispatch.MAX_UNITS)))
    assert len(client.query(f'select id from Type where name like "{name}-%"')) == dispatch.MAX_UNITS


def test_large_requests_of_one_user_leave_room_for_another(client, monkeypatch):
    monkeypatch.setattr(client.dispatcher, "_writing", Slots("changes", 10))
    name, other = uuid4().hex, Caller(client.create("User", username=uuid4().hex), "other")
    users = {"first": client.caller, "second": client.caller, "third": client.caller, "other": other}
    is_free, order = threading.Event(), []

    async def send(request: str) -> None:
        operations = [create("NoteLabel", name=f"{name}-{request}-{number}") for number in range(6)]
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


def test_a_request_that_fails_gives_its_room_back(client, monkeypatch):
    monkeypatch.setattr(client.dispatcher, "_writing", Slots("changes", 10))
    unknown = [create("Task", name="x", parent_id="none")] * 6

    async def scenario() -> None:
        for _ in range(4):
            with pytest.raises(Exception, match="needs a parent"):
                await client.dispatcher.answer_async(client.caller, unknown, "")

    run_coroutine(asyncio.wait_for(scenario(), 60))


def notes_below(parent, parent_type, number):
    return [create("Note", content="x", parent_id=parent, parent_type=parent_type) for _ in range(number)]


@attrs.frozen
class Implied:
    """A change that implies others: what is created before, the change, and a query whose number it may not alter."""

    before: list
    change: dict
    kept: str
    refusal: str


def implied_changes(tree):
    """Return changes that imply at least ten others each."""
    other, user, kind, folder = (str(uuid4()) for _ in range(4))
    tasks = [create("Task", name=f"task {number}", parent_id=tree.shot) for number in range(10)]
    notes = notes_below(tree.shot, "Shot", 10)
    written = [{**note, "entity_data": {**note["entity_data"], "completed_by_id": user}} for note in notes]
    typed = [{**task, "entity_data": {**task["entity_data"], "priority_id": kind}} for task in tasks]
    of_project = f"select id from Context where project_id is {tree.project}"
    of_user = f"Note where completed_by_id is {user}"
    in_folder = [create("Folder", id=folder, name="folder", parent_id=tree.project)]
    in_folder += [create("Shot", name=f"shot {number}", parent_id=folder) for number in range(10)]
    return {
        "project": Implied(tasks, delete("Project", tree.project), of_project, f"Deleting the Project '{tree.name}'"),
        "sequence": Implied(tasks, delete("Sequence", tree.sequence), of_project, "Deleting the Sequence 'sq010'"),
        "user": Implied(
            [create("User", id=user, username=user), *written], delete("User", user), of_user, "Set is_active to false"
        ),
        "priority": Implied(
            [create("Priority", id=kind), *typed], delete("Priority", kind), f"Task where priority_id is {kind}", "Prio"
        ),
        "move": Implied(
            [create("Project", id=other, name=other), *in_folder],
            update("Folder", folder, parent_id=other),
            f"Shot where project_id is {tree.project}",
            "Moving 'folder' to another project",
        ),
        "list": Implied(notes, update("Shot", tree.shot, notes=[]), f"Note where parent_id is {tree.shot}", "'notes'"),
    }


@pytest.mark.parametrize("name", ["project", "sequence", "user", "priority", "move", "list"])
def test_changes_that_a_request_implies_are_counted(client, tree, monkeypatch, name):
    implied = implied_changes(tree)[name]
    client.call(*implied.before)
    kept = len(client.query(implied.kept))
    monkeypatch.setattr("ft_dcc.server.entities.delete.CLEARED_KEYS_PER_CHANGE", 1)
    monkeypatch.setattr(batch, "MAX_IMPLIED_CHANGES", 9)
    with pytest.raises(PayloadTooLarge, match=re.escape(implied.refusal)) as refused:
        client.call(implied.change)
    assert "at most 9 entities that it does not name" in str(refused.value)
    assert len(client.query(implied.kept)) == kept >= 10
    monkeypatch.setattr(batch, "MAX_IMPLIED_CHANGES", 60)
    client.call(implied.change)
    assert len(client.query(implied.kept)) < kept


def test_changes_that_several_operations_of_a_request_imply_are_added(client, tree, monkeypatch):
    for shot in (tree.shot, tree.other_shot):
        client.call(*notes_below(shot, "Shot", 3))
    monkeypatch.setattr(batch, "MAX_IMPLIED_CHANGES", 9)
    deletions = [delete("Shot", tree.shot), delete("Shot", tree.other_shot)]
    with pytest.raises(PayloadTooLarge):
        client.call(*deletions)
    for deletion in deletions:
        client.call(deletion)
    assert client.query(f"Shot where parent_id is {tree.sequence}") == []


def test_a_request_reads_few_of_the_rows_that_it_may_not_change(client, tree, monkeypatch):
    client.call(*notes_below(tree.shot, "Shot", 300))
    read = []
    rows = connections.run

    def counting(connection, statement, values=()):
        found = rows(connection, statement, values)
        read.append(len(found))
        return found

    monkeypatch.setattr(connections, "run", counting)
    monkeypatch.setattr(batch, "MAX_IMPLIED_CHANGES", 9)
    with pytest.raises(PayloadTooLarge):
        client.call(delete("Shot", tree.shot))
    assert max(read) == 10


def test_a_large_context_is_moved_inside_of_its_project(client, tree, monkeypatch):
    monkeypatch.setattr(batch, "MAX_IMPLIED_CHANGES", 0)
    folder = client.create("Folder", name="folder", parent_id=tree.project)
    client.update("Sequence", tree.sequence, parent_id=folder)
    with pytest.raises(ValidationError, match="below itself"):
        client.update("Folder", folder, parent_id=tree.shot)
