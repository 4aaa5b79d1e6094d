"""``ft-dcc accept``: have one's own Maya, Nuke or Blender try the suite, and keep its answers."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ft_dcc.cli.demo import serving
from ft_dcc.cli.output import Output, reporting
from ft_dcc.errors import InstallFailed
from ft_dcc.frames import FrameRange

_TASK = "Acceptance/SEQ010/SH010/Animation"
_PATH = click.Path(path_type=Path)
_MARKS = {"passed": "ok     ", "failed": "FAILED ", "skipped": "-      "}


@click.command(name="accept", short_help="Have a host program of your own try ft-dcc.")
@click.argument("host", type=click.Choice(["blender", "maya", "nuke"]))
@click.option("--program", type=_PATH, help="The program; the newest that is found else.")
@click.option("--window", is_flag=True, help="Start it with its window; without one else.")
@click.option("--person", is_flag=True, help="Somebody sits there, and presses Escape when 600 frames are captured.")
@click.option("--task", help="Publish to this task on the server of the settings, and not to a studio for this run.")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder for the answer.")
@click.option("--ffmpeg/--no-ffmpeg", default=True, help="Bring an ffmpeg along, as ft-dcc install does.")
@reporting
def command(
    output: Output,
    host: str,
    program: Path | None,
    window: bool,
    person: bool,
    task: str | None,
    to: Path,
    ffmpeg: bool,
) -> int:
    """Start the program with ft-dcc installed for this run alone, have it go through a list of checks, and write its
    answers down as JSON: what it is, which checks passed, failed or say nothing, and why.

    The open scene of a program that runs already is not touched: another one is started.
    """
    from ft_dcc.acceptance.run import ORDER
    from ft_dcc.install.bench import have_answered
    from ft_dcc.install.programs import Machine, need_program, program_at

    found = program_at(host, program.absolute()) if program is not None else need_program(host, Machine.here())
    with (
        tempfile.TemporaryDirectory(prefix="ft-dcc-accept-") as name,
        _server(output, Path(name), task) as (known, id_),
    ):
        answer = Path(name, "answer.json")
        order = {**known, ORDER: json.dumps({"answer": str(answer), "task": id_, "has_person": person})}
        output.say(f"{found} is started: {found.path}")
        words = have_answered(found, order, has_window=window, with_ffmpeg=ffmpeg)
        if not answer.is_file():
            last = " ".join(words.split("\n")[-6:]).strip()
            raise InstallFailed(f"{found} ended without an answer. Its last words: {last or 'none'}")
        report = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in report:
        raise InstallFailed(f"{found} could not begin: {report['error']}")
    return _tell(output, report, to)


def _tell(output: Output, report: dict[str, Any], to: Path) -> int:
    to.mkdir(parents=True, exist_ok=True)
    system = report["system"].partition(" ")[0].lower()
    name = f"{report['host'].lower()}-{report['version']}-{system}{'-window' if report['window'] else ''}.json"
    (to / name).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = [f"{_MARKS[each['outcome']]}{each['name']:<24} {each['why']}".rstrip() for each in report["checks"]]
    output.result("\n".join([*lines, f"The answers are in {to / name}."]), report)
    return 1 if any(each["outcome"] == "failed" for each in report["checks"]) else 0


@contextlib.contextmanager
def _server(output: Output, folder: Path, task: str | None) -> Iterator[tuple[dict[str, str], str]]:
    """Yield how to reach the server, as variables of an environment, and the id of the task."""
    from ft_dcc.local_studio import account
    from ft_dcc.session import Session
    from ft_dcc.tasks import ensure_task, find_task

    if task is not None:
        known = account()
        with Session(server_url=known.server, api_user=known.user, api_key=known.key) as session:
            id_ = str(find_task(session, task)["id"])
        yield {"FTRACK_SERVER": known.server, "FTRACK_API_USER": known.user, "FTRACK_API_KEY": known.key}, id_
        return
    with serving(output, folder / "studio") as environment:
        given = {name: value for name, value in environment.items() if os.environ.get(name) != value}
        with Session(given["FTRACK_SERVER"], given["FTRACK_API_KEY"], given["FTRACK_API_USER"]) as session:
            id_ = str(ensure_task(session, _TASK, frame_range=FrameRange(1001, 1012))["id"])
        yield given, id_
