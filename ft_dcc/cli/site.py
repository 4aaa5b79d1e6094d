"""Tasks, entity types and components of a site, sign-in, and the completion of shells."""

from __future__ import annotations

import difflib
import webbrowser
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click import shell_completion

from ft_dcc.accounts.browser_login import start_browser_login
from ft_dcc.accounts.credentials import save_credentials
from ft_dcc.cli.terminal.inputs import FRAME_RANGE, FRAME_RATE, AbsolutePath, connected
from ft_dcc.cli.terminal.output import CommandGroup, Output, reporting
from ft_dcc.errors import SettingInvalid, StorageError
from ft_dcc.frames import FrameRange, frame_rate
from ft_dcc.production.tasks import WantedTask, assigned_tasks, ensure_task, ensure_tasks, search_tasks
from ft_dcc.settings.resolve import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ft_dcc.session.entities.entity import Entity

_TABLE_COLUMNS = ("path", "frames", "fps")


@click.group(cls=CommandGroup, name="task", short_help="Create and find tasks.")
def task_command() -> None:
    """Create and find tasks."""


@task_command.command()
@click.argument("path", metavar="[PROJECT/SEQUENCE/SHOT/TASK]", required=False)
@click.option(
    "--from",
    "table",
    type=AbsolutePath(dir_okay=False),
    metavar="FILE",
    help="CSV or JSON lines with path, and optionally frames and fps, for many tasks.",
)
@click.option("--frames", type=FRAME_RANGE, help="Frames of the shot: 1001-1048, or 1001-1048+8 with handles.")
@click.option("--fps", type=FRAME_RATE, help="Frame rate of the shot: 24, 23.976 or 24000/1001.")
@click.option("--create-project", is_flag=True, help="Create the project if it does not exist.")
@reporting
def ensure(
    output: Output,
    path: str | None,
    table: Path | None,
    frames: FrameRange | None,
    fps: Fraction | None,
    *,
    create_project: bool,
) -> None:
    """Create the task at PATH and its missing parents, and print its id.

    An existing task is left as it is; --frames and --fps are written to its shot, and a message names the values that
    they replace. A new project needs --create-project, unless it is the first one. With --from all tasks of a table are
    created with three requests.
    """
    if table is not None and path is None:
        wanted = _read_table(table, frames, fps)
        with connected() as session:
            found = ensure_tasks(session, wanted, create_project=create_project, on_change=output.message)
            tasks = [{"task_id": str(task["id"]), "path": each.path} for task, each in zip(found, wanted)]
        output.result("\n".join(f"{task['task_id']}  {task['path']}" for task in tasks), {"tasks": tasks})
        return
    if table is not None or path is None:
        raise click.UsageError("Give a path, or a table with --from.")
    with connected() as session:
        task = ensure_task(
            session, path, frame_range=frames, fps=fps, create_project=create_project, on_change=output.message
        )
        output.result(str(task["id"]), {"task_id": task["id"], "path": path})


def _read_table(table: Path, frames: FrameRange | None, fps: Fraction | None) -> list[WantedTask]:
    """Return the tasks of a table; ``frames`` and ``fps`` are for rows without a value. Raises UserFixableError."""
    from ft_dcc.batch.manifest import read_rows

    wanted, problems = [], []
    for place, row in read_rows(table):
        values = {name.strip().lower(): str(value).strip() for name, value in row.items()}
        try:
            _check_columns(values)
            wanted.append(
                WantedTask(
                    values["path"],
                    FrameRange.parse(values["frames"]) if values.get("frames") else frames,
                    frame_rate(values["fps"]) if values.get("fps") else fps,
                )
            )
        except SettingInvalid as error:
            problems.append(f"{place}: {error}")
    if problems or not wanted:
        raise SettingInvalid("\n".join(problems) or f"{table} has no row. Add one with the column path.")
    return wanted


def _check_columns(values: Mapping[str, str]) -> None:
    for name in values:
        if name not in _TABLE_COLUMNS:
            near = difflib.get_close_matches(name, _TABLE_COLUMNS, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(_TABLE_COLUMNS)}."
            raise SettingInvalid(f"There is no column {name!r}. {hint}" if name else f"It is invalid: {values['']}.")
    if not values.get("path"):
        raise SettingInvalid("The column path is empty or missing.")


@task_command.command(name="list", short_help="List your tasks.")
@reporting
def list_tasks(output: Output) -> None:
    """List the tasks that are assigned to you, or all tasks if there are none: id and path."""
    with connected() as session:
        _print_tasks(output, assigned_tasks(session, session.api_user))


@task_command.command(name="search", short_help="Find tasks by parts of their paths.")
@click.argument("words", nargs=-1, required=True)
@reporting
def search(output: Output, words: tuple[str, ...]) -> None:
    """List the tasks whose paths contain all WORDS: id and path."""
    with connected() as session:
        _print_tasks(output, search_tasks(session, " ".join(words)))


def _print_tasks(output: Output, found: Iterable[Entity]) -> None:
    tasks = [
        {"task_id": str(task["id"]), "path": "/".join(str(part["name"]) for part in task["link"])} for task in found
    ]
    tasks.sort(key=itemgetter("path"))
    lines = [f"{task['task_id']}  {task['path']}" for task in tasks]
    output.result("\n".join(lines) or "There are no such tasks.", {"tasks": tasks})


@click.command(name="types", short_help="Write type stubs of the site's entity types.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write, such as studio.pyi.")
@reporting
def types_command(output: Output, out: Path | None) -> None:
    """Write the site's entity types as a stub file, or print it.

    With it an editor completes version["..."], and a type checker knows the types of the values. Import the classes
    for type checking only:

    \b
    if TYPE_CHECKING:
        from studio import AssetVersion, Session
    """  # noqa: D301 - click reads \b as the start of a verbatim paragraph
    from ft_dcc.session.compat.type_stubs import stubs

    with connected() as session:
        text, count = stubs(session.schemas), len(session.schemas)
    if out is None:
        output.result(text, {"entity_types": count, "text": text})
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror}. Choose another file with --out.") from error
    output.result(str(out), {"entity_types": count, "path": str(out)})


@click.group(cls=CommandGroup, name="compat", short_help="Let scripts that import ftrack_api use ft-dcc.")
def compat_command() -> None:
    """Let scripts and plugins that import ftrack_api use ft-dcc, without changing them."""


_folder = click.option(
    "--to", "folder", type=AbsolutePath(file_okay=False), required=True, help="Folder for PYTHONPATH, not of Python."
)


@compat_command.command(short_help="Write a package ftrack_api into a folder.")
@_folder
@reporting
def install(output: Output, folder: Path) -> None:
    """Write a package ftrack_api into a folder; programs with the folder on PYTHONPATH use ft-dcc.

    Where the official client is installed as well, it is imported instead.
    """
    from ft_dcc.session.compat.ftrack_api_import import install as write_package

    package = write_package(folder)
    output.result(f"{package}. Add {folder} to PYTHONPATH of the programs that need it.", {"path": str(package)})


@compat_command.command(short_help="Remove the package ftrack_api from a folder.")
@_folder
@reporting
def uninstall(output: Output, folder: Path) -> None:
    """Remove the package that the command install wrote."""
    from ft_dcc.session.compat.ftrack_api_import import uninstall as remove_package

    is_removed = remove_package(folder)
    text = f"ftrack_api is removed from {folder}." if is_removed else f"{folder} has no ftrack_api."
    output.result(text, {"is_removed": is_removed})


@click.command(name="fetch", short_help="Download the scene file, or another component, of a version.")
@click.argument("version", metavar="VERSION")
@click.option("--component", metavar="NAME", help="Component (default: the scene file).")
@click.option("--to", "folder", type=AbsolutePath(file_okay=False), help="Folder (default: the current one).")
@reporting
def fetch_command(output: Output, version: str, component: str | None, folder: Path | None) -> None:
    """Download a component of VERSION and print the path of the new file; no file is written over.

    VERSION is an id, or PROJECT/SEQUENCE/SHOT/ASSET/v003.
    """
    from ft_dcc.cli.terminal.progress import progress_display
    from ft_dcc.production import versions
    from ft_dcc.publish.progress import Progress

    with connected() as session, progress_display() as on_progress:
        found = versions.find_component(session, versions.find_version_id(session, version), component)

        def on_bytes(received: int, total: int) -> None:
            on_progress(Progress(f"download {found.name}", found.file_name, received, total, "bytes"))

        path = versions.fetch(session, found, folder or Path.cwd(), on_bytes)
    output.result(str(path), {"path": str(path), "component_id": found.id, "sha256": found.sha256})


@click.command(name="login", short_help="Sign in with the browser.")
@click.argument("server", metavar="[SERVER]", required=False)
@reporting
def login_command(output: Output, server: str | None) -> None:
    """Sign in to SERVER with the browser, and keep its key in the key store of the system.

    SERVER is an address such as https://studio.ftrackapp.com (default: FTRACK_SERVER). All commands and hosts use this
    login while the settings have no key.
    """
    address = (server or read_settings().require("server")).rstrip("/")
    if not address.startswith(("https://", "http://")):
        raise SettingInvalid(f"{address} is not a server's address. Write it as https://studio.example.com.")
    url, wait = start_browser_login(address, "the command line")
    output.message(f"Sign in with your browser, at: {url}")
    webbrowser.open(url)
    account = wait(lambda: False)
    store = save_credentials(account)
    output.result(
        f"Signed in to {account.server} as {account.user}. The key is in {store}.",
        {"server": account.server, "user": account.user, "store": store},
    )


@click.command(name="completion", short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "fish", "powershell", "zsh"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    \b
    bash:        eval "$(ft-dcc completion bash)" in ~/.bashrc
    zsh:         eval "$(ft-dcc completion zsh)" in ~/.zshrc
    fish:        ft-dcc completion fish > ~/.config/fish/completions/ft-dcc.fish
    powershell:  ft-dcc completion powershell | Out-String | Invoke-Expression, in $PROFILE
    """  # noqa: D301 - click reads \b as the start of a verbatim paragraph
    kind = shell_completion.get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"This click has no completion for {shell}. Update it: pip install -U click.")
    completion = kind(context.find_root().command, {}, "ft-dcc", "_FT_DCC_COMPLETE")
    click.echo(completion.source())
