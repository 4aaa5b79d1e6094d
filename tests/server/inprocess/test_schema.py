"""The declaration, and the schema that clients get of it."""

from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.json_schema import describe_schema, schema_hash
from ft_dcc.server.schema.tables import make_tables

SCHEMA = read_schema()
OURS = {described["id"]: described for described in describe_schema(SCHEMA)}


def test_the_schema_has_116_types_and_two_extensions() -> None:
    added = {entity_type.name for entity_type in SCHEMA if "extension" in entity_type.flags}
    assert added == {"ReviewSessionObjectAnnotation", "ReviewSessionObjectAnnotationComponent"}
    assert len(OURS) == 116 + len(added)


def test_a_type_description_has_all_keys_that_clients_read() -> None:
    status = OURS["Status"]
    assert status["primary_key"] == ["id"]
    assert status["alias_for"] == "TaskStatus"
    assert status["properties"]["id"] == {"type": "string", "default": "{uid}", "alias_for": "statusid"}
    assert status["properties"]["state"] == {"$ref": "State"}
    assert status["properties"]["tasks"] == {"type": "array", "items": {"$ref": "Task"}}
    assert "state_id" not in status["properties"]


def test_classifiers_targets_and_computed_attributes_are_described() -> None:
    classifiers = {"object_typeid": "bad911de-3bd6-47b9-8b46-3476e237cb36"}
    assert OURS["Shot"]["alias_for"] == {"id": "Task", "classifiers": classifiers}
    assert OURS["TypedContext"]["alias_for"] == "Task"
    assert OURS["Task"]["properties"]["status_id"]["description"] == "Foreign key(s): Status.id"
    assert OURS["ReviewSession"]["properties"]["review_url"] == {"type": "string"}
    assert "review_url" in OURS["ReviewSession"]["computed"]


def test_the_hash_is_the_one_that_clients_compute() -> None:
    assert schema_hash([{"id": "Ä", "b": 1}]) == "d1c824ba82fc78eeaaaca4d8bfa87c24"


def test_every_stored_type_has_a_table() -> None:
    tables = make_tables(SCHEMA)
    assert tables[SCHEMA["Shot"]] is tables[SCHEMA["Project"]]
    assert {"id", "parent_id", "name", "status_id"} <= set(tables[SCHEMA["Shot"]].c.keys())


def test_every_foreign_key_has_an_index() -> None:
    for table in make_tables(SCHEMA).by_family.values():
        unique = [list(found.columns) for found in table.constraints if hasattr(found, "columns")]
        led = {columns[0].name for columns in unique if columns} | {next(iter(i.columns)).name for i in table.indexes}
        assert {key.parent.name for key in table.foreign_keys} <= led, table.name
