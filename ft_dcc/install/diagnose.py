"""Check the installations of the suite in the host programs of this machine, without changing them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

from ft_dcc.errors import Error
from ft_dcc.install import blender, deployment, host_discovery, managed_folder, nuke, release_build, run, vendored
from ft_dcc.install.deployed_files import VARIABLES
from ft_dcc.install.release_loader import EXCLUDED, RELEASE_VARIABLE, RELEASES, python_of

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
        records = [*run.installed(host, machine), *_installed_on_variables(host, machine)]
        deployments = [path.parent for path in machine.paths_of(VARIABLES[host]) if _is_deployed(host, path)]
    except Error as error:
        yield Diagnosis(host_discovery.TITLES[host], str(error), False)
        return
    programs = host_discovery.find_programs(host, machine)
    if deployments:
        yield from _diagnose_deployment(host, deployments[0], programs, records, machine)
        return
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


def _is_deployed(host: str, folder: Path) -> bool:
    return folder.name == host and deployment.is_deployment(folder.parent)


def _installed_on_variables(host: str, machine: host_discovery.Machine) -> list[tuple[Path, managed_folder.Record]]:
    """Return installations in the folders of the host's variables, such as those of ``install --to``."""
    own = {folder for folder, _ in run.installed(host, machine)}
    folders = [path / "ft-dcc" if host == "maya" else path for path in machine.paths_of(VARIABLES[host])]
    records = [(folder, managed_folder.read_record(folder)) for folder in dict.fromkeys(folders) if folder not in own]
    return [(folder, record) for folder, record in records if record is not None and record.host == host]


def _diagnose_deployment(
    host: str,
    top: Path,
    programs: list[host_discovery.Program],
    records: list[tuple[Path, managed_folder.Record]],
    machine: host_discovery.Machine,
) -> Iterator[Diagnosis]:
    """Yield the state of each program that loads the release in use of a deployment."""
    title = host_discovery.TITLES[host]
    try:
        current = deployment.read_current(top)
        name = machine.environment.get(RELEASE_VARIABLE) or (current.release if current is not None else "")
        facts = release_build.read_facts(top / RELEASES / name)
    except Error as error:
        yield Diagnosis(title, f"the deployment in {top} cannot be used: {error}", False)
        return
    what = f"ft-dcc {facts.release}, release {name} of the deployment in {top}"
    if not programs:
        yield Diagnosis(title, f"{what}, but no program was found")
    for program in programs:
        own = [folder for folder, record in records if _serves(folder, record, program)]
        text, is_good = _deployment_state(program, top / RELEASES / name, facts, machine)
        if own:
            text = f"its own installation in {own[0]} hides the deployment. Run: ft-dcc uninstall {host}"
            is_good = False
        yield Diagnosis(str(program), f"{what}, {text}  ({program.path})", is_good)


def _deployment_state(
    program: host_discovery.Program, release: Path, facts: release_build.Facts, machine: host_discovery.Machine
) -> tuple[str, bool | None]:
    """Return whether a program can load the release, and how or why not."""
    if program.python is None or program.python < host_discovery.OLDEST_PYTHON:
        return _not_installed_reason(program), None
    reason = facts.hosts.get(program.host, {}).get(program.version, EXCLUDED)
    # A Blender may run another Python than the one of its version, so it is asked.
    if reason and (reason == EXCLUDED or program.host != "blender"):
        return f"does not serve it: {reason}. Run: ft-dcc deploy", False
    missing = [file for file in facts.files if not (release / file).is_file()]
    if missing:
        return f"lacks {', '.join(missing[:3])}. Run: ft-dcc deploy", False
    top = release.parents[1]
    if program.host == "blender":
        start = top / "blender" / "startup" / "ft_dcc_start.py"
        if tuple(map(int, program.version.split("."))) < (4, 2):
            return f"is loaded only if it is started with: --python {start}", None
        loads, details = blender.runs_deployment(program.path, start, machine.environment)
    else:
        usable = [name for name in facts.packages if python_of(name) <= program.python]
        loads, details = _try_import(program, release / "packages" / max(usable, key=python_of), machine)
    return (details, True) if loads else (f"cannot be loaded: {details}. Run: ft-dcc deploy", False)


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
    if program.host == "blender":
        loads, details = blender.is_enabled(program.path, program.version, machine.environment)
    else:
        loads, details = _try_import(program, folder / "vendored", machine)
    if not loads:
        return Diagnosis(name, f"ft-dcc in {folder} cannot be loaded: {details}. {remedy}", False)
    return Diagnosis(name, f"ft-dcc {record.release} in {folder}, {details}{where}", True)


def _not_installed_reason(program: host_discovery.Program) -> str:
    if program.python is None:
        return f"ft-dcc does not support this version of {host_discovery.TITLES[program.host]}"
    if program.python < host_discovery.OLDEST_PYTHON:
        return "its Python {}.{} is too old for ft-dcc, which needs 3.9".format(*program.python)
    return f"ft-dcc is not installed. Run: ft-dcc install {program.host}"


def _try_import(program: host_discovery.Program, packages: Path, machine: host_discovery.Machine) -> tuple[bool, str]:
    """Import the suite in the host's Python, or in this one if the host's was not found."""
    python = _python_of(program)
    command = [str(python)] if python is not None else [sys.executable, "-I", "-S", "-W", "ignore"]
    done = subprocess.run(
        [*command, "-c", _LOAD, str(packages)],
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
