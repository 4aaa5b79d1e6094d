"""Protocol section 4, line by line: the shapes that clients send, and what holds for any query of the grammar."""

import codecs
import os
from pathlib import Path
from uuid import uuid4

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ft_dcc.server.errors import HttpError, ParseError

# One a line, with line breaks and tabs as in Python.
_LINES = Path(__file__).with_name("known_queries.txt").read_text(encoding="utf-8").splitlines()
KNOWN_QUERIES = [codecs.decode(line, "unicode_escape") for line in _LINES if not line.startswith("#")]


@pytest.mark.parametrize("expression", KNOWN_QUERIES)
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
