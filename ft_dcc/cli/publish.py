"""``ft-dcc publish``: frames or a film that exist become a version in a review session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import attrs
import click

from ft_dcc.cli.connection import connected
from ft_dcc.cli.output import Output, problem_line, reporting
from ft_dcc.cli.values import FRAME_RANGE, FRAME_RATE, RESOLUTION
from ft_dcc.config import read_settings
from ft_dcc.errors import (
    AuthenticationError,
    DiskUnusable,
    PluginBroken,
    ServerUnreachable,
    SettingInvalid,
    Unpublishable,
)
from ft_dcc.frames import gather
from ft_dcc.local_studio import account
from ft_dcc.settings import OUTPUTS

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.media import Colour
    from ft_dcc.publish.job import Job
    from ft_dcc.publish.progress import OnProgress
    from ft_dcc.publish.records import Published, PublishRequest
    from ft_dcc.publish.run import Judgement

Command = Callable[..., Any]

# No check is called so.
_ALL = "*"

_OPTIONS = (
    click.option("--task", metavar="ID_OR_PATH", help="Its id, or PROJECT/SEQUENCE/SHOT/TASK; FT_DCC_TASK else."),
    click.option(
        "--review",
        multiple=True,
        metavar="NAME",
        help="Review session, its id, its name or a rule as 'Dailies {date}'; opened when there is none; several times "
        "for several.",
    ),
    click.option("--no-review", is_flag=True, help="Into no review session, whatever the settings say."),
    click.option("--comment", default="", metavar="TEXT", help="What is to be looked at."),
    click.option("--note", default="", metavar="TEXT", help="A note for the reviewers."),
    click.option("--label", metavar="NAME", help="Label of the note."),
    click.option("--status", metavar="NAME", help="Status of the version."),
    click.option(
        "--asset", metavar="RULE_OR_ID", help="Rule for the asset's name, as '{shot} {task}', or an asset's id."
    ),
    click.option("--asset-type", metavar="SHORT", help="Type of a new asset, by its short name."),
    click.option("--uses", multiple=True, metavar="VERSION_ID", help="A version that this one was made from."),
    click.option("--notify/--no-notify", default=None, help="Tell the event hub."),
    click.option("--slate/--no-slate", default=None, help="A picture before the first that says what it is."),
    click.option("--watermark", metavar="TEXT", help="What lies across the pictures."),
    click.option("--letterbox", metavar="SHAPE", help="Shape of the picture, as 2.39; black outside of it."),
    click.option("--fill-missing/--no-fill-missing", "is_filling", default=None, help="Show the frame before, marked."),
    click.option(
        "--sound", "sounds", multiple=True, metavar="FILE[@FRAME]", help="A sound, and where it begins; else the first."
    ),
    click.option("--no-burnin", is_flag=True, help="Nothing in the corners, whatever the settings say."),
    click.option(
        "--output",
        "outputs",
        multiple=True,
        type=click.Choice(OUTPUTS),
        help="What to make beside the review film; several times for several.",
    ),
    click.option(
        "--frames",
        "frame_range",
        type=FRAME_RANGE,
        help="Frames, as 1001-1048, instead of what is found. 1001-1048+8 has 8 more on either side as handles, "
        "1001-1048+8+4 has 4 after the last; 1001-1048x2 has every second one, from the first on.",
    ),
    click.option("--fps", type=FRAME_RATE, help="Rate, as 24, 23.976 or 24000/1001."),
    click.option("--resolution", type=RESOLUTION, help="Size in pixels, as 1920x1080."),
    click.option(
        "--repair",
        is_flag=False,
        flag_value=_ALL,
        multiple=True,
        metavar="[CHECK]",
        help="Repair what this check finds, as it was told with the problem; without a name, whatever can be repaired.",
    ),
)


def placing(function: Command) -> Command:
    """Give a command the options that say where a version goes and what it shows; ``make_request`` takes them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_request(
    source: tuple[str, ...],
    *,
    review: tuple[str, ...],
    no_review: bool,
    no_burnin: bool,
    slate: bool | None,
    outputs: tuple[str, ...],
    **options: Any,
) -> PublishRequest:
    """Return what was asked for by the options of ``placing``."""
    from ft_dcc.publish.records import PublishRequest

    return PublishRequest(
        source=source,
        review=() if no_review else review or None,
        burnin={} if no_burnin else None,
        slate={None: None, False: (), True: read_settings().items("slate_lines")}[slate],
        outputs=outputs or None,
        **options,
    )


@click.command(name="publish", short_help="Publish frames, a film or a picture.")
@click.argument("source", metavar="PATTERN_OR_FILE...", nargs=-1, required=True)
@placing
@click.option(
    "--colour-space",
    metavar="NAME",
    help="What the numbers in the images mean, by a name of the OCIO config, as ACEScct for DPX; else only OpenEXR is "
    "converted.",
)
@reporting
def command(
    output: Output, source: tuple[str, ...], repair: tuple[str, ...], colour_space: str | None, **options: Any
) -> int:
    """Publish a sequence (sh010.%04d.png, sh010.####.exr), a film or a picture as a new version; several as one each.

    A folder stands for the sequences, films and pictures in it.
    """
    request = make_request(_unfolded(source), colour=_colour(colour_space), **options)
    return tell(output, publish_showing_progress(output, request, repair))


def _colour(space: str | None) -> Colour | None:
    from ft_dcc.media import Colour

    return None if space is None else attrs.evolve(Colour.of_settings(), space=space)


def _unfolded(source: tuple[str, ...]) -> tuple[str, ...]:
    """Return what was given, a folder as what lies in it; raises Unpublishable or DiskUnusable."""
    found: list[str] = []
    for given in source:
        try:
            inside = gather([Path(given)]) if Path(given).is_dir() else [given]
        except OSError as error:
            raise DiskUnusable(f"The folder {given} cannot be read: {error.strerror}. Give its frames.") from error
        if not inside:
            raise Unpublishable(f"No picture and no film is in the folder {given}. Give another, or name a file.")
        found += inside
    return tuple(found)


def publish_showing_progress(
    output: Output, request: PublishRequest, repair: tuple[str, ...], host: Host | None = None
) -> Published:
    """Publish with the session and the jobs folder of the settings; the progress appears on stderr.

    What the checks named in ``repair`` find is repaired before. Where the server does not answer, or Ctrl-C is
    pressed, the job stays, and it is said how to go on with it; one that waits for repairs does not.
    """
    from ft_dcc.cli.progress import shown_progress
    from ft_dcc.publish.run import Publisher, prepare

    settings = read_settings()
    jobs = Path(settings.need("jobs"))
    if repair:
        with connected() as session, shown_progress() as on_progress:
            judgement = Publisher(session, host, on_progress, jobs).judge(request)
            _repair(output, judgement, repair)
            return judgement.publish()
    job = prepare(request, account(settings).server.rstrip("/"), host, jobs)
    try:
        with connected() as session, shown(output, job.id) as on_progress:
            return Publisher(session, host, on_progress, jobs).resume(job.id)
    except ServerUnreachable as error:
        if host is not None:
            error.message += _captured_ahead(output, job, host)
        if job.id not in str(error):
            error.message += f" Nothing is lost: 'ft-dcc queue run' publishes the job {job.id} when it answers."
        raise
    except (AuthenticationError, PluginBroken, SettingInvalid):
        if not job.is_begun:
            job.remove()
        raise


def _captured_ahead(output: Output, job: Job, host: Host) -> str:
    """The cameras are captured while their scene is open; return what is said of it."""
    from ft_dcc.publish.ahead import capture_ahead
    from ft_dcc.publish.progress import Pulse

    with shown(output, job.id) as on_progress:
        return capture_ahead(job, host, Pulse(on_progress))


def _repair(output: Output, judgement: Judgement, checks: tuple[str, ...]) -> None:
    """What has a repair is repaired once, and it is said what is wrong still; raises what a repair raises."""
    for problem in judgement.problems:
        if problem.repair is not None and (_ALL in checks or problem.check in checks):
            left = judgement.repair(problem)
            output.say(f"{problem.check}: {problem.repair}: {'done' if left is None else left.message}")


@contextmanager
def shown(output: Output, job_id: str) -> Iterator[OnProgress]:
    """The progress of a job appears on stderr; whoever stops it with Ctrl-C is told how to go on."""
    from ft_dcc.cli.progress import shown_progress

    try:
        with shown_progress() as on_progress:
            yield on_progress
    except KeyboardInterrupt:
        output.say(f"The job {job_id} stays. Go on: ft-dcc queue resume {job_id}. Give up: ft-dcc queue drop {job_id}.")
        raise


def tell(output: Output, published: Published) -> int:
    """Print a line for each version, its link or its number, and one for each problem; return the exit code.

    0 where there is no problem, 3 where the artist can do something about one, 1 where nobody here can.
    """
    for problem in published.problems:
        output.say(problem_line(problem))
    lines = [version.link or f"{version.source}: version {version.version}" for version in published.versions]
    output.result("\n".join(lines), published.report())
    if not published.problems:
        return 0
    return 3 if published.is_artists else 1
