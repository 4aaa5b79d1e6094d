"""Blender: an extension for 4.2 and later, an add-on for earlier versions, in the user's folders.

An installed Blender installs and enables the extension itself. Source: Blender's manual on its directory layout and on
the command "extension".
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.install import host_discovery, managed_folder, vendored

_ID = "ft_dcc"
# Blender before 4.2 imports an add-on by its folder's name, which must differ from the core package's.
_ADD_ON = "ft_dcc_blender"
_REPOSITORY = "user_default"
_EXTENSION, _LEGACY = f"extensions/{_REPOSITORY}/{_ID}", f"scripts/addons/{_ADD_ON}"
_VERSION = re.compile(r"\d+\.\d+")
_ENABLE = "Enable it once: Edit, Preferences, Add-ons, ft-dcc"
_CHECK_SCRIPT = """
import importlib, sys, bpy
if {module!r} in bpy.context.preferences.addons:
    importlib.import_module({module!r}).registration
    import ft_dcc.publish.publisher
    print("FT_DCC runs Python %d.%d.%d" % sys.version_info[:3])
"""
_PYTHON_SCRIPT = "import sys; print('FT_DCC Python %d.%d' % sys.version_info[:2])"
_PREFERENCES_SCRIPT = """
import addon_utils, bpy
{step}
bpy.ops.wm.save_userpref()
"""
_DEPLOYMENT_SCRIPT = """
import sys, addon_utils
if addon_utils.check("ft_dcc_blender")[1]:
    import ft_dcc_blender.registration, ft_dcc.publish.publisher
    print("FT_DCC runs Python %d.%d.%d" % sys.version_info[:3])
"""
_EXPRESSION = ("--python-exit-code", "3", "--python-expr")
_SCRIPT_ARGUMENTS = ("--background", *_EXPRESSION)


def targets(
    machine: host_discovery.Machine,
    versions: Sequence[str],
    python: host_discovery.Python,
    *,
    is_explicit: bool,
    to: Path | None,
) -> list[managed_folder.Target]:
    """Return a target for each version; raise HostMissing if no version was found."""
    if to is not None:
        wanted = versions if is_explicit else [version for version in versions if is_extension(version)]
        name = _ID if is_extension(wanted[0]) else _ADD_ON
        return [managed_folder.Target("blender", to / name, tuple(wanted), python, hints=(_ENABLE,))]
    programs = {program.version: program.path for program in host_discovery.find_programs("blender", machine)}
    found = (
        versions
        if is_explicit
        else [*programs, *(name for name in _configured_versions(machine) if name not in programs)]
    )
    wanted = [version for version in found if version in host_discovery.PYTHONS["blender"]]
    if not wanted:
        searched = ", ".join([*host_discovery.search_paths("blender", machine), str(_config(machine) / "*")])
        raise HostMissing(
            f"Blender was not found in {searched}. Give its version with --version, or a folder with --to."
        )
    return [_target(machine, version, programs.get(version)) for version in sorted(wanted, key=_number)]


def _target(machine: host_discovery.Machine, version: str, program: Path | None) -> managed_folder.Target:
    folder = _user_folder(machine, version) / (_EXTENSION if is_extension(version) else _LEGACY)
    hints = () if program is not None else (_ENABLE,)
    python = host_discovery.PYTHONS["blender"][version]
    if program is not None:
        python = _python_of(program, machine.environment) or python
    return managed_folder.Target("blender", folder, (version,), python, hints=hints, program=program)


def _python_of(program: Path, environment: Mapping[str, str]) -> host_discovery.Python | None:
    """Return the Python that this Blender runs, or None if it does not start; distributions build with their own."""
    try:
        printed = _run(program, environment, "--factory-startup", *_SCRIPT_ARGUMENTS, _PYTHON_SCRIPT)
    except InstallFailed:
        return None
    found = re.search(r"FT_DCC Python (\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found else None


def folders(machine: host_discovery.Machine) -> list[Path]:
    """Return the folders that may contain an installation."""
    homes = [_user_folder(machine, version) for version in _configured_versions(machine)]
    return [home / part for home in homes for part in (_EXTENSION, _LEGACY)]


def is_extension(version: str) -> bool:
    """Return whether this Blender has extensions; versions before 4.2 have add-ons only."""
    return _number(version) >= (4, 2)


def populate(target: managed_folder.Target, wheels: Sequence[Path], folder: Path) -> None:
    """Fill the folder with the extension and its wheels, or with the add-on and its packages; without Qt."""
    # Packed here it is Qt_py, downloaded it is qt.py.
    wheels = [wheel for wheel in wheels if not wheel.name.lower().startswith(("qt_", "qt."))]
    with tempfile.TemporaryDirectory() as parts:
        vendored.copy_package("ft_dcc_blender", Path(parts))
        for path in Path(parts, "ft_dcc_blender").iterdir():
            path.rename(folder / path.name)
    manifest = folder / "blender_manifest.toml"
    if not is_extension(target.versions[0]):
        manifest.unlink()
        vendored.unpack(wheels, folder / "vendored")
        return
    (folder / "wheels").mkdir()
    for wheel in wheels:
        (folder / "wheels" / wheel.name).write_bytes(wheel.read_bytes())
    names = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    # Top-level keys must stand before the first table, which is [permissions].
    head, table, permissions = manifest.read_text(encoding="utf-8").partition("\n[permissions]")
    manifest.write_text(f"{head}\nwheels = [\n{names}]\n{table}{permissions}", encoding="utf-8")


def install_extension(program: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Let Blender install and enable the extension in the folder; raise InstallFailed with its output."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, f"{_ID}.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder).as_posix())
        _run(program, environment, "--command", "extension", "install-file", "-r", _REPOSITORY, "--enable", str(path))


def set_enabled(program: Path, environment: Mapping[str, str], *, is_on: bool) -> None:
    """Enable or disable the add-on in Blender's preferences; raise InstallFailed with its output."""
    step = (
        f"assert addon_utils.enable({_ADD_ON!r}, default_set=True) is not None"
        if is_on
        else f"addon_utils.disable({_ADD_ON!r}, default_set=True)"
    )
    _run(program, environment, *_SCRIPT_ARGUMENTS, _PREFERENCES_SCRIPT.format(step=step))


def uninstall_extension(program: Path, environment: Mapping[str, str]) -> None:
    """Let Blender disable and remove the extension; raise InstallFailed with its output."""
    _run(program, environment, "--command", "extension", "remove", _ID)


def is_enabled(program: Path, version: str, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether this Blender starts with the add-on enabled, and its Python version or the reason."""
    module = f"bl_ext.{_REPOSITORY}.{_ID}" if is_extension(version) else _ADD_ON
    try:
        printed = _run(program, environment, *_SCRIPT_ARGUMENTS, _CHECK_SCRIPT.format(module=module))
    except InstallFailed as error:
        return False, str(error)
    found = re.search(r"FT_DCC (.+)", printed)
    return found is not None, found[1] if found else f"{module} is not enabled: {_ENABLE}"


def runs_deployment(program: Path, start: Path, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether this Blender loads the add-on of a deployment, and its Python version or the reason."""
    try:
        printed = _run(program, environment, "--background", "--python", str(start), *_EXPRESSION, _DEPLOYMENT_SCRIPT)
    except InstallFailed as error:
        return False, str(error)
    found = re.search(r"FT_DCC (.+)", printed)
    return found is not None, found[1] if found else "the add-on is not enabled"


def _run(program: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """Run Blender and return its output; raise InstallFailed with the last lines of a failed run."""
    try:
        done = subprocess.run(
            [str(program), *arguments],
            env=host_discovery.host_environment(environment),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallFailed(f"{program} cannot be run: {error}. Start it manually to see why.") from error
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise InstallFailed(
            f"{program} failed: {' '.join(lines[-3:])}. Install the extension from Blender: Install from Disk."
        )
    return done.stdout


def _config(machine: host_discovery.Machine) -> Path:
    environment, home = machine.environment, machine.home
    if machine.platform == "win32":
        return Path(environment.get("APPDATA") or home / "AppData" / "Roaming") / "Blender Foundation" / "Blender"
    if machine.platform == "darwin":
        return home / "Library" / "Application Support" / "Blender"
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "blender"


def _user_folder(machine: host_discovery.Machine, version: str) -> Path:
    return Path(machine.environment.get("BLENDER_USER_RESOURCES") or _config(machine) / version)


def _configured_versions(machine: host_discovery.Machine) -> list[str]:
    """Return the versions with a folder of preferences, which Blender creates at its first start."""
    config = _config(machine)
    names = [path.name for path in config.iterdir()] if config.is_dir() else []
    return sorted((name for name in names if _VERSION.fullmatch(name)), key=_number)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
