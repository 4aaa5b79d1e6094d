"""Edit a review session from its page: its names, the order of its versions, and newer versions of its assets.

Users who may change the session have the right ``edit``, and invitees whose invitation has it. Such an invitee can add
only newer versions of the assets that the session shows already, and learns of no other version of the studio.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.entities.batch import Operation, create_operation, update_operation
from ft_dcc.server.errors import NotFound, ValidationError
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.review.user_actions import require_right, write_as_visitor
from ft_dcc.server.schema.tables import Tables

_MAX_OBJECTS, _MAX_TEXT = 5000, 2000


def read_newer(connection: Connection, tables: Tables, access: ReviewAccess) -> list[dict[str, Any]]:
    """Return id, asset and number of the versions that are newer than those of their asset in the session."""
    require_right(access, "edit")
    item, version, asset = tables.families("ReviewSessionObject", "AssetVersion", "Asset")
    shown = (
        select(version.c.asset_id, func.max(version.c.version).label("newest"))
        .join_from(item, version, item.c.version_id == version.c.id)
        .where(item.c.review_session_id == access.review_session_id)
        .group_by(version.c.asset_id)
        .subquery()
    )
    statement = (
        select(version.c.id, version.c.version, asset.c.name)
        .join_from(shown, version, version.c.asset_id == shown.c.asset_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .where(version.c.version > shown.c.newest)
        .order_by(asset.c.name, version.c.version)
        .limit(_MAX_OBJECTS)
    )
    rows = connection.execute(statement)
    return [{"id": row.id, "name": row.name or "", "version": row.version} for row in rows]


def edit(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> dict[str, Any]:
    """Set ``name`` and ``description`` of the session, or ``name`` of its version ``object``; add ``versions``.

    Raises Forbidden, NotFound, ValidationError or ReviewSessionClosedError.
    """
    require_right(access, "edit")
    store, session_id, operations = dispatcher.context.store, access.review_session_id, list[Operation]()
    names: dict[str, Any] = {name: _text(payload[name], name) for name in ("name", "description") if name in payload}
    with store.reading() as connection:
        if payload.get("object") is not None:
            object_id = str(payload["object"])
            if object_id not in _order(connection, store.tables, session_id):
                raise NotFound("This review session has no such version. Load the page again.")
            operations.append(update_operation("ReviewSessionObject", object_id, names))
        elif names:
            operations.append(update_operation("ReviewSession", session_id, names))
        added = _ids(payload.get("versions", []), is_optional=True)
        newer = {each["id"] for each in read_newer(connection, store.tables, access)} if added else set()
    if not newer.issuperset(added):
        raise NotFound("One of these versions is not a newer one of the session's assets. Load the page again.")
    place = {"review_session_id": session_id}
    operations += [create_operation("ReviewSessionObject", {**place, "version_id": each}) for each in added]
    if operations:
        write_as_visitor(dispatcher, access, operations)
    return {}


def set_order(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> dict[str, Any]:
    """Put the versions into the order of the ids ``objects``, others last; raise Forbidden or ValidationError."""
    require_right(access, "edit")
    given, store = _ids(payload.get("objects")), dispatcher.context.store
    with store.reading() as connection:
        known = _order(connection, store.tables, access.review_session_id)
    wanted = [object_id for object_id in given if object_id in known]
    order = [*wanted, *(object_id for object_id in known if object_id not in set(wanted))]
    operations = [
        update_operation("ReviewSessionObject", object_id, {"sort_order": number})
        for number, object_id in enumerate(order, start=1)
        if known[object_id] != number
    ]
    if operations:
        write_as_visitor(dispatcher, access, operations)
    return {}


def _order(connection: Connection, tables: Tables, review_session_id: str) -> dict[str, float | None]:
    item = tables.by_family["ReviewSessionObject"]
    statement = select(item.c.id, item.c.sort_order).where(item.c.review_session_id == review_session_id)
    statement = statement.order_by(item.c.sort_order.is_(None), item.c.sort_order, item.c["__row__"])
    return {row.id: row.sort_order for row in connection.execute(statement)}


def _ids(given: object, *, is_optional: bool = False) -> list[str]:
    if not isinstance(given, list) or not (0 if is_optional else 1) <= len(given) <= _MAX_OBJECTS:
        raise ValidationError(f"Send the ids of 1 to {_MAX_OBJECTS} versions as a list.")
    return list(dict.fromkeys(map(str, given)))


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or (name == "name" and not value.strip()):
        raise ValidationError(f"The {name} is a text of at most {_MAX_TEXT} characters, and a name is not empty.")
    return value.strip()
