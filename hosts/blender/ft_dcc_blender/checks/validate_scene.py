"""Checks that only Blender can make: what would be missing or different in the image. They change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import bpy

from ft_dcc.errors import UserFixableError
from ft_dcc.publish.pipeline.pyblish_adapter import VALIDATOR, Context, ContextPlugin, Instance, InstancePlugin
from ft_dcc.publish.slots import HOST, REQUEST, SOURCE

_MAX_NAMES = 8
# Collections of ``bpy.data`` whose items have a file, and what the artist calls them.
_FILES = {"images": "image", "cache_files": "cache", "volumes": "volume", "fonts": "font", "movieclips": "movie clip"}
_NO_FILE_SOURCES = {"GENERATED", "VIEWER"}
_BUILT_IN_FONT = "<builtin>"


class ValidateCompleteness(ContextPlugin):
    """Check that the files that the scene needs exist, and that its Python drivers run."""

    order = VALIDATOR
    label = "Complete scene"

    def process(self, context: Context) -> None:
        """Raise UserFixableError with everything that is missing, unless the request allows that."""
        if REQUEST.get(context).allow_incomplete:
            return
        names = [source.text for source in map(SOURCE.find, context) if source is not None and source.kind == "camera"]
        if not names:
            return
        sentences = HOST.get(context).run_in_main_thread(lambda: list(_find_incomplete(_scenes(context, names))))
        if sentences:
            raise UserFixableError(f"{' '.join(sentences)} Or publish anyway.")


class ValidateCameraType(InstancePlugin):
    """Check that a playblast can show the camera's projection."""

    order = VALIDATOR
    label = "Camera type"
    families: ClassVar[list[str]] = ["camera"]

    def process(self, instance: Instance) -> None:
        """Raise UserFixableError for a panoramic camera that only Cycles renders as one."""
        request, name = REQUEST.get(instance.context), SOURCE.get(instance).text
        is_rendered = dict(request.look).get("shading") == "RENDERED"
        if request.allow_incomplete:
            return
        is_cycles, panoramic = HOST.get(instance.context).run_in_main_thread(
            lambda: _panoramic_cameras(*_find_source(instance.context, name))
        )
        if panoramic and not (is_rendered and is_cycles):
            raise UserFixableError(
                f"{', '.join(panoramic)} is panoramic, which only Cycles draws. Choose the shading Rendered with the "
                "engine Cycles, or publish anyway as a perspective view."
            )


def _find_source(context: Context, source: str) -> tuple[Any, str]:
    host: Any = HOST.get(context)
    found: tuple[Any, str] = host.find_source(source)
    return found


def _scenes(context: Context, sources: Iterable[str]) -> list[Any]:
    found = [_find_source(context, source)[0] for source in sources]
    return list({scene.name_full: scene for scene in found}.values())


def _panoramic_cameras(scene: Any, source: str) -> tuple[bool, list[str]]:
    """Return whether the engine is Cycles, and the panoramic cameras of the source."""
    bound = [marker.camera for marker in scene.timeline_markers if marker.camera]
    named = [item for item in scene.objects if item.name_full == source]
    cameras = {item.name_full: item for item in named or bound if item.type == "CAMERA"}
    panoramic = [name for name, camera in cameras.items() if camera.data.type == "PANO"]
    return scene.render.engine == "CYCLES", panoramic


def _find_incomplete(scenes: Iterable[Any]) -> Iterator[str]:
    """Yield a sentence for each kind of thing that is missing."""
    files = [*_missing_libraries(), *_missing_files(scenes)]
    if files:
        yield f"Files of the scene are missing: {_listed(files)}. Restore them."
    items = _missing_linked_items()
    if items:
        yield f"Linked data is missing in its library: {_listed(items)}. Relink or remove it."
    if bpy.app.autoexec_fail:
        yield (
            f"Python code of the file did not run ({bpy.app.autoexec_fail_message}), so drivers and rigs may be wrong. "
            "Allow it if you trust the file (File, Reload Trusted; --run-scripts on the command line)."
        )


def _listed(names: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _MAX_NAMES
    return ", ".join(distinct[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _missing_libraries() -> list[str]:
    return [
        f"library {library.filepath}"
        for library in bpy.data.libraries
        if not library.packed_file and not _file(library.filepath, library.parent).is_file()
    ]


def _missing_files(scenes: Iterable[Any]) -> Iterator[str]:
    for collection, kind in _FILES.items():
        for item in getattr(bpy.data, collection, ()):
            if item.users and item.filepath and not _is_packed(item) and not _exists(item):
                yield f"{kind} {item.filepath}"
    for item in (item for scene in scenes for item in scene.objects):
        for modifier in item.modifiers:
            path = modifier.filepath if modifier.type == "MESH_CACHE" else ""
            if path and not _file(path, item.library).is_file():
                yield f"cache {path}"


def _is_packed(item: Any) -> bool:
    is_in_memory = getattr(item, "source", "") in _NO_FILE_SOURCES or item.filepath == _BUILT_IN_FONT
    return is_in_memory or bool(getattr(item, "packed_file", None))


def _exists(item: Any) -> bool:
    path = item.filepath
    if getattr(item, "source", "") == "TILED":
        tiles = [path.replace("<UDIM>", str(tile.number)) for tile in item.tiles]
        return all(_file(each, item.library).is_file() for each in tiles)
    file = _file(path, item.library)
    # A sequence names one of its files, which need not be in it.
    is_sequence = getattr(item, "source", "") == "SEQUENCE" or getattr(item, "is_sequence", False)
    return file.is_file() or (is_sequence and any(file.parent.glob(f"*{file.suffix}")))


def _file(path: str, library: Any) -> Path:
    return Path(bpy.path.abspath(path, library=library))


def _missing_linked_items() -> list[str]:
    """Return the data-blocks that Blender has replaced by an empty placeholder."""
    absent = {library for library in bpy.data.libraries if not _file(library.filepath, library.parent).is_file()}
    return [
        f"{item.name} ({item.library.filepath})"
        for prop in bpy.data.bl_rna.properties
        if prop.type == "COLLECTION"
        for item in getattr(bpy.data, prop.identifier)
        if getattr(item, "is_missing", False) and item.library not in absent and item.library is not None
    ]
