"""The home, the project pages and the administration page, and what their script reads, for signed-in browsers."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ft_dcc.errors import SettingInvalid
from ft_dcc.review.stored_values import person_name
from ft_dcc.server import errors
from ft_dcc.server.actions.dispatch import Dispatcher
from ft_dcc.server.admin import check, commands
from ft_dcc.server.auth import api_keys
from ft_dcc.server.auth.browser_sessions import BrowserSessions
from ft_dcc.server.auth.permissions import permissions_of
from ft_dcc.server.database import backup, clock
from ft_dcc.server.http import request_body, static_pages
from ft_dcc.server.identity import Caller
from ft_dcc.server.mail.mailer import queued_messages
from ft_dcc.settings.resolve import check_server_text

_NOT_STORED = {"Cache-Control": "no-store"}
# The pages: their path, the number of folders in it, and the view that the script shows.
_PAGES = (
    ("/", 0, "reviews"),
    ("/projects", 0, "projects"),
    ("/projects/{project_id}", 1, "project"),
    ("/administration", 0, "administration"),
)


class HomePages:
    """The pages, and the requests of their script; every request acts with the permissions of the signed-in user."""

    def __init__(self, dispatcher: Dispatcher, browsers: BrowserSessions) -> None:
        self._dispatcher, self._browsers = dispatcher, browsers

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the pages and of their requests."""
        return [
            *(Route(path, partial(self._send_page, depth, view), methods=["GET"]) for path, depth, view in _PAGES),
            Route("/home/api", self._run_operations, methods=["POST"]),
            Route("/home/me", partial(self._read, describe_user), methods=["GET"]),
            Route("/home/reviews", partial(self._read, read_cards), methods=["GET"]),
            Route("/home/status", partial(self._read, read_status), methods=["GET"]),
            Route("/home/sessions", self._read_sessions, methods=["GET"]),
            Route("/home/sessions", self._end_sessions, methods=["POST"]),
            Route("/home/publish_settings", self._check_publish_settings, methods=["POST"]),
            Route("/home/commands/{command}", self._run_command, methods=["POST"]),
        ]

    def _send_page(self, depth: int, view: str, request: Request) -> Response:
        root = "../" * depth
        if self._browsers.find_user(request) is None:
            target = f"{root or './'}user/sign_in?next={quote(request.url.path)}"
            return static_pages.redirect(target)
        return static_pages.fill("home.html", f"{root}review/", form_target="'self'", view=view, base=root)

    def _read(self, read: Callable[[Dispatcher, Caller, Request], Any], request: Request) -> Response:
        return _json(read(self._dispatcher, self._browsers.require_user(request), request))

    async def _run_operations(self, request: Request) -> Response:
        """Answer operations as ``POST /api`` does, for the user of the browser's cookie."""
        caller, operations = await self._read_request(request, list)
        if not all(isinstance(operation, dict) for operation in operations):
            raise errors.BadRequest("A request is a list of operations. Load the page again.")
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        return _json(await self._dispatcher.answer_async(caller, operations, base_url, is_denormalized=True))

    async def _check_publish_settings(self, request: Request) -> Response:
        """Refuse a text that clients could not read as the settings of a project."""
        _, given = await self._read_request(request, dict)
        try:
            check_server_text(str(given.get("project")), str(given.get("text")), with_studio=False)
        except SettingInvalid as error:
            raise errors.BadRequest(str(error)) from error
        return _json({})

    async def _run_command(self, request: Request) -> Response:
        caller, arguments = await self._read_request(request, dict)
        context, name = self._dispatcher.context, request.path_params["command"]
        return _json(await to_thread.run_sync(commands.run_command, context, name, arguments, caller))

    def _read_sessions(self, request: Request) -> Response:
        """Return the sessions of the signed-in user in all browsers."""
        return _json(self._browsers.list_sessions(self._browsers.require_user(request), request))

    async def _end_sessions(self, request: Request) -> Response:
        """End one session of the signed-in user, or with the id null all of them."""
        caller, payload = await self._read_request(request, dict)
        session_id = payload.get("id")
        if session_id is not None and not isinstance(session_id, str):
            raise errors.BadRequest("The id of a session is a text, or null for all. Load the page again.")
        await to_thread.run_sync(self._browsers.end_sessions, caller.id, session_id)
        return _json({})

    async def _read_request(self, request: Request, kind: type[Any]) -> tuple[Caller, Any]:
        """Return the signed-in user, and the JSON of a request, which a form of another page cannot send."""
        caller = await to_thread.run_sync(self._browsers.require_user, request)
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise errors.BadRequest("The request is not JSON. Load the page again.")
        return caller, await request_body.read_json(request, kind)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), headers=_NOT_STORED, media_type="application/json")


PAGE_SIZE = 24
_THUMBNAILS = 4
_MAX_WORK = 100
_DECIDED = frozenset(("approved", "require_changes"))
_MAX_SEARCH_LENGTH = 200


def describe_user(dispatcher: Dispatcher, caller: Caller, request: Request) -> dict[str, Any]:
    """Return the name of the signed-in user, and which parts of the pages the user can use."""
    context = dispatcher.context
    with context.store.reading() as connection:
        permissions = permissions_of(connection, context.store.tables, caller.id)
    expression = f"select first_name, last_name, email from User where id is {json.dumps(caller.id)}"
    (user,) = dispatcher.query(caller, expression) or ({},)
    return {
        "id": caller.id,
        "username": caller.username,
        "name": person_name({**user, "username": caller.username}),
        "is_administrator": permissions.is_administrator,
        "can_create_projects": permissions.can_create_projects,
        "is_reviewer": not permissions.is_contributor,
        "public_url": context.mailer.public_url,
    }


def read_cards(dispatcher: Dispatcher, caller: Caller, request: Request) -> dict[str, Any]:
    """Return one page of the review sessions that the filters of the request select, the newest first.

    The parameters are ``state`` (open, closed or all), ``mine``, ``project``, ``search``, ``id`` and ``page``.
    """
    parameters = request.query_params
    conditions = list(_conditions(dispatcher, caller, parameters))
    where = f" where {' and '.join(conditions)}" if conditions else ""
    text = parameters.get("page", "0")
    page = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    sessions = dispatcher.query(
        caller,
        "select id, name, description, project_id, project.full_name, project.name, start_date, end_date, created_at,"
        " created_by.username, shareable_url_enabled, passphrase_enabled, is_moderated, is_watermarked"
        f" from ReviewSession{where} order by created_at descending, id"
        f" limit {PAGE_SIZE + 1} offset {page * PAGE_SIZE}",
    )
    shown = sessions[:PAGE_SIZE]
    contents = _read_contents(dispatcher, caller, [session["id"] for session in shown])
    return {
        "reviews": [_to_card(dispatcher, session, contents.get(session["id"], [])) for session in shown],
        "has_more": len(sessions) > PAGE_SIZE,
        "page": page,
    }


def _conditions(dispatcher: Dispatcher, caller: Caller, parameters: Any) -> Iterable[str]:
    state, moment, caller_id = parameters.get("state", "open"), json.dumps(clock.now_text()), json.dumps(caller.id)
    if state == "open":
        yield f"(end_date is none or end_date > {moment})"
    elif state == "closed":
        yield f"end_date <= {moment}"
    if parameters.get("id"):
        yield f"id is {json.dumps(parameters['id'], ensure_ascii=False)}"
    if parameters.get("project"):
        yield f"project_id is {json.dumps(parameters['project'], ensure_ascii=False)}"
    if parameters.get("search"):
        pattern = json.dumps(f"%{parameters['search'][:_MAX_SEARCH_LENGTH]}%", ensure_ascii=False)
        yield f"(name like {pattern} or project.name like {pattern} or project.full_name like {pattern})"
    if parameters.get("mine"):
        # The user made the session, is invited to it, or made a version in it.
        own = f"created_by_id is {caller_id} or review_session_objects any (asset_version.user_id is {caller_id})"
        (user,) = dispatcher.query(caller, f"select email from User where id is {caller_id}") or ({},)
        if user.get("email"):
            own += f" or review_session_invitees any (email is {json.dumps(user['email'], ensure_ascii=False)})"
        yield f"({own})"


def _read_contents(dispatcher: Dispatcher, caller: Caller, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    if not ids:
        return {}
    names = ", ".join(json.dumps(session_id) for session_id in ids)
    found: dict[str, list[dict[str, Any]]] = {}
    for item in dispatcher.query(
        caller,
        "select review_session_id, statuses.status, asset_version.thumbnail_id, asset_version.asset_id,"
        " asset_version.version from ReviewSessionObject"
        f" where review_session_id in ({names}) and version_id is_not none order by sort_order",
    ):
        found.setdefault(item["review_session_id"], []).append(item)
    return found


def _to_card(dispatcher: Dispatcher, session: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    project, media = session.get("project") or {}, dispatcher.context.media
    thumbnails = [(item.get("asset_version") or {}).get("thumbnail_id") for item in items]
    end, start = _moment(session.get("end_date")), _moment(session.get("start_date"))
    # Only the newest version of an asset is there to be decided.
    newest = dict(sorted(map(_decision, items)))
    return {
        "id": session["id"],
        "name": session.get("name") or "",
        "description": session.get("description") or "",
        "project_id": session.get("project_id"),
        "project": project.get("full_name") or project.get("name") or "",
        "created_by": (session.get("created_by") or {}).get("username"),
        "created_at": _moment(session.get("created_at")),
        "start_date": start,
        "end_date": end,
        "is_open": end is None or end > clock.now_text(),
        "is_shared": bool(session.get("shareable_url_enabled")),
        "has_passphrase": bool(session.get("passphrase_enabled")),
        "is_moderated": bool(session.get("is_moderated")),
        "is_watermarked": bool(session.get("is_watermarked")),
        "assets": len(newest),
        "undecided": sum(not is_decided for _, is_decided in newest.values()),
        # Signed URLs below the root of the server.
        "thumbnails": [media.download_url("", found, size=300) for found in thumbnails if found][:_THUMBNAILS],
    }


def _decision(item: dict[str, Any]) -> tuple[str, tuple[int, bool]]:
    """Return the asset of an item, its version, and whether it has a verdict."""
    version = item.get("asset_version") or {}
    is_decided = any(status.get("status") in _DECIDED for status in item.get("statuses") or ())
    return version.get("asset_id") or item["id"], (version.get("version") or 0, is_decided)


def _moment(value: Any) -> str | None:
    """Return the ISO text of a date, which the API wraps in an object."""
    return value.get("value") if isinstance(value, dict) else value


_MAX_MAILS, _MAIL_FIELDS = 100, ("id", "to", "subject", "text", "reason")
_MAX_BACKUPS = 30


def read_status(dispatcher: Dispatcher, caller: Caller, request: Request) -> dict[str, Any]:
    """Return the state of the server and all keys for administrators; raises Forbidden for others."""
    context = dispatcher.context
    commands.require_administrator(context, caller, "can open this page")
    usage = shutil.disk_usage(context.folder)
    with context.store.reading() as connection:
        keys = api_keys.find_keys(connection)
    return {
        "keys": keys,
        "health": {
            "database_bytes": _size(context.folder / "studio.db"),
            "event_clients": context.events.client_count,
            "disk_free_bytes": usage.free,
            "disk_total_bytes": usage.total,
            "problems": [text for texts in backup.read_problems(context.folder).values() for text in texts],
        },
        "storage": [
            {"name": path.name, "bytes": folder_size(path)}
            for path in sorted(context.folder.iterdir())
            if path.is_dir() and not path.is_symlink()
        ],
        # What visitors have caused, such as exports.
        "work": context.work.describe()[:_MAX_WORK],
        "backup_folder": str(context.backup_folder),
        "backups": _read_backups(context.backup_folder),
        "mail": {
            "server": None if context.mailer.server is None else context.mailer.server.host,
            "public_url": context.mailer.public_url,
            "outbox": [
                {"age_seconds": int(mail.age), **{name: getattr(mail, name) for name in _MAIL_FIELDS}}
                for mail in list(queued_messages(context.mailer.outbox))[:_MAX_MAILS]
            ],
        },
    }


def _read_backups(folder: Path) -> list[dict[str, Any]]:
    checks = check.read_backup_checks(folder)
    return [
        {
            "name": path.name,
            "bytes": _size(path),
            "age_seconds": int(time.time() - path.stat().st_mtime),
            "check": checks.get(path.name),
        }
        for path in sorted(folder.glob("studio-*.backup"), reverse=True)[:_MAX_BACKUPS]
    ]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def folder_size(folder: Path) -> int:
    """Return the bytes of the files below a folder; files that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_size
    return total
