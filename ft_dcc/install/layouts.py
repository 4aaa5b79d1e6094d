"""The folders and files of an installation in each host.

Sources: Autodesk's pages on MAYA_APP_DIR, on MAYA_MODULE_PATH and on module files; Foundry's page on loading gizmos,
plug-ins and scripts; Blender's manual on its directory layout and on the command "extension".
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from ft_dcc.errors import HostMissing, InstallFailed
from ft_dcc.files.atomic import temporary_folder
from ft_dcc.install import host_discovery, vendored
from ft_dcc.install.host_discovery import HOSTS, OLDEST_PYTHON, Machine, Python, version_number
from ft_dcc.system import child_process

_MODULE, _MODULE_FILE = "ft-dcc", "ft_dcc.mod"
_INIT = """# There was no init.py, so "ft-dcc install nuke" wrote this one.
# "ft-dcc uninstall nuke" removes it as long as nobody changes it.
import nuke

{line}
"""
_EXTENSION = "ft_dcc"
# Blender before 4.2 imports an add-on by its folder's name, which must differ from the core package's.
_ADD_ON = "ft_dcc_blender"
_REPOSITORY = "user_default"
_BLENDER_FOLDERS = (f"extensions/{_REPOSITORY}/{_EXTENSION}", f"scripts/addons/{_ADD_ON}")
_ENABLE = "Enable it once: Edit, Preferences, Add-ons, ft-dcc"
# The scripts print one line, which starts with FT_DCC.
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


@attrs.frozen
class InstallRequest:
    """What to install for one host: the ``versions`` to serve, and the oldest ``python`` among them.

    ``is_explicit`` says that the user named the version; ``to`` is a folder to use instead of the host's own.
    """

    machine: Machine
    versions: Sequence[str]
    python: Python
    is_explicit: bool = False
    to: Path | None = None


@attrs.frozen
class Target:
    """A folder to install into, for some versions of a host, and the files that belong outside of it.

    ``python`` is the oldest Python of these versions; ``program`` is the Blender that installs the extension itself;
    ``hints`` are further steps for the artist.
    """

    host: str
    folder: Path
    versions: tuple[str, ...]
    python: Python
    beside: Mapping[str, str] = attrs.field(factory=dict)
    hints: tuple[str, ...] = ()
    program: Path | None = None


def _maya_targets(request: InstallRequest) -> list[Target]:
    """Return the target: the modules of one version if that is explicit, else those of all versions."""
    hints: tuple[str, ...] = ()
    modules = _maya_home(request.machine) / (request.versions[0] if request.is_explicit else "") / "modules"
    if request.to is not None:
        modules, hints = request.to, (f"Add {request.to} to MAYA_MODULE_PATH",)
    beside = {str(modules / _MODULE_FILE): module_file(request.versions)}
    return [Target("maya", modules / _MODULE, tuple(request.versions), request.python, beside, hints)]


def _maya_folders(machine: Machine) -> list[Path]:
    home = _maya_home(machine)
    return [folder / "modules" / _MODULE for folder in (home, *sorted(home.glob("20[0-9][0-9]")))]


def _maya_home(machine: Machine) -> Path:
    if "MAYA_APP_DIR" in machine.environment:
        return Path(machine.environment["MAYA_APP_DIR"])
    if machine.platform == "darwin":
        return machine.home / "Library" / "Preferences" / "Autodesk" / "maya"
    return (machine.documents if machine.platform == "win32" else machine.home) / "maya"


def module_file(versions: Sequence[str]) -> str:
    """Return Maya's module file with an entry for each year; the script of one that is too old only prints that."""
    pythons = HOSTS["maya"].pythons
    years = [year for year, python in pythons.items() if year in versions or python < OLDEST_PYTHON]
    release = vendored.release()
    return "\n".join(f"+ MAYAVERSION:{year} ft-dcc {release} ./{_MODULE}\nscripts: scripts\n" for year in sorted(years))


def fill_maya(target: Target, wheels: Sequence[Path], folder: Path) -> None:
    """Fill the module's folder: ``scripts`` add ``vendored`` to the path's end, ``plug-ins`` start the same."""
    deployed = vendored.package_folder("ft_dcc") / "install" / "deployed" / "maya"
    _copy_folder(deployed / "plug-ins", folder / "plug-ins")
    _copy_folder(vendored.package_folder("ft_dcc_maya") / HOSTS["maya"].startup / _MODULE, folder)
    _add_packages("maya", wheels, folder, folder / "scripts")


def _nuke_targets(request: InstallRequest) -> list[Target]:
    """Return one folder for all versions, and a script that loads it; an existing ``init.py`` gets a hint instead."""
    machine, to = request.machine, request.to
    # A share may contain Maya's module, too.
    folder = machine.data / "nuke" if to is None else to / "ft-dcc-nuke"
    init, existing = _nuke_init(machine)
    line = f"nuke.pluginAddPath({folder.as_posix()!r})"
    content = _INIT.format(line=line)
    beside, hints = {}, []
    if existing == content or not is_found_by_nuke(folder, machine):
        if to is None and existing in (content, None):
            beside[str(init)] = content
        else:
            hints.append(f"Add {folder} to NUKE_PATH, or this line to {init}: {line}")
    return [Target("nuke", folder, tuple(request.versions), request.python, beside, tuple(hints))]


def is_found_by_nuke(folder: Path, machine: Machine) -> bool:
    """Return whether Nuke loads the folder, because of NUKE_PATH or init.py."""
    return folder in machine.paths_of("NUKE_PATH") or folder.as_posix() in (_nuke_init(machine)[1] or "")


def _nuke_init(machine: Machine) -> tuple[Path, str | None]:
    """Return the start-up script in the user's home, and its text if it exists."""
    # Nuke uses HOME first, on Windows as well.
    path = Path(machine.environment.get("HOME") or machine.home) / ".nuke" / "init.py"
    return path, path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _fill_nuke(target: Target, wheels: Sequence[Path], folder: Path) -> None:
    """Fill the plug-in folder with start-up scripts, packages and ``vendored``, which is last on the path."""
    _copy_folder(vendored.package_folder("ft_dcc_nuke") / HOSTS["nuke"].startup, folder)
    _add_packages("nuke", wheels, folder, folder)


def _copy_folder(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _add_packages(host: str, wheels: Sequence[Path], folder: Path, packages: Path) -> None:
    vendored.copy_package(f"ft_dcc_{host}", packages, without=HOSTS[host].startup)
    vendored.unpack(wheels, folder / "vendored")
    if vendored.has_package("ft_dcc_qt"):
        vendored.copy_package("ft_dcc_qt", folder / "vendored")


def _blender_targets(request: InstallRequest) -> list[Target]:
    """Return an extension, or an add-on before 4.2, for each version; raise HostMissing without a version."""
    machine, known = request.machine, HOSTS["blender"].pythons
    if request.to is not None:
        wanted = [version for version in request.versions if request.is_explicit or is_extension(version)]
        name = _EXTENSION if is_extension(wanted[0]) else _ADD_ON
        return [Target("blender", request.to / name, tuple(wanted), request.python, hints=(_ENABLE,))]
    programs = {program.version: program.path for program in host_discovery.find_programs("blender", machine)}
    found = request.versions if request.is_explicit else {*programs, *_configured_versions(machine)}
    wanted = sorted(filter(known.__contains__, found), key=version_number)
    if not wanted:
        searched = [*host_discovery.search_paths("blender", machine), str(_blender_config(machine) / "*")]
        raise HostMissing(
            f"Blender was not found in {', '.join(searched)}. Give its version with --version, or a folder with --to."
        )
    targets = []
    for version in wanted:
        folder, program, python = _blender_folder(machine, version), programs.get(version), known[version]
        if program is not None:
            # Distributions build Blender with their own Python.
            script = ("--factory-startup", *_EXPRESSION, _PYTHON_SCRIPT)
            has_answered, answer = _ask_blender(program, machine.environment, *script)
            if has_answered:
                major, minor = map(int, answer.rpartition(" ")[2].split("."))
                python = (major, minor)
        hints = () if program is not None else (_ENABLE,)
        part = _BLENDER_FOLDERS[0 if is_extension(version) else 1]
        targets.append(Target("blender", folder / part, (version,), python, hints=hints, program=program))
    return targets


def is_extension(version: str) -> bool:
    """Return whether this Blender has extensions; versions before 4.2 have add-ons only."""
    return version_number(version) >= (4, 2)


def _blender_folders(machine: Machine) -> list[Path]:
    homes = [_blender_folder(machine, version) for version in _configured_versions(machine)]
    return [home / part for home in homes for part in _BLENDER_FOLDERS]


def _blender_config(machine: Machine) -> Path:
    environment, home = machine.environment, machine.home
    if machine.platform == "win32":
        return Path(environment.get("APPDATA") or home / "AppData" / "Roaming") / "Blender Foundation" / "Blender"
    if machine.platform == "darwin":
        return home / "Library" / "Application Support" / "Blender"
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "blender"


def _blender_folder(machine: Machine, version: str) -> Path:
    return Path(machine.environment.get("BLENDER_USER_RESOURCES") or _blender_config(machine) / version)


def _configured_versions(machine: Machine) -> list[str]:
    """Return the versions with a folder of preferences, which Blender creates at its first start."""
    names = [path.name for path in _blender_config(machine).glob("*")]
    return sorted((name for name in names if re.fullmatch(r"\d+\.\d+", name)), key=version_number)


def _fill_blender(target: Target, wheels: Sequence[Path], folder: Path) -> None:
    """Fill the folder with the extension and its wheels, or with the add-on and its packages; without Qt."""
    # Packed here it is Qt_py, downloaded it is qt.py.
    wheels = [wheel for wheel in wheels if not wheel.name.lower().startswith(("qt_", "qt."))]
    with temporary_folder() as parts:
        vendored.copy_package(_ADD_ON, parts)
        # The temporary folder may be on another disk, and a file that is moved keeps its access control list.
        shutil.copytree(parts / _ADD_ON, folder, dirs_exist_ok=True)
    manifest = folder / "blender_manifest.toml"
    if not is_extension(target.versions[0]):
        manifest.unlink()
        vendored.unpack(wheels, folder / "vendored")
        return
    (folder / "wheels").mkdir()
    for wheel in wheels:
        shutil.copyfile(wheel, folder / "wheels" / wheel.name)
    names = "".join(f'  "./wheels/{wheel.name}",\n' for wheel in wheels)
    # Top-level keys must stand before the first table, which is [permissions].
    head, table, permissions = manifest.read_text(encoding="utf-8").partition("\n[permissions]")
    manifest.write_text(f"{head}\nwheels = [\n{names}]\n{table}{permissions}", encoding="utf-8")


def install_extension(program: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Let Blender install and enable the extension in the folder; raise InstallFailed with its output."""
    with temporary_folder() as temporary:
        path = temporary / f"{_EXTENSION}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(folder).as_posix())
        command = ("--command", "extension", "install-file", "-r", _REPOSITORY, "--enable", str(path))
        _run_blender(program, environment, *command)


def remove_extension(program: Path, environment: Mapping[str, str]) -> None:
    """Let Blender disable and remove the extension; raise InstallFailed with its output."""
    _run_blender(program, environment, "--command", "extension", "remove", _EXTENSION)


def set_enabled(program: Path, environment: Mapping[str, str], *, is_on: bool) -> None:
    """Enable or disable the add-on in Blender's preferences; raise InstallFailed with its output."""
    step = f"addon_utils.{'enable' if is_on else 'disable'}({_ADD_ON!r}, default_set=True)"
    script = _PREFERENCES_SCRIPT.format(step=f"assert {step} is not None" if is_on else step)
    _run_blender(program, environment, "--background", *_EXPRESSION, script)


def is_enabled(program: Path, version: str, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether this Blender starts with the add-on enabled, and its Python version or the reason."""
    module = f"bl_ext.{_REPOSITORY}.{_EXTENSION}" if is_extension(version) else _ADD_ON
    is_on, text = _ask_blender(program, environment, *_EXPRESSION, _CHECK_SCRIPT.format(module=module))
    return is_on, text or f"{module} is not enabled: {_ENABLE}"


def runs_deployment(program: Path, start: Path, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether this Blender loads the add-on of a deployment, and its Python version or the reason."""
    is_on, text = _ask_blender(program, environment, "--python", str(start), *_EXPRESSION, _DEPLOYMENT_SCRIPT)
    return is_on, text or "the add-on is not enabled"


def _ask_blender(program: Path, environment: Mapping[str, str], *arguments: str) -> tuple[bool, str]:
    """Return whether a script of Blender printed its line, and that line, or the error if it failed."""
    try:
        printed = _run_blender(program, environment, "--background", *arguments)
    except InstallFailed as error:
        return False, str(error)
    found = re.search(r"FT_DCC (.+)", printed)
    return found is not None, found[1] if found else ""


def _run_blender(program: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """Run Blender and return its output; raise InstallFailed with the last lines of a failed run."""
    own = host_discovery.host_environment(environment)
    try:
        done = host_discovery.run_program(program, *arguments, environment=own, timeout=300)
    except (OSError, child_process.TimeoutExpired) as error:
        raise InstallFailed(f"{program} cannot be run: {error}. Start it manually to see why.") from error
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise InstallFailed(
            f"{program} failed: {' '.join(lines[-3:])}. Install the extension from Blender: Install from Disk."
        )
    return done.stdout


# What to install, where an installation may be, and how its folder is filled, by host.
TARGETS = {"maya": _maya_targets, "nuke": _nuke_targets, "blender": _blender_targets}
FOLDERS = {"maya": _maya_folders, "nuke": lambda machine: [machine.data / "nuke"], "blender": _blender_folders}
FILL = {"maya": fill_maya, "nuke": _fill_nuke, "blender": _fill_blender}
