"""Install and uninstall the suite for any host."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import attrs

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.install import blender, host_discovery, managed_folder, maya, nuke, vendored

HOSTS = {"blender": blender, "maya": maya, "nuke": nuke}
_NO_FFMPEG = "ffmpeg is not included: the host uses FT_DCC_FFMPEG, or the ffmpeg on the PATH"


@attrs.frozen
class Installed:
    """An installation in one folder; ``hints`` are further steps for the artist."""

    folder: Path
    record: managed_folder.Record
    hints: tuple[str, ...]


@attrs.frozen
class Removed:
    """A removed installation; ``left`` are files that were changed or added since and are kept."""

    folder: Path
    left: tuple[Path, ...]


def install(
    host: str,
    machine: host_discovery.Machine,
    *,
    version: str | None = None,
    to: Path | None = None,
    with_ffmpeg: bool = True,
    may_lose_versions: bool = False,
) -> list[Installed]:
    """Install or update the suite for this user's host.

    ``with_ffmpeg`` includes the ffmpeg of this environment, if there is one. Raises HostMissing if the host was not
    found, InstallFailed if files of others are in the way or if a folder would lose versions that it serves, unless
    ``may_lose_versions``, and StorageError.
    """
    versions, python = _versions_to_serve(host, machine, version, to)
    layout = HOSTS[host]
    targets = layout.targets(machine, versions, python, is_explicit=version is not None, to=to)
    for target in targets if not may_lose_versions else []:
        _check_lost_versions(target)
    with tempfile.TemporaryDirectory() as folder:
        made: dict[host_discovery.Python, list[Path]] = {}
        for target in targets:
            if target.python not in made:
                wheels = Path(folder, "{}.{}".format(*target.python))
                wheels.mkdir()
                made[target.python] = vendored.make_wheels(wheels, target.python, with_ffmpeg=with_ffmpeg)
        hints = _unserved_hint(host, targets[0], to) if version is None and to is not None else ()
        return [
            _install(attrs.evolve(each, hints=(*each.hints, *hints)), made[each.python], machine) for each in targets
        ]


def uninstall(
    host: str, machine: host_discovery.Machine, *, version: str | None = None, to: Path | None = None
) -> list[Removed]:
    """Remove the suite from the host's folders and keep all other files."""
    removed, wanted = [], version and host_discovery.installation_version(host, version)
    for folder, record in installed(host, machine, to):
        if wanted is None or (wanted in record.versions and (host != "maya" or folder.parts[-3] == wanted)):
            removed.append(_uninstall(host, machine, folder, record))
    return removed


def installed(
    host: str, machine: host_discovery.Machine, to: Path | None = None
) -> list[tuple[Path, managed_folder.Record]]:
    """Return the installations for the host with their records; raise InstallFailed for an unreadable record."""
    layout = HOSTS[host]
    folders = (
        [to / name for name in ("ft-dcc", "ft-dcc-nuke", "ft_dcc", "ft_dcc_blender")]
        if to is not None
        else layout.folders(machine)
    )
    records = [(folder, managed_folder.read_record(folder)) for folder in folders]
    return [(folder, record) for folder, record in records if record is not None and record.host == host]


def _versions_to_serve(
    host: str, machine: host_discovery.Machine, version: str | None, to: Path | None
) -> tuple[Sequence[str], host_discovery.Python]:
    """Return the versions that the installation serves, and the oldest Python among them."""
    if version is not None:
        version = host_discovery.installation_version(host, version)
        return [version], host_discovery.python_of_version(host, version)
    found = [program.python for program in host_discovery.find_programs(host, machine) if program.python is not None]
    if not found and to is None and host != "blender":
        raise HostMissing(
            f"{host_discovery.TITLES[host]} was not found in {', '.join(host_discovery.search_paths(host, machine))}. "
            "Give its version with --version, or a folder with --to."
        )
    # Serve all installed versions, and of the others those that can run the installed packages.
    python = min([vendored.minimum_python(), *(each for each in found if each >= host_discovery.OLDEST_PYTHON)])
    return [name for name, runs in host_discovery.PYTHONS[host].items() if runs >= python], python


def _check_lost_versions(target: managed_folder.Target) -> None:
    before = managed_folder.read_record(target.folder)
    lost = [name for name in (before.versions if before is not None else ()) if name not in target.versions]
    if before is not None and before.host == target.host and lost:
        title = host_discovery.TITLES[target.host]
        raise InstallFailed(
            f"{target.folder} serves {title} {', '.join(before.versions)}, and would then serve {title} "
            f"{', '.join(target.versions)} only. Install for all versions without --version, or accept it with "
            "--replace. For a share, use ft-dcc deploy, which serves all versions."
        )


def _unserved_hint(host: str, target: managed_folder.Target, to: Path) -> tuple[str, ...]:
    """Return a hint about versions that a folder for all versions does not serve."""
    supported = (name for name, runs in host_discovery.PYTHONS[host].items() if runs >= host_discovery.OLDEST_PYTHON)
    unserved = [name for name in supported if name not in target.versions]
    if not unserved:
        return ()
    title = host_discovery.TITLES[host]
    return (f"It does not serve {title} {', '.join(unserved)}. For all versions, run: ft-dcc deploy {to}",)


def _install(target: managed_folder.Target, wheels: Sequence[Path], machine: host_discovery.Machine) -> Installed:
    fill = partial(HOSTS[target.host].populate, target, wheels)
    record = managed_folder.Record(target.host, vendored.release(), target.versions, sys.executable, target.beside)
    has_ffmpeg = any(wheel.name.startswith("imageio_ffmpeg-") for wheel in wheels)
    hints = (*target.hints, *(() if has_ffmpeg else (_NO_FFMPEG,)))
    if target.program is None or not blender.is_extension(target.versions[0]):
        complete = managed_folder.install_folder(target.folder, fill, record)
        if target.program is not None:
            blender.set_enabled(target.program, machine.environment, is_on=True)
        return Installed(target.folder, complete, hints)
    with tempfile.TemporaryDirectory() as folder:
        complete = managed_folder.install_folder(Path(folder, "new"), fill, record)
        if target.folder.exists():
            # Blender does not reload a core that it has loaded, not even one of the same version.
            blender.uninstall_extension(target.program, machine.environment)
        blender.install_extension(target.program, Path(folder, "new"), machine.environment)
    return Installed(target.folder, complete, hints)


def _uninstall(host: str, machine: host_discovery.Machine, folder: Path, record: managed_folder.Record) -> Removed:
    if host == "blender":
        for program in host_discovery.find_programs(host, machine):
            if program.version in record.versions:
                if blender.is_extension(program.version):
                    blender.uninstall_extension(program.path, machine.environment)
                else:
                    blender.set_enabled(program.path, machine.environment, is_on=False)
                break
    return Removed(folder, tuple(managed_folder.remove_folder(folder)))
