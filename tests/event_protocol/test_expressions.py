from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ft_dcc.errors import ParseError
from ft_dcc.event_protocol.expressions import AllOf, AnyOf, Condition, Expression, Not, parse

EVENT = {
    "topic": "ftrack.update",
    "data": {"name": "sh010", "count": 1, "is_new": True, "tags": ["a"], "deep": {"key": "value"}},
}


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("topic=ftrack.update", True),
        ("topic=ftrack", False),
        ("topic != ftrack.action", True),
        ("data.deep.key = value", True),
        ('data.deep.key="value"', True),
        ("data.deep.key='value'", True),
        ("data.name >= sh010 and data.name < sh020", True),
        ("data.name > sh010", False),
        ("topic=a or topic=b or topic=ftrack.update", True),
        ("topic=a and topic=b or topic=ftrack.update", True),
        ("topic=ftrack.update or topic=a and topic=b", True),
        ("(topic=ftrack.update or topic=a) and topic=b", False),
        ("not topic=a", True),
        ("not topic=a and topic=b", False),
        ("not (topic=a and topic=b)", True),
        ("NOT topic=a AND topic=ftrack.update", True),
        ("not not topic=ftrack.update", True),
    ],
)
def test_expression_matches_events(text: str, is_match: bool):
    assert parse(text).match(EVENT) is is_match


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("topic=ftrack.*", True),
        ("topic=*", True),
        ("topic=update*", False),
        ("topic=ft*.update", False),
        ("topic!=ftrack.*", True),
        ('data.name="sh0*"', True),
    ],
)
def test_trailing_asterisk_matches_any_ending(text: str, is_match: bool):
    assert parse(text).match(EVENT) is is_match


@pytest.mark.parametrize("text", ["data.missing=x", "data.missing!=x", "data.name.deeper!=x", "data.missing=*"])
def test_missing_field_matches_nothing(text: str):
    assert parse(text).match(EVENT) is False


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("data.count=1", False),
        ("data.count!=1", True),
        ("data.count>0", False),
        ("data.count<9", False),
        ("data.is_new=True", False),
        ("data.tags=a*", False),
        ("data.deep=k*", False),
    ],
)
def test_value_that_is_not_text_matches_only_not_equal(text: str, is_match: bool):
    assert parse(text).match(EVENT) is is_match


def test_quoted_value_may_contain_any_character():
    event = {"path": r"C:\renders\a (1).exr", "name": 'the "best" and only', "city": "Malmö"}
    assert parse(r'path="C:\renders\a (1).exr"').match(event)
    assert parse(r'name="the \"best\" and only"').match(event)
    assert parse("name='the \"best\" and only'").match(event)
    assert parse("city='Malmö'").match(event)


def test_keywords_may_be_fields_and_values():
    assert parse("not=or").match({"not": "or"})
    assert parse("and=and and or=or").match({"and": "and", "or": "or"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The subscription is empty. Write it like topic=ftrack.update."),
        ("   ", "The subscription is empty. Write it like topic=ftrack.update."),
        ("topic", "The subscription is invalid at character 6 (the end): expected an operator such as '='."),
        (
            "topic=a nor topic=b",
            "The subscription is invalid at character 9 (nor topic=b): expected 'and', 'or' or the end.",
        ),
        ("(topic=a", "The subscription is invalid at character 9 (the end): expected a closing parenthesis."),
        (
            "topic=",
            "The subscription is invalid at character 7 (the end): expected a value (in quotes when it has blanks).",
        ),
        ("topic=a and", "The subscription is invalid at character 12 (the end): expected the name of a field."),
    ],
)
def test_syntax_error_is_reported_with_its_position(text: str, message: str):
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["(" * 10_000 + "a=b" + ")" * 10_000, "not " * 10_000 + "a=b"])
def test_deeply_nested_expression_is_refused(text: str):
    with pytest.raises(ParseError, match="nested more than 50 levels"):
        parse(text)


conditions = st.builds(
    Condition,
    st.from_regex(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", fullmatch=True),
    st.sampled_from(["=", "!=", ">=", "<=", ">", "<"]),
    st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"])),
)


def joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(AllOf, several), st.builds(AnyOf, several))


@settings(max_examples=40, deadline=None)
@given(st.recursive(conditions, joined, max_leaves=8))
def test_text_of_an_expression_parses_to_the_same_expression(expression: Expression):
    assert parse(str(expression)) == expression


@settings(deadline=None)
@given(st.text(alphabet="ab=!<>()'\"\\* .notrd", max_size=60))
def test_any_text_is_parsed_or_refused(text: str):
    try:
        expression = parse(text)
    except ParseError:
        return
    assert expression.match({"a": "b"}) in (True, False)
