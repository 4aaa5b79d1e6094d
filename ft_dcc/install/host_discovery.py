"""Find the host programs of this machine, with their versions and Pythons."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs
import platformdirs

from ft_dcc.errors import HostMissing, SettingInvalid

Python = tuple[int, int]

OLDEST_PYTHON: Python = (3, 9)
# Sources: the VFX reference platform's years, Autodesk's and Foundry's release notes, Blender's own builds. A Blender
# of a Linux distribution may run a newer Python than this, so an installation asks the program.
PYTHONS: Mapping[str, Mapping[str, Python]] = {
    "maya": {
        "2022": (3, 7),
        "2023": (3, 9),
        "2024": (3, 10),
        "2025": (3, 11),
        "2026": (3, 11),
        "2027": (3, 13),
    },
    "nuke": {"13": (3, 7), "14": (3, 9), "15": (3, 10), "16": (3, 11), "17": (3, 11)},
    "blender": {
        **dict.fromkeys(("3.4", "3.5", "3.6", "4.0"), (3, 10)),
        **dict.fromkeys(("4.1", "4.2", "4.3", "4.4", "4.5", "5.0"), (3, 11)),
        **dict.fromkeys(("5.1", "5.2"), (3, 13)),
    },
}
TITLES = {"maya": "Maya", "nuke": "Nuke", "blender": "Blender"}
_VERSION_PATTERNS = {
    "maya": re.compile(r"maya(\d{4})", re.IGNORECASE),
    "nuke": re.compile(r"Nuke((\d+)\.\d+v\d+)"),
    "blender": re.compile(r"Blender (\d+\.\d+)"),
}
_PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV")
_NAME_PATTERNS = {
    "maya": re.compile(r"maya(\.exe)?"),
    "nuke": re.compile(r"Nuke\d+\.\d+(\.exe)?"),
    "blender": re.compile(r"blender(\.exe)?", re.IGNORECASE),
}
_PATH_PATTERNS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "maya": {
        "linux": ("/usr/autodesk/maya20??/bin/maya",),
        "darwin": ("/Applications/Autodesk/maya20??/Maya.app/Contents/bin/maya",),
        "win32": ("%ProgramFiles%/Autodesk/Maya20??/bin/maya.exe",),
    },
    "nuke": {
        "linux": ("/usr/local/Nuke*v*/Nuke*.*", "/opt/Nuke*v*/Nuke*.*", "~/Nuke*v*/Nuke*.*"),
        "darwin": ("/Applications/Nuke*v*/Nuke*v*.app/Contents/MacOS/Nuke*.*",),
        "win32": ("%ProgramFiles%/Nuke*v*/Nuke*.*.exe",),
    },
    "blender": {
        "linux": ("/usr/bin/blender", "/snap/bin/blender", "/opt/blender*/blender", "~/blender*/blender"),
        "darwin": (
            "/Applications/Blender*.app/Contents/MacOS/Blender",
            "~/Applications/Blender*.app/Contents/MacOS/Blender",
        ),
        "win32": ("%ProgramFiles%/Blender Foundation/Blender*/blender.exe",),
    },
}


@attrs.frozen
class Machine:
    """A machine: its platform as in ``sys.platform``, and the folders and environment of its user.

    ``root`` is the root of the file system; tests use another one to simulate any platform.
    """

    platform: str
    home: Path
    documents: Path
    data: Path
    environment: Mapping[str, str]
    root: Path = Path("/")

    @classmethod
    def here(cls) -> Machine:
        """Return this machine."""
        return cls(
            platform=sys.platform if sys.platform in ("darwin", "win32") else "linux",
            home=Path.home(),
            documents=Path(platformdirs.user_documents_dir()),
            data=Path(platformdirs.user_data_dir("ft-dcc", appauthor=False)),
            environment=os.environ,
        )

    def paths_of(self, variable: str) -> list[Path]:
        """Return the folders of a variable of the environment, separated as on this platform."""
        separator = ";" if self.platform == "win32" else ":"
        return [Path(path) for path in self.environment.get(variable, "").split(separator) if path]

    def matching(self, pattern: str) -> Iterator[Path]:
        """Yield the paths that match a pattern, which starts with ``/``, ``~`` or ``%ProgramFiles%``."""
        start, _, rest = pattern.partition("/")
        if start == "%ProgramFiles%" and "ProgramFiles" not in self.environment:
            return
        folder = {"": self.root, "~": self.home}.get(start) or Path(self.environment[start.strip("%")])
        yield from sorted(folder.glob(rest))


@attrs.frozen
class Program:
    """An installed host program; ``version`` is the one that installations use: "2025", "15", "4.2"."""

    host: str
    version: str
    path: Path
    python: Python | None

    def __str__(self) -> str:
        return f"{TITLES[self.host]} {self.version}"


def find_programs(host: str, machine: Machine) -> list[Program]:
    """Return the programs of the host in the usual folders and those of the environment, oldest first."""
    found: dict[Path, Program] = {}
    for path in _candidates(host, machine):
        version = _version_of(host, path) if path.is_file() and _NAME_PATTERNS[host].fullmatch(path.name) else None
        if version is not None and path.resolve() not in found:
            found[path.resolve()] = Program(host, version, path, PYTHONS[host].get(version))
    return sorted(found.values(), key=lambda program: (_number(program.version), program.path))


def installation_version(host: str, version: str) -> str:
    """Return the version as installations use it: all of Nuke 15 share one, so "15.1v2" becomes "15"."""
    return version.partition(".")[0] if host == "nuke" else version


def python_of_version(host: str, version: str) -> Python:
    """Return the Python of this version; raise SettingInvalid if the version is unknown or too old."""
    known = PYTHONS[host]
    if version not in known:
        raise SettingInvalid(f"{TITLES[host]} {version} is not supported. Supported versions: {', '.join(known)}.")
    if known[version] < OLDEST_PYTHON:
        oldest = next(name for name, python in known.items() if python >= OLDEST_PYTHON)
        raise SettingInvalid(
            f"{TITLES[host]} {version} runs Python {known[version][0]}.{known[version][1]}, and ft-dcc needs 3.9. "
            f"Use {TITLES[host]} {oldest} or later."
        )
    return known[version]


def host_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables of this Python, for a host's Python."""
    return {name: value for name, value in environment.items() if name not in _PYTHON_VARIABLES}


def require_program(host: str, machine: Machine, version: str | None = None) -> Program:
    """Return the newest program of the host, or the one of this version; raise HostMissing with the searched paths."""
    for program in reversed(find_programs(host, machine)):
        if version in (None, program.version):
            return program
    searched = ", ".join(search_paths(host, machine))
    name = " ".join(filter(None, (TITLES[host], version)))
    raise HostMissing(f"{name} was not found in {searched}. Give its path with --program.")


def search_paths(host: str, machine: Machine) -> list[str]:
    """Return the path patterns where programs of the host are searched."""
    own = {"maya": ["MAYA_LOCATION"], "nuke": [], "blender": ["blender on the PATH"]}[host]
    return [*own, *_PATH_PATTERNS[host][machine.platform]]


def program_at(host: str, path: Path) -> Program:
    """Return the program at the path; raise HostMissing if it does not exist or its version is unknown."""
    if not path.is_file():
        raise HostMissing(f"{path} does not exist. Give the path of the {TITLES[host]} program.")
    version = _version_of(host, path)
    if version is None:
        raise HostMissing(
            f"The version of {path} is unknown. Give the path of {TITLES[host]} in its installation folder."
        )
    return Program(host, version, path, PYTHONS[host].get(version))


def _candidates(host: str, machine: Machine) -> Iterable[Path]:
    if host == "maya" and "MAYA_LOCATION" in machine.environment:
        name = "maya.exe" if machine.platform == "win32" else "maya"
        yield Path(machine.environment["MAYA_LOCATION"], "bin", name)
    if host == "blender":
        on_path = shutil.which("blender", path=machine.environment.get("PATH", ""))
        if on_path is not None:
            yield Path(on_path)
    for pattern in _PATH_PATTERNS[host][machine.platform]:
        yield from machine.matching(pattern)


def _version_of(host: str, path: Path) -> str | None:
    text = _version_output(path) if host == "blender" else str(path)
    found = _VERSION_PATTERNS[host].findall(text)
    if not found:
        return None
    return found[-1][1] if host == "nuke" else str(found[-1])


def _version_output(blender: Path) -> str:
    """Return the output of ``blender --version``; the folder of a Blender may have any name."""
    try:
        done = subprocess.run(
            [str(blender), "--version"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
