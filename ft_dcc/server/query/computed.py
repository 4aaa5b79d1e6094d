"""The SQL of attributes that have no column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, Table, and_, case, func, literal_column, or_, select

from ft_dcc.server.database.connections import NOW_FUNCTION
from ft_dcc.server.query.row_filter import AccessScope
from ft_dcc.server.schema.tables import TYPE_COLUMN

Column = ColumnElement[Any]
Formula = Callable[[AccessScope, FromClause], Column]


def _latest_version(scope: AccessScope, asset: FromClause) -> Column:
    version = scope.tables.by_family["AssetVersion"].alias()
    found = select(version.c.id).where(version.c.asset_id == asset.c.id)
    return found.order_by(version.c.version.desc()).limit(1).correlate(asset).scalar_subquery()


def _is_latest_version(scope: AccessScope, version: FromClause) -> Column:
    other = scope.tables.by_family["AssetVersion"].alias()
    newest = select(func.max(other.c.version)).where(other.c.asset_id == version.c.asset_id)
    return case((version.c.version == newest.correlate(version).scalar_subquery(), 1), else_=0)


def _time_logged(scope: AccessScope, context: FromClause) -> Column:
    timelog = scope.tables.by_family["Timelog"].alias()
    total = select(func.sum(timelog.c.duration)).where(timelog.c.context_id == context.c.id)
    return func.coalesce(total.correlate(context).scalar_subquery(), 0.0)


def _bid_time_logged_difference(scope: AccessScope, context: FromClause) -> Column:
    return func.coalesce(context.c.bid, 0.0) - _time_logged(scope, context)


def _is_open(_scope: AccessScope, session: FromClause) -> Column:
    """Return whether a review session is between its dates, each of which may be missing."""
    now: Column = literal_column(f"{NOW_FUNCTION}()")
    begun = or_(session.c.start_date.is_(None), session.c.start_date <= now)
    lasting = or_(session.c.end_date.is_(None), session.c.end_date > now)
    return case((and_(begun, lasting), 1), else_=0)


def _session_thumbnail(scope: AccessScope, session: FromClause) -> Column:
    """Return the thumbnail of the first version in a review session that has one."""
    item, version = (scope.tables.by_family[name].alias() for name in ("ReviewSessionObject", "AssetVersion"))
    found = select(version.c.thumbnail_id).select_from(item.join(version, item.c.version_id == version.c.id))
    found = found.where(item.c.review_session_id == session.c.id, version.c.thumbnail_id.is_not(None))
    if (is_visible := scope.visibility("AssetVersion", version)) is not None:
        found = found.where(is_visible)
    return found.order_by(item.c.sort_order).limit(1).correlate(session).scalar_subquery()


COMPUTED_COLUMNS: dict[tuple[str, str], Formula] = {
    ("Asset", "latest_version"): _latest_version,
    ("AssetVersion", "is_latest_version"): _is_latest_version,
    ("Context", "time_logged"): _time_logged,
    ("Context", "bid_time_logged_difference"): _bid_time_logged_difference,
    ("ReviewSession", "is_open"): _is_open,
    ("ReviewSession", "thumbnail_id"): _session_thumbnail,
}

# The names that custom attribute configurations use for types that have one name.
CONFIGURED_AS = {"AssetVersion": "assetversion", "User": "user", "Asset": "asset", "List": "list"}


def materialised_values(tables: Mapping[str, Table], kind: str, family: str) -> Subquery:
    """Return one row for each entity of a type and each configuration that applies to it, with or without a value."""
    entity = tables[family].alias()
    configuration = tables["CustomConfigurationBase"].alias()
    value = tables["CustomAttributeValue"].alias()
    is_set = and_(value.c.configuration_id == configuration.c.id, value.c.entity_id == entity.c.id)
    columns = select(
        configuration.c.id.label("configuration_id"),
        entity.c.id.label("entity_id"),
        configuration.c.key.label("key"),
        func.coalesce(value.c.value, configuration.c.default).label("value"),
    )
    pairs = entity.join(configuration, configuration_applies(tables, kind, entity, configuration))
    return columns.select_from(pairs.outerjoin(value, is_set)).subquery()


def configuration_applies(
    tables: Mapping[str, Table], kind: str, entity: FromClause, configuration: FromClause
) -> Column:
    """Return the condition under which an entity of this type has the custom attribute."""
    is_value = configuration.c[TYPE_COLUMN] == "CustomAttributeConfiguration"
    if kind == "ListObject":
        return and_(is_value, configuration.c.entity_type == "list_object")
    if kind not in ("Context", "AssetVersion", "Asset"):
        return and_(is_value, configuration.c.entity_type == CONFIGURED_AS[kind])
    context = tables["Context"].alias()
    if kind == "Context":
        project_id: Column = entity.c.project_id
        type_id = configuration.c.object_type_id
        of_type = or_(type_id.is_(None), type_id == entity.c.object_type_id)
        is_project = entity.c[TYPE_COLUMN] == "Project"
        named = or_(
            and_(configuration.c.entity_type == "task", of_type, ~is_project),
            and_(configuration.c.entity_type == "convert", is_project),
        )
    else:
        named = configuration.c.entity_type == CONFIGURED_AS[kind]
        found, asset = select(context.c.project_id), tables["Asset"].alias()
        if kind == "Asset":
            found = found.where(context.c.id == entity.c.context_id)
        else:
            found = found.select_from(asset.join(context, asset.c.context_id == context.c.id))
            found = found.where(asset.c.id == entity.c.asset_id)
        project_id = found.correlate(entity).scalar_subquery()
    in_project = or_(configuration.c.project_id.is_(None), configuration.c.project_id == project_id)
    return and_(is_value, or_(named, configuration.c.is_hierarchical == 1), in_project)
