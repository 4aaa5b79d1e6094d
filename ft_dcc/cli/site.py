"""Tasks and versions of a site, sign-in, and the completion of shells."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from collections.abc import Iterable
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
from click import shell_completion

from ft_dcc.accounts import browser_login, credentials
from ft_dcc.cli.terminal import inputs, progress
from ft_dcc.cli.terminal.output import Command, CommandGroup, Output, format_table
from ft_dcc.errors import SettingInvalid, nearest_hint
from ft_dcc.frames import FrameRange, format_ranges, frame_rate
from ft_dcc.production import review_content, review_sessions, versions
from ft_dcc.production.tasks import WantedTask, assigned_tasks, ensure_task, ensure_tasks, search_tasks
from ft_dcc.publish.progress import Progress
from ft_dcc.session.entities.entity import Entity
from ft_dcc.session.query.expression import quoted
from ft_dcc.settings.resolve import read_settings

_TABLE_COLUMNS = ("path", "frames", "fps")


@click.group(cls=CommandGroup)
def task_command() -> None:
    """Create and find tasks."""


@task_command.command()
@click.argument("path", metavar="[PROJECT/SEQUENCE/SHOT/TASK]", required=False)
@click.option(
    "--from",
    "table",
    type=inputs.AbsolutePath(dir_okay=False),
    metavar="FILE",
    help="CSV or JSON lines with path, and optionally frames and fps, for many tasks.",
)
@click.option("--frames", type=inputs.FRAME_RANGE, help="Frames of the shot: 1001-1048, or 1001-1048+8 with handles.")
@click.option("--fps", type=inputs.FRAME_RATE, help="Frame rate of the shot: 24, 23.976 or 24000/1001.")
@click.option("--create-project", is_flag=True, help="Create the project if it does not exist.")
def ensure(
    output: Output, path: str | None, table: Path | None, frames: FrameRange | None, fps: Fraction | None, **given: Any
) -> None:
    """Create the task at PATH and its missing parents, and print its id.

    An existing task is left as it is; --frames and --fps are written to its shot, and a message names the values that
    they replace. A new project needs --create-project, unless it is the first one. With --from all tasks of a table are
    created with three requests.
    """
    if table is not None and path is None:
        wanted = _read_table(table, frames, fps)
        with inputs.connected() as session:
            found = ensure_tasks(session, wanted, on_change=output.message, **given)
            tasks = [{"task_id": str(task["id"]), "path": each.path} for task, each in zip(found, wanted)]
        output.result("\n".join(f"{task['task_id']}  {task['path']}" for task in tasks), {"tasks": tasks})
        return
    if table is not None or path is None:
        raise click.UsageError("Give a path, or a table with --from.")
    with inputs.connected() as session:
        task = ensure_task(session, path, frame_range=frames, fps=fps, on_change=output.message, **given)
        output.result(str(task["id"]), {"task_id": task["id"], "path": path})


def _read_table(table: Path, frames: FrameRange | None, fps: Fraction | None) -> list[WantedTask]:
    """Return the tasks of a table; ``frames`` and ``fps`` are for rows without a value. Raises UserFixableError."""
    from ft_dcc.batch.manifest import read_rows

    wanted, problems = [], []
    for place, row in read_rows(table):
        values = {name.strip().lower(): str(value).strip() for name, value in row.items()}
        try:
            for name in values:
                if name not in _TABLE_COLUMNS:
                    what = f"There is no column {name!r}. {nearest_hint(name, _TABLE_COLUMNS)}"
                    raise SettingInvalid(what if name else f"It is invalid: {values['']}.")
            if not values.get("path"):
                raise SettingInvalid("The column path is empty or missing.")
            own_frames = FrameRange.parse(values["frames"]) if values.get("frames") else frames
            own_fps = frame_rate(values["fps"]) if values.get("fps") else fps
            wanted.append(WantedTask(values["path"], own_frames, own_fps))
        except SettingInvalid as error:
            problems.append(f"{place}: {error}")
    if problems or not wanted:
        raise SettingInvalid("\n".join(problems) or f"{table} has no row. Add one with the column path.")
    return wanted


@task_command.command(name="list", short_help="List your tasks.")
def list_tasks(output: Output) -> None:
    """List the tasks that are assigned to you, or all tasks if there are none: id and path."""
    with inputs.connected() as session:
        _print_tasks(output, assigned_tasks(session, session.api_user))


@task_command.command(short_help="Find tasks by parts of their paths.")
@click.argument("words", nargs=-1, required=True)
def search(output: Output, words: tuple[str, ...]) -> None:
    """List the tasks whose paths contain all WORDS: id and path."""
    with inputs.connected() as session:
        _print_tasks(output, search_tasks(session, " ".join(words)))


def _print_tasks(output: Output, found: Iterable[Entity]) -> None:
    tasks = [
        {"task_id": str(task["id"]), "path": "/".join(str(part["name"]) for part in task["link"])} for task in found
    ]
    tasks.sort(key=itemgetter("path"))
    lines = [f"{task['task_id']}  {task['path']}" for task in tasks]
    output.result("\n".join(lines) or "There are no such tasks.", {"tasks": tasks})


@click.group(cls=CommandGroup)
def compat_command() -> None:
    """Let scripts and plugins that import ftrack_api use ft-dcc, without changing them."""


_folder = click.option(
    "--to",
    "folder",
    type=inputs.AbsolutePath(file_okay=False),
    required=True,
    help="Folder for PYTHONPATH, not of Python.",
)


@compat_command.command(short_help="Write a package ftrack_api into a folder.")
@_folder
def install(output: Output, folder: Path) -> None:
    """Write a package ftrack_api into a folder; programs with the folder on PYTHONPATH use ft-dcc.

    Where the official client is installed as well, it is imported instead.
    """
    from ft_dcc.session.compat.ftrack_api import install as write_package

    package = write_package(folder)
    output.result(f"{package}. Add {folder} to PYTHONPATH of the programs that need it.", {"path": str(package)})


@compat_command.command(short_help="Remove the package ftrack_api from a folder.")
@_folder
def uninstall(output: Output, folder: Path) -> None:
    """Remove the package that the command install wrote."""
    from ft_dcc.session.compat.ftrack_api import uninstall as remove_package

    is_removed = remove_package(folder)
    text = f"ftrack_api is removed from {folder}." if is_removed else f"{folder} has no ftrack_api."
    output.result(text, {"is_removed": is_removed})


@click.command(cls=Command)
@click.argument("version", metavar="VERSION")
@click.option("--component", metavar="NAME", help="Component (default: the scene file).")
@click.option("--to", "folder", type=inputs.AbsolutePath(file_okay=False), help="Folder (default: the current one).")
def fetch_command(output: Output, version: str, component: str | None, folder: Path | None) -> None:
    """Download a component of VERSION and print the path of the new file; no file is written over.

    VERSION is an id, or PROJECT/SEQUENCE/SHOT/ASSET/v003.
    """
    with inputs.connected() as session, progress.progress_display() as on_progress:
        found = versions.find_component(session, versions.find_version_id(session, version), component)

        def on_bytes(received: int, total: int) -> None:
            on_progress(Progress(f"download {found.name}", found.file_name, received, total, "bytes"))

        path = versions.fetch(session, found, folder or Path.cwd(), on_bytes)
    output.result(str(path), {"path": str(path), "component_id": found.id, "sha256": found.sha256})


@click.command(cls=Command)
@click.argument("server", metavar="[SERVER]", required=False)
def login_command(output: Output, server: str | None) -> None:
    """Sign in to SERVER with the browser, and keep its key in the key store of the system.

    SERVER is an address such as https://studio.ftrackapp.com (default: FTRACK_SERVER). All commands and hosts use this
    login while the settings have no key.
    """
    url, wait = browser_login.start_browser_login(
        inputs.parse_address(server or read_settings().require("server")), "the command line"
    )
    output.message(f"Sign in with your browser, at: {url}")
    # Without a display, webbrowser would start a browser of text in this terminal.
    has_display = sys.platform != "linux" or not {"BROWSER", "DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(os.environ)
    if not has_display or not webbrowser.open(url):
        port = urlsplit(parse_qs(urlsplit(url).query)["redirect_url"][0]).port
        output.message(
            "No browser can be opened here. Open the address in another browser of this machine; from another machine, "
            f"first run there: ssh -L {port}:localhost:{port} {socket.gethostname()}. Or press Ctrl-C and set "
            "FTRACK_SERVER, FTRACK_API_USER and FTRACK_API_KEY to a user and an API key of the server."
        )
    account = wait(lambda: False)
    store = credentials.save_credentials(account)
    # The Python of a host program has no keyring.
    hint = "" if Path(store).is_file() else " Maya, Nuke and Blender cannot read it: sign in there once, too."
    text = f"Signed in to {account.server} as {account.user}. The key is in {store}.{hint}"
    output.result(text, {"server": account.server, "user": account.user, "store": store})


@click.command(name="completion", short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "fish", "powershell", "zsh"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, tasks, reviews, statuses, users and jobs in SHELL.

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
    # Without the default, bash completes no file names any more where the command has nothing to offer.
    click.echo(completion.source().replace("complete -o nosort", "complete -o default -o nosort"))


@click.group(cls=CommandGroup)
def version_command() -> None:
    """Show and verify the files of versions on disk.

    VERSION is an id, or PROJECT/SEQUENCE/SHOT/ASSET/v003.
    """


@version_command.command(short_help="Show paths and checksums.")
@click.argument("version", metavar="VERSION")
def show(output: Output, version: str) -> None:
    """Show the components of a version on disk: their paths on this machine, frames, sizes and checksums."""
    with inputs.connected() as session:
        found = _read(session, [versions.find_version_id(session, version)])[0]
    lines = [found.label]
    for component in found.components:
        frames = f"  {format_ranges(component.frames)}" if component.frames else ""
        lines.append(f"{component.name}  {component.path}{frames}  ({component.location})")
        if component.unreachable:
            lines.append(f"  not on this machine: {component.unreachable}")
        if not component.frames:
            lines += [f"  {file.size} bytes, SHA-256 {file.sha256 or 'unknown'}" for file in component.files]
    if not found.components:
        lines.append("It has no files on disk.")
    output.result(lines, {"version": found.label, "components": [_report(each) for each in found.components]})


@version_command.command(short_help="Read every file again, and compare it.")
@click.argument("version", metavar="[VERSION]...", nargs=-1)
@click.option("--project", help="All versions of this project.")
@click.option("--review", help="All versions of this review session.")
def verify(output: Output, version: tuple[str, ...], project: str | None, review: str | None) -> int:
    """Read the files of versions again, and name those that are missing, damaged, replaced or unreachable.

    The exit code is 1 if there is one.
    """
    with inputs.connected() as session, progress.progress_display() as on_progress:
        ids = [versions.find_version_id(session, each) for each in version]
        if review is not None:
            content = review_content.read_content(session, review_sessions.get_review_session(session, review, project))
            ids += [each["version_id"] for each in content["versions"]]
        elif project is not None:
            query = f"select id from AssetVersion where asset.parent.project.name is {quoted(project)} order by date"
            ids += [each["id"] for each in session.query(query)]
        elif not ids:
            raise SettingInvalid("Name a version, or all of a project or a review session: --project, --review.")
        found = _read(session, ids)
        rows, count = [], 0
        for number, each in enumerate(found):
            on_progress(Progress("verify", each.label, number, len(found), "versions"))
            for component, file, state in versions.verify(each):
                count += 1
                if state not in (versions.OK, versions.UNCHECKED):
                    reason = component.unreachable or ""
                    rows.append({"version": each.label, "file": file.path, "found": state, "reason": reason})
    text = format_table(rows) if rows else f"{count} files of {len(found)} versions are what was published."
    output.result(text, {"versions": len(found), "files": count, "problems": rows})
    return int(bool(rows))


def _read(session: Any, ids: list[str]) -> list[versions.StoredVersion]:
    found = versions.read_versions(session, ids)
    missing = set(ids).difference(each.id for each in found)
    if missing:
        raise SettingInvalid(f"There is no version {', '.join(sorted(missing))} on {session.server_url}. Check the id.")
    return found


def _report(component: versions.DiskComponent) -> dict[str, Any]:
    files = [
        {"path": file.path, "frame": file.member, "size": file.size, "sha256": file.sha256} for file in component.files
    ]
    names = ("id", "name", "location", "path", "unreachable")
    return {**{name: getattr(component, name) for name in names}, "files": files}
