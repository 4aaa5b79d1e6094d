"""The schema has an index for what is asked for, and the database uses it, however large it is."""

from uuid import uuid4

import pytest

from ft_dcc.server.auth.permissions import UNLIMITED, Permissions
from ft_dcc.server.query.loader import QueryContext
from ft_dcc.server.schema.dsl_parser import read_schema
from ft_dcc.server.schema.json_schema import describe_schema, schema_hash
from ft_dcc.server.schema.tables import make_tables


@pytest.mark.parametrize(
    "expression",
    [
        "Task where id is {id}",
        "select name from Task where id in ({id},{id})",
        "Task where parent_id is {id}",
        "Task where parent.name is sh010",
        "Task where parent.parent_id is {id} order by name limit 100",
        "Task where parent.parent.id is {id} limit 100",
        "Task where parent has (name is sh010 and project.name is show)",
        "Task where project.name is show and name is animation",
        'Task where assignments any (resource.username is "u") and status.name not_in ("Omitted", "On Hold")',
        "Task where ancestors.name is sh010",
        "Sequence where descendants any (name is animation)",
        "Sequence where descendants.id is {id}",
        "Task where ancestors.id is {id} and type.name is Animation",
        "Asset where parent.ancestors.id is {id}",
        "AssetVersion where asset.parent.ancestors any (id is {id})",
        "AssetVersion where asset.versions.id is {id}",
        "Task where not timelogs any () and parent_id is {id}",
        "AssetVersion where asset.parent.id is {id} order by version descending",
        "AssetVersion where components.name is ftrackreview-mp4 and task_id is {id}",
        "ComponentLocation where component_id is {id} and location_id is {id}",
        "select custom_attributes from Shot where id is {id}",
        "ContextCustomAttributeValue where entity_id in ({id},{id}) and configuration_id is {id}",
        "Metadata where parent_id is {id} and key is k",
        "Note where parent_id is {id} order by date",
        "User where username is u",
        "ReviewSessionObject where review_session.name is dailies",
    ],
)
def test_no_query_scans_a_large_table(client, expression):
    plans = plans_of(client, expression)
    assert plans
    for statement, steps in plans:
        scanned = [step for step in steps if step.startswith("SCAN") and "USING" not in step]
        # To make a filter, SQLite reads all of a table before the first row of it is looked for.
        assert not any(step.startswith("BLOOM FILTER") for step in steps), statement
        assert [step for step in scanned if not _is_small(step)] == [], statement


def _is_small(step: str) -> bool:
    """Whether a step reads what a query itself made, or the few custom attribute configurations."""
    return step.split()[1].startswith(("anon_", "custom_configuration_base", "(")) or "CONSTANT" in step


def plans_of(client, expression, permissions=UNLIMITED):
    """Each statement that answers the expression, with the steps in which SQLite does it."""
    asked: list[str] = []
    studio = client.studio
    with studio.store.reading() as connection:
        driver = connection.connection.dbapi_connection
        driver.set_trace_callback(asked.append)
        studio.planner.find(QueryContext(connection, "", permissions, "me"), expression.format(id=uuid4()))
        driver.set_trace_callback(None)
        return [(each, [step[3] for step in driver.execute(f"EXPLAIN QUERY PLAN {each}")]) for each in asked]


def steps_of(client, expression):
    """Return the plan steps of the first statement of the expression."""
    return plans_of(client, expression)[0][1]


def test_descendants_are_searched_before_names(client):
    assert "rowid=?" in steps_of(client, "Task where ancestors.id is {id} and name is animation")[0]


@pytest.mark.parametrize(
    "expression",
    [
        "select id, name, parent_id from TypedContext where project_id is {id} offset 500 limit 500",
        "TypedContext where project_id is {id} and object_type.name is Shot limit 100",
        "Context where project_id is {id} limit 100",
        "TypedContext where project_id is {id} order by name limit 100",
        "Task where project_id is {id} order by name limit 100",
        "Sequence where project_id is {id}",
    ],
)
def test_a_page_of_a_project_needs_no_sort(client, expression):
    assert not [step for step in steps_of(client, expression) if "TEMP B-TREE" in step]


@pytest.mark.parametrize("projects", [None, ("a", "b")])
@pytest.mark.parametrize(
    "expression",
    [
        "Task where id is {id}",
        "select name, status.name, parent.name, project.name from Task where parent_id is {id}",
        "AssetVersion where asset.parent.id is {id} order by version descending",
        "select components.name, thumbnail_url from AssetVersion where id is {id}",
        "ComponentLocation where component_id is {id}",
        "Metadata where parent_id is {id} and key is k",
        "select content, author.username, note_components.url from Note where parent_id is {id}",
        "ReviewSessionObject where review_session.name is dailies",
        "FileComponent where id is {id}",
    ],
)
def test_the_filter_of_a_limited_user_needs_no_scan(client, expression, projects):
    for statement, steps in plans_of(client, expression, Permissions(False, False, projects, projects)):
        scanned = [step for step in steps if step.startswith("SCAN") and "VIRTUAL TABLE" not in step]
        assert [step for step in scanned if not _is_small(step)] == [], statement
        assert not [step for step in steps if step.startswith(("MATERIALIZE", "BLOOM FILTER"))], statement


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
