"""The database finds what is asked for through an index, however large it is."""

from uuid import uuid4

import pytest

from ft_dcc.server.auth.permissions import UNLIMITED, Permissions
from ft_dcc.server.query.loader import QueryContext


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
