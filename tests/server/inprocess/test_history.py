"""The history of changes: one event for what a commit changes of an entity."""

import json

import pytest
from doubles.operations import create, keyed
from doubles.reviews import review_operations

from ft_dcc.server.errors import ValidationError

from .conftest import as_user


def events_of(client, key):
    rows = client.query(f"select action, data, user_id, project_id, created_at from Event where parent_id is {key}")
    return [(row["action"], json.loads(row["data"]), row) for row in rows]


def test_a_commit_is_recorded_with_user_time_and_values(client, tree):
    reviewed, operations = review_operations(tree.project, tree.shot)
    client.call(*operations)
    (status,) = client.query('Status where name is "Approved"')
    (before,) = client.query(f"select status_id from AssetVersion where id is {reviewed.version}")
    client.update("AssetVersion", reviewed.version, comment="Held longer", status_id=status["id"])
    client.update("AssetVersion", reviewed.version, comment="Held longer")  # Nothing changes.
    client.create("FileComponent", name="main", version_id=reviewed.version)
    found = {each[0]: each for each in events_of(client, reviewed.version)}
    assert len(found) == len(events_of(client, reviewed.version)) == 4
    state, published = found["change.status.assetversion"], found["asset.published"]
    comment, part = found["db.update.assetversion"], found["db.append.filecomponent"]
    assert comment[1]["changes"] == {"comment": {"old": "", "new": "Held longer"}}
    assert state[1]["changes"] == {"status_id": {"old": before["status_id"], "new": status["id"]}}
    assert (part[1]["changes"]["name"]["new"], published[1]["changes"]["version"]["new"]) == ("main", 1)
    row = state[2]
    assert (row["user_id"], row["project_id"]) == (client.caller.id, tree.project)
    assert row["created_at"]["value"] >= "2020"
    with pytest.raises(ValidationError, match="written by the server alone"):
        client.call(keyed("Event", id=1, action="x", project_id=tree.project))
    # What fails is not recorded, and no secret.
    with pytest.raises(ValidationError):
        client.call(create("Task", name="lost", parent_id=tree.shot), create("Task", name="x", parent_id="nowhere"))
    client.update("ReviewSession", reviewed.session, passphrase="open sesame")
    with client.studio.store.reading() as connection:
        text = " ".join(row.data for row in connection.execute(client.studio.store.tables.by_family["Event"].select()))
    assert "lost" not in text and "sesame" not in text and "passphrase_enabled" in text


def test_events_do_not_leave_their_project(client, tree):
    hidden = client.create("Project", name=f"{tree.name}_hidden")
    task = client.create("Task", name="top secret", parent_id=hidden)
    own, other = (as_user(client, "User", project) for project in (tree.project, hidden))
    client.update("Task", task, parent_id=tree.shot)
    client.update("Task", task, description="moved")
    told = json.dumps([each[1] for each in events_of(own, task)])
    assert "moved" in told and "top secret" not in told and hidden not in told
    told = json.dumps([each[1] for each in events_of(other, task)])
    assert "top secret" in told and hidden in told and "moved" not in told and tree.shot not in told
    client.delete("Project", hidden)
    assert "top secret" not in json.dumps([each[1] for each in events_of(client, task)])
