"""The declaration, and the schema that clients get of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.json_schema import describe_schema, schema_hash
from ft_dcc.server.schema.tables import make_tables

RECORDED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ftrack_schemas.json"

SCHEMA = read_schema()
OURS = {described["id"]: described for described in describe_schema(SCHEMA)}
FRAGMENT_KEYS = (
    "type",
    "default",
    "$ref",
    "items",
    "enum",
    "restricted_projection",
    "key_value_attributes",
    "transform",
)

# Where the recorded schema contradicts itself or a client cannot use it, ours says what is meant.
OURS_IS_BETTER = {
    ("DashboardResource", "dashboard_id", "$ref"),  # a foreign key and a relation at once
    ("DashboardResource", "resource_id", "$ref"),
    ("User", "user_type_id", "type"),  # without a type, clients drop the attribute
}


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict[str, Any]]:
    if not RECORDED.exists():
        pytest.skip("the recorded schema of a real site is not here")
    return {described["id"]: described for described in json.loads(RECORDED.read_text("utf-8"))}


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


def test_typed_contexts_differ_by_object_type() -> None:
    assert OURS["Shot"]["alias_for"] == {
        "id": "Task",
        "classifiers": {"object_typeid": "bad911de-3bd6-47b9-8b46-3476e237cb36"},
    }
    assert OURS["TypedContext"]["alias_for"] == "Task"


def test_a_foreign_key_names_its_target() -> None:
    assert OURS["Task"]["properties"]["status_id"]["description"] == "Foreign key(s): Status.id"


def test_review_url_is_a_computed_extension() -> None:
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


def test_the_recorded_types_are_the_same(recorded: dict[str, Any]) -> None:
    assert {name for name in OURS if "extension" not in SCHEMA[name].flags} == set(recorded)


def test_each_type_is_as_recorded(recorded: dict[str, Any]) -> None:
    for name, real in recorded.items():
        ours = OURS[name]
        added = {attribute for attribute in SCHEMA[name].attributes if SCHEMA[name].attributes[attribute].is_extension}
        assert set(ours["properties"]) - added == set(real["properties"]), name
        for key in ("primary_key", "system_projections", "alias_for"):
            assert ours.get(key) == real.get(key), (name, key)
        for key in ("default_projections", "required", "immutable", "computed"):
            # The recorded lists have names of attributes that their type does not have.
            wanted = {attribute for attribute in real.get(key, ()) if attribute in real["properties"]}
            found = set(ours.get(key, ())) - added
            assert found - set(ours["primary_key"]) == wanted - set(real["primary_key"]), (name, key)


def test_each_attribute_is_as_recorded(recorded: dict[str, Any]) -> None:
    for name, described in recorded.items():
        for attribute, real in described["properties"].items():
            ours = OURS[name]["properties"][attribute]
            for key in FRAGMENT_KEYS:
                if (name, attribute, key) not in OURS_IS_BETTER:
                    assert ours.get(key) == real.get(key), (name, attribute, key)
            is_column = "$ref" not in real and "items" not in real
            if is_column and attribute != "link":
                assert ours.get("alias_for") == real.get("alias_for"), (name, attribute)
            if ours.get("format") != "foreign_key" and real.get("format") != "foreign_key":
                assert ours.get("format") == real.get("format"), (name, attribute)
