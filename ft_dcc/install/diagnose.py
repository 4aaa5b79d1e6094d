"""Check the installations of the suite in the host programs of this machine, without changing them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

from ft_dcc.errors import Error
from ft_dcc.install import blender, host_discovery, managed_folder, nuke, run, vendored

_LOAD = """
import sys
sys.path.append(sys.argv[1])
import ft_dcc.publish.publisher, ft_dcc.session
sys.stdout.write("runs Python %d.%d.%d" % sys.version_info[:3])
"""
_TIMEOUT_SECONDS = 60


@attrs.frozen
class Diagnosis:
    """The state of one host program; ``is_good`` is None for information."""

    name: str
    text: str
    is_good: bool | None = None


def diagnose(host: str, machine: host_discovery.Machine) -> Iterator[Diagnosis]:
    """Yield the state of each program of the host, and of each installation without a program."""
    try:
        records = run.installed(host, machine)
    except Error as error:
        yield Diagnosis(host_discovery.TITLES[host], str(error), False)
        return
    programs = host_discovery.find_programs(host, machine)
    if not programs and not records:
        yield Diagnosis(host_discovery.TITLES[host], "not found")
    for program in programs:
        found = [(folder, record) for folder, record in records if _serves(folder, record, program)]
        yield _diagnose_program(program, found, machine)
    versions = {program.version for program in programs}
    for folder, record in records:
        if not versions & set(record.versions):
            yield Diagnosis(
                host_discovery.TITLES[host],
                f"ft-dcc {record.release} is installed in {folder}, but its program was not found",
            )


def _serves(folder: Path, record: managed_folder.Record, program: host_discovery.Program) -> bool:
    return program.version in record.versions and (
        # Blender has a folder for each version; Maya has one for all versions and one for each.
        program.host != "blender" or program.version in folder.parts
    )


def _diagnose_program(
    program: host_discovery.Program, found: list[tuple[Path, managed_folder.Record]], machine: host_discovery.Machine
) -> Diagnosis:
    name, where = str(program), f"  ({program.path})"
    if not found:
        return Diagnosis(name, _not_installed_reason(program) + where)
    if len(found) > 1:
        folders = " and ".join(str(folder) for folder, _ in found)
        return Diagnosis(
            name, f"ft-dcc is installed twice: {folders}. Run: ft-dcc uninstall {program.host}, then install", False
        )
    folder, record = found[0]
    remedy = f"Run: ft-dcc install {program.host}"
    damaged_files = managed_folder.damaged(folder, record)
    if damaged_files:
        return Diagnosis(name, f"missing or changed in {folder}: {', '.join(damaged_files[:3])}. {remedy}", False)
    if record.release != vendored.release():
        return Diagnosis(name, f"ft-dcc {record.release} is installed, this is {vendored.release()}. {remedy}", False)
    if program.host == "nuke" and not nuke.is_found(folder, machine):
        return Diagnosis(name, f"Nuke does not load {folder}. Add it to NUKE_PATH", False)
    loads, details = _try_import(program, folder, machine)
    if not loads:
        return Diagnosis(name, f"ft-dcc in {folder} cannot be loaded: {details}. {remedy}", False)
    return Diagnosis(name, f"ft-dcc {record.release} in {folder}, {details}{where}", True)


def _not_installed_reason(program: host_discovery.Program) -> str:
    if program.python is None:
        return f"ft-dcc does not support this version of {host_discovery.TITLES[program.host]}"
    if program.python < host_discovery.OLDEST_PYTHON:
        return "its Python {}.{} is too old for ft-dcc, which needs 3.9".format(*program.python)
    return f"ft-dcc is not installed. Run: ft-dcc install {program.host}"


def _try_import(program: host_discovery.Program, folder: Path, machine: host_discovery.Machine) -> tuple[bool, str]:
    """Import the suite in the host's Python, or in this one if the host's was not found."""
    if program.host == "blender":
        return blender.is_enabled(program.path, program.version, machine.environment)
    python = _python_of(program)
    command = [str(python)] if python is not None else [sys.executable, "-I", "-S", "-W", "ignore"]
    done = subprocess.run(
        [*command, "-c", _LOAD, str(folder / "vendored")],
        env=host_discovery.host_environment(machine.environment),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        return False, (done.stderr.strip().splitlines() or ["no error message"])[-1]
    return True, done.stdout if python is not None else "complete; not tested, because the host's Python was not found"


def _python_of(program: host_discovery.Program) -> Path | None:
    names = {"maya": ("mayapy", "mayapy.exe"), "nuke": ("python3", "python.exe", "python")}[program.host]
    return next((path for path in (program.path.with_name(name) for name in names) if path.is_file()), None)
