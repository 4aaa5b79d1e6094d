"""Server and user in Blender's preferences, and the operators that sign in, in three ways, and out.

The key is stored by ``ft_dcc.accounts.credentials``.
"""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from functools import partial
from typing import Any, Callable

import bpy

from ft_dcc.accounts.browser_login import start_browser_login
from ft_dcc.accounts.credentials import Account, delete_credentials, load_credentials, save_credentials
from ft_dcc.errors import Error
from ft_dcc.settings.resolve import read_settings

from ..scene import blender_compat
from .controller import ADDON, CONTROLLER, preferences
from .operators import operator, text_field


class Preferences(bpy.types.AddonPreferences):
    """The preferences of the add-on."""

    bl_idname = ADDON

    server: bpy.props.StringProperty(
        name="Server", description="Address of the ftrack site or studio server. Empty: FTRACK_SERVER"
    )
    user: bpy.props.StringProperty(name="User", description="Your user name on the server. Empty: FTRACK_API_USER")
    ffmpeg: bpy.props.StringProperty(
        name="ffmpeg", description="The ffmpeg to encode with. Empty: the one of the add-on", subtype="FILE_PATH"
    )

    def draw(self, context: Any) -> None:
        """Draw the fields, and the buttons to sign in and out."""
        layout = self.layout
        layout.use_property_split = True
        for name in ("server", "user", "ffmpeg"):
            layout.prop(self, name)
        row = layout.row()
        row.operator("ft_dcc.sign_in")
        row.operator("ft_dcc.sign_in_browser")
        row.operator("ft_dcc.sign_out")


def known_account() -> "Account | None":
    """Return the account to sign in with, from preferences and environment, or None if it is incomplete."""
    page = preferences()
    settings = read_settings({"server": (page and page.server) or None, "user": (page and page.user) or None})
    server, user, key = settings.get("server"), settings.get("user"), settings.get("key")
    if server is None or user is None:
        return None
    return load_credentials(server, user) or (Account(server, user, key) if key else None)


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


def _use_known_account(operator: Any, context: Any) -> "set[str] | None":
    """Sign in with the known account, or fill in what is known of it."""
    known, page = known_account(), preferences()
    if known is not None:
        _sign_in(known)
        return {"FINISHED"}
    operator.server, operator.user = (page.server, page.user) if page is not None else ("", "")
    return None


@operator(
    "sign_in",
    "Sign In",
    ask=_use_known_account,
    server=text_field("Server"),
    user=text_field("User"),
    key=text_field("API key", subtype="PASSWORD"),
)
def sign_in(operator: Any, context: Any) -> None:
    """Sign in with a user name and an API key"""
    if not (operator.server and operator.user and operator.key):
        raise Error("Enter server, user and API key.")
    _sign_in(Account(operator.server, operator.user, operator.key))


def _fill_in_last_server(operator: Any, context: Any) -> None:
    page = preferences()
    operator.server = (page.server if page is not None else "") or read_settings().get("server") or ""


@operator(
    "sign_in_browser",
    "Sign In in the Browser",
    ask=_fill_in_last_server,
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

    def start_server(is_cancelled: Callable[[], bool]) -> Account:
        # Imported late: only this operator needs it.
        from ft_dcc.accounts.local_server import ensure_local_studio, studio_folder

        return ensure_local_studio(studio_folder())

    # As the server's owner; no key is stored elsewhere.
    CONTROLLER.sign_in_with(start_server, then=lambda account: CONTROLLER.queries.read_jobs())


@operator("sign_out", "Sign Out")
def sign_out(operator: Any, context: Any) -> None:
    """Sign out and delete the key"""
    known = known_account()
    CONTROLLER.close()
    if known is not None:
        delete_credentials(known.server, known.user)
