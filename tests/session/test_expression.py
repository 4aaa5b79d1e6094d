from __future__ import annotations

import datetime

import pytest

from ft_dcc.session.query.expression import field, find, quoted


def test_quotes_and_backslashes_are_escaped():
    assert quoted('a"b\\c') == r'"a\"b\\c"'


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


def test_conditions_on_related_entities():
    condition = field("assignments").any(field("resource.username") == "kim")
    assert str(condition) == 'assignments any (resource.username is "kim")'
    assert str(field("parent").has()) == "parent has ()"


def test_condition_has_no_truth_value():
    with pytest.raises(TypeError, match="Combine conditions with &"):
        bool(field("a") == 1)
