"""Attributes that only an answer can have: the way from the project to an entity, and addresses of media."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Callable

from sqlalchemy import select

from ft_dcc.server.access import review_key
from ft_dcc.server.files import Files
from ft_dcc.server.query.level import Filler, Fillers, Reader, Record
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables

_LINKED_THUMBNAIL_SIZE = 300


def make_fillers(tables: Tables, files: Files, secret: bytes, public_url: str = "") -> Fillers:
    """Return what computes each attribute, and which other attributes it needs for that.

    Review pages are at the studio's public address, where it has one: their links are passed on.
    """

    def media(reader: Reader, component_id: str) -> dict[str, Any]:
        return {"value": component_id, "url": files.download_url(reader.base_url, component_id)}

    def thumbnail(reader: Reader, component_id: str) -> dict[str, Any]:
        url = files.download_url(reader.base_url, component_id, size=_LINKED_THUMBNAIL_SIZE)
        return {"value": component_id, "url": url}

    def review(reader: Reader, session_id: str) -> str:
        return f"{public_url or reader.base_url}/review/{session_id}/{review_key(secret, session_id)}"

    fillers: dict[tuple[str, str], tuple[tuple[str, ...], Filler]] = {
        ("ReviewSession", "review_url"): (("id",), _each("review_url", "id", review)),
        ("ComponentLocation", "url"): (("component_id",), _each("url", "component_id", media)),
    }
    for name in ("Context", "AssetVersion", "Resource", "ReviewSession"):
        filler = _each("thumbnail_url", "thumbnail_id", thumbnail)
        fillers[name, "thumbnail_url"] = (("thumbnail_id",), filler)
    for name in ("NoteComponent", "JobComponent", "SettingComponent", "ReviewSessionObjectAnnotationComponent"):
        fillers[name, "url"] = (("component_id",), _each("url", "component_id", media))
        fillers[name, "thumbnail_url"] = (("component_id",), _each("thumbnail_url", "component_id", thumbnail))
    for name in ("link", "_link"):
        fillers["Context", name] = (("id", "name", "parent_id"), _context_links(tables, name))
        fillers["AssetVersion", name] = (("id", "version", "asset_id"), _version_links(tables, name))
    fillers["Resource", "link"] = (("id", "name", "parent_id"), _group_links(tables))
    return fillers


def _each(name: str, source: str, make: Callable[[Reader, str], Any]) -> Filler:
    def fill(reader: Reader, records: Sequence[Record]) -> None:
        for record in records:
            found = record.get(source)
            record[name] = None if found is None else make(reader, found)

    return fill


def _context_links(tables: Tables, name: str) -> Filler:
    def fill(reader: Reader, records: Sequence[Record]) -> None:
        chains = _chains(reader, tables, "Context", [record["id"] for record in records])
        for record in records:
            record[name] = chains[record["id"]]

    return fill


def _group_links(tables: Tables) -> Filler:
    def fill(reader: Reader, records: Sequence[Record]) -> None:
        chains = _chains(reader, tables, "Resource", [record["id"] for record in records])
        for record in records:
            record["link"] = chains[record["id"]]

    return fill


def _version_links(tables: Tables, name: str) -> Filler:
    """The link of a version leads through its contexts; the asset is not part of it, only of the last name."""

    def fill(reader: Reader, records: Sequence[Record]) -> None:
        table = tables.by_family["Asset"]
        asked = select(table.c.id, table.c.name, table.c.context_id)
        ids = {record["asset_id"] for record in records}
        assets = {row.id: row for row in reader.connection.execute(asked.where(table.c.id.in_(ids)))}
        chains = _chains(reader, tables, "Context", [asset.context_id for asset in assets.values()])
        for record in records:
            asset = assets.get(record["asset_id"])
            label = f"{asset.name if asset else ''} v{record['version'] or 0:03}"
            own = {"id": record["id"], "name": label, "type": "AssetVersion"}
            record[name] = [*chains.get(asset.context_id if asset else None, ()), own]

    return fill


def _chains(reader: Reader, tables: Tables, family: str, ids: Iterable[Any]) -> dict[Any, list[dict[str, Any]]]:
    """Return for each id the entities from the root of its tree down to itself."""
    table = tables.by_family[family]
    asked = select(table.c.id, table.c.name, table.c.parent_id, table.c[TYPE_COLUMN])
    known: dict[Any, Any] = {}
    pending = set(ids)
    while pending:
        rows = reader.connection.execute(asked.where(table.c.id.in_(pending))).all()
        known.update({row[0]: row for row in rows})
        pending = {row[2] for row in rows if row[2] is not None} - set(known)
    return {start: _chain(known, start) for start in ids}


def _chain(known: dict[Any, Any], start: Any) -> list[dict[str, Any]]:
    chain: list[dict[str, Any]] = []
    here = known.get(start)
    while here is not None and len(chain) <= len(known):
        chain.insert(0, {"id": here[0], "name": here[1], "type": here[3]})
        here = known.get(here[2])
    return chain
