"""``ft-dcc install``, ``uninstall`` and ``accept``: the suite in Maya, Nuke and Blender."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ft_dcc import errors, frames
from ft_dcc.cli.demo import running_server
from ft_dcc.cli.output import Output, reporting

_ACCEPTANCE_TASK = "Acceptance/SEQ010/SH010/Animation"
_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_OUTCOMES = {"passed": "ok     ", "failed": "FAILED ", "skipped": "-      "}

_host = click.argument("host", type=click.Choice(["blender", "maya", "nuke"]))
_to = click.option("--to", type=_FOLDER, help="Folder to use instead, for example on a share.")
_version = click.option("--version", help="Only this version of the host: 2025, 15 or 4.2.")


@click.command(name="install", short_help="Install ft-dcc into Maya, Nuke or Blender.")
@_host
@_to
@_version
@click.option("--ffmpeg/--no-ffmpeg", default=True, help="Include the ffmpeg of this installation (170 MB).")
@reporting
def install_command(output: Output, host: str, to: Path | None, version: str | None, ffmpeg: bool) -> None:
    """Install ft-dcc and its dependencies for this user's host, and print what was installed.

    Needs no network, changes no file of the user and installs nothing into the host's Python. Run it again to update.
    """
    from ft_dcc.install.host_discovery import TITLES, Machine
    from ft_dcc.install.run import install

    folder = None if to is None else to.absolute()
    lines, report = [], []
    for installed in install(host, Machine.here(), version=version, to=folder, with_ffmpeg=ffmpeg):
        record = installed.record
        size, versions = sum(record.files.values()) / 2**20, ", ".join(record.versions)
        lines.append(f"ft-dcc {record.release} for {TITLES[host]} {versions}: {len(record.files)} files, {size:.0f} MB")
        lines += [f"  in {installed.folder}", *(f"  and {path}" for path in record.beside)]
        lines += [f"  {hint}." for hint in installed.hints]
        report.append(
            {
                "folder": str(installed.folder),
                "beside": list(record.beside),
                "versions": list(record.versions),
                "release": record.release,
                "hints": list(installed.hints),
            }
        )
    output.result("\n".join(lines), {"host": host, "installed": report})


@click.command(name="uninstall", short_help="Uninstall ft-dcc from Maya, Nuke or Blender.")
@_host
@_to
@_version
@reporting
def uninstall_command(output: Output, host: str, to: Path | None, version: str | None) -> None:
    """Remove what ``ft-dcc install`` installed.

    Files that were changed or added since are kept and listed.
    """
    from ft_dcc.install.host_discovery import TITLES, Machine
    from ft_dcc.install.run import uninstall

    removed = uninstall(host, Machine.here(), version=version, to=None if to is None else to.absolute())
    lines = [f"ft-dcc was removed from {each.folder}" for each in removed]
    lines = lines or [f"ft-dcc is not installed in {TITLES[host]}."]
    lines += [f"  kept, because it was changed: {path}" for each in removed for path in each.left]
    report = [{"folder": str(each.folder), "left": list(map(str, each.left))} for each in removed]
    output.result("\n".join(lines), {"host": host, "removed": report})


@click.command(name="accept", short_help="Run the acceptance checks in your Maya, Nuke or Blender.")
@_host
@click.option("--program", type=_PATH, help="Path of the program (default: newest found).")
@click.option("--window", is_flag=True, help="Start with a window (default: headless).")
@click.option("--person", is_flag=True, help="A user will press Escape while 600 frames are captured.")
@click.option("--task", help="Publish to this task on the server of the settings (default: a temporary studio).")
@click.option("--to", type=_FOLDER, default=Path(), help="Folder for the results.")
@click.option("--ffmpeg/--no-ffmpeg", default=True, help="Include the ffmpeg of this installation.")
@reporting
def accept_command(
    output: Output,
    host: str,
    program: Path | None,
    window: bool,
    person: bool,
    task: str | None,
    to: Path,
    ffmpeg: bool,
) -> int:
    """Run the acceptance checks in a host program and write the results as JSON.

    The program is started with a temporary installation of ft-dcc. The results contain the program, the system, and
    which checks passed, failed or were skipped. The command starts a new process; programs that run are not used.
    """
    from ft_dcc.acceptance.run import ORDER
    from ft_dcc.install.acceptance_runner import run_acceptance
    from ft_dcc.install.host_discovery import Machine, program_at, require_program

    found = program_at(host, program.absolute()) if program is not None else require_program(host, Machine.here())
    with (
        tempfile.TemporaryDirectory(prefix="ft-dcc-accept-") as folder,
        _acceptance_server(output, Path(folder), task) as (environment, task_id),
    ):
        answer = Path(folder, "answer.json")
        order = {"answer": str(answer), "task": task_id, "has_person": person}
        output.message(f"Starting {found}: {found.path}")
        environment[ORDER] = json.dumps(order)
        log = run_acceptance(found, environment, has_window=window, with_ffmpeg=ffmpeg)
        if not answer.is_file():
            last = " ".join(log.split("\n")[-6:]).strip()
            raise errors.InstallFailed(f"{found} ended without results. Its last output: {last or 'none'}")
        report = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in report:
        raise errors.InstallFailed(f"The checks could not start in {found}: {report['error']}")
    return _save_results(output, report, to)


def _save_results(output: Output, report: dict[str, Any], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    system = report["system"].partition(" ")[0].lower()
    name = f"{report['host'].lower()}-{report['version']}-{system}{'-window' if report['window'] else ''}.json"
    (folder / name).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = [f"{_OUTCOMES[each['outcome']]}{each['name']:<24} {each['why']}".rstrip() for each in report["checks"]]
    output.result("\n".join([*lines, f"Results: {folder / name}"]), report)
    return 1 if any(each["outcome"] == "failed" for each in report["checks"]) else 0


@contextlib.contextmanager
def _acceptance_server(output: Output, folder: Path, task: str | None) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the environment variables that name the server, and the id of the task."""
    from ft_dcc.accounts.local_server import get_account
    from ft_dcc.production.tasks import ensure_task, find_task
    from ft_dcc.session import Session

    if task is not None:
        account = get_account()
        with Session(server_url=account.server, api_user=account.user, api_key=account.key) as session:
            task_id = str(find_task(session, task)["id"])
        variables = {"FTRACK_SERVER": account.server, "FTRACK_API_USER": account.user, "FTRACK_API_KEY": account.key}
        yield variables, task_id
        return
    with running_server(output, folder / "studio") as environment:
        variables = {name: value for name, value in environment.items() if os.environ.get(name) != value}
        with Session(variables["FTRACK_SERVER"], variables["FTRACK_API_KEY"], variables["FTRACK_API_USER"]) as session:
            task_id = str(ensure_task(session, _ACCEPTANCE_TASK, frame_range=frames.FrameRange(1001, 1012))["id"])
        yield variables, task_id
