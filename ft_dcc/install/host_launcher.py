"""Start a host program with a temporary installation of the suite, also to run the acceptance checks in it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.install import host_discovery, installation
from ft_dcc.system import child_process

# The suite of the temporary installation is imported as in a permanent one.
_SUITE = "import ft_dcc_{host}; ft_dcc_{host}.start()"
_ACCEPTANCE_TIMEOUT_SECONDS = 30 * 60
_ACCEPTANCE = "from ft_dcc_{host} import acceptance; acceptance.start()"
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


@contextlib.contextmanager
def temporary_installation(
    program: host_discovery.Program, *, with_ffmpeg: bool
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a temporary folder with the suite for the program, and the environment in which the program finds it.

    Maya and Nuke use the user's preferences, Blender does not. Raises InstallFailed and StorageError.
    """
    with temporary_folder("ft-dcc-host-") as folder:
        environment = host_discovery.host_environment(os.environ)
        to: Path | None = folder
        if program.host == "blender":
            environment["BLENDER_USER_RESOURCES"], to = str(folder), None
            environment["PATH"] = os.pathsep.join((str(program.path.parent), environment.get("PATH", "")))
        machine = attrs.evolve(host_discovery.Machine.here(), environment=environment)
        version = program.version
        (made,) = installation.install(program.host, machine, version=version, to=to, with_ffmpeg=with_ffmpeg)
        for variable, path in (("MAYA_MODULE_PATH", folder), ("NUKE_PATH", made.folder)):
            environment[variable] = os.pathsep.join(filter(None, (str(path), environment.get(variable))))
        yield folder, environment


def headless_command(program: host_discovery.Program, folder: Path, code: str) -> list[str]:
    """Return the command that runs the code in a Maya or Nuke without a window, after the start of the suite."""
    start = f"{_SUITE.format(host=program.host)}; {code}"
    if program.host == "maya":
        python = program.path.with_name("mayapy.exe" if program.path.suffix == ".exe" else "mayapy")
        return [str(python), "-c", f"import maya.standalone; maya.standalone.initialize(); {start}"]
    script = folder / "start.py"
    script.write_text(start, encoding="utf-8")
    return [str(program.path), "-t", str(script)]


def run_acceptance(
    program: host_discovery.Program, order: Mapping[str, str], *, has_window: bool, with_ffmpeg: bool
) -> str:
    """Start the program with the order as environment variables, wait for its end and return its output.

    The suite is installed temporarily. Maya and Nuke use the user's preferences, Blender does not. Raises HostMissing
    if the program cannot be started, and InstallFailed after 30 minutes.
    """
    with temporary_installation(program, with_ffmpeg=with_ffmpeg) as (folder, environment):
        # The jobs and renders of the checks stay out of the user's queue.
        environment.update(FT_DCC_JOBS=str(folder / "jobs"), FT_DCC_RENDERS=str(folder / "renders"), **order)
        command = _acceptance_command(program, folder, has_window=has_window)
        if has_window and program.host == "nuke":
            scripts = folder / "start"
            scripts.mkdir()
            (scripts / "menu.py").write_text(_NUKE_MENU_SCRIPT, encoding="utf-8")
            environment["NUKE_PATH"] = os.pathsep.join((environment["NUKE_PATH"], str(scripts)))
        try:
            done = host_discovery.run_program(
                *command, environment=environment, timeout=_ACCEPTANCE_TIMEOUT_SECONDS, stderr=child_process.STDOUT
            )
        except OSError as error:
            raise HostMissing(
                f"{command[0]} cannot be started: {error.strerror}. Name another with --program."
            ) from error
        except child_process.TimeoutExpired as error:
            raise InstallFailed(
                f"{program} did not end within {_ACCEPTANCE_TIMEOUT_SECONDS // 60} minutes and was stopped. "
                "Run it again with --window to see why."
            ) from error
        return done.stdout


def _acceptance_command(program: host_discovery.Program, folder: Path, *, has_window: bool) -> list[str]:
    if program.host == "blender":
        script = folder / "accept.py"
        script.write_text(_BLENDER_SCRIPT, encoding="utf-8")
        return [str(program.path), *([] if has_window else ["--background"]), "--python", str(script)]
    start = _ACCEPTANCE.format(host=program.host)
    if not has_window:
        return headless_command(program, folder, start)
    if program.host == "maya":
        return [str(program.path), "-command", f'python("{_SUITE.format(host="maya")}; {start}")']
    return [str(program.path)]
