"""The scene that a version comes from: its file, revision and program, and the copy that the version contains."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ft_dcc.files import atomic, checksum
from ft_dcc.host import DescribesCaptures, Host, find_host_of
from ft_dcc.publish import encode_source, slots
from ft_dcc.publish.pipeline.pyblish_adapter import Instance
from ft_dcc.settings.publish_options import strip_surrogates

log = logging.getLogger(__name__)


def record(instance: Instance, host: Host) -> dict[str, Any]:
    """Return what a source comes from, and copy the scene's file if it was requested; raise StorageError."""
    # The checksum and the time are those of the file on disk.
    scene, source = slots.SCENE.get(instance.context), slots.SOURCE.get(instance)
    origin: dict[str, Any] = {
        "camera" if source.kind == "camera" else "source": source.name,
        "program": f"{host.name} {host.version}",
        "engine": scene.of(source.text).engine,
        "has_unsaved_changes": scene.is_modified,
    }
    look = slots.LOOK.get(instance.context)
    if look:
        origin["look"] = look
    own = find_host_of(host, source.text)
    if source.kind == "camera" and isinstance(own, DescribesCaptures):
        origin.update(host.run_in_main_thread(partial(own.capture_details, look)))
    if scene.path is None:
        return origin
    origin["file"] = strip_surrogates(str(scene.path))
    raise_if_cancelled = slots.PROGRESS.get(instance.context).raise_if_cancelled
    if slots.REQUEST.get(instance.context).include_scene:
        return {**origin, **checksum.revision_of(_copy(instance, scene.path), raise_if_cancelled)}
    with suppress(OSError):
        origin.update(checksum.revision_of(scene.path, raise_if_cancelled))
    return origin


def record_render(instance: Instance) -> dict[str, Any]:
    """Return the scene of rendered files; copy its file, or say why not in "scene_file". Raise StorageError."""
    # The file is copied if it was requested and is still the rendered one.
    request = slots.REQUEST.get(instance.context)
    origin = dict(request.rendered_from)
    if not request.include_scene:
        return origin
    path = Path(origin.get("file", ""))
    if "file" not in origin:
        reason = "it was never saved"
    elif origin.get("has_unsaved_changes"):
        reason = "it was rendered with unsaved changes"
    elif "sha256" not in origin or not path.is_file():
        reason = "the file is not there"
    else:
        copy = _copy(instance, path)
        if checksum.sha256_of(copy, slots.PROGRESS.get(instance.context).raise_if_cancelled) == origin["sha256"]:
            return origin
        atomic.remove_tree(copy.parent)
        reason = "it has changed since the render"
    name = slots.SOURCE.get(instance).name
    log.warning("The version of %s does not contain its scene file: %s.", name, reason)
    return {**origin, "scene_file": reason}


def _copy(instance: Instance, path: Path) -> Path:
    """Copy the file, which the artist may change or move while the job waits, into the job folder."""
    folder = encode_source.media_folder(instance) / "scene"
    atomic.remove_tree(folder)
    slots.JOB.get(instance.context).make_folder(folder)
    with atomic.storage_errors(f"{path} cannot be copied to {folder}", "Publish without the scene file."):
        return Path(shutil.copy2(path, folder / f"scene{path.suffix}"))
