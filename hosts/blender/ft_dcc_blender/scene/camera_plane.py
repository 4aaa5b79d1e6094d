"""The plane in front of a camera that its image covers exactly."""

from __future__ import annotations

from typing import Any

import attrs
from mathutils import Matrix, Vector


@attrs.frozen
class CameraPlane:
    """A plane at a distance in front of a camera, in the space of an object that is parented to the camera.

    ``lens`` are the values of the camera at one frame; see ``of``.
    """

    fit: str
    size: float
    shift: tuple[float, float]
    depth: float
    pixel_aspect: tuple[float, float]
    to_object: Any

    @classmethod
    def of(cls, scene: Any, camera: Any, depth: float | None = None) -> CameraPlane:
        """Return the plane of the camera at the scene's frame; ``depth`` is in front of the camera, in scene units."""
        lens, render = camera.data, scene.render
        distance = _visible_depth(lens) if depth is None else depth
        sensor = lens.sensor_height if lens.sensor_fit == "VERTICAL" else lens.sensor_width
        return cls(
            fit=lens.sensor_fit,
            size=lens.ortho_scale if lens.type == "ORTHO" else sensor / lens.lens * distance,
            shift=(lens.shift_x, lens.shift_y),
            depth=distance,
            pixel_aspect=(render.pixel_aspect_x, render.pixel_aspect_y),
            # A camera looks through its matrix without scale; a child inherits the scale.
            to_object=camera.matrix_world.inverted_safe() @ _without_scale(camera.matrix_world),
        )

    def point(self, x: float, y: float, aspect: float) -> Any:
        """Return the place of a point of a image with this aspect, width by height in pixels."""
        pixel, stretch, view = self._pixel(aspect)
        across = (self.shift[0] * view + (x - 0.5) * aspect) * pixel
        up = (self.shift[1] * view + (0.5 - y) * stretch) * pixel
        return self.to_object @ Vector((across, up, -self.depth))

    def radius(self, width: float, aspect: float) -> float:
        """Return the radius of a point; ``width`` is a fraction of the image's height."""
        pixel, stretch, _ = self._pixel(aspect)
        scale = abs(self.to_object.to_3x3().determinant()) ** (1 / 3)
        return float(width * stretch * pixel / 2 * scale)

    def _pixel(self, aspect: float) -> tuple[float, float, float]:
        """Return the size of a image of height 1 in units, the stretch of its height, and its fitted side."""
        stretch = self.pixel_aspect[1] / self.pixel_aspect[0]
        is_wide = self.fit == "HORIZONTAL" or (self.fit == "AUTO" and aspect >= stretch)
        view = aspect if is_wide else stretch
        return self.size / view, stretch, view


def lens_settings(lens: Any, render: Any) -> dict[str, float | str]:
    """Return what decides where a camera shows things, by the names in Blender's panels."""
    settings: dict[str, float | str] = {
        "lens type": str(lens.type),
        "sensor fit": str(lens.sensor_fit),
        "shift x": float(lens.shift_x),
        "shift y": float(lens.shift_y),
        "pixel aspect": float(render.pixel_aspect_x / render.pixel_aspect_y),
    }
    if lens.type == "ORTHO":
        return {**settings, "orthographic scale": float(lens.ortho_scale)}
    sensor = lens.sensor_height if lens.sensor_fit == "VERTICAL" else lens.sensor_width
    return {**settings, "focal length": float(lens.lens), "sensor size": float(sensor)}


def _visible_depth(lens: Any) -> float:
    """Return a distance between the clip planes, 1 if possible."""
    near, far = max(lens.clip_start, 1e-4), lens.clip_end
    return float(1.0 if near * 1.05 < 1.0 < far * 0.95 else near + (far - near) * 0.01)


def _without_scale(matrix: Any) -> Any:
    axes = [matrix.col[index].to_3d().normalized() for index in range(3)]
    columns = [axis.to_4d() for axis in axes]
    for column in columns:
        column.w = 0
    return Matrix((*columns, matrix.col[3])).transposed()
