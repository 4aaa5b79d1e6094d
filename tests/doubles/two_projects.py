"""A studio with one row of each entity type in two projects, made from the schema, so that no type is forgotten."""

from __future__ import annotations

from uuid import uuid4

import attrs
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from ft_dcc.server.auth.permissions import access_rule
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

OPEN, PRIVATE = "open", "private"
# A further project, for tests that need a second one of the same user.
SPARE = "spare"
# The types whose rows stand for those of a family, where others would need special values.
_OF_FAMILY = {
    "Context": "Task",
    "Component": "FileComponent",
    "Resource": "User",
    "List": "TypedContextList",
    "CustomConfigurationBase": "CustomAttributeConfiguration",
    "CustomAttributeLink": "AssetCustomAttributeLink",
    "StatusChange": "TypedContextStatusChange",
}
# The id of a configuration of links between entities, for tests that create one.
LINK_CONFIGURATION = "link-configuration"
_SPECIAL = {"Component": {"container_id": None}, "CustomAttributeLink": {"configuration_id": LINK_CONFIGURATION}}
_NAMED = ("name", "key", "group", "username", "parent_type")
_EDITIONS = {OPEN: "first edition", PRIVATE: "secret", SPARE: "spare edition"}


def families(schema, tables):
    """Return the families whose rows do not belong to everyone."""
    return [family for family in tables.by_family if not access_rule(schema, schema[family]).is_public]


def row_id(project, family):
    return project if family == "Project" else f"{project}-{family}"


def open_database(studio):
    return create_engine(f"sqlite:///{studio.folder / 'studio.db'}", poolclass=NullPool).begin()


def fill(connection, schema, tables, users):
    """Add both projects; ``users`` are the authors of their rows. Keys that decide nothing lead into the other one."""
    for project in (OPEN, PRIVATE):
        values = {"id": project, "project_id": project, TYPE_COLUMN: "Project", "name": f"{project} project"}
        connection.execute(tables.by_family["Context"].insert().values({**values, "is_private": project == PRIVATE}))
        for family in families(schema, tables):
            row = make_row(schema, tables, family, project, users[project])
            connection.execute(tables.by_family[family].insert().values(row))


def make_row(schema, tables, family, project, user):
    """Return a row of a project: each owner is in the same project, and each other key leads into the other one."""
    entity_type = schema[_OF_FAMILY.get(family, family)]
    rule = access_rule(schema, entity_type)
    owners = {key.column: key for key in rule.owners}
    other = PRIVATE if project == OPEN else OPEN
    row = {}
    for name, _column in tables.by_family[family].c.items():
        attribute = _attribute(schema, family, name)
        if name == TYPE_COLUMN:
            row[name] = entity_type.name
        elif name == rule.author:
            row[name] = user
        elif name in owners:
            target = owners[name].targets[0] if owners[name].targets else _family(schema, attribute)
            row[name] = project if (family, name) == ("Context", "project_id") else row_id(project, target)
        elif attribute is not None and attribute.kind == "foreign key" and attribute.rows != "*":
            target = _family(schema, attribute)
            # Vocabulary is for everyone, and there is none with these ids.
            row[name] = row_id(other, target) if target in families(schema, tables) else f"no-{target}"
        elif name == "id":
            row[name] = (
                1 if (family, project) == ("Event", OPEN) else 2 if family == "Event" else row_id(project, family)
            )
        elif attribute is not None:
            row[name] = _value(attribute.kind, project, family, name)
    if family == "Context":
        row["parent_id"] = project
    if family == "Component":
        row["container_id"] = None
    if family == "Feed":
        row["social_id"] = 1 if project == OPEN else 2
    return row


def _attribute(schema, family, column):
    found = (member.attributes.values() for member in schema.family_of(family) if not member.is_view)
    return next((attribute for each in found for attribute in each if attribute.column == column), None)


def _family(schema, attribute):
    return schema[attribute.rows].family


def _value(kind, project, family, name, edition=""):
    text = f"{edition or _EDITIONS[project]} {family} {name}"
    if kind in ("variable", "object"):
        return f'"{text}"'
    if kind == "date":
        return "2024-05-01T12:00:00" if not edition else "2031-05-01T12:00:00"
    if kind in ("integer", "number"):
        return 7 if not edition else 7_000
    if kind == "boolean":
        return 0 if not edition else 1
    return text


def change_private_rows(connection, schema, tables, edition="changed"):
    """Change all values of the private project but its keys, so that an answer that depends on one changes.

    The edition "" is the original one.
    """
    for family in families(schema, tables):
        table = tables.by_family[family]
        key = _key(table, schema, family)
        values = {}
        for name in [column.name for column in table.c]:
            attribute = _attribute(schema, family, name)
            is_key = attribute is None or attribute.kind == "foreign key" or name in schema[family].key
            if not is_key and name not in ("project_id", "parent_type", "is_private", "is_shared_with_everyone"):
                values[name] = _value(attribute.kind, PRIVATE, family, name, edition)
        if values:
            connection.execute(table.update().where(key).values(values))


def telling_column(schema, family):
    """Return the column of a family that tells to which project a generated row belongs."""
    if "id" in schema[family].key:
        return "id"
    rule = access_rule(schema, schema[family])
    return rule.owners[0].column if rule.owners else rule.author


def _key(table, schema, family):
    column = table.c[telling_column(schema, family)]
    return column == 2 if family == "Event" else column.in_((PRIVATE, f"of-{PRIVATE}")) | column.like(f"{PRIVATE}-%")


@attrs.frozen
class Operations:
    """All operations that lead to the entities of one project, as ``make_row`` makes them.

    New entities are in the project ``own``, and so are those whose keys are changed.
    """

    schema: Schema
    tables: Tables
    project: str
    own: str = OPEN
    hidden: frozenset[str] = attrs.field(init=False)

    @hidden.default
    def _find_hidden(self):
        # History is written by the server alone, with numbers as ids.
        return frozenset(families(self.schema, self.tables)) - {"Event", "Feed"}

    def all(self, public_rows):
        """Return all operations, in an order that does not depend on the project."""
        return [*self.creates(), *self.updates(public_rows), *self.changes()]

    def creates(self):
        """Yield the creation of an entity of each type with each key and relation."""
        for entity_type in self.schema:
            if entity_type.is_private or entity_type.is_abstract or entity_type.is_materialised:
                continue
            for name, value in self.keys(entity_type):
                data = {**self.new_values(entity_type), name: value}
                yield {"action": "create", "entity_type": entity_type.name, "entity_data": data}

    def updates(self, public_rows):
        """Yield the update of each key and relation of an own entity, and of a public one."""
        for family in self.tables.by_family:
            row = self.row(family, self.own) if family in self.hidden else public_rows[family]
            entity_type = self.schema[row.get("__entity_type__", family)]
            if not row or entity_type.is_private:
                continue
            key = [str(row[name]) for name in entity_type.key]
            for name, value in self.keys(entity_type):
                data = {name: value}
                yield {"action": "update", "entity_type": entity_type.name, "entity_key": key, "entity_data": data}

    def changes(self):
        """Yield the deletion of each entity of the project, and each of its attributes with another value."""
        for family in sorted(self.hidden):
            row = self.row(family, self.project)
            entity_type = self.schema[row.get("__entity_type__", family)]
            if entity_type.is_private:
                continue
            call = {"entity_type": entity_type.name, "entity_key": [str(row[name]) for name in entity_type.key]}
            yield {"action": "delete", **call}
            for attribute in entity_type.attributes.values():
                if not attribute.is_hidden and (attribute.is_many or attribute.kind in ("text", "foreign key")):
                    value = [] if attribute.is_many else None if attribute.kind == "foreign key" else "x"
                    yield {"action": "update", **call, "entity_data": {attribute.name: value}}

    def keys(self, entity_type):
        """Yield each key and relation of a type that may lead to the project, with a value that does."""
        for attribute in entity_type.attributes.values():
            for family in self.targets(entity_type, attribute):
                row = self.row(family, self.project)
                if attribute.kind == "foreign key":
                    yield attribute.name, row["id"]
                    continue
                target = self.schema[row.get("__entity_type__", family)]
                reference = {"__entity_type__": target.name, **{name: row[name] for name in target.key}}
                yield attribute.name, [reference] if attribute.is_many else reference

    def targets(self, entity_type, attribute):
        """Return the families that a key or relation may lead to and that belong to projects or users."""
        if attribute.is_hidden or not attribute.rows:
            return []
        found = (attribute.rows,)
        if attribute.rows == "*":
            owners = access_rule(self.schema, entity_type).owners
            found = next((key.targets for key in owners if key.column == attribute.column), ())
        return [family for family in (self.schema[name].family for name in found) if family in self.hidden]

    def new_values(self, entity_type):
        """Return the values that a new entity needs."""
        owners = {key.column: key.targets for key in access_rule(self.schema, entity_type).owners}
        found = {}
        for attribute in entity_type.attributes.values():
            if attribute.is_hidden or attribute.column is None:
                continue
            if attribute.kind == "foreign key" and attribute.column in owners:
                family = (owners[attribute.column] or (self.schema[attribute.rows].family,))[0]
                found[attribute.name] = row_id(self.own, family)
            elif attribute.name in (*_NAMED, "email") or "id" in entity_type.key == (attribute.name,):
                found[attribute.name] = f"{uuid4().hex}{'@example.test' if attribute.name == 'email' else ''}"
        if entity_type.family == "Context":
            found["parent_id"] = self.own
        return {**found, **_SPECIAL.get(entity_type.family, {})}

    def row(self, family, project):
        return make_row(self.schema, self.tables, family, project, f"of-{PRIVATE if project == PRIVATE else OPEN}")
