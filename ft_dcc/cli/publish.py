"""``ft-dcc publish`` and ``ui``: publish files for review."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Callable

import click

from ft_dcc import errors
from ft_dcc.cli.notes import find_open_notes, print_open_notes
from ft_dcc.cli.terminal.inputs import ParsedText, connected, expand_paths, find_account
from ft_dcc.cli.terminal.output import Command, Output, format_table, problem_line
from ft_dcc.files import sequences
from ft_dcc.settings.fields import is_device
from ft_dcc.settings.publish_options import COLOUR_OPTIONS, OPTIONS, SCENES, SWITCH, TEXT, TEXTS, Option

if TYPE_CHECKING:
    from ft_dcc.host import Host
    from ft_dcc.publish import models, progress
    from ft_dcc.publish.jobs.job import Job
    from ft_dcc.publish.publisher import Publisher
    from ft_dcc.publish.scene_order import SceneAnswer
    from ft_dcc.session import Session

# Not the name of any check.
_ALL = "*"

# The options of every publish that are no part of its request.
_COMMON = (
    click.Option(["--dry-run"], is_flag=True, help="Check everything and print what would be published."),
    click.Option(["--quiet"], is_flag=True, expose_value=False, help="Show no progress."),
    click.Option(
        ["--repair"],
        multiple=True,
        metavar="[=CHECK]",
        help="Apply the repair named in the message; without a name, all of them.",
    ),
)


class PublishCommand(Command):
    """A command with the options of a publish, whose values ``make_request`` takes.

    They are those of scenes, or those of files with their colours. The optional value of ``--repair`` is separated by
    "=", so that it takes no source.
    """

    def __init__(self, *names: Any, params: list[click.Parameter], for_scenes: bool = False, **values: Any) -> None:
        offered = {name: each for name, each in OPTIONS.items() if for_scenes or each.offered_for != SCENES}
        colours = () if for_scenes else _click_options(COLOUR_OPTIONS)
        super().__init__(*names, params=[*params, *_click_options(offered), *_COMMON, *colours], **values)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; ``--repair`` alone applies all repairs."""
        end = args.index("--") if "--" in args else len(args)
        options = [f"--repair={_ALL}" if argument == "--repair" else argument for argument in args[:end]]
        return super().parse_args(ctx, [*options, *args[end:]])


def _click_options(options: Mapping[str, Option]) -> Iterator[click.Option]:
    """Yield the options of the command line; their parameters have the names of the table."""
    for name, option in options.items():
        if option.has_flag and option.kind is SWITCH:
            is_plain = option.setting is None
            flags = f"--{option.flag}" if is_plain else f"--{option.flag}/--no-{option.flag}"
            yield click.Option([flags, name], is_flag=True, default=False if is_plain else None, help=option.help)
        elif option.has_flag:
            kind: Any = str
            if option.kind.convert is not str:
                kind = ParsedText(option.kind.name, option.kind.convert)
            yield click.Option(
                [f"--{option.flag}", name],
                multiple=option.kind is TEXTS,
                default="" if option.kind is TEXT and option.setting is None else None,
                metavar=option.metavar,
                type=kind,
                help=option.help,
            )
        if option.off:
            yield click.Option([f"--no-{option.flag}", f"no_{name}"], is_flag=True, help=option.off)


def make_request(source: tuple[str, ...], **given: Any) -> models.PublishRequest:
    """Return the request for the values of the options of a ``PublishCommand``."""
    from ft_dcc.media import ColourOptions
    from ft_dcc.publish.models import PublishRequest

    for name, option in OPTIONS.items():
        if option.kind is TEXTS:
            given[name] = given[name] or None
        if option.off and given.pop(f"no_{name}"):
            given[name] = False if option.kind is SWITCH else ()
    colours = {name: value for name in COLOUR_OPTIONS if (value := given.pop(name, None)) is not None}
    if colours:
        given["colour"] = ColourOptions(**colours)
    return PublishRequest(source=source, **given)


def repair_names(repair: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the checks of ``--repair``, none for all checks."""
    return () if _ALL in repair else repair


@click.command(cls=PublishCommand)
@click.argument("source", metavar="PATTERN_OR_FILE...", nargs=-1, required=True)
def publish_command(
    output: Output, source: tuple[str, ...], repair: tuple[str, ...], *, dry_run: bool, **options: Any
) -> int:
    """Publish a sequence (sh010.%04d.png, sh010.####.exr), a movie or an image as a new version.

    Several sources become one version each; several images of one sequence are one source. A folder selects the
    sequences, movies and images in it; sh.v002.0001.beauty.png and sh.v002.0002.beauty.png are one sequence, two
    versions are not. The number can also be written as @@@@, $F4 or <frame04>, a range can follow it
    (sh010.%04d.exr 1001-1010), and %V stands for each stereo view.
    """
    request = make_request(sequences.join_sequences(_expand_folders(output, expand_paths(source))), **options)
    if dry_run:
        return print_plan(output, request)
    return print_result(output, publish_showing_progress(output, request, repair))


def _expand_folders(output: Output, source: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sources, with each folder replaced by the sources in it; raise UserFixableError or StorageError."""
    found: list[str] = []
    for given in source:
        if not given.strip():
            # Usually a variable of the shell that is not set: it would be the working folder.
            raise errors.UserFixableError("A source is empty. Give a file, a folder or a pattern.")
        if sys.platform == "win32" and is_device(PureWindowsPath(given).name):
            raise errors.UserFixableError(f"{given} is the name of a device of Windows. Rename the file.")
        try:
            inside = [given]
            if os.path.isdir(given):  # noqa: PTH112 - no error without permission
                if not output.quiet:
                    # It may contain a million files.
                    output.message(f"Reading the folder {given}.")
                inside = sequences.find_sequences([Path(given)])
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
    from ft_dcc.publish.jobs.job import jobs_folder
    from ft_dcc.publish.preparation import prepare

    if repair:
        with open_publisher(output, host) as publisher:
            check = publisher.validate(request)
            print_open_notes(output, check.find_open_notes())
            for line in check.repair_named(repair_names(repair)):
                output.message(line)
            with keeping_job(check.job):
                return check.publish()
    account = find_account()
    with ExitStack() as stack:
        try:
            session: Session | None = stack.enter_context(connected(account))
        except errors.ServerUnreachable as error:
            session, unreachable = None, error
        job = prepare(request, account.server, host, jobs_folder(), session=session)
        with keeping_job(job, lambda: _capture_offline(output, job, host)):
            if session is None:
                raise unreachable
            with open_publisher(output, host, job, session) as publisher:
                print_open_notes(output, find_open_notes(session, job.request(), host))
                return publisher.resume(job.id)


@contextmanager
def open_publisher(
    output: Output, host: Host | None = None, job: Job | None = None, session: Session | None = None
) -> Iterator[Publisher]:
    """Yield a publisher with the server and the jobs folder of the settings, which shows the progress on stderr."""
    from ft_dcc.publish.jobs.job import jobs_folder
    from ft_dcc.publish.publisher import Publisher

    opening = connected() if session is None else nullcontext(session)
    with opening as opened, job_progress(output, job) as on_progress:
        yield Publisher(opened, host, on_progress, jobs_folder())


@contextmanager
def job_progress(output: Output, job: Job | None = None) -> Iterator[progress.OnProgress]:
    """Show the progress on stderr; on Ctrl-C, print the commands that resume and drop the job, if it exists."""
    from ft_dcc.cli.terminal.progress import progress_display

    try:
        with progress_display(is_quiet=output.quiet) as on_progress:
            yield on_progress
    except KeyboardInterrupt:
        if job is not None and job.journal.path.is_file():
            commands = f"Resume it: ft-dcc queue resume {job.id}. Delete it: ft-dcc queue drop {job.id}."
            output.message(f"The job {job.id} is kept. {commands}")
        raise


@contextmanager
def keeping_job(job: Job, capture: Callable[[], str] = str) -> Iterator[None]:
    """Keep a job that waits for its server, and delete one that could not start or was refused.

    ``capture`` captures what is to be published later, and returns a sentence for the error message.
    """
    from ft_dcc.publish.jobs.queue import removed_if_refused

    try:
        with removed_if_refused(job):
            yield
    except errors.ServerUnreachable as error:
        error.message += capture()
        if job.journal.path.is_file():
            error.details.setdefault("job", job.id)
            if job.id not in str(error):
                error.message += f" When it answers: ft-dcc queue run (job {job.id})."
        raise
    except (errors.AuthenticationError, errors.PluginBroken, errors.SettingInvalid):
        if job.journal.path.is_file() and not job.is_started:
            job.remove()
        raise


def print_plan(output: Output, request: models.PublishRequest, host: Host | None = None) -> int:
    """Print what the request would publish, with all problems, and return the exit code of the publish."""
    from ft_dcc.publish.publisher import Publisher
    from ft_dcc.publish.scene_order import SceneAnswer

    with connected() as session, job_progress(output) as on_progress:
        check = Publisher(session, host, on_progress).validate(request)
    try:
        return print_planned(output, SceneAnswer.of_check(check))
    finally:
        check.discard()


def print_planned(output: Output, answer: SceneAnswer) -> int:
    """Print the planned versions and all problems, tracebacks with --debug; return the exit code of the publish."""
    for text in (*answer.messages, *(answer.tracebacks if output.debug else ())):
        output.message(text)
    code = _print_problems(output, answer.problems)
    report = {"planned": list(answer.planned), "problems": [problem._asdict() for problem in answer.problems]}
    output.result(format_table(answer.planned) or "Nothing would be published.", report)
    return code


def _print_problems(output: Output, problems: Sequence[errors.ValidationIssue]) -> int:
    """Print the problems; return the exit code: 0 without any, 3 if the artist can fix one of them, else 1."""
    for problem in problems:
        output.message(problem_line(problem))
    if not problems:
        return 0
    return 3 if any(problem.user_can_fix for problem in problems) else 1


def _capture_offline(output: Output, job: Job, host: Host | None) -> str:
    """Capture the cameras while their scene is open, or check the files; return a sentence for the error message."""
    from ft_dcc.publish.preparation import capture_offline
    from ft_dcc.publish.progress import ProgressReporter

    with job_progress(output, job) as on_progress:
        return capture_offline(job, host, ProgressReporter(on_progress))


def print_result(output: Output, published: models.Published) -> int:
    """Print the link or number of each version and a line for each issue, and return the exit code."""
    # Imported late: the command line starts without the publish.
    from ft_dcc.publish.models import describe_changes

    code = _print_problems(output, published.problems)
    for sentence in describe_changes(published.versions):
        output.message(sentence)
    lines = [version.link or version_line(version) for version in published.versions]
    output.result(lines, published.report())
    return code


def version_line(version: models.PublishedVersion) -> str:
    """Return the line for a version: source, number and link."""
    return f"{version.source}: version {version.version}  {version.link or ''}".rstrip()


@click.command(cls=Command)
@click.argument("files", metavar="[FILES]...", nargs=-1)
def ui_command(output: Output, files: tuple[str, ...]) -> int:
    """Open the dialog that publishes FILES: movies, images, one image of a sequence, or folders."""
    try:
        from ft_dcc_qt.desktop import run
    except ImportError as error:
        raise errors.MissingExtra("ui", "The dialog") from error
    return run(Path(file).absolute() for file in expand_paths(files))
