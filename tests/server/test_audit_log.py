import pytest
from doubles.operations import create, delete, keyed, update

from ft_dcc.server.app import make_dispatcher
from ft_dcc.server.context import open_server_context
from ft_dcc.server.database.audit_log import entries
from ft_dcc.server.database.seed import fixed_id
from ft_dcc.server.errors import HttpError
from ft_dcc.server.identity import Caller

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
