"""Actions of the review page about playback: the order of the versions, and smaller renditions of their movies."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.encoding.queue import MOVIE
from ft_dcc.server.entities.batch import update_operation
from ft_dcc.server.errors import Forbidden, NotFound, ValidationError
from ft_dcc.server.review import content
from ft_dcc.server.review.access import ReviewAccess
from ft_dcc.server.storage.renditions import LINES

_MAX_OBJECTS = 5000


def may_order(dispatcher: Dispatcher, access: ReviewAccess) -> bool:
    """Return whether the visitor is a user who may change the order of the versions now."""
    if access.user is None or access.has_ended:
        return False
    key = {"id": access.review_session_id}
    check = {"action": "permissions", "entity_type": "ReviewSession", "entity_data": key}
    (answer,) = dispatcher.answer(access.user, [check])
    return "update" in answer["data"]


def set_order(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> dict[str, Any]:
    """Put the versions into the order of their ids in ``objects``; versions that are missing there follow.

    Raises Forbidden or ValidationError.
    """
    if access.user is None:
        raise Forbidden("Only users of the studio may change the order. Sign in, or ask the person who invited you.")
    if access.has_ended:
        raise Forbidden("This review has ended. It can be read, and not be changed.")
    given = payload.get("objects")
    if not isinstance(given, list) or not 0 < len(given) <= _MAX_OBJECTS:
        raise ValidationError(f"Send the ids of 1 to {_MAX_OBJECTS} versions as objects.")
    item = dispatcher.context.store.tables.by_family["ReviewSessionObject"]
    statement = select(item.c.id, item.c.sort_order).where(item.c.review_session_id == access.review_session_id)
    statement = statement.order_by(item.c.sort_order.is_(None), item.c.sort_order, item.c["__row__"])
    with dispatcher.context.store.reading() as connection:
        known = {row.id: row.sort_order for row in connection.execute(statement)}
    wanted = [object_id for object_id in dict.fromkeys(map(str, given)) if object_id in known]
    order = [*wanted, *(object_id for object_id in known if object_id not in set(wanted))]
    operations = [
        update_operation("ReviewSessionObject", object_id, {"sort_order": number})
        for number, object_id in enumerate(order, start=1)
        if known[object_id] != number
    ]
    if operations:
        dispatcher.answer(access.user, operations)
    return {}


def request_rendition(dispatcher: Dispatcher, access: ReviewAccess, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the URL of a smaller movie with the same frames, or None while the server makes it.

    Raises NotFound, ValidationError, and EncodeFailed if it cannot be made.
    """
    lines = payload.get("lines")
    if lines not in LINES:
        raise ValidationError(f"A rendition has {' or '.join(map(str, LINES))} lines. Send one of them.")
    store = dispatcher.context.store
    with store.reading() as connection:
        object_id = str(payload.get("object"))
        component_id = content.movie_component(connection, store.tables, access.review_session_id, object_id)
    if component_id is None:
        raise NotFound(f"This version has no movie with the name {MOVIE}. Load the page again.")
    is_made = dispatcher.context.renditions.request(component_id, lines)
    if not is_made:
        dispatcher.context.encode_requested.set()
    return {"url": f"media/{component_id}/{lines}" if is_made else None}
