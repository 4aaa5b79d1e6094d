"""Maya: a module file and the module's folder, in the user's modules, or in a folder on MAYA_MODULE_PATH.

Sources: Autodesk's pages on MAYA_APP_DIR and MAYA_MODULE_PATH, and on module files.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ft_dcc.install import vendored
from ft_dcc.install.place import Place, copy_package
from ft_dcc.install.programs import OLDEST_PYTHON, PYTHONS, Machine, Python

_FOLDER = "ft-dcc"
_FILE = "ft_dcc.mod"


def places(
    machine: Machine, versions: Sequence[str], python: Python, *, is_asked: bool, to: Path | None
) -> list[Place]:
    """Return the one place: the modules of one year's Maya if that ``is_asked`` for, else those of every Maya."""
    hints: tuple[str, ...] = ()
    modules = _home(machine) / (versions[0] if is_asked else "") / "modules"
    if to is not None:
        modules, hints = to, (f"Maya finds it when MAYA_MODULE_PATH has {to}",)
    beside = {str(modules / _FILE): module_file(versions, python)}
    return [Place("maya", modules / _FOLDER, tuple(versions), python, beside, hints)]


def folders(machine: Machine) -> list[Path]:
    """Where an installation may be."""
    years = sorted(_home(machine).glob("20[0-9][0-9]"))
    return [folder / "modules" / _FOLDER for folder in (_home(machine), *years)]


def fill(place: Place, wheels: Sequence[Path], folder: Path) -> None:
    """The folder is the module's: Maya puts ``scripts`` on its path, and ours puts ``vendored`` behind all others."""
    module = vendored.package_folder("ft_dcc_maya") / "module" / _FOLDER
    shutil.copytree(module, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    copy_package("ft_dcc_maya", folder / "scripts", without="module")
    vendored.unpack(wheels, folder / "vendored")
    if vendored.has_package("ft_dcc_qt"):
        copy_package("ft_dcc_qt", folder / "vendored")


def module_file(versions: Sequence[str], python: Python) -> str:
    """Return the module file: a line for each year that can run what lies there.

    Years before the suite's own oldest Python have one, too: they get a sentence that says so, and nothing more.
    """
    years = [year for year, runs in PYTHONS["maya"].items() if year in versions or runs < OLDEST_PYTHON]
    lines = [
        f"+ MAYAVERSION:{year} ft-dcc {vendored.release()} ./{_FOLDER}\nscripts: scripts\n" for year in sorted(years)
    ]
    return "\n".join(lines)


def _home(machine: Machine) -> Path:
    if "MAYA_APP_DIR" in machine.environment:
        return Path(machine.environment["MAYA_APP_DIR"])
    if machine.platform == "darwin":
        return machine.home / "Library" / "Preferences" / "Autodesk" / "maya"
    return (machine.documents if machine.platform == "win32" else machine.home) / "maya"
