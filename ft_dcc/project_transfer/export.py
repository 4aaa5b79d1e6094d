"""Fetch all entities of a site that belong to one project.

The schemas of a site list the foreign keys, so the fetch starts at the project and follows its children, the entities
attached to them, and all references. URLs, passphrases and roles are not fetched.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple, TypeVar

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.session import Session, operations
from ft_dcc.session.entity_types.schema import Schema
from ft_dcc.session.query.expression import quoted

T = TypeVar("T")
Row = dict[str, Any]
OnFetched = Callable[[str, int], None]

_CONTEXTS = ("Project", "TypedContext")
_LISTS = ("TypedContextList", "AssetVersionList")
# Attached entities: the type, its key, and the types that the key refers to.
ATTACHED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("TypedContext", "project_id", ("Project",)),
    ("TypedContextLink", "from_id", ("TypedContext",)),
    ("Appointment", "context_id", _CONTEXTS),
    ("Manager", "context_id", _CONTEXTS),
    ("Timelog", "context_id", _CONTEXTS),
    ("CalendarEvent", "project_id", ("Project",)),
    ("CalendarEventResource", "calendar_event_id", ("CalendarEvent",)),
    ("TypedContextStatusChange", "parent_id", ("TypedContext",)),
    ("Asset", "context_id", _CONTEXTS),
    ("AssetVersion", "asset_id", ("Asset",)),
    ("AssetVersionLink", "from_id", ("AssetVersion",)),
    ("AssetVersionStatusChange", "parent_id", ("AssetVersion",)),
    ("Component", "version_id", ("AssetVersion",)),
    ("Component", "container_id", ("Component",)),
    ("ComponentLocation", "component_id", ("Component",)),
    *((kind, "project_id", ("Project",)) for kind in _LISTS),
    ("ListObject", "list_id", _LISTS),
    ("ReviewSession", "project_id", ("Project",)),
    ("ReviewSessionObject", "review_session_id", ("ReviewSession",)),
    ("ReviewSessionInvitee", "review_session_id", ("ReviewSession",)),
    ("ReviewSessionObjectStatus", "review_session_object_id", ("ReviewSessionObject",)),
    ("ReviewSessionObjectAnnotation", "review_session_object_id", ("ReviewSessionObject",)),
    ("ReviewSessionObjectAnnotationComponent", "review_session_object_id", ("ReviewSessionObject",)),
    ("Note", "parent_id", (*_CONTEXTS, "AssetVersion", "ReviewSession", "ReviewSessionObject", *_LISTS)),
    ("NoteComponent", "note_id", ("Note",)),
    ("NoteLabelLink", "note_id", ("Note",)),
    ("Recipient", "note_id", ("Note",)),
    ("Membership", "group_id", ("Group",)),
    ("ProjectSchemaObjectType", "project_schema_id", ("ProjectSchema",)),
    ("ProjectSchemaOverride", "project_schema_id", ("ProjectSchema",)),
    ("Schema", "project_schema_id", ("ProjectSchema",)),
    ("SchemaStatus", "schema_id", ("Schema",)),
    ("SchemaType", "schema_id", ("Schema",)),
    ("TaskTemplate", "project_schema_id", ("ProjectSchema",)),
    ("TaskTemplateItem", "template_id", ("TaskTemplate",)),
    ("TaskTypeSchemaType", "task_type_schema_id", ("TaskTypeSchema",)),
    ("WorkflowSchemaStatus", "workflow_schema_id", ("WorkflowSchema",)),
    ("CustomAttributeConfiguration", "project_id", ("Project",)),
    ("CustomAttributeLinkConfiguration", "project_id", ("Project",)),
    ("CustomAttributeValue", "entity_id", (*_CONTEXTS, "Asset", "AssetVersion", *_LISTS, "ListObject")),
    *(
        (f"{kind}CustomAttributeLink", "from_id", (*_CONTEXTS, "Asset", "AssetVersion", "Component", *_LISTS))
        for kind in ("Asset", "AssetVersion", "Component", "Context", "Group", "List", "User")
    ),
    ("EntitySetting", "parent_id", ("Project", "ReviewSession")),
    ("Metadata", "parent_id", (*_CONTEXTS, "Asset", "AssetVersion", "AssetVersionLink", "Component", "Note")),
    ("Metadata", "parent_id", ("CalendarEvent", "TypedContextLink")),
)
# Entities in a project are never fetched by reference, because they could belong to another project.
_TYPES_IN_PROJECTS = {"Context", "Task", *_CONTEXTS, "Asset", "AssetVersion", "List", *_LISTS, "CalendarEvent"} | {
    *("ReviewSession", "ReviewSessionObject", "ReviewSessionInvitee", "Note")
}
# Relations without a foreign key in the schema.
_RELATIONS = {"Status": ("state",), "Project": ("scopes",), "TypedContext": ("scopes",)}
_EXCLUDED = frozenset(("link", "_link", "url", "thumbnail_url", "review_url", "passphrase"))
_FOREIGN_KEY = re.compile(r"Foreign key\(s\): (\w+)\.")
MAX_IDS_PER_QUERY, PAGE_SIZE, MAX_QUERIES_PER_REQUEST = 200, 500, 16


def find_project(session: Session, name: str) -> str:
    """Return the id of the project with this name, full name or id; raise SettingInvalid with the nearest names."""
    quoted_name = quoted(name)
    found = session.query(
        f"select id from Project where name is {quoted_name} or full_name is {quoted_name} or id is {quoted_name}"
    )
    if (project := found.first()) is not None:
        return str(project["id"])
    known = {str(project["name"]) for project in session.query("select name from Project")}
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)[:3]
    remedy = f"{session.api_user} has no access to any project there."
    if nearest:
        remedy = f"Nearest names: {', '.join(nearest)}."
    raise SettingInvalid(f"{session.server_url} has no project '{name}'. {remedy}")


def fetch_project(
    session: Session, project_id: str, known: Mapping[str, Collection[str]], on_fetched: OnFetched
) -> list[Row]:
    """Return the entities of the project, each once, with the ``known`` attributes.

    ``known`` contains the names of attributes by type; other types are omitted. ``on_fetched`` is called with a type
    and a number of fetched entities. Raises the errors of the session.
    """
    return _Fetch(session, known, on_fetched).run(project_id)


def parts_of(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values in parts of at most this size."""
    return (values[start : start + size] for start in range(0, len(values), size))


def references(schema: Schema) -> dict[str, str]:
    """Return the foreign keys of a type: their names and the types that they refer to."""
    found = {}
    for name, described in schema["properties"].items():
        match = _FOREIGN_KEY.match(described.get("description") or "")
        if match is not None and described.get("format") == "foreign_key":
            found[name] = match[1]
    return found


def _ids(new: Mapping[str, Iterable[Row]], types: Collection[str]) -> list[str]:
    """Return the ids of entities that have one of these types, or were queried as one of them."""
    return [row["id"] for asked, rows in new.items() for row in rows if {asked, row["__entity_type__"]} & {*types}]


class _Query(NamedTuple):
    """A query for a type with a condition; its results count as ``queried_as``."""

    queried_as: str
    type_name: str
    condition: str


@attrs.define(eq=False)
class _Fetch:
    """The state of a fetch: the fetched entities and their ids."""

    session: Session
    known: Mapping[str, Collection[str]]
    on_fetched: OnFetched
    rows: dict[tuple[str, ...], Row] = attrs.field(factory=dict)
    _ids: set[str] = attrs.field(factory=set)
    _selected: dict[str, list[str]] = attrs.field(factory=dict)

    def run(self, project_id: str) -> list[Row]:
        queries = [
            _Query("Project", "Project", f"id is {quoted(project_id)}"),
            _Query("CustomAttributeConfiguration", "CustomAttributeConfiguration", "project_id is none"),
        ]
        while queries:
            new = self._fetch_new(queries)
            queries = [
                query
                for type_name, key, parents in ATTACHED
                for query in self._queries_for(type_name, type_name, key, _ids(new, parents))
            ]
            # The ids that are referenced and not fetched yet, by type.
            missing: dict[str, set[str]] = {}
            for target, key in (found for rows in new.values() for row in rows for found in self._targets(row)):
                if isinstance(key, str) and key not in self._ids and target not in _TYPES_IN_PROJECTS:
                    missing.setdefault(target, set()).add(key)
            for type_name, wanted in missing.items():
                queries += self._queries_for(type_name, type_name, "id", sorted(wanted))
        return list(self.rows.values())

    def _targets(self, row: Row) -> Iterator[tuple[str, Any]]:
        """Yield the types and ids that a row refers to."""
        for name, target in references(self._schema(row["__entity_type__"])).items():
            yield target, row.get(name)
        for related in (row.get(name) for names in _RELATIONS.values() for name in names):
            for found in filter(None, related if isinstance(related, list) else [related]):
                yield found["__entity_type__"], found["id"]

    def _queries_for(self, queried_as: str, type_name: str, key: str, values: list[str]) -> list[_Query]:
        if type_name not in self.known or type_name not in self.session.types.schemas:
            return []
        parts = parts_of(values, MAX_IDS_PER_QUERY)
        return [_Query(queried_as, type_name, f"{key} in ({', '.join(map(quoted, part))})") for part in parts]

    def _fetch_new(self, queries: list[_Query]) -> dict[str, list[Row]]:
        """Run the queries and return new entities by ``queried_as``; those of larger subtypes are fetched again."""
        new: dict[str, list[Row]] = {}
        subtypes: dict[tuple[str, str], list[str]] = {}
        # Several queries share a request to save round trips.
        parts = parts_of(queries, MAX_QUERIES_PER_REQUEST)
        for query, page in (found for part in parts for found in zip(part, self._pages(part, 0))):
            rows = page
            while len(page) == PAGE_SIZE:
                (page,) = self._pages([query], len(rows))
                rows = rows + page
            kept = []
            for row in rows:
                own = row["__entity_type__"]
                if self._is_complete(query.type_name, own):
                    kept += [row] if self._keep(row) else []
                else:
                    subtypes.setdefault((query.queried_as, own), []).append(row["id"])
            new.setdefault(query.queried_as, []).extend(kept)
            self.on_fetched(query.type_name, len(kept))
        more = [
            found
            for (queried_as, own), ids in subtypes.items()
            for found in self._queries_for(queried_as, own, "id", ids)
        ]
        for queried_as, rows in (self._fetch_new(more) if more else {}).items():
            new[queried_as].extend(rows)
        return new

    def _is_complete(self, asked: str, own: str) -> bool:
        """Return whether a query for the type ``asked`` returns all attributes of the entity's own type."""
        return own == asked or own not in self.known or set(self._names(own)) <= set(self._names(asked))

    def _keep(self, row: Row) -> bool:
        keys = self._schema(row["__entity_type__"])["primary_key"]
        key = (row["__entity_type__"] if keys != ["id"] else "", *(str(row[name]) for name in keys))
        if key in self.rows:
            return False
        self.rows[key] = row
        if "id" in row:
            self._ids.add(row["id"])
        return True

    def _pages(self, queries: Sequence[_Query], offset: int) -> list[list[Row]]:
        requests = []
        for query in queries:
            names, keys = self._names(query.type_name), self._schema(query.type_name)["primary_key"]
            found = f"select {', '.join(names)} from {query.type_name} where {query.condition}"
            # A fixed order, so that the pages are complete.
            requests.append(operations.query(f"{found} order by {', '.join(keys)} offset {offset} limit {PAGE_SIZE}"))
        return [answer["data"] for answer in json.loads(self.session.post(requests))]

    def _names(self, type_name: str) -> list[str]:
        """Return the selected attributes of a type: values and keys that both sides have, and a few relations."""
        if type_name not in self._selected:
            schema, known = self._schema(type_name), self.known[type_name]
            excluded = _EXCLUDED.union(schema.get("computed") or ())
            names = [
                name
                for name, described in schema["properties"].items()
                if "$ref" not in described and "items" not in described and name not in excluded
                if name in known or name in schema["primary_key"]
            ]
            related = _RELATIONS.get(type_name, ())
            names += [f"{name}.id" for name in related if name in schema["properties"]]
            self._selected[type_name] = names
        return self._selected[type_name]

    def _schema(self, type_name: str) -> Schema:
        return self.session.types.schemas[type_name]
