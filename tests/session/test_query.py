import datetime
import uuid

import pytest

from ft_dcc.errors import MultipleResultsFoundError, NoResultFoundError, ServerError, UnrecognisedEntityTypeError
from ft_dcc.session.query.expression import field, find, quoted

NASTY = [
    *('a "quoted" name', "it's", "back\\slash", "trailing\\", '\\"', "100% of it_all", "limit 3 offset 7", "🎬 ü 你好"),
    *("tab\tand\nline", "(brackets) [and] {braces}", "; drop table task --", "$1 $$ ?"),
]


@pytest.fixture
def shots(session, project):
    for number in range(12):
        session.create("Shot", {"name": f"s{number:02d}", "parent": project})
    session.commit()
    return f"Shot where parent_id is {project['id']} order by name"


def names(entities):
    return [entity["name"] for entity in entities]


def test_query_sends_nothing_before_the_first_access(session, shots, sent):
    found = session.query(shots)
    assert sent == []
    assert found[0]["name"] == "s00"
    assert len(sent) == 1


def test_pages_are_fetched_on_demand(session, shots, sent):
    found = session.query(shots, page_size=5)
    assert names(found[0:5]) == ["s00", "s01", "s02", "s03", "s04"]
    assert len(sent) == 1
    assert found[7]["name"] == "s07"
    assert len(sent) == 2
    assert len(found) == 12
    assert len(sent) == 3
    assert names(found[-2:]) == ["s10", "s11"]
    assert names(found) == [f"s{number:02d}" for number in range(12)]
    assert len(found.all()) == 12
    assert len(sent) == 3
    with pytest.raises(IndexError):
        found[12]


def test_bool_fetches_only_the_first_page(session, shots, project, sent):
    assert session.query(shots, page_size=5)
    assert not session.query(f"Task where parent_id is {project['id']}")
    assert len(sent) == 2


def test_limit_and_offset_are_respected(session, shots, sent):
    assert names(session.query(f"{shots} limit 7", page_size=5)) == [f"s{number:02d}" for number in range(7)]
    assert names(session.query(f"{shots} offset 10")) == ["s10", "s11"]
    assert names(session.query(f"{shots} limit 2 offset 3")) == ["s03", "s04"]
    assert session.query(f"{shots} limit 0").all() == []
    assert session.query(f"{shots} offset 11").first()["name"] == "s11"
    assert session.query(f"{shots} offset 12").first() is None


def test_one_requires_exactly_one_result(session, shots, project):
    assert session.query(f"Project where id is {project['id']}").one() is project
    with pytest.raises(MultipleResultsFoundError, match="More than one"):
        session.query(shots).one()
    with pytest.raises(NoResultFoundError, match="No entity matches"):
        session.query(f"Shot where id is {uuid.uuid4()}").one()
    for method in ("one", "first"):
        with pytest.raises(ValueError, match="limit"):
            getattr(session.query(f"{shots} limit 1"), method)()
    with pytest.raises(ValueError, match="offset"):
        session.query(f"{shots} offset 1").one()


def test_own_projections_are_kept(session, shots, sent):
    session.query(f"select description from {shots}").first()
    session.query("Status").first()
    assert sent[0][0]["expression"].startswith("select description from Shot where")
    assert sent[1][0]["expression"] == "select id from Status offset 0 limit 1"


def test_related_entities_come_with_the_response(open_session, project_task, sent):
    session = open_session()
    task = session.query(
        f"select name, status.name, parent.parent.name, project.full_name from Task where id is {project_task['id']}"
    ).one()
    sent.clear()
    assert task["status"]["name"] == "In progress"
    assert task["parent"]["parent"]["name"] == "sq010"
    assert task["project"]["full_name"] == project_task["project"]["full_name"]
    assert sent == []


def test_unknown_type_is_refused_without_a_request(session, sent):
    with pytest.raises(UnrecognisedEntityTypeError, match="'Shoot'"):
        session.query("Shoot where name is a")
    assert sent == []


def test_parse_error_names_the_expression(session):
    with pytest.raises(ServerError) as caught:
        session.query("Shot where (name is a").all()
    assert "Shot where (name is a" in caught.value.operation["expression"]


def test_query_may_start_with_line_breaks(session, shots):
    assert len(session.query(f"\n  select name\n from {shots}")) == 12


def test_quoted_name_matches_only_itself(session, open_session, project):
    shots = {name: session.create("Shot", {"name": name, "parent": project}) for name in NASTY}
    session.commit()
    other = open_session()
    within = field("parent_id") == project["id"]
    for name, wanted in shots.items():
        found = other.query(find("Shot").select("name").where(within, field("name") == name)).all()
        assert [(shot["id"], shot["name"]) for shot in found] == [(wanted["id"], name)]
        assert other.query(f"Shot where name is {quoted(name)} and parent_id is {project['id']}").all() == [wanted]
        for condition in (field("name").is_in([name]), field("name").contains(name), field("name").starts_with(name)):
            assert other.query(find("Shot").where(within, condition)).all() == [wanted], condition
        others = other.query(find("Shot").select("name").where(within, field("name") != name))
        assert {shot["name"] for shot in others} == set(NASTY) - {name}


def test_conditions_on_related_entities(session, project, project_task):
    within = field("project") == project
    assert session.query(find("Shot").where(within, field("children").any(field("name") == "animation"))).all() == [
        project_task["parent"]
    ]
    of_shot = field("parent").has(field("name") == "sh010")
    assert session.query(find("Task").where(within, of_shot)).all() == [project_task]
    assert session.query(find("Task").where(within, field("id").is_in([]))).all() == []
    of_parent = field("parent").is_in([project_task["parent"]])
    assert session.query(find("Task").where(within, of_parent)).all() == [project_task]
    assert session.query(find("Task").where(within, ~(field("name") == "animation"))).all() == []


def test_expression_parts_can_be_added_in_any_order():
    tasks = find("Task").limit(5).order_by("sort", descending=True).where(field("bid") > 3).select("name", "bid")
    assert str(tasks) == "select name, bid from Task where bid > 3 order by sort descending limit 5"


def test_expression_is_immutable():
    tasks = find("Task")
    assert str(tasks.where(name="a")) == 'Task where name is "a"'
    assert str(tasks) == "Task"


def test_alternatives_are_parenthesised():
    either = (field("name") == "a") | (field("name") == "b")
    assert str(find("Task").where(either)) == 'Task where name is "a" or name is "b"'
    assert str(find("Task").where(either, bid=1)) == 'Task where (name is "a" or name is "b") and bid is 1'
    assert str(~either & (field("bid") < 2)) == 'not (name is "a" or name is "b") and bid < 2'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (3, "3"),
        (2.5, "2.5"),
        ("limit 3", '"limit 3"'),
        (datetime.datetime(2024, 1, 2, 3, 4, 5, 6), '"2024-01-02T03:04:05"'),
        (datetime.date(2024, 1, 2), '"2024-01-02"'),
        (
            datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
            '"2024-01-02T01:04:05"',
        ),
    ],
)
def test_each_type_of_value_is_written(value, text):
    assert str(field("x") == value) == f"x is {text}"


def test_wildcards_can_be_escaped():
    assert str(field("name").contains("50%_")) == r'name like "%50\%\_%"'
    assert str(field("name").starts_with("a\\b")) == r'name like "a\\\\b%"'
    assert str(field("name").like("sh%")) == 'name like "sh%"'


def test_empty_list_matches_nothing():
    assert str(field("id").is_in([])) == "id is none and id is_not none"
    assert str(field("id").is_not_in([])) == "id is none or id is_not none"
    assert str(field("id").is_in(["a", "b"])) == 'id in ("a", "b")'


def test_related_entities_in_an_expression():
    condition = field("assignments").any(field("resource.username") == "kim")
    assert str(condition) == 'assignments any (resource.username is "kim")'
    assert str(field("parent").has()) == "parent has ()"


def test_condition_has_no_truth_value():
    with pytest.raises(TypeError, match="Combine conditions with &"):
        bool(field("a") == 1)
