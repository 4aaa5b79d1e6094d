"""A small shot for the double: frames 1001 to 1012 at 24 fps, 64x36, two cameras, never saved."""

from doubles.maya.program import Maya
from doubles.maya.scene import Scene


def build(year=2025, *, is_batch=False):
    """Return a program with the shot open, an object selected and a panel in focus."""
    maya = Maya(year, is_batch=is_batch)
    maya.scene = Scene.new()
    maya.scene.add_camera("shotCam", renderable=True, displayResolution=True, displayGateMask=True, overscan=1.3)
    maya.scene.add_camera("second")
    maya.scene.options = dict.fromkeys(("animationStartTime", "minTime"), 1001)
    maya.scene.options.update(dict.fromkeys(("animationEndTime", "maxTime"), 1012))
    maya.scene.time, maya.scene.keys = 1004.0, [1001.0, 1012.0]
    maya.scene.selection, maya.scene.is_modified = ["shotCam"], False
    return maya
