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
from ft_dcc.cli.notes import find_open_notes, print_open_notes
from ft_dcc.cli.publish import (
    PublishCommand,
    make_request,
    message_of_kept_job,
    print_plan,
    print_planned,
    print_result,
    publish_showing_progress,
    repair_names,
    scene_options,
)
from ft_dcc.cli.terminal.inputs import AbsolutePath, connected, find_account
from ft_dcc.cli.terminal.output import Output, reporting
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish.models import PublishRequest
    from ft_dcc.publish.scene_order import SceneAnswer, SceneOrder


@click.command(name="playblast", cls=PublishCommand, short_help="Capture a Blender, Maya or Nuke scene and publish it.")
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
@scene_options
@reporting
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
    a window. Opening a scene of Maya or Nuke runs the code in it, as in the program.
    """
    if percentage is not None and options["resolution"] is not None:
        raise errors.SettingInvalid("The size is given twice. Give either --percentage or --resolution.")
    sources: tuple[str, ...] = (camera,) if camera else ()
    if _has_program(scene):
        if visibility is not None or run_scripts or scene_names:
            raise click.UsageError("--scene, --visibility and --run-scripts are for Blender scenes.")
        request = make_request(sources, **options)
        order = make_order(scene, request, look=look, percentage=percentage, repair=repair, is_dry_run=dry_run)
        return print_answer(output, publish_in_program(output, order, program))
    if program is not None:
        raise click.UsageError("--program is for scenes of Maya and Nuke; Blender scenes need no program.")
    from ft_dcc.host_support.looks import parse_look

    if not scene.suffix.lower().startswith(".blend"):
        # A backup of Blender is called .blend1.
        raise errors.SceneUnreadable(
            f"{scene} is no scene of Blender, Maya or Nuke. Give a .blend, .ma, .mb or .nk file."
        )
    with opened_in_blender(scene, run_scripts=run_scripts) as host:
        if scene_names:
            sources, own = _choose_scenes(host, scene_names, camera)
            options["task"] = options["task"] or own.scene().task_id
        else:
            own = host
        if percentage is not None:
            if len(scene_names) > 1:
                raise errors.SettingInvalid("--percentage is for one scene, because each has its own size.")
            options["resolution"] = own.scene().resolution.scaled(percentage)
        chosen = {"visibility": (visibility or "viewport").upper(), **parse_look(look, {})}
        request = make_request(sources, look=chosen, **options)
        if dry_run:
            return print_plan(output, request, host)
        published = publish_showing_progress(output, request, repair, host)
    return print_result(output, published)


def _choose_scenes(host: Host, names: tuple[str, ...], camera: str | None) -> tuple[tuple[str, ...], Host]:
    """Return the sources in these scenes, and the host of the first one; raise UserFixableError or CameraMissing."""
    from ft_dcc.host import SupportsSeveralScenes

    if not isinstance(host, SupportsSeveralScenes):
        raise errors.SettingInvalid(f"The files of {host.name} have one scene. Leave out --scene.")
    sources = host.sources_of(tuple(dict.fromkeys(names)), camera)
    return sources, host.host_of(sources[0])


def _has_program(scene: Path) -> bool:
    from ft_dcc.batch.scene_runner import program_of

    return program_of(scene) is not None


def make_order(
    scene: Path, request: Any, job_id: str | None = None, *, repair: tuple[str, ...] = (), **values: Any
) -> SceneOrder:
    """Return the order to publish the scene, as a new job unless ``job_id`` is given."""
    from ft_dcc.publish.jobs.job import jobs_folder, new_id
    from ft_dcc.publish.scene_order import SceneOrder

    names = repair_names(repair) if repair else None
    return SceneOrder(scene, request, jobs_folder(), job_id or new_id(), repair=names, **values)


def publish_in_program(output: Output, order: SceneOrder, program: Path | None = None) -> SceneAnswer:
    """Carry out the order in Maya or Nuke, show the progress on stderr, and return the answer.

    If the server does not answer, or on Ctrl-C, the job stays in the queue and a message names the command that resumes
    it.
    """
    from ft_dcc.batch.scene_runner import publish_scene
    from ft_dcc.cli.terminal.progress import progress_display
    from ft_dcc.publish.jobs.job import Job

    job = Job(order.jobs / order.job)
    account = find_account(read_settings())
    _check_task(output, order.request)
    try:
        with progress_display(is_quiet=output.quiet) as on_progress:
            return publish_scene(order, account, on_progress, program)
    except KeyboardInterrupt:
        if job.journal.path.is_file():
            output.message(message_of_kept_job(job.id))
        raise
    except errors.ServerUnreachable as error:
        if job.journal.path.is_file() and job.id not in str(error):
            error.message += f" When it answers: ft-dcc queue run (job {job.id})."
        raise
    except (errors.AuthenticationError, errors.PluginBroken, errors.SettingInvalid):
        if job.journal.path.is_file() and not job.is_started:
            job.remove()
        raise


def _check_task(output: Output, request: PublishRequest) -> None:
    """Print the open notes of the task; raise TaskNotFound before a program is started for a task that is missing."""
    from ft_dcc.production.tasks import find_task

    # Without a server, the program captures the scene for later.
    with suppress(errors.ServerUnreachable), connected() as session:
        if request.task:
            find_task(session, request.task)
            print_open_notes(output, find_open_notes(session, request, None))


def print_answer(output: Output, answer: SceneAnswer) -> int:
    """Print what was published or planned, and return the exit code."""
    for message in answer.messages:
        output.message(message)
    if answer.published is None:
        return print_planned(output, list(answer.planned), answer.problems)
    return print_result(output, answer.published)


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
