"""Attributes that have no column: what SQL computes for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, Table, and_, case, func, or_, select

from ft_dcc.server.schema.tables import TYPE_COLUMN

Column = ColumnElement[Any]
Formula = Callable[[Mapping[str, Table], FromClause], Column]


def _latest_version(tables: Mapping[str, Table], asset: FromClause) -> Column:
    version = tables["AssetVersion"].alias()
    found = select(version.c.id).where(version.c.asset_id == asset.c.id)
    return found.order_by(version.c.version.desc()).limit(1).correlate(asset).scalar_subquery()


def _is_latest_version(tables: Mapping[str, Table], version: FromClause) -> Column:
    other = tables["AssetVersion"].alias()
    newest = select(func.max(other.c.version)).where(other.c.asset_id == version.c.asset_id)
    return case((version.c.version == newest.correlate(version).scalar_subquery(), 1), else_=0)


def _time_logged(tables: Mapping[str, Table], context: FromClause) -> Column:
    timelog = tables["Timelog"].alias()
    total = select(func.sum(timelog.c.duration)).where(timelog.c.context_id == context.c.id)
    return func.coalesce(total.correlate(context).scalar_subquery(), 0.0)


def _bid_time_logged_difference(tables: Mapping[str, Table], context: FromClause) -> Column:
    return func.coalesce(context.c.bid, 0.0) - _time_logged(tables, context)


def _is_open(_tables: Mapping[str, Table], session: FromClause) -> Column:
    """A review session is open between its dates; without a date there is no limit on that side."""
    now = func.strftime("%Y-%m-%dT%H:%M:%S", "now")
    begun = or_(session.c.start_date.is_(None), session.c.start_date <= now)
    lasting = or_(session.c.end_date.is_(None), session.c.end_date > now)
    return case((and_(begun, lasting), 1), else_=0)


def _session_thumbnail(tables: Mapping[str, Table], session: FromClause) -> Column:
    """The thumbnail of a review session is that of the first version in it that has one."""
    item, version = tables["ReviewSessionObject"].alias(), tables["AssetVersion"].alias()
    found = select(version.c.thumbnail_id).select_from(item.join(version, item.c.version_id == version.c.id))
    found = found.where(item.c.review_session_id == session.c.id, version.c.thumbnail_id.is_not(None))
    return found.order_by(item.c.sort_order).limit(1).correlate(session).scalar_subquery()


FORMULAS: dict[tuple[str, str], Formula] = {
    ("Asset", "latest_version"): _latest_version,
    ("AssetVersion", "is_latest_version"): _is_latest_version,
    ("Context", "time_logged"): _time_logged,
    ("Context", "bid_time_logged_difference"): _bid_time_logged_difference,
    ("ReviewSession", "is_open"): _is_open,
    ("ReviewSession", "thumbnail_id"): _session_thumbnail,
}

# What a custom attribute configuration calls the entities of a kind, for kinds that have one name.
CONFIGURED_AS = {"AssetVersion": "assetversion", "User": "user", "Asset": "asset", "List": "list"}


def dense_values(tables: Mapping[str, Table], kind: str, family: str) -> Subquery:
    """Return one row for each entity of the kind and each configuration that applies to it, set or not."""
    entity = tables[family].alias()
    configuration = tables["CustomConfigurationBase"].alias()
    value = tables["CustomAttributeValue"].alias()
    is_set = and_(value.c.configuration_id == configuration.c.id, value.c.entity_id == entity.c.id)
    columns = [
        configuration.c.id.label("configuration_id"),
        entity.c.id.label("entity_id"),
        configuration.c.key.label("key"),
        func.coalesce(value.c.value, configuration.c.default).label("value"),
    ]
    pairs = entity.join(configuration, applies(tables, kind, entity, configuration))
    return select(*columns).select_from(pairs.outerjoin(value, is_set)).subquery()


def applies(tables: Mapping[str, Table], kind: str, entity: FromClause, configuration: FromClause) -> Column:
    """Return the condition under which an entity of this kind has the custom attribute."""
    is_value = configuration.c[TYPE_COLUMN] == "CustomAttributeConfiguration"
    if kind == "ListObject":
        return and_(is_value, configuration.c.entity_type == "list_object")
    if kind == "Context":
        return and_(
            is_value, _applies_to_context(entity, configuration), _in_project(configuration, entity.c.project_id)
        )
    if kind in ("AssetVersion", "Asset"):
        named = configuration.c.entity_type == CONFIGURED_AS[kind]
        hierarchical = configuration.c.is_hierarchical == 1
        return and_(is_value, or_(named, hierarchical), _in_project(configuration, _project_of(tables, kind, entity)))
    return and_(is_value, configuration.c.entity_type == CONFIGURED_AS[kind])


def _applies_to_context(entity: FromClause, configuration: FromClause) -> Column:
    of_type = or_(configuration.c.object_type_id.is_(None), configuration.c.object_type_id == entity.c.object_type_id)
    is_project = entity.c[TYPE_COLUMN] == "Project"
    return or_(
        and_(configuration.c.entity_type == "task", of_type, entity.c[TYPE_COLUMN] != "Project"),
        and_(configuration.c.entity_type == "show", is_project),
        configuration.c.is_hierarchical == 1,
    )


def _in_project(configuration: FromClause, project_id: Column) -> Column:
    return or_(configuration.c.project_id.is_(None), configuration.c.project_id == project_id)


def _project_of(tables: Mapping[str, Table], kind: str, entity: FromClause) -> Column:
    context = tables["Context"].alias()
    found = select(context.c.project_id)
    if kind == "Asset":
        return found.where(context.c.id == entity.c.context_id).correlate(entity).scalar_subquery()
    asset = tables["Asset"].alias()
    above = asset.join(context, asset.c.context_id == context.c.id)
    return found.select_from(above).where(asset.c.id == entity.c.asset_id).correlate(entity).scalar_subquery()
