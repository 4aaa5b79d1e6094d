"""Protocol section 4, line by line: the shapes that clients send, and what holds for any query of the grammar."""

import os
from uuid import uuid4

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ft_dcc.server.errors import HttpError, ParseError

ID = "5671dcb0-66de-11e1-8e6e-f23c91df25eb"
OTHER = "adb4ad6c-7679-11e2-8df2-f23c91df25eb"


@pytest.mark.parametrize(
    "expression",
    [
        # 4.1: what the official client makes by itself.
        f'Task where (id is "{ID}")',
        f'Metadata where (parent_id is "{ID}" and key is "k")',
        f"select name from Task where id is {ID}",
        f"select name from Task where id in ({ID},{OTHER})",
        f'select value from Metadata where (parent_id is "{ID}"and key is "k") or '
        f'(parent_id is "{OTHER}"and key is "k")',
        'User where username is "x" and is_active is True and resource_type is None',
        f"select component_id, resource_identifier from ComponentLocation where location_id is {ID} "
        f"and component_id in ({ID}, {OTHER})",
        f"ComponentLocation where component_id is {ID} and location_id is {OTHER}",
        f"select members, component_locations.location_id from SequenceComponent where id is {ID}",
        f"select task_status from SchemaStatus where schema_id is {ID}",
        f"select task_type from SchemaType where schema_id is {ID}",
        f'Timer where user_id = "{ID}"',
        "select status.id, status.name from Task",
        "select key, project_id, id, object_type_id, entity_type, is_hierarchical from CustomAttributeConfiguration",
        "select _overrides.type_id, _schemas.statuses.task_status.name, _task_workflow.statuses from ProjectSchema",
        # 4.2: strings that studios and integrations really send.
        f'AssetVersion where task_id != none and id in ("{ID}", "{OTHER}")',
        f"select status_id, version, task_id, asset_id from AssetVersion where task_id in ({ID}) "
        f"and asset_id in ({OTHER}) order by version descending",
        'Task where assignments any (resource.username = "u") and status.name not_in ("Omitted", "On Hold") and '
        'project.status is "active" order by priority.sort limit 5',
        f"Appointment where type is 'assignment' and resource_id is \"{ID}\"",
        f'select id, name from NoteCategory where id is "{ID}"',
        "User where email like 'x@y'",
        f"Task where id={ID}",
        "select children, children.children, children.children.children, children.children.children.assignments, "
        f'children.children.children.assignments.resource from Project where id is "{ID}"',
        f'select versions.custom_attributes from Asset where id is "{ID}"',
        "select asset.parent from AssetVersion where asset is_not None limit 10",
        f"select status from Task where project_id is {ID} limit 10",
        "Task where parent[TypedContext] has (name is x)",
        "AssetVersion where asset.parent[Shot].parent[Sequence].name is sq010",
        'Task where allocations.resource[Group].memberships any (user.username is "x")',
        "Task where not timelogs any ()",
        "Task where metadata any (key=k and value=v) and metadata.key is k",
        'Shot where custom_attributes any (key is "fstart" and value is "1001")',
        "Shot where custom_attributes.configuration.key is fstart",
        "CustomAttributeValue where configuration.key is fstart",
        f"select value from ContextCustomAttributeValue where entity_id in ({ID}) and configuration_id in ({ID})",
        'Project where status is "active"',
        'AssetVersion where version is "3" or version in (1, "2", 3)',
        "Task where scopes.name is test-1 and scopes.name is_not none or thumbnail_id is NULL",
        'Task where start_date >= "2024-05-01T00:00:00+02:00" and end_date before 2024-06-01',
        "Task  where\n\tname\tis 'a b'\n and (  name like '%b' )  order  by name asc , id desc",
        "select name , parent.name ,id from Task where name is_not x offset 1 limit 2",
        "Task where id in (select task_id from AssetVersion where asset.parent.id in (Shot where name is sh010))",
        "select count(id), sum(bid), min(name), status.name from Task where bid >= 0 group by status.name "
        "order by status.name",
        "select custom_attribute_links.to_id from Shot where custom_attribute_links any (configuration.key is x)",
    ],
)
def test_queries_of_known_clients_are_answered(client, expression):
    assert isinstance(client.query(expression), list)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Task where CURRENT_USER is x", "Task has no attribute 'CURRENT_USER' (character 12)."),
        ("Task where name between a and b", "at character 17, at 'between a and b'"),
        ("Task where name IS x", "at character 17, at 'IS x'"),
        ("SELECT name FROM Task", "at character 8, at 'name FROM Task'"),
        ("Task where (name is x", "ends too early, at character 22"),
        ("Task where name is 'x", "at character 20"),
        ("Task where name in (select id, name from Task)", "at character 30"),
        ("Task where parent[Status].name is x", "'parent' leads to Context, which cannot be Status (character 12)."),
        ("select name.x from Task", "'name' is a value and has no attributes (character 8)."),
        ("Task where name any (id is x)", "'name' is a value; 'has' and 'any' need a relation (character 12)."),
        ("Task order by children.name", "'children' has many values and cannot be sorted by (character 15)."),
        ("select median(bid) from Task group by type_id", "There is no function 'median' (character 8)."),
        ("Task where bid > none", "'>' cannot compare with none (character 18)."),
        ("Task where name is 'a b' and bid in (1, many)", "At character 41: 'many' is not a number"),
        ("Task where start_date > yesterday", "At character 25: 'yesterday' is not a date."),
        ("Task where id is $", "at character 18, at '$'"),
        ("Task where name is 'a$' and id in ($$, $)", "at character 36, at '$'"),
        ("Task limit -1", "at character 12"),
        ("Task limit 5 limit x", "character 20"),
        ("", "The query ends too early, at character 1."),
        ("Task where", "The query ends too early, at character 11."),
        ("Task wher name is x", "The query cannot be read at character 6, at 'wher name is x'."),
        ("Task where name is x)", "The query cannot be read at character 21"),
        ("Task where name is 'x' and colour is x", "Task has no attribute 'colour' (character 28)."),
        ("Task where parent.colour is x", "Context has no attribute 'colour' (character 19)."),
        ("select colour from Task", "Task has no attribute 'colour' (character 8)."),
        ("Task where link is x", "'link' is computed for answers and cannot be searched (character 12)."),
        ('Task where name is ("a", "b")', "The query cannot be read at character 20"),
        ("Task limit 99999999999999999999", "The number at character 12 is too large."),
    ],
)
def test_syntax_errors_name_the_text_and_its_position(client, expression, message):
    with pytest.raises(HttpError) as refused:
        client.query(expression)
    assert message in str(refused.value)
    assert not set("{}") & set(str(refused.value))


# Any criteria of the grammar about tasks: each is true or false of a task, and whoever negates it gets the others.
NAMES = st.sampled_from(["animation", "layout", "sh010", '"sq010"', "'x y'", '"%a%"', '"\\%"', '""'])
PATHS = ("name", "parent.name", "parent[Shot].name", "parent.parent.name", "status.name", "created_by.id")
TEXTS = st.sampled_from(PATHS)
LISTS = ("children", "ancestors", "descendants", "notes", "metadata", "assignments", "custom_attributes")
MANY = st.sampled_from(LISTS)
WITHIN = st.sampled_from(["id", "parent_id", "status_id", "parent.id"])


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(parts, st.sampled_from(["and", "or"]), parts)
    return st.one_of(
        pair.map(lambda found: f"({found[0]} {found[1]} {found[2]})"),
        pair.map(lambda found: f"{found[0]} {found[1]} not {found[2]}").map(lambda text: f"({text})"),
        parts.map(lambda text: f"not ({text})"),
        parts.map(lambda text: f"id in (select id from Task where {text})"),
        parts.map(lambda text: f"parent.children[Task] any ({text})"),
    )


CRITERIA = st.recursive(
    st.one_of(
        st.tuples(TEXTS, st.sampled_from(["is", "is_not", "=", "!=", "like", "not_like", ">", "<="]), NAMES).map(
            " ".join
        ),
        st.tuples(TEXTS, st.lists(NAMES, max_size=3)).map(lambda found: f"{found[0]} in ({', '.join(found[1])})"),
        st.tuples(TEXTS, st.sampled_from(["is", "is_not"])).map(lambda found: f"{found[0]} {found[1]} None"),
        MANY.map(lambda name: f"{name} any ()"),
        st.tuples(WITHIN, NAMES).map(
            lambda found: f"{found[0]} not_in (select id from TypedContext where name is {found[1]})"
        ),
        st.sampled_from(["bid > 0.5", "bid <= '0'", "created_at after 2020-01-01", "parent has (name like 'sh%')"]),
    ),
    joined,
    max_leaves=5,
)
# FT_DCC_QUERY_EXAMPLES=2000 asks thoroughly.
EXAMPLES = int(os.environ.get("FT_DCC_QUERY_EXAMPLES", "25"))
WELL = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@attrs.frozen
class Tasks:
    """Asks for the names of one project's tasks."""

    client: object
    project: str

    def __call__(self, criteria: str, rest: str = "") -> list[str]:
        found = self.client.query(f"select id from Task where project_id is {self.project} and ({criteria}) {rest}")
        return [task["id"] for task in found]


@pytest.fixture(scope="module")
def tasks(client):
    """Twelve tasks below four shots, as the other tests' trees have them."""
    project, sequence = str(uuid4()), str(uuid4())
    client.create("Project", id=project, name=f"grammar_{project[:8]}")
    client.create("Sequence", id=sequence, name="sq010", parent_id=project)
    for number in range(1, 5):
        shot = client.create("Shot", name=f"sh0{number}0", parent_id=sequence)
        for name in ("animation", "layout", f"comp {number}"):
            client.create("Task", name=name, parent_id=shot, bid=float(number % 3))
    return Tasks(client, project)


@pytest.mark.timeout(1800)
@WELL
@given(CRITERIA)
def test_a_condition_and_its_negation_partition_the_entities(tasks: Tasks, criteria: str) -> None:
    found, others = tasks(criteria), tasks(f"not ({criteria})")
    assert len(found) + len(others) == 12
    assert set(found).isdisjoint(others)


@pytest.mark.timeout(1800)
@WELL
@given(CRITERIA, CRITERIA)
def test_and_intersects_and_or_unites_results(tasks: Tasks, one: str, other: str) -> None:
    assert set(tasks(f"({one}) and ({other})")) == set(tasks(one)) & set(tasks(other))
    assert set(tasks(f"({one}) or ({other})")) == set(tasks(one)) | set(tasks(other))


@pytest.mark.timeout(1800)
@WELL
@given(CRITERIA, st.sampled_from(["", "order by name", "order by bid desc, name", "order by parent.name asc, bid"]))
def test_pages_concatenate_to_the_whole_result(tasks: Tasks, criteria: str, order: str) -> None:
    whole, pages = tasks(criteria, order), []
    for offset in range(0, 12, 5):
        pages += tasks(criteria, f"{order} offset {offset} limit 5")
    assert pages == whole


@pytest.mark.timeout(1800)
@WELL
@given(CRITERIA, st.integers(0, 80), st.sampled_from("()'\"[]=,.$ x"))
def test_an_additional_character_is_answered_or_refused_with_a_position(
    tasks: Tasks, criteria: str, position: int, character: str
) -> None:
    spoilt = criteria[:position] + character + criteria[position:]
    try:
        assert isinstance(tasks(spoilt), list)
    except ParseError as error:
        assert "character" in str(error) or "Ask in several queries" in str(error)
    except HttpError as error:
        assert str(error)
