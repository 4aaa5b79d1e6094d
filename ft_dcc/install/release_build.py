"""Build a release for ``ft-dcc deploy``, with relative paths only and nothing about this machine and its user."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import attrs

from ft_dcc.errors import InstallFailed, SettingInvalid
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.files.checksum import sha256_of
from ft_dcc.install import vendored
from ft_dcc.install.host_discovery import HOSTS, OLDEST_PYTHON, TOO_OLD, Python, run_program
from ft_dcc.install.release_loader import EXCLUDED, FACTS, system_name

# The systems of a release, and the tags that wheels have for them.
SYSTEMS: Mapping[str, tuple[str, ...]] = {
    "linux-x86_64": ("manylinux2014_x86_64", "manylinux2010_x86_64"),
    "linux-arm64": ("manylinux2014_aarch64",),
    "windows-x86_64": ("win_amd64",),
    "macos-x86_64": ("macosx_10_9_x86_64", "macosx_10_9_intel"),
    "macos-arm64": ("macosx_11_0_arm64",),
}
TRY_IMPORT = """
import sys
sys.path.append(sys.argv[1])
import ft_dcc.publish.publisher, ft_dcc.session
"""


@attrs.frozen
class Order:
    """What to build: hosts, their versions (None: all), and the systems to include ffmpeg for."""

    hosts: Sequence[str] = tuple(HOSTS)
    only: Sequence[str] | None = None
    systems: Sequence[str] = tuple(SYSTEMS)


@attrs.frozen
class Facts:
    """The contents of ``release.json``.

    ``hosts`` has for each version an empty text if it is served, or else the reason; ``systems`` the same for ffmpeg.
    ``files`` are the SHA-256 checksums by relative path.
    """

    release: str
    created: str
    packages: tuple[str, ...]
    hosts: Mapping[str, Mapping[str, str]]
    systems: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def served(self) -> list[tuple[str, str]]:
        """Return the host versions that this release serves."""
        return [(host, name) for host, names in self.hosts.items() for name, reason in names.items() if not reason]

    @property
    def identity(self) -> str:
        """Return a checksum of everything but the time of the build."""
        return hashlib.sha256(json.dumps({**attrs.asdict(self), "created": ""}, sort_keys=True).encode()).hexdigest()


def parse_names(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the names of a list such as "maya,nuke"; raise SettingInvalid for an unknown one or an empty list."""
    names = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise SettingInvalid(f"{unknown[0] if unknown else 'An empty list'} is not one of: {', '.join(known)}.")
    return names


def parse_versions(text: str) -> tuple[str, ...]:
    """Return the versions of a list such as "2025,15,4.2"; raise SettingInvalid for an unknown one."""
    known = [name for host in HOSTS.values() for name in host.pythons]
    parts = [part.strip() for part in text.split(",")]
    return parse_names(",".join(part if part in known else part.partition(".")[0] for part in parts), known)


def build(folder: Path, order: Order) -> tuple[Facts, list[str]]:
    """Fill the folder with a release; return its facts, and the errors that made it incomplete.

    The errors may contain paths of this machine, so they are not part of the facts. Raises InstallFailed if the release
    would serve no version of a host.
    """
    errors: list[str] = []
    hosts, packages = _build_packages(folder / "packages", order, errors)
    if not packages:
        reasons = errors or sorted({reason for names in hosts.values() for reason in names.values()})
        raise InstallFailed(f"The release would serve no version of a host: {'; '.join(reasons) or 'none was named'}")
    systems = {system: _add_ffmpeg(folder / "systems" / system, system, errors) for system in order.systems}
    created = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    facts = Facts(vendored.release(), created, packages, hosts, systems, checksums(folder))
    (folder / FACTS).write_text(json.dumps(attrs.asdict(facts), indent=1), encoding="utf-8")
    return facts, errors


def read_facts(release: Path) -> Facts:
    """Return the facts of a release; raise InstallFailed if they cannot be read."""
    try:
        found = json.loads((release / FACTS).read_text(encoding="utf-8"))
        return Facts(**{**found, "packages": tuple(found["packages"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InstallFailed(f"{release / FACTS} cannot be read: {error}. Deploy this release again.") from error


def verify(release: Path) -> None:
    """Read each file of the release again, and import its packages; raise InstallFailed for a difference."""
    facts = read_facts(release)
    for name, checksum in facts.files.items():
        path = release / name
        if not path.is_file() or sha256_of(path) != checksum:
            raise InstallFailed(f"{path} is not what was written. Check the disk of the share, then deploy again.")
    for packages in facts.packages:
        # Every folder is for a Python that is not newer than this one, which therefore can import it.
        command = (sys.executable, "-I", "-S", "-B", "-W", "ignore", "-c", TRY_IMPORT)
        done = run_program(*command, release / "packages" / packages, timeout=120)
        if done.returncode:
            raise InstallFailed(f"{packages} cannot be imported: {vendored.last_line(done.stderr)}")


def checksums(folder: Path) -> dict[str, str]:
    """Return the checksum of each file below the folder, by relative path."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in vendored.files_in(folder)}


def _build_packages(folder: Path, order: Order, errors: list[str]) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Build a folder for each distinct set of packages; return the versions with their reasons, and the folders."""
    hosts: dict[str, dict[str, str]] = {}
    made: dict[Python, str] = {}
    minimum = max(vendored.minimum_python(), OLDEST_PYTHON)
    for host in order.hosts:
        hosts[host] = {}
        for version, python in HOSTS[host].pythons.items():
            if order.only is not None and version not in order.only:
                hosts[host][version] = EXCLUDED
            elif python < OLDEST_PYTHON:
                hosts[host][version] = TOO_OLD.format(*python)
            else:
                oldest = min(python, minimum)
                if oldest not in made:
                    made[oldest] = _make_packages(folder / _folder_name(oldest), oldest, order.hosts, errors)
                hosts[host][version] = made[oldest]
    # Folders that equal the one of an older Python are removed.
    distinct: list[str] = []
    for name in (_folder_name(python) for python, reason in sorted(made.items()) if not reason):
        if distinct and checksums(folder / distinct[-1]) == checksums(folder / name):
            shutil.rmtree(folder / name)
        else:
            distinct.append(name)
    return hosts, tuple(distinct)


def _make_packages(folder: Path, python: Python, hosts: Sequence[str], errors: list[str]) -> str:
    """Write the packages for this Python into the folder; return an empty text, or why it is not possible."""
    with temporary_folder() as temporary:
        try:
            wheels = vendored.make_wheels(temporary, python, with_ffmpeg=False, is_for_this_machine=False)
        except InstallFailed as error:
            errors.append(str(error))
            return "it was deployed without packages for Python {}.{}".format(*python)
        vendored.unpack(wheels, folder)
    for host in hosts:
        vendored.copy_package(f"ft_dcc_{host}", folder, without=HOSTS[host].startup)
    if vendored.has_package("ft_dcc_qt"):
        vendored.copy_package("ft_dcc_qt", folder)
    return ""


def _add_ffmpeg(folder: Path, system: str, errors: list[str]) -> str:
    """Write the ffmpeg of a system into the folder; return an empty text, or why it is not possible."""
    with temporary_folder() as temporary:
        try:
            is_own = system == system_name()
            wheel = vendored.make_ffmpeg_wheel(temporary, SYSTEMS[system], is_own_system=is_own)
        except InstallFailed as error:
            errors.append(f"ffmpeg for {system}: {error}")
            return "it was deployed without this ffmpeg"
        vendored.unpack([wheel], folder)
    return ""


def _folder_name(python: Python) -> str:
    return "py{}.{}".format(*python)
