"""Start ft-dcc as a plug-in of Maya.

Maya runs all userSetup.py in one block: an error in one that runs before ours skips ours, and the menu is missing. A
plug-in that is set to "Auto load" in the Plug-in Manager is loaded whatever happens there. Starting twice is harmless.
"""


def maya_useNewAPI():  # noqa: N802 - Maya looks for this name
    """Tell Maya that this plug-in uses the second version of its Python API."""


def initializePlugin(plugin):  # noqa: N802 - Maya calls this name
    """Run the start-up script of the same module, which never raises."""
    import os
    import runpy

    from maya.api import OpenMaya

    folder = OpenMaya.MFnPlugin(plugin, "ft-dcc", "1.0").loadPath()
    runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(folder)), "scripts", "userSetup.py"))


def uninitializePlugin(plugin):  # noqa: N802 - Maya calls this name
    """Remove the menu."""
    import sys

    from maya import cmds

    if "ft_dcc_maya" in sys.modules and not cmds.about(batch=True):
        sys.modules["ft_dcc_maya"].uninstall()
