"""Attributes that are computed for an answer: the link from the project to an entity, and URLs of media."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Callable

from sqlalchemy import bindparam, select

from ft_dcc.server.auth.permissions import Reach
from ft_dcc.server.auth.signed_tokens import review_key
from ft_dcc.server.database.prepared import Prepared
from ft_dcc.server.query.loader import PostProcessor, PostProcessors, QueryContext, Record
from ft_dcc.server.query.row_filter import visibility_condition
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables
from ft_dcc.server.storage.media_store import MediaStore

_LINKED_THUMBNAIL_SIZE = 300
_MAX_KEYS = 10_000


def make_post_processors(
    schema: Schema, tables: Tables, files: MediaStore, secret: bytes, public_url: str = ""
) -> PostProcessors:
    """Return the function that computes each attribute, and the attributes that the function needs.

    URLs of review pages use the public URL of the studio if it is set, because they are passed on to others.
    """

    def media(context: QueryContext, component_id: str) -> dict[str, Any]:
        return {"value": component_id, "url": files.download_url(context.base_url, component_id, context.caller_id)}

    def thumbnail(context: QueryContext, component_id: str) -> dict[str, Any]:
        url = files.download_url(context.base_url, component_id, context.caller_id, size=_LINKED_THUMBNAIL_SIZE)
        return {"value": component_id, "url": url}

    def review(context: QueryContext, session_id: str) -> str:
        return f"{public_url or context.base_url}/review/{session_id}/{review_key(secret, session_id)}"

    post_processors: dict[tuple[str, str], tuple[tuple[str, ...], PostProcessor]] = {
        ("ReviewSession", "review_url"): (("id",), _each("review_url", "id", review)),
        ("ComponentLocation", "url"): (("component_id",), _each("url", "component_id", media)),
    }
    for name in ("Context", "AssetVersion", "Resource", "ReviewSession"):
        fill = _thumbnails(schema, tables, thumbnail)
        post_processors[name, "thumbnail_url"] = ("thumbnail_id",), fill
    for name in ("NoteComponent", "JobComponent", "SettingComponent", "ReviewSessionObjectAnnotationComponent"):
        post_processors[name, "url"] = (("component_id",), _each("url", "component_id", media))
        post_processors[name, "thumbnail_url"] = (("component_id",), _each("thumbnail_url", "component_id", thumbnail))
    for name in ("link", "_link"):
        post_processors["Context", name] = (("id", "name", "parent_id"), _chain_links(schema, tables, "Context", name))
        post_processors["AssetVersion", name] = (("id", "version", "asset_id"), _version_links(schema, tables, name))
    post_processors["Resource", "link"] = (
        ("id", "name", "parent_id"),
        _chain_links(schema, tables, "Resource", "link"),
    )
    return post_processors


def _each(name: str, source: str, make: Callable[[QueryContext, str], Any]) -> PostProcessor:
    def fill(context: QueryContext, records: Sequence[Record]) -> None:
        for record in records:
            found = record.get(source)
            record[name] = None if found is None else make(context, found)

    return fill


def _chain_links(schema: Schema, tables: Tables, family: str, name: str) -> PostProcessor:
    def fill(context: QueryContext, records: Sequence[Record]) -> None:
        chains = _chains(context, schema, tables, family, [record["id"] for record in records])
        for record in records:
            record[name] = chains[record["id"]]

    return fill


def _version_links(schema: Schema, tables: Tables, name: str) -> PostProcessor:
    """Return the post-processor for links of versions, which contain the contexts and, in the last name, the asset."""

    def fill(context: QueryContext, records: Sequence[Record]) -> None:
        ids = {record["asset_id"] for record in records}
        found = _visible_rows(context, schema, tables, "Asset", ("id", "name", "context_id"), ids)
        assets = {row[0]: row for row in found}
        chains = _chains(context, schema, tables, "Context", [asset[2] for asset in assets.values()])
        for record in records:
            asset = assets.get(record["asset_id"])
            label = f"{asset[1] if asset else ''} v{record['version'] or 0:03}"
            own = {"id": record["id"], "name": label, "type": "AssetVersion"}
            record[name] = [*chains.get(asset[2] if asset else None, ()), own]

    return fill


def _thumbnails(schema: Schema, tables: Tables, make: Callable[[QueryContext, str], Any]) -> PostProcessor:
    """Return the post-processor for URLs of thumbnails, for the components that the user may see."""

    def fill(context: QueryContext, records: Sequence[Record]) -> None:
        ids = {record["thumbnail_id"] for record in records} - {None}
        visible = {row[0] for row in _visible_rows(context, schema, tables, "Component", ("id",), ids)}
        for record in records:
            found = record["thumbnail_id"]
            record["thumbnail_url"] = make(context, found) if found in visible else None

    return fill


def _chains(
    context: QueryContext, schema: Schema, tables: Tables, family: str, ids: Iterable[Any]
) -> dict[Any, list[dict[str, Any]]]:
    """Return the entities from the root of the tree, or the first visible one, down to each of these ids."""
    columns = ("id", "name", "parent_id", TYPE_COLUMN)
    known: dict[Any, Any] = {}
    pending = set(ids)
    while pending:
        rows = _visible_rows(context, schema, tables, family, columns, pending)
        known.update({row[0]: row for row in rows})
        pending = {row[2] for row in rows if row[2] is not None} - set(known)
    return {start: _chain(known, start) for start in ids}


def _visible_rows(
    context: QueryContext, schema: Schema, tables: Tables, family: str, columns: tuple[str, ...], ids: Iterable[Any]
) -> Sequence[tuple[Any, ...]]:
    """Return the columns of the rows with these ids that the user may see."""
    keys = list(ids)
    rows: list[tuple[Any, ...]] = []
    statement = _visible_rows_statement(schema, tables, context.reach, family, columns)
    for start in range(0, len(keys), _MAX_KEYS):
        rows += context.rows(statement, keys=keys[start : start + _MAX_KEYS])
    return rows


@functools.lru_cache(maxsize=64)
def _visible_rows_statement(
    schema: Schema, tables: Tables, reach: Reach, family: str, columns: tuple[str, ...]
) -> Prepared:
    source = tables.by_family[family].alias()
    found = select(*(source.c[name] for name in columns)).where(source.c.id.in_(bindparam("keys", expanding=True)))
    condition = visibility_condition(schema, tables, reach, family, source)
    return Prepared(found if condition is None else found.where(condition))


def _chain(known: dict[Any, Any], start: Any) -> list[dict[str, Any]]:
    chain: list[dict[str, Any]] = []
    here = known.get(start)
    while here is not None and len(chain) <= len(known):
        chain.insert(0, {"id": here[0], "name": here[1], "type": here[3]})
        here = known.get(here[2])
    return chain
