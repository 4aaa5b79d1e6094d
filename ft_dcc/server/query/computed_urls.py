"""Attributes that are computed for an answer: the link from the project to an entity, and URLs of media."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import attrs
from sqlalchemy import bindparam, select

from ft_dcc.server.auth.permissions import Reach
from ft_dcc.server.auth.tokens import review_key
from ft_dcc.server.database.connections import Prepared
from ft_dcc.server.query.loader import PostProcessor, PostProcessors, QueryContext, Record
from ft_dcc.server.query.row_filter import access_scope
from ft_dcc.server.schema.model import Schema
from ft_dcc.server.schema.tables import TYPE_COLUMN, Tables
from ft_dcc.server.storage.media_store import PLACEHOLDER_PATH, MediaStore

_LINKED_THUMBNAIL_SIZE = 300


def make_post_processors(
    schema: Schema, tables: Tables, files: MediaStore, secret: bytes, public_url: str = ""
) -> PostProcessors:
    """Return the function that computes each attribute, and the attributes that the function needs.

    URLs of review pages use the public URL of the studio if it is set, because they are passed on to others.
    """

    def media(size: int | None, context: QueryContext, component_id: str) -> dict[str, Any]:
        url = files.download_url(context.base_url, component_id, context.caller_id, size=size)
        return {"value": component_id, "url": url}

    def review(context: QueryContext, session_id: str) -> str:
        return f"{public_url or context.base_url}/review/{session_id}/{review_key(secret, session_id)}"

    links, file, image = _Links(schema, tables), partial(media, None), partial(media, _LINKED_THUMBNAIL_SIZE)
    post_processors: dict[tuple[str, str], tuple[tuple[str, ...], PostProcessor]] = {
        ("ReviewSession", "review_url"): (("id",), partial(_each, "review_url", "id", review)),
        ("ComponentLocation", "url"): (("component_id",), partial(_each, "url", "component_id", file)),
        ("Resource", "link"): (("id", "name", "parent_id"), partial(links.add_chains, "Resource", "link")),
    }
    for family in ("Context", "AssetVersion", "Resource", "ReviewSession"):
        post_processors[family, "thumbnail_url"] = ("thumbnail_id",), partial(links.add_thumbnails, image)
    for family in ("NoteComponent", "JobComponent", "SettingComponent", "ReviewSessionObjectAnnotationComponent"):
        for name, make in (("url", file), ("thumbnail_url", image)):
            post_processors[family, name] = ("component_id",), partial(_each, name, "component_id", make)
    for name in ("link", "_link"):
        chains = partial(links.add_chains, "Context", name)
        post_processors["Context", name] = ("id", "name", "parent_id"), chains
        post_processors["AssetVersion", name] = ("id", "version", "asset_id"), partial(links.add_versions, name)
    return post_processors


def _each(
    name: str, source: str, make: Callable[[QueryContext, str], Any], context: QueryContext, records: Sequence[Record]
) -> None:
    for record in records:
        found = record.get(source)
        record[name] = None if found is None else make(context, found)


@attrs.frozen(eq=False)
class _Links:
    """Adds links and thumbnails, with the entities that the user may see."""

    schema: Schema
    tables: Tables

    def add_chains(self, family: str, name: str, context: QueryContext, records: Sequence[Record]) -> None:
        chains = self._chains(context, family, [record["id"] for record in records])
        for record in records:
            record[name] = chains[record["id"]]

    def add_versions(self, name: str, context: QueryContext, records: Sequence[Record]) -> None:
        """Add the links of versions, which contain the contexts and, in the last name, the asset."""
        ids = {record["asset_id"] for record in records}
        assets = {row[0]: row for row in self._rows(context, "Asset", ("id", "name", "context_id"), ids)}
        chains = self._chains(context, "Context", [asset[2] for asset in assets.values()])
        for record in records:
            asset = assets.get(record["asset_id"])
            label = f"{asset[1] if asset else ''} v{record['version'] or 0:03}"
            own = {"id": record["id"], "name": label, "type": "AssetVersion"}
            record[name] = [*chains.get(asset[2] if asset else None, ()), own]

    def add_thumbnails(
        self, make: Callable[[QueryContext, str], Any], context: QueryContext, records: Sequence[Record]
    ) -> None:
        """Add the URLs of thumbnails, or that of the placeholder: scripts read ``thumbnail_url['url']`` unasked."""
        ids = {record["thumbnail_id"] for record in records} - {None}
        visible = {row[0] for row in self._rows(context, "Component", ("id",), ids)}
        placeholder = {"value": None, "url": f"{context.base_url}{PLACEHOLDER_PATH}"}
        for record in records:
            found = record["thumbnail_id"]
            record["thumbnail_url"] = make(context, found) if found in visible else placeholder

    def _chains(self, context: QueryContext, family: str, ids: Collection[Any]) -> dict[Any, list[dict[str, Any]]]:
        """Return the entities from the root of the tree, or the first visible one, down to each of these ids."""
        known: dict[Any, Any] = {}
        pending = set(ids)
        while pending:
            rows = self._rows(context, family, ("id", "name", "parent_id", TYPE_COLUMN), pending)
            known.update({row[0]: row for row in rows})
            pending = {row[2] for row in rows if row[2] is not None} - set(known)
        chains: dict[Any, list[dict[str, Any]]] = {start: [] for start in ids}
        for start, chain in chains.items():
            here = known.get(start)
            while here is not None and len(chain) <= len(known):
                chain.insert(0, {"id": here[0], "name": here[1], "type": here[3]})
                here = known.get(here[2])
        return chains

    def _rows(
        self, context: QueryContext, family: str, columns: tuple[str, ...], ids: Collection[Any]
    ) -> Sequence[tuple[Any, ...]]:
        return context.rows_of(_visible_rows(self.schema, self.tables, context.reach, family, columns), ids)


@functools.lru_cache(maxsize=64)
def _visible_rows(schema: Schema, tables: Tables, reach: Reach, family: str, columns: tuple[str, ...]) -> Prepared:
    """Return the statement for the columns of the rows ``:keys`` that the user may see."""
    source = tables.by_family[family].alias()
    found = select(*(source.c[name] for name in columns)).where(source.c.id.in_(bindparam("keys", expanding=True)))
    condition = access_scope(schema, tables, reach).visibility(family, source)
    return Prepared(found if condition is None else found.where(condition))
