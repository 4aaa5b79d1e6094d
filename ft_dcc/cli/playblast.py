"""``ft-dcc playblast``: publish a capture of a scene of Blender, Maya or Nuke."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ft_dcc import errors
from ft_dcc.cli import notes, publish
from ft_dcc.cli.terminal.inputs import AbsolutePath, connected, find_account
from ft_dcc.cli.terminal.output import Output

if TYPE_CHECKING:
    from ft_dcc_blender.host import BlenderHost

    from ft_dcc.publish.scene_order import SceneAnswer, SceneOrder


@click.command(cls=publish.PublishCommand, for_scenes=True)
@click.argument("scene", metavar="SCENE", type=AbsolutePath())
@click.option("--camera", metavar="NAME", help="Camera, or node of Nuke (default: the scene's active one).")
@click.option(
    "--scene",
    "scene_names",
    multiple=True,
    metavar="NAME",
    help="Blender: scene of the file (default: the saved active one); may be repeated, one version each.",
)
@click.option("--percentage", type=click.IntRange(1, 100), help="Size in percent of the scene's resolution.")
@click.option("--look", default="", metavar="TEXT", help="Look: preset, options, or both (default: FT_DCC_LOOK).")
@click.option("--program", type=AbsolutePath(), help="Path of Maya or Nuke (default: FT_DCC_MAYA or FT_DCC_NUKE).")
@click.option(
    "--visibility",
    type=click.Choice(["viewport", "render"]),
    help="Blender: show objects and modifiers as in the viewport or as in renders (default: viewport).",
)
@click.option("--run-scripts", is_flag=True, help="Blender: run Python code of the file, such as drivers you trust.")
def playblast_command(
    output: Output,
    scene: Path,
    camera: str | None,
    scene_names: tuple[str, ...],
    repair: tuple[str, ...],
    percentage: int | None,
    look: str,
    program: Path | None,
    visibility: str | None,
    *,
    run_scripts: bool,
    dry_run: bool,
    **options: Any,
) -> int:
    """Capture a camera of SCENE and publish it as a new version; the file is never changed.

    SCENE is a .blend file, or a .ma, .mb or .nk file if Maya or Nuke is on this machine, which is then started without
    a window. A script of Nuke runs the code in it, as in the program.
    """
    if percentage is not None and options["resolution"] is not None:
        raise errors.SettingInvalid("The size is given twice. Give either --percentage or --resolution.")
    sources: tuple[str, ...] = (camera,) if camera else ()
    from ft_dcc.batch.scene_runner import program_of

    if program_of(scene) is not None:
        if visibility is not None or run_scripts or scene_names:
            raise click.UsageError("--scene, --visibility and --run-scripts are for Blender scenes.")
        request = publish.make_request(sources, **options)
        order = make_order(scene, request, look=look, percentage=percentage, repair=repair, is_dry_run=dry_run)
        return print_answer(output, publish_in_program(output, order, program))
    if program is not None:
        raise click.UsageError("--program is for scenes of Maya and Nuke; Blender scenes need no program.")
    if not scene.suffix.lower().startswith(".blend"):
        # A backup of Blender is called .blend1.
        raise errors.SceneUnreadable(
            f"{scene} is no scene of Blender, Maya or Nuke. Give a .blend, .ma, .mb or .nk file."
        )
    with opened_in_blender(scene, run_scripts=run_scripts) as host:
        own = host
        if scene_names:
            sources = host.sources_of(tuple(dict.fromkeys(scene_names)), camera)
            own = host.host_of(sources[0])
            options["task"] = options["task"] or own.scene().task_id
        if percentage is not None:
            if len(scene_names) > 1:
                raise errors.SettingInvalid("--percentage is for one scene, because each has its own size.")
            options["resolution"] = own.scene().resolution.scaled(percentage)
        # An option alone changes the look of the settings.
        parts = [*([look] if look else []), *([f"visibility={visibility}"] if visibility else [])]
        request = publish.make_request(sources, look=", ".join(parts) or None, **options)
        if dry_run:
            return publish.print_plan(output, request, host)
        published = publish.publish_showing_progress(output, request, repair, host)
    return publish.print_result(output, published)


def make_order(
    scene: Path, request: Any, job_id: str | None = None, *, repair: tuple[str, ...] = (), **values: Any
) -> SceneOrder:
    """Return the order to publish the scene, as a new job unless ``job_id`` is given."""
    from ft_dcc.publish.jobs.job import jobs_folder, new_id
    from ft_dcc.publish.scene_order import SceneOrder

    names = publish.repair_names(repair) if repair else None
    return SceneOrder(scene, request, jobs_folder(), job_id or new_id(), repair=names, **values)


def publish_in_program(output: Output, order: SceneOrder, program: Path | None = None) -> SceneAnswer:
    """Carry out the order in Maya or Nuke, show the progress on stderr, and return the answer.

    If the server does not answer, or on Ctrl-C, the job stays in the queue and a message names the command that resumes
    it.
    """
    from ft_dcc.batch.scene_runner import publish_scene
    from ft_dcc.production.tasks import find_task
    from ft_dcc.publish.jobs.job import Job

    account = find_account()
    # Before a program is started for a task that is missing. Without a server, it captures the scene for later.
    with suppress(errors.ServerUnreachable), connected(account) as session:
        if order.request.task:
            find_task(session, order.request.task)
            notes.print_open_notes(output, notes.find_open_notes(session, order.request, None))
    job = Job(order.jobs / order.job)
    with publish.keeping_job(job), publish.job_progress(output, job) as on_progress:
        return publish_scene(order, account, on_progress, program)


def print_answer(output: Output, answer: SceneAnswer) -> int:
    """Print what was published or planned, and return the exit code."""
    if answer.published is None:
        return publish.print_planned(output, answer)
    for message in answer.messages:
        output.message(message)
    return publish.print_result(output, answer.published)


@contextmanager
def opened_in_blender(scene: Path, *, run_scripts: bool = False) -> Iterator[BlenderHost]:
    """Open the file in a headless Blender, with its code if ``run_scripts``; raise SceneUnreadable, MissingExtra."""
    # The output of Blender's compiled code goes to stderr, so that stdout contains the result only.
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        try:
            from ft_dcc_blender.host import BlenderHost
        except ImportError as error:
            raise errors.MissingExtra("blender", "A playblast of a .blend file") from error
        host = BlenderHost.open(scene.absolute(), run_scripts=run_scripts)
        try:
            yield host
        finally:
            BlenderHost.close()
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
