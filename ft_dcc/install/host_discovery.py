"""The hosts, and the programs of this machine with their versions and Pythons."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from ft_dcc.errors import HostMissing, SettingInvalid
from ft_dcc.system import child_process

Python = tuple[int, int]

OLDEST_PYTHON: Python = (3, 9)
TOO_OLD = "its Python {}.{} is too old for ft-dcc, which needs 3.9"
_UNINSTALL_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
_MAYA_KEY = r"SOFTWARE\Autodesk\Maya\{}\Setup\InstallPath"
_PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV")


@attrs.frozen
class Host:
    """A host: its versions with their Pythons, and where its programs and their files are."""

    title: str
    pythons: Mapping[str, Python]
    # The usual paths of its programs by platform, the name of a program's file, and its version in its path or output.
    programs: Mapping[str, tuple[str, ...]]
    file_name: re.Pattern[str]
    version: re.Pattern[str]
    # Programs beside it that run its Python.
    python_names: tuple[str, ...]
    # The variable by which it finds start-up scripts, and the folder of those in the adapter's package.
    variable: str
    startup: str = ""

    @property
    def served(self) -> dict[str, Python]:
        """The versions whose Python can run the suite."""
        return {version: python for version, python in self.pythons.items() if python >= OLDEST_PYTHON}


# Sources: the VFX reference platform's years, Autodesk's and Foundry's release notes, Blender's own builds. A Blender
# of a Linux distribution may run a newer Python than this, so an installation asks the program.
HOSTS: Mapping[str, Host] = {
    "maya": Host(
        "Maya",
        {"2022": (3, 7), "2023": (3, 9), "2024": (3, 10), "2025": (3, 11), "2026": (3, 11), "2027": (3, 13)},
        {
            "linux": ("/usr/autodesk/maya20??/bin/maya",),
            "darwin": ("/Applications/Autodesk/maya20??/Maya.app/Contents/bin/maya",),
            "win32": ("%ProgramFiles%/Autodesk/Maya20??/bin/maya.exe", "%InstallLocation%/bin/maya.exe"),
        },
        re.compile(r"maya(\.exe)?"),
        re.compile(r"maya(\d{4})", re.IGNORECASE),
        ("mayapy", "mayapy.exe"),
        "MAYA_MODULE_PATH",
        "module",
    ),
    "nuke": Host(
        "Nuke",
        {"13": (3, 7), "14": (3, 9), "15": (3, 10), "16": (3, 11), "17": (3, 11)},
        {
            "linux": ("/usr/local/Nuke*v*/Nuke*.*", "/opt/Nuke*v*/Nuke*.*", "~/Nuke*v*/Nuke*.*"),
            "darwin": ("/Applications/Nuke*v*/Nuke*v*.app/Contents/MacOS/Nuke*.*",),
            "win32": ("%ProgramFiles%/Nuke*v*/Nuke*.*.exe", "%InstallLocation%/Nuke*.*.exe"),
        },
        re.compile(r"Nuke\d+\.\d+(\.exe)?"),
        re.compile(r"Nuke(\d+)\.\d+v\d+"),
        ("python3", "python.exe", "python"),
        "NUKE_PATH",
        "startup",
    ),
    "blender": Host(
        "Blender",
        {
            **dict.fromkeys(("3.4", "3.5", "3.6", "4.0"), (3, 10)),
            **dict.fromkeys(("4.1", "4.2", "4.3", "4.4", "4.5", "5.0"), (3, 11)),
            **dict.fromkeys(("5.1", "5.2"), (3, 13)),
        },
        {
            "linux": ("/usr/bin/blender", "/snap/bin/blender", "/opt/blender*/blender", "~/blender*/blender"),
            "darwin": (
                "/Applications/Blender*.app/Contents/MacOS/Blender",
                "~/Applications/Blender*.app/Contents/MacOS/Blender",
            ),
            "win32": ("%ProgramFiles%/Blender Foundation/Blender*/blender.exe", "%InstallLocation%/blender.exe"),
        },
        re.compile(r"blender(\.exe)?", re.IGNORECASE),
        re.compile(r"Blender (\d+\.\d+)"),
        (),
        "BLENDER_SYSTEM_SCRIPTS",
    ),
}
TITLES = {name: host.title for name, host in HOSTS.items()}


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
        """Yield the paths that match a pattern.

        It starts with ``/``, ``~``, ``%ProgramFiles%`` or ``%InstallLocation%``, which is each folder of the registry.
        """
        start, _, rest = pattern.partition("/")
        if start == "%InstallLocation%":
            for folder in sorted(set(_install_locations())):
                yield from sorted(folder.glob(rest))
            return
        if start == "%ProgramFiles%" and "ProgramFiles" not in self.environment:
            return
        folder = {"": self.root, "~": self.home}.get(start) or Path(self.environment[start.strip("%")])
        yield from sorted(folder.glob(rest))


def _install_locations() -> Iterator[Path]:
    """Yield the folders, on any drive, that installers wrote into the registry of Windows."""
    try:
        registry: Any = importlib.import_module("winreg")
    except ImportError:
        return
    machine, user = registry.HKEY_LOCAL_MACHINE, registry.HKEY_CURRENT_USER
    keys = [(machine, _MAYA_KEY.format(version), "MAYA_INSTALL_LOCATION") for version in HOSTS["maya"].pythons]
    for root in (machine, user):
        with contextlib.suppress(OSError), registry.OpenKey(root, _UNINSTALL_KEY) as programs:
            names = [registry.EnumKey(programs, index) for index in range(registry.QueryInfoKey(programs)[0])]
            keys += [(root, rf"{_UNINSTALL_KEY}\{name}", "InstallLocation") for name in names]
    for root, key, value in keys:
        with contextlib.suppress(OSError), registry.OpenKey(root, key) as found:
            if location := str(registry.QueryValueEx(found, value)[0]).strip('"'):
                yield Path(location)


@attrs.frozen
class Program:
    """An installed host program; ``version`` is the one that installations use: "2025", "15", "4.2"."""

    host: str
    version: str
    path: Path
    python: Python | None

    def __str__(self) -> str:
        return f"{TITLES[self.host]} {self.version}"


def redirection_of(python: str) -> str | None:
    """Return why this Python, that of the Microsoft Store with its own AppData, cannot install; None if it can."""
    if "windowsapps" not in python.casefold().replace("\\", "/").split("/"):
        return None
    return (
        "This Python is that of the Microsoft Store, whose files in AppData Maya, Nuke and Blender do not see. "
        "Install Python from python.org, and ft-dcc with it."
    )


def find_programs(host: str, machine: Machine) -> list[Program]:
    """Return the programs of the host in the usual folders and those of the environment, oldest first."""
    candidates = [path for pattern in HOSTS[host].programs[machine.platform] for path in machine.matching(pattern)]
    if host == "maya" and "MAYA_LOCATION" in machine.environment:
        name = "maya.exe" if machine.platform == "win32" else "maya"
        candidates.insert(0, Path(machine.environment["MAYA_LOCATION"], "bin", name))
    if host == "blender" and (on_path := shutil.which("blender", path=machine.environment.get("PATH", ""))):
        candidates.insert(0, Path(on_path))
    found: dict[Path, Program] = {}
    for path in candidates:
        version = _version_of(host, path) if path.is_file() and HOSTS[host].file_name.fullmatch(path.name) else None
        if version is not None and path.resolve() not in found:
            found[path.resolve()] = Program(host, version, path, HOSTS[host].pythons.get(version))
    return sorted(found.values(), key=lambda program: (version_number(program.version), program.path))


def search_paths(host: str, machine: Machine) -> list[str]:
    """Return the path patterns where programs of the host are searched."""
    own = {"maya": ["MAYA_LOCATION"], "nuke": [], "blender": ["blender on the PATH"]}[host]
    return [*own, *HOSTS[host].programs[machine.platform]]


def require_program(host: str, machine: Machine) -> Program:
    """Return the newest program of the host; raise HostMissing with the searched paths."""
    found = find_programs(host, machine)
    if not found:
        searched = ", ".join(search_paths(host, machine))
        raise HostMissing(f"{TITLES[host]} was not found in {searched}. Give its path with --program.")
    return found[-1]


def program_at(host: str, path: Path) -> Program:
    """Return the program at the path; raise HostMissing if it does not exist or its version is unknown."""
    if not path.is_file():
        raise HostMissing(f"{path} does not exist. Give the path of the {TITLES[host]} program.")
    version = _version_of(host, path)
    if version is None:
        raise HostMissing(
            f"The version of {path} is unknown. Give the path of {TITLES[host]} in its installation folder."
        )
    return Program(host, version, path, HOSTS[host].pythons.get(version))


def _version_of(host: str, path: Path) -> str | None:
    text = str(path)
    if host == "blender":
        # The folder of a Blender may have any name.
        try:
            text = run_program(path, "--version").stdout
        except (OSError, child_process.TimeoutExpired):
            return None
    found = HOSTS[host].version.findall(text)
    return str(found[-1]) if found else None


def installation_version(host: str, version: str) -> str:
    """Return the version as installations use it: all of Nuke 15 share one, so "15.1v2" becomes "15"."""
    return version.partition(".")[0] if host == "nuke" else version


def version_number(version: str) -> tuple[int, ...]:
    """Return the parts of a version, by which versions are sorted."""
    return tuple(map(int, version.split(".")))


def python_of_version(host: str, version: str) -> Python:
    """Return the Python of this version; raise SettingInvalid if the version is unknown or too old."""
    title, known, served = TITLES[host], HOSTS[host].pythons, HOSTS[host].served
    if version not in known:
        raise SettingInvalid(f"{title} {version} is not supported. Supported versions: {', '.join(known)}.")
    if version not in served:
        raise SettingInvalid(
            f"{title} {version} runs Python {known[version][0]}.{known[version][1]}, and ft-dcc needs 3.9. "
            f"Use {title} {next(iter(served))} or later."
        )
    return known[version]


def host_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables of this Python, for a host's Python."""
    return {name: value for name, value in environment.items() if name not in _PYTHON_VARIABLES}


def run_program(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = 60,
    stderr: int = child_process.PIPE,
) -> child_process.CompletedProcess[str]:
    """Run a program without input to its end, by default for a minute at most; raise OSError or TimeoutExpired."""
    return child_process.run(
        [*map(str, command)],
        env=environment,
        stdout=child_process.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
    )
