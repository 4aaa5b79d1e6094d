"""``ft-dcc demo``: the complete workflow in one command, each step a command that a user would run."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ft_dcc.accounts import credentials, local_server
from ft_dcc.cli.terminal.inputs import AbsolutePath
from ft_dcc.cli.terminal.output import Command, Output
from ft_dcc.errors import Error, MissingExtra, ServerUnreachable, TransferFailed
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.system import child_process, http_sessions

TASK = "Demo/SEQ010/SH010/Animation"


@click.command(cls=Command)
@click.option("--data", type=AbsolutePath(file_okay=False), help="Folder of the studio (default: temporary).")
@click.option("--once", is_flag=True, help="Check the review page and its movie, then stop.")
def command(output: Output, data: Path | None, once: bool) -> None:
    """Start a studio, playblast a Blender scene, publish it, and show the review.

    On a terminal the studio runs until Ctrl-C. Otherwise, or with CI=true, the command fetches the link and the
    movie, checks them, and stops.
    """
    if importlib.util.find_spec("bpy") is None:
        raise MissingExtra("blender", "The demo")
    once = once or os.environ.get("CI") == "true" or not sys.stdout.isatty()
    with contextlib.ExitStack() as stack:
        folder = data or stack.enter_context(temporary_folder("ft-dcc-demo-"))
        folder.mkdir(parents=True, exist_ok=True)
        scene = str(folder / "demo.blend")
        _run(output, f"python -m ft_dcc_blender.demo_scene {scene}", "ft_dcc_blender.demo_scene", scene)
        account = stack.enter_context(running_server(output, folder / "studio"))
        environment = {**os.environ, **account.as_environment(), "FT_DCC_JOBS": str(folder / "jobs")}
        comment = "A playblast of the demo scene."
        for arguments in (
            ["task", "ensure", TASK, "--frames", "1001-1048", "--fps", "24"],
            ["playblast", scene, "--task", TASK, "--review", "Dailies", "--comment", comment, "--json"],
        ):
            shown = shlex.join(["ft-dcc", *arguments])
            printed = _run(output, shown, "ft_dcc.cli.main", *arguments, environment=environment)
        report = json.loads(printed)
        if once:
            output.message(_check(report))
        output.result(report["link"], report)
        if not once:
            output.message("Open the link in a browser. Ctrl-C stops the studio.")
            with contextlib.suppress(KeyboardInterrupt):
                # On Windows a wait without a timeout cannot be interrupted.
                while not threading.Event().wait(timeout=3600):
                    pass


def _run(output: Output, shown: str, module: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run a module as a program, pass its stderr on and return its stdout."""
    output.message(f"$ {shown}")
    command = [sys.executable, "-m", module, *arguments]
    done = child_process.run(command, env=environment, stdout=child_process.PIPE, encoding="utf-8")
    if done.returncode:
        raise Error(f"The demo stopped: {shown} ended with exit code {done.returncode}. See its messages above.")
    return str(done.stdout)


@contextlib.contextmanager
def running_server(output: Output, data: Path) -> Iterator[credentials.Account]:
    """Run a studio server on a free local port; yield the account of its first user."""
    arguments = ["serve", "--data", str(data)]
    output.message("$ " + shlex.join(["ft-dcc", *arguments]))
    command = [sys.executable, "-m", "ft_dcc.cli.main", *arguments]
    server = child_process.start(command, stdout=child_process.PIPE, encoding="utf-8")
    try:
        assert server.stdout is not None  # noqa: S101 - PIPE was asked for
        account = local_server.read_account(data) if server.stdout.readline() else None
        if account is None:
            raise ServerUnreachable(f"The studio server did not start on {data}. See its messages above.")
        yield account
    finally:
        server.terminate()
        with contextlib.suppress(child_process.TimeoutExpired):
            server.wait(timeout=30)
        child_process.end_tree(server)


def _check(report: dict[str, Any]) -> str:
    """Fetch the review page and the first bytes of its movie as a browser does; return a summary."""
    address = str(report["link"]).partition("#")[0]
    page = http_sessions.get(address, timeout=30)
    data = http_sessions.get(f"{address}/entries/{report['review_session_object_id']}", timeout=30)
    if page.status_code != 200 or data.status_code != 200:
        raise TransferFailed(f"The review page answers {page.status_code}, its data {data.status_code}.")
    movie = http_sessions.get(f"{address}/{data.json()['film']['url']}", headers={"Range": "bytes=4-7"}, timeout=30)
    # An MP4 file starts with the length and the name of its first box.
    if movie.status_code != 206 or movie.content != b"ftyp":
        raise TransferFailed(f"The first bytes of the movie are wrong: status {movie.status_code}, {movie.content!r}.")
    size = movie.headers["Content-Range"].rpartition("/")[2]
    return f"The review page and its movie ({size} bytes) are available."
