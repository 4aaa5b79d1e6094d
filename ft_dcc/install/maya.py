"""Maya: a module file and the module's folder, in the user's modules or a folder on MAYA_MODULE_PATH.

Sources: Autodesk's pages on MAYA_APP_DIR and MAYA_MODULE_PATH, and on module files.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ft_dcc.install import host_discovery, managed_folder, vendored

_FOLDER = "ft-dcc"
_FILE = "ft_dcc.mod"


def targets(
    machine: host_discovery.Machine,
    versions: Sequence[str],
    python: host_discovery.Python,
    *,
    is_explicit: bool,
    to: Path | None,
) -> list[managed_folder.Target]:
    """Return the target: the modules of one version if that ``is_explicit``, else those of all versions."""
    hints: tuple[str, ...] = ()
    modules = _home(machine) / (versions[0] if is_explicit else "") / "modules"
    if to is not None:
        modules, hints = to, (f"Add {to} to MAYA_MODULE_PATH",)
    beside = {str(modules / _FILE): module_file(versions, python)}
    return [managed_folder.Target("maya", modules / _FOLDER, tuple(versions), python, beside, hints)]


def folders(machine: host_discovery.Machine) -> list[Path]:
    """Return the folders that may contain an installation."""
    years = sorted(_home(machine).glob("20[0-9][0-9]"))
    return [folder / "modules" / _FOLDER for folder in (_home(machine), *years)]


def populate(target: managed_folder.Target, wheels: Sequence[Path], folder: Path) -> None:
    """Fill the module's folder: Maya adds ``scripts`` to its path, our start-up script adds ``vendored`` at the end.

    ``plug-ins`` starts the same as the start-up script.
    """
    plugins = vendored.package_folder("ft_dcc") / "install" / "deployed" / "maya" / "plug-ins"
    shutil.copytree(plugins, folder / plugins.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    module = vendored.package_folder("ft_dcc_maya") / "module" / _FOLDER
    shutil.copytree(module, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    vendored.copy_package("ft_dcc_maya", folder / "scripts", without="module")
    vendored.unpack(wheels, folder / "vendored")
    if vendored.has_package("ft_dcc_qt"):
        vendored.copy_package("ft_dcc_qt", folder / "vendored")


def module_file(versions: Sequence[str], python: host_discovery.Python) -> str:
    """Return the module file, with an entry for each year that can run the module.

    Years whose Python is too old have an entry, too: their start-up script only prints that.
    """
    years = [
        year
        for year, runs in host_discovery.PYTHONS["maya"].items()
        if year in versions or runs < host_discovery.OLDEST_PYTHON
    ]
    lines = [
        f"+ MAYAVERSION:{year} ft-dcc {vendored.release()} ./{_FOLDER}\nscripts: scripts\n" for year in sorted(years)
    ]
    return "\n".join(lines)


def _home(machine: host_discovery.Machine) -> Path:
    if "MAYA_APP_DIR" in machine.environment:
        return Path(machine.environment["MAYA_APP_DIR"])
    if machine.platform == "darwin":
        return machine.home / "Library" / "Preferences" / "Autodesk" / "maya"
    return (machine.documents if machine.platform == "win32" else machine.home) / "maya"
