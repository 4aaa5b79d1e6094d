"""A copied project as lines for ``ft-dcc studio load``: fitted to the studio that takes them.

What the studio has already under another id, such as a user of the same name or the status "Approved", stands for what
the site has. What refers to another project's entities is left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ft_dcc.errors import SettingInvalid
from ft_dcc.project_copy import Row, references
from ft_dcc.session.symbol import SERVER_LOCATION_ID

# By what a word of one studio is the same as that of another; what others refer to comes first.
_ALIKE: dict[str, tuple[str, ...]] = {
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
    # Made again on the site, or by hand here: there is one of a name in each place.
    "TypedContext": ("parent_id", "name"),
}
# Who may come in is the studio's own business.
_OWN = {"User": ("username", "is_active")}
# Keys that lead to entities of many types, which no schema tells.
_ANYWHERE = ("entity_id", "parent_id", "from_id", "to_id")

Schemas = Mapping[str, Mapping[str, Any]]


@attrs.define(eq=False)
class Known:
    """What a studio has: the ids of its words by what makes them alike, and all other ids that matter to a copy."""

    ids: set[str] = attrs.field(factory=set)
    projects: dict[str, str] = attrs.field(factory=dict)
    in_server_location: set[str] = attrs.field(factory=set)
    _alike: dict[tuple[Any, ...], str] = attrs.field(factory=dict)

    @classmethod
    def read(cls, lines: Iterable[bytes]) -> Known:
        """Return what the lines of ``ft-dcc studio dump`` tell."""
        known = cls()
        for row in map(json.loads, lines):
            known._take(row["__entity_type__"], row)
        return known

    def _take(self, type_name: str, row: Row) -> None:
        if type_name == "ComponentLocation" and row.get("location_id") == SERVER_LOCATION_ID:
            self.in_server_location.add(row["component_id"])
        if type_name == "Project":
            self.projects[row.get("name", "")] = row["id"]
        if (kind := _kind(row)) in _ALIKE:
            self.ids.add(row["id"])
            self._alike.setdefault(_likeness(kind, row, {}), row["id"])

    def other_id(self, row: Row, others: Mapping[str, str]) -> str | None:
        """Return the id that the studio knows this word by, or None when it is this one or the studio has no such."""
        kind = _kind(row)
        if kind not in _ALIKE or row["id"] in self.ids:
            return None
        return self._alike.get(_likeness(kind, row, others))


@attrs.frozen
class Fitted:
    """The entities that the studio takes, how many there are of each type, and how many of each were left out."""

    rows: list[Row]
    left_out: Mapping[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """How many entities there are of each type."""
        return dict(sorted(Counter(row["__entity_type__"] for row in self.rows).items()))

    def lines(self) -> Iterator[bytes]:
        """Yield each entity as a line of JSON."""
        return (json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in self.rows)


def fit(rows: Iterable[Row], schemas: Schemas, known: Known) -> Fitted:
    """Return the site's entities as the studio can take them; ``schemas`` are the studio's, by type.

    Bytes are not among them: a component is in the server's location once it has been sent there. Raises
    SettingInvalid when the project needs types that the studio does not know, or is another one of the same name.
    """
    found = [row for row in rows if not _is_promise(row, known)]
    _check(found, schemas, known)
    others = _others(found, known)
    taken = [_adapt(row, others, known) for row in found if row.get("id") not in others]
    kept = _without_strays(taken, schemas, known.ids.union(others.values()))
    left_out = Counter(row["__entity_type__"] for row in taken) - Counter(row["__entity_type__"] for row in kept)
    return Fitted(kept, dict(sorted(left_out.items())))


def _others(rows: list[Row], known: Known) -> dict[str, str]:
    """Return the studio's ids for those of the site, where something stands for it; the deeper follows the higher."""
    others: dict[str, str] = {}
    count = -1
    while count != len(others):
        count = len(others)
        for row in sorted(rows, key=lambda row: _order(_kind(row))):
            if (other := known.other_id(row, others)) is not None:
                others[row["id"]] = other
    return others


def _kind(row: Row) -> str:
    """Return the type of a row; all kinds of typed contexts are one."""
    return "TypedContext" if "object_type_id" in row and "parent_id" in row else str(row["__entity_type__"])


def _check(rows: Iterable[Row], schemas: Schemas, known: Known) -> None:
    unknown = sorted({row["__entity_type__"] for row in rows if row["__entity_type__"] not in schemas})
    if unknown:
        raise SettingInvalid(
            f"The studio has no {', '.join(unknown)}, which the project uses. Give it the site's schema: "
            "stop its server, and copy with --with-schema."
        )
    for row in rows:
        name = row.get("name", "")
        if row["__entity_type__"] == "Project" and known.projects.get(name, row["id"]) != row["id"]:
            raise SettingInvalid(f"The studio has another project '{name}' already. Rename it, then copy again.")


def _is_promise(row: Row, known: Known) -> bool:
    """Whether it says that the server's location has bytes which this studio has not."""
    is_location = row["__entity_type__"] == "ComponentLocation" and row.get("location_id") == SERVER_LOCATION_ID
    return is_location and row["component_id"] not in known.in_server_location


def _adapt(row: Row, others: Mapping[str, str], known: Known) -> Row:
    own = _OWN.get(row["__entity_type__"], ()) if row.get("id") in known.ids else ()
    return {name: _renamed(value, others) for name, value in row.items() if name not in own}


def _renamed(value: Any, others: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(part, others) for part in value]
    if isinstance(value, dict) and "__entity_type__" in value:
        return {**value, "id": others.get(value["id"], value["id"])}
    return others.get(value, value) if isinstance(value, str) else value


def _without_strays(rows: list[Row], schemas: Schemas, known: set[str]) -> list[Row]:
    """Return the rows without keys that lead nowhere, and without those that are nothing without such a key."""
    count = -1
    while count != len(rows):
        count, ids = len(rows), known.union(row["id"] for row in rows if "id" in row)
        rows = [row for row in rows if not any(name in row for name in _strays(row, schemas, ids, is_needed=True))]
    return [
        {**row, **dict.fromkeys(_strays(row, schemas, ids, is_needed=False))} if "id" in row else row for row in rows
    ]


def _strays(row: Row, schemas: Schemas, ids: set[str], *, is_needed: bool) -> list[str]:
    """Return the keys of a row that lead to nothing which is copied or there; those that it needs, or the others."""
    schema = schemas[row["__entity_type__"]]
    needed = {*schema["required"], *schema["primary_key"], *_ANYWHERE, *_owning(row["__entity_type__"])}
    keys = [*references(dict(schema)), *(name for name in _ANYWHERE if name in schema["properties"])]
    lost = [name for name in keys if isinstance(row.get(name), str) and row[name] not in ids]
    return [name for name in lost if (name in needed) is is_needed]


def _owning(type_name: str) -> tuple[str, ...]:
    return ("review_session_object_id", "review_session_invitee_id") if type_name.endswith("ObjectStatus") else ()


def _likeness(type_name: str, row: Row, others: Mapping[str, str]) -> tuple[Any, ...]:
    return (type_name, *(_renamed(row.get(name), others) for name in _ALIKE[type_name]))


def _order(type_name: str) -> int:
    return list(_ALIKE).index(type_name) if type_name in _ALIKE else len(_ALIKE)
