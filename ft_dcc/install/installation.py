"""Install and uninstall the suite for any host, in a folder that is created, replaced and removed as a whole.

The ``installed.json`` of the folder lists the installed files: those in the folder with their sizes, others with their
content.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Callable

import attrs

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.files.atomic import rename, sibling_folder, storage_errors, temporary_folder
from ft_dcc.install import host_discovery, layouts, vendored
from ft_dcc.install.host_discovery import HOSTS, TITLES, Machine, Python

_REMEDY = "Close the program that uses it, or choose another folder with --to."
RECORD = "installed.json"
_SHARE_FOLDERS = ("ft-dcc", "ft-dcc-nuke", "ft_dcc", "ft_dcc_blender")


@attrs.frozen
class Record:
    """An installation: the versions of the host that it serves, the release of ft-dcc and the files.

    ``files`` are the sizes in bytes of the files in the folder; ``beside`` the texts of files elsewhere, by absolute
    path; ``made`` are the parent folders that were created. ``python`` is the interpreter that installed it.
    """

    host: str
    release: str
    versions: tuple[str, ...]
    python: str
    beside: Mapping[str, str] = attrs.field(factory=dict)
    files: Mapping[str, int] = attrs.field(factory=dict)
    made: tuple[str, ...] = ()


@attrs.frozen
class Installed:
    """An installation in one folder; ``hints`` are further steps for the artist."""

    folder: Path
    record: Record
    hints: tuple[str, ...]


def install(
    host: str,
    machine: Machine,
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
    if (reason := host_discovery.redirection_of(sys.base_prefix)) is not None:
        raise InstallFailed(reason)
    request = _request(host, machine, version, to)
    targets = layouts.TARGETS[host](request)
    for target in targets if not may_lose_versions else []:
        _check_lost_versions(target)
    hints: list[str] = []
    unserved = [name for name in HOSTS[host].served if name not in targets[0].versions]
    if version is None and to is not None and unserved:
        names = f"{TITLES[host]} {', '.join(unserved)}"
        hints.append(f"It does not serve {names}. For all versions, run: ft-dcc deploy {to}")
    with temporary_folder() as folder:
        made: dict[Python, list[Path]] = {}
        for target in targets:
            if target.python not in made:
                wheels = Path(folder, "{}.{}".format(*target.python))
                wheels.mkdir()
                made[target.python] = vendored.make_wheels(wheels, target.python, with_ffmpeg=with_ffmpeg)
        if not any(wheel.name.startswith("imageio_ffmpeg-") for wheels in made.values() for wheel in wheels):
            hints.append("ffmpeg is not included: the host uses FT_DCC_FFMPEG, or the ffmpeg on the PATH")
        return [_install(target, made[target.python], machine, hints) for target in targets]


def _request(host: str, machine: Machine, version: str | None, to: Path | None) -> layouts.InstallRequest:
    if version is not None:
        version = host_discovery.installation_version(host, version)
        python = host_discovery.python_of_version(host, version)
        return layouts.InstallRequest(machine, [version], python, is_explicit=True, to=to)
    found = [program.python for program in host_discovery.find_programs(host, machine) if program.python is not None]
    if not found and to is None and host != "blender":
        searched = ", ".join(host_discovery.search_paths(host, machine))
        raise HostMissing(
            f"{TITLES[host]} was not found in {searched}. Give its version with --version, or a folder with --to."
        )
    # Serve all installed versions, and of the others those that can run the installed packages.
    python = min([vendored.minimum_python(), *(each for each in found if each >= host_discovery.OLDEST_PYTHON)])
    served = [name for name, runs in HOSTS[host].pythons.items() if runs >= python]
    return layouts.InstallRequest(machine, served, python, to=to)


def _check_lost_versions(target: layouts.Target) -> None:
    before = read_record(target.folder)
    if before is None or before.host != target.host or set(before.versions) <= set(target.versions):
        return
    title = TITLES[target.host]
    raise InstallFailed(
        f"{target.folder} serves {title} {', '.join(before.versions)}, and would then serve {title} "
        f"{', '.join(target.versions)} only. Install for all versions without --version, or accept it with "
        "--force. For a share, use ft-dcc deploy, which serves all versions."
    )


def _install(target: layouts.Target, wheels: list[Path], machine: Machine, hints: list[str]) -> Installed:
    fill = partial(layouts.FILL[target.host], target, wheels)
    record = Record(target.host, vendored.release(), target.versions, sys.executable, target.beside)
    if target.program is None or not layouts.is_extension(target.versions[0]):
        complete = install_folder(target.folder, fill, record)
        if target.program is not None:
            layouts.set_enabled(target.program, machine.environment, is_on=True)
    else:
        with temporary_folder() as folder:
            complete = install_folder(folder / "new", fill, record)
            if target.folder.exists():
                # Blender does not reload a core that it has loaded, not even one of the same version.
                layouts.remove_extension(target.program, machine.environment)
            layouts.install_extension(target.program, folder / "new", machine.environment)
    return Installed(target.folder, complete, (*target.hints, *hints))


def uninstall(
    host: str, machine: Machine, *, version: str | None = None, to: Path | None = None
) -> dict[Path, list[Path]]:
    """Remove the suite from the host's folders; return these, each with the changed files that it keeps."""
    removed, wanted = {}, version and host_discovery.installation_version(host, version)
    for folder, record in installed(host, machine, to):
        if wanted is not None and (wanted not in record.versions or (host == "maya" and folder.parts[-3] != wanted)):
            continue
        programs = host_discovery.find_programs(host, machine) if host == "blender" else []
        program = next((each for each in programs if each.version in record.versions), None)
        if program is not None and layouts.is_extension(program.version):
            layouts.remove_extension(program.path, machine.environment)
        elif program is not None:
            layouts.set_enabled(program.path, machine.environment, is_on=False)
        removed[folder] = list(remove_folder(folder))
    return removed


def installed(host: str, machine: Machine, to: Path | None = None) -> list[tuple[Path, Record]]:
    """Return the installations for the host with their records; raise InstallFailed for an unreadable record."""
    folders = layouts.FOLDERS[host](machine) if to is None else [to / name for name in _SHARE_FOLDERS]
    return records_in(host, folders)


def records_in(host: str, folders: list[Path]) -> list[tuple[Path, Record]]:
    """Return those of the folders that are installations for the host, with their records."""
    records = [(folder, read_record(folder)) for folder in folders]
    return [(folder, record) for folder, record in records if record is not None and record.host == host]


def read_record(folder: Path) -> Record | None:
    """Return the record of the folder, or None; raise InstallFailed if it cannot be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return Record(**{**found, "versions": tuple(found["versions"]), "made": tuple(found["made"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InstallFailed(f"{folder / RECORD} cannot be read: {error}. Delete {folder} and install again.") from error


def install_folder(folder: Path, fill: Callable[[Path], None], record: Record) -> Record:
    """Replace the folder by what ``fill`` writes, write the files of ``beside``, and return the complete record.

    Raises InstallFailed if files of others are in the way and StorageError if the folder is not writable; the earlier
    installation then stays.
    """
    before = read_record(folder)
    if before is not None and before.host != record.host:
        raise InstallFailed(f"{folder} is the installation for {before.host}. Choose another folder with --to.")
    if before is None and folder.exists() and any(folder.iterdir()):
        raise InstallFailed(
            f"{folder} exists and is not an installation of ft-dcc. Move it, or choose another folder with --to."
        )
    _check_beside(record.beside, before)
    above = {parent for path in (folder, *map(Path, record.beside)) for parent in path.parents if not parent.exists()}
    # Innermost first. An update may write files in further folders.
    made = [str(parent) for parent in sorted(above, key=lambda parent: len(parent.parts), reverse=True)]
    made += [parent for parent in (before.made if before is not None else ()) if parent not in made]
    with storage_errors(f"{folder} cannot be changed", _REMEDY):
        with sibling_folder(folder) as new:
            fill(new)
            files = {path.relative_to(new).as_posix(): path for path in sorted(new.rglob("*")) if path.is_file()}
            sizes = {name: path.stat().st_size for name, path in files.items()}
            complete = attrs.evolve(record, files=sizes, made=tuple(made))
            (new / RECORD).write_text(json.dumps(attrs.asdict(complete), indent=1), encoding="utf-8")
            _exchange(folder, new, before)
        for name, text in before.beside.items() if before is not None else ():
            if name not in record.beside and _text(Path(name)) == text:
                Path(name).unlink()
        for name, text in record.beside.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
    return complete


def _exchange(folder: Path, new: Path, before: Record | None) -> None:
    """Give the new folder the name of the other one, which is removed after that; after an error it is as it was."""
    own = {*before.files, RECORD} if before is not None else set()
    found = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    if any(path.relative_to(folder).as_posix() not in own for path in found):
        raise InstallFailed(f"{folder} contains files of others. Move them and install again.")
    if not folder.exists():
        return rename(new, folder)
    with sibling_folder(folder) as aside:
        # Windows refuses while a program uses a file in it, and then nothing has changed.
        rename(folder, aside / "before")
        try:
            rename(new, folder)
        except OSError:
            rename(aside / "before", folder)
            raise


def _check_beside(beside: Mapping[str, str], before: Record | None) -> None:
    installed = before.beside if before is not None else {}
    for path, text in beside.items():
        if _text(Path(path)) not in (None, text, installed.get(path)):
            raise InstallFailed(
                f"{path} exists and is not a file of ft-dcc. Move it, or choose another folder with --to."
            )


def remove_folder(folder: Path) -> list[Path]:
    """Remove the installed files and return those that were changed since and are kept."""
    record = read_record(folder)
    if record is None:
        return []
    left = []
    with storage_errors(f"{folder} cannot be changed", _REMEDY):
        for name, text in record.beside.items():
            found = _text(Path(name))
            if found == text:
                Path(name).unlink()
            elif found is not None:
                left.append(Path(name))
        for name in (*record.files, RECORD):
            (folder / name).unlink(missing_ok=True)
        # The host's Python makes the caches. A folder with other files is kept.
        for parent, folders, _ in os.walk(folder, topdown=False):
            if "__pycache__" in folders:
                shutil.rmtree(Path(parent, "__pycache__"))
            with contextlib.suppress(OSError):
                Path(parent).rmdir()
        for name in record.made:
            with contextlib.suppress(OSError):
                Path(name).rmdir()
    return [*left, *([folder] if folder.exists() else [])]


def damaged(folder: Path, record: Record) -> list[str]:
    """Return the missing or changed files: names in the folder, and paths outside of it."""
    changed = []
    for name, size in record.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            changed.append(name)
    return changed + [path for path, text in record.beside.items() if _text(Path(path)) != text]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
