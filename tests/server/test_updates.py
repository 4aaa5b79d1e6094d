import json
import threading

import pytest
from doubles.operations import create, delete, keyed, update

from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database.audit_log import entries
from ft_dcc.server.database.seed import fixed_id
from ft_dcc.server.errors import HttpError
from ft_dcc.server.identity import Caller


def updates(socket_client):
    """Return what the next ``ftrack.update`` says of entities."""
    return socket_client.event()["data"]["entities"]


def test_an_update_event_has_old_and_new_values_and_parents(
    session, project, project_shot, project_task, socket_client, studio_server
):
    sequence = project_shot["parent"]
    approved = session.query('Status where name is "Approved"').one()
    before = project_task["status_id"]
    socket_client.subscribe("topic=ftrack.update and source.user.username=admin")
    project_task["status"] = approved
    session.commit()
    event = socket_client.event()
    assert event["topic"] == "ftrack.update"
    assert event["source"]["user"]["username"] == studio_server.api_user
    assert event["data"] == {
        "entities": [
            {
                "entity_type": "Task",
                "entityType": "task",
                "entityId": project_task["id"],
                "action": "update",
                "keys": ["statusid"],
                "changes": {"statusid": {"old": before, "new": approved["id"]}},
                "objectTypeId": "11c137c0-ee7e-4f9c-91c5-8c77cec22b2c",
                "parentId": project_shot["id"],
                "parents": [
                    lies("Task", "task", project_task["id"], project_shot["id"]),
                    lies("Shot", "task", project_shot["id"], sequence["id"]),
                    lies("Sequence", "task", sequence["id"], project["id"]),
                    lies("Project", "show", project["id"], None),
                ],
            }
        ],
        "user": {"userid": event["source"]["user"]["id"], "name": "admin"},
        "parents": [project_task["id"], project_shot["id"], sequence["id"], project["id"]],
        "clientToken": None,
        "pushToken": None,
    }


def lies(entity_type, kind, entity_id, parent_id):
    return {"entityId": entity_id, "entityType": kind, "entity_type": entity_type, "parentId": parent_id}


def test_create_update_and_delete_publish_one_event_each(session, project, socket_client):
    socket_client.subscribe("topic=ftrack.update")
    shot = session.create("Shot", {"name": "sh010", "parent": project})
    shot["description"] = "made in the same batch"
    session.commit()
    (added,) = updates(socket_client)
    assert (added["action"], added["entity_type"], added["parentId"]) == ("add", "Shot", project["id"])
    assert added["changes"]["name"] == {"old": None, "new": "sh010"}
    assert added["changes"]["description"] == {"old": None, "new": "made in the same batch"}
    assert added["changes"]["showid"] == {"old": None, "new": project["id"]}
    shot["custom_attributes"]["fstart"] = 1001
    session.commit()
    (changed,) = updates(socket_client)
    assert (changed["action"], changed["entityType"], changed["entityId"]) == ("update", "task", shot["id"])
    assert changed["changes"] == {"fstart": {"old": None, "new": "1001"}}
    task = session.create("Task", {"name": "anim", "parent": shot})
    session.commit()
    assert [entity["entity_type"] for entity in updates(socket_client)] == ["Task"]
    session.delete(shot)
    session.commit()
    gone = {entity["entityId"]: entity for entity in updates(socket_client)}
    assert {entity["action"] for entity in gone.values()} == {"remove"}
    assert gone[task["id"]]["changes"]["parent_id"] == {"old": shot["id"], "new": None}
    assert [parent["entityId"] for parent in gone[task["id"]]["parents"]] == [task["id"], shot["id"], project["id"]]


def test_the_parent_of_a_version_is_its_asset(session, project_shot, socket_client):
    kind = session.query("AssetType").first()
    asset = session.create("Asset", {"name": "playblast", "type": kind, "parent": project_shot})
    session.commit()
    socket_client.subscribe("topic=ftrack.update")
    version = session.create("AssetVersion", {"asset": asset, "comment": "first"})
    component = session.create("FileComponent", {"name": "film", "version": version, "file_type": ".mp4"})
    session.commit()
    result = {entity["entityId"]: entity for entity in updates(socket_client)}
    assert result[version["id"]]["entityType"] == "assetversion"
    assert result[version["id"]]["changes"]["version"] == {"old": None, "new": 1}
    assert result[component["id"]]["entityType"] == "component"
    kinds = [parent["entityType"] for parent in result[component["id"]]["parents"]]
    assert kinds == ["component", "assetversion", "asset", "task", "task", "show"]


def test_list_assignments_are_published(session, project, project_shot, socket_client):
    category = session.query("ListCategory").first()
    session.create("TypedContextList", {"name": "today", "project": project, "category": category})
    session.commit()
    found = session.query(f'TypedContextList where project_id is "{project["id"]}"').one()
    socket_client.subscribe("topic=ftrack.update")
    found["items"].append(project_shot)
    session.commit()
    (added,) = updates(socket_client)
    assert (added["entityType"], added["action"]) == ("listobject", "add")
    assert added["changes"]["listid"] == {"old": None, "new": found["id"]}
    assert added["changes"]["entityid"] == {"old": None, "new": project_shot["id"]}
    found["items"].remove(project_shot)
    session.commit()
    (removed,) = updates(socket_client)
    assert (removed["entityType"], removed["action"]) == ("listobject", "remove")
    assert removed["changes"]["listid"] == {"old": found["id"], "new": None}


def test_refused_and_empty_changes_are_not_published(http_client, project, socket_client):
    socket_client.subscribe("topic=ftrack.update")

    def rename(name):
        return update("Project", project["id"], full_name=name)

    assert "exception" in http_client.post(rename("refused"), {"action": "fly"}).json()
    http_client.post(rename(project["full_name"]))
    http_client.post(rename("told"), headers={"ftrack-Clienttoken": "client-1", "ftrack-pushtoken": "push-1"})
    data = socket_client.event()["data"]
    assert data["entities"][0]["changes"] == {"fullname": {"old": project["full_name"], "new": "told"}}
    assert (data["clientToken"], data["pushToken"]) == ("client-1", "push-1")


def test_a_move_to_another_project_includes_descendants(session, project, project_shot, project_task, socket_client):
    other = session.create("Project", {"name": f"other_{project['name']}"})
    session.commit()
    socket_client.subscribe("topic=ftrack.update")
    project_shot["parent"] = other
    session.commit()
    result = {entity["entityId"]: entity for entity in updates(socket_client)}
    assert set(result) == {project_shot["id"], project_task["id"]}
    for entity in result.values():
        assert entity["changes"]["showid"] == {"old": project["id"], "new": other["id"]}


def test_many_changes_are_split_into_several_events(session, project, socket_client):
    socket_client.subscribe("topic=ftrack.update")
    for number in range(501):
        session.create("Shot", {"name": f"sh{number:04}", "parent": project})
    session.commit()
    assert [len(updates(socket_client)), len(updates(socket_client))] == [500, 1]


def test_a_passphrase_is_never_published(session, project, socket_client):
    socket_client.subscribe("topic=ftrack.update")
    session.create("ReviewSession", {"name": "dailies", "project": project, "passphrase": "open sesame"})
    session.commit()
    (added,) = updates(socket_client)
    assert added["entityType"] == "reviewsession"
    assert "passphrase" not in added["keys"]
    assert "open sesame" not in json.dumps(added)


def test_commits_are_published_in_order(http_client, project_shot, socket_client):
    socket_client.subscribe("topic=ftrack.update")

    def write(name: str) -> None:
        for number in range(20):
            change = update("Shot", project_shot["id"], description=f"{name}{number}")
            assert http_client.post(change).status_code == 200

    writers = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c", "d")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    result = [updates(socket_client)[0]["changes"]["description"] for _ in range(80)]
    assert [change["old"] for change in result[1:]] == [change["new"] for change in result[:-1]]


SOMEBODY = Caller(fixed_id("User", "admin"), "admin")


@pytest.fixture
def studio(tmp_path):
    with open_server_context(tmp_path) as studio:
        yield studio


def read(studio, **options):
    with studio.store.reading() as connection:
        return entries(connection, **options)


def write(studio, *operations):
    return make_dispatcher(studio).answer(SOMEBODY, list(operations))


def test_entry_has_user_action_and_attributes_without_values(studio):
    write(studio, create("Note", id="n1", content="a secret", category_id=None))
    write(studio, update("Note", "n1", content="hidden"))
    write(studio, delete("Note", "n1"))
    found = [(entry["username"], entry["action"], entry["entity_type"], entry["attributes"]) for entry in read(studio)]
    assert found == [
        ("admin", "delete", "Note", ()),
        ("admin", "update", "Note", ("content",)),
        ("admin", "create", "Note", ("category_id", "content", "id")),
    ]


def test_queries_and_rejected_operations_are_not_audited(studio):
    write(studio, {"action": "query", "expression": "select id from Note"})
    with pytest.raises(HttpError):
        write(studio, create("Note", id="n1"), delete("Nothing", "1"))
    assert read(studio) == []


def test_history_of_one_entity_is_listed_newest_first(studio):
    for entity_id in ("n1", "n2", "n3"):
        write(studio, create("Note", id=entity_id, content=""))
    assert [entry["entity_id"] for entry in read(studio)] == ["n3", "n2", "n1"]
    assert [entry["entity_id"] for entry in read(studio, limit=1)] == ["n3"]
    assert [entry["entity_id"] for entry in read(studio, entity_id="n2")] == ["n2"]


def test_entry_has_the_id_that_the_server_assigned(studio):
    answered = write(studio, keyed("Note"))
    assert [entry["entity_id"] for entry in read(studio)] == [answered[0]["data"]["id"]]


def test_audit_table_cannot_be_queried(studio):
    for name in ("ft_dcc_audit", "Audit"):
        with pytest.raises(HttpError):
            write(studio, {"action": "query", "expression": f"select id from {name}"})
