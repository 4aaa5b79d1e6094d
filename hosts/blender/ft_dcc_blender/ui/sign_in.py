"""The operators that sign in, in three ways, and out."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
from functools import partial
from typing import Any, Callable

import bpy

from ft_dcc.accounts.browser_login import start_browser_login
from ft_dcc.accounts.credentials import Account, delete_credentials, save_credentials
from ft_dcc.errors import Error
from ft_dcc.settings.resolve import read_settings

from ..scene import blender_compat
from .controller import CONTROLLER
from .operators import report_error
from .preferences import known_account, preferences


def _sign_in(operator: Any, account: Account) -> set[str]:
    try:
        blender_compat.check_online(account.server)
    except Error as error:
        return report_error(operator, error)

    page = preferences()
    if page is not None:
        page.server, page.user = account.server, account.user
    CONTROLLER.sign_in(account, then=partial(_save_account, account))
    return {"FINISHED"}


def _save_account(account: Account) -> None:
    """Save the key, and read what was published before."""
    save_credentials(account)
    CONTROLLER.queries.read_jobs()


class SignIn(bpy.types.Operator):
    """Sign in with a user name and an API key"""

    bl_idname = "ft_dcc.sign_in"
    bl_label = "Sign In"

    server: bpy.props.StringProperty(name="Server", options={"SKIP_SAVE"})
    user: bpy.props.StringProperty(name="User", options={"SKIP_SAVE"})
    key: bpy.props.StringProperty(name="API key", subtype="PASSWORD", options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Sign in with the known account, or ask for it."""
        known = known_account()
        if known is not None:
            return _sign_in(self, known)
        page = preferences()
        self.server, self.user = (page.server, page.user) if page is not None else ("", "")
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: Any) -> set[str]:
        """Sign in with the entered account."""
        if not (self.server and self.user and self.key):
            self.report({"ERROR"}, "Enter server, user and API key.")
            return {"CANCELLED"}
        return _sign_in(self, Account(self.server, self.user, self.key))


class SignInBrowser(bpy.types.Operator):
    """Sign in on the server's web page"""

    bl_idname = "ft_dcc.sign_in_browser"
    bl_label = "Sign In in the Browser"

    server: bpy.props.StringProperty(
        name="Server", description="Address of the ftrack site or studio server", options={"SKIP_SAVE"}
    )

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the server; the last one is filled in."""
        page = preferences()
        self.server = (page.server if page is not None else "") or read_settings().get("server") or ""
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: Any) -> set[str]:
        """Open the page; it sends the key to a local port that listens for a few minutes."""
        page = preferences()
        server = self.server.strip() or (page.server if page is not None else "")
        if not server:
            self.report({"ERROR"}, "Enter the address of the server.")
            return {"CANCELLED"}
        try:
            blender_compat.check_online(server)
            address, wait_for_account = start_browser_login(server, "Blender")
        except Error as error:
            return report_error(self, error)
        if page is not None:
            page.server = server
        CONTROLLER.sign_in_with(wait_for_account, then=_save_account)
        bpy.ops.wm.url_open(url=address)
        return {"FINISHED"}


class SignInLocal(bpy.types.Operator):
    """Publish to a studio server on this computer, which starts when it is needed"""

    bl_idname = "ft_dcc.sign_in_own"
    bl_label = "Use Local Studio Server"

    def execute(self, context: Any) -> set[str]:
        """Sign in as the server's owner; no key is stored elsewhere."""
        CONTROLLER.sign_in_with(_local_account, then=lambda account: CONTROLLER.queries.read_jobs())
        return {"FINISHED"}


def _local_account(is_cancelled: Callable[[], bool]) -> Account:
    # Imported late: only this operator needs it.
    from ft_dcc.accounts.local_server import ensure_local_studio, studio_folder

    return ensure_local_studio(studio_folder())


class SignOut(bpy.types.Operator):
    """Sign out and delete the key"""

    bl_idname = "ft_dcc.sign_out"
    bl_label = "Sign Out"

    def execute(self, context: Any) -> set[str]:
        """Close the session and delete the stored key."""
        known = known_account()
        CONTROLLER.close()
        try:
            if known is not None:
                delete_credentials(known.server, known.user)
        except Error as error:
            return report_error(self, error)
        return {"FINISHED"}
