"""Start a host program with a temporary installation of the suite."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from ft_dcc.install import host_discovery, run

# The suite of the temporary installation is imported as in a permanent one.
SUITE = "import ft_dcc_{host}; ft_dcc_{host}.start()"


@contextlib.contextmanager
def temporary_installation(
    program: host_discovery.Program, *, with_ffmpeg: bool
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a temporary folder with the suite for the program, and the environment in which the program finds it.

    Maya and Nuke use the user's preferences, Blender does not. Raises InstallFailed and StorageError.
    """
    with tempfile.TemporaryDirectory(prefix="ft-dcc-host-") as name:
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
        yield folder, environment


def headless_command(program: host_discovery.Program, folder: Path, code: str) -> list[str]:
    """Return the command that runs the code in a Maya or Nuke without a window, after the start of the suite."""
    start = f"{SUITE.format(host=program.host)}; {code}"
    if program.host == "maya":
        python = program.path.with_name("mayapy.exe" if program.path.suffix == ".exe" else "mayapy")
        return [str(python), "-c", f"import maya.standalone; maya.standalone.initialize(); {start}"]
    script = folder / "start.py"
    script.write_text(start, encoding="utf-8")
    return [str(program.path), "-t", str(script)]
