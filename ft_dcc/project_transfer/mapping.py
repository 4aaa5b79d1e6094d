"""Map the entities of a site's project to a studio, as lines for ``ft-dcc studio load``.

Entities that the studio has under another id, such as a user of the same name or the status "Approved", replace those
of the site. References to entities of other projects are omitted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.project_transfer.export import Row, references
from ft_dcc.session.symbol import SERVER_LOCATION_ID

# Attributes by which entities of two servers are equal; referenced types come first.
IDENTITY: dict[str, tuple[str, ...]] = {
    "User": ("username",),
    "UserType": ("name",),
    "Location": ("name",),
    "State": ("short",),
    "Status": ("name",),
    "Type": ("name",),
    "Priority": ("name",),
    "ObjectType": ("name",),
    "AssetType": ("short",),
    "NoteLabel": ("name",),
    "NoteCategory": ("name",),
    "ListCategory": ("name",),
    "ManagerType": ("name",),
    "Disk": ("name",),
    "Scope": ("name",),
    "CustomAttributeType": ("name",),
    "CustomAttributeGroup": ("name",),
    "CustomAttributeConfiguration": ("key", "entity_type", "object_type_id", "project_id"),
    # A context that was created on both servers: names are unique in each parent.
    "TypedContext": ("parent_id", "name"),
}
# Attributes that keep the studio's value.
_KEPT = {"User": ("username", "is_active")}
# Keys that refer to several types, which the schema does not list.
POLYMORPHIC_KEYS = ("entity_id", "parent_id", "from_id", "to_id")

Schemas = Mapping[str, Mapping[str, Any]]


@attrs.define(eq=False)
class TargetIndex:
    """The entities of the target studio: ids by identity, and the ids that a copy may refer to."""

    ids: set[str] = attrs.field(factory=set)
    projects: dict[str, str] = attrs.field(factory=dict)
    users_by_email: dict[str, str] = attrs.field(factory=dict)
    in_server_location: set[str] = attrs.field(factory=set)
    id_by_identity: dict[tuple[Any, ...], str] = attrs.field(factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> TargetIndex:
        """Build the index from entities."""
        known = cls()
        for row in rows:
            type_name, kind = row["__entity_type__"], _kind(row)
            if type_name == "ComponentLocation" and row.get("location_id") == SERVER_LOCATION_ID:
                known.in_server_location.add(row["component_id"])
            if type_name == "Project":
                known.projects[row.get("name", "")] = row["id"]
            if type_name == "User" and row.get("email"):
                known.users_by_email[row["email"].lower()] = row["id"]
            if kind in IDENTITY:
                known.ids.add(row["id"])
                known.id_by_identity.setdefault(_identity(kind, row, {}), row["id"])
        return known


@attrs.frozen
class MappedProject:
    """The entities for the studio, and the number of omitted ones by type."""

    rows: list[Row]
    left_out: Mapping[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """The number of entities by type."""
        return dict(sorted(Counter(row["__entity_type__"] for row in self.rows).items()))

    def lines(self) -> Iterator[bytes]:
        """Yield each entity as a line of JSON."""
        return (json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in self.rows)


def map_to_target(rows: Iterable[Row], schemas: Schemas, known: TargetIndex) -> MappedProject:
    """Map the site's entities to the studio; ``schemas`` are the studio's, by type.

    Files are not included: a component is in the server's location once its file was uploaded there. Raises
    SettingInvalid if the studio lacks a type of the project, or has another project of the same name.
    """
    found = [
        row
        for row in rows
        # Not the places in the server's location of files that the studio does not have.
        if row["__entity_type__"] != "ComponentLocation"
        or row.get("location_id") != SERVER_LOCATION_ID
        or row["component_id"] in known.in_server_location
    ]
    unknown = sorted({row["__entity_type__"] for row in found if row["__entity_type__"] not in schemas})
    if unknown:
        raise SettingInvalid(
            f"The studio has no type {', '.join(unknown)}, which the project uses. Move what is of this type to a "
            "shot or an asset on the site, then copy again."
        )
    for row in found:
        name = row.get("name", "")
        if row["__entity_type__"] == "Project" and known.projects.get(name, row["id"]) != row["id"]:
            raise SettingInvalid(f"The studio has another project '{name}' already. Rename it, then copy again.")
    others = equal_ids(found, known)
    adapted = []
    for row in (each for each in found if each.get("id") not in others):
        own = _KEPT.get(row["__entity_type__"], ()) if row.get("id") in known.ids else ()
        adapted.append({name: _renamed(value, others) for name, value in row.items() if name not in own})
    kept = _without_dangling(adapted, schemas, known.ids.union(others.values()))
    left_out = Counter(row["__entity_type__"] for row in adapted) - Counter(row["__entity_type__"] for row in kept)
    return MappedProject(kept, dict(sorted(left_out.items())))


def equal_ids(rows: list[Row], known: TargetIndex) -> dict[str, str]:
    """Return the studio's ids by those of the site, repeated until the ids of nested contexts are found, too."""
    order = {kind: place for place, kind in enumerate(IDENTITY)}
    ordered = sorted(rows, key=lambda row: order.get(_kind(row), len(order)))
    others: dict[str, str] = {}
    count = -1
    while count != len(others):
        count = len(others)
        for row in ordered:
            kind = _kind(row)
            # An entity of the same id, or without an equal one, has no other id.
            if kind in IDENTITY and row["id"] not in known.ids:
                other = known.id_by_identity.get(_identity(kind, row, others))
                others.update({} if other is None else {row["id"]: other})
    return others


def _kind(row: Row) -> str:
    """Return the type of a row; all typed contexts share one."""
    return "TypedContext" if is_typed_context(row) else str(row["__entity_type__"])


def is_typed_context(row: Row) -> bool:
    """Return whether the row is a shot, a task or another context below a project."""
    return "object_type_id" in row and "parent_id" in row


def _renamed(value: Any, others: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(part, others) for part in value]
    if isinstance(value, dict) and "__entity_type__" in value:
        return {**value, "id": others.get(value["id"], value["id"])}
    return others.get(value, value) if isinstance(value, str) else value


def _without_dangling(rows: list[Row], schemas: Schemas, known: set[str]) -> list[Row]:
    """Return the rows without dangling keys; rows that need such a key are removed."""
    count = -1
    while count != len(rows):
        count, ids = len(rows), known.union(row["id"] for row in rows if "id" in row)
        rows = [
            row for row in rows if not any(name in row for name in _dangling_keys(row, schemas, ids, is_needed=True))
        ]
    return [
        {**row, **dict.fromkeys(_dangling_keys(row, schemas, ids, is_needed=False))} if "id" in row else row
        for row in rows
    ]


def _dangling_keys(row: Row, schemas: Schemas, ids: set[str], *, is_needed: bool) -> list[str]:
    """Return the keys of a row that refer to no entity: those that the row requires, or the others."""
    schema = schemas[row["__entity_type__"]]
    needed = {*schema["required"], *schema["primary_key"], *POLYMORPHIC_KEYS}
    if row["__entity_type__"].endswith("ObjectStatus"):
        needed.update(("review_session_object_id", "review_session_invitee_id"))
    keys = [*references(dict(schema)), *(name for name in POLYMORPHIC_KEYS if name in schema["properties"])]
    lost = [name for name in keys if isinstance(row.get(name), str) and row[name] not in ids]
    return [name for name in lost if (name in needed) is is_needed]


def _identity(type_name: str, row: Row, others: Mapping[str, str]) -> tuple[Any, ...]:
    return (type_name, *(_renamed(row.get(name), others) for name in IDENTITY[type_name]))
