"""Starting a host program with the suite freshly installed for it alone, to have the acceptance kit answer."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.install.programs import Machine, Program, clean
from ft_dcc.install.run import install

_PATIENCE = 30 * 60
_PACKAGE = "import ft_dcc_{host}; ft_dcc_{host}.start(); from ft_dcc_{host} import acceptance; acceptance.start()"
_IN_BLENDER = """
import importlib, bpy
names = [name for name in bpy.context.preferences.addons.keys() if name.endswith(("ft_dcc", "ft_dcc_blender"))]
importlib.import_module(names[0] + ".acceptance").start()
"""
_IN_NUKES_WINDOW = """
import threading, nuke

def call():
    nuke.executeInMainThread(begin)

def begin():
    import ft_dcc_nuke
    ft_dcc_nuke.start()
    from ft_dcc_nuke import acceptance
    acceptance.start()

# Nuke reads this before its window is there.
threading.Timer(5.0, call).start()
"""


def have_answered(program: Program, order: Mapping[str, str], *, has_window: bool, with_ffmpeg: bool) -> str:
    """The program was started with the order in its environment, and has ended; return what it printed.

    The suite is installed for this run alone; the user's own preferences of the program are used, but for Blender's.
    Raises HostMissing when the program cannot be started, InstallFailed when it does not end.
    """
    with _prepared(program, order, with_ffmpeg) as (folder, environment):
        command = _command(program, folder, has_window=has_window)
        if has_window and program.host == "nuke":
            start = folder / "start"
            start.mkdir()
            (start / "menu.py").write_text(_IN_NUKES_WINDOW, encoding="utf-8")
            environment["NUKE_PATH"] = os.pathsep.join((environment["NUKE_PATH"], str(start)))
        try:
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except OSError as error:
            raise HostMissing(
                f"{command[0]} cannot be started: {error.strerror}. Name another with --program."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise InstallFailed(f"{program} did not end in {_PATIENCE // 60} minutes and was stopped.") from error
        return done.stdout


@contextlib.contextmanager
def _prepared(program: Program, order: Mapping[str, str], with_ffmpeg: bool) -> Iterator[tuple[Path, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="ft-dcc-bench-") as name:
        folder = Path(name)
        environment = clean(os.environ)
        to: Path | None = folder
        if program.host == "blender":
            environment["BLENDER_USER_RESOURCES"], to = str(folder), None
            environment["PATH"] = os.pathsep.join((str(program.path.parent), environment.get("PATH", "")))
        machine = attrs.evolve(Machine.here(), environment=environment)
        (done,) = install(program.host, machine, version=program.version, to=to, with_ffmpeg=with_ffmpeg)
        for variable, path in (("MAYA_MODULE_PATH", folder), ("NUKE_PATH", done.folder)):
            environment[variable] = os.pathsep.join(filter(None, (str(path), environment.get(variable))))
        # What the checks leave behind is nobody's queue and nobody's render.
        environment.update(FT_DCC_JOBS=str(folder / "jobs"), FT_DCC_RENDERS=str(folder / "renders"))
        yield folder, {**environment, **order}


def _command(program: Program, folder: Path, *, has_window: bool) -> list[str]:
    if program.host == "maya":
        boot = _PACKAGE.format(host="maya")
        if has_window:
            return [str(program.path), "-command", f'python("{boot}")']
        python = program.path.with_name("mayapy.exe" if program.path.suffix == ".exe" else "mayapy")
        return [str(python), "-c", f"import maya.standalone; maya.standalone.initialize(); {boot}"]
    if program.host == "nuke" and has_window:
        return [str(program.path)]
    script = folder / "accept.py"
    script.write_text(_IN_BLENDER if program.host == "blender" else _PACKAGE.format(host="nuke"), encoding="utf-8")
    if program.host == "nuke":
        return [str(program.path), "-t", str(script)]
    return [str(program.path), *([] if has_window else ["--background"]), "--python", str(script)]
