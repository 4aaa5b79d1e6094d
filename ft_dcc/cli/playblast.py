"""``ft-dcc playblast``: publish a playblast of a Blender scene."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ft_dcc import errors
from ft_dcc.cli.publish import (
    PublishCommand,
    make_request,
    print_plan,
    print_result,
    publish_options,
    publish_showing_progress,
)
from ft_dcc.cli.terminal.output import Output, reporting

if TYPE_CHECKING:
    from ft_dcc.host import Host


@click.command(name="playblast", cls=PublishCommand, short_help="Playblast a Blender scene and publish it.")
@click.argument("scene", metavar="SCENE.blend", type=click.Path(path_type=Path))
@click.option("--camera", metavar="NAME", help="Camera (default: the scene's active camera).")
@click.option("--percentage", type=click.IntRange(1, 100), help="Size in percent of the scene's resolution.")
@click.option(
    "--visibility",
    type=click.Choice(["viewport", "render"]),
    default="viewport",
    show_default=True,
    help="Show objects and modifiers as in the viewport or as in renders.",
)
@click.option("--run-scripts", is_flag=True, help="Run Python code of the file, such as drivers, which you trust.")
@click.option("--allow-incomplete", is_flag=True, help="Publish although files of the scene are missing.")
@click.option(
    "--include-scene/--no-include-scene", default=None, help="Upload the scene file as a component of the version."
)
@publish_options
@reporting
def playblast_command(
    output: Output,
    scene: Path,
    camera: str | None,
    repair: tuple[str, ...],
    percentage: int | None,
    visibility: str,
    *,
    run_scripts: bool,
    dry_run: bool,
    **options: Any,
) -> int:
    """Playblast a camera of SCENE.blend and publish it as a new version; the file is never changed."""
    if percentage is not None and options["resolution"] is not None:
        raise errors.SettingInvalid("The size is given twice. Give either --percentage or --resolution.")
    with opened_in_blender(scene, run_scripts=run_scripts) as host:
        if percentage is not None:
            options["resolution"] = host.scene().resolution.scaled(percentage)
        request = make_request((camera,) if camera else (), look={"visibility": visibility.upper()}, **options)
        if dry_run:
            return print_plan(output, request, host)
        published = publish_showing_progress(output, request, repair, host)
    return print_result(output, published)


@contextmanager
def opened_in_blender(scene: Path, *, run_scripts: bool = False) -> Iterator[Host]:
    """Open the file in a headless Blender; raise SceneUnreadable or MissingExtra.

    ``run_scripts`` allows the Python code in the file to run.
    """
    with _stdout_to_stderr():
        try:
            from ft_dcc_blender.host import BlenderHost
        except ImportError as error:
            raise errors.MissingExtra("blender", "A playblast of a .blend file") from error
        host = BlenderHost.open(scene.absolute(), run_scripts=run_scripts)
        try:
            yield host
        finally:
            BlenderHost.close()


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send the output of Blender's compiled code to stderr, so that stdout contains the result only."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
