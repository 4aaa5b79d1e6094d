"""``ft-dcc demo``: the complete workflow in one command, each step a command that a user would run."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ft_dcc.cli.terminal.inputs import AbsolutePath
from ft_dcc.cli.terminal.output import Output, reporting
from ft_dcc.errors import Error, MissingExtra, ServerUnreachable, TransferFailed

TASK = "Demo/SEQ010/SH010/Animation"
REVIEW = "Dailies"


@click.command(name="demo", short_help="Publish a Blender playblast to a temporary studio.")
@click.option("--data", type=AbsolutePath(file_okay=False), help="Folder of the studio (default: temporary).")
@click.option("--once", is_flag=True, help="Check the review page and its movie, then stop.")
@click.option(
    "--screenshot",
    "--picture",
    "screenshot",
    type=AbsolutePath(dir_okay=False),
    help="Save a screenshot of the review page.",
)
@reporting
def command(output: Output, data: Path | None, once: bool, screenshot: Path | None) -> None:
    """Start a studio, playblast a Blender scene, publish it, and show the review.

    On a terminal the studio runs until Ctrl-C. Otherwise, or with CI=true, the command fetches the link and the
    movie, checks them, and stops.
    """
    if importlib.util.find_spec("bpy") is None:
        raise MissingExtra("blender", "The demo")
    once = once or os.environ.get("CI") == "true" or not sys.stdout.isatty()
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ft-dcc-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        scene = folder / "demo.blend"
        _run(
            output,
            [sys.executable, "-m", "ft_dcc_blender.demo_scene", str(scene)],
            shown=f"python -m ft_dcc_blender.demo_scene {scene}",
        )
        environment = stack.enter_context(running_server(output, folder / "studio"))
        environment["FT_DCC_JOBS"] = str(folder / "jobs")
        _ft_dcc(output, environment, "task", "ensure", TASK, "--frames", "1001-1048", "--fps", "24")
        comment = "A playblast of the demo scene."
        arguments = ["playblast", str(scene), "--task", TASK, "--review", REVIEW, "--comment", comment]
        report = json.loads(_ft_dcc(output, environment, *arguments, "--json"))
        if screenshot is not None:
            _take_screenshot(report["link"], screenshot)
        if once:
            output.message(_check(report))
        output.result(report["link"], report)
        if not once:
            output.message("Open the link in a browser. Ctrl-C stops the studio.")
            _wait()


def _run(output: Output, arguments: list[str], *, shown: str, environment: dict[str, str] | None = None) -> str:
    """Run a program, pass its stderr on and return its stdout."""
    output.message(f"$ {shown}")
    done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode:
        raise Error(f"The demo stopped: {shown} ended with exit code {done.returncode}. See its messages above.")
    return done.stdout


def _ft_dcc(output: Output, environment: dict[str, str], *arguments: str) -> str:
    shown = shlex.join(["ft-dcc", *arguments])
    return _run(output, [sys.executable, "-m", "ft_dcc.cli.main", *arguments], shown=shown, environment=environment)


@contextlib.contextmanager
def running_server(output: Output, data: Path) -> Iterator[dict[str, str]]:
    """Run a studio server on a free local port; yield the environment with its address and key."""
    arguments = ["serve", "--data", str(data)]
    output.message("$ " + shlex.join(["ft-dcc", *arguments]))
    server = subprocess.Popen(
        [sys.executable, "-m", "ft_dcc.cli.main", *arguments], stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        assert server.stdout is not None  # noqa: S101 - PIPE was asked for
        lines = [server.stdout.readline().strip() for _ in range(3)]
        if not all("=" in line for line in lines):
            raise ServerUnreachable(f"The studio server did not start on {data}. See its messages above.")
        yield {**os.environ, **dict(line.split("=", 1) for line in lines)}
    finally:
        server.terminate()
        server.wait(timeout=30)


def _check(report: dict[str, Any]) -> str:
    """Fetch the review page and the first bytes of its movie as a browser does; return a summary."""
    import requests

    address = str(report["link"]).partition("#")[0]
    page = requests.get(address, timeout=30)
    data = requests.get(f"{address}/entries/{report['review_session_object_id']}", timeout=30)
    if page.status_code != 200 or data.status_code != 200:
        raise TransferFailed(f"The review page answers {page.status_code}, its data {data.status_code}.")
    movie = requests.get(f"{address}/{data.json()['film']['url']}", headers={"Range": "bytes=4-7"}, timeout=30)
    # An MP4 file starts with the length and the name of its first box.
    if movie.status_code != 206 or movie.content != b"ftyp":
        raise TransferFailed(f"The first bytes of the movie are wrong: status {movie.status_code}, {movie.content!r}.")
    size = movie.headers["Content-Range"].rpartition("/")[2]
    return f"The review page and its movie ({size} bytes) are available."


def _take_screenshot(link: str, path: Path) -> None:
    """Save a screenshot of the review page in a laptop-sized window."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        raise Error("No browser was found for the screenshot. Install Chromium, or leave out --screenshot.")
    with tempfile.TemporaryDirectory(prefix="ft-dcc-browser-") as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
                "--hide-scrollbars",
                "--window-size=1440,900",
                "--virtual-time-budget=5000",
                f"--user-data-dir={profile}",
                f"--screenshot={path.absolute()}",
                link,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def _wait() -> None:
    """Wait until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        # On Windows a wait without a timeout cannot be interrupted.
        while not threading.Event().wait(timeout=3600):
            pass
