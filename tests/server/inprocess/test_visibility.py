"""No answer to a user of one project depends on the rows of another one, along any path and in any clause."""

import json
import os
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import attrs
import pytest
from doubles.two_projects import OPEN, PRIVATE, change_private_rows, families, open_database, telling_column
from run_options import seeded

from ft_dcc.server.auth.permissions import MEMBERS, access_rule, permissions_of, read_rules
from ft_dcc.server.database import connections
from ft_dcc.server.entities.batch import Batch
from ft_dcc.server.entities.changes import ChangeSet, stored_type
from ft_dcc.server.entities.ownership import OwnerReader, holds
from ft_dcc.server.errors import HttpError
from ft_dcc.server.identity import Caller

# The number of paths in each test, or "all" of them: there are about 3,000 to one entity, and millions in all.
_PATHS = os.environ.get("FT_DCC_ACCESS_PATHS", "24")
_DEPTH = 3
# The steps of SQLite between two counts, and those by which two runs of a statement may differ.
_STEPS, _MAX_DIFFERENCE = 50, 500
# Rows for a subquery that takes long.
SCOPES = [{"id": f"scope-{number}", "name": f"scope {number}"} for number in range(500)]


@pytest.fixture
def two_projects(context_of_both, client):
    """Add one row of each type to both projects, and one user per project as the author of its rows.

    Return the studio and users: of the open project, of the other one, and an administrator.
    """
    users, studio = {}, context_of_both
    with open_database(studio) as connection:
        change_private_rows(connection, studio.schema, studio.store.tables, edition="")
    for project in (OPEN, PRIVATE):
        user = f"of-{project}"
        if not client.query(f"User where id is {user}"):
            client.create("User", id=user, username=user)
            (held,) = client.query(f"UserSecurityRole where user_id is {user}")
            client.update("UserSecurityRole", held["id"], is_all_open_projects=False)
            client.create("UserSecurityRoleProject", user_security_role_id=held["id"], project_id=project)
        users[project] = attrs.evolve(client, caller=Caller(user, user))
    return SimpleNamespace(studio=studio, admin=client, limited=users[OPEN], other=users[PRIVATE])


def relations(schema, entity_type):
    return [found for found in entity_type.attributes.values() if not found.is_scalar and not found.is_hidden]


def paths(schema, *, to_one, depth):
    """Yield the type, the relations and the type at the end of each path in the schema."""
    for entity_type in schema:
        if entity_type.is_private or entity_type.is_view:
            continue
        pending = [([], entity_type)]
        while pending:
            names, here = pending.pop()
            for attribute in relations(schema, here):
                if to_one and attribute.is_many:
                    continue
                found = [*names, attribute.name]
                yield entity_type.name, found, attribute.rows
                if len(found) < depth:
                    pending.append((found, schema[attribute.rows]))


def chosen_paths(schema, *, to_one):
    """Yield a sample of the paths of any length up to the depth, or all of them."""
    if _PATHS == "all":
        yield from paths(schema, to_one=to_one, depth=_DEPTH)
        return
    chosen = seeded(f"paths {to_one}")
    types = [found for found in schema if not found.is_private and not found.is_view]
    for number in range(int(_PATHS)):
        here = start = chosen.choice(types)
        names: list[str] = []
        # Most paths are as long as possible; there are few others.
        for _ in range(1 + number % _DEPTH if number < int(_PATHS) / 4 else _DEPTH):
            found = [each for each in relations(schema, here) if not (to_one and each.is_many)]
            if not found:
                break
            attribute = chosen.choice(found)
            names.append(attribute.name)
            here = schema[attribute.rows]
        if names:
            yield start.name, names, here.name


def value_of(entity_type):
    """Return the attribute of a type that says most."""
    text = [name for name, found in entity_type.attributes.items() if found.kind == "text" and found.column == name]
    return next((name for name in text if name != "id"), entity_type.key[0])


# The clauses of the query language: with a path to one, a path to many, and for the entities of a type.
_ONE = (
    "select {text} from {type} order by {text}",
    "{type} where {text} like '%secret%'",
    "{type} where not {path} has ()",
    "select max({text}), count({text}) from {type}",
    "select count(id), {text} from {type} group by {text}",
    "{type} where {text} > 'first' order by {text} desc limit 1",
    "{type} order by {text} limit 1 offset 1",
)
_MANY = (
    "select {path}.{value}, {path} from {type}",
    "{type} where {path} any ({value} like '%secret%')",
    "{type} where {path}.{value} like '%secret%'",
    "{type} where not {path} any ({value} like '%secret%') order by id",
    "select count({key}) from {type} where {path} any ({value} like '%secret%')",
    "{type} where id in (select {path}.{value} from {type})",
)
_OWN = (
    "{type} where {value} like '%secret%'",
    "User where id in (select {value} from {type}) or id is none",
    "select count({key}), max({value}) from {type}",
)


def some(clauses: tuple[str, ...], number: int, count: int) -> list[str]:
    """Return some of the clauses, other ones for each path: planning takes most of the time of these tests."""
    size = len(clauses) if _PATHS == "all" else count
    return [clauses[(number * count + each) % len(clauses)] for each in range(size)]


def statements(schema):
    """Return statements along a sample of the paths, with the clauses of the query language in turn."""
    made = []
    for clauses, to_one in ((_ONE, True), (_MANY, False)):
        for number, (type_name, names, target) in enumerate(chosen_paths(schema, to_one=to_one)):
            path, value, key = ".".join(names), value_of(schema[target]), schema[type_name].key[0]
            values = {"type": type_name, "path": path, "value": value, "text": f"{path}.{value}", "key": key}
            made += [clause.format(**values) for clause in some(clauses, number, 3)]
    for number, entity_type in enumerate(found for found in schema if not found.is_private):
        values = {"type": entity_type.name, "value": value_of(entity_type), "key": entity_type.key[0]}
        made += [clause.format(**values) for clause in some(_OWN, number, 1)]
        made.append(f"select {', '.join(_scalars(entity_type))} from {entity_type.name}")
    return made


def _scalars(entity_type):
    return [name for name, found in entity_type.attributes.items() if found.is_scalar and not found.is_hidden]


def answers(user, operations):
    """Return the answer to each operation: its data, or the text of its refusal."""
    found = []
    for operation in operations:
        try:
            found.append(json.dumps(user.call(operation)[0], sort_keys=True))
        except HttpError as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


def queries(expressions):
    return [{"action": "query", "expression": expression} for expression in expressions]


def searches(schema):
    """Return searches for each type: by a term, in the hidden project, and with an expression over a relation."""
    made, over_relations = [], []
    for entity_type in schema:
        if entity_type.is_private or "name" not in entity_type.attributes:
            continue
        search = {"action": "search", "entity_type": entity_type.name}
        made += [{**search, "terms": [term]} for term in ("secret", "first", "e")]
        made.append({**search, "terms": ["e"], "context_id": PRIVATE})
        over_relations += [
            {**search, "terms": ["e"], "expression": f"{entity_type.name} where {found.name}.id like '%private%'"}
            for found in relations(schema, entity_type)
        ]
    if _PATHS != "all":
        over_relations = seeded("searches").sample(over_relations, min(int(_PATHS), len(over_relations)))
    return made + over_relations


def test_no_search_depends_on_rows_of_a_hidden_project(two_projects):
    studio, user = two_projects.studio, two_projects.limited
    operations = searches(studio.schema)
    before = answers(user, operations)
    assert [found for found in before if "secret" in found] == []
    assert sum("first edition" in found for found in before) >= 15
    with open_database(studio) as connection:
        change_private_rows(connection, studio.schema, studio.store.tables)
    after = answers(user, operations)
    pairs = zip(operations, before, after)
    assert [each for each, old, new in pairs if old != new and "/component/signed/" not in old] == []


def steps_of(user, expressions, monkeypatch):
    """Return how many steps SQLite takes for each statement."""
    count = [0]

    @contextmanager
    def counting(connection, seconds):
        def add() -> int:
            count[0] += _STEPS
            return 0

        driver = connection.connection.dbapi_connection
        driver.set_progress_handler(add, _STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    monkeypatch.setattr(connections, "time_limit", counting)
    found = []
    for expression in expressions:
        count[0] = 0
        with suppress(HttpError):
            user.query(expression)
        found.append(count[0])
    return found


def test_the_work_of_a_statement_does_not_depend_on_values_of_a_hidden_project(two_projects, monkeypatch):
    """A hidden row that fulfils a condition costs the test whether it is visible, and nothing of the rest."""
    studio, user = two_projects.studio, two_projects.limited
    expressions = statements(studio.schema)
    if _PATHS != "all":
        expressions = seeded("work").sample(expressions, min(4 * int(_PATHS), len(expressions)))
    answers(user, queries(expressions))  # With the plans made, so that both runs have the same statements.
    before = steps_of(user, expressions, monkeypatch)
    assert sum(before) > len(expressions)
    with open_database(studio) as connection:
        change_private_rows(connection, studio.schema, studio.store.tables)
    after = steps_of(user, expressions, monkeypatch)
    pairs = zip(expressions, before, after)
    assert [(each, old, new) for each, old, new in pairs if abs(old - new) > _MAX_DIFFERENCE + _STEPS] == []


@pytest.mark.parametrize(
    "criteria",
    [
        "Note where content like '%{guess}%' and content in ({heavy})",
        "Note where content like '%{guess}%' and not content in ({heavy})",
        "Note where not (content not_like '%{guess}%' or content in ({heavy}))",
        "Note where id is x or (content like '%{guess}%' and content in ({heavy}))",
        "AssetVersion where comment is '{guess} AssetVersion comment' and comment in ({heavy})",
        "Task where name like '%{guess}%' and name in ({heavy})",
        "Project where notes any (content like '%{guess}%' and content in ({heavy}))",
        "User where thumbnail has (name like '%{guess}%' and name in ({heavy}))",
        "User where thumbnail.name like '%{guess}%' and thumbnail.name in ({heavy})",
        "Task where id in (select parent_id from Note where content like '%{guess}%' and content in ({heavy}))",
        "ReviewSession where name like '%{guess}%' and review_session_objects any (name in ({heavy}))",
        "select count(id) from Note where content like '%{guess}%' and content in ({heavy})",
    ],
)
def test_no_subquery_is_run_for_a_hidden_row_that_fulfils_a_guess(two_projects, monkeypatch, criteria):
    two_projects.admin.call(*({"action": "create", "entity_type": "Scope", "entity_data": data} for data in SCOPES))
    with open_database(two_projects.studio) as connection:
        # A user whose thumbnail is hidden; other keys of the public types lead nowhere.
        connection.exec_driver_sql("UPDATE resource SET thumbnail_id = 'private-Component' WHERE id = 'of-private'")
    heavy = "select name from Scope where name like '%a%b%'"
    right, wrong = (criteria.format(guess=guess, heavy=heavy) for guess in ("secret", "guess"))
    answers(two_projects.limited, queries([right, wrong]))
    steps = steps_of(two_projects.limited, [right, wrong], monkeypatch)
    # The subquery reads 500 names, each in several steps.
    assert abs(steps[0] - steps[1]) < _MAX_DIFFERENCE


def test_no_statement_depends_on_rows_of_a_hidden_project(two_projects):
    studio = two_projects.studio
    expressions = statements(studio.schema)
    before = answers(two_projects.limited, queries(expressions))
    assert [expression for expression, answer in zip(expressions, before) if "secret" in answer] == []
    assert sum("first edition" in answer for answer in before) > len(expressions) / 20
    with open_database(studio) as connection:
        change_private_rows(connection, studio.schema, studio.store.tables)
    pairs = zip(expressions, before, answers(two_projects.limited, queries(expressions)))
    assert [each for each, old, new in pairs if old != new and "/component/signed/" not in old] == []
    # The administrator, in contrast, sees the change in many of them.
    assert "changed" in json.dumps(two_projects.admin.query("select content from Note"))


@pytest.mark.parametrize("reader", ["limited", "other"])
def test_each_row_is_visible_in_its_project_only(two_projects, reader):
    studio, user = two_projects.studio, getattr(two_projects, reader)
    own, foreign = (OPEN, PRIVATE) if reader == "limited" else (PRIVATE, OPEN)
    for family in families(studio.schema, studio.store.tables):
        if studio.schema[family].is_private or family in ("Event", "Feed"):
            continue
        column = telling_column(studio.schema, family)
        found = {row[column].replace("of-", "").split("-")[0] for row in user.query(f"select {column} from {family}")}
        assert own in found and foreign not in found, family


def test_events_reach_those_who_can_query_the_entity(two_projects):
    studio, user = two_projects.studio, two_projects.limited
    for family in families(studio.schema, studio.store.tables):
        if studio.schema[family].is_private or family == "Event":
            continue
        table = studio.store.tables.by_family[family]
        with studio.store.reading() as connection:
            permissions = permissions_of(connection, studio.store.tables, user.caller.id)
            batch = Batch(studio, user.caller, connection, "", [], {}, ChangeSet(is_recording=False), permissions)
            reader = OwnerReader(batch)
            for row in connection.execute(table.select()).mappings():
                owners = reader.owners(stored_type(studio.schema, family, row), dict(row))
                is_told = holds(permissions, user.caller.id, owners, MEMBERS)
                key = " and ".join(f'{name} is "{row[name]}"' for name in studio.schema[family].key)
                assert is_told == bool(user.query(f"{family} where {key}")), (family, key)


def test_the_access_rules_name_every_type(studio):
    stored = [entity_type for entity_type in studio.schema if not entity_type.flags & {"mixin", "materialised"}]
    assert [found.name for found in stored if not access_rule(studio.schema, found).rights] == []
    assert sorted(set(read_rules()) - set(studio.schema.types)) == []
    for name, rule in read_rules().items():
        attributes = {
            found.column
            for each in studio.schema.family_of(studio.schema[name].family)
            for found in each.attributes.values()
        }
        assert {*(key.column for key in rule.owners), *filter(None, [rule.author])} <= attributes, name
        assert all(studio.schema[target].family == target for key in rule.owners for target in key.targets), name


def test_a_type_without_a_rule_is_refused(studio):
    unknown = attrs.evolve(studio.schema["Note"], name="Unknown", base="", family="Unknown")
    rule = access_rule(studio.schema, unknown)
    assert not rule.is_public and not rule.owners
    assert set().union(*rule.grants.values()) == {"administrators"}


def test_links_are_visible_with_both_of_their_ends(studio):
    """Relations through a type of links do not filter the links themselves."""
    for entity_type in studio.schema:
        for attribute in entity_type.attributes.values():
            if attribute.join is not None and attribute.join.way == "through":
                rule = access_rule(studio.schema, studio.schema[attribute.join.link])
                ends = {attribute.join.link_local, attribute.join.link_remote}
                assert rule.is_public or {key.column for key in rule.owners} <= ends, attribute.join.link
