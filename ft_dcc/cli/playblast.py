"""``ft-dcc playblast``: a Blender scene becomes a version in a review session, without a window."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ft_dcc.cli.output import Output, reporting
from ft_dcc.cli.publish import make_request, placing, publish_showing_progress, tell
from ft_dcc.errors import ExtraMissing

if TYPE_CHECKING:
    from ft_dcc.host import Host


@click.command(name="playblast", short_help="Playblast a Blender scene and publish it.")
@click.argument("scene", metavar="SCENE.blend", type=click.Path(path_type=Path))
@click.option("--camera", metavar="NAME", help="Camera; the scene's own one else.")
@placing
@reporting
def command(output: Output, scene: Path, camera: str | None, repair: tuple[str, ...], **options: Any) -> int:
    """Playblast a camera of SCENE.blend and publish it as a new version; the file is not changed, nor by a repair."""
    with opened_in_blender(scene) as host:
        request = make_request((camera,) if camera else (), **options)
        published = publish_showing_progress(output, request, repair, host)
    return tell(output, published)


@contextmanager
def opened_in_blender(scene: Path) -> Iterator[Host]:
    """The file is open in a Blender without a window; raises SceneUnreadable or ExtraMissing."""
    with _stdout_on_stderr():
        try:
            from ft_dcc_blender.host import BlenderHost
        except ImportError as error:
            raise ExtraMissing("blender", "A playblast of a .blend file") from error
        yield BlenderHost.open(scene.absolute())


@contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    """What Blender prints from its compiled parts goes to stderr, so that stdout holds the result alone."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(own, 1)
        os.close(own)
