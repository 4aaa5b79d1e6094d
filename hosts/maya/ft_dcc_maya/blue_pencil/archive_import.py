"""Import drawings of reviewers into a new layer of Blue Pencil.

Sources: Autodesk's help, "Import or export Blue Pencil frames" (an archive of the former Grease Pencil becomes a new
layer), and Autodesk's reference of ``bluePencilFrame`` (``importArchive`` since Maya 2025), ``bluePencilLayer`` and
``bluePencilNode``.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maya import cmds

from ft_dcc.errors import UserFixableError
from ft_dcc.frames import Resolution
from ft_dcc.host_support.feedback import aspect_problems, drawings_in_range
from ft_dcc.review.drawings import Drawing
from ft_dcc.review.export.grease_pencil import to_archive
from ft_dcc_maya.cameras import camera_shape
from ft_dcc_maya.units import rate_from_unit
from ft_dcc_maya.viewport import artists_view

PLUGIN = "bluePencil"
_INSTEAD = "Use ft-dcc, Show drawings."
_commands: Any = cmds


def import_drawings(drawings: Sequence[Drawing], source: str, first: int, last: int) -> list[str]:
    """Import the drawings into a new layer of the camera.

    Returns a sentence for each problem. Drawings outside of the frames from ``first`` to ``last``, and notes without
    strokes, are left out. Raises CameraMissing, or UserFixableError if nothing is left or this Maya cannot import it.
    """
    camera_shape(source)
    _load_plugin()
    size = Resolution(*(int(cmds.getAttr(f"defaultResolution.{name}")) for name in ("width", "height")))
    inside, problems = drawings_in_range(drawings, first, last)
    problems += aspect_problems(inside, size.width, size.height)
    drawn = [each for each in inside if each.shapes]
    if not drawn:
        raise UserFixableError(" ".join(("None of the notes has a drawing on the frames of the scene.", *problems)))
    archive = _write_archive(to_archive(drawn, size, rate_from_unit(cmds.currentUnit(query=True, time=True))))
    with _looking_through(source):
        before = _layer_count(source)
        _import_archive(archive)
        if _layer_count(source) <= before:
            raise UserFixableError(
                f"Blue Pencil has added no layer to {source}. Undo its import, if it has changed another camera. "
                f"{_INSTEAD}"
            )
    return problems


def _load_plugin() -> None:
    """Load Blue Pencil; raise UserFixableError where there is none."""
    if cmds.about(batch=True) or not artists_view():
        raise UserFixableError(f"Blue Pencil needs a view. Open one, and try again. {_INSTEAD}")
    try:
        cmds.loadPlugin(PLUGIN, quiet=True)
    except RuntimeError as error:
        version = cmds.about(version=True)
        raise UserFixableError(f"Maya {version} has no Blue Pencil, which later versions have. {_INSTEAD}") from error


def _write_archive(content: bytes) -> Path:
    """Write the archive to a file that exists until Maya ends, because Maya may read it later."""
    folder = tempfile.mkdtemp(prefix="ft-dcc-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "notes.zip"
    path.write_bytes(content)
    return path


def _import_archive(archive: Path) -> None:
    try:
        _commands.bluePencilFrame(importArchive=archive.as_posix())
    except TypeError as error:
        # Earlier versions have no such flag.
        raise UserFixableError(
            f"Maya {cmds.about(version=True)} imports into Blue Pencil with its own dialog only. Look through the "
            f"camera, click Import in the toolbar of Blue Pencil, and choose {archive}, which exists until Maya ends."
        ) from error


def _layer_count(camera: str) -> int:
    if not _commands.bluePencilNode(exists=True):
        return 0
    return int(_commands.bluePencilLayer(camera, count=True))


@contextmanager
def _looking_through(camera: str) -> Iterator[None]:
    """Make the camera that of the active view, in which Blue Pencil draws, until exit."""
    view = artists_view()
    before = cmds.modelPanel(view, query=True, camera=True)
    cmds.setFocus(view)
    cmds.modelEditor(view, edit=True, camera=camera)
    try:
        yield
    finally:
        cmds.modelEditor(view, edit=True, camera=before)
