"""The pages behind ``get_widget_url``: plain lists without scripts, for programs that show a browser inside."""

from __future__ import annotations

import json
from functools import partial
from html import escape
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from ft_dcc.errors import NoSuchThing
from ft_dcc.server.access import Caller, claims_of
from ft_dcc.server.api import answer
from ft_dcc.server.studio import Studio
from ft_dcc.server.widgets import PURPOSE

_MOST_TASKS = 100
_PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1><ul>{items}</ul></html>"


def routes(studio: Studio) -> list[BaseRoute]:
    """Return the address of the widgets."""
    return [Route("/widget/{token}", partial(_show, studio), methods=["GET"])]


async def _show(studio: Studio, request: Request) -> HTMLResponse:
    claims = claims_of(studio.secret, PURPOSE, request.path_params["token"])
    title, items = await to_thread.run_sync(_content, studio, claims)
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    return HTMLResponse(_PAGE.format(title=escape(title), items=listed), headers={"Cache-Control": "no-store"})


def _content(studio: Studio, claims: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the title and the lines of a page, as far as its user may see them."""
    caller = Caller(*claims["user"])
    if claims["name"] == "info":
        return _about(studio, caller, *claims["entity"])
    expression = f"select name, link from Task where assignments any (resource.id is {json.dumps(caller.id)})"
    tasks = _ask(studio, caller, f"{expression} limit {_MOST_TASKS}")
    return f"Tasks of {caller.username}", [" / ".join(step["name"] for step in task["link"]) for task in tasks]


def _about(studio: Studio, caller: Caller, type_name: str, *key: str) -> tuple[str, list[str]]:
    own = studio.schema[type_name].attributes
    wanted = [name for name in ("name", "username", "description", "comment", "status", "link") if name in own]
    is_it = " and ".join(f"{name} is {json.dumps(part)}" for name, part in zip(studio.schema[type_name].key, key))
    paths = ["status.name" if name == "status" and own[name].kind == "reference" else name for name in wanted]
    found = _ask(studio, caller, f"select {', '.join(paths or ['id'])} from {type_name} where {is_it}")
    if not found:
        raise NoSuchThing(f"There is no such {type_name} any more.")
    return type_name, [f"{name}: {_text(found[0][name])}" for name in wanted if found[0].get(name)]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(str(step["name"]) for step in value)
    return str(value["name"]) if isinstance(value, dict) else str(value)


def _ask(studio: Studio, caller: Caller, expression: str) -> list[dict[str, Any]]:
    (told,) = answer(studio, caller, [{"action": "query", "expression": expression}], "")
    found: list[dict[str, Any]] = told["data"]
    return found
