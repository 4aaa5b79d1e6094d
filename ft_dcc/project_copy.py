"""Everything on a site that belongs to one project, as the site tells it: what a copy of the project is made of.

A site says in its schemas which attributes refer to what, so what is fetched follows from the project: what lies in it,
what is attached to that, and whatever either refers to. Addresses, passphrases and roles are not fetched.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.session import operations
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
_AT_ONCE, _PAGE, _IN_ONE_REQUEST = 200, 500, 16


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


class _Question(NamedTuple):
    """A type and a condition; what is found counts as one of ``asked_as``."""

    asked_as: str
    type_name: str
    condition: str


@attrs.define(eq=False)
class _Fetching:
    """The entities that are there, and those that they lead to."""

    session: Session
    known: Mapping[str, Collection[str]]
    on_fetched: OnFetched
    rows: dict[tuple[str, ...], Row] = attrs.field(factory=dict)
    _ids: set[str] = attrs.field(factory=set)
    _selected: dict[str, list[str]] = attrs.field(factory=dict)

    def run(self, project_id: str) -> None:
        questions = [
            _Question("Project", "Project", f"id is {quoted(project_id)}"),
            _Question("CustomAttributeConfiguration", "CustomAttributeConfiguration", "project_id is none"),
        ]
        while questions:
            new = self._ask(questions)
            questions = [
                question
                for type_name, key, parents in ATTACHED
                for question in self._having(type_name, type_name, key, _ids(new, parents))
            ]
            for type_name, wanted in self._lead_to(new).items():
                questions += self._having(type_name, type_name, "id", sorted(wanted))

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

    def _having(self, asked_as: str, type_name: str, key: str, values: list[str]) -> list[_Question]:
        if type_name not in self.known or type_name not in self.session.types.schemas:
            return []
        parts = (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
        return [_Question(asked_as, type_name, f"{key} in ({', '.join(map(quoted, part))})") for part in parts]

    def _ask(self, questions: list[_Question]) -> dict[str, list[Row]]:
        """Return what was not known before, by what it was asked as.

        An entity of a more special type than was asked for is told with all of its attributes.
        """
        new: dict[str, list[Row]] = {}
        special: dict[tuple[str, str], list[str]] = {}
        for question, rows in zip(questions, self._answers(questions)):
            kept = []
            for row in rows:
                own = row["__entity_type__"]
                if self._is_whole(question.type_name, own):
                    kept += [row] if self._keep(row) else []
                else:
                    special.setdefault((question.asked_as, own), []).append(row["id"])
            new.setdefault(question.asked_as, []).extend(kept)
            self.on_fetched(question.type_name, len(kept))
        more = [found for (asked_as, own), ids in special.items() for found in self._having(asked_as, own, "id", ids)]
        for asked_as, rows in (self._ask(more) if more else {}).items():
            new[asked_as].extend(rows)
        return new

    def _is_whole(self, asked: str, own: str) -> bool:
        """Whether an entity of its own type was told with all that it has, as one of the type that was asked for."""
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

    def _answers(self, questions: list[_Question]) -> Iterator[list[Row]]:
        """Yield all rows of each question; many are asked at once, because a site may be far away."""
        for start in range(0, len(questions), _IN_ONE_REQUEST):
            part = questions[start : start + _IN_ONE_REQUEST]
            for question, page in zip(part, self._pages(part, 0)):
                rows = page
                while len(page) == _PAGE:
                    (page,) = self._pages([question], len(rows))
                    rows = rows + page
                yield rows

    def _pages(self, questions: list[_Question], offset: int) -> list[list[Row]]:
        asked = [operations.query(f"{self._expression(found)} offset {offset} limit {_PAGE}") for found in questions]
        return [answer["data"] for answer in json.loads(self.session.post(asked))]

    def _expression(self, question: _Question) -> str:
        names, keys = self._names(question.type_name), self._schema(question.type_name)["primary_key"]
        found = f"select {', '.join(names)} from {question.type_name} where {question.condition}"
        # In one order, so that no page misses what another has.
        return f"{found} order by {', '.join(keys)}"

    def _names(self, type_name: str) -> list[str]:
        """Return what is selected of a type: values and keys that both sides know, and a few relations."""
        if type_name not in self._selected:
            self._selected[type_name] = self._select(type_name)
        return self._selected[type_name]

    def _select(self, type_name: str) -> list[str]:
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
