"""What people do not want to be mailed, by their e-mail address, and the page on which they change it.

A link in each mail opens the page without a login; signed-in users open it from their own address.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from html import escape
from urllib.parse import parse_qs

from anyio import to_thread
from sqlalchemy import Column, Connection, Float, MetaData, String, Table, delete, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ft_dcc.errors import Forbidden, PayloadTooLarge
from ft_dcc.server.auth import signed_tokens
from ft_dcc.server.auth.browser_sessions import BrowserSessions
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.http import static_pages

METADATA = MetaData()
_MUTED = Table(
    "ft_dcc_muted_mail",
    METADATA,
    Column("email", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("at", Float, nullable=False),
)
VERSIONS, FEEDBACK = "versions", "feedback"
KINDS = {
    VERSIONS: "New versions in review sessions that you are invited to",
    FEEDBACK: "Notes and verdicts on versions that you published",
}
# Mails are kept for long; the link in an old one must still end them.
_LINK_SECONDS = 10 * 365 * 24 * 3600
_PURPOSE = "mail preferences"
_MAX_FORM_BYTES = 4 << 10
_INVALID_LINK = ("This link is not valid", "Open the link at the end of one of the mails again.")


def is_muted(connection: Connection, email: str, kind: str) -> bool:
    """Return whether a person does not want mails of this kind."""
    row = (_MUTED.c.email == email.lower()) & (_MUTED.c.kind == kind)
    return connection.scalar(select(_MUTED.c.kind).where(row)) is not None


def mute(connection: Connection, email: str, kinds: Iterable[str]) -> None:
    """Send a person mails of all kinds but these from now on."""
    connection.execute(delete(_MUTED).where(_MUTED.c.email == email.lower()))
    rows = [{"email": email.lower(), "kind": kind, "at": clock.now()} for kind in KINDS if kind in kinds]
    if rows:
        connection.execute(_MUTED.insert(), rows)


def preferences_path(secret: bytes, email: str) -> str:
    """Return the path of the page for this address. The path itself grants access to the settings on the page."""
    return f"/notifications/{signed_tokens.sign(secret, _PURPOSE, {'email': email}, _LINK_SECONDS)}"


class PreferencePages:
    """The routes below ``/notifications``."""

    def __init__(self, context: ServerContext, browsers: BrowserSessions) -> None:
        self._context, self._browsers = context, browsers
        self._pages = static_pages.StaticPages()

    def routes(self) -> list[Route]:
        """Return the routes of the page, by link and for signed-in users."""
        return [
            Route("/notifications", self._redirect_user, methods=["GET"]),
            Route("/notifications/{token}", self._show, methods=["GET"]),
            Route("/notifications/{token}", self._submit, methods=["POST"]),
        ]

    async def _redirect_user(self, request: Request) -> Response:
        """Redirect a signed-in user to the page of the user's address."""
        headers = {"Cache-Control": "no-store"}
        user = await to_thread.run_sync(self._browsers.find_user, request)
        if user is None:
            return RedirectResponse("user/sign_in?next=/notifications", 303, headers=headers)
        table = self._context.store.tables.by_family["Resource"]
        with self._context.store.reading() as connection:
            email = connection.scalar(select(table.c.email).where(table.c.id == user.id))
        if not email:
            return self._message(200, "You get no mails", "Your account has no e-mail address. Ask the administrator.")
        return RedirectResponse(preferences_path(self._context.secret, email)[1:], 303, headers=headers)

    async def _show(self, request: Request) -> Response:
        # Mail programs load links for a preview: only the button changes anything.
        try:
            email = self._email(request)
        except Forbidden:
            return self._message(404, *_INVALID_LINK, depth=1)
        return self._form(email, await to_thread.run_sync(self._muted, email))

    async def _submit(self, request: Request) -> Response:
        try:
            email = self._email(request)
        except Forbidden:
            return self._message(404, *_INVALID_LINK, depth=1)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM_BYTES:
                raise PayloadTooLarge("The form is too large. Open the link in the mail again.")
        fields = parse_qs(body.decode(errors="replace"))
        # A mail program's own button sends List-Unsubscribe, without the fields of the form.
        wanted = fields.get("kind", []) if "List-Unsubscribe" not in fields else []
        muted = [kind for kind in KINDS if kind not in wanted]
        await to_thread.run_sync(self._context.store.write, partial(mute, email=email, kinds=muted))
        return self._form(email, muted, "Saved.")

    def _email(self, request: Request) -> str:
        claims = signed_tokens.verify(self._context.secret, _PURPOSE, request.path_params["token"])
        return str(claims["email"])

    def _muted(self, email: str) -> list[str]:
        with self._context.store.reading() as connection:
            return [kind for kind in KINDS if is_muted(connection, email, kind)]

    def _form(self, email: str, muted: list[str], text: str = "") -> Response:
        boxes = "".join(
            f'<label><input type="checkbox" name="kind" value="{kind}"{"" if kind in muted else " checked"}> '
            f"{escape(label)}</label>"
            for kind, label in KINDS.items()
        )
        form = f'<form method="post" class="message-form">{boxes}<button class="main-button">Save</button></form>'
        title, sentence = f"Mails to {email}", text or "Choose which mails the studio sends to this address."
        page = self._pages.fill("message.html", "../review/", title=title, text=sentence)
        headers = {**static_pages.page_headers("'self'"), "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return Response(page.replace("</main>", f"{form}</main>"), headers=headers, media_type="text/html")

    def _message(self, status: int, title: str, text: str, depth: int = 0) -> Response:
        page = self._pages.fill("message.html", "../" * depth + "review/", title=title, text=text)
        headers = {**static_pages.page_headers(), "Cache-Control": "no-store"}
        return Response(page, status, headers=headers, media_type="text/html")
