"""Blender: an extension for 4.2 and later, an add-on for those before, in the user's own folders.

Where Blender itself is there, it installs the extension, and enables it. Source: Blender's manual on its directory
layout and on the command "extension".
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.install import vendored
from ft_dcc.install.place import Place, copy_package
from ft_dcc.install.programs import PYTHONS, Machine, Python, clean, find_programs, places_of

_ID = "ft_dcc"
# Blender before 4.2 imports an add-on by the name of its folder, which must not be the core's.
_ADD_ON = "ft_dcc_blender"
_REPOSITORY = "user_default"
_EXTENSION, _CLASSIC = f"extensions/{_REPOSITORY}/{_ID}", f"scripts/addons/{_ADD_ON}"
_VERSION = re.compile(r"\d+\.\d+")
_ENABLE = "Enable it once: Edit, Preferences, Add-ons, ft-dcc"
# Blender's word for the folder of its preferences; what is enabled is kept there.
_ASK = """
import importlib, sys, bpy
if {module!r} in bpy.context.preferences.addons:
    importlib.import_module({module!r}).registration
    import ft_dcc.publish.run
    print("FT_DCC runs Python %d.%d.%d" % sys.version_info[:3])
"""
_SCRIPT = """
import addon_utils, bpy
{step}
bpy.ops.wm.save_userpref()
"""


def places(
    machine: Machine, versions: Sequence[str], python: Python, *, is_asked: bool, to: Path | None
) -> list[Place]:
    """Return a place for each version; raises HostMissing when no version is known."""
    if to is not None:
        wanted = versions if is_asked else [version for version in versions if is_extension(version)]
        name = _ID if is_extension(wanted[0]) else _ADD_ON
        return [Place("blender", to / name, tuple(wanted), python, hints=(_ENABLE,))]
    programs = {program.version: program.path for program in find_programs("blender", machine)}
    found = versions if is_asked else [*programs, *(name for name in _started(machine) if name not in programs)]
    wanted = [version for version in found if version in PYTHONS["blender"]]
    if not wanted:
        looked = ", ".join([*places_of("blender", machine), str(_config(machine) / "*")])
        raise HostMissing(
            f"Blender was not found. Looked at {looked}. Say which it is with --version, or where with --to."
        )
    return [_place(machine, version, programs.get(version)) for version in sorted(wanted, key=_number)]


def _place(machine: Machine, version: str, program: Path | None) -> Place:
    folder = _user_folder(machine, version) / (_EXTENSION if is_extension(version) else _CLASSIC)
    hints = () if program is not None else (_ENABLE,)
    return Place("blender", folder, (version,), PYTHONS["blender"][version], hints=hints, program=program)


def folders(machine: Machine) -> list[Path]:
    """Where an installation may be."""
    homes = [_user_folder(machine, version) for version in _started(machine)]
    return [home / part for home in homes for part in (_EXTENSION, _CLASSIC)]


def is_extension(version: str) -> bool:
    """Whether this Blender has extensions; those before 4.2 know add-ons only."""
    return _number(version) >= (4, 2)


def fill(place: Place, wheels: Sequence[Path], folder: Path) -> None:
    """The folder is the extension's with its wheels, or the add-on's with the packages beside it; neither has Qt."""
    wheels = [wheel for wheel in wheels if not wheel.name.startswith("Qt_")]
    with tempfile.TemporaryDirectory() as parts:
        copy_package("ft_dcc_blender", Path(parts))
        for path in Path(parts, "ft_dcc_blender").iterdir():
            path.rename(folder / path.name)
    manifest = folder / "blender_manifest.toml"
    if not is_extension(place.versions[0]):
        manifest.unlink()
        vendored.unpack(wheels, folder / "vendored")
        return
    (folder / "wheels").mkdir()
    for wheel in wheels:
        (folder / "wheels" / wheel.name).write_bytes(wheel.read_bytes())
    names = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    # A table, and so the permissions, ends the part of the file in which this may stand.
    head, table, permissions = manifest.read_text(encoding="utf-8").partition("\n[permissions]")
    manifest.write_text(f"{head}\nwheels = [\n{names}]\n{table}{permissions}", encoding="utf-8")


def hand_over(program: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Blender itself has installed what lies in the folder, and enabled it; raises InstallFailed with its words."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made, f"{_ID}.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder).as_posix())
        _run(program, environment, "--command", "extension", "install-file", "-r", _REPOSITORY, "--enable", str(path))


def switch(program: Path, environment: Mapping[str, str], *, is_on: bool) -> None:
    """The add-on is enabled or disabled in Blender's own preferences; raises InstallFailed with its words."""
    step = (
        f"assert addon_utils.enable({_ADD_ON!r}, default_set=True) is not None"
        if is_on
        else f"addon_utils.disable({_ADD_ON!r}, default_set=True)"
    )
    _run(program, environment, "--background", "--python-exit-code", "3", "--python-expr", _SCRIPT.format(step=step))


def give_back(program: Path, environment: Mapping[str, str]) -> None:
    """Blender itself has disabled and removed the extension; raises InstallFailed with its words."""
    _run(program, environment, "--command", "extension", "remove", _ID)


def is_enabled(program: Path, version: str, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether this Blender starts with the add-on, and which Python it runs or why not."""
    module = f"bl_ext.{_REPOSITORY}.{_ID}" if is_extension(version) else _ADD_ON
    try:
        words = _run(
            program, environment, "--background", "--python-exit-code", "3", "--python-expr", _ASK.format(module=module)
        )
    except InstallFailed as error:
        return False, str(error)
    found = re.search(r"FT_DCC (.+)", words)
    return found is not None, found[1] if found else f"{module} is not enabled: {_ENABLE}"


def _run(program: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """Run it to its end and return what it printed; raises InstallFailed with its last words."""
    try:
        done = subprocess.run(
            [str(program), *arguments],
            env=clean(environment),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallFailed(f"{program} does not run: {error}. Start it once by hand.") from error
    if done.returncode:
        words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise InstallFailed(f"{program} refused: {' '.join(words[-3:])}. Try it from Blender: Install from Disk.")
    return done.stdout


def _config(machine: Machine) -> Path:
    environment, home = machine.environment, machine.home
    if machine.platform == "win32":
        return Path(environment.get("APPDATA") or home / "AppData" / "Roaming") / "Blender Foundation" / "Blender"
    if machine.platform == "darwin":
        return home / "Library" / "Application Support" / "Blender"
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "blender"


def _user_folder(machine: Machine, version: str) -> Path:
    return Path(machine.environment.get("BLENDER_USER_RESOURCES") or _config(machine) / version)


def _started(machine: Machine) -> list[str]:
    """The versions that the user has started at least once."""
    config = _config(machine)
    names = [path.name for path in config.iterdir()] if config.is_dir() else []
    return sorted((name for name in names if _VERSION.fullmatch(name)), key=_number)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
