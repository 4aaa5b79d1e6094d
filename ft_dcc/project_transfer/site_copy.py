"""Bring a project from a studio server to a site, through the protocol that both of them implement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable

import attrs

from ft_dcc.errors import NotFoundError
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.project_transfer.export import MAX_IDS_PER_QUERY, MAX_QUERIES_PER_REQUEST, Row, fetch_project, parts_of
from ft_dcc.project_transfer.mapping import IDENTITY, TargetIndex
from ft_dcc.project_transfer.site_plan import CREATED_TYPES, NewEntity, SitePlan, has_passed, plan_transfer, row_key
from ft_dcc.session import SERVER_LOCATION_ID, Session, operations
from ft_dcc.session.query.expression import quoted
from ft_dcc.session.transfer.transfer import download, send

MAX_CREATES_PER_REQUEST = 100
_BASE_TYPES = ("Context", "TypedContext", "Component", "CustomAttributeValue")
OnMessage = Callable[[str], None]


@attrs.frozen
class FileCopy:
    """The number of copied files and of their bytes, and the names of components without a file."""

    files: int
    bytes: int
    missing: tuple[str, ...]


def plan_site_copy(
    studio: Session, site: Session, project_id: str, project_schema: str | None, on_message: OnMessage
) -> SitePlan:
    """Return what the site does not have yet of the studio's project; raise SettingInvalid and the session's errors."""
    schemas = {schema["id"]: schema for schema in site.schemas}
    # The attributes that the site has, too; of types that it lacks, only the key.
    attributes = {}
    for schema in studio.schemas:
        name, properties = schema["id"], schema["properties"]
        is_typed_context = "object_type_id" in properties and "parent_id" in properties
        if is_typed_context or name in CREATED_TYPES or name in IDENTITY or name in (*_BASE_TYPES, "ProjectSchema"):
            known = schemas.get(name)
            attributes[name] = frozenset(schema["primary_key"] if known is None else known["properties"])
    attributes["Note"] |= {"frame_number"}
    rows = fetch_project(studio, project_id, attributes, lambda *_fetched: None)
    on_message(f"{len(rows)} entities in the studio.")
    index = TargetIndex.of(_shared_entities(site, schemas, project_id))
    names = {str(found["name"]): str(found["id"]) for found in _rows(site, ["select id, name from ProjectSchema"])}
    plan = plan_transfer(rows, schemas, index, names, project_schema)
    existing = set(_existing(site, plan.entities, schemas))
    entities = tuple(entity for entity in plan.entities if (entity.type_name, entity.key) not in existing)
    return attrs.evolve(plan, entities=entities, files=missing_files(site, plan.files))


def run_site_copy(studio: Session, site: Session, plan: SitePlan, on_message: OnMessage) -> FileCopy:
    """Create the entities of the plan on the site and upload their files.

    Each request is a transaction, so that the next plan continues a transfer that was interrupted. Raises the errors
    of the session.
    """
    schemas = {schema["id"]: schema for schema in site.schemas}
    count = 0
    if plan.entities or plan.files:
        # An interrupted copy may have closed sessions that it had not completed; they are closed again at the end.
        found = _rows(site, ["select id, end_date from ReviewSession"])
        closed = [
            row["id"] for row in found if has_passed(row["end_date"]) and ("ReviewSession", row["id"]) in plan.late
        ]
        for keys in parts_of(closed, MAX_CREATES_PER_REQUEST):
            site.post([operations.update("ReviewSession", key, {"end_date": None}) for key in keys])
    for part in parts_of(plan.entities, MAX_CREATES_PER_REQUEST):
        calls = []
        for entity in part:
            calls.append(operations.create(entity.type_name, entity.data))
            if entity.custom_values:
                values_type = schemas[entity.type_name]["properties"]["custom_attributes"]["items"]["$ref"]
                calls += [operations.create(values_type, values) for values in entity.custom_values]
        site.post(calls)
        count += len(part)
        on_message(f"{count} of {len(plan.entities)} entities created.")
    copied = copy_files(studio, site, plan.files, on_message)
    for updates in parts_of(list(_late_updates(site, plan.late)), MAX_CREATES_PER_REQUEST):
        site.post(updates)
    return copied


def _shared_entities(site: Session, schemas: Mapping[str, Any], project_id: str) -> Iterator[Row]:
    """Yield the entities of the site that take the place of the studio's, its projects, and the project's contexts."""
    queries = ["select id, name from Project"]
    for type_name, names in IDENTITY.items():
        if type_name in schemas:
            known = [name for name in ("id", *names, "email") if name in schemas[type_name]["properties"]]
            where = f" where project_id is {quoted(project_id)}" if type_name == "TypedContext" else ""
            if type_name == "TypedContext":
                known += ["object_type_id"]
            queries.append(f"select {', '.join(known)} from {type_name}{where}")
    return _rows(site, queries)


def _rows(session: Session, queries: Sequence[str]) -> Iterator[Row]:
    for part in parts_of(queries, MAX_QUERIES_PER_REQUEST):
        for answer in json.loads(session.post([operations.query(text) for text in part])):
            yield from answer["data"]


def _existing(
    site: Session, entities: Iterable[NewEntity], schemas: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield type and key of the entities that the site has already."""
    wanted: dict[str, dict[str, None]] = {}
    for entity in entities:
        wanted.setdefault(entity.type_name, {})[entity.key[0]] = None
    for type_name, values in wanted.items():
        keys = schemas[type_name]["primary_key"]
        select = f"select {', '.join(keys)} from {type_name} where {keys[0]} in"
        for row in _rows(site, [f"{select} ({part})" for part in _lists(values)]):
            yield type_name, row_key(row, schemas[type_name])


def _lists(values: Iterable[str]) -> Iterator[str]:
    """Return the values as lists of a query, of a limited length each."""
    return map(", ".join, parts_of([quoted(value) for value in values], MAX_IDS_PER_QUERY))


def missing_files(target: Session, files: Sequence[Row]) -> tuple[Row, ...]:
    """Return the components whose bytes the target does not have."""
    where = f"location_id is {quoted(SERVER_LOCATION_ID)} and component_id in"
    queries = [
        f"select component_id from ComponentLocation where {where} ({part})"
        for part in _lists(row["id"] for row in files)
    ]
    existing = {row["component_id"] for row in _rows(target, queries)}
    return tuple(row for row in files if row["id"] not in existing)


def copy_files(source: Session, target: Session, files: Sequence[Row], on_message: OnMessage) -> FileCopy:
    """Copy the bytes of components that the target has; ``location_row`` is the id of their place in its location."""
    count, size, missing = 0, 0, []
    with temporary_folder() as temporary:
        path = temporary / "bytes"
        for number, row in enumerate(files, 1):
            file_name = f"{row.get('name') or 'main'}.{str(row.get('file_type') or '').lstrip('.')}".rstrip(".")
            try:
                size += download(source, row["id"], path)
            except NotFoundError:
                missing.append(file_name)
                continue
            send(target, path, component_id=row["id"], file_name=file_name)
            location = {"id": row["location_row"], "component_id": row["id"], "resource_identifier": row["id"]}
            target.post([operations.create("ComponentLocation", {**location, "location_id": SERVER_LOCATION_ID})])
            path.unlink()
            count += 1
            on_message(f"{number} of {len(files)} files: {file_name}")
    return FileCopy(count, size, tuple(missing))


def _late_updates(site: Session, late: Mapping[tuple[str, str], Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the updates of attributes that have no value on the site."""
    by_type: dict[str, list[str]] = {}
    for type_name, key in late:
        by_type.setdefault(type_name, []).append(key)
    # A closed session takes no other change, such as the thumbnail of a version in it.
    for type_name, keys in sorted(by_type.items(), key=lambda found: found[0] == "ReviewSession"):
        names = sorted({name for key in keys for name in late[type_name, key]})
        select = f"select id, {', '.join(names)} from {type_name} where id in"
        for row in _rows(site, [f"{select} ({part})" for part in _lists(keys)]):
            values = {name: value for name, value in late[type_name, row["id"]].items() if row.get(name) is None}
            if values:
                yield operations.update(type_name, row["id"], values)
