"""Each name of the published documents is sent in each position and with each operator of a query.

The expected results are computed from the values that the session's entities have under these names.
"""

import re

import attrs
import pytest

from ft_dcc.errors import OperationError
from ft_dcc.session import operations
from ft_dcc.session.compat.query_aliases import translate_query

OPERATORS = ("is", "is_not", "=", "!=", "in", "not_in", "like", "not_like", "<", ">", "<=", ">=")


@attrs.frozen
class PublishedName:
    """A name of an entity type, the values to compare it with, and the value that an entity has under it."""

    entity_type: str
    name: str
    values: tuple[str, ...]
    read: object


PUBLISHED_NAMES = (
    PublishedName(
        "AssetVersion", "name", ('"v001"', "v002", '"v00%"', '"v%"', '"v_0%"', '"other"'), lambda it: it["name"]
    ),
    PublishedName("AssetVersion", "description", ('"blocking"', '"%ing"', '"other"'), lambda it: it["description"]),
    PublishedName(
        "ReviewSession", "status", ('"Open"', "closed", '"Clo%"', '"%e%"', '"other"'), lambda it: it["status"]
    ),
    PublishedName("ReviewSession", "is_public", ("true", "false"), lambda it: it["is_public"]),
    PublishedName("Note", "frame", ("1002", "1001"), lambda it: it["frame"]),
    PublishedName("ReviewSessionInvitee", "invitation_status", ("sent", '"pend%"'), lambda it: it["invitation_status"]),
    PublishedName("Note", "text", ('"Lift the chin."', '"%chin%"'), lambda it: it["text"]),
    PublishedName(
        "Note", "review_session_object.name", ('"v001"', '"%1"'), lambda it: it["review_session_object"]["name"]
    ),
    PublishedName("ReviewSessionInvitee", "user.username", ('"ada"', '"a%"'), lambda it: it["user"]["username"]),
)


@attrs.frozen
class Data:
    """Entities of each type, and of types that refer to them: the type, the key and the relation."""

    session: object
    entities: dict


@pytest.fixture
def data(session, project_task):
    entities = {"AssetVersion": [], "ReviewSession": [], "ReviewSessionObject": [], "Note": []}
    for number, comment in enumerate(("blocking", "final"), 1):
        version = session.create("Version", {"name": "v1", "task": project_task, "description": comment})
        review = session.create("ReviewSession", {"name": f"Dailies {number}", "project": project_task["project"]})
        review["is_public"] = number == 1
        values = {"name": f"v00{number}", "review_session": review, "asset_version": version}
        item = session.create("ReviewSessionObject", values)
        content = "Lift the chin." if number == 1 else "Good."
        note = session.create("ReviewSessionObjectComment", {"review_session_object": item, "text": content})
        note["frame"] = 1000 + number
        for name, entity in zip(entities, (version, review, item, note)):
            entities[name].append(entity)
    session.commit()
    entities["ReviewSession"][1]["status"] = "Closed"
    entities["ReviewSessionInvitee"] = []
    for name in ("ada", "bo"):
        user = session.ensure("User", {"username": name, "email": f"{name}@example.com"}, ["username"])
        values = {"review_session": entities["ReviewSession"][0], "user": user}
        entities["ReviewSessionInvitee"].append(session.create("ReviewSessionInvitee", values))
    entities["ReviewSessionInvitee"][0]["invitation_status"] = "sent"
    session.commit()
    return Data(session, entities)


def positions(data, published, condition):
    """Yield queries with the condition in each position, and the ids and the entities that it is about."""
    entity_type, own = published.entity_type, data.entities[published.entity_type]
    pairs = [(entity["id"], entity) for entity in own]
    among = f"id in ({', '.join(key for key, _ in pairs)})"
    yield f"{entity_type} where {condition('')} and {among}", pairs
    yield f"select id from {entity_type} where {among} and (id is none or ({condition('')}))", pairs
    yield f"{entity_type} where {among} and id in (select id from {entity_type} where {condition('')})", pairs
    relation = {"AssetVersion": "asset_version", "ReviewSession": "review_session"}.get(entity_type)
    if relation is not None:
        items = data.entities["ReviewSessionObject"]
        pairs = [(item["id"], item[relation]) for item in items]
        among = f"id in ({', '.join(key for key, _ in pairs)})"
        yield f"ReviewSessionObject where {condition(f'{relation}.')} and {among}", pairs
        yield f"ReviewSessionObject where {relation} has ({condition('')}) and {among}", pairs
        yield f"ReviewSessionObject where {among} and (id is none or {relation} has (({condition('')})))", pairs
    plural = {"ReviewSessionInvitee": "review_session_invitees", "Note": "notes"}.get(entity_type)
    if plural is not None:
        owner, key = ("ReviewSession", "review_session") if plural != "notes" else ("ReviewSessionObject", "parent_id")
        owners = [(entity[key]["id"] if plural != "notes" else entity[key], entity) for entity in own]
        among = f"id in ({', '.join(key for key, _ in owners)})"
        yield f"{owner} where {plural} any ({condition('')}) and {among}", owners


def matches(value, operator, text):
    """Return whether a value fulfils a condition, in Python."""
    wanted, found = text.strip('"').lower(), str(value).lower()
    if operator in ("not_like", "is_not", "!=", "not_in"):
        opposite = {"not_like": "like", "is_not": "is", "!=": "is", "not_in": "is"}
        return not matches(value, opposite[operator], text)
    if operator == "like":
        pattern = "".join({"%": ".*", "_": "."}.get(each, re.escape(each)) for each in wanted)
        return re.fullmatch(pattern, found) is not None
    if operator in ("<", ">", "<=", ">="):
        return {"<": found < wanted, ">": found > wanted, "<=": found <= wanted, ">=": found >= wanted}[operator]
    return found == wanted


@pytest.mark.parametrize("published", PUBLISHED_NAMES, ids=lambda each: f"{each.entity_type}.{each.name}")
def test_a_name_in_each_position_with_each_operator_finds_what_its_values_say_or_is_refused(data, published):
    refused, queries, expected = set(), [], []
    for operator in OPERATORS:
        for value in published.values:
            if ("%" in value) != (operator in ("like", "not_like")):
                continue
            compared = f"({value}, {value})" if operator in ("in", "not_in") else value

            def condition(prefix: str, operator: str = operator, compared: str = compared) -> str:
                return f"{prefix}{published.name} {operator} {compared}"

            for query, pairs in positions(data, published, condition):
                try:
                    queries.append(translate_query(query, data.session.types))
                except OperationError as error:
                    assert published.name in str(error)
                    refused.add(operator)
                    continue
                expected.append({key for key, entity in pairs if matches(published.read(entity), operator, value)})
    # All in one request, because each takes longer than its query.
    answers = data.session.call([operations.query(query) for query in queries])
    found = [{entity["id"] for entity in answer["data"]} for answer in answers]
    assert [each for each in zip(queries, found, expected) if each[1] != each[2]] == []
    assert sum(map(len, found)) > 10
    assert refused <= {"like", "not_like", "<", ">", "<=", ">="}


def test_a_name_is_selected_sorted_by_and_populated(data):
    session, (first, second) = data.session, data.entities["AssetVersion"]
    among = f"id in ({first['id']}, {second['id']})"
    found = session.query(f"select name, description from AssetVersion where {among} order by name descending").all()
    assert [version["name"] for version in found] == ["v002", "v001"]
    session.populate(found, "name, asset.name")
    items = session.query(f"select asset_version.name from ReviewSessionObject where version_id is {first['id']}").all()
    assert [item["asset_version"]["name"] for item in items] == ["v001"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select review_session_object.name from ReviewSessionObjectComment", "'review_session_object.name' cannot be"),
        ("AssetVersion where name.id is 1", "'name.id' leads nowhere"),
        ('AssetVersion where name > "final"', "'name' cannot be compared like this: > \"final\""),
        ("ReviewSession where status in (select id from Task)", "'status' cannot be compared with the result"),
        ("ReviewSession where status has (name is 1)", "'status' is a value"),
        ('AssetVersion where name like "v00%"', "'name' cannot be compared like this: like \"v00%\""),
    ],
)
def test_what_cannot_be_translated_is_refused_by_its_name(session, query, reason):
    with pytest.raises(OperationError, match=re.escape(reason)):
        session.query(query)
