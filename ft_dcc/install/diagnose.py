"""Check the installations of the suite in the host programs of this machine, and write the bundle for the support."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from ft_dcc.errors import Error, StorageError
from ft_dcc.files import atomic, log_file
from ft_dcc.install import deployment, host_discovery, installation, layouts, release_build, vendored
from ft_dcc.install.host_discovery import HOSTS, TITLES, Machine, Program
from ft_dcc.install.installation import Record
from ft_dcc.install.release_loader import CURRENT, EXCLUDED, RELEASE_VARIABLE, RELEASES, python_of

_LOAD = f'{release_build.TRY_IMPORT}sys.stdout.write("runs Python %d.%d.%d" % sys.version_info[:3])'


@attrs.frozen
class Diagnosis:
    """The state of one host program; ``is_good`` is None for information."""

    name: str
    text: str
    is_good: bool | None = None


def diagnose(host: str, machine: Machine) -> Iterator[Diagnosis]:
    """Yield the state of each program of the host, and of each installation without a program."""
    title, on_variable = TITLES[host], machine.paths_of(HOSTS[host].variable)
    try:
        records = installation.installed(host, machine)
        own = {folder for folder, _ in records}
        # Installations such as those of ``install --to``.
        folders = dict.fromkeys(path / "ft-dcc" if host == "maya" else path for path in on_variable)
        records += installation.records_in(host, [folder for folder in folders if folder not in own])
    except Error as error:
        yield Diagnosis(title, str(error), False)
        return
    programs = host_discovery.find_programs(host, machine)
    for path in on_variable:
        if path.name == host and (path.parent / CURRENT).is_file() and (path.parent / RELEASES).is_dir():
            yield from _diagnose_deployment(host, path.parent, programs, records, machine)
            return
    if not programs and not records:
        yield Diagnosis(title, "not found")
    for program in programs:
        yield _diagnose_program(program, _serving(program, records), machine)
    versions = {program.version for program in programs}
    for folder, record in records:
        if not versions & set(record.versions):
            what = f"ft-dcc {record.release} is installed in {folder}"
            yield Diagnosis(title, f"{what}, but its program was not found")


def _serving(program: Program, records: list[tuple[Path, Record]]) -> list[tuple[Path, Record]]:
    return [
        (folder, record)
        for folder, record in records
        if program.version in record.versions
        # Blender has a folder for each version; Maya has one for all versions and one for each.
        and (program.host != "blender" or program.version in folder.parts)
    ]


def _diagnose_deployment(
    host: str, top: Path, programs: list[Program], records: list[tuple[Path, Record]], machine: Machine
) -> Iterator[Diagnosis]:
    """Yield the state of each program that loads the release in use of a deployment."""
    title = TITLES[host]
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
        text, is_good = _deployment_state(program, top / RELEASES / name, facts, machine)
        for folder, _ in _serving(program, records)[:1]:
            text = f"its own installation in {folder} hides the deployment. Run: ft-dcc uninstall {host}"
            is_good = False
        yield Diagnosis(str(program), f"{what}, {text}  ({program.path})", is_good)


def _deployment_state(
    program: Program, release: Path, facts: release_build.Facts, machine: Machine
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
    if program.host == "blender":
        start = release.parents[1] / "blender" / "startup" / "ft_dcc_start.py"
        if not layouts.is_extension(program.version):
            return f"is loaded only if it is started with: --python {start}", None
        loads, details = layouts.runs_deployment(program.path, start, machine.environment)
    else:
        usable = [name for name in facts.packages if python_of(name) <= program.python]
        loads, details = _try_import(program, release / "packages" / max(usable, key=python_of), machine)
    return (details, True) if loads else (f"cannot be loaded: {details}. Run: ft-dcc deploy", False)


def _diagnose_program(program: Program, found: list[tuple[Path, Record]], machine: Machine) -> Diagnosis:
    where = f"  ({program.path})"
    if not found:
        return Diagnosis(str(program), _not_installed_reason(program) + where)
    folder, record = found[0]
    remedy = f"Run: ft-dcc install {program.host}"
    problem = ""
    if len(found) > 1:
        folders = " and ".join(str(folder) for folder, _ in found)
        problem = f"ft-dcc is installed twice: {folders}. Run: ft-dcc uninstall {program.host}, then install"
    elif damaged_files := installation.damaged(folder, record):
        problem = f"missing or changed in {folder}: {', '.join(damaged_files[:3])}. {remedy}"
    elif record.release != vendored.release():
        problem = f"ft-dcc {record.release} is installed, this is {vendored.release()}. {remedy}"
    elif program.host == "nuke" and not layouts.is_found_by_nuke(folder, machine):
        problem = f"Nuke does not load {folder}. Add it to NUKE_PATH"
    if problem:
        return Diagnosis(str(program), problem, False)
    if program.host == "blender":
        loads, details = layouts.is_enabled(program.path, program.version, machine.environment)
    else:
        loads, details = _try_import(program, folder / "vendored", machine)
    if not loads:
        return Diagnosis(str(program), f"ft-dcc in {folder} cannot be loaded: {details}. {remedy}", False)
    return Diagnosis(str(program), f"ft-dcc {record.release} in {folder}, {details}{where}", True)


def _not_installed_reason(program: Program) -> str:
    if program.python is None:
        return f"ft-dcc does not support this version of {TITLES[program.host]}"
    if program.python < host_discovery.OLDEST_PYTHON:
        return host_discovery.TOO_OLD.format(*program.python)
    return f"ft-dcc is not installed. Run: ft-dcc install {program.host}"


def _try_import(program: Program, packages: Path, machine: Machine) -> tuple[bool, str]:
    """Import the suite in the host's Python, or in this one if the host's was not found."""
    beside = (program.path.with_name(name) for name in HOSTS[program.host].python_names)
    python = next((path for path in beside if path.is_file()), None)
    command = [python] if python is not None else [sys.executable, "-I", "-S", "-W", "ignore"]
    environment = host_discovery.host_environment(machine.environment)
    done = host_discovery.run_program(*command, "-c", _LOAD, packages, environment=environment)
    if done.returncode:
        return False, (done.stderr.strip().splitlines() or ["no error message"])[-1]
    return True, done.stdout if python is not None else "complete; not tested, because the host's Python was not found"


_MAX_JOBS, _MAX_BYTES = 10, 4 << 20
_VARIABLES = ("FT_DCC_", "FTRACK_", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "OCIO", "LANG")


def write_bundle(target: Path, report: str, jobs: Path, keys: tuple[str, ...]) -> list[str]:
    """Write a new zip file with the report, log files and the newest jobs of the folder; return the names in it.

    Keys, credentials, secret parts of links, mail addresses and home folders are taken out of every text. Movies,
    frames and settings files are not included. Raises StorageError.
    """
    if target.exists():
        raise StorageError(f"{target} exists. Name a new file.")
    names = []
    with (
        atomic.storage_errors(f"{target} cannot be written", "Choose a writable folder."),
        atomic.atomic_path(target) as draft,
        zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, text in (("doctor.txt", report), ("environment.txt", _environment()), *_files(jobs)):
            archive.writestr(name, log_file.anonymise(text, keys))
            names.append(name)
    return names


def _environment() -> str:
    # The address of a proxy can contain a password, so the bundle states only whether the variable is set.
    lines = (
        f"{name}={'set' if 'PROXY' in name.upper() or 'KEY' in name.upper() else value}"
        for name, value in sorted(os.environ.items())
        if name.upper().startswith(_VARIABLES)
    )
    return "\n".join(lines)


def _files(jobs: Path) -> Iterator[tuple[str, str]]:
    for path in log_file.log_files():
        if path.is_file():
            yield f"log/{path.name}", _last_text(path)
    folders = sorted((path.parent for path in jobs.glob("*/journal.jsonl")), reverse=True)
    for folder in folders[:_MAX_JOBS]:
        for name in ("journal.jsonl", "report.json"):
            if (folder / name).is_file():
                yield f"jobs/{folder.name}/{name}", _last_text(folder / name)


def _last_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _MAX_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
