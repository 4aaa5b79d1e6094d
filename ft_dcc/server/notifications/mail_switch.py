"""Whether people want mails about new versions and feedback, by their e-mail address.

A link in each mail opens a page with one button, without a login.
"""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from sqlalchemy import Connection, delete, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ft_dcc.server.auth import signed_tokens
from ft_dcc.server.context import ServerContext
from ft_dcc.server.database import clock
from ft_dcc.server.database.private_tables import MUTED_MAILS
from ft_dcc.server.errors import Forbidden
from ft_dcc.server.http import static_pages
from ft_dcc.server.http.request_body import read_form

# Mails are kept for long; the link in an old one must still end them.
_LINK_SECONDS = 10 * 365 * 24 * 3600
_PURPOSE = "mail preferences"
_MAX_FORM_BYTES = 4 << 10
_FORM = (
    '<form method="post" class="message-form">'
    '<button class="main-button" name="mails" value="{value}">{label}</button></form>'
)


def is_switched_off(connection: Connection, email: str) -> bool:
    """Return whether a person does not want mails."""
    return (
        connection.scalar(select(MUTED_MAILS.c.kind).where(MUTED_MAILS.c.email == email.lower()).limit(1)) is not None
    )


def switch_mails(connection: Connection, email: str, *, is_on: bool) -> None:
    """Send a person mails from now on, or none."""
    connection.execute(delete(MUTED_MAILS).where(MUTED_MAILS.c.email == email.lower()))
    if not is_on:
        connection.execute(MUTED_MAILS.insert(), {"email": email.lower(), "kind": "all", "at": clock.now()})


def switch_path(secret: bytes, email: str) -> str:
    """Return the path of the page for this address. The path authorises to switch its mails."""
    return f"/notifications/{signed_tokens.sign(secret, _PURPOSE, {'email': email}, _LINK_SECONDS)}"


class MailSwitchPage:
    """The page with the switch of one e-mail address."""

    def __init__(self, context: ServerContext) -> None:
        self._context, self._pages = context, static_pages.StaticPages()

    def routes(self) -> list[Route]:
        """Return the route of the page."""
        return [Route("/notifications/{token}", self._respond, methods=["GET", "POST"])]

    async def _respond(self, request: Request) -> Response:
        try:
            claims = signed_tokens.verify(self._context.secret, _PURPOSE, request.path_params["token"])
        except Forbidden:
            text = "Open the link at the end of one of the mails again."
            return self._page(404, "This link is not valid", text)
        email = str(claims["email"])
        # Mail programs load links for a preview: only the button changes anything.
        if request.method == "POST":
            # The button that mail programs show themselves sends List-Unsubscribe.
            is_on = (await read_form(request, _MAX_FORM_BYTES)).get("mails") == "on"
            await to_thread.run_sync(self._context.store.write, partial(switch_mails, email=email, is_on=is_on))
        is_off = await to_thread.run_sync(self._is_off, email)
        text = f"The studio sends {'no ' if is_off else ''}mails about new versions and feedback to this address."
        value, label = ("on", "Send mails") if is_off else ("off", "Send none")
        return self._page(200, f"Mails to {email}", text, _FORM.format(value=value, label=label))

    def _is_off(self, email: str) -> bool:
        with self._context.store.reading() as connection:
            return is_switched_off(connection, email)

    def _page(self, status: int, title: str, text: str, form: str = "") -> Response:
        page = self._pages.fill("message.html", "../review/", title=title, text=text)
        headers = {**static_pages.page_headers("'self'"), "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return Response(page.replace("</main>", f"{form}</main>"), status, headers=headers, media_type="text/html")
