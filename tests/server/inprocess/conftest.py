"""A studio without its web application, and helpers that send operations to it."""

from types import SimpleNamespace
from uuid import uuid4

import attrs
import pytest
from doubles.operations import create, update
from doubles.two_projects import OPEN, PRIVATE, fill, open_database

from ft_dcc.server.actions import dispatch
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.auth.api_keys import first_user
from ft_dcc.server.identity import Caller

BASE_URL = "http://studio.test"


@attrs.frozen
class StudioClient:
    """One user who sends operations to the studio."""

    dispatcher: Dispatcher
    caller: Caller

    @property
    def studio(self):
        return self.dispatcher.context

    def call(self, *operations):
        return self.dispatcher.answer(self.caller, list(operations), BASE_URL)

    def query(self, expression):
        return self.call({"action": "query", "expression": expression})[0]["data"]

    def names(self, expression: str) -> list[str]:
        return [entity["name"] for entity in self.query(expression)]

    def create(self, entity_type, /, **data):
        operation = create(entity_type, **data)
        self.call(operation)
        return str(operation["entity_data"]["id"])

    def update(self, entity_type, key, /, **data):
        keys = [key] if isinstance(key, str) else key
        return self.call(update(entity_type, *keys, **data))[0]["data"]

    def store(self, component_id: str) -> None:
        """Put four bytes of a component into the media store."""
        path = self.studio.media.path(component_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")

    def delete(self, entity_type: str, key: str) -> None:
        self.call({"action": "delete", "entity_type": entity_type, "entity_key": [key]})


def as_user(client, role, *projects, **data):
    """Return a new user with this role in these projects alone."""
    user = client.create("User", **{"username": uuid4().hex, **data})
    (held,) = client.query(f"UserSecurityRole where user_id is {user}")
    role_id = client.query(f'SecurityRole where name is "{role}"')[0]["id"]
    client.update("UserSecurityRole", held["id"], security_role_id=role_id, is_all_open_projects=False)
    for project in projects:
        client.create("UserSecurityRoleProject", user_security_role_id=held["id"], project_id=project)
    return attrs.evolve(client, caller=Caller(user, "somebody"))


def reference(entity_type: str, key: str) -> dict[str, str]:
    return {"__entity_type__": entity_type, "id": key}


@pytest.fixture(autouse=True)
def patient_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give queries an hour: on a busy machine, a large one takes longer than the server allows."""
    for name in ("MAX_READ_SECONDS", "MAX_WRITE_QUERY_SECONDS"):
        monkeypatch.setattr(dispatch, name, 3600.0)


@pytest.fixture(scope="module")
def client(studio):
    with studio.store.reading() as connection:
        caller = first_user(connection)
    assert caller is not None
    return StudioClient(make_dispatcher(studio), caller)


@pytest.fixture
def context_of_both(studio):
    """Return the studio with one row of each type in an open and in a private project."""
    with open_database(studio) as connection:
        if connection.exec_driver_sql("SELECT 1 FROM context WHERE id = 'open'").first() is None:
            fill(connection, studio.schema, studio.store.tables, {OPEN: "of-open", PRIVATE: "of-private"})
    return studio


@pytest.fixture
def tree(client: StudioClient) -> SimpleNamespace:
    """Create a project with sq010, sh010 (animation, layout) and sh020 (animation); return the ids and its name."""
    names = ("project", "sequence", "shot", "other_shot", "animation", "layout", "other_animation")
    tree = SimpleNamespace(name=f"p_{uuid4().hex[:8]}", **{each: str(uuid4()) for each in names})
    client.call(
        create("Project", id=tree.project, name=tree.name),
        create("Sequence", id=tree.sequence, name="sq010", parent_id=tree.project),
        create("Shot", id=tree.shot, name="sh010", parent_id=tree.sequence),
        create("Shot", id=tree.other_shot, name="sh020", parent_id=tree.sequence),
        create("Task", id=tree.animation, name="animation", parent_id=tree.shot),
        create("Task", id=tree.layout, name="layout", parent_id=tree.shot),
        create("Task", id=tree.other_animation, name="animation", parent_id=tree.other_shot),
    )
    return tree
