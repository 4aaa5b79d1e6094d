"""Installing and uninstalling, whichever the host."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import attrs

from ft_dcc.errors import HostMissing
from ft_dcc.install import blender, maya, nuke, vendored
from ft_dcc.install.folder import Record, put, read_record, remove
from ft_dcc.install.place import Place
from ft_dcc.install.programs import (
    OLDEST_PYTHON,
    PYTHONS,
    TITLES,
    Machine,
    Python,
    find_programs,
    named_version,
    need_version,
    places_of,
)

HOSTS = {"blender": blender, "maya": maya, "nuke": nuke}
_NO_FFMPEG = "No ffmpeg is in it: the host takes the one of FT_DCC_FFMPEG, or of the PATH"


@attrs.frozen
class Installed:
    """What is in one folder now; ``hints`` are what the artist has to do besides."""

    folder: Path
    record: Record
    hints: tuple[str, ...]


@attrs.frozen
class Removed:
    """What is gone from one folder; ``left`` was changed since, or is not ours."""

    folder: Path
    left: tuple[Path, ...]


def install(
    host: str, machine: Machine, *, version: str | None = None, to: Path | None = None, with_ffmpeg: bool = True
) -> list[Installed]:
    """The suite is where this user's host finds it; done again, it is the newer one.

    ``with_ffmpeg`` says whether an ffmpeg is to be in it, if there is one here.
    Raises HostMissing when there is no such host, InstallFailed when something of somebody else's is in the way, and
    DiskUnusable.
    """
    versions, python = _served(host, machine, version, to)
    layout = HOSTS[host]
    found = layout.places(machine, versions, python, is_asked=version is not None, to=to)
    with tempfile.TemporaryDirectory() as folder:
        made: dict[Python, list[Path]] = {}
        for place in found:
            if place.python not in made:
                wheels = Path(folder, "{}.{}".format(*place.python))
                wheels.mkdir()
                made[place.python] = vendored.make_wheels(wheels, place.python, with_ffmpeg=with_ffmpeg)
        return [_install(place, made[place.python], machine) for place in found]


def uninstall(host: str, machine: Machine, *, version: str | None = None, to: Path | None = None) -> list[Removed]:
    """Nothing of ours is in the host's folders any more, and nothing else was touched."""
    removed, wanted = [], version and named_version(host, version)
    for folder, record in installed(host, machine, to):
        if wanted is None or (wanted in record.versions and (host != "maya" or folder.parts[-3] == wanted)):
            removed.append(_uninstall(host, machine, folder, record))
    return removed


def installed(host: str, machine: Machine, to: Path | None = None) -> list[tuple[Path, Record]]:
    """Return each folder that holds the suite for the host, with its record; raises InstallFailed for a broken one."""
    layout = HOSTS[host]
    folders = (
        [to / name for name in ("ft-dcc", "ft-dcc-nuke", "ft_dcc", "ft_dcc_blender")]
        if to is not None
        else layout.folders(machine)
    )
    records = [(folder, read_record(folder)) for folder in folders]
    return [(folder, record) for folder, record in records if record is not None and record.host == host]


def _served(host: str, machine: Machine, version: str | None, to: Path | None) -> tuple[Sequence[str], Python]:
    """The versions that the installation is for, and the oldest Python among them."""
    if version is not None:
        version = named_version(host, version)
        return [version], need_version(host, version)
    found = [program.python for program in find_programs(host, machine) if program.python is not None]
    if not found and to is None and host != "blender":
        raise HostMissing(
            f"{TITLES[host]} was not found. Looked at {', '.join(places_of(host, machine))}. "
            "Say which it is with --version, or where to put it with --to."
        )
    # Those that are here must be served; of the others those that take what is at hand.
    python = min([vendored.needed_python(), *(each for each in found if each >= OLDEST_PYTHON)])
    return [name for name, runs in PYTHONS[host].items() if runs >= python], python


def _install(place: Place, wheels: Sequence[Path], machine: Machine) -> Installed:
    fill = partial(HOSTS[place.host].fill, place, wheels)
    record = Record(place.host, vendored.release(), place.versions, sys.executable, place.beside)
    has_ffmpeg = any(wheel.name.startswith("imageio_ffmpeg-") for wheel in wheels)
    hints = (*place.hints, *(() if has_ffmpeg else (_NO_FFMPEG,)))
    if place.program is None or not blender.is_extension(place.versions[0]):
        whole = put(place.folder, fill, record)
        if place.program is not None:
            blender.switch(place.program, machine.environment, is_on=True)
        return Installed(place.folder, whole, hints)
    with tempfile.TemporaryDirectory() as folder:
        whole = put(Path(folder, "new"), fill, record)
        if place.folder.exists():
            # A Blender that has loaded the older core does not load another one, nor one of the same version.
            blender.give_back(place.program, machine.environment)
        blender.hand_over(place.program, Path(folder, "new"), machine.environment)
    return Installed(place.folder, whole, hints)


def _uninstall(host: str, machine: Machine, folder: Path, record: Record) -> Removed:
    if host == "blender":
        for program in find_programs(host, machine):
            if program.version in record.versions:
                if blender.is_extension(program.version):
                    blender.give_back(program.path, machine.environment)
                else:
                    blender.switch(program.path, machine.environment, is_on=False)
                break
    return Removed(folder, tuple(remove(folder)))
