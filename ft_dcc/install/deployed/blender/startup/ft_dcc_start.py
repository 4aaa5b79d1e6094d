"""Enable the deployed ft-dcc in every Blender.

Blender 4.2 and later runs it because of BLENDER_SYSTEM_SCRIPTS; earlier versions ignore that variable, so they are
started with ``--python`` and the path of this file. It never raises.
"""

_ADD_ON = "ft_dcc_blender"


def register():
    """Load the add-on for this session; the artist's preferences are not changed."""
    import sys

    try:
        _enable()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Blender starts whatever is wrong with us
        _report(sys, error)


def unregister():
    """Remove the add-on of this session."""
    import sys

    if _ADD_ON in sys.modules:
        import addon_utils

        addon_utils.disable(_ADD_ON)


def _enable():
    import os
    import sys

    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "ft_dcc")
    if folder not in sys.path:
        sys.path.append(folder)
    import addon_utils
    import bpy
    import ft_dcc_release

    own = [name for name in bpy.context.preferences.addons.keys() if name == _ADD_ON or name.endswith(".ft_dcc")]
    if own:
        what = "ft-dcc is not loaded: the add-on %s is enabled. To use the studio's, run: ft-dcc uninstall blender\n"
        sys.stderr.write(what % own[0])
    elif ft_dcc_release.activate("blender", "%d.%d" % bpy.app.version[:2]) and not addon_utils.check(_ADD_ON)[1]:
        addon_utils.enable(_ADD_ON, persistent=True, handle_error=lambda error: _report(sys, error))


def _report(sys, error):
    why = (type(error).__name__, error)
    sys.stderr.write("ft-dcc could not be started: %s: %s. Ask your administrator for: ft-dcc deploy\n" % why)


if __name__ == "__main__":
    register()
