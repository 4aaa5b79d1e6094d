"""Server and user in Blender's preferences; the key is stored by ``ft_dcc.accounts.credentials``."""

# Blender reads the annotations of a class as its properties, so they cannot be postponed.
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.accounts.credentials import Account, load_credentials
from ft_dcc.settings.resolve import read_settings

# Blender knows the preferences by the name of the add-on, which is the package above this one.
_ADDON = str(__package__).rpartition(".")[0]


class Preferences(bpy.types.AddonPreferences):
    """The preferences of the add-on."""

    bl_idname = _ADDON

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


def preferences() -> Any:
    """Return the preferences of this add-on, or None when it is used as a library."""
    found = bpy.context.preferences.addons.get(_ADDON)
    return found.preferences if found else None


def use_ffmpeg() -> None:
    """Use the ffmpeg of the preferences, and make the bundled one executable."""
    bundled = find_spec("imageio_ffmpeg")
    if bundled is not None and bundled.origin and os.name == "posix":
        # Blender unpacks wheels without file modes.
        for program in Path(bundled.origin).parent.glob("binaries/ffmpeg-*"):
            if not os.access(program, os.X_OK):
                program.chmod(program.stat().st_mode | 0o111)
    page = preferences()
    if page is not None and page.ffmpeg:
        # This process and its children read the setting from the environment.
        os.environ["FT_DCC_FFMPEG"] = bpy.path.abspath(page.ffmpeg)


def known_account() -> "Account | None":
    """Return the account to sign in with, from preferences and environment, or None if it is incomplete."""
    page = preferences()
    settings = read_settings({"server": (page and page.server) or None, "user": (page and page.user) or None})
    server, user, key = settings.get("server"), settings.get("user"), settings.get("key")
    if server is None or user is None:
        return None
    return load_credentials(server, user) or (Account(server, user, key) if key else None)
