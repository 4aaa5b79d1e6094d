"""The playblast of the double: the documented effects of its flags, and real image files.

The numbers are those of the list of facts in decision 0002.
"""

from __future__ import annotations

import io
import math
import os
import threading
from pathlib import Path
from typing import Any

import attrs
from doubles.colour_bars import painted
from doubles.maya.scene import CAMERA

from ft_dcc.frames import Resolution
from ft_dcc.host_support.capture_files import png_size
from ft_dcc.review.drawings import Shape

_PNG = 32
_BAR_PIXELS = 28


@attrs.frozen
class DrawnCurve:
    """A curve in an image: its points in pixels from the top left, its width in pixels, its colour and opacity."""

    points: tuple[tuple[float, float], ...]
    width: float
    colour: tuple[float, ...]
    opacity: float = 1.0


@attrs.frozen
class Drawn:
    """One image: what is visible in it, and how it was written."""

    camera: str
    time: float
    resolution: Resolution
    overlays: tuple[str, ...]
    overscan: float
    view: dict[str, Any]
    settings: dict[str, Any]
    flags: dict[str, Any]
    background: tuple[float, ...] | None = None
    has_all_textures: bool = True
    curves: tuple[DrawnCurve, ...] = ()
    # Whether drawings of Blue Pencil are in the image: what decides is not documented, so that each of these may.
    has_blue_pencil: bool = False
    # The files on image planes of the camera.
    images: tuple[Path, ...] = ()


def playblast(maya, call):
    """Write the frames and return the name; raise what Maya raises for invalid arguments."""
    flags = {"percent": 50, "viewer": True, "format": "movie", "showOrnaments": True, **call.flags}
    _refuse(maya, flags)
    panel = None
    if not maya.is_batch:
        panel = maya.interface.require(call.command, flags.get("editorPanelName", maya.interface.focus), "panel")
    resolution = _resolution(maya, flags, panel)
    before = maya.scene.time
    maya.interface.viewers += bool(flags["viewer"])
    # A playblast changes the format in the render settings, and adds time changes to the undo queue.
    maya.scene.node("defaultRenderGlobals").attributes["imageFormat"] = _PNG
    name = flags.get("completeFilename") or f"{flags['filename']}.####.png"
    try:
        for index, frame in enumerate(sorted(flags.get("frame", [before]))):
            if maya.escape_at is not None and frame >= maya.escape_at:
                return None
            if maya.playblast_evaluates or frame != maya.scene.time:
                maya.scene.set_time(float(frame))
            if maya.interface.sequence_panel:
                # The view on sequence time takes the focus, and the image. Source: maya-capture, pull request 98.
                maya.interface.focus = maya.interface.active_view = maya.interface.sequence_panel
                panel = maya.interface.controls[maya.interface.sequence_panel]
            _write(maya, panel, resolution, _path(flags, index, frame), flags)
    except OSError as error:
        if flags.get("throwOnError"):
            raise RuntimeError(f"Could not write {name}: {error.strerror}") from error
    finally:
        if maya.scene.time != before:
            maya.scene.set_time(before)
        maya.record_change(call.command)
    return name if maya.returns_name else None


def _refuse(maya, flags):
    if maya.is_batch and ("editorPanelName" in flags or not flags.get("offScreen")):
        raise RuntimeError("playblast: there is no model view in batch mode")
    if ("filename" in flags) == ("completeFilename" in flags):
        raise RuntimeError("playblast: give either a filename or a completeFilename")
    if not 10 <= flags["percent"] <= 100:
        raise RuntimeError("playblast: percent goes from 10 to 100")
    if flags.get("rawFrameNumbers") and "frame" not in flags:
        raise RuntimeError("playblast: rawFrameNumbers needs frames")
    if flags["format"] != "image" or flags.get("compression") != "png":
        raise NotImplementedError("only PNG sequences are drawn here; a film would be a file of the system's own codec")


def _resolution(maya, flags, panel):
    width, height = flags.get("widthHeight") or (flags.get("width", 0), flags.get("height", 0))
    if panel is None:
        return Resolution(int(width * flags["percent"] / 100), int(height * flags["percent"] / 100))
    largest = maya.interface.window_of(panel.name).values["widthHeight"]
    # Without a size it has that of the window, and a larger image is cropped.
    width, height = (min(part, limit) if part else limit for part, limit in zip((width, height), largest))
    # The bar with icons covers the top of the view.
    bar = maya.interface.controls.get(f"{panel.name}Bar")
    if bar is not None and not bar.values["collapse"]:
        height = min(height, largest[1] - _BAR_PIXELS)
    if maya.is_windows:
        width, height = width // 4 * 4, height // 4 * 4
    share = flags["percent"] / 100
    return Resolution(int(width * share), int(height * share))


def _path(flags, index, frame):
    if "completeFilename" in flags:
        return Path(flags["completeFilename"])
    number = int(frame) if flags.get("rawFrameNumbers") else index
    padding = flags.get("framePadding", 4)
    return Path(f"{flags['filename']}.{number if number >= 0 else -2147483648:0{padding}d}.png")


def _rendered_camera(maya):
    shape = next(node for node in maya.scene.nodes if node.kind == "camera" and node.attributes["renderable"])
    assert shape.parent is not None
    return shape.parent


def _write(maya, panel, resolution, path, flags):
    scene, time = maya.scene, maya.scene.time
    transform = scene.node(panel.values["camera"]) if panel is not None else _rendered_camera(maya)
    shape = next(node for node in scene.nodes if node.kind == "camera" and transform in (node, node.parent))
    drawn = Drawn(
        camera=scene.shortest(transform),
        time=time,
        resolution=resolution,
        overlays=tuple(name for name in CAMERA if name.startswith("display") and shape.attributes[name]),
        overscan=shape.attributes["overscan"],
        # Settings of views have no effect in batch mode.
        view={} if panel is None else {name: value for name, value in panel.values.items() if name != "camera"},
        settings=dict(scene.node("hardwareRenderingGlobals").attributes),
        background=None if maya.interface.preferences["displayGradient"] else maya.interface.colours["background"],
        has_all_textures=maya.interface.preferences["materialLoadingMode"] == "immediate" and _has_all_tiles(maya),
        flags={name: value for name, value in flags.items() if name not in ("frame", "completeFilename")},
    )
    is_flag_on = maya.year >= 2024 and drawn.view.get("bluePencil", True)
    drawn = attrs.evolve(
        drawn,
        curves=tuple(_curves(maya, shape, resolution)) if drawn.view.get("nurbsCurves", True) else (),
        images=tuple(_images(maya, shape)) if drawn.view.get("imagePlane", True) else (),
        has_blue_pencil=bool(is_flag_on or maya.interface.options.get("playblastShowBluePencil", 1)),
    )
    maya.drawn.append(drawn)
    if maya.crash_at is not None and time >= maya.crash_at:
        os._exit(139)
    if maya.hang_at is not None and time >= maya.hang_at:
        threading.Event().wait()
    if maya.fail_at is not None and time >= maya.fail_at:
        raise OSError(28, "No space left on device")
    if not maya.writes_images:
        return
    if path.exists() and not flags.get("forceOverwrite"):
        raise OSError(17, "File exists")
    # An invisible window can be drawn only off-screen.
    is_seen = panel is None or flags.get("offScreen") or maya.interface.window_of(panel.name).values["visible"]
    # Maya's PNGs have an alpha channel. A sequence on an image plane advances only in the active view.
    is_advancing = panel is None or not maya.has_image_plane or _is_playing(maya, panel)
    if drawn.curves:
        path.write_bytes(_painted_curves(drawn.curves, resolution))
        return
    # Another view has taken the image.
    is_wanted = panel is None or flags.get("editorPanelName", panel.name) == panel.name
    is_clean = is_seen and is_advancing and is_wanted
    if drawn.images and is_clean and png_size(drawn.images[0]) == resolution:
        path.write_bytes(drawn.images[0].read_bytes())
        return
    path.write_bytes(painted(int(time) if is_clean else 0, resolution, has_alpha=True))


def _is_playing(maya, panel):
    return maya.interface.active_view == panel.name


def _has_all_tiles(maya):
    textures = [node for node in maya.scene.nodes if node.kind == "file" and node.attributes["uvTilingMode"]]
    return {node.name for node in textures} <= maya.interface.tile_previews


def _painted_curves(curves, resolution):
    # Imported late: the Pythons of older hosts, which start this double without a capture, have no Pillow.
    from ft_dcc.review.export.raster import paint

    width, height = resolution.width, resolution.height
    shapes = [
        Shape(
            id="",
            kind="pen",
            colour="#{:02x}{:02x}{:02x}".format(*(round(value * 255) for value in curve.colour[:3])),
            width=curve.width / height,
            points=tuple((x / width, y / height, 0.5) for x, y in curve.points),
            opacity=curve.opacity,
        )
        for curve in curves
    ]
    content = io.BytesIO()
    paint(shapes, (width, height)).save(content, "PNG")
    return content.getvalue()


def _curves(maya, camera, resolution):
    for node in maya.scene.nodes:
        if node.kind == "nurbsCurve" and _is_visible(node, maya.scene.time):
            places = [_projected(point, camera, resolution, maya.scene.time) for point in node.attributes["points"]]
            has_colour = node.attributes["overrideEnabled"] and node.attributes["overrideRGBColors"]
            colour = node.attributes["overrideColorRGB"] if has_colour else (0.0, 0.0, 0.0)
            opacity = node.attributes["overrideColorA"] if has_colour else 1.0
            yield DrawnCurve(tuple(places), node.attributes["lineWidth"], colour, opacity)


def _images(maya, camera):
    """Yield the image of each plane that the camera shows: that with the number of the time plus an offset."""
    for node in maya.scene.nodes:
        values = node.attributes
        if node.kind == "imagePlane" and node.parent is not None and node.parent.parent is camera:
            if not _is_visible(node, maya.scene.time) or not values["displayMode"]:
                continue
            assert values["useFrameExtension"] and "frameExtension" in node.driven
            first = Path(values["imageName"])
            stem, number, suffix = first.name.rsplit(".", 2)
            shown = int(maya.scene.time) + values["frameOffset"]
            yield first.with_name(f"{stem}.{shown:0{len(number)}d}.{suffix}")


def _is_visible(node, time):
    if node is None:
        return True
    return bool("visibility" not in node.attributes or node.value_at("visibility", time)) and _is_visible(
        node.parent, time
    )


def _projected(point, camera, resolution, time):
    """Return the pixel of a point below the camera's transform, by the angles of view of the film gate.

    Only a scale of the camera itself is modelled; its view does not scale, what is below it does.
    """
    assert camera.parent is not None
    matrix = camera.parent.value_at("worldMatrix[0]", time)
    scale = [math.hypot(*matrix[row : row + 3]) for row in (0, 4, 8)]
    x, y, z = (part * factor for part, factor in zip(point, scale))
    lens = {name: camera.value_at(name, time) for name in CAMERA}
    assert -z > lens["nearClipPlane"], "the near clip plane hides the point"
    aspect = resolution.width / resolution.height
    if lens["orthographic"]:
        half = lens["orthographicWidth"] / 2
        right, up = x / half, y / half * aspect
    else:
        wide, high = (
            math.tan(math.atan(lens[f"{name}FilmAperture"] * 25.4 * lens["cameraScale"] / 2 / lens["focalLength"]))
            for name in ("horizontal", "vertical")
        )
        wide *= lens["lensSqueezeRatio"]
        # Fill shows a part of the gate, overscan all of it; the others keep one side.
        keeps_width = {0: wide / aspect < high, 1: True, 2: False, 3: wide / aspect > high}[lens["filmFit"]]
        half_width = wide if keeps_width else high * aspect
        shift = [
            lens[f"{name}FilmOffset"] * 25.4 * lens["cameraScale"] / lens["focalLength"]
            for name in ("horizontal", "vertical")
        ]
        right = (x / -z - shift[0] * lens["lensSqueezeRatio"]) / half_width
        up = (y / -z - shift[1]) / half_width * aspect
    return (1 + right) / 2 * resolution.width, (1 - up) / 2 * resolution.height


COMMANDS = {"playblast": playblast}
