"""``ft-dcc settings``: show settings with their origins, and change those of the user and of projects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ft_dcc.cli.terminal.inputs import AbsolutePath, connected, find_account
from ft_dcc.cli.terminal.output import CommandGroup, Output, format_table
from ft_dcc.errors import ServerUnreachable
from ft_dcc.settings import definitions, resolve, toml_file, user_file

_project = click.option("--project", metavar="NAME", help="Project on the server (default: your own settings).")


@click.group(cls=CommandGroup)
def command() -> None:
    """Show and change settings: your own, or those that the server keeps for a project."""


@command.command(short_help="Show each setting with its origin.")
@click.option("--project", metavar="NAME", help="Project on the server.")
@click.option("--task", metavar="ID_OR_PATH", help="Task, whose project it is.")
@click.option("--scene", type=AbsolutePath(), help="Scene, file or folder that the project's file belongs to.")
@click.option("--all", "is_all", is_flag=True, help="Show settings with their defaults, too.")
def show(output: Output, project: str | None, task: str | None, scene: Path | None, is_all: bool) -> None:
    """Show the settings that a publish would have, each with its origin.

    Without a server, the last known settings of the project are shown, and a message says so.
    """
    from ft_dcc.production.project_settings import find_project, scope_of_task

    wanted, folder = task or (f"{project}/" if project else None), _folder(scene)
    found = resolve.Scope(folder)
    if wanted:
        account = find_account()
        try:
            with connected(account) as session:
                if project:
                    find_project(session, project)
                found = scope_of_task(session, account.server, wanted, folder)
        except ServerUnreachable as error:
            output.message(f"{error} The last known settings of the project are shown.")
            found = scope_of_task(None, account.server, wanted, folder)
    settings = resolve.read_settings(scope=found)
    rows = [dict(zip(("setting", "value", "origin"), row)) for row in settings.rows()]
    shown = [row for row in rows if is_all or row["origin"] != "default"]
    report = {"project": found.project, "folder": str(folder or Path.cwd()), "settings": rows}
    output.result(format_table(shown) or "All settings have their defaults.", report)


@command.command("set", short_help="Set a setting.")
@click.argument("name")
@click.argument("value", nargs=-1, required=True)
@_project
def set_command(output: Output, name: str, value: tuple[str, ...], project: str | None) -> None:
    """Set a setting for yourself, or for everybody who works on a project; several VALUES are a list.

    Sections are edited in a file, which push sends: see ft-dcc settings pull.
    """
    setting = next((each for each in definitions.SETTINGS if each.name == name), None)
    if len(value) > 1 and (setting is None or not setting.separator):
        raise click.UsageError(f"{name} takes one value. Put it into quotation marks.")
    separator = "" if setting is None else setting.separator or ""
    _change(output, name, separator.join(value), project)


@command.command(short_help="Remove a setting.")
@click.argument("name")
@_project
def unset(output: Output, name: str, project: str | None) -> None:
    """Remove a setting of your own, or of a project."""
    _change(output, name, None, project)


@command.command(short_help="Keep a file as the settings of a project.")
@click.argument("file", type=AbsolutePath(dir_okay=False))
@click.option("--project", metavar="NAME", required=True, help="Project on the server.")
def push(output: Output, file: Path, project: str) -> None:
    """Check FILE and keep it on the server as the settings of a project; those that are there are replaced."""
    found = toml_file.read_file("project", file, is_explicit=True)
    _edit(project, lambda _: "" if found is None else found.text)
    output.result(f"{project} has the settings of {file}.", {"project": project, "file": str(file)})


@command.command(short_help="Print the settings of a project as a file.")
@click.option("--project", metavar="NAME", required=True, help="Project on the server.")
def pull(output: Output, project: str) -> None:
    """Print the settings that the server keeps for a project, for a file in version control."""
    from ft_dcc.production.project_settings import find_project, read_text

    with connected() as session:
        text = read_text(find_project(session, project))
    output.result(text.rstrip("\n"), {"project": project, "text": text})


def _change(output: Output, name: str, text: str | None, project: str | None) -> None:
    if project is None:
        if text is not None:
            resolve.read_settings().refuse_locked(name, "The command")
        where = str(user_file.write_user_setting(name, text))
    else:
        where = f"settings of the project {project}"
        _edit(project, lambda before: user_file.change_text(before, name, text))
    done = "removed from" if text is None else "set in"
    output.result(f"{name} is {done} {where}.", {"setting": name, "project": project, "where": where})


def _edit(project: str, change: Callable[[str], str]) -> None:
    from ft_dcc.production.project_settings import find_project, read_text, write_text

    with connected() as session:
        found = find_project(session, project)
        write_text(session, found, change(read_text(found)))


def _folder(path: Path | None) -> Path | None:
    return path if path is None or path.is_dir() else path.parent
