"""``ft-dcc task``: make the place that versions are published on."""

from __future__ import annotations

from fractions import Fraction

import click

from ft_dcc.cli.connection import connected
from ft_dcc.cli.output import Output, reporting
from ft_dcc.cli.values import FRAME_RANGE, FRAME_RATE
from ft_dcc.frames import FrameRange
from ft_dcc.tasks import ensure_task


@click.group(name="task", short_help="Make tasks.")
def command() -> None:
    """Make tasks."""


@command.command()
@click.argument("path", metavar="PROJECT/SEQUENCE/SHOT/TASK")
@click.option("--frames", type=FRAME_RANGE, help="Frames of the shot, as 1001-1048 or 1001-1048+8 with handles.")
@click.option("--fps", type=FRAME_RATE, help="Rate of the shot, as 24, 23.976 or 24000/1001.")
@reporting
def ensure(output: Output, path: str, frames: FrameRange | None, fps: Fraction | None) -> None:
    """Make the task at PATH with whatever is missing above it, and print its id.

    Running it twice makes nothing twice.
    """
    with connected() as session:
        task = ensure_task(session, path, frame_range=frames, fps=fps)
        output.result(str(task["id"]), {"task_id": task["id"], "path": path})
