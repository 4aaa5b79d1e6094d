"""Plan the entities that bring a studio's project to a site through the protocol: what to create, in which order.

The entities keep their ids, so that a repeated transfer finds them. Shared entities, such as users and statuses, are
never created: those of the site with the same name take their place.
"""

from __future__ import annotations

import datetime
import graphlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.project_transfer.export import Row, references
from ft_dcc.project_transfer.mapping import POLYMORPHIC_KEYS, Schemas, TargetIndex, equal_ids, is_typed_context
from ft_dcc.review.stored_values import NOTE_KEY, json_object
from ft_dcc.session.symbol import SERVER_LOCATION_ID

CREATED_TYPES = frozenset(
    (
        *("Project", "TypedContextLink", "Appointment", "Asset", "AssetVersion", "AssetVersionLink"),
        *("FileComponent", "SequenceComponent", "ContainerComponent", "ComponentLocation"),
        *("TypedContextList", "AssetVersionList", "ListObject"),
        *("ReviewSession", "ReviewSessionObject", "ReviewSessionInvitee", "ReviewSessionObjectStatus"),
        *("ReviewSessionObjectAnnotation", "ReviewSessionObjectAnnotationComponent"),
        *("Note", "NoteComponent", "NoteLabelLink", "Metadata"),
    )
)
# Keys that an entity can do without, if the site has nothing of that name. The site then sets its own default.
_OPTIONAL_KEYS = frozenset(
    (
        *("status_id", "type_id", "priority_id", "category_id", "disk_id", "task_id"),
        *("user_id", "created_by_id", "completed_by_id", "thumbnail_id", "project_schema_id"),
    )
)
# Attributes that the site sets, and those that are set when everything else exists.
_SET_BY_SITE = frozenset(("context_type", "resource_type", "system_type", "thread_activity", "passphrase_enabled"))
Key = tuple[str, ...]


@attrs.frozen
class NewEntity:
    """An entity to create, with its type, its values for the site, and those of its custom attributes."""

    type_name: str
    key: Key
    data: Mapping[str, Any]
    custom_values: tuple[Mapping[str, Any], ...] = ()
    # Describes the values that the site has no place for.
    lost: tuple[str, ...] = ()


@attrs.frozen
class SitePlan:
    """The entities in the order of their creation, references first, and what is set after them."""

    entities: tuple[NewEntity, ...]
    # Attributes by type, id and name.
    late: Mapping[tuple[str, str], Mapping[str, Any]]
    # The components whose bytes the studio has.
    files: tuple[Row, ...]
    # The number of entities that the site has no place for.
    left_out_types: Mapping[str, int]

    @property
    def left_out(self) -> dict[str, int]:
        """The number of entities and values that the site has no place for, by their description."""
        lost = Counter(text for entity in self.entities for text in entity.lost)
        return dict(sorted((lost + Counter(self.left_out_types)).items()))

    @property
    def counts(self) -> dict[str, int]:
        """The number of entities by type."""
        return dict(sorted(Counter(entity.type_name for entity in self.entities).items()))


def plan_transfer(
    rows: Iterable[Row], schemas: Schemas, known: TargetIndex, project_schemas: Mapping[str, str], chosen: str | None
) -> SitePlan:
    """Return the plan for the rows of a studio's project; ``schemas`` and ``known`` are the site's.

    ``project_schemas`` are the site's ids by name; ``chosen`` is one of them, by default the studio's. Raises
    SettingInvalid if the site lacks a type of shots or a project schema, or has another project of the same name.
    """
    found = list(rows)
    if "frame_number" not in schemas["Note"]["properties"]:
        found += _frames(found)
    if unknown := sorted({row["__entity_type__"] for row in found if is_typed_context(row)} - set(schemas)):
        raise SettingInvalid(
            f"The site has no type {', '.join(unknown)}, which the project uses. Add the object type on the site."
        )
    projects = [row for row in found if row["__entity_type__"] == "Project"]
    for row in projects:
        if known.projects.get(row["name"], row["id"]) != row["id"]:
            raise SettingInvalid(f"The site has another project '{row['name']}'. Rename one of them, then copy again.")
    planner = _Planner(schemas, known, {row["id"]: row for row in found if "id" in row}, equal_ids(found, known))
    # Users of the site with the same address take the place of the studio's.
    for key, row in planner.rows.items():
        email, is_user = str(row.get("email") or "").lower(), row["__entity_type__"] == "User"
        if is_user and key not in known.ids and key not in planner.others and email in known.users_by_email:
            planner.others[key] = known.users_by_email[email]
    if projects and projects[0]["id"] not in known.projects.values():
        schema_id = str(projects[0].get("project_schema_id"))
        own = planner.rows.get(schema_id, {})
        name = chosen or (next(iter(project_schemas)) if len(project_schemas) == 1 else str(own.get("name")))
        if name not in project_schemas:
            raise SettingInvalid(
                f"The site has no project schema '{name}'. Choose one with --project-schema: "
                f"{', '.join(sorted(project_schemas))}."
            )
        planner.others[schema_id] = project_schemas[name]
    return planner.plan(found)


def row_key(row: Mapping[str, Any], schema: Mapping[str, Any]) -> Key:
    """Return the values of the primary key of a row."""
    return tuple(str(row.get(name)) for name in schema["primary_key"])


@attrs.define(eq=False)
class _Planner:
    """The rows of the studio, and the ids of the site that take the place of theirs."""

    schemas: Schemas
    known: TargetIndex
    rows: Mapping[str, Row]
    others: dict[str, str]
    late: dict[tuple[str, str], dict[str, Any]] = attrs.field(factory=dict)
    guests: dict[str, str] = attrs.field(factory=dict)
    custom_values: dict[str, list[dict[str, Any]]] = attrs.field(factory=dict)
    lost_values: dict[str, list[str]] = attrs.field(factory=dict)

    def plan(self, rows: list[Row]) -> SitePlan:
        self._read_attached(rows)
        wanted, ids = self._possible(rows)
        entities = [self._entity(row, ids) for row in wanted]
        kept = {id(row) for row in wanted}
        # What the site would have, if it had the type and the entities that the row refers to.
        missing = Counter(
            row["__entity_type__"]
            for row in rows
            if row["__entity_type__"] in CREATED_TYPES
            and row.get("location_id") != SERVER_LOCATION_ID
            and id(row) not in kept
        )
        files = tuple(row for row in files_of(rows) if row["id"] in ids)
        return SitePlan(tuple(_in_order(entities)), self.late, files, missing)

    def _possible(self, rows: list[Row]) -> tuple[list[Row], set[str]]:
        """Return the rows whose needed keys refer to something on the site, and the ids that are there then."""
        wanted = []
        for row in rows:
            type_name = row["__entity_type__"]
            is_of_server = type_name == "ComponentLocation" and row.get("location_id") == SERVER_LOCATION_ID
            is_wanted = type_name in CREATED_TYPES or is_typed_context(row)
            if is_wanted and type_name in self.schemas and not is_of_server and row.get("id") not in self.others:
                wanted.append(row)
        known = {*self.known.ids, *self.others.values()}
        count = -1
        while count != len(wanted):
            count = len(wanted)
            ids = known.union(row["id"] for row in wanted if "id" in row)
            wanted = [row for row in wanted if not self._lost_keys(row, ids) - _OPTIONAL_KEYS]
        return wanted, ids

    def _lost_keys(self, row: Row, ids: set[str]) -> set[str]:
        """Return the keys of a row that refer to nothing on the site."""
        schema = self.schemas[row["__entity_type__"]]
        keys = {*references(dict(schema)), *(name for name in POLYMORPHIC_KEYS if name in schema["properties"])}
        return {name for name in keys if isinstance(row.get(name), str) and self._other(row[name]) not in ids}

    def _other(self, value: Any) -> Any:
        return self.others.get(value, value) if isinstance(value, str) else value

    def _entity(self, row: Row, ids: set[str]) -> NewEntity:
        type_name, lost = row["__entity_type__"], self._lost_keys(row, ids)
        schema = self.schemas[type_name]
        read_only = {*(schema.get("immutable") or ()), *(schema.get("computed") or ())} - set(schema["primary_key"])
        described = [self._describe(name, row[name]) for name in sorted(lost - {"thumbnail_id"})]
        data = {
            name: self._other(value)
            for name, value in row.items()
            if name in schema["properties"] and name not in read_only | lost | _SET_BY_SITE
            if value is not None and not name.startswith("__") and not isinstance(value, list)
            if not (isinstance(value, dict) and "__entity_type__" in value)
        }
        self._adapt(row, data)
        key = row.get("id", "")
        values = tuple({**found, "entity_id": key} for found in self.custom_values.get(key, ()))
        described += self.lost_values.get(key, ())
        return NewEntity(type_name, row_key(data, schema), data, values, tuple(described))

    def _describe(self, key: str, value: str) -> str:
        row = self.rows.get(value, {})
        kind = row.get("__entity_type__", key)
        return f"{kind} {row.get('username') or row.get('name') or value}"

    def _adapt(self, row: Row, data: dict[str, Any]) -> None:
        """Change what an entity of this type needs on the site, and note what is set later."""
        if (thumbnail := data.pop("thumbnail_id", None)) is not None:
            self._set_late(row, "thumbnail_id", thumbnail)
        if row["__entity_type__"] == "Note" and "user_id" not in data:
            user = self.rows.get(row.get("user_id") or "", {})
            names = " ".join(filter(None, (user.get("first_name"), user.get("last_name"))))
            author = names or user.get("username") or self.guests.get(row["id"], "Guest")
            data["content"] = f"{author}: {row.get('content') or ''}"
        if row["__entity_type__"] == "ReviewSession":
            if row.get("passphrase_enabled"):
                # Passphrases are not copied, and without one the link would be open.
                data["shareable_url_enabled"] = False
            if has_passed(data.get("end_date")):
                # A closed review session takes no versions and no notes.
                self._set_late(row, "end_date", data.pop("end_date"))

    def _set_late(self, row: Row, name: str, value: Any) -> None:
        self.late.setdefault((row["__entity_type__"], row["id"]), {})[name] = value

    def _read_attached(self, rows: Iterable[Row]) -> None:
        """Find the guests who wrote notes, and the values of custom attributes that the site has, too."""
        for row in rows:
            if row["__entity_type__"] == "Metadata" and row["key"] == "invitee_id":
                self.guests[row["parent_id"]] = str(self.rows.get(row["value"], {}).get("name") or "Guest")
            if row["__entity_type__"] == "CustomAttributeValue" and row.get("value") is not None:
                configuration = self._other(row["configuration_id"])
                if configuration in self.known.ids:
                    values = {"configuration_id": configuration, "value": row["value"]}
                    self.custom_values.setdefault(row["entity_id"], []).append(values)
                else:
                    key = self.rows.get(row["configuration_id"], {}).get("key", row["configuration_id"])
                    self.lost_values.setdefault(row["entity_id"], []).append(f"custom attribute {key}")


def _frames(rows: list[Row]) -> list[Row]:
    """Keep the frames of notes, which the site has no attribute for, in their metadata; return the new metadata."""
    known = {row["parent_id"]: row for row in rows if row["__entity_type__"] == "Metadata" and row["key"] == NOTE_KEY}
    new = []
    for note in rows:
        if note["__entity_type__"] == "Note" and note.get("frame_number") is not None:
            row = known.get(note["id"], {})
            value = json.dumps({"frame": int(note["frame_number"]), **json_object(row.get("value"))})
            row.update(value=value)
            if note["id"] not in known:
                parent = {"parent_id": note["id"], "parent_type": "Note", "key": NOTE_KEY}
                new.append({"__entity_type__": "Metadata", **parent, **row})
    return new


def files_of(rows: Iterable[Row]) -> list[Row]:
    """Return the components with files in the server's location, each with the id of its place there."""
    found = list(rows)
    components = {row["id"]: row for row in found if row["__entity_type__"] == "FileComponent"}
    places = [row for row in found if row.get("location_id") == SERVER_LOCATION_ID]
    own = [(components.get(str(place.get("component_id"))), place["id"]) for place in places]
    return [{**component, "location_row": place_id} for component, place_id in own if component is not None]


def has_passed(value: Any) -> bool:
    """Return whether a date of an answer is not in the future."""
    if not isinstance(value, dict):
        return False
    text = str(value.get("value")).replace("Z", "+00:00")
    date = datetime.datetime.fromisoformat(text)
    date = date if date.tzinfo is not None else date.replace(tzinfo=datetime.timezone.utc)
    return date <= datetime.datetime.now(datetime.timezone.utc)


def _in_order(entities: list[NewEntity]) -> Iterable[NewEntity]:
    """Return the entities so that each follows those that it refers to."""
    keys = {entity.data["id"]: (entity.type_name, entity.key) for entity in entities if "id" in entity.data}
    by_key = {(entity.type_name, entity.key): entity for entity in entities}
    sorter: graphlib.TopologicalSorter[tuple[str, Key]] = graphlib.TopologicalSorter()
    for key, entity in by_key.items():
        values = {value for value in entity.data.values() if isinstance(value, str)} - {entity.data.get("id")}
        sorter.add(key, *(keys[value] for value in values & keys.keys()))
    return [by_key[found] for found in sorter.static_order()]
