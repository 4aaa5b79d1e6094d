"""The operators that sign in, in three ways, and out."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

import bpy

from ft_dcc.accounts.browser_login import start_browser_login
from ft_dcc.accounts.credentials import Account, delete_credentials, save_credentials
from ft_dcc.errors import Error
from ft_dcc.settings.resolve import read_settings

from ..scene import blender_compat
from .controller import CONTROLLER
from .operator_class import operator, text_field
from .preferences import known_account, preferences


def _sign_in(account: Account) -> None:
    blender_compat.check_online(account.server)
    page = preferences()
    if page is not None:
        page.server, page.user = account.server, account.user
    CONTROLLER.sign_in(account, then=partial(_save_account, account))


def _save_account(account: Account) -> None:
    """Save the key, and read what was published before."""
    save_credentials(account)
    CONTROLLER.queries.read_jobs()


def _ask_for_account(operator: Any, context: Any) -> set[str] | None:
    """Sign in with the known account, or ask for it."""
    known = known_account()
    if known is not None:
        _sign_in(known)
        return None
    page = preferences()
    operator.server, operator.user = (page.server, page.user) if page is not None else ("", "")
    found: set[str] = context.window_manager.invoke_props_dialog(operator)
    return found


@operator(
    "sign_in",
    "Sign In",
    invoke=_ask_for_account,
    server=text_field("Server"),
    user=text_field("User"),
    key=text_field("API key", subtype="PASSWORD"),
)
def sign_in(operator: Any, context: Any) -> None:
    """Sign in with a user name and an API key"""
    if not (operator.server and operator.user and operator.key):
        raise Error("Enter server, user and API key.")
    _sign_in(Account(operator.server, operator.user, operator.key))


def _ask_for_server(operator: Any, context: Any) -> set[str]:
    """Ask for the server; the last one is filled in."""
    page = preferences()
    operator.server = (page.server if page is not None else "") or read_settings().get("server") or ""
    found: set[str] = context.window_manager.invoke_props_dialog(operator)
    return found


@operator(
    "sign_in_browser",
    "Sign In in the Browser",
    invoke=_ask_for_server,
    server=text_field("Server", description="Address of the ftrack site or studio server"),
)
def sign_in_browser(operator: Any, context: Any) -> None:
    """Sign in on the server's web page"""
    page = preferences()
    server = operator.server.strip() or (page.server if page is not None else "")
    if not server:
        raise Error("Enter the address of the server.")
    blender_compat.check_online(server)
    # The page sends the key to a local port that listens for a few minutes.
    address, wait_for_account = start_browser_login(server, "Blender")
    if page is not None:
        page.server = server
    CONTROLLER.sign_in_with(wait_for_account, then=_save_account)
    bpy.ops.wm.url_open(url=address)


@operator("sign_in_local", "Use Local Studio Server")
def sign_in_local(operator: Any, context: Any) -> None:
    """Publish to a studio server on this computer, which starts when it is needed"""
    # As the server's owner; no key is stored elsewhere.
    CONTROLLER.sign_in_with(_local_account, then=lambda account: CONTROLLER.queries.read_jobs())


def _local_account(is_cancelled: Callable[[], bool]) -> Account:
    # Imported late: only this operator needs it.
    from ft_dcc.accounts.local_server import ensure_local_studio, studio_folder

    return ensure_local_studio(studio_folder())


@operator("sign_out", "Sign Out")
def sign_out(operator: Any, context: Any) -> None:
    """Sign out and delete the key"""
    known = known_account()
    CONTROLLER.close()
    if known is not None:
        delete_credentials(known.server, known.user)
