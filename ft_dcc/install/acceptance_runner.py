"""Run the acceptance checks in a host program with a temporary installation of the suite."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.install import host_discovery, host_launcher

_TIMEOUT_SECONDS = 30 * 60
_START = "from ft_dcc_{host} import acceptance; acceptance.start()"
_BLENDER_SCRIPT = """
import importlib, bpy
names = [name for name in bpy.context.preferences.addons.keys() if name.endswith(("ft_dcc", "ft_dcc_blender"))]
importlib.import_module(names[0] + ".acceptance").start()
"""
_NUKE_MENU_SCRIPT = """
import threading, nuke

def call():
    nuke.executeInMainThread(start)

def start():
    import ft_dcc_nuke
    ft_dcc_nuke.start()
    from ft_dcc_nuke import acceptance
    acceptance.start()

# Nuke runs this before its window exists.
threading.Timer(5.0, call).start()
"""


def run_acceptance(
    program: host_discovery.Program, order: Mapping[str, str], *, has_window: bool, with_ffmpeg: bool
) -> str:
    """Start the program with the order as environment variables, wait for its end and return its output.

    The suite is installed temporarily. Maya and Nuke use the user's preferences, Blender does not. Raises HostMissing
    if the program cannot be started, and InstallFailed after 30 minutes.
    """
    with host_launcher.temporary_installation(program, with_ffmpeg=with_ffmpeg) as (folder, environment):
        # The jobs and renders of the checks stay out of the user's queue.
        environment.update(FT_DCC_JOBS=str(folder / "jobs"), FT_DCC_RENDERS=str(folder / "renders"), **order)
        command = _command(program, folder, has_window=has_window)
        if has_window and program.host == "nuke":
            scripts = folder / "start"
            scripts.mkdir()
            (scripts / "menu.py").write_text(_NUKE_MENU_SCRIPT, encoding="utf-8")
            environment["NUKE_PATH"] = os.pathsep.join((environment["NUKE_PATH"], str(scripts)))
        try:
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except OSError as error:
            raise HostMissing(
                f"{command[0]} cannot be started: {error.strerror}. Name another with --program."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise InstallFailed(
                f"{program} did not end within {_TIMEOUT_SECONDS // 60} minutes and was stopped. "
                "Run it again with --window to see why."
            ) from error
        return done.stdout


def _command(program: host_discovery.Program, folder: Path, *, has_window: bool) -> list[str]:
    if program.host == "blender":
        script = folder / "accept.py"
        script.write_text(_BLENDER_SCRIPT, encoding="utf-8")
        return [str(program.path), *([] if has_window else ["--background"]), "--python", str(script)]
    start = _START.format(host=program.host)
    if not has_window:
        return host_launcher.headless_command(program, folder, start)
    if program.host == "maya":
        return [str(program.path), "-command", f'python("{host_launcher.SUITE.format(host="maya")}; {start}")']
    return [str(program.path)]
