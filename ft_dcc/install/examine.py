"""What is right and what is wrong with the suite in the host programs of this machine. Nothing is changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

from ft_dcc.errors import Error
from ft_dcc.install import blender, nuke, vendored
from ft_dcc.install.folder import Record, damaged
from ft_dcc.install.programs import OLDEST_PYTHON, TITLES, Machine, Program, clean, find_programs
from ft_dcc.install.run import installed

_LOAD = """
import sys
sys.path.append(sys.argv[1])
import ft_dcc.publish.run, ft_dcc.session
sys.stdout.write("runs Python %d.%d.%d" % sys.version_info[:3])
"""
_PATIENCE = 60


@attrs.frozen
class Examined:
    """What can be said of one host program; ``is_good`` is None for what is neither right nor wrong."""

    name: str
    text: str
    is_good: bool | None = None


def examine(host: str, machine: Machine) -> Iterator[Examined]:
    """Say of each program of the host whether the suite is in it and works, and of each installation that has none."""
    try:
        records = installed(host, machine)
    except Error as error:
        yield Examined(TITLES[host], str(error), False)
        return
    programs = find_programs(host, machine)
    if not programs and not records:
        yield Examined(TITLES[host], "not found here")
    for program in programs:
        found = [(folder, record) for folder, record in records if _serves(folder, record, program)]
        yield _examine_program(program, found, machine)
    versions = {program.version for program in programs}
    for folder, record in records:
        if not versions & set(record.versions):
            yield Examined(TITLES[host], f"ft-dcc {record.release} is in {folder}, and no program for it was found")


def _serves(folder: Path, record: Record, program: Program) -> bool:
    return program.version in record.versions and (
        # Blender keeps a folder for each version; Maya one for all and one for each.
        program.host != "blender" or program.version in folder.parts
    )


def _examine_program(program: Program, found: list[tuple[Path, Record]], machine: Machine) -> Examined:
    name, where = str(program), f"  ({program.path})"
    if not found:
        return Examined(name, _why_not(program) + where)
    if len(found) > 1:
        folders = " and ".join(str(folder) for folder, _ in found)
        return Examined(
            name, f"ft-dcc is in it twice: {folders}. Run: ft-dcc uninstall {program.host}, and install", False
        )
    folder, record = found[0]
    again = f"Run: ft-dcc install {program.host}"
    wrong = damaged(folder, record)
    if wrong:
        return Examined(name, f"missing or changed in {folder}: {', '.join(wrong[:3])}. {again}", False)
    if record.release != vendored.release():
        return Examined(name, f"ft-dcc {record.release} is in it, and {vendored.release()} is here. {again}", False)
    if program.host == "nuke" and not nuke.is_found(folder, machine):
        return Examined(name, f"Nuke does not look at {folder}. Add it to NUKE_PATH", False)
    loads, words = _try(program, folder, machine)
    if not loads:
        return Examined(name, f"ft-dcc in {folder} cannot be loaded: {words}. {again}", False)
    return Examined(name, f"ft-dcc {record.release} in {folder}, {words}{where}", True)


def _why_not(program: Program) -> str:
    if program.python is None:
        return f"ft-dcc does not know this {TITLES[program.host]} yet"
    if program.python < OLDEST_PYTHON:
        return "its Python {}.{} is too old for ft-dcc, which needs 3.9".format(*program.python)
    return f"ft-dcc is not in it. Run: ft-dcc install {program.host}"


def _try(program: Program, folder: Path, machine: Machine) -> tuple[bool, str]:
    """Load the suite as the host would, in the host's own Python where there is one to be called."""
    if program.host == "blender":
        return blender.is_enabled(program.path, program.version, machine.environment)
    python = _python_of(program)
    command = [str(python)] if python is not None else [sys.executable, "-I", "-S", "-W", "ignore"]
    done = subprocess.run(
        [*command, "-c", _LOAD, str(folder / "vendored")],
        env=clean(machine.environment),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        return False, (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
    # Another Python than the host's says only that the files are whole.
    return True, done.stdout if python is not None else "whole; its own Python was not found to try it"


def _python_of(program: Program) -> Path | None:
    names = {"maya": ("mayapy", "mayapy.exe"), "nuke": ("python3", "python.exe", "python")}[program.host]
    return next((path for path in (program.path.with_name(name) for name in names) if path.is_file()), None)
