"""The web application: its actions, routes and middleware."""

from __future__ import annotations

import shutil
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ft_dcc.errors import EncodeFailed
from ft_dcc.server.actions import account_actions, dispatch, query_actions, upload_actions
from ft_dcc.server.admin import service
from ft_dcc.server.auth.browser_sessions import BrowserSessions
from ft_dcc.server.auth.login_page import LoginPages
from ft_dcc.server.context import ServerContext
from ft_dcc.server.encoding.queue import encode_media
from ft_dcc.server.entities import batch, delete, write
from ft_dcc.server.errors import HttpError, ValidationError
from ft_dcc.server.events import hub
from ft_dcc.server.home.routes import HomePages
from ft_dcc.server.http import api_endpoint, rate_limit, request_body, request_logging, static_pages
from ft_dcc.server.notifications import mails
from ft_dcc.server.review import invitations, routes, widget_page
from ft_dcc.server.storage.routes import ComponentEndpoints

# Actions of a large site that this server does not have, with what to do instead.
_UNSUPPORTED_ACTIONS = {
    "delayed_job": "There is no directory to import users from. Create them as User entities.",
    "configure_totp": "There is no second factor. Users authenticate with their API key.",
    "send_user_invite": "Users are not invited by mail. Create an API key with reset_remote and pass it on.",
}


class NormalizePathMiddleware:
    """ASGI middleware that removes superfluous slashes from paths.

    The JavaScript client appends paths to a server URL that ends in a slash; old programs use ``/api/``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application with the normalized path."""
        if scope["type"] != "lifespan":
            path = scope["path"]
            if path.startswith("//") or path == "/api/":
                path = "/" + path.lstrip("/")
                scope["path"] = "/api" if path == "/api/" else path
        await self._app(scope, receive, send)


def make_dispatcher(context: ServerContext) -> dispatch.Dispatcher:
    """Return the dispatcher of this server, with all actions of the API."""
    actions = dispatch.ActionRegistry(
        reading={
            **query_actions.read_actions(context),
            "get_widget_url": widget_page.get_widget_url,
            **dict.fromkeys(_UNSUPPORTED_ACTIONS, _refuse),
        },
        writing={
            "create": write.create_entity,
            "update": write.update_entity,
            "delete": delete.delete_entity,
            "complete_multipart_upload": upload_actions.complete_upload,
            "encode_media": encode_media,
            **account_actions.ACCOUNT_ACTIONS,
            "send_review_session_invite": partial(
                invitations.send_review_session_invite, context.mailer, invitations.InvitationLimit()
            ),
            # An extension: an ftrack site revokes an invitation only by deleting the invitee.
            "revoke_review_session_invite": invitations.revoke_review_session_invite,
        },
        prepare={"complete_multipart_upload": partial(upload_actions.join_parts, context.store, context.media)},
        on_commit={},
        permission_actions=frozenset(account_actions.ACCOUNT_ACTIONS),
    )
    return dispatch.Dispatcher(context, actions)


def make_app(context: ServerContext, dispatcher: dispatch.Dispatcher | None = None) -> Starlette:
    """Return the application for an open context; it opens nothing and starts nothing."""
    dispatcher = make_dispatcher(context) if dispatcher is None else dispatcher
    store, authenticator, metrics = context.store, context.authenticator, _make_metrics(context)
    refresh, secret = partial(context.events.refresh_permissions, store), context.secret
    browsers = BrowserSessions(store, secret, refresh)
    login_pages = LoginPages(store, authenticator, secret, browsers, context.login_tokens, on_new_key=refresh)
    return Starlette(
        routes=[
            *service.routes(context, metrics),
            *ComponentEndpoints(store, context.media, context.work, authenticator, dispatcher.answer).routes(),
            *routes.ReviewPages(dispatcher, browsers).routes(),
            *HomePages(dispatcher, browsers).routes(),
            *widget_page.routes(dispatcher),
            *login_pages.routes(),
            *mails.routes(context),
            *hub.routes(context.events, store, authenticator),
        ],
        middleware=[
            Middleware(NormalizePathMiddleware),
            Middleware(request_logging.RequestLogMiddleware, metrics=metrics),
            Middleware(static_pages.BrowserHeaders),
            Middleware(rate_limit.RateLimitMiddleware, limiter=authenticator.limiter),
            Middleware(request_body.BodyLimitMiddleware),
            Middleware(api_endpoint.ApiMiddleware, authenticator=authenticator, answer=dispatcher.answer_async),
        ],
        exception_handlers=dict.fromkeys(
            (HttpError, HTTPException, EncodeFailed, ClientDisconnect, Exception), _error_response
        ),
    )


async def _error_response(request: Request, error: Exception) -> Response:
    """Return the response to a failed request: a browser gets a page with a way back for an unknown address."""
    is_unknown = isinstance(error, HTTPException) and error.status_code == 404 and request.method == "GET"
    if not is_unknown or "text/html" not in request.headers.get("accept", ""):
        return await request_logging.error_response(request, error)
    root = "../" * (request.url.path.count("/") - 1)
    text = "The address may be incomplete, or the page was removed."
    link = f'<p><a class="text-button" href="{root or "./"}">Go to the reviews of the studio</a></p>'
    title = "There is no such page"
    return static_pages.fill("message.html", f"{root}review/", 404, end=link, title=title, text=text)


def _make_metrics(context: ServerContext) -> request_logging.Metrics:
    folder, outbox = context.folder, context.mailer.outbox
    return request_logging.Metrics(
        {
            "ft_dcc_event_clients": ("Clients of the event hub.", lambda: context.events.client_count),
            "ft_dcc_outbox_mails": ("Mails in the outbox.", lambda: sum(1 for _ in outbox.glob("*.eml"))),
            "ft_dcc_disk_free_bytes": ("Free space on the studio's disk.", lambda: shutil.disk_usage(folder).free),
            "ft_dcc_database_bytes": ("Size of the database.", lambda: (folder / "studio.db").stat().st_size),
        }
    )


def _refuse(_batch: batch.Batch, operation: batch.Operation) -> batch.Answer:
    name = str(operation["action"])
    raise ValidationError(f"'{name}' is not supported by this server. {_UNSUPPORTED_ACTIONS[name]}")
