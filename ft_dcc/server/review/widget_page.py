"""The ``get_widget_url`` action and its pages: plain lists without scripts, for programs with an embedded browser."""

from __future__ import annotations

import json
from functools import partial
from html import escape
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.auth.tokens import sign, verify
from ft_dcc.server.database import clock
from ft_dcc.server.entities.batch import Batch, Operation
from ft_dcc.server.entities.payload import entity_type_of, operation_key
from ft_dcc.server.errors import NotFound, ValidationError
from ft_dcc.server.storage.published_media import check_account

_PURPOSE = "widget"
_NAMES = ("info", "tasks", "tasks_browser")
_URL_LIFETIME_SECONDS = 360
_MAX_TASKS = 100
_INFO_NAMES = ("name", "username", "description", "comment", "status", "link")
_PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1><ul>{items}</ul></html>"


def get_widget_url(batch: Batch, operation: Operation) -> dict[str, Any]:
    """Return the URL of a page about an entity (``info``) or about the caller's tasks; it expires after minutes."""
    name = operation.get("name")
    if name not in _NAMES:
        raise ValidationError(f"There is no such widget. Choose one of {', '.join(_NAMES)}.")
    claims: dict[str, Any] = {"name": name, "user": [batch.caller.id, batch.caller.username]}
    claims["issued_at"] = clock.now()
    if operation.get("entity_type") is not None:
        entity_type = entity_type_of(batch, operation)
        claims["entity"] = [entity_type.name, *operation_key(entity_type, operation)]
    elif name == "info":
        raise ValidationError("The widget 'info' is about an entity. Send its entity_type and entity_key.")
    token = sign(batch.services.secret, _PURPOSE, claims, _URL_LIFETIME_SECONDS)
    return {"widget_url": f"{batch.base_url}/widget/{token}"}


def routes(dispatcher: Dispatcher) -> list[BaseRoute]:
    """Return the route of the widgets."""
    return [Route("/widget/{token}", partial(_send_page, dispatcher), methods=["GET"])]


async def _send_page(dispatcher: Dispatcher, request: Request) -> HTMLResponse:
    claims = verify(dispatcher.context.secret, _PURPOSE, request.path_params["token"])
    title, lines = await to_thread.run_sync(_read_content, dispatcher, claims)
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return HTMLResponse(_PAGE.format(title=escape(title), items=items), headers={"Cache-Control": "no-store"})


def _read_content(dispatcher: Dispatcher, claims: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the title and the lines of a page, with what its user may see."""
    with dispatcher.context.store.reading() as connection:
        caller = check_account(connection, claims["user"][0], claims.get("issued_at", 0))
    if claims["name"] == "info":
        type_name, *key = claims["entity"]
        entity_type = dispatcher.context.schema[type_name]
        names = [name for name in _INFO_NAMES if name in entity_type.attributes]
        is_entity = " and ".join(f"{name} is {json.dumps(part)}" for name, part in zip(entity_type.key, key))
        paths = [
            "status.name" if name == "status" and entity_type.attributes[name].kind == "reference" else name
            for name in names
        ]
        expression = f"select {', '.join(paths or ['id'])} from {type_name} where {is_entity}"
        entities = dispatcher.query(caller, expression)
        if not entities:
            raise NotFound(f"This {type_name} does not exist any more.")
        return type_name, [f"{name}: {_text(entities[0][name])}" for name in names if entities[0].get(name)]
    expression = f"select name, link from Task where assignments any (resource.id is {json.dumps(caller.id)})"
    tasks = dispatcher.query(caller, f"{expression} limit {_MAX_TASKS}")
    return f"Tasks of {caller.username}", [_text(task["link"]) for task in tasks]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(str(step["name"]) for step in value)
    return str(value["name"]) if isinstance(value, dict) else str(value)
