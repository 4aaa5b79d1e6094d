"""Where the studio's server is and who the artist is; the key is kept elsewhere (``ft_dcc.credentials``)."""

# Blender reads the annotations of a class as its properties, so they cannot be put off.
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import bpy

from ft_dcc.config import read_settings
from ft_dcc.credentials import Account, recall


class Preferences(bpy.types.AddonPreferences):
    """The add-on's page in Blender's preferences."""

    bl_idname = __package__

    server: bpy.props.StringProperty(
        name="Server", description="Address of the ftrack site or studio server; empty means FTRACK_SERVER"
    )
    user: bpy.props.StringProperty(name="User", description="Your user name on it; empty means FTRACK_API_USER")
    ffmpeg: bpy.props.StringProperty(
        name="ffmpeg", description="The ffmpeg to encode with; empty means the one that came along", subtype="FILE_PATH"
    )

    def draw(self, context: Any) -> None:
        """Server, user and ffmpeg can be written, and one can sign in and out."""
        layout = self.layout
        layout.use_property_split = True
        for name in ("server", "user", "ffmpeg"):
            layout.prop(self, name)
        row = layout.row()
        row.operator("ft_dcc.sign_in")
        row.operator("ft_dcc.sign_in_browser")
        row.operator("ft_dcc.sign_out")


def preferences() -> Any:
    """This add-on's preferences, or None when it is used as a library."""
    found = bpy.context.preferences.addons.get(__package__)
    return found.preferences if found else None


def use_ffmpeg() -> None:
    """The ffmpeg that the preferences name is the one that is used, and the one that came along can be started."""
    came_along = find_spec("imageio_ffmpeg")
    if came_along is not None and came_along.origin and os.name == "posix":
        # Blender unpacks wheels without the modes of their files.
        for program in Path(came_along.origin).parent.glob("binaries/ffmpeg-*"):
            if not os.access(program, os.X_OK):
                program.chmod(program.stat().st_mode | 0o111)
    page = preferences()
    if page is not None and page.ffmpeg:
        # The setting is read from the environment, by this process and by what it starts.
        os.environ["FT_DCC_FFMPEG"] = bpy.path.abspath(page.ffmpeg)


def account() -> "Account | None":
    """Who is to be signed in: the preferences first, then the environment; None when nobody is known."""
    page = preferences()
    settings = read_settings({"server": (page and page.server) or None, "user": (page and page.user) or None})
    server, user, key = settings.get("server"), settings.get("user"), settings.get("key")
    if server is None or user is None:
        return None
    return recall(server, user) or (Account(server, user, key) if key else None)
