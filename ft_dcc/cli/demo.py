"""``ft-dcc demo``: the whole way in one command, each step the command that anybody would type."""

from __future__ import annotations

import contextlib
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

from ft_dcc.cli.output import Output, reporting
from ft_dcc.errors import Error, ServerUnreachable, TransferFailed

TASK = "Demo/SEQ010/SH010/Animation"
REVIEW = "Dailies"


@click.command(name="demo", short_help="Publish a real Blender playblast to a studio of its own.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the studio; a new one else.")
@click.option("--once", is_flag=True, help="Check the review page and its film, then stop.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Keep a picture of the review page.")
@reporting
def command(output: Output, data: Path | None, once: bool, picture: Path | None) -> None:
    """Start a studio, playblast a Blender scene, publish it, and show the review.

    With a terminal the studio goes on serving until Ctrl-C. Without one, or with CI=true, the command fetches
    its own link and film, checks them, and stops.
    """
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
        environment = stack.enter_context(serving(output, folder / "studio"))
        environment["FT_DCC_JOBS"] = str(folder / "jobs")
        _ft_dcc(output, environment, "task", "ensure", TASK, "--frames", "1001-1048", "--fps", "24")
        comment = "The first mile: from the viewport to a review session."
        arguments = ["playblast", str(scene), "--task", TASK, "--review", REVIEW, "--comment", comment]
        report = json.loads(_ft_dcc(output, environment, *arguments, "--json"))
        if picture is not None:
            _photograph(report["link"], picture)
        if once:
            output.say(_check(report))
        output.result(report["link"], report)
        if not once:
            output.say("Open the link in a browser. Ctrl-C stops the studio.")
            _wait()


def _run(output: Output, arguments: list[str], *, shown: str, environment: dict[str, str] | None = None) -> str:
    """Run one program with its words for a person passed on; return what it printed on stdout."""
    output.say(f"$ {shown}")
    done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode:
        raise Error(f"The demo stopped: {shown} ended with code {done.returncode}.")
    return done.stdout


def _ft_dcc(output: Output, environment: dict[str, str], *arguments: str) -> str:
    shown = shlex.join(["ft-dcc", *arguments])
    return _run(output, [sys.executable, "-m", "ft_dcc.cli.main", *arguments], shown=shown, environment=environment)


@contextlib.contextmanager
def serving(output: Output, data: Path) -> Iterator[dict[str, str]]:
    """A studio server on a free port of this machine; yields the environment that reaches it."""
    arguments = ["serve", "--data", str(data)]
    output.say("$ " + shlex.join(["ft-dcc", *arguments]))
    server = subprocess.Popen(
        [sys.executable, "-m", "ft_dcc.cli.main", *arguments], stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        assert server.stdout is not None  # noqa: S101 - PIPE was asked for
        lines = [server.stdout.readline().strip() for _ in range(3)]
        if not all("=" in line for line in lines):
            raise ServerUnreachable(f"The studio server did not start on {data}; its own words stand above.")
        yield {**os.environ, **dict(line.split("=", 1) for line in lines)}
    finally:
        server.terminate()
        server.wait(timeout=30)


def _check(report: dict[str, Any]) -> str:
    """Fetch the page and the first bytes of its film as a browser would; return what was found."""
    import requests

    address = str(report["link"]).partition("#")[0]
    page = requests.get(address, timeout=30)
    data = requests.get(f"{address}/data", timeout=30)
    if page.status_code != 200 or data.status_code != 200:
        raise TransferFailed(f"The review page answers {page.status_code}, its data {data.status_code}.")
    shown = next(item for item in data.json()["entries"] if item["id"] == report["review_session_object_id"])
    film = requests.get(f"{address}/{shown['film']['url']}", headers={"Range": "bytes=4-7"}, timeout=30)
    # An MP4 file begins with the length of its first box and then the box's name.
    if film.status_code != 206 or film.content != b"ftyp":
        raise TransferFailed(f"The film's first bytes came as {film.status_code}, {film.content!r}.")
    size = film.headers["Content-Range"].rpartition("/")[2]
    return f"The review page answers, and so does its film: a range of {size} bytes came as asked."


def _photograph(link: str, picture: Path) -> None:
    """The review page, as a browser shows it on a laptop's screen, is in the file."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        raise Error("There is no browser to take a picture with. Install Chromium, or leave out --picture.")
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
                f"--screenshot={picture.absolute()}",
                link,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def _wait() -> None:
    """Return on Ctrl-C, which is how a demo is meant to end."""
    with contextlib.suppress(KeyboardInterrupt):
        # A wait without a time-out cannot be interrupted on Windows.
        while not threading.Event().wait(timeout=3600):
            pass
