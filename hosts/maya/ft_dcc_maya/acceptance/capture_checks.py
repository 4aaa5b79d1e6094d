"""Checks of the ways of a capture: image planes, sequence time and plug-ins."""

from __future__ import annotations

from typing import Any

from maya import cmds

from ft_dcc.contract.host_under_test import Check, CheckContext, Skipped, require_equal
from ft_dcc.frames import Resolution
from ft_dcc_maya.look import find_filters
from ft_dcc_maya.viewport import artists_view, end_sequence_time, own_panel

from .view_checks import ignore, read_image, require_window

_PLATE_COLOURS = {1001: "red", 1002: "blue"}


def check_image_plane(context: CheckContext) -> None:
    """Check that an image sequence advances on the image plane of each of two cameras."""
    plates = context.host.playblast(context.request("1001-1002", name="plate"), ignore)
    for frame, colour in _PLATE_COLOURS.items():
        image = read_image(plates.path(frame))
        image.fill(colour)
        image.save(str(plates.path(frame)))
    cameras = context.host.scene().sources[:2]
    cmds.setAttr("acceptCube.visibility", False)
    for camera in cameras:
        _add_plane(camera, plates.path(1001).as_posix())
    expected = {camera: list(_PLATE_COLOURS.values()) for camera in cameras}
    found = {camera: _colours_of_plane(context, camera, f"own{index}") for index, camera in enumerate(cameras)}
    require_equal(found, expected, "the colour of the image planes on both frames")


def _add_plane(camera: str, path: str) -> None:
    shape = cmds.listRelatives(camera, shapes=True, path=True)[0]
    made: Any = cmds.imagePlane(camera=shape, fileName=path, showInAllViews=False)
    plane = made[1]
    cmds.setAttr(f"{plane}.useFrameExtension", True)
    if not cmds.listConnections(f"{plane}.frameExtension", source=True, destination=False):
        cmds.connectAttr("time1.outTime", f"{plane}.frameExtension")


def _colours_of_plane(context: CheckContext, camera: str, name: str) -> list[str]:
    frames = context.host.playblast(context.request("1001-1002", source=camera, name=name), ignore)
    found = []
    for frame in _PLATE_COLOURS:
        context.show(f"frame {frame} of the image plane of {camera}, {name}", frames.path(frame))
        centre = read_image(frames.path(frame)).pixelColor(32, 18)
        found.append("red" if centre.red() > centre.blue() else "blue")
    return found


def check_sequence_time(context: CheckContext) -> None:
    """Check that a view on sequence time takes no image of a capture, and is on sequence time again afterwards."""
    require_window(context)
    view = artists_view()
    if not view:
        raise Skipped("no view is shown")
    request = context.request("1001-1003")
    alone = context.host.playblast(request, ignore)
    expected = [alone.path(frame).read_bytes() for frame in request.frame_range]
    # Makes a sequencer, without which the next command may crash Maya.
    cmds.sequenceManager(query=True, writableSequencer=True)
    cmds.sequenceManager(modelPanel=view)
    try:
        frames = context.host.playblast(context.request("1001-1003", name="beside"), ignore)
        after = cmds.sequenceManager(query=True, modelPanel=True)
    finally:
        end_sequence_time()
    for frame in request.frame_range:
        context.show(f"frame {frame} beside a view on sequence time", frames.path(frame))
    found = [frames.path(frame).read_bytes() for frame in request.frame_range]
    require_equal(found == expected, True, "the images are those of a capture without sequence time")
    require_equal(after, view, "the view on sequence time after the capture")


def check_plugin_objects(context: CheckContext) -> None:
    """Check that the filters of plug-ins can be set and queried."""
    require_window(context)
    names = find_filters()
    if not names:
        raise Skipped("no plug-in has registered a filter; load gpuCache to try it")
    with own_panel(Resolution(64, 36)) as panel:
        for name in names:
            for is_shown in (False, True):
                cmds.modelEditor(panel, edit=True, pluginObjects=(name, is_shown))
                found = bool(cmds.modelEditor(panel, query=True, queryPluginObjects=name))  # type: ignore[call-overload] # it takes the name here
                require_equal(found, is_shown, f"whether the objects of {name} are shown")


CHECKS = (
    Check("image plane", "Image sequences behind two cameras advance", check_image_plane),
    Check("sequence time", "A view on sequence time takes no image of a capture", check_sequence_time),
    Check("plug-in objects", "Objects of plug-ins can be hidden", check_plugin_objects),
)
