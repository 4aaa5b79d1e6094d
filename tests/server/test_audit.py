from __future__ import annotations

import pytest

from ft_dcc.errors import Refused
from ft_dcc.server.access import Caller
from ft_dcc.server.api import answer
from ft_dcc.server.audit import entries
from ft_dcc.server.opening import opened
from ft_dcc.server.seed import fixed_id

SOMEBODY = Caller(fixed_id("User", "admin"), "admin")


@pytest.fixture
def studio(tmp_path):
    with opened(tmp_path) as studio:
        yield studio


def create(entity_id: str, **data: object) -> dict[str, object]:
    entity = {"__entity_type__": "Note", "id": entity_id, **data}
    return {"action": "create", "entity_type": "Note", "entity_data": entity}


def read(studio, **options):
    with studio.store.reading() as connection:
        return entries(connection, **options)


def test_it_says_who_did_what_to_which_attributes_and_no_value(studio):
    answer(studio, SOMEBODY, [create("n1", content="a secret", category_id=None)], "")
    change = {"action": "update", "entity_type": "Note", "entity_key": ["n1"], "entity_data": {"content": "hidden"}}
    answer(studio, SOMEBODY, [change], "")
    answer(studio, SOMEBODY, [{"action": "delete", "entity_type": "Note", "entity_key": ["n1"]}], "")
    found = [(entry.username, entry.action, entry.entity_type, entry.attributes) for entry in read(studio)]
    assert found == [
        ("admin", "delete", "Note", ()),
        ("admin", "update", "Note", ("content",)),
        ("admin", "create", "Note", ("category_id", "content", "id")),
    ]


def test_reading_leaves_no_entry(studio):
    answer(studio, SOMEBODY, [{"action": "query", "expression": "select id from Note"}], "")
    assert read(studio) == []


def test_what_was_refused_was_not_done(studio):
    with pytest.raises(Refused):
        answer(
            studio, SOMEBODY, [create("n1"), {"action": "delete", "entity_type": "Nothing", "entity_key": ["1"]}], ""
        )
    assert read(studio) == []


def test_one_entity_has_its_own_history_the_newest_first(studio):
    for entity_id in ("n1", "n2", "n3"):
        answer(studio, SOMEBODY, [create(entity_id, content="")], "")
    assert [entry.entity_id for entry in read(studio)] == ["n3", "n2", "n1"]
    assert [entry.entity_id for entry in read(studio, most=1)] == ["n3"]
    assert [entry.entity_id for entry in read(studio, entity_id="n2")] == ["n2"]


def test_an_id_that_the_server_gave_is_known(studio):
    operation = create("")
    del operation["entity_data"]["id"]
    answered = answer(studio, SOMEBODY, [operation], "")
    assert [entry.entity_id for entry in read(studio)] == [answered[0]["data"]["id"]]


def test_no_query_reaches_it(studio):
    for name in ("ft_dcc_audit", "Audit"):
        with pytest.raises(Refused):
            answer(studio, SOMEBODY, [{"action": "query", "expression": f"select id from {name}"}], "")
