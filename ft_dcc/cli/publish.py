"""``ft-dcc publish`` and ``ui``: publish files for review."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import attrs
import click

from ft_dcc import errors
from ft_dcc.cli.notes import find_open_notes, print_open_notes
from ft_dcc.cli.terminal.inputs import ParsedText, connected, find_account
from ft_dcc.cli.terminal.output import Output, format_table, problem_line, reporting
from ft_dcc.files import sequences
from ft_dcc.settings import resolve
from ft_dcc.settings.publish_options import COLOUR_OPTIONS, OPTIONS, SCENES, SWITCH, TEXT, TEXTS, Option

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish import models, progress
    from ft_dcc.publish.jobs.job import Job

Command = Callable[..., Any]

# Not the name of any check.
_ALL = "*"

_FOLLOWING = (
    click.option("--dry-run", is_flag=True, help="Check everything and print what would be published."),
    click.option("--quiet", is_flag=True, expose_value=False, help="Show no progress."),
    click.option(
        "--repair",
        multiple=True,
        metavar="[=CHECK]",
        help="Apply the repair named in the message; without a name, all of them.",
    ),
)


class PublishCommand(click.Command):
    """A command with ``--repair``, whose optional value is separated by "=", so that it takes no source."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; ``--repair`` alone applies all repairs."""
        end = args.index("--") if "--" in args else len(args)
        options = [f"--repair={_ALL}" if argument == "--repair" else argument for argument in args[:end]]
        return super().parse_args(ctx, [*options, *args[end:]])


def publish_options(function: Command, *, for_scenes: bool = False) -> Command:
    """Add the options of a publish to a command; ``make_request`` takes their values."""
    offered = {name: each for name, each in OPTIONS.items() if for_scenes or each.offered_for != SCENES}
    return _decorated(function, (*_click_options(offered), *_FOLLOWING))


def scene_options(function: Command) -> Command:
    """Add the options of a publish of a scene to a command; ``make_request`` takes their values."""
    return publish_options(function, for_scenes=True)


def colour_options(function: Command) -> Command:
    """Add the options for colours and channels of files to a command; ``make_request`` takes their values."""
    return _decorated(function, _click_options(COLOUR_OPTIONS))


def _decorated(function: Command, decorators: Iterable[Command]) -> Command:
    for decorate in reversed(tuple(decorators)):
        function = decorate(function)
    return function


def _click_options(options: Mapping[str, Option]) -> Iterator[Command]:
    """Yield the options of the command line; their parameters have the names of the table."""
    for name, option in options.items():
        if option.has_flag and option.kind is SWITCH:
            is_plain = option.setting is None
            flags = f"--{option.flag}" if is_plain else f"--{option.flag}/--no-{option.flag}"
            yield click.option(flags, name, is_flag=True, default=False if is_plain else None, help=option.help)
        elif option.has_flag:
            yield click.option(
                f"--{option.flag}",
                name,
                multiple=option.kind is TEXTS,
                default="" if option.kind is TEXT and option.setting is None else None,
                metavar=option.metavar,
                type=_type_of(option),
                help=option.help,
            )
        if option.off:
            yield click.option(f"--no-{option.flag}", f"no_{name}", is_flag=True, help=option.off)


def _type_of(option: Option) -> click.ParamType | type[str]:  # type: ignore[type-arg] # as in inputs.py
    if option.choices:
        return click.Choice(option.choices)
    return str if option.kind.convert is str else ParsedText(option.kind.name, option.kind.convert)


def make_request(source: tuple[str, ...], **given: Any) -> models.PublishRequest:
    """Return the request for the values of ``publish_options`` and ``colour_options``."""
    from ft_dcc.media import ColourOptions
    from ft_dcc.publish.models import PublishRequest

    for name, option in OPTIONS.items():
        if option.kind is TEXTS:
            given[name] = given[name] or None
        if option.off and given.pop(f"no_{name}"):
            given[name] = False if option.kind is SWITCH else ()
    colours = {name: value for name in COLOUR_OPTIONS if (value := given.pop(name, None)) is not None}
    if colours:
        given["colour"] = attrs.evolve(ColourOptions.of_settings(), **colours)
    return PublishRequest(source=source, **given)


def repair_names(repair: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the checks of ``--repair``, none for all checks."""
    return () if _ALL in repair else repair


@click.command(name="publish", cls=PublishCommand, short_help="Publish frames, a movie or an image.")
@click.argument("source", metavar="PATTERN_OR_FILE...", nargs=-1, required=True)
@publish_options
@colour_options
@reporting
def publish_command(
    output: Output,
    source: tuple[str, ...],
    repair: tuple[str, ...],
    *,
    dry_run: bool,
    **options: Any,
) -> int:
    """Publish a sequence (sh010.%04d.png, sh010.####.exr), a movie or an image as a new version.

    Several sources become one version each; several images of one sequence are one source. A folder selects the
    sequences, movies and images in it; sh.v002.0001.beauty.png and sh.v002.0002.beauty.png are one sequence, two
    versions are not. The number can also be written as @@@@, $F4 or <frame04>, a range can follow it
    (sh010.%04d.exr 1001-1010), and %V stands for each stereo view.
    """
    request = make_request(sequences.join_sequences(_expand_folders(source)), **options)
    if dry_run:
        return print_plan(output, request)
    return print_result(output, publish_showing_progress(output, request, repair))


def _expand_folders(source: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sources, with each folder replaced by the sources in it; raise UserFixableError or StorageError."""
    found: list[str] = []
    for given in source:
        if not given.strip():
            # Usually a variable of the shell that is not set: it would be the working folder.
            raise errors.UserFixableError("A source is empty. Give a file, a folder or a pattern.")
        try:
            inside = sequences.find_sequences([Path(given)]) if os.path.isdir(given) else [given]  # noqa: PTH112 - no error without permission
        except OSError as error:
            raise errors.StorageError(
                f"The folder {given} cannot be read: {error.strerror}. Make it readable, or give its frames."
            ) from error
        if not inside:
            raise errors.UserFixableError(
                f"The folder {given} contains no images or movies. Give another folder or a file."
            )
        found += inside
    return tuple(found)


def publish_showing_progress(
    output: Output, request: models.PublishRequest, repair: tuple[str, ...], host: Host | None = None
) -> models.Published:
    """Publish with the server and the jobs folder of the settings, and show the progress on stderr.

    Applies the repairs of the checks named in ``repair`` first. If the server does not answer, or on Ctrl-C, the job
    stays in the queue and a message names the command that resumes it, unless repairs were requested.
    """
    from ft_dcc.cli.terminal.progress import progress_display
    from ft_dcc.publish.preparation import prepare
    from ft_dcc.publish.publisher import Publisher

    settings = resolve.read_settings()
    jobs = Path(settings.require("jobs"))
    if repair:
        with connected() as session, progress_display(is_quiet=output.quiet) as on_progress:
            check = Publisher(session, host, on_progress, jobs).validate(request)
            print_open_notes(output, check.find_open_notes())
            for line in check.repair_named(repair_names(repair)):
                output.message(line)
            return check.publish()
    job = prepare(request, find_account(settings).server.rstrip("/"), host, jobs)
    try:
        with connected() as session, job_progress(output, job.id) as on_progress:
            print_open_notes(output, find_open_notes(session, job.request(), host))
            return Publisher(session, host, on_progress, jobs).resume(job.id)
    except errors.ServerUnreachable as error:
        error.message += _capture_offline(output, job, host)
        error.details.setdefault("job", job.id)
        if job.id not in str(error):
            error.message += f" When it answers: ft-dcc queue run (job {job.id})."
        raise
    except (errors.AuthenticationError, errors.PluginBroken, errors.SettingInvalid):
        if not job.is_started:
            job.remove()
        raise


def print_plan(output: Output, request: models.PublishRequest, host: Host | None = None) -> int:
    """Print what the request would publish, with all problems, and return the exit code of the publish."""
    from ft_dcc.publish.publisher import Publisher

    with connected() as session:
        check = Publisher(session, host, jobs=Path(resolve.read_settings().require("jobs"))).validate(request)
    try:
        planned, problems = check.planned, check.problems
    finally:
        check.discard()
    return print_planned(output, planned, problems)


def print_planned(output: Output, planned: list[dict[str, str]], problems: tuple[errors.ValidationIssue, ...]) -> int:
    """Print the planned versions and all problems, and return the exit code of the publish."""
    for problem in problems:
        output.message(problem_line(problem))
    report = {"planned": planned, "problems": [problem._asdict() for problem in problems]}
    output.result(format_table(planned) or "Nothing would be published.", report)
    if not problems:
        return 0
    return 3 if any(problem.user_can_fix for problem in problems) else 1


def _capture_offline(output: Output, job: Job, host: Host | None) -> str:
    """Capture the cameras while their scene is open, or check the files; return a sentence for the error message."""
    from ft_dcc.publish.jobs.offline_capture import capture_offline
    from ft_dcc.publish.progress import ProgressReporter

    with job_progress(output, job.id) as on_progress:
        return capture_offline(job, host, ProgressReporter(on_progress))


@contextmanager
def job_progress(output: Output, job_id: str) -> Iterator[progress.OnProgress]:
    """Show the progress of a job on stderr; on Ctrl-C, print the commands that resume and drop it."""
    from ft_dcc.cli.terminal.progress import progress_display

    try:
        with progress_display(is_quiet=output.quiet) as on_progress:
            yield on_progress
    except KeyboardInterrupt:
        output.message(message_of_kept_job(job_id))
        raise


def message_of_kept_job(job_id: str) -> str:
    """Return the sentence after Ctrl-C."""
    return f"The job {job_id} is kept. Resume it: ft-dcc queue resume {job_id}. Delete it: ft-dcc queue drop {job_id}."


def print_result(output: Output, published: models.Published) -> int:
    """Print the link or number of each version and a line for each issue, and return the exit code.

    0 without issues, 3 if the artist can fix one of them, else 1.
    """
    # Imported late: the command line starts without the publish.
    from ft_dcc.publish.models import describe_changes

    for problem in published.problems:
        output.message(problem_line(problem))
    for sentence in describe_changes(published.versions):
        output.message(sentence)
    lines = [version.link or version_line(version) for version in published.versions]
    output.result(lines, published.report())
    if not published.problems:
        return 0
    return 3 if published.user_can_fix else 1


def version_line(version: models.PublishedVersion) -> str:
    """Return the line for a version: source, number and link."""
    return f"{version.source}: version {version.version}  {version.link or ''}".rstrip()


@click.command(name="ui", short_help="Open the dialog that publishes files.")
@click.argument("files", metavar="[FILES]...", nargs=-1, type=click.Path(path_type=Path))
@reporting
def ui_command(output: Output, files: tuple[Path, ...]) -> int:
    """Open the dialog that publishes FILES: movies, images, one image of a sequence, or folders."""
    try:
        from ft_dcc_qt.desktop import run
    except ImportError as error:
        raise errors.MissingExtra("ui", "The dialog") from error
    return run(file.absolute() for file in files)
