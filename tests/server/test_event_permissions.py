"""Who hears of what on the event hub: keys that are revoked, projects that are not one's own, and what is loaded."""

import json
import os

import pytest
import requests
from doubles.http_session import HttpSession
from doubles.operations import lines
from doubles.two_projects import OPEN, PRIVATE, Operations, fill, open_database
from run_options import TIMEOUT_SECONDS, seeded

from ft_dcc.server.admin.service import open_admin
from ft_dcc.server.auth.permissions import access_rule
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database.data_folder import Credentials
from ft_dcc.server.entities.batch import create_operation, update_operation

# The number of generated operations, or "all" of them; the seed chooses which.
_OPERATIONS = os.environ.get("FT_DCC_EVENT_OPERATIONS", "100")
FIRST_PROJECT, OTHER = ({"__entity_type__": "Project", "id": name, "name": name} for name in ("film", "other"))


@pytest.fixture
def listen(open_socket_client):
    """Return a client of the event hub with all updates: of a user with a key, or of the administrator."""

    def connect(server, user="", key=""):
        known = Credentials(server.url, user, key) if user else server.credentials
        client = open_socket_client(known)
        assert client.subscribe("topic=ftrack.update")["success"]
        return client

    return connect


def received(client, *kinds):
    """Return what the next update is about that has entities of these kinds."""
    while True:
        data = client.event()["data"]
        assert set(data["parents"]) == {found["entityId"] for entity in data["entities"] for found in entity["parents"]}
        if found := [each for each in data["entities"] if each["entity_type"] in (kinds or ("Project", "Folder"))]:
            return [(each["action"], each["entityId"]) for each in found]


def received_until(client, entity_id):
    """Return the data of all events up to the one about this entity, without that one."""
    found = []
    while f'"{entity_id}"' not in json.dumps(data := client.event()["data"]):
        found.append(data)
    return found


@pytest.fixture(scope="module")
def server(start_module_server, tmp_path_factory):
    server = start_module_server(tmp_path_factory.mktemp("rights") / "data")
    with open_admin(server.data) as owner:
        owner.load(lines(FIRST_PROJECT, OTHER))
    return server


def join(listen, server, name, *projects, role="User"):
    """Give a user this role in these projects alone, and subscribe to all updates."""
    with open_admin(server.data) as owner:
        owner.run("user", name=name, role=role, projects=list(projects))
        return listen(server, name, owner.run("key", user=name)["FTRACK_API_KEY"])


def post(server, *operations, headers=None):
    sent = server.headers if headers is None else headers
    answer = requests.post(f"{server.url}/api", json=operations, headers=sent, timeout=TIMEOUT_SECONDS).json()
    assert isinstance(answer, list), answer
    return answer


def create(server, *entities):
    post(server, *(create_operation(entity["__entity_type__"], entity) for entity in entities))


def folder(name: str, parent: str) -> dict[str, str]:
    return {"__entity_type__": "Folder", "id": name, "name": name, "parent_id": parent}


def test_updates_reach_users_with_access_to_the_project(server, listen):
    anna, bo = join(listen, server, "anna", "film"), join(listen, server, "bo", "film", "other")
    everybody = listen(server)
    create(server, folder("secret", "other"), folder("public", "film"))
    assert received(anna) == [("add", "public")]
    assert received(bo) == received(everybody) == [("add", "secret"), ("add", "public")]
    # A role that is widened counts at once.
    with open_admin(server.data) as owner:
        owner.run("user", name="anna", role="User", projects=["other"])
    create(server, folder("more", "other"))
    assert received(anna) == [("add", "more")]


def test_old_values_of_a_moved_entity_reach_users_of_its_former_project_only(server, listen):
    new, both = join(listen, server, "new", "film"), join(listen, server, "both", "film", "other")
    create(server, folder("before the move", "other"))
    post(server, update_operation("Folder", "before the move", {"name": "after the move", "parent_id": "film"}))
    create(server, folder("end of the move", "film"))
    told = {client: received_until(client, "end of the move")[-1]["entities"][0]["changes"] for client in (new, both)}
    assert told[both]["name"] == {"old": "before the move", "new": "after the move"}
    assert told[new]["name"] == {"old": None, "new": "after the move"}
    assert {change["old"] for change in told[new].values()} == {None}


def test_updates_of_a_project_that_became_private_are_hidden(server, listen):
    create(server, {"__entity_type__": "Project", "id": "open", "name": "open"})
    carl = join(listen, server, "carl")
    create(server, folder("o1", "open"))
    assert received(carl) == [("add", "o1")]
    post(server, update_operation("Project", "open", {"is_private": True}))
    create(server, folder("o2", "open"))
    create(server, folder("f1", "film"))
    assert received(carl) == [("add", "f1")]


@pytest.mark.parametrize("way", ["revoked", "reset", "switched off"])
def test_clients_with_an_invalid_key_are_disconnected(server, listen, way):
    name = f"user {way}"
    with open_admin(server.data) as owner:
        user_id = owner.run("user", name=name, role="User", projects=[])["user_id"]
        key = owner.run("key", user=name)["FTRACK_API_KEY"]
        listener = listen(server, name, key)
        if way == "revoked":
            owner.run("revoke", user=name, key="all")
    if way == "reset":
        headers = {"ftrack-user": name, "ftrack-api-key": key}
        post(server, {"action": "reset_remote", "reset_type": "api_key"}, headers=headers)
    elif way == "switched off":
        post(server, update_operation("User", user_id, {"is_active": False}))
    assert listener.is_closed()


def test_a_user_created_on_the_command_line_is_published(server, listen):
    listener = listen(server)
    with open_admin(server.data) as owner:
        user_id = owner.run("user", name="told", role=None, projects=[])["user_id"]
    assert received(listener, "User") == [("add", user_id)]


def test_loaded_entities_are_published_and_audited(server, listen):
    listener = listen(server)
    with open_admin(server.data) as owner:
        owner.load(lines(folder("loaded", "film"), {"__entity_type__": "Project", "id": "film", "color": "#fff"}))
        (change,) = owner.run("audit", entity="loaded")["changes"]
    assert sorted(received(listener)) == [("add", "loaded"), ("update", "film")]
    assert (change["username"], change["action"]) == ("admin", "load")
    assert list(change["attributes"]) == ["id", "name", "parent_id"]


def stays_private(schema, operation):
    """Return whether no part of what an operation changes belongs to everyone or to another project."""
    entity_type, values = schema[operation["entity_type"]], operation.get("entity_data", {}).values()
    # A configuration is deleted with its values in all projects, and a calendar event without a project is everyone's.
    is_shared = access_rule(schema, entity_type).is_public or entity_type.family == "CustomConfigurationBase"
    return not is_shared and None not in values


@pytest.fixture(scope="module")
def filled(start_module_server, tmp_path_factory):
    """Start a server with an open and a private project, and return it with operations on all of the private one."""
    data = tmp_path_factory.mktemp("bridges") / "data"
    data.mkdir()
    with open_server_context(data) as studio:
        with open_database(studio) as connection:
            fill(connection, studio.schema, studio.store.tables, {OPEN: "of-open", PRIVATE: "of-private"})
            connection.execute(studio.store.tables.by_family["ReviewSession"].update().values(end_date=None))
        made = Operations(studio.schema, studio.store.tables, PRIVATE, own=PRIVATE)
        operations = [each for each in (*made.creates(), *made.changes()) if stays_private(studio.schema, each)]
    if _OPERATIONS != "all":
        operations = seeded("events").sample(operations, int(_OPERATIONS))
    server = start_module_server(data)
    users = ({"id": name, "username": name, "is_active": True} for name in ("of-open", "of-private"))
    with open_admin(data) as owner:
        owner.load(lines(*({"__entity_type__": "User", **user} for user in users)))
    # What is deleted cannot be changed afterwards.
    return server, sorted(operations, key=lambda found: found["action"] == "delete")


def test_no_event_tells_users_of_another_project_about_a_generated_change(filled, listen):
    server, operations = filled
    outside = [join(listen, server, role, OPEN, role=role) for role in ("User", "Project Manager", "Reviewer")]
    author, inside = join(listen, server, "of-open", OPEN), join(listen, server, "of-private", PRIVATE)
    accepted = 0
    with HttpSession() as admin:
        for operation in operations:
            answer = admin.post(f"{server.url}/api", json=[operation], headers=server.headers)
            accepted += isinstance(answer.json(), list)
    create(server, folder("last", OPEN), folder("last-private", PRIVATE))
    told = {entity["entity_type"] for data in received_until(inside, "last-private") for entity in data["entities"]}
    assert accepted > len(operations) / 4 and len(told) > 10, (accepted, told)
    for client in (*outside, author):
        told_to_others = [entity for data in received_until(client, "last") for entity in data["entities"]]
        private = [each for each in told_to_others if each["entityId"].startswith(PRIVATE) or "secret" in str(each)]
        assert private == []
