"""Everything on a site that belongs to one project, as the site tells it: what a copy of the project is made of.

A site says in its schemas which attributes refer to what, so what is fetched follows from the project: what lies in it,
what is attached to that, and whatever either refers to. Addresses, passphrases and roles are not fetched.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.session.query import quoted

if TYPE_CHECKING:
    from ft_dcc.session import Session
    from ft_dcc.session.schema import Schema

Row = dict[str, Any]
OnFetched = Callable[[str, int], None]

_CONTEXTS = ("Project", "TypedContext")
_LISTS = ("TypedContextList", "AssetVersionList")
# What is attached to what: the type, its key, and the types that the key leads to.
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
# What lies in a project is never fetched because something refers to it: it could be another project's.
_LYING_IN_PROJECTS = {"Context", "Task", *_CONTEXTS, "Asset", "AssetVersion", "List", *_LISTS, "CalendarEvent"} | {
    *("ReviewSession", "ReviewSessionObject", "ReviewSessionInvitee", "Note")
}
# Relations for which a type shows no foreign key of its own.
_RELATIONS = {"Status": ("state",), "Project": ("scopes",), "TypedContext": ("scopes",)}
_NEVER = frozenset(("link", "_link", "url", "thumbnail_url", "review_url", "passphrase"))
_FOREIGN_KEY = re.compile(r"Foreign key\(s\): (\w+)\.")
_AT_ONCE, _PAGE = 200, 500


def find_project(session: Session, name: str) -> str:
    """Return the id of the project with this name, full name or id; raises SettingInvalid with the nearest names."""
    wanted = quoted(name)
    found = session.query(f"select id from Project where name is {wanted} or full_name is {wanted} or id is {wanted}")
    if (project := found.first()) is not None:
        return str(project["id"])
    known = {str(project["name"]) for project in session.query("select name from Project")}
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)[:3]
    remedy = f"The nearest: {', '.join(nearest)}." if nearest else f"{session.api_user} sees no project there."
    raise SettingInvalid(f"{session.server_url} has no project '{name}'. {remedy}")


def fetch_project(
    session: Session, project_id: str, known: Mapping[str, Collection[str]], on_fetched: OnFetched
) -> list[Row]:
    """Return what belongs to the project, each entity once, with those of its attributes that are ``known``.

    ``known`` has the names of attributes by type; other types are left out. ``on_fetched`` is told a type and how
    many of it came. Raises what the session raises.
    """
    fetching = _Fetching(session, known, on_fetched)
    fetching.run(project_id)
    return list(fetching.rows.values())


def references(schema: Schema) -> dict[str, str]:
    """Return the types that the foreign keys of a type lead to, by the names of the keys."""
    found = {}
    for name, described in schema["properties"].items():
        match = _FOREIGN_KEY.match(described.get("description") or "")
        if match is not None and described.get("format") == "foreign_key":
            found[name] = match[1]
    return found


def _ids(new: Mapping[str, Iterable[Row]], types: Collection[str]) -> list[str]:
    """Return the ids of what is of these types, or was asked for as one of them."""
    return [row["id"] for asked, rows in new.items() for row in rows if {asked, row["__entity_type__"]} & {*types}]


@attrs.define(eq=False)
class _Fetching:
    """The entities that are there, and those that they lead to."""

    session: Session
    known: Mapping[str, Collection[str]]
    on_fetched: OnFetched
    rows: dict[tuple[str, ...], Row] = attrs.field(factory=dict)
    _ids: set[str] = attrs.field(factory=set)

    def run(self, project_id: str) -> None:
        new = {"Project": self._ask("Project", f"id is {quoted(project_id)}")}
        new["CustomAttributeConfiguration"] = self._ask("CustomAttributeConfiguration", "project_id is none")
        while any(new.values()):
            found: dict[str, list[Row]] = {}
            for type_name, key, parents in ATTACHED:
                found.setdefault(type_name, []).extend(self._having(type_name, key, _ids(new, parents)))
            for type_name, wanted in self._lead_to(new).items():
                found.setdefault(type_name, []).extend(self._having(type_name, "id", sorted(wanted)))
            new = found

    def _lead_to(self, new: Mapping[str, Iterable[Row]]) -> dict[str, set[str]]:
        """Return the ids that are referred to and were not fetched yet, by type."""
        wanted: dict[str, set[str]] = {}
        for row in (row for rows in new.values() for row in rows):
            keys = references(self._schema(row["__entity_type__"]))
            targets = [(target, row.get(name)) for name, target in keys.items()]
            for related in (row.get(name) for names in _RELATIONS.values() for name in names):
                listed = related if isinstance(related, list) else [related]
                targets += [(found["__entity_type__"], found["id"]) for found in listed if found]
            for target, key in targets:
                if isinstance(key, str) and key not in self._ids and target not in _LYING_IN_PROJECTS:
                    wanted.setdefault(target, set()).add(key)
        return wanted

    def _having(self, type_name: str, key: str, values: list[str]) -> Iterator[Row]:
        for start in range(0, len(values), _AT_ONCE):
            listed = ", ".join(map(quoted, values[start : start + _AT_ONCE]))
            yield from self._ask(type_name, f"{key} in ({listed})")

    def _ask(self, type_name: str, condition: str) -> list[Row]:
        """Return what was not known before; an entity of a more special type is told with all of its attributes."""
        if type_name not in self.known or type_name not in self.session.types.schemas:
            return []
        names, found = self._names(type_name), []
        special: dict[str, list[str]] = {}
        for row in self._pages(type_name, names, condition):
            own = row["__entity_type__"]
            if own == type_name or own not in self.known or set(self._names(own)) <= set(names):
                found.append(row)
            else:
                special.setdefault(own, []).append(row["id"])
        new = [row for row in found if self._keep(row)]
        self.on_fetched(type_name, len(new))
        return new + [row for own, ids in special.items() for row in self._having(own, "id", ids)]

    def _keep(self, row: Row) -> bool:
        keys = self._schema(row["__entity_type__"])["primary_key"]
        key = (row["__entity_type__"] if keys != ["id"] else "", *(str(row[name]) for name in keys))
        if key in self.rows:
            return False
        self.rows[key] = row
        if "id" in row:
            self._ids.add(row["id"])
        return True

    def _pages(self, type_name: str, names: list[str], condition: str) -> Iterator[Row]:
        order = ", ".join(self._schema(type_name)["primary_key"])
        expression = f"select {', '.join(names)} from {type_name} where {condition} order by {order}"
        offset, is_last = 0, False
        while not is_last:
            asked = {"action": "query", "expression": f"{expression} offset {offset} limit {_PAGE}"}
            found = json.loads(self.session.post([asked]))[0]["data"]
            yield from found
            offset, is_last = offset + _PAGE, len(found) < _PAGE

    def _names(self, type_name: str) -> list[str]:
        """Return what is selected of a type: values and keys that both sides know, and a few relations."""
        schema = self._schema(type_name)
        left_out = _NEVER.union(schema.get("computed") or ())
        names = [
            name
            for name, described in schema["properties"].items()
            if "$ref" not in described and "items" not in described and name not in left_out
        ]
        known = self.known[type_name]
        relations = [f"{name}.id" for name in _RELATIONS.get(type_name, ()) if name in schema["properties"]]
        return [*(name for name in names if name in known or name in schema["primary_key"]), *relations]

    def _schema(self, type_name: str) -> Schema:
        return self.session.types.schemas[type_name]
