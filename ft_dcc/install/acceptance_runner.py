"""Run the acceptance checks in a host program with a temporary installation of the suite."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.install import host_discovery, run

_TIMEOUT_SECONDS = 30 * 60
_START = "import ft_dcc_{host}; ft_dcc_{host}.start(); from ft_dcc_{host} import acceptance; acceptance.start()"
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
    with _temporary_installation(program, order, with_ffmpeg) as (folder, environment):
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


@contextlib.contextmanager
def _temporary_installation(
    program: host_discovery.Program, order: Mapping[str, str], with_ffmpeg: bool
) -> Iterator[tuple[Path, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="ft-dcc-accept-") as name:
        folder = Path(name)
        environment = host_discovery.host_environment(os.environ)
        to: Path | None = folder
        if program.host == "blender":
            environment["BLENDER_USER_RESOURCES"], to = str(folder), None
            environment["PATH"] = os.pathsep.join((str(program.path.parent), environment.get("PATH", "")))
        machine = attrs.evolve(host_discovery.Machine.here(), environment=environment)
        (installed,) = run.install(program.host, machine, version=program.version, to=to, with_ffmpeg=with_ffmpeg)
        for variable, path in (("MAYA_MODULE_PATH", folder), ("NUKE_PATH", installed.folder)):
            environment[variable] = os.pathsep.join(filter(None, (str(path), environment.get(variable))))
        # The jobs and renders of the checks stay out of the user's queue.
        environment.update(FT_DCC_JOBS=str(folder / "jobs"), FT_DCC_RENDERS=str(folder / "renders"))
        yield folder, {**environment, **order}


def _command(program: host_discovery.Program, folder: Path, *, has_window: bool) -> list[str]:
    if program.host == "maya":
        start = _START.format(host="maya")
        if has_window:
            return [str(program.path), "-command", f'python("{start}")']
        python = program.path.with_name("mayapy.exe" if program.path.suffix == ".exe" else "mayapy")
        return [str(python), "-c", f"import maya.standalone; maya.standalone.initialize(); {start}"]
    if program.host == "nuke" and has_window:
        return [str(program.path)]
    script = folder / "accept.py"
    script.write_text(_BLENDER_SCRIPT if program.host == "blender" else _START.format(host="nuke"), encoding="utf-8")
    if program.host == "nuke":
        return [str(program.path), "-t", str(script)]
    return [str(program.path), *([] if has_window else ["--background"]), "--python", str(script)]
