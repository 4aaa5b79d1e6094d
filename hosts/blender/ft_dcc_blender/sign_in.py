"""The buttons that say who the artist is: signing in, in three ways, and out again."""

# Blender reads the annotations of a class as its properties, so they cannot be put off.
from functools import partial
from typing import Any, Callable

import bpy

from ft_dcc.credentials import Account, forget, remember
from ft_dcc.errors import Error
from ft_dcc.sign_in import begin_in_browser

from . import versions
from .desk import DESK
from .operators import refused
from .preferences import account, preferences


def _sign_in(operator: Any, wanted: Account) -> set[str]:
    try:
        versions.check_online(wanted.server)
    except Error as error:
        return refused(operator, error)

    page = preferences()
    if page is not None:
        page.server, page.user = wanted.server, wanted.user
    DESK.sign_in(wanted, then=partial(_keep, wanted))
    return {"FINISHED"}


def _keep(signed_in: Account) -> None:
    """The key is kept, and what was published before is read."""
    remember(signed_in)
    DESK.lookups.read_jobs()


class SignIn(bpy.types.Operator):
    """Sign in with a user name and an API key"""

    bl_idname = "ft_dcc.sign_in"
    bl_label = "Sign In"

    server: bpy.props.StringProperty(name="Server", options={"SKIP_SAVE"})
    user: bpy.props.StringProperty(name="User", options={"SKIP_SAVE"})
    key: bpy.props.StringProperty(name="API key", subtype="PASSWORD", options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for what is not known; whoever was signed in before is signed in at once."""
        known = account()
        if known is not None:
            return _sign_in(self, known)
        page = preferences()
        self.server, self.user = (page.server, page.user) if page is not None else ("", "")
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: Any) -> set[str]:
        """Sign in with what was typed."""
        if not (self.server and self.user and self.key):
            self.report({"ERROR"}, "Server, user and API key are needed to sign in.")
            return {"CANCELLED"}
        return _sign_in(self, Account(self.server, self.user, self.key))


class SignInBrowser(bpy.types.Operator):
    """Sign in on the server's own page, and come back with a key"""

    bl_idname = "ft_dcc.sign_in_browser"
    bl_label = "Sign In in the Browser"

    def execute(self, context: Any) -> set[str]:
        """Open the page; the key comes to a port of this computer that listens for a few minutes."""
        page = preferences()
        if page is None or not page.server:
            self.report({"ERROR"}, "Write the server's address into the preferences first.")
            return {"CANCELLED"}
        try:
            versions.check_online(page.server)
            address, wait_for_account = begin_in_browser(page.server, "Blender")
        except Error as error:
            return refused(self, error)
        DESK.sign_in_later(wait_for_account, then=_keep)
        bpy.ops.wm.url_open(url=address)
        return {"FINISHED"}


class SignInOwn(bpy.types.Operator):
    """Publish into a studio of your own on this computer; it is started when it is needed"""

    bl_idname = "ft_dcc.sign_in_own"
    bl_label = "Use My Own Studio"

    def execute(self, context: Any) -> set[str]:
        """Sign in as the owner, whom the studio's folder knows; no key is kept elsewhere."""
        DESK.sign_in_later(_own_account, then=lambda account: DESK.lookups.read_jobs())
        return {"FINISHED"}


def _own_account(is_cancelled: Callable[[], bool]) -> Account:
    # Only who has a studio of one's own loads what starts it.
    from ft_dcc.local_studio import local_account, studio_folder

    return local_account(studio_folder())


class SignOut(bpy.types.Operator):
    """Sign out, and forget the key"""

    bl_idname = "ft_dcc.sign_out"
    bl_label = "Sign Out"

    def execute(self, context: Any) -> set[str]:
        """Close the session; the key is nowhere any more."""
        known = account()
        DESK.close()
        try:
            if known is not None:
                forget(known.server, known.user)
        except Error as error:
            return refused(self, error)
        return {"FINISHED"}
