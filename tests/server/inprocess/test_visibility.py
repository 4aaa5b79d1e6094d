"""No answer to a user of one project depends on the rows of another one, along any path and in any clause."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from doubles.two_projects import OPEN, PRIVATE, change_private_rows, families, fill, open_database, telling_column

from ft_dcc.errors import HttpError
from ft_dcc.server.auth.access_rules import MEMBERS, access_rule, read_rules
from ft_dcc.server.auth.permissions import permissions_of
from ft_dcc.server.entities.batch import Batch
from ft_dcc.server.entities.changes import ChangeSet, stored_type
from ft_dcc.server.entities.ownership import OwnerReader, holds
from ft_dcc.server.identity import Caller
from ft_dcc.server.schema.model import Attribute, EntityType, Schema

# The number of paths in each test, of about 3,000 to one entity and 100,000 in all.
_PATHS = int(os.environ.get("FT_DCC_ACCESS_PATHS", "40"))


@attrs.frozen
class TwoProjects:
    """A studio with rows in two projects, and users: of the open project, of both, and an administrator."""

    studio: Any
    admin: Any
    limited: Any
    other: Any


@pytest.fixture
def two_projects(studio: Any, client: Any) -> Iterator[TwoProjects]:
    """Fill both projects with one row of each type, and add a user for each, who is the author of its rows."""
    users = {}
    with open_database(studio) as connection:
        if connection.exec_driver_sql("SELECT 1 FROM context WHERE id = 'open'").first() is None:
            fill(connection, studio.schema, studio.store.tables, {OPEN: "of-open", PRIVATE: "of-private"})
    for project in (OPEN, PRIVATE):
        user = f"of-{project}"
        if not client.query(f"User where id is {user}"):
            client.call({"action": "create", "entity_type": "User", "entity_data": {"id": user, "username": user}})
            (held,) = client.query(f"UserSecurityRole where user_id is {user}")
            client.update("UserSecurityRole", held["id"], is_all_open_projects=False)
            client.create("UserSecurityRoleProject", user_security_role_id=held["id"], project_id=project)
        users[project] = attrs.evolve(client, caller=Caller(user, user))
    yield TwoProjects(studio, client, users[OPEN], users[PRIVATE])


def relations(schema: Schema, entity_type: EntityType) -> list[Attribute]:
    return [found for found in entity_type.attributes.values() if not found.is_scalar and not found.is_hidden]


def paths(schema: Schema, *, to_one: bool, depth: int) -> Iterator[tuple[str, list[str], str]]:
    """Yield the type, the relations and the type at the end of each path in the schema."""
    for entity_type in schema:
        if entity_type.is_private or entity_type.is_view:
            continue
        pending: list[tuple[list[str], EntityType]] = [([], entity_type)]
        while pending:
            names, here = pending.pop()
            for attribute in relations(schema, here):
                if to_one and attribute.is_many:
                    continue
                found = [*names, attribute.name]
                yield entity_type.name, found, attribute.rows
                if len(found) < depth:
                    pending.append((found, schema[attribute.rows]))


def value_of(entity_type: EntityType) -> str:
    """Return the attribute of a type that says most."""
    text = [name for name, found in entity_type.attributes.items() if found.kind == "text" and found.column == name]
    return next((name for name in text if name != "id"), entity_type.key[0])


def statements(schema: Schema) -> list[str]:
    """Return statements along a sample of the paths, with each clause of the query language."""
    chosen, made = random.Random(11), []
    to_one = list(paths(schema, to_one=True, depth=3))
    to_many = list(paths(schema, to_one=False, depth=2))
    for type_name, names, target in chosen.sample(to_one, min(_PATHS, len(to_one))):
        path, text = ".".join(names), ".".join((*names, value_of(schema[target])))
        made += [
            f"select {text} from {type_name} order by {text}",
            f"{type_name} where {text} like '%secret%'",
            f"{type_name} where not {path} has ()",
            f"select max({text}), count({text}) from {type_name}",
            f"select count(id), {text} from {type_name} group by {text}",
        ]
    for type_name, names, target in chosen.sample(to_many, min(_PATHS, len(to_many))):
        path, value = ".".join(names), value_of(schema[target])
        made += [
            f"select {path}.{value}, {path} from {type_name}",
            f"{type_name} where {path} any ({value} like '%secret%')",
            f"{type_name} where {path}.{value} like '%secret%'",
        ]
    for entity_type in schema:
        if not entity_type.is_private:
            value = value_of(entity_type)
            made += [
                f"{entity_type.name} where {value} like '%secret%'",
                f"select {', '.join(_scalars(entity_type))} from {entity_type.name}",
                f"User where id in (select {value} from {entity_type.name}) or id is none",
                f"select count({entity_type.key[0]}), max({value}) from {entity_type.name}",
            ]
    return made


def _scalars(entity_type: EntityType) -> list[str]:
    return [name for name, found in entity_type.attributes.items() if found.is_scalar and not found.is_hidden]


def answers(user: Any, expressions: list[str]) -> dict[str, str]:
    """Return the answer to each statement: its data, or the text of its refusal."""
    found = {}
    for expression in expressions:
        try:
            found[expression] = json.dumps(user.query(expression), sort_keys=True)
        except HttpError as error:
            found[expression] = f"{type(error).__name__}: {error}"
    return found


def test_no_statement_depends_on_rows_of_a_hidden_project(two_projects: TwoProjects) -> None:
    studio = two_projects.studio
    expressions = statements(studio.schema)
    before = answers(two_projects.limited, expressions)
    assert [expression for expression, answer in before.items() if "secret" in answer] == []
    assert sum("first edition" in answer for answer in before.values()) > len(expressions) / 20
    with open_database(studio) as connection:
        change_private_rows(connection, studio.schema, studio.store.tables)
    after = answers(two_projects.limited, expressions)
    signed = [expression for expression in expressions if "/component/signed/" in before[expression]]
    assert [each for each in expressions if before[each] != after[each] and each not in signed] == []
    # The administrator, in contrast, sees the change in many of them.
    assert "changed" in json.dumps(two_projects.admin.query("select content from Note"))


@pytest.mark.parametrize("reader", ["limited", "other"])
def test_each_row_is_visible_in_its_project_only(two_projects: TwoProjects, reader: str) -> None:
    studio, user = two_projects.studio, getattr(two_projects, reader)
    own, foreign = (OPEN, PRIVATE) if reader == "limited" else (PRIVATE, OPEN)
    for family in families(studio.schema, studio.store.tables):
        if studio.schema[family].is_private or family in ("Event", "Feed"):
            continue
        column = telling_column(studio.schema, family)
        found = {row[column].replace("of-", "").split("-")[0] for row in user.query(f"select {column} from {family}")}
        assert own in found and foreign not in found, family


def test_events_reach_those_who_can_query_the_entity(two_projects: TwoProjects) -> None:
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


def test_the_access_rules_name_every_type(studio: Any) -> None:
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


def test_a_type_without_a_rule_is_refused(studio: Any) -> None:
    unknown = attrs.evolve(studio.schema["Note"], name="Unknown", base="", family="Unknown")
    rule = access_rule(studio.schema, unknown)
    assert not rule.is_public and not rule.owners
    assert set().union(*rule.grants.values()) == {"administrators"}


def test_links_are_visible_with_both_of_their_ends(studio: Any) -> None:
    """Relations through a type of links do not filter the links themselves."""
    for entity_type in studio.schema:
        for attribute in entity_type.attributes.values():
            if attribute.join is not None and attribute.join.way == "through":
                rule = access_rule(studio.schema, studio.schema[attribute.join.link])
                ends = {attribute.join.link_local, attribute.join.link_remote}
                assert rule.is_public or {key.column for key in rule.owners} <= ends, attribute.join.link
